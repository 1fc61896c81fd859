//! Rules about the way through a machine.

use serde_json::Value;

use super::{Level, Rule};

pub const CHOICE_DEFAULT: Rule = Rule {
    id: "choice-default",
    level: Level::Warning,
    summary: "A Choice without Default",
    why: "If no rule holds, the execution fails with States.NoChoiceMatched, and a Choice cannot catch.",
    hint: "add Default, and let it lead to a Fail state with a name if nothing else may happen",
    example: r#"{"StartAt": "Which", "States": {"Which": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "One"}]}, "One": {"Type": "Succeed"}}}"#,
    check: |view, report| {
        let choices = view.states.iter().filter(|state| state.kind() == "Choice");
        for state in choices.filter(|state| !state.has("Default")) {
            report.add(state.pointer.clone(), format!("`{}` fails where no rule holds", state.name));
        }
    },
};

pub const DUPLICATE_RULE: Rule = Rule {
    id: "duplicate-rule",
    level: Level::Warning,
    summary: "A rule of a Choice with the condition of an earlier one",
    why: "Rules are tried in order, so the second one never holds.",
    hint: "remove it, or change its condition",
    example: r#"{"StartAt": "Which", "States": {"Which": {"Type": "Choice", "Default": "One", "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "One"}, {"NumericEquals": 1, "Variable": "$.n", "Next": "Two"}]}, "One": {"Type": "Succeed"}, "Two": {"Type": "Succeed"}}}"#,
    check: |view, report| {
        for state in &view.states {
            let mut before: Vec<Value> = Vec::new();
            for (index, rule) in state.list("Choices") {
                let mut condition = rule.clone();
                for field in ["Next", "Comment", "Assign", "Output"] {
                    condition.shift_remove(field);
                }
                let condition = Value::Object(condition);
                if before.contains(&condition) {
                    let message = "an earlier rule has the same condition, so this one never holds";
                    report.add(format!("{}/Choices/{index}", state.pointer), message);
                }
                before.push(condition);
            }
        }
    },
};

pub const NEEDLESS_PASS: Rule = Rule {
    id: "needless-pass",
    level: Level::Note,
    summary: "A Pass state that changes nothing",
    why: "It costs a transition and says nothing; most often it is left over.",
    hint: "remove it, or give it a Comment that says what it stands for",
    example: r#"{"StartAt": "Nothing", "States": {"Nothing": {"Type": "Pass", "Next": "Done"}, "Done": {"Type": "Succeed"}}}"#,
    check: |view, report| {
        for state in view.states.iter().filter(|state| state.kind() == "Pass") {
            let works = |field: &String| !matches!(field.as_str(), "Type" | "Next" | "QueryLanguage");
            if state.has("Next") && !state.fields.keys().any(works) {
                report.add(state.pointer.clone(), format!("`{}` changes nothing", state.name));
            }
        }
    },
};

pub const CALLBACK_TOKEN: Rule = Rule {
    id: "callback-token",
    level: Level::Warning,
    summary: "A .waitForTaskToken task that gives its token to nobody",
    why: "Who does not get the token cannot answer, so the task ends by its time-out only.",
    hint: "pass $$.Task.Token in Parameters, or $states.context.Task.Token in Arguments",
    example: r#"{"StartAt": "Ask", "States": {"Ask": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "HeartbeatSeconds": 60, "Parameters": {"QueueUrl": "q", "MessageBody": "hello"}, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "No"}], "End": true}, "No": {"Type": "Fail", "Error": "No"}}}"#,
    check: |view, report| {
        for state in view.states.iter().filter(|state| state.text("Resource").ends_with(".waitForTaskToken"))
        {
            let given = ["Parameters", "Arguments"].into_iter().filter_map(|field| state.fields.get(field));
            // The whole context holds the token as well.
            let has_token = |given: &Value| {
                let text = given.to_string();
                text.contains("Task.Token") || text.contains("\"$$\"") || text.contains("$states.context %")
            };
            if !given.into_iter().any(has_token) {
                report.add(state.pointer.clone(), format!("nobody gets the task token of `{}`", state.name));
            }
        }
    },
};

pub const MAP_CONCURRENCY: Rule = Rule {
    id: "map-concurrency",
    level: Level::Note,
    summary: "A distributed Map without MaxConcurrency",
    why: "It starts up to 10,000 child executions at a time, which is more than most things behind it bear.",
    hint: "add MaxConcurrency with what the tasks' services bear",
    example: r#"{"StartAt": "Each", "States": {"Each": {"Type": "Map", "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "One", "States": {"One": {"Type": "Succeed"}}}, "End": true}}}"#,
    check: |view, report| {
        for state in view.states.iter().filter(|state| state.kind() == "Map") {
            let mode = state
                .fields
                .get("ItemProcessor")
                .and_then(|processor| processor.pointer("/ProcessorConfig/Mode"));
            let is_distributed = mode.and_then(Value::as_str) == Some("DISTRIBUTED");
            if is_distributed && !state.has_any(&["MaxConcurrency", "MaxConcurrencyPath"]) {
                let message = format!("`{}` runs up to 10,000 items at a time", state.name);
                report.add(state.pointer.clone(), message);
            }
        }
    },
};

pub const DEPRECATED_FIELD: Rule = Rule {
    id: "deprecated-field",
    level: Level::Warning,
    summary: "Iterator, or Parameters of a Map: older names of ItemProcessor and ItemSelector",
    why: "AWS still reads the older names, but not together with the newer fields of Map.",
    hint: "rename Iterator to ItemProcessor, and a Map's Parameters to ItemSelector",
    example: r#"{"StartAt": "Each", "States": {"Each": {"Type": "Map", "Iterator": {"StartAt": "One", "States": {"One": {"Type": "Succeed"}}}, "End": true}}}"#,
    check: |view, report| {
        for state in view.states.iter().filter(|state| state.kind() == "Map") {
            for (old, new) in [("Iterator", "ItemProcessor"), ("Parameters", "ItemSelector")] {
                if state.has(old) {
                    report.add(state.at(old), format!("`{old}` is the older name of `{new}`"));
                }
            }
        }
    },
};
