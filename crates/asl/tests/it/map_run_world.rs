//! Has the Map Runs of a world's execution done: reads from buckets in memory and runs the children one after the
//! other, each in a world of its own.

use std::collections::BTreeMap;

use serde_json::Value;
use shipway_asl::items::{Item, Listed, Reading, Reply, Request};
use shipway_asl::map_run::{
    ChildInput, ChildOutcome, Counts, MapRun, MapRunInput, MapRunPlan, Output, Phase, Sizes, Unsuccessful,
    children,
};
use shipway_asl::{Input, MapRunFailure, MapRunResult, Moment, ScheduledTask};

use crate::world::{Answer, World};

/// Objects by bucket and key.
pub type Buckets = BTreeMap<(String, String), Vec<u8>>;

/// What is left of a Map Run.
pub struct Ended {
    pub plan: MapRunPlan,
    pub map_run: MapRun,
    pub ready: Vec<ChildInput>,
    pub children: Vec<World>,
}

impl Ended {
    pub fn counts(&self) -> (Counts, Counts) {
        (self.map_run.execution_counts(), self.map_run.item_counts())
    }
}

/// Objects in one page of a listing, so that two pages are needed soon.
const PAGE: usize = 2;

impl World {
    /// Has a Map Run done and gives its end to the execution, if that still waits for it.
    pub(crate) fn run_map(&mut self, plan: MapRunPlan, answer: &mut dyn FnMut(&ScheduledTask) -> Answer) {
        let run = plan.run;
        let (ended, result) = self.done(plan, answer);
        self.ended.push(ended);
        while self.timers.first_key_value().is_some_and(|((due, _), ())| *due <= self.now)
            && self.is_running()
        {
            self.fire();
        }
        if self.runs.contains_key(&run) {
            self.give(Input::MapRunEnded { run, result }).unwrap();
        }
    }

    fn done(
        &mut self,
        plan: MapRunPlan,
        answer: &mut dyn FnMut(&ScheduledTask) -> Answer,
    ) -> (Ended, MapRunResult) {
        let (mut run, mut ready, mut done) = self.taken_up(&plan);
        let mut result = MapRunResult::TooLarge;
        loop {
            let input = match run.phase() {
                Phase::Preparing => match self.prepare(&plan) {
                    Ok(inputs) => {
                        let mut sizes = Sizes::default();
                        inputs.iter().for_each(|child| sizes.push(child.items));
                        ready = inputs;
                        MapRunInput::Prepared(sizes)
                    }
                    Err(failure) => MapRunInput::NotPrepared(failure),
                },
                Phase::Redriving => {
                    let mut found = Unsuccessful::default();
                    done.iter().for_each(|(child, world)| found.push(*child, world.execution.status()));
                    MapRunInput::Found(found)
                }
                Phase::Running | Phase::Stopping => {
                    let child = run.running().next().unwrap();
                    let input = ready[child as usize].clone();
                    let world = match done.remove(&child) {
                        Some(world) if run.phase() == Phase::Stopping => world,
                        Some(world) => self.redriven_child(world, &run, answer),
                        None => self.child(&plan, child, input, &run, answer),
                    };
                    let status = world.execution.status();
                    done.insert(child, world);
                    MapRunInput::ChildEnded { child, status }
                }
                Phase::Writing => {
                    let (written, succeeded) = self.write(&plan, &run, &ready, &done);
                    result = written;
                    MapRunInput::Written { succeeded }
                }
                Phase::Over => break,
            };
            run.take(input, self.now).unwrap();
            // What a store keeps of it is all of it.
            run = serde_json::from_str(&serde_json::to_string(&run).unwrap()).unwrap();
        }
        if let Some(failure) = run.failure() {
            result = MapRunResult::Failed(failure.clone());
        }
        (Ended { plan, map_run: run, ready, children: done.into_values().collect() }, result)
    }

    /// A Map Run that begins, or what there was of it when it is redriven.
    fn taken_up(&mut self, plan: &MapRunPlan) -> (MapRun, Vec<ChildInput>, BTreeMap<u32, World>) {
        let new = MapRun::new(plan, self.now);
        let Some(count) = self.redriven.remove(&plan.run) else { return (new, Vec::new(), BTreeMap::new()) };
        let at = self.ended.iter().position(|ended| ended.plan.run == plan.run);
        let (mut run, ready, children) = match at.map(|at| self.ended.remove(at)) {
            Some(Ended { map_run, ready, children, .. }) => (map_run, ready, children),
            None => (new, Vec::new(), Vec::new()),
        };
        run.take(MapRunInput::Redriven { count }, self.now).unwrap();
        let number = |world: &World| world.execution.child_of().unwrap().child;
        (run, ready, children.into_iter().map(|child| (number(&child), child)).collect())
    }

