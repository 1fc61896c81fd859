//! A machine as data: what a definition says once it has been checked. Does not run anything.

mod conditions;
mod fields;
mod flow;
mod graph;
mod policy;
mod reader;
mod states;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::choice::Condition;
use crate::expression::Expression;
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
}

impl StateMachine {
    /// Findings that did not stand against it.
    pub fn warnings(&self) -> &[crate::Diagnostic] {
        &self.warnings
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
    pub kind: Kind,
    pub flow: Flow,
    /// `Assign`
    pub assign: Option<Template>,
    /// `Next`; none where the state ends its scope.
    pub next: Option<String>,
    pub retry: Vec<Retrier>,
    pub catch: Vec<Catcher>,
}

/// How data goes through a state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flow {
    pub input_path: Selection,
    /// `Parameters`
    pub parameters: Option<Template>,
    pub result_selector: Option<Template>,
    pub result_path: ResultPath,
    pub output_path: Selection,
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
}

/// A text, given or evaluated.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Text {
    Literal(String),
    Expression(Expression),
}

/// What a Wait waits for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Wait {
    Seconds(u64),
    SecondsPath(Path),
    Timestamp(String),
    TimestampPath(Path),
}

/// A rule of a Choice.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub condition: Condition,
    pub next: String,
    pub assign: Option<Template>,
}

/// A Map's own fields.
#[derive(Clone, Debug)]
pub(crate) struct MapOver {
    pub items_path: Option<Path>,
    /// `ItemSelector`, or `Parameters` of older definitions.
    pub item_selector: Option<Template>,
    pub processor: Scope,
    pub mode: Mode,
    /// A field that is understood but cannot be carried out: such a Map fails when it is entered.
    pub unsupported: Option<&'static str>,
    pub max_concurrency: Option<Amount>,
    /// Failed items that a distributed Map bears.
    pub tolerated: Tolerance,
    /// `Label`, part of the name of the map run.
    pub label: Option<String>,
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
    Distributed,
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
}

#[cfg(test)]
mod tests;
