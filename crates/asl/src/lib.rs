//! Amazon States Language: parse, validate, step. No IO, no clock, no randomness, no async.

#![allow(clippy::todo, clippy::needless_pass_by_value, reason = "scaffold")]

pub mod timestamp;

use serde::{Deserialize, Serialize};
use serde_json::Value;
pub use timestamp::Timestamp;

/// A parsed and validated machine.
#[derive(Clone, Debug)]
pub struct StateMachine;

impl StateMachine {
    /// Parses and validates a definition; on refusal every diagnostic is returned at once.
    pub fn parse(_definition: &str) -> Result<Self, Vec<Diagnostic>> {
        todo!()
    }
    /// Its states and transitions, for drawing, linting and coverage.
    pub fn outline(&self) -> Outline {
        todo!()
    }
}

/// States and transitions of a machine, nested for Parallel and Map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outline {
    /// Name of the first state.
    pub start_at: String,
    /// States in the order of the document.
    pub states: Vec<OutlineState>,
}

/// One state of an outline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutlineState {
    /// The state's name, unique in the machine.
    pub name: String,
    /// `Task`, `Pass`, `Choice`, `Wait`, `Succeed`, `Fail`, `Parallel` or `Map`.
    pub kind: String,
    /// The state's comment.
    pub comment: Option<String>,
    /// Where it can go.
    pub transitions: Vec<OutlineTransition>,
    /// Branches of a Parallel, or the one item processor of a Map.
    pub branches: Vec<Outline>,
}

/// One edge of an outline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutlineTransition {
    /// The target state.
    pub to: String,
    /// Why it is taken.
    pub kind: TransitionKind,
    /// What to write on the edge: the errors of a Catch, the rule of a Choice.
    pub label: Option<String>,
}

/// Why a transition is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransitionKind {
    /// `Next`.
    Next,
    /// A rule of a Choice.
    Choice,
    /// `Default` of a Choice.
    Default,
    /// A catcher.
    Catch,
}

/// One finding about a definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// Whether the definition is refused for it.
    pub severity: Severity,
    /// AWS's code, such as `SCHEMA_VALIDATION_FAILED`.
    pub code: String,
    /// What is wrong, with a hint.
    pub message: String,
    /// JSON pointer of the place, such as `/States/A/Next`.
    pub location: String,
}

/// How bad a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// The definition is refused.
    Error,
    /// The definition is accepted.
    Warning,
}

/// Time and entropy of one step: the only way they reach the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The time that events and `$$` show.
    pub now: Timestamp,
    /// Entropy for jitter, `States.UUID` and `States.MathRandom`.
    pub seed: u64,
}

/// What an execution is started with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// `$$.Execution.Id`.
    pub execution_arn: String,
    /// `$$.Execution.Name`.
    pub execution_name: String,
    /// `$$.StateMachine.Id`.
    pub machine_arn: String,
    /// `$$.StateMachine.Name`.
    pub machine_name: String,
    /// `$$.Execution.RoleArn`.
    pub role_arn: String,
    /// The execution's input.
    pub input: Value,
}

/// What happened outside, given to [`step`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Input {
    /// The execution begins: `ExecutionStarted`.
    Start,
    /// A worker took the task: `TaskStarted`, `LambdaFunctionStarted` or `ActivityStarted`.
    TaskStarted {
        /// Id of the event that scheduled the task.
        task: u64,
        /// The worker's name (activities).
        worker: Option<String>,
    },
    /// The task was handed over and its answer comes later (`.sync`, `.waitForTaskToken`).
    TaskSubmitted {
        /// Id of the event that scheduled the task.
        task: u64,
        /// The service's first answer.
        output: Value,
    },
    /// The worker says that it is alive; moves the heartbeat deadline.
    TaskHeartbeat {
        /// Id of the event that scheduled the task.
        task: u64,
    },
    /// The task's result.
    TaskSucceeded {
        /// Id of the event that scheduled the task.
        task: u64,
        /// The result.
        output: Value,
    },
    /// The task's error.
    TaskFailed {
        /// Id of the event that scheduled the task.
        task: u64,
        /// Error name that Retry and Catch match.
        error: String,
        /// What happened, for people.
        cause: Option<String>,
    },
    /// A timer that [`Effect::StartTimer`] asked for is due.
    TimerFired {
        /// The timer's id.
        timer: u64,
    },
    /// `StopExecution`.
    Stop {
        /// Error name.
        error: Option<String>,
        /// Why.
        cause: Option<String>,
    },
}

