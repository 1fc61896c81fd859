//! A store whose commits are watched: how long each takes and what becomes of it. Changes nothing of what it does.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use shipway_asl::Event;
use tokio::time::Instant;

use crate::store::{Commit, DueTimer, Error, OpenTask, Record, Row, RowFilter, Store};

/// What became of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitOutcome {
    /// It is durable.
    Written,
    /// Somebody else was faster; nothing was written.
    Conflict,
    /// The store could not.
    Failed,
    /// Whoever asked does not wait for the answer any more.
    Abandoned,
}

/// Told of every commit; must not wait.
pub trait CommitWatch: Send + Sync + 'static {
    /// A commit was asked for.
    fn began(&self);
    /// It was answered, so long after.
    fn ended(&self, outcome: CommitOutcome, took: Duration);
}

/// A store and who watches it.
pub struct WatchedStore {
    beneath: Arc<dyn Store>,
    watch: Arc<dyn CommitWatch>,
}

impl WatchedStore {
    /// Watches the commits of a store.
    pub fn new(beneath: Arc<dyn Store>, watch: Arc<dyn CommitWatch>) -> Self {
        Self { beneath, watch }
    }
}

/// One commit; told as abandoned if it is dropped without an outcome.
struct Watching<'w> {
    watch: &'w dyn CommitWatch,
    began: Instant,
    outcome: CommitOutcome,
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        self.watch.ended(self.outcome, self.began.elapsed());
    }
}

#[async_trait]
impl Store for WatchedStore {
    async fn commit(&self, commit: Commit) -> Result<Vec<u64>, Error> {
        self.watch.began();
        let outcome = CommitOutcome::Abandoned;
        let mut watching = Watching { watch: &*self.watch, began: Instant::now(), outcome };
        let answer = self.beneath.commit(commit).await;
        watching.outcome = match &answer {
            Ok(_) => CommitOutcome::Written,
            Err(Error::Conflict { .. }) => CommitOutcome::Conflict,
            Err(Error::Unavailable { .. }) => CommitOutcome::Failed,
        };
        answer
    }

    async fn execution(&self, arn: &str) -> Result<Option<Row>, Error> {
        self.beneath.execution(arn).await
    }

    async fn executions(&self, filter: &RowFilter) -> Result<Vec<Row>, Error> {
        self.beneath.executions(filter).await
    }

    async fn events(&self, arn: &str, after: u64, limit: usize) -> Result<Vec<Event>, Error> {
        self.beneath.events(arn, after, limit).await
    }

    async fn timers(&self, limit: usize) -> Result<Vec<DueTimer>, Error> {
        self.beneath.timers(limit).await
    }

    async fn tasks(&self, after: Option<(&str, u64)>, limit: usize) -> Result<Vec<OpenTask>, Error> {
        self.beneath.tasks(after, limit).await
    }

    async fn record(&self, key: &str) -> Result<Option<Record>, Error> {
        self.beneath.record(key).await
    }

    async fn records(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Record>, Error> {
        self.beneath.records(prefix, after, limit).await
    }
}
