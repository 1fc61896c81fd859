//! What becomes of the children's results: the Map's output, or the files of a `ResultWriter` and their manifest.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::MapRun;
use super::plan::{ChildInput, MapRunPlan, Transformation, WritePlan};
use crate::execution::Execution;
use crate::limits::DATA_BYTES_MAX;
use crate::moment::{MapRunFailure, MapRunResult, Status};
use crate::timestamp::Timestamp;

/// A result file is closed, and a further one begun, above this size.
const FILE_BYTES: usize = 16 << 20;

/// How a child ended.
#[derive(Clone, Debug, PartialEq)]
pub struct ChildOutcome {
    /// All that is known of it, as `DescribeExecution` names it, in the order of the names, as AWS writes it.
    record: Map<String, Value>,
    status: Status,
    output: Option<Value>,
    /// How often the Map Run had been redriven when it was run last.
    attempt: u32,
}

impl ChildOutcome {
    /// The outcome of a child that ended at `stopped_at`.
    pub fn new(child: &Execution, stopped_at: Timestamp) -> Self {
        let start = child.start();
        let status = child.status();
        let mut record: BTreeMap<&str, Value> = BTreeMap::from([
            ("ExecutionArn", start.execution_arn.as_str().into()),
            ("Name", start.execution_name.as_str().into()),
            ("StateMachineArn", start.machine_arn.as_str().into()),
            ("Status", status.name().into()),
            ("StartDate", child.started_at().to_string().into()),
            ("StopDate", stopped_at.to_string().into()),
            ("Input", start.input.to_string().into()),
            ("InputDetails", json!({"Included": true})),
            ("RedriveCount", child.redrives().into()),
            ("RedriveStatus", redrive(status).into()),
        ]);
        if let Some(output) = child.output() {
            record.extend([
                ("Output", output.to_string().into()),
                ("OutputDetails", json!({"Included": true})),
            ]);
        }
        if let Some(error) = child.error() {
            record.insert("Error", error.into());
        }
        if let Some(cause) = child.cause() {
            record.insert("Cause", cause.into());
        }
        if status == Status::Succeeded {
            record.insert("RedriveStatusReason", "Execution is SUCCEEDED and cannot be redriven".into());
        }
        let record = record.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let attempt = child.child_of().map_or(0, |of| of.attempt);
        Self { record, status, output: child.output().cloned(), attempt }
    }

    /// The results that it adds: one, or with `FLATTEN` as many as its output has elements.
    fn results(self, transformation: Transformation) -> Vec<Value> {
        match (transformation, self.output) {
            (Transformation::Flatten, Some(Value::Array(elements))) => elements,
            (Transformation::Flatten | Transformation::Compact, Some(output)) => vec![output],
            // WHY: a child that did not succeed has no output; it is shown as it is.
            (Transformation::Flatten | Transformation::Compact, None) | (Transformation::None, _) => {
                vec![self.record.into()]
            }
        }
    }
}

fn redrive(status: Status) -> &'static str {
    if status == Status::Succeeded { "NOT_REDRIVABLE" } else { "REDRIVABLE_BY_MAP_RUN" }
}

/// What the outcomes of a Map Run are collected into.
#[derive(Debug)]
pub enum Output {
    /// The Map's result.
    State(Collected),
    /// The files of a `ResultWriter`.
    Files(Box<ResultFiles>),
}

impl Output {
    /// Nothing collected yet. Fails if the `ResultWriter` does not say where to.
    pub fn new(plan: &MapRunPlan, map_run: &MapRun) -> Result<Self, MapRunFailure> {
        match &plan.writer.arguments {
            None => Ok(Self::State(Collected { plan: plan.writer.clone(), results: Vec::new(), bytes: 2 })),
            Some(arguments) => {
                ResultFiles::new(plan, map_run, arguments).map(|files| Self::Files(Box::new(files)))
            }
        }
    }
}

/// The results of a Map without a bucket, in the order of the items.
#[derive(Debug)]
pub struct Collected {
    plan: WritePlan,
    results: Vec<Value>,
    bytes: usize,
}

impl Collected {
    /// Adds the next child's outcome. `false`: it is too much already, and no further one changes that.
    pub fn push(&mut self, outcome: ChildOutcome) -> bool {
        for result in outcome.results(self.plan.transformation) {
            self.bytes += result.to_string().len() + usize::from(!self.results.is_empty());
            if self.bytes > DATA_BYTES_MAX {
                return false;
            }
            self.results.push(result);
        }
        true
    }

