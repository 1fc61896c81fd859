//! One step's workplace: emits events, collects effects, and runs what is due now.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::Value;

use super::context::{Context, MapItem};
use super::inspect::Inspection;
use crate::definition::{State, StateMachine};
use crate::event::{Change, Detail, Event, Failed, Purpose};
use crate::execution::{Active, Execution, ROOT};
use crate::expression::{Env, Fault};
use crate::intrinsic::mix;
use crate::limits::HISTORY_EVENTS_MAX;
use crate::moment::{Effect, Moment, Status, Transition};

/// Something to do within this step.
pub(crate) enum Job {
    /// Enter a state.
    Enter { frame: u64, state: String, input: Arc<Value> },
    /// Start iterations of a Map, or end it.
    Iterate { frame: u64 },
    /// Go on where a redriven execution had stopped.
    Resume { frame: u64 },
}

pub(crate) struct Stepper<'a> {
    pub machine: &'a StateMachine,
    pub execution: &'a mut Execution,
    pub at: Moment,
    pub jobs: VecDeque<Job>,
    /// The token of the task that is being scheduled.
    pub token: Option<String>,
    /// The effective input of the Map that was looked at last, by its frame.
    pub map_input: Option<(u64, Arc<Value>)>,
    /// Who looks on, when one state is tested.
    pub inspection: Option<&'a Inspection>,
    transition: Transition,
    drawn: Cell<u64>,
}

impl<'a> Stepper<'a> {
    pub fn new(machine: &'a StateMachine, execution: &'a mut Execution, at: Moment) -> Self {
        Self {
            machine,
            execution,
            at,
            jobs: VecDeque::new(),
            token: None,
            map_input: None,
            inspection: None,
            transition: Transition::default(),
            drawn: Cell::new(0),
        }
    }

    /// Has the machine, or the part of it that a child runs, begin with `state`.
    pub fn begin(&mut self, state: &str) -> u64 {
        let start = self.execution.start();
        let (input, role_arn) = (Arc::new(start.input.clone()), start.role_arn.clone());
        let id = self.emit(ROOT, Detail::ExecutionStarted { input: input.clone(), role_arn });
        self.jobs.push_back(Job::Enter { frame: ROOT, state: state.to_owned(), input });
        id
    }

    /// Does what is due, and gives all that was done.
    pub fn run(mut self) -> Transition {
        while let Some(job) = self.jobs.pop_front() {
            if !self.is_running() {
                break;
            }
            match job {
                Job::Enter { frame, state, input } => self.enter(frame, &state, input),
                Job::Iterate { frame } => self.iterate(frame),
                Job::Resume { frame } => self.resume(frame),
            }
        }
        self.transition
    }

    /// Whether this step has an event yet.
    pub fn has_emitted(&self) -> bool {
        !self.transition.events.is_empty()
    }

    /// The event by which a Parallel or Map has joined, if nothing has happened since.
    pub fn joined_last(&self) -> Option<u64> {
        let last = self.transition.events.last()?;
        matches!(last.detail, Detail::ParallelSucceeded | Detail::MapSucceeded).then_some(last.id)
    }

    pub fn is_running(&self) -> bool {
        self.execution.status() == Status::Running
    }

    /// Emits an event after the frame's last one. Gives its id.
    pub fn emit(&mut self, frame: u64, detail: Detail) -> u64 {
        let previous = self.execution.frame(frame).map_or(0, |frame| frame.previous);
        self.emit_after(frame, previous, detail)
    }

    /// Emits an event with a `previousEventId` of its own. Nothing but a redrive is emitted after the end.
    pub fn emit_after(&mut self, frame: u64, previous: u64, detail: Detail) -> u64 {
        let id = self.execution.last_event_id() + 1;
        if !self.is_running() && !matches!(detail, Detail::ExecutionRedriven { .. }) {
            return id;
        }
        if id >= HISTORY_EVENTS_MAX && !is_end(&detail) {
            let cause =
                format!("The execution reached the maximum number of history events ({HISTORY_EVENTS_MAX}).");
            self.end(
                previous,
                Detail::ExecutionFailed(Failed { error: Some("States.Runtime".into()), cause: Some(cause) }),
            );
            return id;
        }
        let event = Event {
            id,
            previous_event_id: previous,
            timestamp: self.at.now,
            frame,
            detail,
            then: Vec::new(),
        };
        self.execution.apply(&event);
        self.transition.events.push(event);
        id
    }

