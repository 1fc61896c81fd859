//! The loop of a rehearsal: takes what is due next, moves the clock there, gives it to the execution.

use std::collections::BTreeMap;

use super::visits::{self, Way};
use super::{Ending, Mocks, Performed, Rehearsal, Rehearsed};
use crate::definition::StateMachine;
use crate::event::Event;
use crate::execution::Execution;
use crate::moment::{Input, MapRunResult, Moment};
use crate::step::step;
use crate::timestamp::Timestamp;

/// Drives a machine from its start to where nothing more can happen.
pub fn rehearse(machine: &StateMachine, rehearsal: Rehearsal, mocks: &mut dyn Mocks) -> Rehearsed {
    let execution = Execution::new(rehearsal.start.clone());
    Driver::of(machine, execution, rehearsal).run(mocks).0
}

/// Something that will happen.
pub(super) enum Due {
    /// A task's news.
    Task(Input),
    /// A sign of life, and the next one after it, up to a time.
    Heartbeat { task: u64, millis: u64, until: Option<Timestamp> },
    /// A timer.
    Timer { timer: u64 },
    /// The end of a Map Run.
    MapRun { run: u64, result: MapRunResult },
}

/// When something is due: by time, tasks before timers, then in the order in which it was put there.
type Key = (Timestamp, bool, u64);

/// A rehearsal under way.
pub(super) struct Driver<'m> {
    pub machine: &'m StateMachine,
    pub rehearsal: Rehearsal,
    pub execution: Execution,
    events: Vec<Event>,
    tasks: Vec<Performed>,
    queue: BTreeMap<Key, Due>,
    /// Where in the queue each timer stands.
    timers: BTreeMap<u64, Key>,
    /// Where each open task stands among the tasks, and its news in the queue.
    open: BTreeMap<u64, (usize, Vec<Key>)>,
    /// Where in the queue the end of each Map Run stands.
    map_runs: BTreeMap<u64, Key>,
    /// The ways of their children, by the event that started the Map Run and its state.
    below: Vec<(u64, String, Way)>,
    pub now: Timestamp,
    pub ending: Option<Ending>,
    put: u64,
    given: usize,
    pub seed: u64,
}

impl<'m> Driver<'m> {
    /// A driver of an execution that has not begun.
    pub fn of(machine: &'m StateMachine, execution: Execution, rehearsal: Rehearsal) -> Self {
        Self {
            machine,
            execution,
            events: Vec::new(),
            tasks: Vec::new(),
            queue: BTreeMap::new(),
            timers: BTreeMap::new(),
            open: BTreeMap::new(),
            map_runs: BTreeMap::new(),
            below: Vec::new(),
            now: rehearsal.now,
            ending: None,
            put: 0,
            given: 0,
            seed: rehearsal.seed,
            rehearsal,
        }
    }

    /// Drives it to where nothing more can happen; also gives how many inputs that took.
    pub fn run(mut self, mocks: &mut dyn Mocks) -> (Rehearsed, usize) {
        self.give(Input::Start, mocks);
        while self.ending.is_none() {
            match self.queue.pop_first() {
                None => self.ending = Some(Ending::Stuck),
                Some(((at, _, _), due)) => {
                    self.now = self.now.max(at);
                    self.happen(due, mocks);
                }
            }
        }
        let given = self.given;
        (self.finish(), given)
    }

    /// The execution as it stands.
    pub fn into_execution(self) -> Execution {
        self.execution
    }

    /// Inputs that may still be given.
    pub fn inputs_left(&self) -> usize {
        self.rehearsal.limits.inputs_max.saturating_sub(self.given)
    }

    fn happen(&mut self, due: Due, mocks: &mut dyn Mocks) {
        match due {
            Due::Timer { timer } => self.give(Input::TimerFired { timer }, mocks),
            Due::Heartbeat { task, millis, until } => {
                self.give(Input::TaskHeartbeat { task }, mocks);
                let next = self.now.plus_millis(millis);
                if until.is_none_or(|until| next < until) {
                    self.put(next, Due::Heartbeat { task, millis, until });
                }
            }
            Due::MapRun { run, result } => {
                self.map_runs.remove(&run);
                self.give(Input::MapRunEnded { run, result }, mocks);
            }
            Due::Task(input) => {
                if let Input::TaskSucceeded { task, .. } | Input::TaskFailed { task, .. } = &input {
                    self.close(*task);
                }
                self.give(input, mocks);
            }
        }
    }

