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
        use jsonata_core::evaluator::{Context, Evaluator, EvaluatorOptions};
        use jsonata_core::value::JValue;
        let mut states = Map::new();
        states.insert("input".into(), env.input.clone());
        let path =
            crate::path::Path { text: "$$".into(), root: crate::path::Root::Context, segments: vec![] };
        states.insert("context".into(), env.names.context(&path));
        if let Some(r) = env.result {
            states.insert("result".into(), r.clone());
        }
        if let Some(r) = env.error_output {
            states.insert("errorOutput".into(), r.clone());
        }
        let mut context = Context::new();
        context.bind("states".into(), JValue::from(Value::Object(states)));
        for word in self.text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')) {
            if let Some(name) = word.strip_prefix('$')
                && let Some(value) = env.names.variable(name)
            {
                context.bind(name.into(), JValue::from(value.clone()));
            }
        }
        let options = EvaluatorOptions { timeout_ms: Some(1000), ..Default::default() };
        let result = Evaluator::with_options(context, options).evaluate(&self.tree, &JValue::Undefined);
        match result {
            Ok(JValue::Undefined) => Err(self.fault(field, "returned nothing (undefined).")),
            Ok(JValue::Lambda(_) | JValue::Builtin { .. } | JValue::Regex { .. }) => {
                Err(self.fault(field, "returned an unsupported result type."))
            }
            Ok(value) => Ok(tidy(Value::from(&value))),
            Err(error) => {
                Err(self.fault(field, &format!("threw an error during evaluation. {}", error.message())))
            }
        }
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

fn tidy(value: Value) -> Value {
    match value {
        Value::Number(n) => match n.as_f64() {
            Some(f) if f.fract() == 0.0 && f.abs() < 9e15 => (f as i64).into(),
            _ => Value::Number(n),
        },
        Value::Array(a) => a.into_iter().map(tidy).collect(),
        Value::Object(o) => o.into_iter().map(|(k, v)| (k, tidy(v))).collect(),
        v => v,
    }
}
