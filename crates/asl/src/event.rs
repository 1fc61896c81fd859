//! Events of a history: AWS's types and details, and what the fold needs beside them.
//! Does not apply them (`execution`) nor write AWS's JSON (`history`).

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::definition::StateKind;
use crate::timestamp::Timestamp;

/// One event of a history, with AWS's type, ids and details. Serialises compactly for the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// 1, 2, 3, ...
    pub id: u64,
    /// The event that caused it; 0 for the first.
    #[serde(rename = "prev")]
    pub previous_event_id: u64,
    /// When.
    #[serde(rename = "at")]
    pub timestamp: Timestamp,
    /// The line of control that it belongs to: 0 for the machine, else a branch or an iteration.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) frame: u64,
    #[serde(rename = "is")]
    pub(crate) detail: Detail,
    /// Changes of the execution that AWS has no event for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) then: Vec<Change>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What happened, in AWS's terms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Detail {
    ExecutionStarted {
        input: Arc<Value>,
        role_arn: String,
    },
    ExecutionSucceeded {
        output: Arc<Value>,
    },
    ExecutionFailed(Failed),
    ExecutionTimedOut(Failed),
    ExecutionAborted(Failed),
    /// `attempt`: of a Map Run's child, which redrive of the Map Run it belongs to.
    ExecutionRedriven {
        count: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attempt: Option<u32>,
    },
    StateEntered {
        kind: StateKind,
        name: String,
        input: Arc<Value>,
    },
    StateExited {
        kind: StateKind,
        name: String,
        output: Arc<Value>,
        assigned: Map<String, Value>,
    },
    StateAborted {
        kind: StateKind,
    },
    TaskScheduled(Box<Scheduled>),
    TaskStarted {
        target: Target,
        worker: Option<String>,
    },
    TaskSubmitted {
        target: Target,
        output: Value,
    },
    TaskSucceeded {
        target: Target,
        output: Arc<Value>,
    },
    TaskFailed {
        target: Target,
        failed: Failed,
    },
    TaskTimedOut {
        target: Target,
        failed: Failed,
    },
    ParallelStarted {
        branches: u32,
    },
    ParallelSucceeded,
    ParallelFailed,
    MapStarted {
        length: u64,
        items: Arc<Value>,
        concurrency: u32,
    },
    MapSucceeded,
    MapFailed,
    IterationStarted {
        index: u32,
        name: String,
    },
    IterationSucceeded {
        index: u32,
        name: String,
        last: bool,
    },
    IterationFailed {
        index: u32,
        name: String,
    },
    IterationAborted {
        index: u32,
        name: String,
    },
    EvaluationFailed {
        failed: Failed,
        state: String,
        location: Option<String>,
    },
    MapRunStarted {
        arn: String,
    },
    MapRunSucceeded,
    MapRunFailed(Failed),
    MapRunAborted,
    MapRunRedriven {
        arn: String,
        count: u32,
    },
}

/// An error and its cause, as far as they are given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failed {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// What a task was scheduled with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scheduled {
    pub target: Target,
    pub region: String,
    pub parameters: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat_seconds: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Value>,
}

/// Who does a task; decides the names of its events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Target {
    /// A Lambda function by its ARN, or any resource that is no ARN of Step Functions.
    Lambda(String),
    /// An activity by its ARN.
    Activity(String),
    /// A service integration: `arn:aws:states:::<kind>:<action>`.
    Service { kind: String, action: String },
}

impl Target {
    /// Reads a Task's `Resource`.
    pub fn parse(resource: &str) -> Self {
        let parts: Vec<&str> = resource.split(':').collect();
        match parts.as_slice() {
            ["arn", _, "states", "", "", kind @ .., action, "2"]
                if !kind.is_empty() && action.ends_with(".sync") =>
            {
                Self::Service { kind: kind.join(":"), action: format!("{action}:2") }
            }
            ["arn", _, "states", "", "", kind @ .., action] if !kind.is_empty() => {
                Self::Service { kind: kind.join(":"), action: (*action).to_owned() }
            }
            ["arn", _, "states", _, _, "activity", ..] => Self::Activity(resource.to_owned()),
            _ => Self::Lambda(resource.to_owned()),
        }
    }
}

/// A change of the execution beside AWS's event that carries it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Change {
    /// A timer was started; `due` is when, as it was asked for first.
    Timer {
        frame: u64,
        timer: u64,
        purpose: Purpose,
        #[serde(default)]
        due: Timestamp,
    },
    /// A state will be tried again when the timer fires.
    Retry { frame: u64, retrier: u32, timer: u64, previous: u64 },
    /// A branch or iteration has ended with this result.
    Join { frame: u64, output: Arc<Value> },
    /// The frame goes on after this event.
    Follow { frame: u64, previous: u64 },
    /// A branch or iteration was given up.
    Drop { frame: u64 },
    /// The frame is between two states, and is not to get to the second one now.
    Next { frame: u64, state: String, input: Arc<Value> },
}

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Purpose {
    Wait,
    Retry,
    TaskTimeout,
    Heartbeat,
    MachineTimeout,
}

impl Purpose {
    /// Timers are numbered by the event that starts them, four to an event.
    pub fn timer(self, event: u64) -> u64 {
        let slot = match self {
            Self::Wait | Self::Retry => 0,
            Self::TaskTimeout => 1,
            Self::Heartbeat => 2,
            Self::MachineTimeout => 3,
        };
        event * 4 + slot
    }
}

/// The event that started a line of control, and which branch or iteration it is; none for the machine itself.
pub fn fork_of(line: u64) -> Option<(u64, u32)> {
    let index = u32::try_from(line & 0xf_ffff).unwrap_or(0);
    (line != 0).then_some((line >> 20, index))
}

/// The frame of a branch or iteration: its forking event, and which one of it.
pub(crate) fn child_frame(event: u64, index: u32) -> u64 {
    (event << 20) | u64::from(index)
}

impl Event {
    /// The state that was entered or exited by this event.
    pub fn state_name(&self) -> Option<&str> {
        match &self.detail {
            Detail::StateEntered { name, .. } | Detail::StateExited { name, .. } => Some(name),
            _ => None,
        }
    }

    /// The line of control that it belongs to: 0 for the machine itself, else a branch or an iteration.
    pub fn line(&self) -> u64 {
        self.frame
    }

    /// What was handed over by this event and is answered later, such as `startExecution.sync`.
    pub fn submitted_action(&self) -> Option<&str> {
        match &self.detail {
            Detail::TaskSubmitted { target: Target::Service { action, .. }, .. } => Some(action),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_who_started_it() {
        assert_eq!(fork_of(child_frame(25_000, 9_999)), Some((25_000, 9_999)));
        assert_eq!(fork_of(0), None);
    }

    #[test]
    fn resources_tell_who_does_the_task() {
        let service = |kind: &str, action: &str| Target::Service { kind: kind.into(), action: action.into() };
        assert_eq!(Target::parse("arn:aws:states:::lambda:invoke"), service("lambda", "invoke"));
        assert_eq!(
            Target::parse("arn:aws:states:::aws-sdk:s3:getObject"),
            service("aws-sdk:s3", "getObject")
        );
        assert_eq!(
            Target::parse("arn:aws:states:::states:startExecution.sync:2"),
            service("states", "startExecution.sync:2")
        );
        let activity = "arn:aws:states:eu-west-1:1:activity:a";
        assert_eq!(Target::parse(activity), Target::Activity(activity.into()));
        for text in ["arn:aws:lambda:eu-west-1:1:function:f", "Validate"] {
            assert_eq!(Target::parse(text), Target::Lambda(text.into()));
        }
    }
}
