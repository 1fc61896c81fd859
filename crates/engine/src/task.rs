//! What a task handler gets and gives.

use async_trait::async_trait;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// One dispatch of a task. The same task may be dispatched more than once: a handler is idempotent under `key`.
#[derive(Clone, Debug)]
pub struct Task {
    /// The execution's ARN.
    pub execution_arn: String,
    /// The state's name.
    pub state: String,
    /// The state's resource.
    pub resource: String,
    /// What the state gives.
    pub parameters: Value,
    /// Idempotency key: `<execution>/<state>/<id of the event that scheduled it>`.
    pub key: String,
    /// 0 for the first try of the state, then the count of retries.
    pub attempt: u32,
    /// Grows with each dispatch of this task: the lease's token.
    pub dispatch: u64,
    /// Cancelled when the result is no longer wanted or the engine stops.
    pub cancel: CancellationToken,
}

/// A task's error: what Retry and Catch match, and what people read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}: {cause}")]
pub struct TaskFailure {
    /// Error name, such as `LockExistsError`.
    pub error: String,
    /// What happened.
    pub cause: String,
}

/// Does tasks.
#[async_trait]
pub trait TaskHandler: Send + Sync + 'static {
    /// Does one task. A panic becomes `States.TaskFailed`, which Retry and Catch can take; an engine that stops drops
    /// the future, and the task is dispatched again after the restart.
    ///
    /// A task that is cancelled has half a minute to end before its future is dropped.
    async fn run(&self, task: Task) -> Result<Value, TaskFailure>;
}
