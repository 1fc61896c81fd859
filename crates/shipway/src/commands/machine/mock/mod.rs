//! Mocks: what tasks answer in a run or a test. Read from Shipway's own form or from AWS's MockConfigFile.json.

pub mod bucket;
mod local;
pub mod reply;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use shipway_asl::{
    ScheduledTask, Timestamp,
    items::Request,
    rehearsal::{Answer, Mocks},
};

use self::{
    bucket::{Buckets, Objects},
    reply::{Replies, Reply},
};
use super::{source, view::View};
use crate::failure::Failure;

/// Calls of one mock that are told apart.
pub const CALLS_MAX: u64 = 1_000_000;

/// Mocks in a file of Shipway's own form.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MockFile {
    /// What tasks answer, by state name or by Resource.
    #[serde(default)]
    pub mocks: BTreeMap<String, Replies>,
    /// Named sets of mocks that stand before the others; `--test-case` chooses one.
    #[serde(default)]
    pub cases: BTreeMap<String, BTreeMap<String, Replies>>,
    /// Objects in buckets: a text as it is, anything else as JSON.
    #[serde(default)]
    pub buckets: Objects,
}

/// What one state's task answers, call by call.
#[derive(Clone, Debug, PartialEq)]
pub enum Script {
    /// The same to every call.
    Always(Answer),
    /// By the number of the call, from 0; both ends of a range belong to it.
    Numbered(Vec<(u64, u64, Answer)>),
}

/// The mocks of one run.
#[derive(Clone, Debug, Default)]
pub struct Cast {
    scripts: BTreeMap<String, Script>,
    calls: BTreeMap<String, u64>,
    /// What distributed Maps read and write.
    pub buckets: Buckets,
}

impl Cast {
    /// Adds mocks before those that are there.
    pub fn put(&mut self, name: &str, script: Script) {
        self.scripts.insert(name.to_owned(), script);
    }

    /// Adds the mocks of a document.
    pub fn extend(&mut self, mocks: &BTreeMap<String, Replies>) {
        for (name, replies) in mocks {
            self.put(name, replies.script());
        }
    }

    /// Names that are neither a Task state nor a Resource of the machine: most often misspelt.
    pub fn strangers(&self, definition: &Value) -> Vec<String> {
        let view = View::new(definition);
        let tasks: Vec<_> = view.states.iter().filter(|state| state.is_task()).collect();
        let is_known =
            |name: &str| tasks.iter().any(|state| state.name == name || state.text("Resource") == name);
        self.scripts.keys().filter(|name| !is_known(name)).cloned().collect()
    }

    /// Refuses mocks of what is not in the machine.
    pub fn check(&self, definition: &Value, place: &str) -> Result<(), Failure> {
        let strangers = self.strangers(definition);
        let Some(first) = strangers.first() else { return Ok(()) };
        let view = View::new(definition);
        let names: Vec<&str> =
            view.states.iter().filter(|state| state.is_task()).map(|state| state.name).collect();
        let tasks = if names.is_empty() {
            "it has no Task states".to_owned()
        } else {
            format!("its Task states are {}", names.join(", "))
        };
        Err(Failure::usage(format!(
            "{place}: `{first}` is neither a Task state nor a Resource of the machine"
        ))
        .hint(tasks))
    }
}

impl Mocks for Cast {
    fn answer(&mut self, task: &ScheduledTask, _now: Timestamp) -> Result<Answer, String> {
        let found = [&task.state, &task.resource].into_iter().find(|name| self.scripts.contains_key(*name));
        let Some((name, script)) = found.and_then(|name| Some((name, self.scripts.get(name)?))) else {
            return Err(format!("state `{}` has no mock, and would call `{}`", task.state, task.resource));
        };
        let calls = self.calls.entry(name.clone()).or_default();
        let call = *calls;
        *calls = call.saturating_add(1);
        let answer = match script {
            Script::Always(answer) => answer,
            Script::Numbered(ranges) => {
                let range = ranges.iter().find(|(first, last, _)| (*first..=*last).contains(&call));
                &range
                    .ok_or_else(|| {
                        format!("the mock of `{name}` has no answer to call {call} (the first is 0)")
                    })?
                    .2
            }
        };
        Ok(complete(answer.clone(), task))
    }

    fn read(&mut self, request: &Request) -> Result<shipway_asl::items::Reply, String> {
        self.buckets.read(request)
    }

    fn write(&mut self, bucket: &str, key: &str, bytes: Vec<u8>) -> Result<(), String> {
        self.buckets.write(bucket, key, bytes)
    }
}

/// A service that is waited for says first that it has begun, as AWS's histories show it.
fn complete(mut answer: Answer, task: &ScheduledTask) -> Answer {
    let waits = task.resource.ends_with(".waitForTaskToken") || task.resource.contains(".sync");
    let is_failed = matches!(answer.outcome, Some(Err(_)));
    if waits && !is_failed && answer.submitted.is_none() {
        answer.submitted = Some(json!({}));
    }
    answer
}

/// Where mocks come from, besides the command line.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The file.
    pub file: PathBuf,
    /// The test case in it.
    pub case: Option<String>,
    /// The machine's name in AWS's form.
    pub machine: String,
    /// Whether the user named the machine.
    pub is_named: bool,
}

/// Reads a file of either form.
pub fn load(origin: &Origin) -> Result<Cast, Failure> {
    let document: Value = source::document(&origin.file)?;
    let is_local = ["StateMachines", "MockedResponses"].iter().any(|field| document.get(field).is_some());
    if is_local {
        return local::load(origin);
    }
    let file: MockFile = source::document(&origin.file)?;
    let mut cast = Cast::default();
    cast.extend(&file.mocks);
    cast.buckets.extend(&file.buckets);
    if let Some(case) = &origin.case {
        let mocks = file.cases.get(case);
        cast.extend(mocks.ok_or_else(|| no_case(&origin.file, case, file.cases.keys()))?);
    }
    Ok(cast)
}

fn no_case<'n>(file: &Path, case: &str, names: impl Iterator<Item = &'n String>) -> Failure {
    let names: Vec<&str> = names.map(String::as_str).collect();
    let there =
        if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", names.join(", ")) };
    Failure::usage(format!("`{}` has no test case `{case}`", file.display())).hint(there)
}

/// A script of replies that come one after another; the last one may stay for ever.
pub fn in_turn(replies: &[Reply], stays: bool) -> Script {
    let (mut ranges, mut next) = (Vec::new(), 0_u64);
    for (place, reply) in replies.iter().enumerate() {
        let is_last = place.saturating_add(1) == replies.len();
        let times = if stays && is_last { CALLS_MAX } else { u64::from(reply.times) };
        ranges.push((next, next.saturating_add(times).saturating_sub(1), reply.answer.clone()));
        next = next.saturating_add(times);
    }
    Script::Numbered(ranges)
}

#[cfg(test)]
mod tests;
