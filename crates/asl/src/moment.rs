//! What a step is given and what it gives back. Holds no behaviour.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::Event;
use crate::map_run::MapRunPlan;
use crate::timestamp::Timestamp;

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

/// What happened outside, given to [`step`](crate::step).
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
    /// The Map Run that [`Effect::StartMapRun`] asked for has ended.
    MapRunEnded {
        /// Id of the event that started it.
        run: u64,
        /// How it ended.
        result: MapRunResult,
    },
    /// `RedriveExecution`: an execution that has ended and not succeeded goes on from where it stopped.
    Redrive {
        /// Of a Map Run's child: which redrive of the Map Run it belongs to.
        attempt: Option<u32>,
    },
    /// `StopExecution`.
    Stop {
        /// Error name.
        error: Option<String>,
        /// Why.
        cause: Option<String>,
    },
}

/// What one [`step`](crate::step) did: all of it is committed together, effects are performed after the commit.
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
    /// Have the Map Run done: a [`MapRun`](crate::map_run::MapRun) says what that takes.
    StartMapRun(Box<MapRunPlan>),
    /// The Map Run's result is not wanted any more: its children are to be stopped.
    AbortMapRun {
        /// Id of the event that started it.
        run: u64,
        /// Its ARN.
        arn: String,
    },
    /// Have the Map Run done that did not come to a good end: the children that have not succeeded, and those that were
    /// not started.
    RedriveMapRun {
        /// Id of the event that started it.
        run: u64,
        /// Its ARN.
        arn: String,
        /// How often it was redriven, this time included.
        count: u32,
    },
    /// The execution has ended; it takes no further input but a redrive.
    Complete,
}

/// How a Map Run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum MapRunResult {
    /// With the Map state's result.
    Succeeded {
        /// The result, before `ResultSelector`.
        output: Value,
    },
    /// Well, but with more results than a state may give.
    TooLarge,
    /// By an error.
    Failed(MapRunFailure),
}

/// An error of a Map Run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapRunFailure {
    /// Error name that Retry and Catch match.
    pub error: Option<String>,
    /// What happened, for people.
    pub cause: Option<String>,
}

impl MapRunFailure {
    /// An error with its cause.
    pub fn named(error: &str, cause: &str) -> Self {
        Self { error: Some(error.to_owned()), cause: Some(cause.to_owned()) }
    }
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

impl Status {
    /// AWS's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::TimedOut => "TIMED_OUT",
            Self::Aborted => "ABORTED",
        }
    }
}

/// Why an input was not taken; nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// The execution has ended: completed is absorbing, but for a redrive of what did not succeed.
    #[error("execution has ended")]
    Ended,
    /// The task or timer is not waited for (any more): a duplicate or a late answer.
    #[error("no task or timer {id} is waited for")]
    NotWaiting {
        /// The id that was given.
        id: u64,
    },
}