/// What one [`step`] did: all of it is committed together, effects are performed after the commit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transition {
    /// New events, in order; already folded into the execution.
    pub events: Vec<Event>,
    /// What the world has to do.
    pub effects: Vec<Effect>,
}

/// Something for the executor to do once the transition is durable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Effect {
    /// Have the task done, at least once.
    ScheduleTask(ScheduledTask),
    /// Give [`Input::TimerFired`] at `due` or later.
    StartTimer {
        /// Unique in the execution.
        timer: u64,
        /// When.
        due: Timestamp,
    },
    /// The timer is not needed any more.
    CancelTimer {
        /// The timer's id.
        timer: u64,
    },
    /// The task's result is not wanted any more (timed out, aborted, sibling branch failed).
    CancelTask {
        /// Id of the event that scheduled it.
        task: u64,
    },
    /// The execution has ended; it takes no further input.
    Complete,
}

/// A task to be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScheduledTask {
    /// Id of the event that scheduled it; unique in the execution.
    pub task: u64,
    /// The state's name.
    pub state: String,
    /// The state's `Resource`.
    pub resource: String,
    /// What the task gets.
    pub parameters: Value,
    /// 0 for the first try, then the retry's count.
    pub attempt: u32,
    /// Task token, for `.waitForTaskToken` and activities.
    pub token: Option<String>,
    /// `TimeoutSeconds`, if given.
    pub timeout_seconds: Option<u64>,
    /// `HeartbeatSeconds`, if given.
    pub heartbeat_seconds: Option<u64>,
}

/// How an execution stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Not ended.
    Running,
    /// Reached a terminal state.
    Succeeded,
    /// Ended by an error.
    Failed,
    /// Ended by the machine's `TimeoutSeconds`.
    TimedOut,
    /// Ended by `StopExecution`.
    Aborted,
}

/// One event of a history, with AWS's type, ids and details. Serialises compactly for the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// 1, 2, 3, ...
    pub id: u64,
    /// The event that caused it; 0 for the first.
    pub previous_event_id: u64,
    /// When.
    pub timestamp: Timestamp,
    // further fields are this crate's own
}

impl Event {
    /// AWS's `type`, such as `TaskStateEntered`.
    pub fn type_name(&self) -> &'static str {
        todo!()
    }
    /// The state that was entered or exited by this event.
    pub fn state_name(&self) -> Option<&str> {
        todo!()
    }
    /// The event as `GetExecutionHistory` gives it (camel case, payloads as JSON text).
    pub fn to_history(&self) -> Value {
        todo!()
    }
}

/// An execution: the fold of its events. Serialises as the snapshot that the store keeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Execution {}

impl Execution {
    /// An execution that has no event yet.
    pub fn new(_start: Start) -> Self {
        todo!()
    }
    /// Adds one event; the events of one history always give the same execution.
    pub fn apply(&mut self, _event: &Event) {
        todo!()
    }
    /// What it was started with.
    pub fn start(&self) -> &Start {
        todo!()
    }
    /// How it stands.
    pub fn status(&self) -> Status {
        todo!()
    }
    /// Output, once it has succeeded.
    pub fn output(&self) -> Option<&Value> {
        todo!()
    }
    /// Error name, once it has failed.
    pub fn error(&self) -> Option<&str> {
        todo!()
    }
    /// Cause, once it has failed.
    pub fn cause(&self) -> Option<&str> {
        todo!()
    }
    /// Id of the last event; 0 before the first.
    pub fn last_event_id(&self) -> u64 {
        todo!()
    }
    /// Names of the states that are entered and not exited.
    pub fn active_states(&self) -> Vec<&str> {
        todo!()
    }
}

/// Why an input was not taken; nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// The execution has ended: completed is absorbing.
    #[error("execution has ended")]
    Ended,
    /// The task or timer is not waited for (any more): a duplicate or a late answer.
    #[error("no task or timer {id} is waited for")]
    NotWaiting {
        /// The id that was given.
        id: u64,
    },
}

/// Advances an execution by one input as far as it goes without the outside world.
///
/// On success `execution` has been advanced by exactly the returned events; on rejection it is unchanged.
pub fn step(
    _machine: &StateMachine,
    _execution: &mut Execution,
    _input: Input,
    _at: Moment,
) -> Result<Transition, Rejected> {
    todo!()
}
