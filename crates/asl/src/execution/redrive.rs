//! What is left of an execution that has ended badly, and how a redrive takes it up again. Runs nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::{Active, Execution, Frame, ROOT, Redriven, Work};
use crate::definition::ExecutionType;
use crate::event::{Event, Failed};
use crate::limits::REDRIVE_EVENTS_MAX;
use crate::moment::Status;

impl Execution {
    /// The last redrive.
    pub fn redriven(&self) -> Option<Redriven> {
        self.redriven
    }

    /// How often it was redriven.
    pub fn redrives(&self) -> u32 {
        self.redriven.map_or(0, |redriven| redriven.count)
    }

    /// The same execution before its first event: what a redrive folds the history into.
    #[must_use]
    pub fn unfolded(&self) -> Self {
        let child_of = self.child_of.clone();
        Self { child_of, ..Self::new(self.start.clone()) }
    }

    /// Whether [`Input::Redrive`](crate::Input::Redrive) is taken. Of an execution that was read from a snapshot after
    /// its end this cannot be said: fold its history.
    pub fn is_redrivable(&self) -> bool {
        let is_known = |frame: &Frame| frame.active.is_some() || frame.next.is_some();
        matches!(self.status, Status::Failed | Status::TimedOut | Status::Aborted)
            && self.last_event_id < REDRIVE_EVENTS_MAX
            && (self.is_express()
                || (self.given_up.contains_key(&ROOT) && self.given_up.values().all(is_known)))
    }

    /// Whether it is an Express child: it is never taken up, but begins anew.
    pub(crate) fn is_express(&self) -> bool {
        self.child_of.as_ref().is_some_and(|child| child.execution_type == ExecutionType::Express)
    }

    /// After a bad end, all frames are kept for a redrive.
    pub(super) fn give_up_all(&mut self, status: Status) {
        let frames = std::mem::take(&mut self.frames);
        match status {
            Status::Succeeded => self.given_up.clear(),
            Status::Running | Status::Failed | Status::TimedOut | Status::Aborted => {
                self.given_up.extend(frames);
            }
        }
    }

    /// The frame's state goes on otherwise: what was given up beneath it is not taken up any more.
    pub(super) fn forget_given_up(&mut self, frame: u64) {
        if self.given_up.is_empty() {
            return;
        }
        let mut gone = BTreeSet::from([frame]);
        // WHY: a frame has a higher number than its parent, so parents are looked at first.
        self.given_up.retain(|id, frame| {
            let goes = frame.parent.is_some_and(|parent| gone.contains(&parent));
            if goes {
                gone.insert(*id);
            }
            !goes
        });
    }

    /// `ExecutionRedriven`
    pub(super) fn take_up(&mut self, event: &Event, count: u32, attempt: Option<u32>) {
        self.status = Status::Running;
        self.failed = Failed::default();
        self.redriven = Some(Redriven { count, at: event.timestamp, event: event.id });
        if let (Some(child), Some(attempt)) = (&mut self.child_of, attempt) {
            child.attempt = attempt;
        }
        self.frames = std::mem::take(&mut self.given_up);
        if self.is_express() {
            self.started_at = event.timestamp;
            self.frames = BTreeMap::from([(ROOT, Frame::default())]);
        }
        self.frames.values_mut().for_each(Frame::take_up);
    }

    /// `MapRunRedriven`
    pub(super) fn take_up_map_run(&mut self, event: &Event, count: u32) {
        self.follow(event, event.id);
        if let Some(run) = self.run_mut(event.frame) {
            run.is_over = false;
            run.redrives = count;
        }
    }
}

impl Frame {
    /// The state begins again where it was entered, with all of its retries; a Parallel or Map that has branches,
    /// iterations or a Map Run left goes on with those.
    fn take_up(&mut self) {
        let Some(active) = &mut self.active else { return };
        active.retries = 0;
        active.attempts.clear();
        active.timers.clear();
        if !active.goes_on() {
            active.work = Work::None;
            self.previous = active.entered;
        }
    }
}

impl Active {
    fn goes_on(&self) -> bool {
        match &self.work {
            Work::Fork(fork) => !fork.is_done(),
            Work::MapRun(run) => !run.is_spent,
            Work::None | Work::Task { .. } => false,
        }
    }
}

/// Whether a Map Run has failed by what it was given or gave: the same items would only fail it again.
pub(super) fn is_by_data(failed: &Failed) -> bool {
    matches!(failed.error.as_deref(), Some("States.DataLimitExceeded" | "States.Runtime"))
}
