//! A machine as data: what a definition says once it has been checked. Does not run anything.

mod conditions;
mod distributed;
mod document;
mod express;
mod fields;
mod findings;
mod flow;
mod graph;
mod integrations;
mod language;
mod map;
mod names;
mod policy;
mod query;
mod reader;
mod states;
mod validate;
mod variables;
mod walk;
mod warnings;

use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::choice::Condition;
use crate::event::Target;
use crate::expression::Expression;
use crate::jsonata;
use crate::map_run::Transformation;
use crate::path::{Path, Reference};
use crate::template::Template;

/// A parsed and validated machine.
#[derive(Clone, Debug)]
pub struct StateMachine {
    pub(crate) root: Scope,
    /// All states, nested ones too: names are unique in a machine.
    states: HashMap<String, State>,
    /// `TimeoutSeconds` of the whole execution.
    pub(crate) timeout_seconds: Option<u64>,
    warnings: Vec<crate::Diagnostic>,
    /// Activities that are known to be gone.
    lost: HashSet<String>,
}

impl StateMachine {
    /// Findings that did not stand against it.
    pub fn warnings(&self) -> &[crate::Diagnostic] {
        &self.warnings
    }

    /// ARNs of the activities that do its tasks.
    pub fn activities(&self) -> impl Iterator<Item = &str> {
        self.states.values().filter_map(|state| match &state.kind {
            Kind::Task(Task { resource, .. }) => {
                matches!(Target::parse(resource), Target::Activity(_)).then_some(resource.as_str())
            }
            _ => None,
        })
    }

    /// Takes note that an activity does not exist (any more): a task of it fails before it is scheduled.
    pub fn lose_activity(&mut self, arn: &str) {
        self.lost.insert(arn.to_owned());
    }

    pub(crate) fn has_lost(&self, arn: &str) -> bool {
        self.lost.contains(arn)
    }

    pub(crate) fn state(&self, name: &str) -> Option<&State> {
        self.states.get(name)
    }
}

/// States that only reach each other: the machine, a branch, an item processor.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    pub start_at: String,
    /// Names in the order of the document.
    pub states: Vec<String>,
}

/// One state.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub name: String,
    pub comment: Option<String>,
    pub language: QueryLanguage,
    pub kind: Kind,
    pub flow: Flow,
    /// `Assign`
    pub assign: Option<Template>,
    /// `Next`; none where the state ends its scope.
    pub next: Option<String>,
    pub retry: Vec<Retrier>,
    pub catch: Vec<Catcher>,
}

/// How data goes through a state: each query language has its own fields.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "one for each state of a machine, and most are the large one")]
pub(crate) enum Flow {
    JsonPath(PathFlow),
    Jsonata(QueryFlow),
}

impl Default for Flow {
    fn default() -> Self {
        Self::JsonPath(PathFlow::default())
    }
}

/// The data flow of a state written in JSONPath.
#[derive(Clone, Debug, Default)]
pub(crate) struct PathFlow {
    pub input_path: Selection,
    /// `Parameters`
    pub parameters: Option<Template>,
    pub result_selector: Option<Template>,
    pub result_path: ResultPath,
    pub output_path: Selection,
}

/// The data flow of a state written in JSONata.
#[derive(Clone, Debug, Default)]
pub(crate) struct QueryFlow {
    /// `Arguments`
    pub arguments: Option<Template>,
    /// `Output`
    pub output: Option<Template>,
}

/// `QueryLanguage`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum QueryLanguage {
    /// JSONPath, the default.
    #[default]
    #[serde(rename = "JSONPath")]
    JsonPath,
    /// JSONata: expressions stand between `{%` and `%}`.
    #[serde(rename = "JSONata")]
    Jsonata,
}

/// `InputPath` and `OutputPath`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Selection {
    #[default]
    Whole,
    /// `null`: an empty object.
    Nothing,
    Path(Path),
}

/// `ResultPath`
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum ResultPath {
    /// `$`: the result is the output.
    #[default]
    Replace,
    /// `null`: the input is the output.
    Discard,
    At(Reference),
}

/// What a state does.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Pass { result: Option<Value> },
    Task(Task),
    Choice { rules: Vec<Rule>, default: Option<String> },
    Wait(Wait),
    Succeed,
    Fail { error: Option<Text>, cause: Option<Text> },
    Parallel { branches: Vec<Scope> },
    Map(Box<MapOver>),
}

/// The name of what a state does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum StateKind {
    Pass,
    Task,
    Choice,
    Wait,
    Succeed,
    Fail,
    Parallel,
    Map,
}

impl StateKind {
    pub const ALL: [Self; 8] = [
        Self::Pass,
        Self::Task,
        Self::Choice,
        Self::Wait,
        Self::Succeed,
        Self::Fail,
        Self::Parallel,
        Self::Map,
    ];

    /// `Type` in a definition.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "Pass",
            Self::Task => "Task",
            Self::Choice => "Choice",
            Self::Wait => "Wait",
            Self::Succeed => "Succeed",
            Self::Fail => "Fail",
            Self::Parallel => "Parallel",
            Self::Map => "Map",
        }
    }
}

impl Kind {
    pub fn kind(&self) -> StateKind {
        match self {
            Self::Pass { .. } => StateKind::Pass,
            Self::Task(_) => StateKind::Task,
            Self::Choice { .. } => StateKind::Choice,
            Self::Wait(_) => StateKind::Wait,
            Self::Succeed => StateKind::Succeed,
            Self::Fail { .. } => StateKind::Fail,
            Self::Parallel { .. } => StateKind::Parallel,
            Self::Map(_) => StateKind::Map,
        }
    }
}

