//! What a task handler gets and gives.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::Value;
use shipway_asl::test_state::Exchange;
use tokio_util::sync::CancellationToken;

use crate::ids;

/// What is told of a task that calls an HTTP API, for tests of single states.
#[derive(Debug, Default)]
pub struct Trace {
    /// Whether what was added to the request from secrets is told too.
    pub reveals_secrets: bool,
    /// What has been told.
    exchange: Mutex<Exchange>,
}

impl Trace {
    /// Nothing told yet.
    pub fn new(reveals_secrets: bool) -> Self {
        Self { reveals_secrets, exchange: Mutex::default() }
    }

    /// Tells of a request, or of a request and its answer.
    pub fn tell(&self, exchange: Exchange) {
        *self.exchange.lock().unwrap_or_else(PoisonError::into_inner) = exchange;
    }

    /// What was told last.
    pub fn told(&self) -> Exchange {
        self.exchange.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

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
    /// Whom the machine acts as.
    pub role_arn: String,
    /// The state's `Credentials`, if it has any: whom this task acts as instead.
    pub credentials: Option<Value>,
    /// Cancelled when the result is no longer wanted or the engine stops.
    pub cancel: CancellationToken,
    /// Cancelled when the engine stops.
    pub stop: CancellationToken,
    /// Who wants to be told of HTTP requests and their answers.
    pub trace: Option<Arc<Trace>>,
}

impl Task {
    /// A UUID that is the same for each dispatch of the task: for services that take a token with a call.
    pub fn uuid(&self) -> String {
        ids::uuid_of(&self.key)
    }

    /// Whether the engine stops: what the task has started goes on, and is waited for again after the restart.
    pub fn is_postponed(&self) -> bool {
        self.stop.is_cancelled()
    }
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
    ///
    /// Of a resource that ends in `.waitForTaskToken` this is the service's first answer. So it is of one that ends in
    /// `.sync` or `.sync:2`: then [`TaskHandler::finish`] waits for the job that was started.
    async fn run(&self, task: Task) -> Result<Value, TaskFailure>;

    /// Waits until the job that [`TaskHandler::run`] started has ended. It keeps no place of the tasks that run at once.
    ///
    /// After a restart it is called again with what `run` gave. If that had not been recorded yet, `run` is called again
    /// before, and must give the job that it had started: [`Task::key`] tells which one that is.
    async fn finish(&self, task: Task, submitted: Value) -> Result<Value, TaskFailure> {
        let _ = submitted;
        Err(TaskFailure {
            error: "States.TaskFailed".to_owned(),
            cause: format!("nothing here waits for the job that `{}` started", task.resource),
        })
    }
}

/// Whether a resource starts a job and waits for its end.
pub(crate) fn is_job(resource: &str) -> bool {
    resource.ends_with(".sync") || resource.ends_with(".sync:2")
}

/// Whether the end of a task with that resource comes by token.
pub(crate) fn is_callback(resource: &str) -> bool {
    resource.ends_with(".waitForTaskToken")
}
