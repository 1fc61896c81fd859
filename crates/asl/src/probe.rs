//! Single parts of the language, for benchmarks and suites that judge a part. Not for use in products.

use serde_json::{Map, Value};

use crate::{jsonata, path};

/// A JSONPath over one document, without context object and variables.
#[derive(Debug)]
pub struct Path(path::Path);

impl Path {
    /// Parses a path. Says why if it cannot.
    pub fn parse(text: &str) -> Result<Self, String> {
        path::Path::parse(text).map(Self).map_err(|error| error.to_string())
    }

    /// What the path finds: one value if it is definite, else a list. Says why if it finds nothing.
    pub fn select(&self, document: &Value) -> Result<Value, String> {
        self.0.select(document).map_err(|miss| miss.0)
    }
}

/// A JSONata expression over one document, in the plain language: without what Step Functions adds to it and
/// takes away from it.
#[derive(Debug)]
pub struct Query(jsonata::Query);

/// Why a query gave no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The language's code, such as `T2001`, where the problem has one.
    pub code: Option<String>,
    /// What is wrong, without the code.
    pub message: String,
}

/// What a query is evaluated with beside its document. Limits are those of Step Functions unless given.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// Variables by their names, without `$`.
    pub bindings: Map<String, Value>,
    /// How deep evaluation may nest.
    pub depth_max: Option<usize>,
    /// How many values a sequence may hold.
    pub sequence_max: Option<usize>,
    /// How many milliseconds evaluation may take.
    pub millis_max: Option<u64>,
}

impl Query {
    /// Parses an expression.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        jsonata::Query::parse(text).map(Self)
    }

    /// The value over a document, or over none; nothing if it is undefined or no JSON.
    pub fn evaluate(&self, document: Option<&Value>, given: &Given) -> Result<Option<Value>, Problem> {
        self.0.evaluate(document, given)
    }
}
