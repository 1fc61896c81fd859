//! The only door to durability: one commit verb, reads, and a look at what is due. Knows nothing of the language's rules.

pub mod memory;
pub mod postgres;
pub mod sqlite;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shipway_asl::{Event, ScheduledTask, Status, Timestamp};

use crate::launch::Origin;

/// Records, events, tasks or timers that one call returns at most.
pub const PAGE_MAX: usize = 1_000;

/// A versioned document. A key's version only grows, also over a deletion, so it serves as fencing token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its key; `/` separates parts.
    pub key: String,
    /// 1 for the first write.
    pub version: u64,
    /// Its value; `null` is a deleted record.
    pub value: Value,
}

/// A record to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Put {
    /// Its key.
    pub key: String,
    /// What must be there, or the whole commit is refused.
    pub expected: Expected,
    /// The new value.
    pub value: Value,
}

/// What a [`Put`] expects to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Anything.
    Any,
    /// Nothing was ever written.
    Absent,
    /// Exactly this version.
    Version(u64),
}

impl Expected {
    /// Whether a record at `version` (none: never written) is what is expected.
    pub fn holds(self, version: Option<u64>) -> bool {
        match self {
            Self::Any => true,
            Self::Absent => version.is_none(),
            Self::Version(expected) => version == Some(expected),
        }
    }
}

/// What changes together, durably, or not at all.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// One execution's progress.
    pub execution: Option<Progress>,
    /// Records.
    pub records: Vec<Put>,
}

/// One execution's progress: new events and what follows from them.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The execution as it stands now.
    pub row: Row,
    /// Last event before these; 0 if the execution must not exist yet.
    pub expected_event_id: u64,
    /// New events, ids from `expected_event_id + 1` on.
    pub events: Vec<Event>,
    /// Tasks that are to be done.
    pub tasks_added: Vec<ScheduledTask>,
    /// Tasks that are done or not wanted any more.
    pub tasks_removed: Vec<u64>,
    /// Timers that are to fire.
    pub timers_added: Vec<(u64, Timestamp)>,
    /// Timers that have fired or are not wanted any more.
    pub timers_removed: Vec<u64>,
}

/// An execution's row: what lists show, and its snapshot.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its ARN, unique.
    pub arn: String,
    /// Name of its machine.
    pub machine: String,
    /// Revision of the machine that it runs.
    pub revision: u64,
    /// Its name.
    pub name: String,
    /// How it stands.
    pub status: Status,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it ended.
    pub stopped_at: Option<Timestamp>,
    /// Its last event.
    pub last_event_id: u64,
    /// How often it was redriven.
    pub redrives: u32,
    /// When it was redriven last. An Express child, which then only begins anew, has no such date.
    pub redriven_at: Option<Timestamp>,
    /// How it came to be.
    pub origin: Origin,
    /// The fold of its events, serialised.
    pub snapshot: Vec<u8>,
}

/// Which rows to list, newest first.
#[derive(Clone, Debug, Default)]
pub struct RowFilter {
    /// Only this machine; without one and without a Map Run, all but `<machine>/<label>`: the children of Map Runs.
    pub machine: Option<String>,
    /// Only this status.
    pub status: Option<Status>,
    /// Only those with this in their name.
    pub name: Option<String>,
    /// Only those started by this version, itself or through an alias.
    pub version: Option<u64>,
    /// Only those started by this alias.
    pub alias: Option<String>,
    /// Only the children of this Map Run.
    pub map_run: Option<String>,
    /// Only those started at this time or later.
    pub since: Option<Timestamp>,
    /// Leave the snapshots out, which may be large and which lists do not show.
    pub is_bare: bool,
    /// Only rows older than the one with this start and ARN.
    pub before: Option<(Timestamp, String)>,
    /// At most so many, up to [`PAGE_MAX`].
    pub limit: usize,
}

/// A timer that is waited for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DueTimer {
    /// When.
    pub due: Timestamp,
    /// Whose.
    pub arn: String,
    /// Which.
    pub timer: u64,
}

/// A task that is not done.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenTask {
    /// Whose.
    pub arn: String,
    /// What.
    pub task: ScheduledTask,
}

/// Why a store refused or could not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A record or execution is not at the version that was expected; nothing was written.
    #[error("`{key}` was changed by somebody else")]
    Conflict {
        /// The key or ARN.
        key: String,
    },
    /// The store cannot be opened, read or written: full disk, read-only directory, damaged file.
    #[error("{operation}: {reason}")]
    Unavailable {
        /// What was tried, with the path.
        operation: String,
        /// What the system said, and what to do.
        reason: String,
    },
}

/// How a status is written in a table, as AWS writes it.
fn status_text(status: Status) -> &'static str {
    match status {
        Status::Running => "RUNNING",
        Status::Succeeded => "SUCCEEDED",
        Status::Failed => "FAILED",
        Status::TimedOut => "TIMED_OUT",
        Status::Aborted => "ABORTED",
    }
}

/// A store. Semantics live above this port; one kit of tests runs over every implementation.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Writes all of a commit or nothing; durable when this returns. Gives the new versions of its records.
    async fn commit(&self, commit: Commit) -> Result<Vec<u64>, Error>;
    /// An execution's row.
    async fn execution(&self, arn: &str) -> Result<Option<Row>, Error>;
    /// Rows, newest first.
    async fn executions(&self, filter: &RowFilter) -> Result<Vec<Row>, Error>;
    /// Events with an id above `after`, in order.
    async fn events(&self, arn: &str, after: u64, limit: usize) -> Result<Vec<Event>, Error>;
    /// The timers that are due next, in order of time.
    async fn timers(&self, limit: usize) -> Result<Vec<DueTimer>, Error>;
    /// Open tasks above `after` (an ARN and task id), in that order.
    async fn tasks(&self, after: Option<(&str, u64)>, limit: usize) -> Result<Vec<OpenTask>, Error>;
    /// A record, if it was ever written.
    async fn record(&self, key: &str) -> Result<Option<Record>, Error>;
    /// Records whose key starts with `prefix` and is above `after`, in key order, deleted ones left out.
    async fn records(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Record>, Error>;
}