    /// What the parent is told.
    pub fn finish(self) -> MapRunResult {
        if self.bytes > DATA_BYTES_MAX {
            return MapRunResult::TooLarge;
        }
        if !self.plan.is_lines {
            return MapRunResult::Succeeded { output: self.results.into() };
        }
        let lines: String = self.results.iter().map(|result| format!("{result}\n")).collect();
        MapRunResult::Succeeded { output: lines.into() }
    }
}

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultFile {
    /// Its key in the bucket.
    pub key: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The files of a `ResultWriter`, as AWS names and fills them.
#[derive(Debug)]
pub struct ResultFiles {
    plan: WritePlan,
    map_run: String,
    bucket: String,
    folder: String,
    kinds: [Kind; 3],
    /// What earlier attempts have written for children that have succeeded, up to this attempt.
    earlier: (Vec<Value>, Option<u32>),
}

/// The files of children that ended alike.
#[derive(Debug)]
struct Kind {
    name: &'static str,
    bytes: Vec<u8>,
    written: Vec<Value>,
}

const SUCCEEDED: usize = 0;
const FAILED: usize = 1;
const PENDING: usize = 2;

impl ResultFiles {
    fn new(plan: &MapRunPlan, map_run: &MapRun, arguments: &Value) -> Result<Self, MapRunFailure> {
        let text = |name: &str| arguments.get(name).and_then(Value::as_str);
        let bucket = text("Bucket").filter(|bucket| !bucket.is_empty()).ok_or_else(|| {
            let cause = "The field 'Bucket' of the ResultWriter must be a text.";
            MapRunFailure::named("States.ResultWriterFailed", cause)
        })?;
        let prefix = text("Prefix").unwrap_or_default().trim_end_matches('/');
        let folder = if prefix.is_empty() { plan.id().to_owned() } else { format!("{prefix}/{}", plan.id()) };
        // WHY: AWS keeps the files of each attempt.
        let folder = match map_run.redrives() {
            0 => folder,
            count => format!("{folder}/Redrive-{count}"),
        };
        let kind = |name| Kind { name, bytes: Vec::new(), written: Vec::new() };
        Ok(Self {
            plan: plan.writer.clone(),
            map_run: plan.arn.clone(),
            bucket: bucket.to_owned(),
            folder,
            kinds: [kind("SUCCEEDED"), kind("FAILED"), kind("PENDING")],
            earlier: (map_run.written().to_vec(), map_run.written_attempt()),
        })
    }

    /// The bucket that the files go to.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Adds the next child's outcome; gives a file that is full.
    pub fn push(&mut self, outcome: ChildOutcome) -> Option<ResultFile> {
        let kind = if outcome.status == Status::Succeeded { SUCCEEDED } else { FAILED };
        if kind == SUCCEEDED && Some(outcome.attempt) <= self.earlier.1 {
            return None;
        }
        let results = outcome.results(self.plan.transformation);
        self.add(kind, &results)
    }

    /// Adds a child that was never started; gives a file that is full.
    pub fn push_pending(&mut self, child: &ChildInput) -> Option<ResultFile> {
        let record = json!({
            "Input": child.input.to_string(),
            "InputDetails": {"Included": true},
            "Status": "PENDING",
        });
        self.add(PENDING, &[record])
    }

    fn add(&mut self, kind: usize, results: &[Value]) -> Option<ResultFile> {
        let (is_lines, folder) = (self.plan.is_lines, &self.folder);
        let kind = self.kinds.get_mut(kind)?;
        for result in results {
            let between = match (kind.bytes.is_empty(), is_lines) {
                (true, true) => "",
                (true, false) => "[",
                (false, true) => "\n",
                (false, false) => ",",
            };
            kind.bytes.extend_from_slice(between.as_bytes());
            kind.bytes.extend_from_slice(result.to_string().as_bytes());
        }
        if kind.bytes.len() > FILE_BYTES { kind.close(folder, is_lines) } else { None }
    }

    /// The files that are left, the manifest last, what the parent is told once all are written, and which files hold
    /// the children that have succeeded now.
    pub fn finish(mut self) -> (Vec<ResultFile>, MapRunResult, Vec<Value>) {
        let (is_lines, folder) = (self.plan.is_lines, self.folder.clone());
        let mut files: Vec<ResultFile> =
            self.kinds.iter_mut().filter_map(|kind| kind.close(&folder, is_lines)).collect();
        let succeeded = self.kinds.get(SUCCEEDED).map(|kind| kind.written.clone()).unwrap_or_default();
        if let Some(kind) = self.kinds.get_mut(SUCCEEDED) {
            kind.written.splice(0..0, std::mem::take(&mut self.earlier.0));
        }
        let mut written: Vec<(&str, Value)> =
            self.kinds.iter().map(|kind| (kind.name, kind.written.clone().into())).collect();
        written.sort_by_key(|(name, _)| *name);
        let manifest = json!({
            "DestinationBucket": self.bucket,
            "MapRunArn": self.map_run,
            "ResultFiles": Map::from_iter(written.into_iter().map(|(name, files)| (name.to_owned(), files))),
        });
        let key = format!("{folder}/manifest.json");
        files.push(ResultFile { key: key.clone(), bytes: manifest.to_string().into_bytes() });
        let output = json!({
            "MapRunArn": self.map_run,
            "ResultWriterDetails": {"Bucket": self.bucket, "Key": key},
        });
        (files, MapRunResult::Succeeded { output }, succeeded)
    }
}

impl Kind {
    /// The file that is being filled, if anything is in it.
    fn close(&mut self, folder: &str, is_lines: bool) -> Option<ResultFile> {
        if self.bytes.is_empty() {
            return None;
        }
        let extension = if is_lines { "jsonl" } else { "json" };
        let key = format!("{folder}/{}_{}.{extension}", self.name, self.written.len());
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.extend_from_slice(if is_lines { b"\n" } else { b"]" });
        self.written.push(json!({"Key": key, "Size": bytes.len()}));
        Some(ResultFile { key, bytes })
    }
}
