//! Looks on while one state works, for TestState. Decides nothing about how data flows: the steps call it
//! with what they have, and it holds forks and the next state back.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::fail::Failure;
use super::stepper::Stepper;
use crate::definition::{Catcher, Kind, MapOver, QueryLanguage, Retrier, State, StateKind, StateMachine};
use crate::event::{Detail, Failed};
use crate::execution::{Execution, ROOT};
use crate::expression::Fault;
use crate::map_run::Tolerated;
use crate::moment::{Moment, Transition};

/// What a state under inspection is given beside its input, and what has been seen of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inspection {
    /// The whole context object.
    pub context: Value,
    /// Variables that were set before.
    pub variables: Map<String, Value>,
    /// How often the retrier that applies has retried.
    pub retries: u32,
    /// How many iterations of the Map have failed.
    pub failed_iterations: Option<u64>,
    /// What stands for the object that the Map's `ItemReader` reads.
    pub reader_data: Option<String>,
    pub seen: RefCell<Seen>,
}

/// What has been seen of the state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub data: BTreeMap<Field, Value>,
    pub map: MapSeen,
    /// The error that it came to last.
    pub failed: Option<Failed>,
    /// The retrier that took the error, and the seconds to wait.
    pub retried: Option<(usize, u64)>,
    /// The catcher that took the error.
    pub caught: Option<usize>,
    /// The output and the next state.
    pub left: Option<(Arc<Value>, Option<String>)>,
    /// Variables that the state has set.
    pub assigned: Map<String, Value>,
}

/// What has been seen of a Map.
#[derive(Clone, Debug, Default)]
pub(crate) struct MapSeen {
    pub iterations: Option<usize>,
    pub max_concurrency: Option<u32>,
    pub tolerated_count: Option<u64>,
    pub tolerated_percentage: Option<f64>,
}

/// A stage of the data flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Field {
    AfterArguments,
    AfterInputPath,
    AfterItemSelector,
    AfterItemsPath,
    AfterParameters,
    AfterResultPath,
    AfterResultSelector,
    Result,
}

impl Field {
    /// Whether AWS shows this stage of a state of this kind and language.
    fn is_shown(self, kind: StateKind, language: QueryLanguage) -> bool {
        use StateKind::{Map, Parallel, Pass, Task};
        let by_path = language == QueryLanguage::JsonPath;
        match self {
            Self::AfterInputPath => by_path && kind != Parallel,
            Self::AfterParameters => by_path && matches!(kind, Pass | Task),
            Self::AfterArguments => !by_path && kind == Task,
            Self::AfterItemsPath => by_path && kind == Map,
            Self::AfterItemSelector => kind == Map,
            Self::AfterResultSelector | Self::AfterResultPath => {
                by_path && matches!(kind, Pass | Task | Parallel | Map)
            }
            Self::Result => matches!(kind, Pass | Task),
        }
    }
}

impl MapSeen {
    /// Whether so many failed iterations are more than the Map bears. Without a limit it bears all.
    fn is_exceeded(&self, failed: u64) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
        let share =
            self.iterations.filter(|count| *count > 0).map(|count| failed as f64 * 100.0 / count as f64);
        self.tolerated_count.is_some_and(|most| failed > most)
            || self.tolerated_percentage.zip(share).is_some_and(|(most, share)| share > most)
    }
}

impl Inspection {
    /// The context object, with the item that a Map looks at.
    pub(super) fn context(&self, item: Option<Value>) -> Value {
        let mut context = self.context.clone();
        if let (Value::Object(context), Some(item)) = (&mut context, item) {
            context.insert("Map".into(), item);
        }
        context
    }
}

/// What becomes of the state's work.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// A task's result.
    Task { task: u64, output: Value },
    /// A task's error.
    TaskError { task: u64, failed: Failed },
    /// The results of a Parallel's branches or a Map's iterations.
    Joined(Value),
    /// The error of a Parallel or a Map.
    ForkError(Failed),
    /// A wait is over.
    Waited,
}

/// Enters `state` and goes on until it is left, has failed or needs an answer.
pub(crate) fn begin(
    (machine, execution): (&StateMachine, &mut Execution),
    state: &str,
    inspection: &Inspection,
    at: Moment,
) -> Transition {
    let mut stepper = Stepper::new(machine, execution, at);
    stepper.inspection = Some(inspection);
    // WHY: a Fail state has no InputPath, and AWS shows what would have come out of it.
    if let Some(State { kind: Kind::Fail { .. }, language: QueryLanguage::JsonPath, .. }) =
        machine.state(state)
    {
        let input = stepper.execution.start().input.clone();
        inspection.seen.borrow_mut().data.insert(Field::AfterInputPath, input);
    }
    stepper.begin(state);
    stepper.run()
}

