//! Drives an execution in virtual time: timers fire in the order in which they are due, tasks are answered by a
//! function. Does not judge the outcome.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use shipway_asl::map_run::MapRunPlan;
use shipway_asl::{
    Effect, Event, Execution, Input, Moment, ScheduledTask, StateMachine, Status, Timestamp, step,
};

use super::buckets::Buckets;

/// What the layer of recorded tasks says to a scheduled task.
pub struct Answer {
    pub started: bool,
    pub worker: Option<String>,
    pub submitted: Option<Value>,
    /// None: never answers, so that only a time-out ends it.
    pub outcome: Option<Result<Value, (String, Option<String>)>>,
}

/// Answers tasks in the order in which they are scheduled.
pub type Tasks<'t> = dyn FnMut(&ScheduledTask) -> Answer + 't;

/// An execution, its history and what it waits for.
pub struct World {
    pub machine: Arc<StateMachine>,
    pub execution: Execution,
    pub events: Vec<Event>,
    pub now: Timestamp,
    pub seed: u64,
    pub buckets: Buckets,
    /// Map Runs that the execution waits for.
    pub runs: BTreeMap<u64, MapRunPlan>,
    tasks: Vec<ScheduledTask>,
    timers: BTreeMap<(Timestamp, u64), ()>,
}

/// Enough for every case: a machine that needs more inputs does not end.
const INPUTS_MAX: usize = 100_000;

impl World {
    pub fn new(machine: Arc<StateMachine>, execution: Execution, now: Timestamp, buckets: Buckets) -> Self {
        Self {
            machine,
            execution,
            events: Vec::new(),
            now,
            seed: 1,
            buckets,
            runs: BTreeMap::new(),
            tasks: Vec::new(),
            timers: BTreeMap::new(),
        }
    }

    /// The next entropy.
    pub fn moment(&mut self) -> Moment {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        Moment { now: self.now, seed: self.seed }
    }

    /// One step, its effects and its events.
    pub fn give(&mut self, input: Input) -> Result<(), String> {
        let at = self.moment();
        match &input {
            Input::TaskSucceeded { task, .. } | Input::TaskFailed { task, .. } => {
                self.tasks.retain(|open| open.task != *task);
            }
            Input::TimerFired { timer } => self.timers.retain(|(_, open), ()| open != timer),
            _ => {}
        }
        let said = format!("{input:?} was refused");
        let transition = step(&self.machine, &mut self.execution, input, at)
            .map_err(|refused| format!("{said}: {refused}"))?;
        for effect in transition.effects {
            self.perform(effect);
        }
        self.events.extend(transition.events);
        Ok(())
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::ScheduleTask(task) => self.tasks.push(task),
            Effect::StartTimer { timer, due } => {
                self.timers.retain(|(_, other), ()| *other != timer);
                self.timers.insert((due, timer), ());
            }
            Effect::CancelTimer { timer } => self.timers.retain(|(_, other), ()| *other != timer),
            Effect::CancelTask { task } => self.tasks.retain(|open| open.task != task),
            Effect::StartMapRun(plan) => drop(self.runs.insert(plan.run, *plan)),
            Effect::AbortMapRun { run, .. } => drop(self.runs.remove(&run)),
            // WHY: no recording redrives, and its status says whether it is complete.
            Effect::RedriveMapRun { .. } | Effect::Complete => {}
        }
    }

    pub fn is_running(&self) -> bool {
        self.execution.status() == Status::Running
    }

    /// Starts it and goes on until it has ended or nothing more can happen.
    pub fn run(&mut self, tasks: &mut Tasks) -> Result<(), String> {
        self.give(Input::Start)?;
        for _ in 0..INPUTS_MAX {
            if !self.is_running() {
                return Ok(());
            }
            if !self.tasks.is_empty() {
                let task = self.tasks.remove(0);
                let answer = tasks(&task);
                self.answer(task.task, answer)?;
            } else if let Some(plan) = self.runs.values().next().cloned() {
                self.run_map(&plan, tasks)?;
            } else if !self.fire()? {
                return Ok(());
            }
        }
        Err(format!("has not ended after {INPUTS_MAX} inputs"))
    }

    fn answer(&mut self, task: u64, answer: Answer) -> Result<(), String> {
        if answer.started {
            self.give(Input::TaskStarted { task, worker: answer.worker })?;
        }
        if let Some(output) = answer.submitted {
            self.give(Input::TaskSubmitted { task, output })?;
        }
        match answer.outcome {
            None => Ok(()),
            Some(Ok(output)) => self.give(Input::TaskSucceeded { task, output }),
            Some(Err((error, cause))) => self.give(Input::TaskFailed { task, error, cause }),
        }
    }

    /// Lets the next timer fire; `false` if there is none.
    fn fire(&mut self) -> Result<bool, String> {
        let Some(((due, timer), ())) = self.timers.pop_first() else { return Ok(false) };
        self.now = self.now.max(due);
        self.give(Input::TimerFired { timer })?;
        Ok(true)
    }

    /// Lets the timers fire that are due already.
    pub fn fire_due(&mut self) -> Result<(), String> {
        while self.is_running()
            && self.timers.first_key_value().is_some_and(|((due, _), ())| *due <= self.now)
        {
            self.fire()?;
        }
        Ok(())
    }
}
