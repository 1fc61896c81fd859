//! A store in memory whose disk can be full: reads go on, commits are refused.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use async_trait::async_trait;
use shipway_asl::Event;
use shipway_engine::{
    Store,
    store::{Commit, DueTimer, Error, OpenTask, Record, Row, RowFilter},
};

pub struct Full {
    store: Arc<dyn Store>,
    is_full: AtomicBool,
    commits: AtomicUsize,
}

impl Default for Full {
    fn default() -> Self {
        let (is_full, commits) = (AtomicBool::new(false), AtomicUsize::new(0));
        Self { store: shipway_engine::memory_store(), is_full, commits }
    }
}

impl Full {
    pub fn is_full(&self, is_full: bool) {
        self.is_full.store(is_full, Ordering::SeqCst);
    }

    pub fn commits(&self) -> usize {
        self.commits.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Store for Full {
    async fn commit(&self, commit: Commit) -> Result<Vec<u64>, Error> {
        self.commits.fetch_add(1, Ordering::SeqCst);
        if self.is_full.load(Ordering::SeqCst) {
            let (operation, reason) = ("write the-file".to_owned(), "disk is full".to_owned());
            return Err(Error::Unavailable { operation, reason });
        }
        self.store.commit(commit).await
    }

    async fn execution(&self, arn: &str) -> Result<Option<Row>, Error> {
        self.store.execution(arn).await
    }

    async fn executions(&self, filter: &RowFilter) -> Result<Vec<Row>, Error> {
        self.store.executions(filter).await
    }

    async fn events(&self, arn: &str, after: u64, limit: usize) -> Result<Vec<Event>, Error> {
        self.store.events(arn, after, limit).await
    }

    async fn timers(&self, limit: usize) -> Result<Vec<DueTimer>, Error> {
        self.store.timers(limit).await
    }

    async fn tasks(&self, after: Option<(&str, u64)>, limit: usize) -> Result<Vec<OpenTask>, Error> {
        self.store.tasks(after, limit).await
    }

    async fn record(&self, key: &str) -> Result<Option<Record>, Error> {
        self.store.record(key).await
    }

    async fn records(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Record>, Error> {
        self.store.records(prefix, after, limit).await
    }
}