    /// Runs a child again that has not succeeded.
    fn redriven_child(
        &mut self,
        mut world: World,
        run: &MapRun,
        answer: &mut dyn FnMut(&ScheduledTask) -> Answer,
    ) -> World {
        world.now = self.now;
        world.buckets = std::mem::take(&mut self.buckets);
        world.give(Input::Redrive { attempt: Some(run.redrives()) }).unwrap();
        world.go_on(answer);
        assert!(!world.is_running(), "a child is stuck in {:?}", world.execution.active_states());
        self.buckets = std::mem::take(&mut world.buckets);
        self.now = self.now.max(world.now);
        world
    }

    fn child(
        &mut self,
        plan: &MapRunPlan,
        child: u32,
        ready: ChildInput,
        run: &MapRun,
        answer: &mut dyn FnMut(&ScheduledTask) -> Answer,
    ) -> World {
        let start = self.execution.start().clone();
        let mut world = World::new(self.machine.clone(), start.clone());
        world.execution = plan.child(&start, child, ready.input, run.redrives());
        world.now = self.now;
        world.seed = self.seed ^ u64::from(child + 1);
        world.buckets = std::mem::take(&mut self.buckets);
        if run.phase() == Phase::Running {
            world.drive(answer);
        } else {
            world.give(Input::Start).unwrap();
            if world.is_running() {
                world.give(Input::Stop { error: None, cause: None }).unwrap();
            }
        }
        assert!(!world.is_running(), "a child is stuck in {:?}", world.execution.active_states());
        self.buckets = std::mem::take(&mut world.buckets);
        self.now = self.now.max(world.now);
        world
    }

    fn prepare(&mut self, plan: &MapRunPlan) -> Result<Vec<ChildInput>, MapRunFailure> {
        let read = match &plan.reader {
            None => None,
            Some(reader) => Some(read(&self.buckets, Reading::new(reader.clone())?)?),
        };
        self.seed += 1;
        let at = Moment { now: self.now, seed: self.seed };
        let before = self.execution.clone();
        let inputs = children(&self.machine, &mut self.execution, plan, read, at)?.collect();
        assert_eq!(before, self.execution);
        inputs
    }

    fn write(
        &mut self,
        plan: &MapRunPlan,
        run: &MapRun,
        ready: &[ChildInput],
        done: &BTreeMap<u32, World>,
    ) -> (MapRunResult, Vec<Value>) {
        let outcomes = done.values().map(|child| ChildOutcome::new(&child.execution, child.now));
        match Output::new(plan, run) {
            Err(failure) => (MapRunResult::Failed(failure), Vec::new()),
            Ok(Output::State(mut collected)) => {
                for outcome in outcomes {
                    if !collected.push(outcome) {
                        break;
                    }
                }
                (collected.finish(), Vec::new())
            }
            Ok(Output::Files(mut files)) => {
                let bucket = files.bucket().to_owned();
                let mut written: Vec<_> = outcomes.filter_map(|outcome| files.push(outcome)).collect();
                let pending = ready.iter().skip(run.next_child() as usize);
                written.extend(pending.filter_map(|child| files.push_pending(child)));
                let (rest, result, succeeded) = files.finish();
                written.extend(rest);
                for file in written {
                    self.buckets.insert((bucket.clone(), file.key), file.bytes);
                }
                (result, succeeded)
            }
        }
    }
}

fn read(buckets: &Buckets, mut reading: Reading) -> Result<Vec<Item>, MapRunFailure> {
    while let Some(request) = reading.next().cloned() {
        let reply = match request {
            Request::Object { bucket, key, .. } => match buckets.get(&(bucket, key)) {
                Some(bytes) => Reply::Object(bytes.clone()),
                None => {
                    let cause = "The specified key does not exist.";
                    return Err(MapRunFailure::named("States.ItemReaderFailed", cause));
                }
            },
            Request::List { bucket, prefix, token } => {
                let from = token.unwrap_or_default();
                let mut keys = buckets
                    .iter()
                    .filter(|((of, key), _)| *of == bucket && key.starts_with(&prefix) && *key > from);
                let objects: Vec<Listed> = keys
                    .by_ref()
                    .take(PAGE)
                    .map(|((_, key), bytes)| Listed {
                        key: key.clone(),
                        size: bytes.len() as u64,
                        etag: "\"0\"".into(),
                        modified: 1_669_244_000,
                        storage_class: "STANDARD".into(),
                    })
                    .collect();
                let next = keys.next().and(objects.last()).map(|last| last.key.clone());
                Reply::List { objects, next }
            }
        };
        reading.give(reply)?;
    }
    Ok(reading.finish())
}
