//! Rehearses a machine: drives [`step`](crate::step) through virtual time with made-up task answers.
//! Pure: no IO, no clock, no waiting, so a year's Wait costs nothing. Does not judge what comes out.

mod answer;
mod coverage;
mod driver;
mod effects;
mod map_run;
mod probe;
mod visits;

pub use answer::{Answer, Mocks};
pub use coverage::{Coverage, Edge, Taken};
pub use driver::rehearse;
pub use probe::Probes;
pub use visits::{Hop, Visit};

use serde_json::{Map, Value};

use crate::event::Event;
use crate::execution::Execution;
use crate::moment::{ScheduledTask, Start};
use crate::timestamp::Timestamp;

/// What a rehearsal starts with.
#[derive(Clone, Debug, PartialEq)]
pub struct Rehearsal {
    /// The execution's input, names and ARNs.
    pub start: Start,
    /// When it starts.
    pub now: Timestamp,
    /// Where random numbers come from.
    pub seed: u64,
    /// When to give up.
    pub limits: Limits,
}

impl Rehearsal {
    /// A rehearsal with everything but the start at its default.
    pub fn new(start: Start) -> Self {
        Self { start, now: Timestamp::default(), seed: 1, limits: Limits::default() }
    }
}

/// When a rehearsal gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Inputs that are given to the execution.
    pub inputs_max: usize,
    /// Events in its history. The language itself allows no more than
    /// [`HISTORY_EVENTS_MAX`](crate::limits::HISTORY_EVENTS_MAX).
    pub events_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { inputs_max: 100_000, events_max: 25_000 }
    }
}

/// What became of a rehearsal.
#[derive(Clone, Debug, PartialEq)]
pub struct Rehearsed {
    /// The execution as it stands at the end: status, output, error, cause.
    pub execution: Execution,
    /// The whole history.
    pub events: Vec<Event>,
    /// Why it came to its end.
    pub ending: Ending,
    /// The states that were entered, in order, with their times.
    pub visits: Vec<Visit>,
    /// The transitions that were taken, in order.
    pub hops: Vec<Hop>,
    /// Each task that was scheduled, with what the mocks said to it, in order.
    pub tasks: Vec<Performed>,
    /// When it started.
    pub started_at: Timestamp,
    /// When the last thing happened.
    pub ended_at: Timestamp,
}

impl Rehearsed {
    /// Tasks that were still waited for when it came to its end.
    pub fn unanswered(&self) -> impl Iterator<Item = &ScheduledTask> {
        self.tasks.iter().filter(|performed| performed.is_open).map(|performed| &performed.task)
    }

    /// The machine's own variables as the last state left them; those of branches and iterations end with these.
    pub fn variables(&self) -> Map<String, Value> {
        let own = self.visits.iter().filter(|visit| visit.depth == 0);
        own.flat_map(|visit| visit.assigned.clone()).collect()
    }

    /// Virtual milliseconds from the start to the end.
    pub fn took_millis(&self) -> u64 {
        self.ended_at.millis_since(self.started_at)
    }
}

/// Why a rehearsal came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The execution has ended; its status says how.
    Completed,
    /// Nothing more can happen: open tasks are never answered and nothing limits their time.
    Stuck,
    /// The mocks had no answer to a task.
    NoAnswer {
        /// The state whose task it is.
        state: String,
        /// What the mocks said.
        reason: String,
    },
    /// A limit of the rehearsal was reached.
    Limit {
        /// The name of the limit.
        limit: &'static str,
        /// Its value.
        most: usize,
    },
}

/// A task that was scheduled, and what the mocks said to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Performed {
    /// The task, as a worker would get it.
    pub task: ScheduledTask,
    /// When it was scheduled.
    pub at: Timestamp,
    /// What the mocks said.
    pub answer: Answer,
    /// Whether it was still waited for at the end.
    pub is_open: bool,
}

#[cfg(test)]
mod tests;
