//! Fields written in JSONata: what they see of a state, and what their values must be.

use serde_json::{Map, Value};

use super::stepper::Stepper;
use crate::definition::{Catcher, Items, MapOver, Mode, QueryFlow, QueryLanguage, State, StateKind};
use crate::expression::{Env, Fault};
use crate::jsonata::Expression;
use crate::limits::SECONDS_MAX;
use crate::path::Root;

impl Stepper<'_> {
    /// The value of an expression that sees the state's input and no more.
    pub fn query(&self, frame: u64, expression: &Expression, field: &str) -> Result<Value, Fault> {
        let input = self.effective_input(frame)?;
        self.with_env(frame, &input, |env| expression.evaluate(env, field))
    }

    /// A number of seconds or of things: whole, not negative.
    pub fn query_whole(&self, frame: u64, expression: &Expression, field: &str) -> Result<u64, Fault> {
        let value = self.query(frame, expression, field)?;
        if !value.is_number() {
            return Err(expression.unexpected(field, "number", &value));
        }
        let number = whole(&value).ok_or_else(|| expression.unexpected(field, "positive integer", &value))?;
        Ok(number.min(SECONDS_MAX))
    }

    /// Whether the rule of a Choice holds.
    pub fn query_condition(&self, frame: u64, expression: &Expression, rule: usize) -> Result<bool, Fault> {
        let field = format!("Choices[{rule}]/Condition");
        let value = self.query(frame, expression, &field)?;
        value.as_bool().ok_or_else(|| expression.unexpected(&field, "boolean", &value))
    }

    /// `Output` and `Assign` of a state that has done its work. Neither sees what the other gives.
    pub fn output_by_query(
        &self,
        frame: u64,
        state: &State,
        flow: &QueryFlow,
        result: Value,
    ) -> Result<(Value, Map<String, Value>), Fault> {
        let has_result = match state.kind.kind() {
            StateKind::Task | StateKind::Parallel | StateKind::Map => true,
            StateKind::Pass | StateKind::Choice | StateKind::Wait | StateKind::Succeed | StateKind::Fail => {
                false
            }
        };
        let input = self.effective_input(frame)?;
        let names = self.context(frame, None);
        let env = Env { result: Some(&result).filter(|_| has_result), ..Env::new(&input, &names) };
        let assigned = state.assign.as_ref().map(|assign| assign.evaluate(&env)).transpose()?;
        let assigned = self.variables(assigned.unwrap_or_default())?;
        let output = flow.output.as_ref().map(|output| output.evaluate(&env)).transpose()?;
        Ok((output.unwrap_or(result), assigned))
    }

    /// `Output` and `Assign` of a catcher.
    pub fn caught_by_query(
        &self,
        frame: u64,
        catcher: &Catcher,
        error_output: Value,
    ) -> Result<(Value, Map<String, Value>), Fault> {
        let input = self.effective_input(frame)?;
        let names = self.context(frame, None);
        let env = Env { error_output: Some(&error_output), ..Env::new(&input, &names) };
        let assigned = catcher.assign.as_ref().map(|assign| assign.evaluate(&env)).transpose()?;
        let assigned = self.variables(assigned.unwrap_or_default())?;
        let output = catcher.output.as_ref().map(|output| output.evaluate(&env)).transpose()?;
        Ok((output.unwrap_or(error_output), assigned))
    }

    /// The items of a Map without a reader: an array, or for a distributed Map an object.
    pub fn items(&self, frame: u64, map: &MapOver, input: Value) -> Result<Value, Fault> {
        let items = match &map.items {
            Items::Input => input,
            Items::Template(template) => self.with_env(frame, &input, |env| template.evaluate(env))?,
            Items::Path(path) => {
                let items = self.with_env(frame, &input, |env| env.select(path));
                items.map_err(|fault| match fault {
                    Fault::Missing { path, why } => Fault::runtime(format!("Invalid path '{path}' : {why}")),
                    other => other,
                })?
            }
        };
        if items.is_array() || items.is_object() && map.mode != Mode::Inline {
            return Ok(items);
        }
        let language = self.state(frame).map(|(_, state)| state.language);
        Err(match &map.items {
            Items::Template(template) => template.unexpected("Items", "array", &items),
            Items::Input if language == Some(QueryLanguage::Jsonata) => Fault::Query {
                location: None,
                message: format!("Map state input must be an array but was: {items}"),
            },
            Items::Input => Fault::runtime("Reference path \"$\" must point to array."),
            Items::Path(path) => {
                // WHY: AWS names a path into the context object as if it began at the input.
                let inner = path.text.strip_prefix('$').filter(|_| path.root == Root::Context);
                let shown = inner.unwrap_or(&path.text);
                Fault::runtime(format!("Reference path \"{shown}\" must point to array."))
            }
        })
    }
}

/// A whole number; `5.0` is one too.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked by the guard")]
fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        let number = value.as_f64()?;
        (number.fract() == 0.0 && (0.0..9e15).contains(&number)).then_some(number as u64)
    })
}
