//! What mocks say to a task. Does not know when it is said.

use serde_json::Value;

use crate::items::{Reply, Request};
use crate::moment::ScheduledTask;
use crate::timestamp::Timestamp;

/// Answers tasks: the whole outside world of a rehearsal.
pub trait Mocks {
    /// What is said to a task that has just been scheduled; a reason if there is no answer, which ends
    /// the rehearsal. Asked once for each task, in the order in which they are scheduled.
    fn answer(&mut self, task: &ScheduledTask, now: Timestamp) -> Result<Answer, String>;

    /// What a bucket answers to the `ItemReader` of a distributed Map; a reason becomes the cause of
    /// `States.ItemReaderFailed`. There are no buckets unless mocks have some.
    fn read(&mut self, request: &Request) -> Result<Reply, String> {
        let (Request::Object { bucket, .. } | Request::List { bucket, .. }) = request;
        Err(format!("There is no bucket `{bucket}` here."))
    }

    /// Takes a file of a `ResultWriter`; a reason becomes the cause of `States.ResultWriterFailed`.
    fn write(&mut self, bucket: &str, key: &str, bytes: Vec<u8>) -> Result<(), String> {
        Err(format!("There is no bucket `{bucket}` here that takes the {} bytes of `{key}`.", bytes.len()))
    }
}

impl<F: FnMut(&ScheduledTask, Timestamp) -> Result<Answer, String>> Mocks for F {
    fn answer(&mut self, task: &ScheduledTask, now: Timestamp) -> Result<Answer, String> {
        self(task, now)
    }
}

/// What is said to one task.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Whether a worker takes it at once: `TaskStarted`, `LambdaFunctionStarted`, `ActivityStarted`.
    pub is_started: bool,
    /// The worker's name (activities).
    pub worker: Option<String>,
    /// The service's first answer, where the result comes later (`.sync`, `.waitForTaskToken`).
    pub submitted: Option<Value>,
    /// Milliseconds between signs of life until the outcome; none for no sign.
    pub heartbeat_millis: Option<u64>,
    /// Milliseconds from scheduling to the outcome.
    pub delay_millis: u64,
    /// The result, or the error's name and cause; none never comes, so that only a time-out ends the task.
    pub outcome: Option<Result<Value, Thrown>>,
}

/// An error that a mock throws.
pub type Thrown = (String, Option<String>);

impl Answer {
    /// Done at once, with this result.
    pub fn returns(result: Value) -> Self {
        Self { outcome: Some(Ok(result)), ..Self::never() }
    }

    /// Fails at once.
    pub fn throws(error: impl Into<String>, cause: Option<String>) -> Self {
        Self { outcome: Some(Err((error.into(), cause))), ..Self::never() }
    }

    /// Is taken by a worker of whom nothing more is heard.
    pub fn never() -> Self {
        Self {
            is_started: true,
            worker: None,
            submitted: None,
            heartbeat_millis: None,
            delay_millis: 0,
            outcome: None,
        }
    }

    /// The same, but the outcome comes later.
    #[must_use]
    pub fn after_millis(mut self, millis: u64) -> Self {
        self.delay_millis = millis;
        self
    }

    /// The same, but the service answers first that it has taken the task on.
    #[must_use]
    pub fn submitted(mut self, output: Value) -> Self {
        self.submitted = Some(output);
        self
    }
}
