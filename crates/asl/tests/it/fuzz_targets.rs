//! What is fuzzed: each target takes any text and must neither panic nor run long.
//! Shared by the tests, which replay the corpora, and by the fuzzer.
//!
//! A text is an expression, a line feed, and the JSON that it is evaluated against; all go the way of a
//! user: into a definition, through `parse` and `step`.

use serde_json::{Value, json};
use shipway_asl::{Effect, Execution, Input, Moment, Start, StateMachine, Timestamp, step};

/// A named target.
pub type Target = (&'static str, fn(&str));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("choice", choice),
    ("definition", definition),
    ("intrinsic", intrinsic),
    ("jsonata", jsonata),
    ("jsonpath", json_path),
    ("timestamp", timestamp),
];

/// Most inputs that one execution is given.
const INPUTS_MAX: usize = 32;

fn definition(text: &str) {
    if let Ok(machine) = StateMachine::parse(text) {
        run(&machine, json!({"a": [1, "b", null], "n": 2}));
    }
}

fn json_path(text: &str) {
    let (path, input) = split(text);
    evaluate(&json!({"Type": "Pass", "Parameters": {"v.$": path}, "End": true}), &input);
    let ends =
        json!({"Type": "Pass", "InputPath": path, "ResultPath": path, "OutputPath": path, "End": true});
    evaluate(&ends, &input);
}

fn intrinsic(text: &str) {
    let (call, input) = split(text);
    evaluate(&json!({"Type": "Pass", "Parameters": {"v.$": call}, "End": true}), &input);
}

fn jsonata(text: &str) {
    let (expression, input) = split(text);
    let output = format!("{{% {expression} %}}");
    evaluate(&json!({"Type": "Pass", "QueryLanguage": "JSONata", "Output": output, "End": true}), &input);
}

/// The first line is a rule without its `Next`.
fn choice(text: &str) {
    let (rule, input) = split(text);
    let Ok(Value::Object(mut rule)) = serde_json::from_str::<Value>(rule) else { return };
    rule.insert("Next".into(), "A".into());
    evaluate(&json!({"Type": "Choice", "Choices": [rule], "Default": "A"}), &input);
}

fn timestamp(text: &str) {
    let _ = Timestamp::parse(text).map(|time| time.to_string());
    evaluate(&json!({"Type": "Wait", "Timestamp": text, "End": true}), &Value::Null);
    evaluate(&json!({"Type": "Wait", "TimestampPath": "$.t", "End": true}), &json!({"t": text}));
    let rule = json!({"Variable": "$.t", "IsTimestamp": true, "Next": "A"});
    evaluate(&json!({"Type": "Choice", "Choices": [rule], "Default": "A"}), &json!({"t": text}));
}

/// The expression and the JSON after it; no JSON is `null`.
fn split(text: &str) -> (&str, Value) {
    let (expression, input) = text.split_once('\n').unwrap_or((text, ""));
    (expression, serde_json::from_str(input).unwrap_or_default())
}

/// Runs a machine whose one state of interest is `state`.
fn evaluate(state: &Value, input: &Value) {
    let mut states = json!({"S": state});
    if state["Type"] == "Choice" {
        states["A"] = json!({"Type": "Succeed"});
    }
    let machine = json!({"StartAt": "S", "States": states});
    if let Ok(machine) = StateMachine::parse(&machine.to_string()) {
        run(&machine, input.clone());
    }
}

/// Gives the execution what it waits for, a bounded number of times.
fn run(machine: &StateMachine, input: Value) {
    let mut execution = Execution::new(Start {
        execution_arn: "arn:aws:states:us-east-1:111111111111:execution:m:r".into(),
        execution_name: "r".into(),
        machine_arn: "arn:aws:states:us-east-1:111111111111:stateMachine:m".into(),
        machine_name: "m".into(),
        role_arn: "role".into(),
        input,
    });
    let mut open = vec![Input::Start];
    for seed in 0..INPUTS_MAX as u64 {
        let Some(input) = open.pop() else { return };
        let at = Moment { now: Timestamp(1_000_000), seed };
        let Ok(transition) = step(machine, &mut execution, input, at) else { continue };
        open.extend(transition.effects.into_iter().filter_map(|effect| match effect {
            Effect::ScheduleTask(task) => {
                Some(Input::TaskSucceeded { task: task.task, output: task.parameters })
            }
            Effect::StartTimer { timer, .. } => Some(Input::TimerFired { timer }),
            _ => None,
        }));
    }
}
