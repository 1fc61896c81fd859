//! Has the Map Runs of a case done: reads from its buckets and runs the children one after the other, each in a
//! world of its own. What a Map Run is, the language says.

use std::collections::BTreeMap;

use shipway_asl::map_run::{
    ChildInput, ChildOutcome, MapRun, MapRunInput, MapRunPlan, Output, Phase, Sizes, children,
};
use shipway_asl::{Input, MapRunFailure, MapRunResult};

use super::buckets;
use super::world::{Tasks, World};

/// A Map Run under way.
struct Underway<'p> {
    plan: &'p MapRunPlan,
    run: MapRun,
    ready: Vec<ChildInput>,
    done: BTreeMap<u32, World>,
}

impl World {
    /// Has a Map Run done and gives its end to the execution, if that still waits for it.
    pub fn run_map(&mut self, plan: &MapRunPlan, tasks: &mut Tasks) -> Result<(), String> {
        let run = MapRun::new(plan, self.now);
        let result = Underway { plan, run, ready: Vec::new(), done: BTreeMap::new() }.finish(self, tasks)?;
        self.fire_due()?;
        match self.runs.remove(&plan.run) {
            Some(_) => self.give(Input::MapRunEnded { run: plan.run, result }),
            None => Ok(()),
        }
    }
}

impl Underway<'_> {
    fn finish(mut self, parent: &mut World, tasks: &mut Tasks) -> Result<MapRunResult, String> {
        let mut result = MapRunResult::TooLarge;
        loop {
            let input = match self.run.phase() {
                Phase::Preparing => match self.prepare(parent) {
                    Ok(sizes) => MapRunInput::Prepared(sizes),
                    Err(failure) => MapRunInput::NotPrepared(failure),
                },
                Phase::Running | Phase::Stopping => self.run_child(parent, tasks)?,
                Phase::Writing => {
                    result = self.write(parent);
                    MapRunInput::Written { succeeded: Vec::new() }
                }
                // WHY: no recording redrives.
                Phase::Redriving | Phase::Over => break,
            };
            self.run.take(input, parent.now).map_err(|refused| format!("Map Run: {refused}"))?;
        }
        Ok(self.run.failure().map_or(result, |failure| MapRunResult::Failed(failure.clone())))
    }

    fn prepare(&mut self, parent: &mut World) -> Result<Sizes, MapRunFailure> {
        let read = match &self.plan.reader {
            None => None,
            Some(reader) => Some(buckets::read_items(&parent.buckets, reader.clone())?),
        };
        let at = parent.moment();
        let inputs: Result<Vec<ChildInput>, _> =
            children(&parent.machine, &mut parent.execution, self.plan, read, at)?.collect();
        self.ready = inputs?;
        let mut sizes = Sizes::default();
        self.ready.iter().for_each(|child| sizes.push(child.items));
        Ok(sizes)
    }

    fn run_child(&mut self, parent: &mut World, tasks: &mut Tasks) -> Result<MapRunInput, String> {
        let child = self.run.running().next().ok_or("a Map Run waits for no child")?;
        let ready = usize::try_from(child).ok().and_then(|child| self.ready.get(child));
        let input = ready.ok_or("a Map Run runs a child that it does not have")?.input.clone();
        let execution = self.plan.child(parent.execution.start(), child, input, 0);
        let buckets = std::mem::take(&mut parent.buckets);
        let mut world = World::new(parent.machine.clone(), execution, parent.now, buckets);
        world.seed = parent.seed ^ u64::from(child + 1);
        if self.run.phase() == Phase::Running {
            world.run(tasks)?;
        } else {
            world.give(Input::Start)?;
            if world.is_running() {
                world.give(Input::Stop { error: None, cause: None })?;
            }
        }
        if world.is_running() {
            return Err(format!("a child of a Map Run is stuck in {:?}", world.execution.active_states()));
        }
        parent.buckets = std::mem::take(&mut world.buckets);
        parent.now = parent.now.max(world.now);
        let status = world.execution.status();
        self.done.insert(child, world);
        Ok(MapRunInput::ChildEnded { child, status })
    }

    fn write(&self, parent: &mut World) -> MapRunResult {
        let outcomes = self.done.values().map(|child| ChildOutcome::new(&child.execution, child.now));
        match Output::new(self.plan, &self.run) {
            Err(failure) => MapRunResult::Failed(failure),
            Ok(Output::State(mut collected)) => {
                for outcome in outcomes {
                    if !collected.push(outcome) {
                        break;
                    }
                }
                collected.finish()
            }
            Ok(Output::Files(mut files)) => {
                let bucket = files.bucket().to_owned();
                let mut written: Vec<_> = outcomes.filter_map(|outcome| files.push(outcome)).collect();
                let next = usize::try_from(self.run.next_child()).unwrap_or(usize::MAX);
                written.extend(self.ready.iter().skip(next).filter_map(|child| files.push_pending(child)));
                let (rest, result, _) = files.finish();
                written.extend(rest);
                for file in written {
                    parent.buckets.insert((bucket.clone(), file.key), file.bytes);
                }
                result
            }
        }
    }
}
