//! Rules about errors: those that nobody takes, and takers that get none.

use super::{Level, Report, Rule, View};
use crate::commands::machine::view::{StateView, errors};

/// Error names of the language itself.
const KNOWN: &[&str] = &[
    "States.ALL",
    "States.BranchFailed",
    "States.DataLimitExceeded",
    "States.ExceedToleratedFailureThreshold",
    "States.HeartbeatTimeout",
    "States.Http.Socket",
    "States.IntrinsicFailure",
    "States.ItemReaderFailed",
    "States.NoChoiceMatched",
    "States.ParameterPathFailure",
    "States.Permissions",
    "States.QueryEvaluationError",
    "States.ResultPathMatchFailure",
    "States.ResultWriterFailed",
    "States.Runtime",
    "States.TaskFailed",
    "States.Timeout",
];

/// What AWS advises to retry on every call of a function.
const TRANSIENT: &[&str] = &[
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
];

pub const UNHANDLED_ERRORS: Rule = Rule {
    id: "unhandled-errors",
    level: Level::Note,
    summary: "A task with neither Retry nor Catch, in nothing that has them",
    why: "Networks and services fail now and then. Without Retry the first such failure ends the execution; without Catch nothing cleans up after it.",
    hint: "add Retry for what passes, and Catch for what must be cleaned up",
    example: r#"{"StartAt": "Send", "TimeoutSeconds": 60, "States": {"Send": {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Parameters": {"TopicArn": "${Topic}", "Message": "hello"}, "End": true}}}"#,
    check: |view, report| {
        let tasks = view.states.iter().filter(|state| state.is_task() && !state.is_covered);
        for state in tasks.filter(|state| !state.has_any(&["Retry", "Catch"])) {
            report.add(
                state.pointer.clone(),
                format!("the first error of `{}` ends the execution", state.name),
            );
        }
    },
};

pub const LAMBDA_RETRY: Rule = Rule {
    id: "lambda-retry",
    level: Level::Warning,
    summary: "A call of a Lambda function that does not retry Lambda's transient errors",
    why: "Lambda answers with a service error or throttles now and then even if the function is sound; AWS advises to retry these on every call.",
    hint: "retry Lambda.ServiceException, Lambda.AWSLambdaException, Lambda.SdkClientException and Lambda.TooManyRequestsException",
    example: r#"{"StartAt": "Call", "TimeoutSeconds": 60, "States": {"Call": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "f"}, "Retry": [{"ErrorEquals": ["Lambda.ServiceException"]}], "End": true}}}"#,
    check: |view, report| {
        for state in view.states.iter().filter(|state| state.is_lambda()) {
            let missing = not_retried(state);
            if !missing.is_empty() {
                let message = format!("`{}` does not retry {}", state.name, missing.join(", "));
                report
                    .add(if state.has("Retry") { state.at("Retry") } else { state.pointer.clone() }, message);
            }
        }
    },
};

