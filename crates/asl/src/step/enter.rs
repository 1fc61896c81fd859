//! Enters states, and does the work of those that need nothing from outside.

use std::sync::Arc;

use serde_json::Value;

use super::inspect::Field;
use super::stepper::Stepper;
use crate::definition::{Flow, Kind, Selection, State, Text};
use crate::event::Detail;
use crate::expression::{Expression, Fault};
use crate::limits::DATA_BYTES_MAX;
use crate::step::fail::Failure;

impl Stepper<'_> {
    /// Enters a state and goes on as far as it can.
    pub fn enter(&mut self, frame: u64, name: &str, input: Arc<Value>) {
        let Some(state) = self.machine.state(name) else { return };
        if self.execution.frame(frame).is_none() {
            return;
        }
        self.emit(frame, Detail::StateEntered { kind: state.kind.kind(), name: name.to_owned(), input });
        self.work(frame);
    }

    /// Does the state's work, for the first time or again.
    pub fn work(&mut self, frame: u64) {
        let Some((_, state)) = self.state(frame) else { return };
        let outcome = match &state.kind {
            Kind::Pass { result } => {
                result.iter().for_each(|result| self.inspect(frame, Field::Result, result));
                let result = result.clone().map_or_else(|| self.arguments(frame, state), Ok);
                result.map(|result| self.exit(frame, result))
            }
            Kind::Task(task) => self.schedule(frame, state, task),
            Kind::Choice { rules, default } => self.choose(frame, state, rules, default.as_deref()),
            Kind::Wait(wait) => self.wait(frame, wait),
            Kind::Succeed => self.effective_input(frame).map(|input| self.exit(frame, input)),
            Kind::Fail { error, cause } => self.fail_state(frame, error.as_ref(), cause.as_ref()),
            Kind::Parallel { branches } => self.fork_branches(frame, state, branches),
            Kind::Map(map) => self.fork_items(frame, map),
        };
        if let Err(fault) = outcome {
            self.fault(frame, fault);
        }
    }

    /// The state's input after `InputPath`.
    pub fn effective_input(&self, frame: u64) -> Result<Value, Fault> {
        let Some((active, state)) = self.state(frame) else { return Ok(Value::Null) };
        match &state.flow {
            Flow::JsonPath(flow) => {
                let input = self.select(frame, &flow.input_path, &active.input)?;
                self.inspect(frame, Field::AfterInputPath, &input);
                Ok(input)
            }
            Flow::Jsonata(_) => Ok((*active.input).clone()),
        }
    }

    /// The part of `input` that `InputPath` or `OutputPath` lets through.
    pub fn select(&self, frame: u64, selection: &Selection, input: &Value) -> Result<Value, Fault> {
        match selection {
            Selection::Whole => Ok(input.clone()),
            Selection::Nothing => Ok(Value::Object(serde_json::Map::new())),
            Selection::Path(path) => {
                self.with_env(frame, input, |env| env.select(path)).map_err(|fault| match fault {
                    Fault::Missing { path, why } => Fault::runtime(format!("Invalid path '{path}' : {why}")),
                    other => other,
                })
            }
        }
    }

    /// The state's input after `InputPath` and `Parameters`.
    pub fn arguments(&self, frame: u64, state: &State) -> Result<Value, Fault> {
        let input = self.effective_input(frame)?;
        let template = match &state.flow {
            Flow::JsonPath(flow) => flow.parameters.as_ref(),
            Flow::Jsonata(flow) => flow.arguments.as_ref(),
        };
        let arguments = match template {
            None => input,
            Some(template) => self.with_env(frame, &input, |env| template.evaluate(env))?,
        };
        self.inspect(frame, Field::AfterParameters, &arguments);
        self.inspect(frame, Field::AfterArguments, &arguments);
        Ok(arguments)
    }

    fn fail_state(&mut self, frame: u64, error: Option<&Text>, cause: Option<&Text>) -> Result<(), Fault> {
        let (error, cause) = (self.text(frame, error, "ErrorPath")?, self.text(frame, cause, "CausePath")?);
        self.fail(frame, Failure { error, cause });
        Ok(())
    }

    fn text(&self, frame: u64, text: Option<&Text>, field: &str) -> Result<Option<String>, Fault> {
        let expression = match text {
            None => return Ok(None),
            Some(Text::Literal(text)) => return Ok(Some(text.clone())),
            Some(Text::Jsonata(expression)) => {
                let field = field.trim_end_matches("Path");
                return match self.query(frame, expression, field)? {
                    Value::String(text) => Ok(Some(text)),
                    other => Err(expression.unexpected(field, "string", &other)),
                };
            }
            Some(Text::Expression(expression)) => expression,
        };
        match self.expression(frame, expression, field)? {
            Value::String(text) => Ok(Some(text)),
            other => Err(Fault::runtime(format!(
                "The {field} field refers to value \"{other}\" which is not a string: {expression}"
            ))),
        }
    }

    fn expression(&self, frame: u64, expression: &Expression, field: &str) -> Result<Value, Fault> {
        let input = self.effective_input(frame)?;
        let value = self.with_env(frame, &input, |env| expression.evaluate(env));
        value.map_err(|fault| crate::template::in_field(fault, field, &input))
    }

    /// Refuses data that is larger than AWS lets through a state.
    pub fn within_limit(value: &Value, what: &str) -> Result<(), Fault> {
        if value.to_string().len() <= DATA_BYTES_MAX {
            return Ok(());
        }
        Err(Fault::Other {
            error: "States.DataLimitExceeded",
            message: format!("{what} with a size exceeding the maximum number of bytes service limit."),
        })
    }
}
