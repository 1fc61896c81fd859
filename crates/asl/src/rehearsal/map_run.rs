//! Map Runs in a rehearsal: each child is a rehearsal of its own, and as many run side by side as `MaxConcurrency`
//! lets. What a Map Run is, `map_run` says; here it only gets its time, its buckets and its mocks.

use std::collections::{BTreeMap, BTreeSet};

use super::driver::{Driver, Due};
use super::visits::Way;
use super::{Answer, Ending, Limits, Mocks, Performed, Rehearsal};
use crate::definition::StateMachine;
use crate::execution::Execution;
use crate::items::{Item, Reading};
use crate::map_run::{
    ChildInput, ChildOutcome, MapRun, MapRunInput, MapRunPlan, Output, Phase, ResultFiles, Sizes, children,
};
use crate::moment::{Input, MapRunFailure, MapRunResult, Moment, ScheduledTask, Start, Status};
use crate::timestamp::Timestamp;

/// A Map Run under way.
struct Underway<'m> {
    machine: &'m StateMachine,
    parent: Start,
    plan: MapRunPlan,
    run: MapRun,
    now: Timestamp,
    seed: u64,
    limits: Limits,
    ready: Vec<ChildInput>,
    /// Children that will have ended then.
    ends: BTreeMap<(Timestamp, u32), Execution>,
    /// Which running children are among those.
    begun: BTreeSet<u32>,
    outcomes: BTreeMap<u32, ChildOutcome>,
    way: Way,
    tasks: Vec<Performed>,
    given: usize,
    ending: Option<Ending>,
}

impl Driver<'_> {
    /// Has a Map Run done, from now on; its end is put into the queue.
    pub(super) fn start_map_run(&mut self, plan: MapRunPlan, mocks: &mut dyn Mocks) {
        let run = plan.run;
        let mut underway = Underway {
            machine: self.machine,
            parent: self.execution.start().clone(),
            run: MapRun::new(&plan, self.now),
            plan,
            now: self.now,
            seed: self.seed,
            limits: Limits { inputs_max: self.inputs_left(), ..self.rehearsal.limits },
            ready: Vec::new(),
            ends: BTreeMap::new(),
            begun: BTreeSet::new(),
            outcomes: BTreeMap::new(),
            way: Way::default(),
            tasks: Vec::new(),
            given: 0,
            ending: None,
        };
        let result = underway.finish(&mut self.execution, mocks);
        let Underway { plan, now, way, tasks, given, ending, .. } = underway;
        self.take_in(run, plan.state, way, tasks, given);
        match (ending, result) {
            // WHY: what is never answered in a child leaves the Map waiting, as it would leave a Task.
            (Some(Ending::Stuck) | None, None) => {}
            (Some(ending), _) => {
                self.ending.get_or_insert(ending);
            }
            (None, Some(result)) => self.put(now, Due::MapRun { run, result }),
        }
    }
}