fn not_retried(state: &StateView<'_>) -> Vec<&'static str> {
    let retried: Vec<&str> = state.list("Retry").flat_map(|(_, item)| errors(item)).collect();
    if retried.iter().any(|name| matches!(*name, "States.ALL" | "States.TaskFailed")) {
        return Vec::new();
    }
    TRANSIENT.iter().copied().filter(|name| !retried.contains(name)).collect()
}

pub const SHADOWED_ERROR: Rule = Rule {
    id: "shadowed-error",
    level: Level::Warning,
    summary: "An error name that an earlier retrier or catcher already takes",
    why: "The first element that matches is taken. A name that stands after States.TaskFailed, or a second time, is never reached.",
    hint: "put the more particular element first, or remove the name",
    example: r#"{"StartAt": "Send", "TimeoutSeconds": 60, "States": {"Send": {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Parameters": {"TopicArn": "${Topic}", "Message": "hello"}, "Retry": [{"ErrorEquals": ["States.TaskFailed"]}, {"ErrorEquals": ["Busy"]}], "End": true}}}"#,
    check: |view, report| {
        for state in &view.states {
            for field in ["Retry", "Catch"] {
                shadowed(state, field, report);
            }
        }
    },
};

fn shadowed(state: &StateView<'_>, field: &str, report: &mut Report) {
    let mut before: Vec<&str> = Vec::new();
    for (index, item) in state.list(field) {
        let names = errors(item);
        for (place, name) in names.iter().enumerate() {
            if let Some(taker) = before.iter().find(|taker| takes(taker, name)) {
                let message = if taker == name {
                    format!("`{name}` is already taken above")
                } else {
                    format!("`{name}` is already taken by `{taker}` above")
                };
                report.add(format!("{}/{field}/{index}/ErrorEquals/{place}", state.pointer), message);
            }
        }
        before.extend(names);
    }
}

fn takes(taker: &str, name: &str) -> bool {
    let is_timeout = matches!(name, "States.Timeout" | "States.HeartbeatTimeout");
    taker == name
        || taker == "States.Timeout" && name == "States.HeartbeatTimeout"
        || taker == "States.TaskFailed" && !is_timeout && !matches!(name, "States.ALL" | "States.Runtime")
}

pub const UNCATCHABLE_ERROR: Rule = Rule {
    id: "uncatchable-error",
    level: Level::Warning,
    summary: "States.Runtime in Retry or Catch",
    why: "States.Runtime says that the machine itself is wrong. It ends the execution, whatever Retry and Catch say.",
    hint: "remove the name, and guard against what raises it, such as a path to nothing",
    example: r#"{"StartAt": "Send", "TimeoutSeconds": 60, "States": {"Send": {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Parameters": {"TopicArn": "${Topic}", "Message": "hello"}, "Retry": [{"ErrorEquals": ["States.Runtime"]}], "End": true}}}"#,
    check: |view, report| {
        each_error(view, &mut |pointer, name| {
            if name == "States.Runtime" {
                report.add(pointer, "`States.Runtime` is never retried nor caught");
            }
        });
    },
};

pub const UNKNOWN_ERROR: Rule = Rule {
    id: "unknown-error",
    level: Level::Warning,
    summary: "An error name that begins with `States.` and that the language does not have",
    why: "Names that begin with `States.` belong to the language. One that it does not know matches nothing; most often it is misspelt.",
    hint: "look the name up among the language's error names",
    example: r#"{"StartAt": "Send", "TimeoutSeconds": 60, "States": {"Send": {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Parameters": {"TopicArn": "${Topic}", "Message": "hello"}, "Retry": [{"ErrorEquals": ["States.TimeOut"]}], "End": true}}}"#,
    check: |view, report| {
        each_error(view, &mut |pointer, name| {
            if name.starts_with("States.") && !KNOWN.contains(&name) {
                let near = KNOWN.iter().find(|known| known.eq_ignore_ascii_case(name));
                let near = near.map_or(String::new(), |known| format!("; `{known}` is"));
                report.add(pointer, format!("`{name}` is no error name of the language{near}"));
            }
        });
    },
};

fn each_error(view: &View<'_>, see: &mut dyn FnMut(String, &str)) {
    for state in &view.states {
        for field in ["Retry", "Catch"] {
            for (index, item) in state.list(field) {
                for (place, name) in errors(item).into_iter().enumerate() {
                    see(format!("{}/{field}/{index}/ErrorEquals/{place}", state.pointer), name);
                }
            }
        }
    }
}

pub const CATCH_LOSES_INPUT: Rule = Rule {
    id: "catch-loses-input",
    level: Level::Note,
    summary: "A catcher without ResultPath, so that the error replaces the state's input",
    why: "What the next state gets is then the error alone: the order, the customer, whatever is needed to clean up, is gone.",
    hint: "add \"ResultPath\": \"$.error\" to keep the input",
    example: r#"{"StartAt": "Send", "TimeoutSeconds": 60, "States": {"Send": {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Parameters": {"TopicArn": "${Topic}", "Message": "hello"}, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Undo"}], "End": true}, "Undo": {"Type": "Pass", "Parameters": {"order.$": "$.order"}, "End": true}}}"#,
    check: |view, report| {
        for state in view.states.iter().filter(|state| !state.is_jsonata) {
            for (index, catcher) in state.list("Catch") {
                let next = catcher.get("Next").and_then(|next| next.as_str()).unwrap_or_default();
                let target =
                    view.states.iter().find(|other| other.name == next && other.scope == state.scope);
                let ends = target.is_some_and(|target| target.kind() == "Fail");
                if !catcher.contains_key("ResultPath") && !catcher.contains_key("Assign") && !ends {
                    let message =
                        format!("`{next}` gets the error, and nothing of what `{}` got", state.name);
                    report.add(format!("{}/Catch/{index}", state.pointer), message);
                }
            }
        }
    },
};

pub const FAIL_ERROR: Rule = Rule {
    id: "fail-error",
    level: Level::Note,
    summary: "A Fail state without Error",
    why: "Without a name, no catcher around it, no alarm and no parent execution can tell this failure from others.",
    hint: "add Error with a name of your own, and Cause with what happened",
    example: r#"{"StartAt": "No", "States": {"No": {"Type": "Fail"}}}"#,
    check: |view, report| {
        let fails = view.states.iter().filter(|state| state.kind() == "Fail");
        for state in fails.filter(|state| !state.has_any(&["Error", "ErrorPath"])) {
            report.add(state.pointer.clone(), format!("`{}` fails without a name", state.name));
        }
    },
};
