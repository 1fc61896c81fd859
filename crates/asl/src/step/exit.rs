//! Exits states: from the result to the output, the variables and the next state.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::inspect::Field;
use super::stepper::{Job, Stepper};
use crate::definition::{Flow, PathFlow, QueryFlow, ResultPath, Rule, Selection, State, Test};
use crate::event::{Change, Detail};
use crate::execution::ROOT;
use crate::expression::Fault;
use crate::template::Template;

impl Stepper<'_> {
    /// Exits with a result that still goes through `ResultSelector`, `ResultPath` and `OutputPath`.
    pub fn exit(&mut self, frame: u64, result: Value) {
        let Some((_, state)) = self.state(frame) else { return };
        match self.output(frame, state, result) {
            Ok((output, assigned)) => self.leave(frame, output, assigned, state.next.clone()),
            Err(fault) => self.fault(frame, fault),
        }
    }

    fn output(&self, frame: u64, state: &State, result: Value) -> Result<(Value, Map<String, Value>), Fault> {
        let (output, assigned) = match &state.flow {
            Flow::JsonPath(flow) => self.output_by_paths(frame, state, flow, result)?,
            Flow::Jsonata(flow) => self.output_by_query(frame, state, flow, &result)?,
        };
        let what = format!("The state/task '{}' returned a result", state.name);
        Self::within_limit(&output, &what)?;
        Ok((output, assigned))
    }

    fn output_by_paths(
        &self,
        frame: u64,
        state: &State,
        flow: &PathFlow,
        result: Value,
    ) -> Result<(Value, Map<String, Value>), Fault> {
        let result = match &flow.result_selector {
            None => result,
            Some(selector) => self.with_env(frame, &result, |env| selector.evaluate(env))?,
        };
        self.inspect(frame, Field::AfterResultSelector, &result);
        let assigned = self.assign(frame, state.assign.as_ref(), &result)?;
        let merged = self.merge(frame, &flow.result_path, result)?;
        self.inspect(frame, Field::AfterResultPath, &merged);
        Ok((self.select(frame, &flow.output_path, &merged)?, assigned))
    }

    fn output_by_query(
        &self,
        frame: u64,
        state: &State,
        flow: &QueryFlow,
        result: &Value,
    ) -> Result<(Value, Map<String, Value>), Fault> {
        let assigned = self.assign(frame, state.assign.as_ref(), result)?;
        let output = match &flow.output {
            None => result.clone(),
            Some(output) => self.with_env(frame, result, |env| output.evaluate(env))?,
        };
        Ok((output, assigned))
    }

    /// The variables that an `Assign` gives values.
    pub fn assign(
        &self,
        frame: u64,
        assign: Option<&Template>,
        input: &Value,
    ) -> Result<Map<String, Value>, Fault> {
        let Some(assign) = assign else { return Ok(Map::new()) };
        match self.with_env(frame, input, |env| assign.evaluate(env))? {
            Value::Object(assigned) => Ok(assigned),
            _ => Ok(Map::new()),
        }
    }

    /// The state's input with the result at `ResultPath`.
    pub fn merge(&self, frame: u64, path: &ResultPath, result: Value) -> Result<Value, Fault> {
        let input = || self.execution.active(frame).map(|active| (*active.input).clone()).unwrap_or_default();
        match path {
            ResultPath::Replace => Ok(result),
            ResultPath::Discard => Ok(input()),
            ResultPath::At(reference) => {
                let mut merged = input();
                let shown = result.to_string();
                reference.write(&mut merged, result).map_err(|message| Fault::Other {
                    error: "States.ResultPathMatchFailure",
                    message: format!("{message} to input {} with result {shown}", input()),
                })?;
                Ok(merged)
            }
        }
    }

    /// Takes the rule of a Choice that holds first.
    pub fn choose(
        &mut self,
        frame: u64,
        state: &State,
        rules: &[Rule],
        default: Option<&str>,
    ) -> Result<(), Fault> {
        let input = self.effective_input(frame)?;
        let mut chosen = None;
        for rule in rules {
            let holds = match &rule.test {
                Test::Literal(truth) => *truth,
                Test::Comparison(condition) => self.with_env(frame, &input, |env| condition.holds(env))?,
                Test::Jsonata(expression) => {
                    self.with_env(frame, &input, |env| expression.evaluate(env, "Condition"))?
                        == Value::Bool(true)
                }
            };
            if holds {
                chosen = Some(rule);
                break;
            }
        }
        let (next, assign) = match (chosen, default) {
            (Some(rule), _) => (rule.next.as_str(), rule.assign.as_ref()),
            (None, Some(default)) => (default, state.assign.as_ref()),
            (None, None) => {
                return Err(Fault::Other {
                    error: "States.NoChoiceMatched",
                    message:
                        "Failed to transition out of the state. The state does not point to a next state."
                            .into(),
                });
            }
        };
        let assigned = self.assign(frame, assign, &input)?;
        let selection = match &state.flow {
            Flow::JsonPath(flow) => &flow.output_path,
            Flow::Jsonata(_) => &Selection::Whole,
        };
        let output = self.select(frame, selection, &input)?;
        self.leave(frame, output, assigned, Some(next.to_owned()));
        Ok(())
    }

    /// Leaves the state, for the next one or out of its scope.
    pub fn leave(&mut self, frame: u64, output: Value, assigned: Map<String, Value>, next: Option<String>) {
        let Some(active) = self.execution.active(frame) else { return };
        let (kind, name) = (active.kind, active.name.clone());
        let output = Arc::new(output);
        let is_held = self.inspect_exit(&output, &assigned, next.as_ref());
        self.emit(frame, Detail::StateExited { kind, name, output: output.clone(), assigned });
        if is_held {
            return;
        }
        match next {
            Some(state) => self.jobs.push_front(Job::Enter { frame, state, input: output }),
            None => self.finish(frame, output),
        }
    }

    /// Ends the machine, a branch or an iteration.
    fn finish(&mut self, frame: u64, output: Arc<Value>) {
        let Some(ended) = self.execution.frame(frame) else { return };
        let (parent, index, previous) = (ended.parent, ended.index, ended.previous);
        let Some(parent) = parent else {
            self.end(previous, Detail::ExecutionSucceeded { output });
            return;
        };
        debug_assert_ne!(frame, ROOT, "the root has no parent");
        self.change(Change::Join { frame, output });
        self.joined(parent, index, previous);
    }
}
