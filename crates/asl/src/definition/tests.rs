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
fn json_ata_is_refused_by_name() {
    check(
        &json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "QueryLanguage": "JSONata", "End": true}}}),
        &expect![
            "/States/A/QueryLanguage: SCHEMA_VALIDATION_FAILED The query language JSONata is not supported: write the state in JSONPath"
        ],
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