/// A Task's own fields.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub resource: String,
    pub timeout_seconds: Option<Amount>,
    pub heartbeat_seconds: Option<Amount>,
    pub credentials: Option<Template>,
}

/// A number, given or found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Amount {
    Literal(f64),
    Path(Path),
    Jsonata(jsonata::Expression),
}

/// A text, given or evaluated.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Text {
    Literal(String),
    Expression(Expression),
    Jsonata(jsonata::Expression),
}

/// What a Wait waits for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Wait {
    Seconds(u64),
    SecondsPath(Path),
    SecondsExpression(jsonata::Expression),
    Timestamp(String),
    TimestampPath(Path),
    TimestampExpression(jsonata::Expression),
}

/// A rule of a Choice.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub test: Test,
    pub next: String,
    pub assign: Option<Template>,
    /// `Output` of a rule in JSONata.
    pub output: Option<Template>,
}

/// What a rule asks.
#[derive(Clone, Debug)]
pub(crate) enum Test {
    Comparison(Condition),
    /// `Condition` given as a truth value.
    Literal(bool),
    /// `Condition` as an expression.
    Jsonata(jsonata::Expression),
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Comparison(condition) => condition.fmt(f),
            Self::Literal(truth) => truth.fmt(f),
            Self::Jsonata(expression) => expression.fmt(f),
        }
    }
}

/// A Map's own fields.
#[derive(Clone, Debug)]
pub(crate) struct MapOver {
    pub items: Items,
    pub reader: Option<ItemReader>,
    /// `ItemSelector`, or `Parameters` of older definitions.
    pub item_selector: Option<Template>,
    pub batcher: Option<ItemBatcher>,
    pub processor: Scope,
    pub mode: Mode,
    pub max_concurrency: Option<Amount>,
    /// Failed items that a distributed Map bears.
    pub tolerated: Tolerance,
    /// `Label`, part of the name of the map run.
    pub label: Option<String>,
    pub writer: Option<ResultWriter>,
}

/// Where a Map's items come from when no `ItemReader` reads them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Items {
    /// The state's whole input.
    Input,
    /// `ItemsPath`
    Path(Path),
    /// `Items`: an array or an expression that gives one.
    Template(Template),
}

/// `ItemReader`
#[derive(Clone, Debug)]
pub(crate) struct ItemReader {
    pub resource: String,
    /// `Parameters` or `Arguments`
    pub arguments: Option<Template>,
    pub config: ReaderConfig,
}

/// `ReaderConfig`
#[derive(Clone, Debug, Default)]
pub(crate) struct ReaderConfig {
    pub input_type: Option<InputType>,
    /// The headers of a CSV file: none means that they stand in its first line.
    pub csv_headers: Option<Vec<String>>,
    /// `CSVDelimiter` as the character that it names.
    pub csv_delimiter: Option<char>,
    pub max_items: Option<Amount>,
    /// `ManifestType`
    pub manifest: Option<ManifestType>,
    /// `Transformation`: `LOAD_AND_FLATTEN`
    pub is_flattened: bool,
    /// `ItemsPointer`: the place of the array in a JSON file.
    pub items_pointer: Option<String>,
}

/// `InputType`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InputType {
    Json,
    JsonLines,
    Csv,
    Parquet,
    Manifest,
}

/// `ManifestType`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ManifestType {
    S3Inventory,
    AthenaData,
}

/// `ItemBatcher`
#[derive(Clone, Debug, Default)]
pub(crate) struct ItemBatcher {
    pub batch_input: Option<Template>,
    pub max_items_per_batch: Option<Amount>,
    pub max_input_bytes_per_batch: Option<Amount>,
}

/// `ResultWriter`
#[derive(Clone, Debug, Default)]
pub(crate) struct ResultWriter {
    pub resource: Option<String>,
    /// `Parameters` or `Arguments`
    pub arguments: Option<Template>,
    /// `WriterConfig.Transformation`
    pub transformation: Option<Transformation>,
    /// Whether `WriterConfig.OutputType` is `JSONL`.
    pub is_lines: bool,
    /// Whether there is neither a `Resource` nor a `WriterConfig`.
    pub is_empty: bool,
}

/// `ToleratedFailureCount` and `ToleratedFailurePercentage`
#[derive(Clone, Debug, Default)]
pub(crate) struct Tolerance {
    pub count: Option<Amount>,
    pub percentage: Option<Amount>,
}

/// `ProcessorConfig.Mode`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Inline,
    Distributed(ExecutionType),
}

/// `ProcessorConfig.ExecutionType`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExecutionType {
    /// Runs up to a year.
    Standard,
    /// Runs up to five minutes.
    Express,
}

/// One element of `Retry`.
#[derive(Clone, Debug)]
pub(crate) struct Retrier {
    pub error_equals: Vec<String>,
    pub interval_seconds: u64,
    pub backoff_rate: f64,
    pub max_attempts: u32,
    pub max_delay_seconds: Option<u64>,
    pub full_jitter: bool,
}

/// One element of `Catch`.
#[derive(Clone, Debug)]
pub(crate) struct Catcher {
    pub error_equals: Vec<String>,
    pub result_path: ResultPath,
    pub next: String,
    pub assign: Option<Template>,
    /// `Output` of a catcher in JSONata.
    pub output: Option<Template>,
}

#[cfg(test)]
mod tests;
