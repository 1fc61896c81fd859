//! Answers to tasks that wait for their token: of activities, and of services that were told to wait.

use serde_json::Value;
use shipway_asl::Input;

use crate::{
    engine::{self, Engine},
    executor::token_key,
    store::{self, Expected, Put},
};

/// What the holder of a token says.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The task is done.
    Success(Value),
    /// The task failed.
    Failure {
        /// Error name that Retry and Catch match.
        error: Option<String>,
        /// What happened.
        cause: Option<String>,
    },
    /// The task goes on.
    Heartbeat,
}

/// Why an answer was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No task ever had the token.
    #[error("no task has that token")]
    Unknown,
    /// The task has ended.
    #[error("the task with that token has ended")]
    Ended,
    /// The engine could not.
    #[error(transparent)]
    Engine(#[from] engine::Error),
}

impl Engine {
    /// Whether a task has, or ever had, this token.
    pub async fn is_token(&self, token: &str) -> Result<bool, engine::Error> {
        Ok(self.store().record(&token_key(token)).await?.is_some())
    }

    /// Tells the task that waits for `token`. A token is good for one success or failure.
    pub async fn answer(&self, token: &str, answer: Answer) -> Result<(), Error> {
        let key = token_key(token);
        let record = self.store().record(&key).await.map_err(engine::Error::from)?.ok_or(Error::Unknown)?;
        let execution = record.value.get("execution").and_then(Value::as_str).ok_or(Error::Ended)?;
        let task = record.value.get("task").and_then(Value::as_u64).ok_or(Error::Ended)?;
        let used = Put { key: key.clone(), expected: Expected::Version(record.version), value: Value::Null };
        let (input, records) = match answer {
            Answer::Success(output) => (Input::TaskSucceeded { task, output }, vec![used]),
            Answer::Failure { error, cause } => {
                (Input::TaskFailed { task, error: error.unwrap_or_default(), cause }, vec![used])
            }
            Answer::Heartbeat => (Input::TaskHeartbeat { task }, Vec::new()),
        };
        // WHY: whoever reads a queue may be faster than the queue's own answer to whoever wrote to it.
        if !records.is_empty() {
            self.core().submission(execution, task).await;
        }
        match self.core().deliver(execution, vec![input], records).await {
            Ok(()) => Ok(()),
            Err(engine::Error::NotWaiting(_) | engine::Error::NoExecution(_)) => Err(Error::Ended),
            // WHY: the token was used by somebody else at the same moment.
            Err(engine::Error::Store(store::Error::Conflict { key: taken })) if taken == key => {
                Err(Error::Ended)
            }
            Err(error) => Err(error.into()),
        }
    }
}
