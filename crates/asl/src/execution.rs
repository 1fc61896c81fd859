//! An execution as the fold of its events. Knows no machine: events say everything that it needs.

mod frame;
mod redrive;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub(crate) use self::frame::{Active, Fork, Frame, Run, Timer, Work};
use crate::definition::{ExecutionType, StateKind};
use crate::event::{Change, Detail, Event, Failed, Purpose, child_frame};
use crate::moment::{Start, Status};
use crate::timestamp::Timestamp;

/// The frame of the machine itself.
pub(crate) const ROOT: u64 = 0;

/// An execution: the fold of its events. Serialises as the snapshot that the store keeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    start: Start,
    /// The Map Run that it is a child of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    child_of: Option<ChildOf>,
    status: Status,
    last_event_id: u64,
    started_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output: Option<Arc<Value>>,
    #[serde(default)]
    failed: Failed,
    /// Lines of control, by their number.
    frames: BTreeMap<u64, Frame>,
    /// Frames by the task that they wait for.
    tasks: BTreeMap<u64, u64>,
    /// Timers that are running.
    timers: BTreeMap<u64, Timer>,
    /// The last redrive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    redriven: Option<Redriven>,
    /// Frames that a redrive would take up again: those that were given up, and after a bad end all.
    // WHY: not in snapshots, so that those of ended executions stay small. A redrive folds the whole history.
    #[serde(skip)]
    given_up: BTreeMap<u64, Frame>,
}

/// A redrive that has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redriven {
    /// How many there have been.
    pub count: u32,
    /// When it was.
    pub at: Timestamp,
    /// Its event.
    pub(crate) event: u64,
}

/// What makes an execution a child of a Map Run: it runs the processor of one state, not the whole machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChildOf {
    /// The Map state's name.
    pub state: String,
    /// The Map Run's ARN.
    pub map_run: String,
    /// Its number among the children.
    pub child: u32,
    /// What it is.
    pub execution_type: ExecutionType,
    /// How often the Map Run had been redriven when the child was started or redriven last.
    #[serde(default, skip_serializing_if = "is_first")]
    pub attempt: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_first(attempt: &u32) -> bool {
    *attempt == 0
}

impl Execution {
    /// An execution that has no event yet.
    pub fn new(start: Start) -> Self {
        Self {
            start,
            child_of: None,
            status: Status::Running,
            last_event_id: 0,
            started_at: Timestamp::default(),
            output: None,
            failed: Failed::default(),
            frames: BTreeMap::new(),
            tasks: BTreeMap::new(),
            timers: BTreeMap::new(),
            redriven: None,
            given_up: BTreeMap::new(),
        }
    }

    /// A child of a Map Run that has no event yet.
    pub(crate) fn child(start: Start, of: ChildOf) -> Self {
        Self { child_of: Some(of), ..Self::new(start) }
    }

    /// The Map Run that it is a child of.
    pub fn child_of(&self) -> Option<&ChildOf> {
        self.child_of.as_ref()
    }

    /// What it was started with.
    pub fn start(&self) -> &Start {
        &self.start
    }

    /// How it stands.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Output, once it has succeeded.
    pub fn output(&self) -> Option<&Value> {
        self.output.as_deref()
    }

    /// Error name, once it has failed.
    pub fn error(&self) -> Option<&str> {
        self.failed.error.as_deref()
    }

    /// Cause, once it has failed.
    pub fn cause(&self) -> Option<&str> {
        self.failed.cause.as_deref()
    }

    /// Id of the last event; 0 before the first.
    pub fn last_event_id(&self) -> u64 {
        self.last_event_id
    }

    /// Names of the states that are entered and not exited.
    pub fn active_states(&self) -> Vec<&str> {
        self.frames
            .values()
            .filter_map(|frame| frame.active.as_ref())
            .map(|active| active.name.as_str())
            .collect()
    }

    /// When it was started; an Express child that was redriven, when that was.
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    pub(crate) fn frame(&self, frame: u64) -> Option<&Frame> {
        self.frames.get(&frame)
    }

    pub(crate) fn active(&self, frame: u64) -> Option<&Active> {
        self.frames.get(&frame)?.active.as_ref()
    }

    pub(crate) fn fork(&self, frame: u64) -> Option<&Fork> {
        match &self.active(frame)?.work {
            Work::Fork(fork) => Some(fork),
            _ => None,
        }
    }

    /// Whether it waits for the Map Run that this event started.
    pub fn waits_for_map_run(&self, run: u64) -> bool {
        self.map_run_frame(run).is_some()
    }

