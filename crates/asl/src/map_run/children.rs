//! The inputs of children: what `ItemSelector` makes of the items, alone or in batches.

use serde_json::{Map, Value};

use super::plan::{Batch, ChildInput, MapRunPlan};
use crate::definition::{Kind, StateMachine};
use crate::event::Failed;
use crate::execution::Execution;
use crate::expression::{Env, Fault};
use crate::items::{Item, ReadError, STATE_DATA};
use crate::limits::{DATA_BYTES_MAX, ITEMS_MAX};
use crate::moment::{MapRunFailure, Moment};
use crate::step::{MapItem, Stepper};
use crate::template::Template;

/// Why there is no input for a child.
pub type NoInput = MapRunFailure;

/// The inputs of a Map Run's children, in order.
///
/// `read` is what its reader read; without one the items are those of the state's data. The execution, which waits for
/// the Map Run, is not changed.
pub fn children<'a>(
    machine: &'a StateMachine,
    execution: &'a mut Execution,
    plan: &'a MapRunPlan,
    read: Option<Vec<Item>>,
    at: Moment,
) -> Result<Children<'a>, NoInput> {
    let nothing = || MapRunFailure::named("States.Runtime", "The execution does not wait for that Map Run.");
    let frame = execution.map_run_frame(plan.run).ok_or_else(nothing)?;
    let items = match read {
        Some(items) => items,
        None => {
            let data = execution.map_run_items(frame).map_or(Value::Null, |items| (*items).clone());
            crate::items::of(data, &STATE_DATA.into(), ITEMS_MAX).unwrap_or_default()
        }
    };
    let selector = match machine.state(&plan.state).map(|state| &state.kind) {
        Some(Kind::Map(map)) => map.item_selector.as_ref(),
        _ => None,
    };
    let stepper = Stepper::new(machine, execution, at);
    let input = stepper.effective_input(frame).map_err(|fault| stepper.failed(frame, fault))?;
    Ok(Children {
        stepper,
        frame,
        input,
        selector,
        items: items.into_iter().enumerate(),
        batch: plan.batch.as_ref(),
        waiting: None,
    })
}

/// The inputs of children, one after the other.
pub struct Children<'a> {
    stepper: Stepper<'a>,
    frame: u64,
    /// The Map state's effective input.
    input: Value,
    selector: Option<&'a Template>,
    items: std::iter::Enumerate<std::vec::IntoIter<Item>>,
    batch: Option<&'a Batch>,
    /// An item that did not fit into the batch before.
    waiting: Option<Value>,
}

impl Iterator for Children<'_> {
    type Item = Result<ChildInput, NoInput>;

    fn next(&mut self) -> Option<Self::Item> {
        let child = match self.batch {
            None => self.item().map(|item| item.map(|input| ChildInput { input, items: 1 })),
            Some(batch) => self.next_batch(batch),
        };
        child.map(|child| child.and_then(within_limit))
    }
}

impl Children<'_> {
    /// The next item after `ItemSelector`.
    fn item(&mut self) -> Option<Result<Value, NoInput>> {
        let (index, item) = self.items.next()?;
        Some(self.selected(index, item).map_err(|fault| self.stepper.failed(self.frame, fault)))
    }

    fn selected(&self, index: usize, item: Item) -> Result<Value, Fault> {
        let Some(selector) = self.selector else {
            return Ok(match item.key {
                None => item.value,
                Some(key) => pair(key, item.value),
            });
        };
        let item = MapItem {
            index: u32::try_from(index).unwrap_or(u32::MAX),
            key: item.key.as_deref(),
            value: &item.value,
            source: &item.source,
        };
        let names = self.stepper.context(self.frame, Some(item));
        selector.evaluate(&Env::new(&self.input, &names))
    }

    fn next_batch(&mut self, batch: &Batch) -> Option<Result<ChildInput, NoInput>> {
        let most_items = batch.max_items.unwrap_or(u64::MAX);
        let default = u64::try_from(DATA_BYTES_MAX).unwrap_or(u64::MAX);
        let most_bytes = batch.max_bytes.unwrap_or(default).min(default);
        let (mut items, mut bytes) = (Vec::new(), length(&batched(batch, Vec::new())));
        while (items.len() as u64) < most_items {
            let item = match self.waiting.take().map(Ok).or_else(|| self.item()) {
                None => break,
                Some(Err(failed)) => return Some(Err(failed)),
                Some(Ok(item)) => item,
            };
            let more = length(&item) + u64::from(!items.is_empty());
            if !items.is_empty() && bytes + more > most_bytes {
                self.waiting = Some(item);
                break;
            }
            bytes += more;
            items.push(item);
        }
        let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
        (count > 0).then(|| Ok(ChildInput { input: batched(batch, items), items: count }))
    }
}

/// How the field of an object is passed on.
fn pair(key: String, value: Value) -> Value {
    let mut pair = Map::new();
    pair.insert("Key".into(), key.into());
    pair.insert("Value".into(), value);
    pair.into()
}

fn batched(batch: &Batch, items: Vec<Value>) -> Value {
    let mut input = Map::new();
    if let Some(common) = &batch.input {
        input.insert("BatchInput".into(), common.clone());
    }
    input.insert("Items".into(), items.into());
    input.into()
}

fn length(value: &Value) -> u64 {
    value.to_string().len() as u64
}

fn within_limit(child: ChildInput) -> Result<ChildInput, NoInput> {
    if child.input.to_string().len() <= DATA_BYTES_MAX {
        return Ok(child);
    }
    Err(MapRunFailure::named(
        "States.DataLimitExceeded",
        "The input of a child execution has a size exceeding the maximum number of bytes service limit.",
    ))
}

impl From<Failed> for MapRunFailure {
    fn from(failed: Failed) -> Self {
        Self { error: failed.error, cause: failed.cause }
    }
}

impl From<ReadError> for MapRunFailure {
    fn from(ReadError(cause): ReadError) -> Self {
        Self::named("States.ItemReaderFailed", &cause)
    }
}
