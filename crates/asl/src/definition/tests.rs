//! Claims about what definitions are refused for.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::StateMachine;

fn check(definition: &Value, expected: &Expect) {
    let found = StateMachine::parse(&definition.to_string()).err().unwrap_or_default();
    let lines: Vec<String> =
        found.iter().map(|one| format!("{}: {} {}", one.location, one.code, one.message)).collect();
    expected.assert_eq(&lines.join("\n"));
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
            /Extra: SCHEMA_VALIDATION_FAILED Field 'Extra' is not supported
            /States/A: SCHEMA_VALIDATION_FAILED These fields are required: [Resource]
            /States/A/TimeoutSeconds: SCHEMA_VALIDATION_FAILED The value must be between 1 and 3155760000
            /States/A: SCHEMA_VALIDATION_FAILED A state has either Next or End, not both
            /States/A/ResultPath: SCHEMA_VALIDATION_FAILED Value is not a Reference Path: `$[*]` must name one place: use only names and indexes
            /States/B/Choices/0/NumericEquals: SCHEMA_VALIDATION_FAILED The value does not have the type that NumericEquals compares
            /States/C: SCHEMA_VALIDATION_FAILED Exactly one of these fields is required: [Seconds, SecondsPath, Timestamp, TimestampPath]
            /States/D/Parameters/x.$: SCHEMA_VALIDATION_FAILED The value for the field 'x.$' must be a valid JSONPath or a valid intrinsic function call: expected a name, an index, `*` or `?(` at character 2
            /States/E/Type: SCHEMA_VALIDATION_FAILED The value must be one of [Pass, Task, Choice, Wait, Succeed, Fail, Parallel, Map]
            /StartAt: MISSING_TRANSITION_TARGET Missing 'StartAt' target: Nowhere
            /States/B/Choices/0/Next: MISSING_TRANSITION_TARGET Missing 'Next' target: Lost"#]],
    );
}

#[test]
fn nested_states_share_one_name_space() {
    check(
        &json!({"StartAt": "A", "States": {"A": {"Type": "Parallel", "End": true, "Branches": [
            {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}]}}}),
        &expect!["/States/A: DUPLICATE_STATE_NAME Duplicate state name: A"],
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
            /States/C/Choices/0: SCHEMA_VALIDATION_FAILED The QueryLanguage is set to 'JSONata', but field 'Variable' is only supported for the 'JSONPath' QueryLanguage
            /States/C/Choices/0/IsNull: SCHEMA_VALIDATION_FAILED Field 'IsNull' is not supported
            /States/C/Choices/0: SCHEMA_VALIDATION_FAILED These fields are required: [Condition]
            /States/D: SCHEMA_VALIDATION_FAILED The QueryLanguage is set to 'JSONata', but field 'MaxConcurrencyPath' is only supported for the 'JSONPath' QueryLanguage
            /States/D/ItemProcessor/States/I: SCHEMA_VALIDATION_FAILED The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' QueryLanguage
            /States/E/QueryLanguage: SCHEMA_VALIDATION_FAILED Value should be one of the following: [JSONPath, JSONata]
            /States/D: MISSING_TRANSITION_TARGET State "D" is not reachable.
            /States/E: MISSING_TRANSITION_TARGET State "E" is not reachable."#]],
    );
    check(
        &json!({"StartAt": "A", "QueryLanguage": "JSONata", "States": {
            "A": {"Type": "Pass", "QueryLanguage": "JSONPath", "Next": "B"},
            "B": {"Type": "Map", "End": true, "ItemProcessor": {"QueryLanguage": "JSONata", "StartAt": "I",
                "States": {"I": {"Type": "Pass", "Output": {"a.$": "$.b"}, "End": true}}}},
        }}),
        &expect![[r#"
            /States/A: SCHEMA_VALIDATION_FAILED 'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine
            /States/B/ItemProcessor/QueryLanguage: SCHEMA_VALIDATION_FAILED Field 'QueryLanguage' is not supported"#]],
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
            /States/A/Catch/0/Output/d: UNSUPPORTED_JSONATA_EXPRESSION Field '$states.result' does not exist.
            /States/B/Choices/0/Condition: UNSUPPORTED_JSONATA_EXPRESSION Reference to 'phone' at the top level is not supported.
            /States/C/Assign/states: SCHEMA_VALIDATION_FAILED 'states' is a reserved variable
            /States/C/Assign/1st: SCHEMA_VALIDATION_FAILED '1st' is not a variable name: begin with a letter, use letters, digits and `_`, at most 80
            /States/C/Assign/ok.$: SCHEMA_VALIDATION_FAILED 'ok.$' is not a variable name: begin with a letter, use letters, digits and `_`, at most 80"#]],
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
            /States/B/Branches/0/States/P/Assign/x: DUPLICATE_VARIABLE_NAME The variable name 'x' was already defined in a parent scope.
            /States/B/Branches/1/States/Q/Assign/x: DUPLICATE_VARIABLE_NAME The variable name 'x' was already defined in a parent scope."#]],
    );
}

#[test]
fn retriers_and_catchers_are_checked() {
    check(
        &json!({"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "r", "End": true,
            "Retry": [{"ErrorEquals": ["States.ALL"], "BackoffRate": 0.5}, {"ErrorEquals": []}],
            "Catch": [{"ErrorEquals": ["States.ALL", "E"], "Next": "A"}]}}}),
        &expect![[r#"
            /States/A/Retry/0/ErrorEquals: SCHEMA_VALIDATION_FAILED States.ALL must appear alone, and in the last element
            /States/A/Retry/0/BackoffRate: SCHEMA_VALIDATION_FAILED The value must be between 1 and 1000000000
            /States/A/Retry/1/ErrorEquals: SCHEMA_VALIDATION_FAILED At least one error name is required
            /States/A/Catch/0/ErrorEquals: SCHEMA_VALIDATION_FAILED States.ALL must appear alone, and in the last element"#]],
    );
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