    /// A state that waits for nothing, or for more than one thing: there is none after a step.
    pub fn unattended(&self) -> Option<&str> {
        if self.status != Status::Running {
            return None;
        }
        let mut waits: BTreeMap<u64, usize> = self.frames.keys().map(|frame| (*frame, 0)).collect();
        let mut wait = |frame: u64| *waits.entry(frame).or_default() += 1;
        self.tasks.values().copied().for_each(&mut wait);
        self.open_map_runs().for_each(|(frame, _)| wait(frame));
        let is_next = |timer: &&Timer| matches!(timer.purpose, Purpose::Wait | Purpose::Retry);
        self.timers.values().filter(is_next).for_each(|timer| wait(timer.frame));
        let forks: BTreeSet<u64> = self.frames.values().filter_map(|frame| frame.parent).collect();
        forks.into_iter().for_each(&mut wait);
        let (frame, _) = waits.into_iter().find(|(_, waits)| *waits != 1)?;
        Some(self.active(frame).map_or("", |active| active.name.as_str()))
    }

    /// The frame that waits for a Map Run.
    pub(crate) fn map_run_frame(&self, run: u64) -> Option<u64> {
        self.open_map_runs().find(|(_, open)| *open == run).map(|(frame, _)| frame)
    }

    /// Map Runs that are waited for, by their frames.
    pub(crate) fn open_map_runs(&self) -> impl Iterator<Item = (u64, u64)> {
        self.frames.keys().filter_map(|frame| self.map_run(*frame).map(|run| (*frame, run)))
    }

    /// The Map Run that a frame waits for.
    pub(crate) fn map_run(&self, frame: u64) -> Option<u64> {
        match &self.active(frame)?.work {
            Work::MapRun(run) if !run.is_over => Some(run.run),
            _ => None,
        }
    }

    /// The ARN of the Map Run of a frame.
    pub(crate) fn map_run_arn(&self, frame: u64) -> String {
        match self.active(frame).map(|active| &active.work) {
            Some(Work::MapRun(run)) => run.arn.clone(),
            _ => String::new(),
        }
    }

    /// The items that a Map Run got with the state's data.
    pub(crate) fn map_run_items(&self, frame: u64) -> Option<Arc<Value>> {
        match &self.active(frame)?.work {
            Work::MapRun(run) => Some(run.items.clone()),
            _ => None,
        }
    }

    /// Whether all that a Parallel or Map waited for has ended.
    pub(crate) fn has_joined(&self, frame: u64) -> bool {
        match self.active(frame).map(|active| &active.work) {
            Some(Work::Fork(fork)) => fork.is_done(),
            Some(Work::MapRun(run)) => run.is_over,
            _ => false,
        }
    }

    /// The size of all variables as JSON.
    pub(crate) fn variable_bytes(&self) -> usize {
        self.frames.values().map(|frame| frame.variable_bytes).sum()
    }

    /// Branches or iterations of a frame, in their order.
    pub(crate) fn children(&self, parent: u64) -> Vec<u64> {
        let children = self.frames.iter().filter(|(_, frame)| frame.parent == Some(parent));
        children.map(|(id, _)| *id).collect()
    }

    pub(crate) fn task_frame(&self, task: u64) -> Option<u64> {
        self.tasks.get(&task).copied()
    }

    pub(crate) fn timer(&self, timer: u64) -> Option<Timer> {
        self.timers.get(&timer).copied()
    }

    pub(crate) fn open_tasks(&self) -> impl Iterator<Item = u64> {
        self.tasks.keys().copied()
    }

    /// Tasks whose time is over at `now`, by their timers.
    pub(crate) fn overdue_tasks(&self, now: Timestamp) -> Vec<u64> {
        let is_over = |timer: &Timer| timer.purpose == Purpose::TaskTimeout && timer.due <= now;
        self.timers.iter().filter(|(_, timer)| is_over(timer)).map(|(timer, _)| *timer).collect()
    }

    pub(crate) fn open_timers(&self) -> impl Iterator<Item = u64> {
        self.timers.keys().copied()
    }

    /// Adds one event; the events of one history always give the same execution.
    pub fn apply(&mut self, event: &Event) {
        self.last_event_id = event.id;
        self.apply_detail(event);
        for change in &event.then {
            self.change(change);
        }
    }