impl Underway<'_> {
    /// The result; none if the rehearsal of a child did not come to its end.
    fn finish(&mut self, parent: &mut Execution, mocks: &mut dyn Mocks) -> Option<MapRunResult> {
        let mut result = None;
        loop {
            let input = match self.run.phase() {
                Phase::Preparing => match self.prepare(parent, mocks) {
                    Ok(sizes) => MapRunInput::Prepared(sizes),
                    Err(failure) => MapRunInput::NotPrepared(failure),
                },
                Phase::Running | Phase::Stopping => self.advance(mocks)?,
                Phase::Writing => {
                    let written = self.write(mocks);
                    let input = match &written {
                        MapRunResult::Failed(failure) => MapRunInput::NotWritten(failure.clone()),
                        _ => MapRunInput::Written { succeeded: Vec::new() },
                    };
                    result = Some(written);
                    input
                }
                // WHY: a rehearsal is over with its first end.
                Phase::Redriving | Phase::Over => break,
            };
            if self.run.take(input, self.now).is_err() {
                break;
            }
        }
        let failure = self.run.failure().cloned().map(MapRunResult::Failed);
        failure.or(result)
    }

    fn moment(&self) -> Moment {
        Moment { now: self.now, seed: self.seed }
    }

    fn prepare(&mut self, parent: &mut Execution, mocks: &mut dyn Mocks) -> Result<Sizes, MapRunFailure> {
        let read = match self.plan.reader.clone() {
            None => None,
            Some(plan) => Some(read(Reading::new(plan)?, mocks)?),
        };
        let at = self.moment();
        self.ready = children(self.machine, parent, &self.plan, read, at)?.collect::<Result<_, _>>()?;
        let mut sizes = Sizes::default();
        self.ready.iter().for_each(|child| sizes.push(child.items));
        Ok(sizes)
    }

    /// Begins what may begin, and goes on to where the next child has ended; none if one never does.
    fn advance(&mut self, mocks: &mut dyn Mocks) -> Option<MapRunInput> {
        let is_stopping = self.run.phase() == Phase::Stopping;
        let new: Vec<u32> = self.run.running().filter(|child| !self.begun.contains(child)).collect();
        if is_stopping {
            self.stop();
        } else {
            for child in new {
                self.begun.insert(child);
                let (execution, at) = self.rehearse(child, mocks)?;
                self.ends.insert((at, child), execution);
            }
        }
        let ((at, child), execution) = self.ends.pop_first()?;
        self.begun.remove(&child);
        self.now = self.now.max(at);
        let status = execution.status();
        self.outcomes.insert(child, ChildOutcome::new(&execution, self.now));
        Some(MapRunInput::ChildEnded { child, status })
    }

    /// Whatever runs is aborted here and now.
    fn stop(&mut self) {
        self.ends.clear();
        for child in self.run.running().collect::<Vec<_>>() {
            let mut silent = |_: &ScheduledTask, _: Timestamp| Ok(Answer::never());
            let Some(mut driver) = self.child(child) else { continue };
            driver.give(Input::Start, &mut silent);
            driver.give(Input::Stop { error: None, cause: None }, &mut silent);
            self.ends.insert((self.now, child), driver.into_execution());
        }
    }

    fn child(&self, child: u32) -> Option<Driver<'_>> {
        let input = self.ready.get(usize::try_from(child).ok()?)?.input.clone();
        let execution = self.plan.child(&self.parent, child, input, 0);
        let rehearsal = Rehearsal {
            start: execution.start().clone(),
            now: self.now,
            seed: self.seed ^ u64::from(child).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15),
            limits: Limits { inputs_max: self.limits.inputs_max.saturating_sub(self.given), ..self.limits },
        };
        Some(Driver::of(self.machine, execution, rehearsal))
    }

    fn rehearse(&mut self, child: u32, mocks: &mut dyn Mocks) -> Option<(Execution, Timestamp)> {
        let driver = self.child(child)?;
        let (rehearsed, given) = driver.run(mocks);
        self.given += given;
        self.tasks.extend(rehearsed.tasks);
        self.way.add_child(child, rehearsed.visits, rehearsed.hops);
        if rehearsed.ending != Ending::Completed {
            self.ending = Some(rehearsed.ending);
            return None;
        }
        debug_assert_ne!(rehearsed.execution.status(), Status::Running);
        Some((rehearsed.execution, rehearsed.ended_at))
    }

    fn write(&mut self, mocks: &mut dyn Mocks) -> MapRunResult {
        let outcomes = std::mem::take(&mut self.outcomes).into_values();
        match Output::new(&self.plan, &self.run) {
            Err(failure) => MapRunResult::Failed(failure),
            Ok(Output::State(mut collected)) => {
                for outcome in outcomes {
                    if !collected.push(outcome) {
                        break;
                    }
                }
                collected.finish()
            }
            Ok(Output::Files(files)) => self.write_files(*files, outcomes, mocks),
        }
    }

    fn write_files(
        &self,
        mut files: ResultFiles,
        outcomes: impl Iterator<Item = ChildOutcome>,
        mocks: &mut dyn Mocks,
    ) -> MapRunResult {
        let bucket = files.bucket().to_owned();
        let mut written: Vec<_> = outcomes.filter_map(|outcome| files.push(outcome)).collect();
        let next = usize::try_from(self.run.next_child()).unwrap_or(usize::MAX);
        written.extend(self.ready.iter().skip(next).filter_map(|child| files.push_pending(child)));
        let (rest, result, _) = files.finish();
        for file in written.into_iter().chain(rest) {
            if let Err(reason) = mocks.write(&bucket, &file.key, file.bytes) {
                return MapRunResult::Failed(MapRunFailure::named("States.ResultWriterFailed", &reason));
            }
        }
        result
    }
}

fn read(mut reading: Reading, mocks: &mut dyn Mocks) -> Result<Vec<Item>, MapRunFailure> {
    while let Some(request) = reading.next().cloned() {
        let reply = mocks
            .read(&request)
            .map_err(|reason| MapRunFailure::named("States.ItemReaderFailed", &reason))?;
        reading.give(reply)?;
    }
    Ok(reading.finish())
}
