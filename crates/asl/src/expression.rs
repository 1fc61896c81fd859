//! What stands in a `.$` field: a path or an intrinsic call, and what both are evaluated against.
//! A second query language adds a sibling of this module and of `template`, not cases in here.

use std::fmt;

use serde_json::Value;

use crate::intrinsic::Call;
use crate::path::{Path, Root, SyntaxError};
use crate::timestamp::Timestamp;

/// A path or an intrinsic call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expression {
    Path(Path),
    Call(Call),
}

/// What expressions are evaluated against.
pub(crate) struct Env<'a> {
    /// What `$` means in JSONPath, and `$states.input` in JSONata.
    pub input: &'a Value,
    /// `$states.result`, where a state has one.
    pub result: Option<&'a Value>,
    /// `$states.errorOutput`, in a catcher.
    pub error_output: Option<&'a Value>,
    /// What `$$` and `$name` mean.
    pub names: &'a dyn Names,
}

impl<'a> Env<'a> {
    /// An environment of nothing but the input and the names.
    pub fn new(input: &'a Value, names: &'a dyn Names) -> Self {
        Self { input, result: None, error_output: None, names }
    }
}

/// The context object, the variables in reach, and entropy.
pub(crate) trait Names {
    /// A context object that holds at least what `path` asks for.
    fn context(&self, path: &Path) -> Value;
    /// The variable's value, innermost scope first.
    fn variable(&self, name: &str) -> Option<&Value>;
    /// The step's time, `$now` and `$millis` in JSONata.
    fn now(&self) -> Timestamp;
    /// The next number of the step's entropy.
    fn entropy(&self) -> u64;
}

/// Why an evaluation gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The path found nothing: the path as written, and why.
    Missing { path: String, why: String },
    /// An intrinsic function refused its arguments.
    Intrinsic(String),
    /// JSONata gave nothing that can be used: the field, such as `Output/result`, and why.
    Query { location: Option<String>, message: String },
    /// Anything else, in full.
    Other { error: &'static str, message: String },
}

impl Fault {
    /// A fault of the kind that nothing catches.
    pub fn runtime(message: impl Into<String>) -> Self {
        Self::Other { error: "States.Runtime", message: message.into() }
    }
}

impl Expression {
    /// Parses the text of a `.$` field.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        if text.starts_with('$') {
            return Path::parse(text).map(Self::Path);
        }
        Call::parse(text).map(Self::Call)
    }

    /// The value that it stands for.
    pub fn evaluate(&self, env: &Env<'_>) -> Result<Value, Fault> {
        match self {
            Self::Path(path) => env.select(path),
            Self::Call(call) => call.evaluate(env),
        }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.fmt(f),
            Self::Call(call) => f.write_str(&call.text),
        }
    }
}

impl Env<'_> {
    /// The value that a path finds in the document that its root names.
    pub fn select(&self, path: &Path) -> Result<Value, Fault> {
        let found = match &path.root {
            Root::Input | Root::Current => path.select(self.input),
            Root::Context => path.select(&self.names.context(path)),
            Root::Variable(name) => match self.names.variable(name) {
                Some(value) => path.select(value),
                None => return Err(Fault::runtime(format!("The variable '${name}' is not defined."))),
            },
        };
        found.map_err(|miss| Fault::Missing { path: path.text.clone(), why: miss.0 })
    }
}