    fn apply_detail(&mut self, event: &Event) {
        match &event.detail {
            Detail::ExecutionStarted { .. } => {
                self.started_at = event.timestamp;
                self.frames.insert(ROOT, Frame::default());
            }
            Detail::ExecutionSucceeded { output } => {
                self.output = Some(output.clone());
                self.end(Status::Succeeded, &Failed::default());
            }
            Detail::ExecutionFailed(failed) => self.end(Status::Failed, failed),
            Detail::ExecutionTimedOut(failed) => self.end(Status::TimedOut, failed),
            Detail::ExecutionAborted(failed) => self.end(Status::Aborted, failed),
            Detail::ExecutionRedriven { count, attempt } => self.take_up(event, *count, *attempt),
            Detail::StateEntered { kind, name, input } => self.enter(event, *kind, name, input),
            Detail::StateExited { assigned, .. } => self.exit(event, assigned),
            Detail::TaskScheduled(_) => {
                self.tasks.insert(event.id, event.frame);
                self.work(event, Work::Task { task: event.id, started: false, submitted: false });
            }
            Detail::TaskStarted { .. } => self.progress(event, false),
            Detail::TaskSubmitted { .. } => self.progress(event, true),
            Detail::TaskSucceeded { .. } | Detail::TaskFailed { .. } | Detail::TaskTimedOut { .. } => {
                self.work(event, Work::None);
            }
            Detail::ParallelStarted { branches } => self.fork_branches(event, *branches),
            Detail::MapStarted { length, items, concurrency } => {
                let length = usize::try_from(*length).unwrap_or(0);
                self.work(event, Work::Fork(Fork::new(length, *concurrency, Some(items.clone()))));
            }
            Detail::IterationStarted { index, .. } => self.fork_iteration(event, *index),
            Detail::IterationSucceeded { last: true, .. } => self.follow(event, event.id),
            Detail::IterationSucceeded { .. } | Detail::IterationFailed { .. } => {
                self.follow(event, event.previous_event_id);
            }
            Detail::MapFailed | Detail::ParallelFailed | Detail::EvaluationFailed { .. } => {
                self.follow(event, event.id);
            }
            Detail::MapRunStarted { arn } => self.start_map_run(event, arn.clone()),
            Detail::MapRunSucceeded => self.end_map_run(event, true),
            Detail::MapRunFailed(failed) => {
                self.end_map_run(event, redrive::is_by_data(failed));
                self.follow(event, event.id);
            }
            Detail::MapRunRedriven { count, .. } => self.take_up_map_run(event, *count),
            Detail::MapSucceeded
            | Detail::ParallelSucceeded
            | Detail::IterationAborted { .. }
            | Detail::StateAborted { .. }
            | Detail::MapRunAborted => {}
        }
    }

    fn end(&mut self, status: Status, failed: &Failed) {
        self.status = status;
        self.failed = failed.clone();
        self.tasks.clear();
        self.timers.clear();
        self.give_up_all(status);
    }

    fn enter(&mut self, event: &Event, kind: StateKind, name: &str, input: &Arc<Value>) {
        let Some(frame) = self.frames.get_mut(&event.frame) else { return };
        frame.previous = event.id;
        frame.next = None;
        frame.active = Some(Active {
            name: name.to_owned(),
            kind,
            entered: event.id,
            before: event.previous_event_id,
            entered_at: event.timestamp,
            input: input.clone(),
            retries: 0,
            attempts: Vec::new(),
            timers: Vec::new(),
            work: Work::None,
        });
    }

    fn exit(&mut self, event: &Event, assigned: &Map<String, Value>) {
        self.work(event, Work::None);
        let Some(frame) = self.frames.get_mut(&event.frame) else { return };
        frame.active = None;
        let replaced = bytes(assigned.keys().filter_map(|name| frame.variables.get(name)));
        frame.variable_bytes = (frame.variable_bytes + bytes(assigned.values())).saturating_sub(replaced);
        frame.variables.extend(assigned.clone());
    }

    /// The state turns to other work: whatever it waited for is over.
    fn work(&mut self, event: &Event, work: Work) {
        self.forget_given_up(event.frame);
        let Some(frame) = self.frames.get_mut(&event.frame) else { return };
        frame.previous = event.id;
        let Some(active) = &mut frame.active else { return };
        for timer in active.timers.drain(..) {
            self.timers.remove(&timer);
        }
        if let Work::Task { task, .. } = std::mem::replace(&mut active.work, work) {
            self.tasks.remove(&task);
        }
    }

    fn progress(&mut self, event: &Event, has_submitted: bool) {
        let Some(frame) = self.frames.get_mut(&event.frame) else { return };
        frame.previous = event.id;
        if let Some(Active { work: Work::Task { started, submitted, .. }, .. }) = &mut frame.active {
            *started = true;
            *submitted = has_submitted;
        }
    }

    fn fork_branches(&mut self, event: &Event, branches: u32) {
        let mut fork = Fork::new(branches as usize, 0, None);
        fork.started = branches;
        self.work(event, Work::Fork(fork));
        for index in 0..branches {
            let frame = Frame { parent: Some(event.frame), index, previous: event.id, ..Frame::default() };
            self.frames.insert(child_frame(event.id, index), frame);
        }
    }

