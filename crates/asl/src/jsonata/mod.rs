//! JSONata behind one narrow type: parsed once, evaluated against what a state can see.
//! The library that does it is named in this folder alone.

mod functions;
mod json;
mod limits;
mod messages;
mod query;
mod references;
mod rewrite;
mod signatures;
mod uses;
mod values;

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use jsonata_core::ast::AstNode;
use jsonata_core::evaluator::{Context, Evaluator};
use jsonata_core::value::JValue;
use serde_json::{Map, Value};

use crate::expression::{Env, Fault};
use crate::path::{Path, Root, Segment};
use functions::Given;
use uses::{Need, Uses};
use values::Unlowered;

pub(crate) use query::Query;
pub(crate) use references::Sees;

/// A JSONata expression without its `{%` and `%}`, parsed once.
#[derive(Clone)]
pub(crate) struct Expression {
    /// As written between the delimiters, without the space around it.
    pub text: String,
    parsed: Arc<Parsed>,
}

struct Parsed {
    tree: AstNode,
    uses: Uses,
    /// The names of a path that does nothing but take fields from a variable.
    plain: Option<Vec<String>>,
}

impl Expression {
    /// The expression inside of `{% ... %}`, if the whole text is one.
    pub fn delimited(text: &str) -> Option<&str> {
        text.strip_prefix("{%")?.strip_suffix("%}").map(str::trim)
    }

    /// Parses the text between the delimiters. Says why if it cannot.
    pub fn parse(text: &str) -> Result<Self, String> {
        let tree = limits::parse(text)?;
        let tree = rewrite::adapt(tree);
        let (uses, plain) = (Uses::of(&tree), uses::plain_path(&tree));
        Ok(Self { text: text.to_owned(), parsed: Arc::new(Parsed { tree, uses, plain }) })
    }

    /// The value that it gives for `field`, the place that errors name, such as `Output/result`.
    pub fn evaluate(&self, env: &Env<'_>, field: &str) -> Result<Value, Fault> {
        if let Some(value) = self.parsed.plain.as_ref().and_then(|path| find(path, env)) {
            return Ok(values::tidied(value));
        }
        let Parsed { tree, uses, .. } = &*self.parsed;
        let mut evaluator = Evaluator::with_options(context(uses, env), limits::options(uses));
        let draws = functions::DRAWING.iter().any(|name| uses.names(name));
        let given = Given::new(env.names.now(), if draws { env.names.entropy() } else { 0 });
        let value = functions::register(&mut evaluator, uses, &Rc::new(given))
            .and_then(|()| limits::evaluate(&mut evaluator, tree, &JValue::Undefined))
            .map_err(|error| self.threw(field, &messages::of_evaluation(error.message(), uses)))?;
        match value {
            JValue::Undefined => Err(self.fault(field, "returned nothing (undefined).")),
            JValue::Lambda(_) | JValue::Builtin { .. } | JValue::Regex { .. } => {
                Err(self.fault(field, "returned an unsupported result type."))
            }
            value => values::lower(&value).map_err(|cause| match cause {
                Unlowered::Large => self.large(field),
                Unlowered::Other(message) => self.threw(field, &message),
            }),
        }
    }

    /// The fault of an evaluation that failed.
    fn threw(&self, field: &str, words: &str) -> Fault {
        let separator = if messages::coded(words).is_some() { "." } else { ":" };
        self.fault(field, &format!("threw an error during evaluation{separator} {words}"))
    }

    /// The fault of a value that the field cannot take.
    pub fn unexpected(&self, field: &str, expected: &str, value: &Value) -> Fault {
        let what = format!(
            "returned an unexpected result type. Expected '{expected}', but was '{}' for value: {value}",
            type_name(value)
        );
        self.fault(field, &what)
    }

    /// The fault of a value that is larger than any state takes.
    fn large(&self, field: &str) -> Fault {
        Fault::Other {
            error: "States.DataLimitExceeded",
            message: format!(
                "The JSONata expression '{}' specified for the field '{field}' returned a value with a size exceeding the maximum number of bytes service limit.",
                self.text
            ),
        }
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

/// What a plain path finds through objects alone; what goes through arrays is left to the evaluator. Nothing is
/// converted here, so that the commonest expressions cost little, and numbers of 64 bits stay what they are.
fn find<'a>(path: &[String], env: &Env<'a>) -> Option<&'a Value> {
    let (value, rest) = match path {
        [states, member, rest @ ..] if states == "states" => {
            let value = match member.as_str() {
                "input" => Some(env.input),
                "result" => env.result,
                "errorOutput" => env.error_output,
                _ => None,
            };
            (value?, rest)
        }
        [name, rest @ ..] => (env.names.variable(name)?, rest),
        [] => return None,
    };
    rest.iter().try_fold(value, |value, name| value.as_object()?.get(name))
}

/// Binds what the expression names, and of that only what it looks at.
fn context(uses: &Uses, env: &Env<'_>) -> Context {
    let mut context = Context::new();
    for (name, need) in uses.variables() {
        if name == "states" {
            context.bind("states".to_owned(), states(need, env));
        } else if let Some(value) = env.names.variable(name) {
            context.bind(name.to_owned(), values::lift(value, need));
        }
    }
    context
}

/// The reserved variable `$states`.
fn states(need: &Need, env: &Env<'_>) -> JValue {
    let mut members: Vec<(String, JValue)> = Vec::new();
    let mut add = |name: &str, value: &dyn Fn(&Need) -> Option<JValue>| {
        if let Some(need) = need.field(name)
            && let Some(value) = value(need)
        {
            members.push((name.to_owned(), value));
        }
    };
    add("input", &|need| Some(values::lift(env.input, need)));
    add("context", &|need| Some(values::lift(&context_object(need, env), need)));
    add("result", &|need| env.result.map(|value| values::lift(value, need)));
    add("errorOutput", &|need| env.error_output.map(|value| values::lift(value, need)));
    JValue::object(members.into_iter().collect())
}

/// The parts of the context object that are looked at.
fn context_object(need: &Need, env: &Env<'_>) -> Value {
    let ask = |names: &[&str]| {
        let segments = names.iter().map(|name| Segment::Name((*name).to_owned())).collect();
        env.names.context(&Path { text: "$$".to_owned(), root: Root::Context, segments })
    };
    let Need::Fields(sections) = need else { return ask(&[]) };
    let mut object = Map::new();
    for (section, need) in sections {
        // WHY: the input is the one large part of the context object, built only for a path through it.
        let part = match need {
            Need::Fields(fields) if !fields.contains_key("Input") => ask(&[section.as_str(), ""]),
            Need::Fields(_) | Need::All => ask(&[section.as_str()]),
        };
        if let Value::Object(part) = part {
            object.extend(part);
        }
    }
    object.into()
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
