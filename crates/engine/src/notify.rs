//! Wakes who waits for an execution's next event. Only a hint: the history is read from the store.

use std::hash::{DefaultHasher, Hash, Hasher};

use tokio::sync::{Notify, futures::Notified};

/// Executions share a few bells: a wake-up too many costs one read.
const BELLS: usize = 64;

/// A bell for each execution, shared.
#[derive(Debug)]
pub struct Bells {
    bells: Vec<Notify>,
    fallback: Notify,
}

impl Default for Bells {
    fn default() -> Self {
        Self { bells: (0..BELLS).map(|_| Notify::new()).collect(), fallback: Notify::new() }
    }
}

impl Bells {
    fn bell(&self, arn: &str) -> &Notify {
        let mut hasher = DefaultHasher::new();
        arn.hash(&mut hasher);
        let index = usize::try_from(hasher.finish() % BELLS as u64).unwrap_or(0);
        self.bells.get(index).unwrap_or(&self.fallback)
    }

    /// Something of the execution is durable that was not before.
    pub fn ring(&self, arn: &str) {
        self.bell(arn).notify_waiters();
    }

    /// Resolves at the next ring after it was enabled; enable it before you look, so that no ring is lost.
    pub fn wait(&self, arn: &str) -> Notified<'_> {
        self.bell(arn).notified()
    }
}
