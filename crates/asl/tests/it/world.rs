//! Drives an execution in virtual time: timers fire in the order in which they are due, tasks are answered
//! by a function. Does not judge the outcome.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use shipway_asl::map_run::MapRunPlan;
use shipway_asl::{
    Effect, Event, Execution, Input, Moment, Rejected, ScheduledTask, Start, StateMachine, Status, Timestamp,
    Transition, step,
};

use crate::map_run_world::{Buckets, Ended};

/// What the mock task layer says to a scheduled task.
pub struct Answer {
    pub started: bool,
    pub worker: Option<String>,
    pub submitted: Option<Value>,
    /// None: never answers, so that only a time-out ends it.
    pub outcome: Option<Result<Value, (String, Option<String>)>>,
}

impl Answer {
    pub fn ok(value: Value) -> Self {
        Self { started: true, worker: None, submitted: None, outcome: Some(Ok(value)) }
    }

    pub fn error(error: &str) -> Self {
        let outcome = Some(Err((error.to_owned(), Some("because".to_owned()))));
        Self { started: true, worker: None, submitted: None, outcome }
    }
}

/// An execution, its history and its open effects.
pub struct World {
    pub machine: Arc<StateMachine>,
    pub execution: Execution,
    pub events: Vec<Event>,
    pub tasks: Vec<ScheduledTask>,
    pub timers: BTreeMap<(Timestamp, u64), ()>,
    pub now: Timestamp,
    pub seed: u64,
    pub completed: u32,
    /// Inputs that were taken.
    pub inputs: Vec<Input>,
    /// Map Runs that the execution waits for.
    pub runs: BTreeMap<u64, MapRunPlan>,
    /// Map Runs that have ended.
    pub ended: Vec<Ended>,
    /// All Map Runs that were ever started.
    plans: BTreeMap<u64, MapRunPlan>,
    /// Redrives of Map Runs, by their events.
    pub(crate) redriven: BTreeMap<u64, u32>,
    pub buckets: Buckets,
}

/// Enough for every case: a machine that needs more inputs does not end.
const INPUTS_MAX: usize = 100_000;

impl World {
    pub fn new(machine: impl Into<Arc<StateMachine>>, start: Start) -> Self {
        Self {
            machine: machine.into(),
            execution: Execution::new(start),
            events: Vec::new(),
            tasks: Vec::new(),
            timers: BTreeMap::new(),
            now: Timestamp::parse("2026-11-21T04:00:00Z").unwrap(),
            seed: 1,
            completed: 0,
            inputs: Vec::new(),
            runs: BTreeMap::new(),
            ended: Vec::new(),
            plans: BTreeMap::new(),
            redriven: BTreeMap::new(),
            buckets: Buckets::new(),
        }
    }

    /// One step, its effects and its events.
    pub fn give(&mut self, input: Input) -> Result<Transition, Rejected> {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let at = Moment { now: self.now, seed: self.seed };
        let transition = step(&self.machine, &mut self.execution, input.clone(), at)?;
        match &input {
            Input::TaskSucceeded { task, .. } | Input::TaskFailed { task, .. } => {
                self.tasks.retain(|open| open.task != *task);
            }
            Input::MapRunEnded { run, .. } => drop(self.runs.remove(run)),
            Input::TimerFired { timer } => self.timers.retain(|(_, open), ()| open != timer),
            _ => {}
        }
        self.inputs.push(input);
        for effect in &transition.effects {
            self.perform(effect.clone());
        }
        self.events.extend(transition.events.iter().cloned());
        Ok(transition)
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
            Effect::StartMapRun(plan) => {
                self.plans.insert(plan.run, (*plan).clone());
                self.runs.insert(plan.run, *plan);
            }
            Effect::RedriveMapRun { run, count, .. } => {
                self.redriven.insert(run, count);
                self.runs.insert(run, self.plans[&run].clone());
            }
            Effect::AbortMapRun { run, .. } => drop(self.runs.remove(&run)),
            Effect::Complete => self.completed += 1,
        }
    }

    pub fn is_running(&self) -> bool {
        self.execution.status() == Status::Running
    }

    /// Starts it and goes on until it has ended or nothing more can happen.
    pub fn run(&mut self, answer: impl FnMut(&ScheduledTask) -> Answer) {
        self.run_logged(answer, &mut Vec::new());
    }

    /// As [`World::run`], and writes down the inputs that were taken.
    pub fn run_logged(&mut self, mut answer: impl FnMut(&ScheduledTask) -> Answer, log: &mut Vec<Input>) {
        self.drive(&mut answer);
        log.append(&mut self.inputs);
    }

    pub(crate) fn drive(&mut self, answer: &mut dyn FnMut(&ScheduledTask) -> Answer) {
        self.give(Input::Start).unwrap();
        self.go_on(answer);
    }

    /// Redrives it and goes on until it has ended or nothing more can happen.
    pub fn redrive(&mut self, mut answer: impl FnMut(&ScheduledTask) -> Answer) {
        self.give(Input::Redrive { attempt: None }).unwrap();
        self.go_on(&mut answer);
    }

    /// Goes on until it has ended or nothing more can happen.
    pub(crate) fn go_on(&mut self, answer: &mut dyn FnMut(&ScheduledTask) -> Answer) {
        for _ in 0..INPUTS_MAX {
            if !self.is_running() {
                return;
            }
            if self.tasks.is_empty() {
                if let Some(plan) = self.runs.values().next().cloned() {
                    self.run_map(plan, answer);
                    continue;
                }
                if !self.fire() {
                    return;
                }
                continue;
            }
            let task = self.tasks.remove(0);
            let answer = answer(&task);
            self.answer(task.task, answer);
        }
        panic!("no end after {INPUTS_MAX} inputs");
    }

    fn answer(&mut self, task: u64, answer: Answer) {
        if answer.started {
            self.give(Input::TaskStarted { task, worker: answer.worker }).unwrap();
        }
        if let Some(output) = answer.submitted {
            self.give(Input::TaskSubmitted { task, output }).unwrap();
        }
        match answer.outcome {
            None => {}
            Some(Ok(output)) => drop(self.give(Input::TaskSucceeded { task, output }).unwrap()),
            Some(Err((error, cause))) => {
                drop(self.give(Input::TaskFailed { task, error, cause }).unwrap());
            }
        }
    }

    /// Lets the next timer fire; `false` if there is none.
    pub fn fire(&mut self) -> bool {
        let Some(((due, timer), ())) = self.timers.pop_first() else { return false };
        self.now = self.now.max(due);
        self.give(Input::TimerFired { timer }).unwrap();
        true
    }
}

/// What executions of tests are started with.
pub fn start(input: Value) -> Start {
    Start {
        execution_arn: "arn:aws:states:us-east-1:111111111111:execution:machine:run".into(),
        execution_name: "run".into(),
        machine_arn: "arn:aws:states:us-east-1:111111111111:stateMachine:machine".into(),
        machine_name: "machine".into(),
        role_arn: "snf_role_arn".into(),
        input,
    }
}