    fn fork_iteration(&mut self, event: &Event, index: u32) {
        if let Some(fork) = self.fork_mut(event.frame) {
            fork.started += 1;
        }
        let frame = Frame { parent: Some(event.frame), index, previous: event.id, ..Frame::default() };
        self.frames.insert(child_frame(event.id, index), frame);
    }

    fn start_map_run(&mut self, event: &Event, arn: String) {
        let items = self.fork(event.frame).and_then(|fork| fork.items.clone()).unwrap_or_default();
        let (run, before) = (event.id, event.previous_event_id);
        let run = Run { run, arn, items, is_over: false, before, redrives: 0, is_spent: false };
        self.work(event, Work::MapRun(run));
    }

    fn end_map_run(&mut self, event: &Event, is_spent: bool) {
        if let Some(run) = self.run_mut(event.frame) {
            run.is_over = true;
            run.is_spent = is_spent;
            if is_spent {
                run.items = Arc::default();
            }
        }
    }

    fn run_mut(&mut self, frame: u64) -> Option<&mut Run> {
        match self.frames.get_mut(&frame)?.active.as_mut()?.work {
            Work::MapRun(ref mut run) => Some(run),
            _ => None,
        }
    }

    fn follow(&mut self, event: &Event, previous: u64) {
        if let Some(frame) = self.frames.get_mut(&event.frame) {
            frame.previous = previous;
        }
    }

    fn fork_mut(&mut self, frame: u64) -> Option<&mut Fork> {
        match self.frames.get_mut(&frame)?.active.as_mut()?.work {
            Work::Fork(ref mut fork) => Some(fork),
            _ => None,
        }
    }

    /// Makes a change that an event carries.
    pub(crate) fn change(&mut self, change: &Change) {
        match change {
            Change::Timer { frame, timer, purpose, due } => {
                self.start_timer(*timer, Timer { frame: *frame, purpose: *purpose, due: *due });
            }
            Change::Retry { frame, retrier, timer, previous } => {
                self.retry(*frame, *retrier, *previous);
                let retry = Timer { frame: *frame, purpose: Purpose::Retry, due: Timestamp::default() };
                self.start_timer(*timer, retry);
            }
            Change::Join { frame, output } => self.join(*frame, output),
            Change::Follow { frame, previous } => {
                if let Some(frame) = self.frames.get_mut(frame) {
                    frame.previous = *previous;
                }
            }
            Change::Drop { frame } => self.drop_frame(*frame),
            Change::Next { frame, state, input } => {
                if let Some(frame) = self.frames.get_mut(frame) {
                    frame.next = Some((state.clone(), input.clone()));
                }
            }
        }
    }

    fn start_timer(&mut self, timer: u64, running: Timer) {
        self.timers.insert(timer, running);
        if running.purpose != Purpose::MachineTimeout
            && let Some(active) = self.frames.get_mut(&running.frame).and_then(|frame| frame.active.as_mut())
        {
            active.timers.push(timer);
        }
    }

    fn retry(&mut self, frame: u64, retrier: u32, previous: u64) {
        self.forget_given_up(frame);
        let Some(frame) = self.frames.get_mut(&frame) else { return };
        frame.previous = previous;
        let Some(active) = &mut frame.active else { return };
        active.work = Work::None;
        active.retries += 1;
        let retrier = retrier as usize;
        if active.attempts.len() <= retrier {
            active.attempts.resize(retrier + 1, 0);
        }
        if let Some(attempts) = active.attempts.get_mut(retrier) {
            *attempts += 1;
        }
    }

    fn join(&mut self, frame: u64, output: &Arc<Value>) {
        let Some(Frame { parent: Some(parent), index, .. }) = self.frames.remove(&frame) else { return };
        if let Some(fork) = self.fork_mut(parent) {
            fork.ended += 1;
            if let Some(result) = fork.results.get_mut(index as usize) {
                *result = Some(output.clone());
            }
        }
    }

    fn drop_frame(&mut self, frame: u64) {
        let Some(dropped) = self.frames.remove(&frame) else { return };
        if let Some(active) = &dropped.active {
            for timer in &active.timers {
                self.timers.remove(timer);
            }
            if let Work::Task { task, .. } = active.work {
                self.tasks.remove(&task);
            }
        }
        self.given_up.insert(frame, dropped);
    }
}

/// The size of values as JSON.
pub(crate) fn bytes<'v>(values: impl Iterator<Item = &'v Value>) -> usize {
    values.map(|value| value.to_string().len()).sum()
}
