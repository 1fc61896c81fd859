//! Who is told of executions once it is durable: logs, spans, metrics. The engine never waits for an observer, and no
//! observer decides anything.

use std::sync::{Arc, atomic::Ordering};

use shipway_asl::Event;

pub use crate::watched_store::{CommitOutcome, CommitWatch, WatchedStore};
use crate::{
    engine::Engine,
    store::{Put, Row},
};

/// An execution that moves on: as it stands after these events, and the events, which follow each other without gaps.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The execution.
    pub row: &'a Row,
    /// Its new events, at least one.
    pub events: &'a Arc<[Event]>,
}

/// Told of every execution, of Map Runs' children too, in the order of its events.
///
/// Both functions are called on the engine's way and hold it up as long as they take: they look at what they are
/// given, put it aside and return. They do no IO and wait for nothing.
pub trait Observer: Send + Sync + 'static {
    /// Records that become durable together with these events, or not at all. What stands in them is how an observer
    /// knows after a crash what it was not told.
    fn records(&self, _step: Step<'_>) -> Vec<Put> {
        Vec::new()
    }

    /// These events are durable. A crash may come between the commit and this call.
    fn committed(&self, step: Step<'_>);
}

/// All observers of an engine.
#[derive(Clone, Default)]
pub struct Observers(Vec<Arc<dyn Observer>>);

impl Observers {
    /// One more.
    pub fn add(&mut self, observer: Arc<dyn Observer>) {
        self.0.push(observer);
    }

    /// Before a commit: what observers write in it, and a copy of its events if there is somebody to be told.
    pub fn before(&self, row: &Row, events: &[Event], records: &mut Vec<Put>) -> Option<Arc<[Event]>> {
        if self.0.is_empty() || events.is_empty() {
            return None;
        }
        let events: Arc<[Event]> = events.into();
        let step = Step { row, events: &events };
        records.extend(self.0.iter().flat_map(|observer| observer.records(step)));
        Some(events)
    }

    /// After the commit has returned.
    pub fn after(&self, row: &Row, events: Option<Arc<[Event]>>) {
        if let Some(events) = events {
            self.0.iter().for_each(|observer| observer.committed(Step { row, events: &events }));
        }
    }
}

impl Engine {
    /// Activities by ARN, with how many of their tasks wait for a worker.
    pub fn activity_queues(&self) -> Vec<(String, usize)> {
        self.core().activities.lengths()
    }

    /// How late the next timer is, in milliseconds; 0 if none is late.
    pub fn timer_lag_millis(&self) -> u64 {
        let next = self.core().next_timer.load(Ordering::SeqCst);
        self.clock().now().millis_since(shipway_asl::Timestamp(next))
    }
}
