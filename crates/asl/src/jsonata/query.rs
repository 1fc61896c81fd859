//! The plain language without what Step Functions adds and takes away: for suites and benches.

use jsonata_core::ast::AstNode;
use jsonata_core::evaluator::{Context, Evaluator, EvaluatorOptions};
use jsonata_core::value::JValue;
use serde_json::Value;

use crate::probe::{Given, Problem};

use super::{limits, messages, uses::Need, values};

/// A JSONata expression over a document.
#[derive(Debug)]
pub(crate) struct Query(AstNode);

impl Query {
    /// Parses an expression.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        limits::parse(text).map(Self).map_err(|message| problem(&message))
    }

    /// The value over a document, with variables; nothing if it is undefined or no JSON.
    pub fn evaluate(&self, document: Option<&Value>, given: &Given) -> Result<Option<Value>, Problem> {
        let mut context = Context::new();
        for (name, value) in &given.bindings {
            context.bind(name.clone(), values::lift(value, &Need::All));
        }
        let mut options: EvaluatorOptions = limits::options();
        options.max_stack_depth = given.depth_max.or(options.max_stack_depth);
        options.timeout_ms = given.millis_max.or(options.timeout_ms);
        let document = document.map_or(JValue::Undefined, |document| values::lift(document, &Need::All));
        let value = Evaluator::with_options(context, options).evaluate(&self.0, &document);
        match value.map_err(|error| problem(error.message()))? {
            JValue::Undefined | JValue::Lambda(_) | JValue::Builtin { .. } | JValue::Regex { .. } => Ok(None),
            value => values::lower(&value).map(Some).map_err(|message| problem(&message)),
        }
    }
}

fn problem(message: &str) -> Problem {
    let message = messages::worded(message);
    match messages::coded(&message) {
        Some((code, rest)) => Problem { code: Some(code.to_owned()), message: rest.to_owned() },
        None => Problem { code: None, message: message.into_owned() },
    }
}