    /// One step and its effects.
    pub fn give(&mut self, input: Input, mocks: &mut dyn Mocks) {
        let limits = self.rehearsal.limits;
        if self.given >= limits.inputs_max {
            self.ending = Some(Ending::Limit { limit: "inputs", most: limits.inputs_max });
            return;
        }
        self.given += 1;
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let at = Moment { now: self.now, seed: self.seed };
        // WHY: an answer that is not waited for (a second `submitted`, say) changes nothing, as with AWS.
        let Ok(transition) = step(self.machine, &mut self.execution, input, at) else { return };
        self.events.extend(transition.events);
        for effect in transition.effects {
            self.perform(effect, mocks);
        }
        if self.ending.is_none() && self.events.len() > limits.events_max {
            self.ending = Some(Ending::Limit { limit: "events", most: limits.events_max });
        }
    }

    /// Has something happen at a time.
    pub fn put(&mut self, at: Timestamp, due: Due) {
        self.put += 1;
        let key = (at, matches!(due, Due::Timer { .. }), self.put);
        match &due {
            Due::Timer { timer } => drop(self.timers.insert(*timer, key)),
            Due::MapRun { run, .. } => drop(self.map_runs.insert(*run, key)),
            Due::Heartbeat { task, .. } => self.note(*task, key),
            Due::Task(input) => task_of(input).into_iter().for_each(|task| self.note(task, key)),
        }
        self.queue.insert(key, due);
    }

    fn note(&mut self, task: u64, key: Key) {
        if let Some((_, keys)) = self.open.get_mut(&task) {
            keys.push(key);
        }
    }

    pub fn drop_timer(&mut self, timer: u64) {
        if let Some(key) = self.timers.remove(&timer) {
            self.queue.remove(&key);
        }
    }

    /// Nobody waits for the end of the Map Run any more.
    pub fn drop_map_run(&mut self, run: u64) {
        if let Some(key) = self.map_runs.remove(&run) {
            self.queue.remove(&key);
        }
    }

    /// What the children of a Map Run did.
    pub fn take_in(&mut self, run: u64, state: String, way: Way, tasks: Vec<Performed>, given: usize) {
        self.below.push((run, state, way));
        self.tasks.extend(tasks);
        self.given += given;
    }

    /// The task is waited for from now on.
    pub fn open(&mut self, performed: Performed) {
        self.open.insert(performed.task.task, (self.tasks.len(), Vec::new()));
        self.tasks.push(performed);
    }

    /// The task is not waited for any more: what was to be said about it is not said.
    pub fn close(&mut self, task: u64) {
        let Some((place, keys)) = self.open.remove(&task) else { return };
        for key in keys {
            self.queue.remove(&key);
        }
        if let Some(performed) = self.tasks.get_mut(place) {
            performed.is_open = false;
        }
    }

    fn finish(self) -> Rehearsed {
        let mut way = visits::walk(&self.events);
        for (run, state, below) in self.below {
            way.put_below(run, &state, below);
        }
        Rehearsed {
            execution: self.execution,
            events: self.events,
            ending: self.ending.unwrap_or(Ending::Stuck),
            visits: way.visits,
            hops: way.hops,
            tasks: self.tasks,
            started_at: self.rehearsal.now,
            ended_at: self.now,
        }
    }
}

fn task_of(input: &Input) -> Option<u64> {
    match input {
        Input::TaskStarted { task, .. }
        | Input::TaskSubmitted { task, .. }
        | Input::TaskHeartbeat { task }
        | Input::TaskSucceeded { task, .. }
        | Input::TaskFailed { task, .. } => Some(*task),
        _ => None,
    }
}
