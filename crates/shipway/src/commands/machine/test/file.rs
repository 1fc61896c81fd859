//! The form of test files. Only the form: `play` runs them, `judge` compares.

use std::{collections::BTreeMap, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::commands::machine::{
    mock::{bucket::Objects, reply::Replies},
    stage::ContextObject,
};

/// Tests of one state machine.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestFile {
    /// The machine's file, relative to this one; `order.asl.json` for `order.test.yaml` if not given.
    pub machine: Option<PathBuf>,
    /// When executions start.
    pub now: Option<String>,
    /// Where random numbers come from.
    pub seed: Option<u64>,
    /// Parts of the context object.
    #[serde(default)]
    pub context: ContextObject,
    /// What tasks answer in every case, by state name or by Resource.
    #[serde(default)]
    pub mocks: BTreeMap<String, Replies>,
    /// Objects in buckets, in every case: a text as it is, anything else as JSON.
    #[serde(default)]
    pub buckets: Objects,
    /// A mock file of Shipway's form or AWS's MockConfigFile.json, relative to this file.
    pub mock_file: Option<PathBuf>,
    /// The cases.
    pub cases: Vec<Case>,
}

/// One case.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it shows; unique in the file.
    pub name: String,
    /// The execution's input.
    #[serde(default = "empty")]
    pub input: Value,
    /// When the execution starts.
    pub now: Option<String>,
    /// Where random numbers come from.
    pub seed: Option<u64>,
    /// Parts of the context object; they stand before those of the file as a whole.
    pub context: Option<ContextObject>,
    /// What tasks answer; these stand before those of the file.
    #[serde(default)]
    pub mocks: BTreeMap<String, Replies>,
    /// Objects in buckets; these stand before those of the file.
    #[serde(default)]
    pub buckets: Objects,
    /// The test case of `mock_file`.
    pub test_case: Option<String>,
    /// What must come of it.
    #[serde(default)]
    pub expect: Expect,
}

/// What must come of a case. What is not given is not compared, but an execution must succeed unless told otherwise.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// How the execution ends; SUCCEEDED if neither this nor `error` is given.
    pub status: Option<Status>,
    /// The states that are entered, in order; `...` stands for any number of them.
    pub path: Option<Vec<String>>,
    /// The output, exactly.
    #[serde(default, deserialize_with = "present")]
    pub output: Option<Value>,
    /// What must be in the output; objects may have more fields.
    #[serde(default, deserialize_with = "present")]
    pub output_has: Option<Value>,
    /// The machine's variables at the end; it may have more.
    #[serde(default)]
    pub variables: Map<String, Value>,
    /// The error's name.
    pub error: Option<String>,
    /// The error's cause.
    pub cause: Option<String>,
    /// What the tasks of a state get, call by call, exactly.
    #[serde(default)]
    pub tasks: BTreeMap<String, Vec<Value>>,
    /// What must be in what the tasks of a state get, call by call; objects may have more fields.
    #[serde(default)]
    pub tasks_have: BTreeMap<String, Vec<Value>>,
    /// What results are written, by bucket and by a text that their key ends with: JSON is compared as such.
    #[serde(default)]
    pub written: Objects,
    /// Virtual seconds that it may take.
    pub seconds_max: Option<f64>,
}

/// How an execution ends, in AWS's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// It waits for a task that its mock never answers.
    Running,
    /// It reached its end.
    Succeeded,
    /// An error ended it.
    Failed,
    /// TimeoutSeconds of the machine ended it.
    TimedOut,
}

fn empty() -> Value {
    Value::Object(Map::new())
}

/// `null` is a value too.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Status {
    /// AWS's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::TimedOut => "TIMED_OUT",
        }
    }
}
