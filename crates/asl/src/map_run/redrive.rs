//! A Map Run that is redriven: which children are run again, in which order, and what of its results stays.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::indexes::Indexes;
use super::{MapRun, Phase, Sizes};
use crate::moment::Status;
use crate::timestamp::Timestamp;

/// Children that have not succeeded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsuccessful {
    failed: Indexes,
    timed_out: Indexes,
    aborted: Indexes,
    /// Those that cannot be redriven.
    lost: Indexes,
}

/// What a Map Run knows of its redrives.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    count: u32,
    at: Option<Timestamp>,
    /// A redrive that begins when what runs is over.
    due: Option<u32>,
    /// Children that wait to be run again.
    pub waiting: Unsuccessful,
    pub lost_executions: u64,
    pub lost_items: u64,
    /// Files with results of children that have succeeded, of all times.
    written: Vec<Value>,
    /// Children up to this attempt that have succeeded are in those files.
    written_attempt: Option<u32>,
}

impl Unsuccessful {
    /// Adds a child as it ended; they are added in ascending order.
    pub fn push(&mut self, child: u32, status: Status) {
        match status {
            Status::Failed => self.failed.push(child, child + 1),
            Status::TimedOut => self.timed_out.push(child, child + 1),
            Status::Aborted => self.aborted.push(child, child + 1),
            Status::Running | Status::Succeeded => {}
        }
    }

    /// Adds a child that did not succeed and cannot be redriven.
    pub fn push_lost(&mut self, child: u32) {
        self.lost.push(child, child + 1);
    }

    pub(super) fn executions(&self) -> u64 {
        self.by_status().into_iter().map(|(_, children)| u64::from(children.len())).sum()
    }

    pub(super) fn items(&self, sizes: &Sizes) -> u64 {
        self.by_status().into_iter().map(|(_, children)| sizes.of_all(children)).sum()
    }

    fn by_status(&self) -> [(Status, &Indexes); 3] {
        [
            (Status::Failed, &self.failed),
            (Status::TimedOut, &self.timed_out),
            (Status::Aborted, &self.aborted),
        ]
    }

    fn contains(&self, child: u32) -> bool {
        self.by_status().into_iter().any(|(_, children)| children.contains(child))
    }

    /// Takes out the child with the lowest number.
    fn pop_first(&mut self) -> Option<u32> {
        let sets = [&mut self.failed, &mut self.timed_out, &mut self.aborted];
        let lowest = sets.into_iter().min_by_key(|set| set.first().unwrap_or(u32::MAX))?;
        let child = lowest.first()?;
        lowest.remove(child);
        Some(child)
    }
}

impl MapRun {
    /// How often it was redriven.
    pub fn redrives(&self) -> u32 {
        self.redrive.count
    }

    /// When it was redriven last.
    pub fn redriven_at(&self) -> Option<Timestamp> {
        self.redrive.at
    }

    /// Whether a child waits to be run again.
    pub fn is_pending_redrive(&self, child: u32) -> bool {
        self.redrive.waiting.contains(child)
    }

    /// Files that earlier attempts have written for children that have succeeded.
    pub(super) fn written(&self) -> &[Value] {
        &self.redrive.written
    }

    /// Children that have succeeded in an attempt up to this one are in those files.
    pub(super) fn written_attempt(&self) -> Option<u32> {
        self.redrive.written_attempt
    }

    /// The parent has been redriven. What still runs of the attempt before is ended first.
    pub(super) fn redriven(&mut self, count: u32, now: Timestamp) {
        self.redrive.due = Some(count);
        match self.phase {
            Phase::Over => self.begin_due_redrive(now),
            Phase::Preparing => self.phase = Phase::Over,
            Phase::Redriving | Phase::Running => self.phase = Phase::Stopping,
            Phase::Stopping | Phase::Writing => {}
        }
        if self.redrive.due.is_some() {
            self.is_aborted = true;
        }
    }

    pub(super) fn begin_due_redrive(&mut self, now: Timestamp) {
        let Some(count) = self.redrive.due.take() else { return };
        let redrive = &mut self.redrive;
        (redrive.count, redrive.at) = (count, Some(now));
        (redrive.lost_executions, redrive.lost_items) = (0, 0);
        self.stopped_at = None;
        self.failure = None;
        self.is_aborted = false;
        self.has_results = false;
        // WHY: what has no children yet reads its items once more.
        self.phase = if self.sizes.is_empty() { Phase::Preparing } else { Phase::Redriving };
    }

    pub(super) fn found(&mut self, unsuccessful: Unsuccessful) {
        for (status, children) in unsuccessful.by_status() {
            self.executions.subtract(status, u64::from(children.len()));
            self.items.subtract(status, self.sizes.of_all(children));
        }
        self.redrive.lost_executions = u64::from(unsuccessful.lost.len());
        self.redrive.lost_items = self.sizes.of_all(&unsuccessful.lost);
        self.redrive.waiting = unsuccessful;
        self.phase = Phase::Running;
    }

    /// Has children that wait run again, as far as there is room; gives how many.
    pub(super) fn run_waiting(&mut self, room: u32) -> u32 {
        let mut count = 0;
        while count < room {
            let Some(child) = self.redrive.waiting.pop_first() else { break };
            // WHY: they come in ascending order, and before all that were never started.
            self.running.push(child, child + 1);
            count += 1;
        }
        count
    }

    /// The children that wait stay as they ended before.
    pub(super) fn give_up_waiting(&mut self) {
        let waiting = std::mem::take(&mut self.redrive.waiting);
        for (status, children) in waiting.by_status() {
            self.executions.add(status, u64::from(children.len()));
            self.items.add(status, self.sizes.of_all(children));
        }
    }
}

impl State {
    pub(super) fn is_none(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn has_written(&mut self, succeeded: Vec<Value>) {
        self.written_attempt = Some(self.count);
        self.written.extend(succeeded);
    }
}

impl Sizes {
    /// The items of these children.
    fn of_all(&self, children: &Indexes) -> u64 {
        children.iter().map(|child| self.of(child)).sum()
    }
}
