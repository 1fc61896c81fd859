//! The plain language without what Step Functions adds and takes away: for suites and benches.

use jsonata_core::ast::AstNode;
use jsonata_core::evaluator::{Context, Evaluator, EvaluatorError, EvaluatorOptions};
use jsonata_core::value::JValue;
use serde_json::Value;

use crate::probe::{Given, Problem};

use super::uses::{Need, Uses};
use super::{functions, limits, messages, rewrite, values};

/// A JSONata expression over a document.
#[derive(Debug)]
pub(crate) struct Query {
    tree: AstNode,
    uses: Uses,
}

impl Query {
    /// Parses an expression.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let tree = limits::parse(text).map_err(|message| problem(&message))?;
        let tree = rewrite::adapt(tree);
        Ok(Self { uses: Uses::of(&tree), tree })
    }

    /// The value over a document, with variables; nothing if it is undefined or no JSON.
    pub fn evaluate(&self, document: Option<&Value>, given: &Given) -> Result<Option<Value>, Problem> {
        let mut context = Context::new();
        for (name, value) in &given.bindings {
            context.bind(name.clone(), values::lift(value, &Need::All));
        }
        let mut options: EvaluatorOptions = limits::options(&self.uses);
        options.max_stack_depth = given.depth_max.or(options.max_stack_depth);
        options.max_sequence_length = given.sequence_max.or(options.max_sequence_length);
        options.timeout_ms = given.millis_max.or(options.timeout_ms);
        let document = document.map_or(JValue::Undefined, |document| values::lift(document, &Need::All));
        let mut evaluator = Evaluator::with_options(context, options);
        let threw = |error: EvaluatorError| self.threw(&error);
        functions::register_checks(&mut evaluator, &self.uses).map_err(threw)?;
        match limits::evaluate(&mut evaluator, &self.tree, &document).map_err(threw)? {
            JValue::Undefined | JValue::Lambda(_) | JValue::Builtin { .. } | JValue::Regex { .. } => Ok(None),
            value => values::lower(&value).map(Some).map_err(|cause| problem(&cause.message())),
        }
    }

    fn threw(&self, error: &EvaluatorError) -> Problem {
        let words = messages::of_evaluation(error.message(), &self.uses);
        let code = messages::coded(messages::from_code(error.message())).map(|(code, _)| code.to_owned());
        Problem { code, ..problem(&words) }
    }
}

fn problem(message: &str) -> Problem {
    match messages::coded(message) {
        Some((code, rest)) => Problem { code: Some(code.to_owned()), message: rest.to_owned() },
        None => Problem { code: None, message: message.to_owned() },
    }
}
