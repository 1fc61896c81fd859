//! Commits of the store: how long they take, how many wait, how many were not written.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use shipway_engine::observe::{CommitOutcome, CommitWatch};

use super::series::{Counter, Histogram, Metric, gauge};

const WAITING: Metric = Metric {
    name: "shipway_store_commits_waiting",
    help: "Commits that are queued or being written.",
    labels: &[],
};
const DURATIONS: &[u64] = &[1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 5_000];

/// Counts of commits.
#[derive(Debug)]
pub struct Commits {
    waiting: AtomicU32,
    outcomes: Counter,
    duration: Histogram,
}

impl Default for Commits {
    fn default() -> Self {
        Self {
            waiting: AtomicU32::new(0),
            outcomes: Counter::new(Metric {
                name: "shipway_store_commits_total",
                help: "Commits, by what became of them.",
                labels: &["outcome"],
            }),
            duration: Histogram::new(
                Metric {
                    name: "shipway_store_commit_duration_seconds",
                    help: "From asking for a commit to its answer.",
                    labels: &[],
                },
                DURATIONS,
            ),
        }
    }
}

impl CommitWatch for Commits {
    fn began(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    fn ended(&self, outcome: CommitOutcome, took: Duration) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        let name = match outcome {
            CommitOutcome::Written => "written",
            CommitOutcome::Conflict => "conflict",
            CommitOutcome::Failed => "failed",
            CommitOutcome::Abandoned => "abandoned",
        };
        self.outcomes.add(&[name]);
        self.duration.observe(&[], took.as_secs_f64());
    }
}

impl Commits {
    /// Its lines.
    pub fn render(&self, text: &mut String) {
        gauge(text, WAITING, [(Vec::new(), f64::from(self.waiting.load(Ordering::Relaxed)))]);
        self.outcomes.render(text);
        self.duration.render(text);
    }
}
