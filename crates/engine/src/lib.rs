//! Durable execution of state machines: one atomic commit verb, timers, task dispatch, recovery.

#![allow(clippy::todo, clippy::needless_pass_by_value, reason = "scaffold")]

pub mod clock;
pub mod store;
pub mod task;

use std::{path::Path, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shipway_asl::{Diagnostic, Event, Status, Timestamp};
use tokio_util::sync::CancellationToken;

pub use crate::{
    clock::{Clock, SystemClock, VirtualClock},
    store::{Expected, Put, Record, Store},
    task::{Task, TaskFailure, TaskHandler},
};

/// Settings of an engine; `Default` suits one server on one machine.
#[derive(Clone, Debug)]
pub struct Config {
    /// Region in ARNs.
    pub region: String,
    /// Account in ARNs, 12 digits.
    pub account: String,
    /// Tasks run at once at most.
    pub tasks_max: usize,
    /// How long a claimed effect belongs to its worker before another may take it.
    pub lease_millis: u64,
}

/// A running engine; clones share it.
#[derive(Clone)]
pub struct Engine;

/// What to start.
#[derive(Clone, Debug)]
pub struct StartExecution {
    /// Name of a machine given to [`Engine::put_machine`].
    pub machine: String,
    /// Name of the execution, unique per machine: the same name with the same input is the same execution.
    pub name: String,
    /// Input.
    pub input: Value,
    /// Records to be written in the same commit, or nothing is started.
    pub records: Vec<Put>,
}

/// An execution as it can be shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// `arn:aws:states:<region>:<account>:execution:<machine>:<name>`: the id used everywhere.
    pub arn: String,
    /// The machine's name.
    pub machine: String,
    /// The execution's name.
    pub name: String,
    /// How it stands.
    pub status: Status,
    /// Input.
    pub input: Value,
    /// Output, once it has succeeded.
    pub output: Option<Value>,
    /// Error name, once it has failed.
    pub error: Option<String>,
    /// Cause, once it has failed.
    pub cause: Option<String>,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it ended.
    pub stopped_at: Option<Timestamp>,
    /// Id of the last durable event.
    pub last_event_id: u64,
    /// States entered and not exited.
    pub active_states: Vec<String>,
}

/// Which executions to list, newest first.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only this machine.
    pub machine: Option<String>,
    /// Only this status.
    pub status: Option<Status>,
    /// Cursor from the page before.
    pub after: Option<String>,
    /// At most so many; 1 to 1,000, 0 means 100.
    pub limit: usize,
}

/// Why the engine refused or could not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such machine.
    #[error("state machine `{0}` does not exist")]
    NoMachine(String),
    /// The definition is not valid.
    #[error("the definition is not valid: {}", .0.first().map_or("", |first| first.message.as_str()))]
    Definition(Vec<Diagnostic>),
    /// No such execution.
    #[error("execution `{0}` does not exist")]
    NoExecution(String),
    /// Same name, other input.
    #[error("execution `{0}` exists with another input")]
    ExecutionAlreadyExists(String),
    /// The execution, task or timer does not wait for that.
    #[error("execution `{0}` has ended or does not wait for that")]
    NotWaiting(String),
    /// The store refused or could not.
    #[error("the store could not do it")]
    Store(#[from] store::Error),
}

/// What builds an [`Engine`].
pub struct Builder;

impl Builder {
    /// An engine over a store.
    pub fn new(_store: Arc<dyn Store>, _clock: Arc<dyn Clock>, _config: Config) -> Self {
        todo!()
    }
    /// Tasks whose `Resource` equals `resource` go to `handler`.
    #[must_use]
    pub fn handler(self, _resource: &str, _handler: Arc<dyn TaskHandler>) -> Self {
        todo!()
    }
    /// Recovers what is running in the store and starts the workers; they stop when `stop` is cancelled.
    pub async fn start(self, _stop: CancellationToken) -> Result<Engine, Error> {
        todo!()
    }
}

impl Engine {
    /// Creates or replaces a machine; running executions keep the definition they were started with.
    pub async fn put_machine(&self, _name: &str, _definition: &str) -> Result<(), Error> {
        todo!()
    }
    /// The definition of a machine as it stands.
    pub async fn machine(&self, _name: &str) -> Result<String, Error> {
        todo!()
    }
    /// The definition that an execution runs.
    pub async fn definition_of(&self, _arn: &str) -> Result<String, Error> {
        todo!()
    }
    /// Starts an execution; durable when this returns.
    pub async fn start(&self, _start: StartExecution) -> Result<Description, Error> {
        todo!()
    }
    /// The ARN that an execution of that machine and name has or would have.
    pub fn execution_arn(&self, _machine: &str, _name: &str) -> String {
        todo!()
    }
    /// Stops an execution: `ExecutionAborted`.
    pub async fn stop(
        &self,
        _arn: &str,
        _error: Option<String>,
        _cause: Option<String>,
    ) -> Result<(), Error> {
        todo!()
    }
    /// An execution as it stands.
    pub async fn describe(&self, _arn: &str) -> Result<Description, Error> {
        todo!()
    }
    /// Executions, newest first, and the cursor of the next page.
    pub async fn list(&self, _filter: &Filter) -> Result<(Vec<Description>, Option<String>), Error> {
        todo!()
    }
    /// Events with an id above `after`, in order, at most `limit`.
    pub async fn history(&self, _arn: &str, _after: u64, _limit: usize) -> Result<Vec<Event>, Error> {
        todo!()
    }
    /// Returns when the execution has an event with an id above `after`, or has ended.
    pub async fn changed(&self, _arn: &str, _after: u64) -> Result<(), Error> {
        todo!()
    }
    /// Answers a task that waits for its token.
    pub async fn complete_task(
        &self,
        _token: &str,
        _result: Result<Value, TaskFailure>,
    ) -> Result<(), Error> {
        todo!()
    }
    /// A record of the store.
    pub async fn record(&self, _key: &str) -> Result<Option<Record>, Error> {
        todo!()
    }
    /// Records whose key starts with `prefix` and is above `after`, in key order, at most `limit`.
    pub async fn records(
        &self,
        _prefix: &str,
        _after: Option<&str>,
        _limit: usize,
    ) -> Result<Vec<Record>, Error> {
        todo!()
    }
    /// Writes records, all or none; gives their new versions.
    pub async fn put(&self, _puts: Vec<Put>) -> Result<Vec<u64>, Error> {
        todo!()
    }
    /// The engine's clock.
    pub fn clock(&self) -> Arc<dyn Clock> {
        todo!()
    }
}

/// Opens the embedded store in a directory, creating it if it is missing.
pub async fn open_sqlite(_directory: &Path) -> Result<Arc<dyn Store>, store::Error> {
    todo!()
}
