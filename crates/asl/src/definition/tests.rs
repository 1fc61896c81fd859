//! Claims about what definitions are refused for.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::StateMachine;
use crate::diagnostic::{CODES, Diagnostic, MachineKind, Severity};

fn check(definition: &Value, expected: &Expect) {
    let found = StateMachine::parse(&definition.to_string()).err().unwrap_or_default();
    expected.assert_eq(&lines(&found));
}

fn lines(found: &[Diagnostic]) -> String {
    let errors = found.iter().filter(|one| one.severity == Severity::Error);
    let lines: Vec<String> =
        errors.map(|one| format!("{}: {} {}", one.location, one.code, one.message)).collect();
    lines.join("\n")
}

#[test]
fn every_mistake_is_found_at_once() {
    check(
        &json!({"StartAt": "Nowhere", "Extra": 1, "States": {
            "A": {"Type": "Task", "Next": "B", "End": true, "TimeoutSeconds": 0, "ResultPath": "$[*]"},
            "B": {"Type": "Choice", "Choices": [{"Variable": "$.a", "NumericEquals": "1", "Next": "Lost"}]},
            "C": {"Type": "Wait", "Seconds": 1, "Timestamp": "2026-11-21T04:00:00Z", "End": true},
            "D": {"Type": "Pass", "Parameters": {"x.$": "$["}, "Next": "E"},
            "E": {"Type": "Nap"},
        }}),
        &expect![[r#"
            /: SCHEMA_VALIDATION_FAILED Field 'Extra' is not supported
            /States/A: SCHEMA_VALIDATION_FAILED These fields are required: [Resource]
            /States/A/TimeoutSeconds: SCHEMA_VALIDATION_FAILED Minimum value is 1
            /States/A: SCHEMA_VALIDATION_FAILED There should only be one of the following fields: [Next, End]
            /States/A/ResultPath: SCHEMA_VALIDATION_FAILED Value is not a Reference Path: `$[*]` must name one place: use only names and indexes
            /States/B/Choices[0]/NumericEquals: SCHEMA_VALIDATION_FAILED Expected value of type Number
            /States/C: SCHEMA_VALIDATION_FAILED There should only be one of the following fields: [SecondsPath, Seconds, TimestampPath, Timestamp]
            /States/D/Parameters/x.$: SCHEMA_VALIDATION_FAILED The value for the field 'x.$' must be a valid JSONPath or a valid intrinsic function call
            /States/E/Type: SCHEMA_VALIDATION_FAILED The field 'Type' should have one of these values: [Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map]
            /StartAt: MISSING_TRANSITION_TARGET Missing 'Next' target: Nowhere
            /States/B/Choices[0]/Next: MISSING_TRANSITION_TARGET Missing 'Next' target: Lost"#]],
    );
}

#[test]
fn nested_states_share_one_name_space() {
    check(
        &json!({"StartAt": "A", "States": {"A": {"Type": "Parallel", "End": true, "Branches": [
            {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}]}}}),
        &expect!["/States/A/Branches[0]/States/A: DUPLICATE_STATE_NAME Duplicate State name: A"],
    );
}

#[test]
fn each_query_language_has_its_own_fields() {
    check(
        &json!({"StartAt": "A", "States": {
            "A": {"Type": "Pass", "QueryLanguage": "JSONata", "Result": 1, "Next": "B"},
            "B": {"Type": "Pass", "Output": 1, "Next": "C"},
            "C": {"Type": "Choice", "QueryLanguage": "JSONata", "Choices": [{"Variable": "$.a", "IsNull": true, "Next": "D"}]},
            "D": {"Type": "Map", "QueryLanguage": "JSONata", "MaxConcurrencyPath": "$.n", "Next": "E", "ItemProcessor": {
                "StartAt": "I", "States": {"I": {"Type": "Pass", "Output": 1, "End": true}}}},
            "E": {"Type": "Succeed", "QueryLanguage": "SQL"},
        }}),
        &expect![[r#"
            /States/A: SCHEMA_VALIDATION_FAILED The QueryLanguage is set to 'JSONata', but field 'Result' is only supported for the 'JSONPath' QueryLanguage
            /States/B: SCHEMA_VALIDATION_FAILED The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' QueryLanguage
            /States/C/Choices[0]: SCHEMA_VALIDATION_FAILED The QueryLanguage is set to 'JSONata', but field 'Variable' is only supported for the 'JSONPath' QueryLanguage
            /States/C/Choices[0]: SCHEMA_VALIDATION_FAILED Field 'IsNull' is not supported
            /States/C/Choices[0]: SCHEMA_VALIDATION_FAILED These fields are required: [Condition]
            /States/D: SCHEMA_VALIDATION_FAILED The QueryLanguage is set to 'JSONata', but field 'MaxConcurrencyPath' is only supported for the 'JSONPath' QueryLanguage
            /States/D/ItemProcessor/States/I: SCHEMA_VALIDATION_FAILED The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' QueryLanguage
            /States/E/QueryLanguage: SCHEMA_VALIDATION_FAILED Value should be one of the following: [JSONPath, JSONata]"#]],
    );
    check(
        &json!({"StartAt": "A", "QueryLanguage": "JSONata", "States": {
            "A": {"Type": "Pass", "QueryLanguage": "JSONPath", "Next": "B"},
            "B": {"Type": "Map", "End": true, "ItemProcessor": {"QueryLanguage": "JSONata", "StartAt": "I",
                "States": {"I": {"Type": "Pass", "Output": {"a.$": "$.b"}, "End": true}}}},
        }}),
        &expect![[r#"
            /States/A: SCHEMA_VALIDATION_FAILED 'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine
            /States/B/ItemProcessor: SCHEMA_VALIDATION_FAILED Field 'QueryLanguage' is not supported"#]],
    );
}

#[test]
fn expressions_are_read_when_the_machine_is() {
    check(
        &json!({"StartAt": "A", "QueryLanguage": "JSONata", "States": {
            "A": {"Type": "Task", "Resource": "r", "Next": "B", "TimeoutSeconds": "soon",
                "Arguments": {"a": ["{% 1 + %}", {"b": "{% $states.result %}"}], "c": "{% 1"},
                "Output": "{% $states.result %}",
                "Catch": [{"ErrorEquals": ["E"], "Next": "B", "Output": {"d": "{% $states.result %}"},
                    "Assign": {"e": "{% $states.errorOutput %}"}}]},
            "B": {"Type": "Choice", "Choices": [{"Condition": "{% phone = 1 %}", "Next": "C"}], "Default": "C"},
            "C": {"Type": "Pass", "Assign": {"states": 1, "1st": 2, "ok.$": 3}, "End": true},
        }}),
        &expect![[r#"
            /States/A/TimeoutSeconds: SCHEMA_VALIDATION_FAILED JSONata string must start with {% and end with %}
            /States/A/Arguments/a[0]: INVALID_JSONATA_EXPRESSION Unexpected end of expression
            /States/A/Arguments/a[1]/b: UNSUPPORTED_JSONATA_EXPRESSION Field '$states.result' does not exist.
            /States/A/Arguments/c: SCHEMA_VALIDATION_FAILED JSONata string must start with {% and end with %}
            /States/A/Catch[0]/Output/d: UNSUPPORTED_JSONATA_EXPRESSION Field '$states.result' does not exist.
            /States/B/Choices[0]/Condition: UNSUPPORTED_JSONATA_EXPRESSION Reference to 'phone' at the top level is not supported.
            /States/C/Assign/states: RESERVED_VARIABLE_NAME Cannot assign to reserved variable '$states'.
            /States/C/Assign/1st: INVALID_VARIABLE_NAME Invalid variable name '1st': the variable name contains invalid characters.
            /States/C/Assign/ok.$: INVALID_VARIABLE_NAME Invalid variable name 'ok.$': the variable name contains invalid characters."#]],
    );
}

#[test]
fn an_inner_scope_assigns_no_variable_of_an_outer_one() {
    let branch = |name: &str| json!({"StartAt": name, "States": {name: {"Type": "Pass", "Assign": {"x": 1, "y.$": "$", "z": 2}, "End": true}}});
    check(
        &json!({"StartAt": "A", "States": {
            "A": {"Type": "Pass", "Assign": {"x.$": "$"}, "Next": "B"},
            "B": {"Type": "Parallel", "Branches": [branch("P"), branch("Q")], "Assign": {"y": 1}, "End": true},
        }}),
        &expect![[r#"
            /States/B/Branches[0]/States/P/Assign/x: DUPLICATE_VARIABLE_NAME The variable name 'x' was already defined in a parent scope.
            /States/B/Branches[1]/States/Q/Assign/x: DUPLICATE_VARIABLE_NAME The variable name 'x' was already defined in a parent scope."#]],
    );
}

#[test]
fn retriers_and_catchers_are_checked() {
    check(
        &json!({"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "r", "End": true,
            "Retry": [{"ErrorEquals": ["States.ALL"], "BackoffRate": 0.5}, {"ErrorEquals": []}],
            "Catch": [{"ErrorEquals": ["States.ALL", "E"], "Next": "A"}]}}}),
        &expect![[r#"
            /States/A/Retry[0]/ErrorEquals[0]: SCHEMA_VALIDATION_FAILED States.ALL must appear alone and at end of list
            /States/A/Retry[0]/BackoffRate: SCHEMA_VALIDATION_FAILED Minimum value is 1.0
            /States/A/Retry[1]/ErrorEquals: SCHEMA_VALIDATION_FAILED Value cannot be empty
            /States/A/Catch[0]/ErrorEquals[0]: SCHEMA_VALIDATION_FAILED States.ALL must appear alone and at end of list"#]],
    );
}

#[test]
fn maps_have_one_processor_and_a_mode_that_fits() {
    let inner = json!({"StartAt": "I", "States": {"I": {"Type": "Pass", "End": true}}});
    let processor = |config: Value| {
        let mut processor = inner.clone();
        processor["ProcessorConfig"] = config;
        processor
    };
    for (map, expected) in [
        (
            json!({}),
            expect![
                "/States/A: SCHEMA_VALIDATION_FAILED This object should have only one of the following fields: [ItemProcessor, Iterator]"
            ],
        ),
        (
            json!({"ItemProcessor": inner, "Iterator": {"StartAt": "J", "States": {"J": {"Type": "Succeed"}}}}),
            expect![
                "/States/A: SCHEMA_VALIDATION_FAILED There should only be one of the following fields: [ItemProcessor, Iterator]"
            ],
        ),
        (
            json!({"ItemProcessor": processor(json!({"Mode": "INLINE", "ExecutionType": "STANDARD"}))}),
            expect![
                "/States/A/ItemProcessor/ProcessorConfig: SCHEMA_VALIDATION_FAILED Field 'ExecutionType' is not supported"
            ],
        ),
        (
            json!({"ItemProcessor": processor(json!({"Mode": "DISTRIBUTED", "ExecutionType": "FAST"}))}),
            expect![
                "/States/A/ItemProcessor/ProcessorConfig/ExecutionType: SCHEMA_VALIDATION_FAILED Value should be one of the following: [STANDARD, EXPRESS]"
            ],
        ),
        (
            json!({"ItemProcessor": processor(json!({"Mode": "DISTRIBUTED"}))}),
            expect![
                "/States/A/ItemProcessor/ProcessorConfig: SCHEMA_VALIDATION_FAILED These fields are required: [ExecutionType]"
            ],
        ),
        (
            json!({"ItemProcessor": inner, "MaxConcurrencyPath": "$$.Execution.Input.n", "ItemsPath": "$$.Execution.Input.items"}),
            expect![
                "/States/A/MaxConcurrencyPath: SCHEMA_VALIDATION_FAILED Value is not a Reference Path: $$.Execution.Input.n"
            ],
        ),
        (
            json!({"ItemProcessor": inner, "ItemsPath": "$.items[*]"}),
            expect![
                "/States/A/ItemsPath: SCHEMA_VALIDATION_FAILED Value is not a Reference Path: $.items[*]"
            ],
        ),
        (
            json!({"ItemProcessor": inner, "ToleratedFailurePercentage": 101}),
            expect!["/States/A/ToleratedFailurePercentage: SCHEMA_VALIDATION_FAILED Maximum value is 100.0"],
        ),
    ] {
        let mut state = map;
        state["Type"] = json!("Map");
        state["End"] = json!(true);
        check(&json!({"StartAt": "A", "States": {"A": state}}), &expected);
    }
}

#[test]
fn rules_ask_one_question_each() {
    let rules = json!([
        {"Variable": "$.a", "StringEquals": "x", "IsNull": true, "Next": "B"},
        {"Variable": "$.a", "Next": "B"},
        {"StringEquals": "x", "Next": "B"},
        {"Variable": "$.a", "And": [{"Variable": "$.a", "IsNull": true}], "Next": "B"},
        {"Not": {"Variable": "a", "IsNull": true, "Next": "B"}, "Next": "B"},
        {"Variable": "a", "NumericEqualsPath": "b", "Next": "B"},
        {"Variable": "$.a", "TimestampEquals": "now", "Next": "B"},
        {"Variable": "$.a", "Sounds": "x", "Next": "B"},
        {"Condition": "{% true %}", "Next": "B"},
        {"Or": [], "Variable2": 1, "Next": "B"},
        {"Variable": "$.a", "IsNull": true},
    ]);
    let definition = json!({"StartAt": "A", "States": {"A": {"Type": "Choice", "Choices": rules, "Default": "B"}, "B": {"Type": "Succeed"}}});
    let found = StateMachine::parse(&definition.to_string()).unwrap_err();
    let shortened = lines(&found).replace(", StringLessThanEqualsPath, StringMatches", "");
    expect![[r#"
        /States/A/Choices[0]: SCHEMA_VALIDATION_FAILED There should only be one of the following fields: [BooleanEquals, BooleanEqualsPath, NumericEquals, NumericEqualsPath, NumericGreaterThan, NumericGreaterThanPath, NumericGreaterThanEquals, NumericGreaterThanEqualsPath, NumericLessThan, NumericLessThanPath, NumericLessThanEquals, NumericLessThanEqualsPath, StringEquals, StringEqualsPath, StringGreaterThan, StringGreaterThanPath, StringGreaterThanEquals, StringGreaterThanEqualsPath, StringLessThan, StringLessThanPath, StringLessThanEquals, TimestampEquals, TimestampEqualsPath, TimestampGreaterThan, TimestampGreaterThanPath, TimestampGreaterThanEquals, TimestampGreaterThanEqualsPath, TimestampLessThan, TimestampLessThanPath, TimestampLessThanEquals, TimestampLessThanEqualsPath, IsBoolean, IsNull, IsNumeric, IsPresent, IsString, IsTimestamp]
        /States/A/Choices[1]: SCHEMA_VALIDATION_FAILED This object should have only one of the following fields: [BooleanEquals, BooleanEqualsPath, NumericEquals, NumericEqualsPath, NumericGreaterThan, NumericGreaterThanPath, NumericGreaterThanEquals, NumericGreaterThanEqualsPath, NumericLessThan, NumericLessThanPath, NumericLessThanEquals, NumericLessThanEqualsPath, StringEquals, StringEqualsPath, StringGreaterThan, StringGreaterThanPath, StringGreaterThanEquals, StringGreaterThanEqualsPath, StringLessThan, StringLessThanPath, StringLessThanEquals, TimestampEquals, TimestampEqualsPath, TimestampGreaterThan, TimestampGreaterThanPath, TimestampGreaterThanEquals, TimestampGreaterThanEqualsPath, TimestampLessThan, TimestampLessThanPath, TimestampLessThanEquals, TimestampLessThanEqualsPath, IsBoolean, IsNull, IsNumeric, IsPresent, IsString, IsTimestamp]
        /States/A/Choices[2]: SCHEMA_VALIDATION_FAILED The object must have only one of the following fields, [And, Or, Not, Variable, Condition]
        /States/A/Choices[3]: SCHEMA_VALIDATION_FAILED The object must have only one of the following fields, [And, Or, Not, Variable, Condition]
        /States/A/Choices[4]/Not: SCHEMA_VALIDATION_FAILED Field 'Next' is not supported
        /States/A/Choices[5]/NumericEqualsPath: SCHEMA_VALIDATION_FAILED Value is not a Reference Path: Reference path didn't start with '$'
        /States/A/Choices[5]/Variable: SCHEMA_VALIDATION_FAILED Value is not a Reference Path: Reference path didn't start with '$'
        /States/A/Choices[6]/TimestampEquals: SCHEMA_VALIDATION_FAILED String does not match RFC3339 timestamp
        /States/A/Choices[7]: SCHEMA_VALIDATION_FAILED Field 'Sounds' is not supported
        /States/A/Choices[8]: SCHEMA_VALIDATION_FAILED The QueryLanguage is set to 'JSONPath', but field 'Condition' is only supported for the 'JSONata' QueryLanguage
        /States/A/Choices[9]: SCHEMA_VALIDATION_FAILED Field 'Variable2' is not supported
        /States/A/Choices[10]: SCHEMA_VALIDATION_FAILED These fields are required: [Next]"#]].assert_eq(&shortened);
}

#[test]
fn names_are_short_and_told_apart() {
    let long = "x".repeat(81);
    let inner = json!({"StartAt": "I", "States": {"I": {"Type": "Pass", "End": true}}});
    let map = |next: &str| json!({"Type": "Map", "ItemProcessor": inner, "Label": "a label", "Next": next});
    check(
        &json!({"StartAt": "M", "States": {
            "M": map("N"), "N": map(&long), long: {"Type": "Pass", "Assign": {"states": 1, "1st": 2, "top-level": 3, "größe": 4}, "End": true},
        }}),
        &expect![[r#"
            /States/M/Label: INVALID_LABEL_NAME Invalid Label name: Label 'a label' contains invalid characters
            /States/N/Label: INVALID_LABEL_NAME Invalid Label name: Label 'a label' contains invalid characters
            /States/N/Label: DUPLICATE_LABEL_NAME Duplicate Label name: a label
            /States/N/ItemProcessor/States/I: DUPLICATE_STATE_NAME Duplicate State name: I
            /States/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: INVALID_STATE_NAME Invalid State name: State 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' exceeds the 80-character limit allowed by the service
            /States/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx/Assign/states: RESERVED_VARIABLE_NAME Cannot assign to reserved variable '$states'.
            /States/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx/Assign/1st: INVALID_VARIABLE_NAME Invalid variable name '1st': the variable name contains invalid characters.
            /States/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx/Assign/top-level: INVALID_VARIABLE_NAME Invalid variable name 'top-level': the variable name contains invalid characters."#]],
    );
    let definition = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Succeed"},"A":{"Type":"Pass","Parameters":{"a":1,"a":2},"Next":"B"}}}"#;
    expect!["/States/A: DUPLICATE_STATE_NAME Duplicate State name: A"]
        .assert_eq(&lines(&StateMachine::parse(definition).unwrap_err()));
}

#[test]
fn integrations_must_exist_and_be_given_what_they_need() {
    let task = |resource: &str, given: Value, next: &str| {
        let resource = format!("arn:aws:states:::{resource}");
        let mut task = json!({"Type": "Task", "Resource": resource, "Next": next});
        task.as_object_mut().unwrap().extend(given.as_object().unwrap().clone());
        task
    };
    check(
        &json!({"StartAt": "A", "States": {
            "A": task("dynamodb:query", json!({}), "B"),
            "B": task("sqs:sendMessage", json!({"Parameters": {"QueueUrl.$": "$.url"}}), "C"),
            "C": task("lambda:invoke.sync", json!({"Parameters": {}}), "D"),
            "D": task("aws-sdk:s3:listBuckets", json!({}), "E"),
            "E": task("sns:publish.waitForTaskToken", json!({"QueryLanguage": "JSONata", "Arguments": "{% $states.input %}"}), "F"),
            "F": task("states:startExecution.sync:2", json!({"QueryLanguage": "JSONata"}), "G"),
            "G": {"Type": "Task", "Resource": "arn:aws:states:us-east-1:111111111111:activity:a", "Credentials": {"RoleArn": "r"}, "Next": "H"},
            "H": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:111111111111:function:f:", "Next": "I"},
            "I": {"Type": "Task", "Resource": "arn:aws-cn:lambda:cn-north-1:111111111111:function:f:live", "End": true},
        }}),
        &expect![[r#"
            /States/A/Resource: SCHEMA_VALIDATION_FAILED The resource provided arn:aws:states:::dynamodb:query is not recognized. The value is not a valid resource ARN, or the resource is not available in this region.
            /States/B/Parameters: SCHEMA_VALIDATION_FAILED The field 'MessageBody' is required but was missing
            /States/C/Resource: SCHEMA_VALIDATION_FAILED The resource provided arn:aws:states:::lambda:invoke.sync is not recognized. The value is not a valid resource ARN, or the resource is not available in this region.
            /States/D/Resource: SCHEMA_VALIDATION_FAILED Parameters field is required for resource ARN: arn:aws:states:::aws-sdk:s3:listBuckets
            /States/F/Resource: SCHEMA_VALIDATION_FAILED Arguments field is required for resource ARN: arn:aws:states:::states:startExecution.sync:2
            /States/G/Credentials: SCHEMA_VALIDATION_FAILED The field 'Credentials' is not supported for activities
            /States/H/Resource: SCHEMA_VALIDATION_FAILED Value is not a valid resource ARN"#]],
    );
}

#[test]
fn express_machines_wait_for_nothing() {
    let definition = json!({"StartAt": "A", "States": {
        "A": {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync", "Parameters": {"StateMachineArn": "m"}, "Next": "B"},
        "B": {"Type": "Task", "Resource": "arn:aws:states:::sns:publish.waitForTaskToken", "Parameters": {"Message": "m"}, "Next": "C"},
        "C": {"Type": "Task", "Resource": "arn:aws:states:us-east-1:111111111111:activity:a", "Next": "D"},
        "D": {"Type": "Map", "End": true, "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "E", "States": {"E": {"Type": "Pass", "End": true}}}},
    }})
    .to_string();
    expect![[r#"
        /States/A/Resource: SCHEMA_VALIDATION_FAILED Express state machine does not support '.sync' service integration
        /States/B/Resource: SCHEMA_VALIDATION_FAILED Express state machine does not support '.waitForTaskToken' service integration 
        /States/C/Resource: SCHEMA_VALIDATION_FAILED Express state machine does not support Activity ARN
        /States/D/ItemProcessor/ProcessorConfig/Mode: SCHEMA_VALIDATION_FAILED The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state machines"#]].assert_eq(&lines(&StateMachine::parse_as(MachineKind::Express, &definition).unwrap_err()));
    assert!(StateMachine::parse(&definition).is_ok());
}

#[test]
fn a_machine_ends_and_its_states_are_reached() {
    let ring = json!({"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}, "C": {"Type": "Pass", "Next": "A"}});
    check(
        &json!({"StartAt": "A", "States": ring}),
        &expect![": MISSING_END_STATE Workflow has no terminal state"],
    );
    check(
        &json!({"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true, "Branches": [
            {"StartAt": "A", "States": ring}, {"StartAt": "Nowhere", "States": {"a/b": {"Type": "Pass", "End": true}}}]}}}),
        &expect![[r#"
            /States/P/Branches[0]/States/C: MISSING_TRANSITION_TARGET State "C" is not reachable.
            /States/P/Branches[1]/StartAt: MISSING_TRANSITION_TARGET Missing 'Next' target: Nowhere
            /States/P/Branches[1]/States/a/b: MISSING_TRANSITION_TARGET State "a/b" is not reachable."#]],
    );
    check(
        &json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "NOPE"}}}),
        &expect![[r#"
        /States/A/Next: MISSING_TRANSITION_TARGET Missing 'Next' target: NOPE
        : MISSING_END_STATE Workflow has no terminal state"#]],
    );
}

#[test]
fn warnings_are_given_when_asked_for() {
    let definition = json!({"StartAt": "HelloWorld", "States": {
        "HelloWorld": {"Type": "Pass", "Parameters": {"a": "$.x", "b": {"c": "States.UUID()"}}, "Next": "Static"},
        "Static": {"Type": "Pass", "Result": {"c.$": "$.x"}, "Next": "FailState"},
        "FailState": {"Type": "Fail", "Error": "$.error", "Cause": "$.cause"},
    }})
    .to_string();
    let validate = |least, most| StateMachine::validate(MachineKind::Standard, &definition, least, most);
    let found = validate(Severity::Warning, 0);
    let lines: Vec<String> = found
        .diagnostics
        .iter()
        .map(|one| format!("{}: {} {}", one.location, one.code, one.message))
        .collect();
    expect![[r#"
        /States/HelloWorld/Parameters: NO_DOLLAR The value of 'a' looks like a JSONPath. Instead of 'a', use 'a.$' to evaluate it as a JSONPath at runtime.
        /States/HelloWorld/Parameters/b: NO_DOLLAR The value of 'c' looks like an Intrinsic Function. Instead of 'c', use 'c.$' to evaluate it as an Intrinsic Function at runtime.
        /States/Static/Result: PASS_RESULT_IS_STATIC The value of 'c.$' will not evaluate as a JSONPath or Intrinsic Function at runtime. Instead of 'Result', use 'Parameters' to evaluate it as a JSONPath or Intrinsic Function at runtime.
        /States/FailState/Error: NO_PATH The value of 'Error' looks like a JSONPath. Instead of 'Error', use 'ErrorPath' to evaluate it as a JSONPath at runtime.
        /States/FailState/Cause: NO_PATH The value of 'Cause' looks like a JSONPath. Instead of 'Cause', use 'CausePath' to evaluate it as a JSONPath at runtime."#]].assert_eq(&lines.join("\n"));
    assert_eq!((found.result, found.truncated), ("OK", false));
    assert_eq!(validate(Severity::Error, 0).diagnostics, []);
    let first = validate(Severity::Warning, 1);
    assert_eq!((first.diagnostics.len(), first.truncated), (1, true));
}

#[test]
fn a_text_that_is_no_definition_is_refused_as_a_whole() {
    for (text, code, message, location) in [
        (" ", "SCHEMA_VALIDATION_FAILED", "Definition must be a valid JSON object", ""),
        ("[]", "SCHEMA_VALIDATION_FAILED", "Definition must be a valid JSON object", ""),
        ("{}", "SCHEMA_VALIDATION_FAILED", "These fields are required: [States, StartAt]", "/"),
        (
            "{\"StartAt\":",
            "INVALID_JSON_DESCRIPTION",
            "Unexpected end-of-input within/between Object entries\n at [Source: (String)\"{\"StartAt\":\"; line: 1, column: 12]",
            "[Source: (String)\"{\"StartAt\":\"; line: 1, column: 12]",
        ),
    ] {
        let found = StateMachine::parse(text).unwrap_err();
        let [one] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(
            (one.code.as_str(), one.message.as_str(), one.location.as_str()),
            (code, message, location)
        );
    }
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    assert_eq!(StateMachine::parse(&deep).unwrap_err()[0].code, "TOO_DEEPLY_NESTED");
}

#[test]
fn every_diagnostic_has_a_code_of_the_table() {
    let definition = json!({"StartAt": "A", "QueryLanguage": "JSONata", "States": {
        "A": {"Type": "Pass", "Output": "{% 1 + %}", "Next": "A"},
        "B": {"Type": "Pass", "Output": "{% a %}", "Assign": {"states": 1, "a-b": 1}}}});
    for one in StateMachine::parse(&definition.to_string()).unwrap_err() {
        let code = CODES.iter().find(|code| code.name == one.code);
        assert_eq!(code.map(|code| code.severity), Some(one.severity), "{}", one.code);
    }
}

#[test]
fn outlines_show_edges_and_nesting() {
    let machine = StateMachine::parse(
        &json!({"StartAt": "A", "States": {
            "A": {"Type": "Choice", "Choices": [{"And": [{"Variable": "$.n", "NumericGreaterThan": 1},
                {"Not": {"Variable": "$.x", "IsPresent": true}}], "Next": "B"}], "Default": "C"},
            "B": {"Type": "Map", "Next": "C", "Catch": [{"ErrorEquals": ["E", "F"], "Next": "C"}],
                "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Succeed"}}}},
            "C": {"Type": "Succeed"},
        }})
        .to_string(),
    )
    .unwrap();
    let outline = machine.outline();
    let edges: Vec<String> = outline
        .states
        .iter()
        .flat_map(|state| state.transitions.iter().map(|edge| (state.name.clone(), edge)))
        .map(|(from, edge)| format!("{from} -> {} {}", edge.to, edge.label.clone().unwrap_or_default()))
        .collect();
    expect![[r#"
        A -> B ($.n > 1) and (not ($.x is present))
        A -> C 
        B -> C 
        B -> C E, F"#]]
    .assert_eq(&edges.join("\n"));
    assert_eq!(outline.states[1].branches[0].states[0].name, "I");
}
