//! Rules about waiting too long.

use serde_json::{Map, Value};

use super::{Level, Rule};
use crate::commands::machine::view::{StateView, errors};
use crate::words::span;

const TIMEOUTS: &[&str] = &["TimeoutSeconds", "TimeoutSecondsPath"];
const HEARTBEATS: &[&str] = &["HeartbeatSeconds", "HeartbeatSecondsPath"];

pub const CALLBACK_TIMEOUT: Rule = Rule {
    id: "callback-timeout",
    level: Level::Warning,
    summary: "A task that waits for a callback or a worker, without a time limit",
    why: "Whoever has the task token may be gone. Without HeartbeatSeconds or TimeoutSeconds the execution then waits for a year.",
    hint: "add HeartbeatSeconds or TimeoutSeconds, and catch States.Timeout",
    example: r#"{"StartAt": "Ask", "TimeoutSeconds": 60, "States": {"Ask": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "Parameters": {"QueueUrl": "q", "MessageBody": {"token.$": "$$.Task.Token"}}, "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "No"}], "End": true}, "No": {"Type": "Fail", "Error": "No"}}}"#,
    check: |view, report| {
        for state in view.states.iter().filter(|state| state.is_callback()) {
            if !state.has_any(TIMEOUTS) && !state.has_any(HEARTBEATS) {
                let message = format!("`{}` waits for an answer that may never come", state.name);
                report.add(state.pointer.clone(), message);
            }
        }
    },
};

pub const TASK_TIMEOUT: Rule = Rule {
    id: "task-timeout",
    level: Level::Note,
    summary: "A task without TimeoutSeconds in a machine without TimeoutSeconds",
    why: "The language sets no time limit by itself: a task that hangs keeps its execution running, and billed, for up to a year.",
    hint: "add TimeoutSeconds to the task or to the machine",
    example: r#"{"StartAt": "Pay", "States": {"Pay": {"Type": "Task", "Resource": "arn:aws:states:::ecs:runTask.sync", "Parameters": {"TaskDefinition": "${Task}"}, "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "No"}], "End": true}, "No": {"Type": "Fail", "Error": "No"}}}"#,
    check: |view, report| {
        if view.root.get("TimeoutSeconds").is_some() {
            return;
        }
        let tasks = view.states.iter().filter(|state| state.is_task() && !state.is_callback());
        for state in tasks.filter(|state| !state.has_any(TIMEOUTS) && !state.has_any(HEARTBEATS)) {
            report.add(state.pointer.clone(), format!("nothing limits the time of `{}`", state.name));
        }
    },
};

pub const TIMEOUT_NOT_RETRIED: Rule = Rule {
    id: "timeout-not-retried",
    level: Level::Note,
    summary: "TimeoutSeconds beside a Retry that does not cover States.Timeout",
    why: "States.TaskFailed means every error but a time-out. A task that is tried again when it fails, but not when it hangs, is seldom meant.",
    hint: "name States.Timeout in a retrier or a catcher, or use States.ALL",
    example: r#"{"StartAt": "Pay", "States": {"Pay": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {"QueueUrl": "${Queue}", "MessageBody": "hello"}, "TimeoutSeconds": 5, "Retry": [{"ErrorEquals": ["States.TaskFailed"]}], "End": true}}}"#,
    check: |view, report| {
        let tasks = view.states.iter().filter(|state| state.is_task() && state.has_any(TIMEOUTS));
        for state in tasks.filter(|state| state.has("Retry") && !handles_timeout(state)) {
            let message = format!("`{}` is tried again when it fails, but not when it times out", state.name);
            report.add(state.at("Retry"), message);
        }
    },
};

fn handles_timeout(state: &StateView<'_>) -> bool {
    let lists = state.list("Retry").chain(state.list("Catch"));
    let mut names = lists.flat_map(|(_, item)| errors(item));
    names.any(|name| matches!(name, "States.Timeout" | "States.HeartbeatTimeout" | "States.ALL"))
}

/// A delay that nobody means: a day.
const DELAY_MILLIS_MAX: f64 = 86_400_000.0;

pub const RETRY_TOO_LONG: Rule = Rule {
    id: "retry-too-long",
    level: Level::Warning,
    summary: "A retrier whose last delay is longer than a day",
    why: "Delays grow by BackoffRate with every attempt; with many attempts they grow to days and years.",
    hint: "add MaxDelaySeconds, or lower MaxAttempts",
    example: r#"{"StartAt": "Pay", "TimeoutSeconds": 60, "States": {"Pay": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {"QueueUrl": "${Queue}", "MessageBody": "hello"}, "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 10, "MaxAttempts": 20}], "End": true}}}"#,
    check: |view, report| {
        for state in &view.states {
            for (index, retrier) in state.list("Retry") {
                let delay = last_delay_millis(retrier);
                if delay > DELAY_MILLIS_MAX {
                    let message = format!("the last of these retries waits for {}", shown(delay));
                    report.add(format!("{}/Retry/{index}", state.pointer), message);
                }
            }
        }
    },
};

fn last_delay_millis(retrier: &Map<String, Value>) -> f64 {
    let number = |field: &str, default: f64| retrier.get(field).and_then(Value::as_f64).unwrap_or(default);
    let attempts = number("MaxAttempts", 3.0);
    if attempts < 1.0 {
        return 0.0;
    }
    let delay = number("IntervalSeconds", 1.0) * number("BackoffRate", 2.0).powf(attempts - 1.0);
    delay.min(number("MaxDelaySeconds", f64::INFINITY)) * 1000.0
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn shown(millis: f64) -> String {
    const YEARS: f64 = 365.0 * 86_400_000.0;
    if millis > YEARS { "more than a year".to_owned() } else { span(millis as u64) }
}