/// Goes on with what has become of the state's work.
pub(crate) fn resume(
    (machine, execution): (&StateMachine, &mut Execution),
    answer: Answer,
    inspection: &Inspection,
    at: Moment,
) -> Transition {
    let mut stepper = Stepper::new(machine, execution, at);
    stepper.inspection = Some(inspection);
    match answer {
        Answer::Task { task, output } => stepper.task_succeeded(task, output),
        Answer::TaskError { task, failed } => {
            stepper.task_failed(task, failed.error.unwrap_or_default(), failed.cause);
        }
        Answer::Joined(result) => stepper.join(inspection, result),
        Answer::ForkError(failed) => stepper.fork_failed(failed),
        Answer::Waited => stepper.exit_with(ROOT, None),
    }
    stepper.run()
}

impl Stepper<'_> {
    fn join(&mut self, inspection: &Inspection, result: Value) {
        let failed = inspection.failed_iterations.unwrap_or(0);
        let is_exceeded = inspection.seen.borrow().map.is_exceeded(failed);
        if is_exceeded {
            return self.fork_failed(Failed {
                error: Some("States.ExceedToleratedFailureThreshold".into()),
                cause: Some("The specified tolerated failure threshold was exceeded".into()),
            });
        }
        self.exit(ROOT, result);
    }

    fn fork_failed(&mut self, failed: Failed) {
        let kind = self.execution.active(ROOT).map(|active| active.kind);
        self.emit(
            ROOT,
            if kind == Some(StateKind::Map) { Detail::MapFailed } else { Detail::ParallelFailed },
        );
        self.fail(ROOT, Failure { error: failed.error, cause: failed.cause });
    }

    /// Notes what the data looks like at this stage.
    pub fn inspect(&self, frame: u64, field: Field, value: &Value) {
        let Some(inspection) = self.inspection else { return };
        let Some((_, state)) = self.state(frame) else { return };
        if field.is_shown(state.kind.kind(), state.language) {
            inspection.seen.borrow_mut().data.insert(field, value.clone());
        }
    }

    /// Notes the error that the state has come to.
    pub fn inspect_failure(&self, failed: impl FnOnce() -> Failed) {
        if let Some(inspection) = self.inspection {
            inspection.seen.borrow_mut().failed = Some(failed());
        }
    }

    /// Notes a retry, which is then not made.
    pub fn inspect_retry(&self, index: usize, retrier: &Retrier) -> bool {
        let Some(inspection) = self.inspection else { return false };
        let seconds = self.delay_millis(retrier, inspection.retries) / 1000;
        inspection.seen.borrow_mut().retried = Some((index, seconds));
        true
    }

    /// Notes which catcher takes the error.
    pub fn inspect_catch(&self, frame: u64, catcher: &Catcher) {
        let Some(inspection) = self.inspection else { return };
        let Some((_, state)) = self.state(frame) else { return };
        let index = state.catch.iter().position(|one| std::ptr::eq(one, catcher));
        inspection.seen.borrow_mut().caught = index;
    }

    /// Notes how the state is left, and that nothing comes after it.
    pub fn inspect_exit(
        &self,
        output: &Arc<Value>,
        assigned: &Map<String, Value>,
        next: Option<&String>,
    ) -> bool {
        let Some(inspection) = self.inspection else { return false };
        let mut seen = inspection.seen.borrow_mut();
        seen.assigned.clone_from(assigned);
        seen.left = Some((output.clone(), next.cloned()));
        true
    }

    /// Whether branches are held back.
    pub fn holds_fork(&self) -> bool {
        self.inspection.is_some()
    }

    /// The items that the reader of a Map under inspection has, made of what was given for them.
    pub fn inspect_reader(&self, frame: u64, map: &MapOver) -> Result<Option<Value>, Fault> {
        let (Some(inspection), Some(reader)) = (self.inspection, &map.reader) else { return Ok(None) };
        let plan = self.read_plan(frame, reader)?;
        let bytes = inspection.reader_data.clone().unwrap_or_else(|| "[]".into()).into_bytes();
        let items = crate::items::of_object(&plan, bytes);
        let items = items.map_err(|why| Fault::Other { error: "States.ItemReaderFailed", message: why.0 })?;
        Ok(Some(items.into_iter().map(|item| item.value).collect()))
    }

    /// Notes how a Map is about to run, and holds its iterations back.
    pub fn inspect_map(&mut self, frame: u64, map: &MapOver, concurrency: u32) -> Result<bool, Fault> {
        let Some(inspection) = self.inspection else { return Ok(false) };
        let has_items = map.reader.is_none() || inspection.reader_data.is_some();
        let iterations = self.execution.fork(frame).map(|fork| fork.results.len()).filter(|_| has_items);
        let Tolerated { count, percentage } = self.tolerated(frame, map)?;
        inspection.seen.borrow_mut().map = MapSeen {
            iterations,
            max_concurrency: Some(concurrency),
            tolerated_count: count,
            tolerated_percentage: percentage,
        };
        if map.item_selector.is_some() {
            let length = u32::try_from(iterations.unwrap_or(0)).unwrap_or(u32::MAX);
            let inputs: Result<Value, Fault> =
                (0..length).map(|index| self.item_input(frame, map, index)).collect();
            self.inspect(frame, Field::AfterItemSelector, &inputs?);
        }
        Ok(true)
    }
}
