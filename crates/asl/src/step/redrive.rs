//! Redriving: an execution that has ended and not succeeded goes on from where it stopped. What is left of it, the fold
//! knows (`execution::redrive`).

use std::sync::Arc;

use super::fail::Failure;
use super::stepper::{Job, Stepper};
use crate::definition::StateKind;
use crate::event::{Change, Detail};
use crate::execution::{ROOT, Run, Work};
use crate::limits::MAP_RUN_REDRIVES_MAX;
use crate::moment::Effect;

impl Stepper<'_> {
    /// Begins again with what did not succeed; its time runs anew.
    pub fn redrive(&mut self, attempt: Option<u32>) {
        let count = self.execution.redrives().saturating_add(1);
        let last = self.execution.last_event_id();
        let id = self.emit_after(ROOT, last, Detail::ExecutionRedriven { count, attempt });
        let Some((start_at, seconds)) = self.bounds() else { return };
        self.limit_time(id, seconds);
        if !self.execution.is_express() {
            return self.jobs.push_back(Job::Resume { frame: ROOT });
        }
        let input = Arc::new(self.execution.start().input.clone());
        self.jobs.push_back(Job::Enter { frame: ROOT, state: start_at.to_owned(), input });
    }

    /// Goes on in a frame: with the state that it is in, or with the branches or iterations that are left of it.
    pub fn resume(&mut self, frame: u64) {
        let Some(left) = self.execution.frame(frame) else { return };
        let Some(active) = &left.active else {
            if let Some((state, input)) = left.next.clone() {
                self.jobs.push_front(Job::Enter { frame, state, input });
            }
            return;
        };
        match &active.work {
            Work::Fork(_) => self.resume_fork(frame, active.kind),
            Work::MapRun(run) => self.redrive_map_run(frame, run.clone()),
            Work::None | Work::Task { .. } => self.work(frame),
        }
    }

    fn resume_fork(&mut self, frame: u64, kind: StateKind) {
        for child in self.execution.children(frame) {
            self.jobs.push_back(Job::Resume { frame: child });
        }
        if kind == StateKind::Map {
            self.jobs.push_back(Job::Iterate { frame });
        }
    }

    fn redrive_map_run(&mut self, frame: u64, run: Run) {
        if run.redrives >= MAP_RUN_REDRIVES_MAX {
            let cause =
                format!("The Map Run reached the maximum number of redrives ({MAP_RUN_REDRIVES_MAX}).");
            return self
                .fail(frame, Failure { error: Some("States.Runtime".to_owned()), cause: Some(cause) });
        }
        let Run { run, arn, before, redrives, .. } = run;
        let count = redrives + 1;
        // WHY: AWS chains it as it had chained the start of the Map Run.
        self.emit_after(frame, before, Detail::MapRunRedriven { arn: arn.clone(), count });
        self.effect(Effect::RedriveMapRun { run, arn, count });
    }

    /// What the failure of a frame's state comes after: AWS chains one that nothing has led to since a redrive to the
    /// redrive.
    pub fn failed_after(&self, frame: u64) -> u64 {
        let previous = self.execution.frame(frame).map_or(0, |frame| frame.previous);
        let entered = self.execution.active(frame).map_or(0, |active| active.entered);
        let redriven = self.execution.redriven().map_or(0, |redriven| redriven.event);
        if previous == entered { previous.max(redriven) } else { previous }
    }

    /// Notes of all frames that are between two states which one comes next: a redrive begins there.
    pub fn keep_places(&mut self) {
        let frames: Vec<u64> = self.jobs.iter().filter_map(Job::entered_frame).collect();
        frames.into_iter().for_each(|frame| self.keep_place(frame));
    }

    /// Notes where a frame would have gone on.
    pub fn keep_place(&mut self, frame: u64) {
        let entry = self.jobs.iter().find(|job| job.entered_frame() == Some(frame));
        if let Some(Job::Enter { state, input, .. }) = entry
            && self.execution.frame(frame).is_some_and(|frame| frame.active.is_none())
        {
            let next = Change::Next { frame, state: state.clone(), input: input.clone() };
            self.change(next);
        }
    }
}

impl Job {
    fn entered_frame(&self) -> Option<u64> {
        match self {
            Self::Enter { frame, .. } => Some(*frame),
            Self::Iterate { .. } | Self::Resume { .. } => None,
        }
    }
}
