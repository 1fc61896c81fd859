//! What the store keeps of Map Runs: a record each, who has started which, which are open, and the children's inputs.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shipway_asl::Timestamp;
use shipway_asl::map_run::{ChildInput, MapRun, MapRunInput, MapRunPlan};

use crate::{
    engine::Error,
    store::{self, Expected, PAGE_MAX, Put, Record, Row, Store},
};

/// Inputs of so many children are one record.
const CHUNK: u32 = 32;

/// A Map Run as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kept {
    /// ARN of the execution that has started it.
    pub parent: String,
    /// Name of the parent's machine.
    pub machine: String,
    /// Revision of the machine.
    pub revision: u64,
    /// What it was told.
    pub plan: MapRunPlan,
    /// How it stands.
    pub map_run: MapRun,
}

impl Kept {
    /// A Map Run that an execution has just started.
    pub fn new(parent: &Row, plan: MapRunPlan, now: Timestamp) -> Self {
        Self {
            parent: parent.arn.clone(),
            machine: parent.machine.clone(),
            revision: parent.revision,
            map_run: MapRun::new(&plan, now),
            plan,
        }
    }

    /// What makes it known, in the commit of its parent's start of it.
    pub fn first_puts(&self) -> Vec<Put> {
        let arn = Value::String(self.plan.arn.clone());
        let put = |key: String, value: Value| Put { key, expected: Expected::Any, value };
        vec![
            put(key(&self.plan.arn), self.to_value()),
            put(open_key(&self.plan.arn), arn.clone()),
            put(format!("{}{:020}", of_prefix(&self.parent), self.plan.run), arn),
        ]
    }

    /// Its next version.
    pub fn put(&self, version: u64) -> Put {
        Put { key: key(&self.plan.arn), expected: Expected::Version(version), value: self.to_value() }
    }

    /// It is over, and not looked for after a restart.
    pub fn close(&self) -> Put {
        Put { key: open_key(&self.plan.arn), expected: Expected::Any, value: Value::Null }
    }

    fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// Key of a Map Run's record.
pub fn key(arn: &str) -> String {
    format!("engine/map-run/{arn}")
}

const OPEN: &str = "engine/map-run-open/";

fn open_key(arn: &str) -> String {
    format!("{OPEN}{arn}")
}

fn of_prefix(parent: &str) -> String {
    format!("engine/map-runs-of/{parent}/")
}

fn chunk_key(arn: &str, chunk: u32) -> String {
    format!("engine/map-run-inputs/{arn}/{chunk:08}")
}

/// What redrives a Map Run, in the commit of its parent's redrive: nothing, if there is no such Map Run.
pub async fn redriven(
    store: &dyn Store,
    arn: &str,
    count: u32,
    now: Timestamp,
) -> Result<Vec<Put>, store::Error> {
    let Some((mut kept, version)) = load(store, arn).await? else { return Ok(Vec::new()) };
    // WHY: no Map Run refuses a redrive.
    drop(kept.map_run.take(MapRunInput::Redriven { count }, now));
    let open = Put { key: open_key(arn), expected: Expected::Any, value: arn.into() };
    Ok(vec![kept.put(version), open])
}

/// A Map Run and the version of its record.
pub async fn load(store: &dyn Store, arn: &str) -> Result<Option<(Kept, u64)>, store::Error> {
    let Some(Record { key, version, value }) = store.record(&key(arn)).await? else { return Ok(None) };
    let kept = Kept::deserialize(value).map_err(|error| damaged(&key, &error))?;
    Ok(Some((kept, version)))
}

/// ARNs of Map Runs that are not over, above `after`.
pub async fn open(store: &dyn Store, after: Option<&str>) -> Result<Vec<String>, Error> {
    let after = after.map(open_key);
    let records = store.records(OPEN, after.as_deref(), PAGE_MAX).await?;
    Ok(records.into_iter().filter_map(|record| record.key.strip_prefix(OPEN).map(str::to_owned)).collect())
}

/// ARNs of the Map Runs that an execution has started, in that order, after `after`, the event that started one.
pub async fn started_by(
    store: &dyn Store,
    parent: &str,
    after: Option<u64>,
    limit: usize,
) -> Result<Vec<String>, Error> {
    let prefix = of_prefix(parent);
    let after = after.map(|run| format!("{prefix}{run:020}"));
    let records = store.records(&prefix, after.as_deref(), limit).await?;
    Ok(records.into_iter().filter_map(|record| record.value.as_str().map(str::to_owned)).collect())
}

/// Records that keep the inputs of all children.
pub fn inputs(arn: &str, inputs: &[ChildInput]) -> Vec<Put> {
    let chunks = inputs.chunks(CHUNK as usize).zip(0..);
    let put = |(inputs, chunk): (&[ChildInput], u32)| Put {
        key: chunk_key(arn, chunk),
        expected: Expected::Any,
        value: serde_json::to_value(inputs).unwrap_or_default(),
    };
    chunks.map(put).collect()
}

/// Records that forget the inputs of the children before this one, as far as they share no record with others.
pub fn no_inputs(arn: &str, children: u32, all: u32) -> Vec<Put> {
    let chunks = 0..if children >= all { all.div_ceil(CHUNK) } else { children / CHUNK };
    chunks
        .map(|chunk| Put { key: chunk_key(arn, chunk), expected: Expected::Any, value: Value::Null })
        .collect()
}

/// Reads children's inputs, a record at a time.
#[derive(Debug, Default)]
pub struct Inputs {
    chunk: Option<(u32, Vec<ChildInput>)>,
}

impl Inputs {
    /// The input of one child that was not started.
    pub async fn get(&mut self, store: &dyn Store, arn: &str, child: u32) -> Result<ChildInput, Error> {
        self.find(store, arn, child).await?.ok_or_else(|| no_input(arn, child))
    }

    /// The input of one child; those of children that were started may be forgotten.
    pub async fn find(
        &mut self,
        store: &dyn Store,
        arn: &str,
        child: u32,
    ) -> Result<Option<ChildInput>, Error> {
        let (chunk, at) = (child / CHUNK, child % CHUNK);
        let inputs = match self.chunk.take() {
            Some((here, inputs)) if here == chunk => inputs,
            _ => read_chunk(store, &chunk_key(arn, chunk)).await?,
        };
        let found = inputs.get(at as usize).cloned();
        self.chunk = Some((chunk, inputs));
        Ok(found)
    }
}

async fn read_chunk(store: &dyn Store, key: &str) -> Result<Vec<ChildInput>, Error> {
    let record = store.record(key).await?;
    let value = record.map_or(Value::Null, |record| record.value);
    if value.is_null() {
        return Ok(Vec::new());
    }
    Vec::deserialize(value).map_err(|error| damaged(key, &error).into())
}

/// A child that was not started has no input.
pub fn no_input(arn: &str, child: u32) -> Error {
    damaged(&chunk_key(arn, child / CHUNK), &format_args!("it has no input of child {child}")).into()
}

fn damaged(key: &str, why: &dyn std::fmt::Display) -> store::Error {
    store::Error::Unavailable {
        operation: format!("read the record {key}"),
        reason: format!("it is damaged: {why}"),
    }
}
