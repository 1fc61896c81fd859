//! A store that can be told to fail or to hold commits back; otherwise the store beneath it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use async_trait::async_trait;
use shipway_asl::Event;
use shipway_engine::{
    Record, Store,
    store::{Commit, DueTimer, Error, OpenTask, Row, RowFilter},
};
use tokio::sync::{Notify, Semaphore};

pub struct Troubled {
    beneath: Arc<dyn Store>,
    /// Refuses every commit.
    pub is_full: AtomicBool,
    pub refused: AtomicUsize,
    /// Told at each refusal.
    pub has_refused: Notify,
    /// Told when a commit arrives.
    pub has_arrived: Notify,
    /// Commits that are taken before it is full for ever.
    pub commits_left: AtomicUsize,
    /// Whether the last of them is written, though its reply is lost.
    pub loses_reply: AtomicBool,
    /// Commits pass while there are permits.
    pub gate: Semaphore,
}

impl Troubled {
    pub fn over(beneath: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            beneath,
            is_full: AtomicBool::new(false),
            refused: AtomicUsize::new(0),
            has_refused: Notify::new(),
            has_arrived: Notify::new(),
            commits_left: AtomicUsize::new(usize::MAX),
            loses_reply: AtomicBool::new(false),
            gate: Semaphore::new(1_000),
        })
    }
}

impl Troubled {
    fn refuse(&self) -> Error {
        self.refused.fetch_add(1, Ordering::SeqCst);
        self.has_refused.notify_one();
        Error::Unavailable { operation: "write".to_owned(), reason: "full".to_owned() }
    }
}

#[async_trait]
impl Store for Troubled {
    async fn commit(&self, commit: Commit) -> Result<Vec<u64>, Error> {
        self.has_arrived.notify_one();
        let _passes = self.gate.acquire().await.unwrap();
        let left =
            self.commits_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left == Ok(1) && self.loses_reply.load(Ordering::SeqCst) {
            drop(self.beneath.commit(commit).await);
            return Err(self.refuse());
        }
        if self.is_full.load(Ordering::SeqCst) || left.is_err() {
            return Err(self.refuse());
        }
        self.beneath.commit(commit).await
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