    /// Adds a change to the event that was emitted last.
    pub fn change(&mut self, change: Change) {
        if !self.is_running() {
            return;
        }
        debug_assert!(!self.transition.events.is_empty(), "a change needs an event that carries it");
        if let Some(event) = self.transition.events.last_mut() {
            self.execution.change(&change);
            event.then.push(change);
        }
    }

    pub fn effect(&mut self, effect: Effect) {
        if self.is_running() {
            self.transition.effects.push(effect);
        }
    }

    /// Starts a timer for the frame's state.
    pub fn start_timer(&mut self, frame: u64, event: u64, purpose: Purpose, millis: u64) {
        let timer = purpose.timer(event);
        let due = self.at.now.plus_millis(millis);
        self.change(Change::Timer { frame, timer, purpose, due });
        self.effect(Effect::StartTimer { timer, due });
    }

    /// Has the timers of the frame's state cancelled, but the one that has fired.
    pub fn cancel_timers(&mut self, frame: u64, fired: Option<u64>) {
        let timers = self.execution.active(frame).map(|active| active.timers.clone()).unwrap_or_default();
        for timer in timers.into_iter().filter(|timer| Some(*timer) != fired) {
            self.effect(Effect::CancelTimer { timer });
        }
    }

    /// Ends the execution: what is open is called off.
    pub fn end(&mut self, previous: u64, detail: Detail) {
        let cancelled = self.execution.open_tasks().map(|task| Effect::CancelTask { task });
        let cancelled: Vec<Effect> = cancelled
            .chain(self.execution.open_timers().map(|timer| Effect::CancelTimer { timer }))
            .chain(self.execution.open_map_runs().map(|(frame, run)| {
                let arn = self.execution.map_run_arn(frame);
                Effect::AbortMapRun { run, arn }
            }))
            .collect();
        if !self.is_running() {
            return;
        }
        self.transition.effects.extend(cancelled);
        if !matches!(detail, Detail::ExecutionSucceeded { .. }) {
            self.keep_places();
        }
        self.emit_after(ROOT, previous, detail);
        self.transition.effects.push(Effect::Complete);
    }

    /// The frame's state: how it stands, and what the machine says about it.
    pub fn state(&self, frame: u64) -> Option<(&Active, &'a State)> {
        let active = self.execution.active(frame)?;
        Some((active, self.machine.state(&active.name)?))
    }

    /// What `$$` and `$name` mean in a frame.
    pub fn context<'s>(&'s self, frame: u64, item: Option<MapItem<'s>>) -> Context<'s> {
        Context { execution: self.execution, frame, item, token: self.token.as_deref(), entropy: self }
    }

    /// Evaluates something against `input` in the context of a frame.
    pub fn with_env<T>(
        &self,
        frame: u64,
        input: &Value,
        evaluate: impl FnOnce(&Env<'_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let names = self.context(frame, None);
        evaluate(&Env::new(input, &names))
    }

    /// The next number of this step's entropy: the same seed always gives the same numbers.
    pub fn draw(&self) -> u64 {
        let drawn = self.drawn.get() + 1;
        self.drawn.set(drawn);
        mix(self.at.seed ^ mix(drawn ^ self.execution.last_event_id().rotate_left(32)))
    }
}

fn is_end(detail: &Detail) -> bool {
    matches!(
        detail,
        Detail::ExecutionSucceeded { .. }
            | Detail::ExecutionFailed(_)
            | Detail::ExecutionTimedOut(_)
            | Detail::ExecutionAborted(_)
    )
}
