//! Events as `GetExecutionHistory` gives them. The only place that knows AWS's field names.

use serde_json::{Map, Value, json};

use crate::definition::StateKind;
use crate::event::{Detail, Event, Failed, Scheduled, Target};

impl Event {
    /// AWS's `type`, such as `TaskStateEntered`.
    pub fn type_name(&self) -> &'static str {
        match &self.detail {
            Detail::ExecutionStarted { .. } => "ExecutionStarted",
            Detail::ExecutionSucceeded { .. } => "ExecutionSucceeded",
            Detail::ExecutionFailed(_) => "ExecutionFailed",
            Detail::ExecutionTimedOut(_) => "ExecutionTimedOut",
            Detail::ExecutionAborted(_) => "ExecutionAborted",
            Detail::ExecutionRedriven { .. } => "ExecutionRedriven",
            Detail::StateEntered { kind, .. } => entered(*kind),
            Detail::StateExited { kind, .. } => exited(*kind),
            Detail::StateAborted { kind } => aborted(*kind),
            Detail::TaskScheduled(scheduled) => task_event(&scheduled.target, Phase::Scheduled).0,
            Detail::TaskStarted { target, .. } => task_event(target, Phase::Started).0,
            Detail::TaskSubmitted { target, .. } => task_event(target, Phase::Submitted).0,
            Detail::TaskSucceeded { target, .. } => task_event(target, Phase::Succeeded).0,
            Detail::TaskFailed { target, .. } => task_event(target, Phase::Failed).0,
            Detail::TaskTimedOut { target, .. } => task_event(target, Phase::TimedOut).0,
            Detail::ParallelStarted { .. } => "ParallelStateStarted",
            Detail::ParallelSucceeded => "ParallelStateSucceeded",
            Detail::ParallelFailed => "ParallelStateFailed",
            Detail::MapStarted { .. } => "MapStateStarted",
            Detail::MapSucceeded => "MapStateSucceeded",
            Detail::MapFailed => "MapStateFailed",
            Detail::IterationStarted { .. } => "MapIterationStarted",
            Detail::IterationSucceeded { .. } => "MapIterationSucceeded",
            Detail::IterationFailed { .. } => "MapIterationFailed",
            Detail::IterationAborted { .. } => "MapIterationAborted",
            Detail::EvaluationFailed { .. } => "EvaluationFailed",
            Detail::MapRunStarted { .. } => "MapRunStarted",
            Detail::MapRunSucceeded => "MapRunSucceeded",
            Detail::MapRunFailed(_) => "MapRunFailed",
            Detail::MapRunAborted => "MapRunAborted",
            Detail::MapRunRedriven { .. } => "MapRunRedriven",
        }
    }

    /// The event as `GetExecutionHistory` gives it (camel case, payloads as JSON text).
    pub fn to_history(&self) -> Value {
        let mut event = Map::new();
        event.insert("timestamp".into(), self.timestamp.to_string().into());
        event.insert("type".into(), self.type_name().into());
        event.insert("id".into(), self.id.into());
        event.insert("previousEventId".into(), self.previous_event_id.into());
        if let Some((name, details)) = self.details() {
            event.insert(name.into(), details.into());
        }
        event.into()
    }

    fn details(&self) -> Option<(&'static str, Map<String, Value>)> {
        let details = match &self.detail {
            Detail::ExecutionStarted { input, role_arn } => {
                let mut details = payload("input", input);
                details.insert("roleArn".into(), role_arn.as_str().into());
                ("executionStartedEventDetails", details)
            }
            Detail::ExecutionSucceeded { output } => {
                ("executionSucceededEventDetails", payload("output", output))
            }
            Detail::ExecutionFailed(failed) => ("executionFailedEventDetails", failure(failed)),
            Detail::ExecutionTimedOut(failed) => ("executionTimedOutEventDetails", failure(failed)),
            Detail::ExecutionAborted(failed) => ("executionAbortedEventDetails", failure(failed)),
            Detail::ExecutionRedriven { count, .. } => {
                ("executionRedrivenEventDetails", object(json!({"redriveCount": count})))
            }
            Detail::StateEntered { name, input, .. } => {
                let mut details = payload("input", input);
                details.insert("name".into(), name.as_str().into());
                ("stateEnteredEventDetails", details)
            }
            Detail::StateExited { name, output, assigned, .. } => {
                ("stateExitedEventDetails", exit(name, output, assigned))
            }
            Detail::MapStarted { length, .. } => {
                ("mapStateStartedEventDetails", object(json!({"length": length})))
            }
            Detail::EvaluationFailed { failed, state, location } => {
                let mut details = failure(failed);
                details.insert("state".into(), state.as_str().into());
                details.extend(location.iter().map(|at| ("location".to_owned(), at.as_str().into())));
                ("evaluationFailedEventDetails", details)
            }
            Detail::MapRunStarted { arn } => ("mapRunStartedEventDetails", object(json!({"mapRunArn": arn}))),
            Detail::MapRunFailed(failed) => ("mapRunFailedEventDetails", failure(failed)),
            Detail::MapRunRedriven { arn, count } => {
                ("mapRunRedrivenEventDetails", object(json!({"mapRunArn": arn, "redriveCount": count})))
            }
            _ => return self.iteration_details().or_else(|| self.task_details()),
        };
        Some(details)
    }

    fn iteration_details(&self) -> Option<(&'static str, Map<String, Value>)> {
        let (field, index, name) = match &self.detail {
            Detail::IterationStarted { index, name } => ("mapIterationStartedEventDetails", index, name),
            Detail::IterationSucceeded { index, name, .. } => {
                ("mapIterationSucceededEventDetails", index, name)
            }
            Detail::IterationFailed { index, name } => ("mapIterationFailedEventDetails", index, name),
            Detail::IterationAborted { index, name } => ("mapIterationAbortedEventDetails", index, name),
            _ => return None,
        };
        Some((field, object(json!({"name": name, "index": index}))))
    }

    fn task_details(&self) -> Option<(&'static str, Map<String, Value>)> {
        let (target, phase, mut details) = match &self.detail {
            Detail::TaskScheduled(task) => (&task.target, Phase::Scheduled, scheduled(task)),
            Detail::TaskStarted { target, worker } => {
                (target, Phase::Started, started(target, worker.as_ref())?)
            }
            Detail::TaskSubmitted { target, output } => (target, Phase::Submitted, payload("output", output)),
            Detail::TaskSucceeded { target, output } => (target, Phase::Succeeded, payload("output", output)),
            Detail::TaskFailed { target, failed } => (target, Phase::Failed, failure(failed)),
            Detail::TaskTimedOut { target, failed } => (target, Phase::TimedOut, failure(failed)),
            _ => return None,
        };
        if let Target::Service { kind, action } = target {
            details.insert("resourceType".into(), kind.as_str().into());
            details.insert("resource".into(), action.as_str().into());
        }
        Some((task_event(target, phase).1, details))
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// The payload as JSON text, and AWS's note that nothing is cut off.
fn payload(field: &str, value: &Value) -> Map<String, Value> {
    let mut details = Map::new();
    details.insert(field.into(), value.to_string().into());
    details.insert(format!("{field}Details"), json!({"truncated": false}));
    details
}

fn exit(name: &str, output: &Value, assigned: &Map<String, Value>) -> Map<String, Value> {
    let mut details = Map::new();
    details.insert("name".into(), name.into());
    details.extend(payload("output", output));
    if !assigned.is_empty() {
        let texts: Map<String, Value> =
            assigned.iter().map(|(name, value)| (name.clone(), value.to_string().into())).collect();
        details.insert("assignedVariables".into(), texts.into());
        details.insert("assignedVariablesDetails".into(), json!({"truncated": false}));
    }
    details
}

fn failure(failed: &Failed) -> Map<String, Value> {
    let mut details = Map::new();
    if let Some(error) = &failed.error {
        details.insert("error".into(), error.as_str().into());
    }
    if let Some(cause) = &failed.cause {
        details.insert("cause".into(), cause.as_str().into());
    }
    details
}

fn scheduled(task: &Scheduled) -> Map<String, Value> {
    let mut details = Map::new();
    match &task.target {
        Target::Service { .. } => {
            details.insert("region".into(), task.region.as_str().into());
            details.insert("parameters".into(), task.parameters.to_string().into());
        }
        Target::Lambda(resource) | Target::Activity(resource) => {
            details.insert("resource".into(), resource.as_str().into());
            details.extend(payload("input", &task.parameters));
        }
    }
    if let Some(seconds) = task.timeout_seconds {
        details.insert("timeoutInSeconds".into(), seconds.into());
    }
    if let Some(seconds) = task.heartbeat_seconds {
        details.insert("heartbeatInSeconds".into(), seconds.into());
    }
    if let Some(credentials) = &task.credentials {
        details.insert("taskCredentials".into(), credentials_details(credentials));
    }
    details
}

fn credentials_details(credentials: &Value) -> Value {
    json!({"roleArn": credentials.get("RoleArn").cloned().unwrap_or_default()})
}

/// `LambdaFunctionStarted` has no details.
fn started(target: &Target, worker: Option<&String>) -> Option<Map<String, Value>> {
    match target {
        Target::Lambda(_) => None,
        Target::Service { .. } => Some(Map::new()),
        Target::Activity(_) => {
            let name = worker.map(|worker| ("workerName".to_owned(), worker.as_str().into()));
            Some(name.into_iter().collect())
        }
    }
}

#[derive(Clone, Copy)]
enum Phase {
    Scheduled,
    Started,
    Submitted,
    Succeeded,
    Failed,
    TimedOut,
}

/// `type` and the field of the details.
fn task_event(target: &Target, phase: Phase) -> (&'static str, &'static str) {
    match (target, phase) {
        (Target::Lambda(_), Phase::Scheduled) => {
            ("LambdaFunctionScheduled", "lambdaFunctionScheduledEventDetails")
        }
        (Target::Lambda(_), Phase::Started) => ("LambdaFunctionStarted", "lambdaFunctionStartedEventDetails"),
        (Target::Lambda(_), Phase::Succeeded) => {
            ("LambdaFunctionSucceeded", "lambdaFunctionSucceededEventDetails")
        }
        (Target::Lambda(_), Phase::Failed) => ("LambdaFunctionFailed", "lambdaFunctionFailedEventDetails"),
        (Target::Lambda(_), Phase::TimedOut) => {
            ("LambdaFunctionTimedOut", "lambdaFunctionTimedOutEventDetails")
        }
        (Target::Activity(_), Phase::Scheduled) => ("ActivityScheduled", "activityScheduledEventDetails"),
        (Target::Activity(_), Phase::Started) => ("ActivityStarted", "activityStartedEventDetails"),
        (Target::Activity(_), Phase::Succeeded) => ("ActivitySucceeded", "activitySucceededEventDetails"),
        (Target::Activity(_), Phase::Failed) => ("ActivityFailed", "activityFailedEventDetails"),
        (Target::Activity(_), Phase::TimedOut) => ("ActivityTimedOut", "activityTimedOutEventDetails"),
        (_, Phase::Submitted) => ("TaskSubmitted", "taskSubmittedEventDetails"),
        (Target::Service { .. }, Phase::Scheduled) => ("TaskScheduled", "taskScheduledEventDetails"),
        (Target::Service { .. }, Phase::Started) => ("TaskStarted", "taskStartedEventDetails"),
        (Target::Service { .. }, Phase::Succeeded) => ("TaskSucceeded", "taskSucceededEventDetails"),
        (Target::Service { .. }, Phase::Failed) => ("TaskFailed", "taskFailedEventDetails"),
        (Target::Service { .. }, Phase::TimedOut) => ("TaskTimedOut", "taskTimedOutEventDetails"),
    }
}

fn entered(kind: StateKind) -> &'static str {
    match kind {
        StateKind::Pass => "PassStateEntered",
        StateKind::Task => "TaskStateEntered",
        StateKind::Choice => "ChoiceStateEntered",
        StateKind::Wait => "WaitStateEntered",
        StateKind::Succeed => "SucceedStateEntered",
        StateKind::Fail => "FailStateEntered",
        StateKind::Parallel => "ParallelStateEntered",
        StateKind::Map => "MapStateEntered",
    }
}

fn exited(kind: StateKind) -> &'static str {
    match kind {
        StateKind::Pass => "PassStateExited",
        StateKind::Task => "TaskStateExited",
        StateKind::Choice => "ChoiceStateExited",
        StateKind::Wait => "WaitStateExited",
        StateKind::Succeed => "SucceedStateExited",
        StateKind::Fail => "FailStateExited",
        StateKind::Parallel => "ParallelStateExited",
        StateKind::Map => "MapStateExited",
    }
}

fn aborted(kind: StateKind) -> &'static str {
    match kind {
        StateKind::Wait => "WaitStateAborted",
        StateKind::Parallel => "ParallelStateAborted",
        StateKind::Map => "MapStateAborted",
        StateKind::Pass | StateKind::Task | StateKind::Choice | StateKind::Succeed | StateKind::Fail => {
            "TaskStateAborted"
        }
    }
}
