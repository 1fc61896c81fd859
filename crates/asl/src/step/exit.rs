//! Exits states: from the result to the output, the variables and the next state.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::inspect::Field;
use super::stepper::{Job, Stepper};
use crate::definition::{Flow, PathFlow, ResultPath, Rule, State, Test};
use crate::event::{Change, Detail};
use crate::execution::{ROOT, bytes};
use crate::expression::Fault;
use crate::limits::{DATA_BYTES_MAX, VARIABLES_BYTES_MAX};
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
            Flow::Jsonata(flow) => self.output_by_query(frame, state, flow, result)?,
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

    /// The variables that an `Assign` gives values.
    pub fn assign(
        &self,
        frame: u64,
        assign: Option<&Template>,
        input: &Value,
    ) -> Result<Map<String, Value>, Fault> {
        let Some(assign) = assign else { return Ok(Map::new()) };
        self.variables(self.with_env(frame, input, |env| assign.evaluate(env))?)
    }

    /// What an `Assign` gave, if it is not too much.
    pub fn variables(&self, assigned: Value) -> Result<Map<String, Value>, Fault> {
        let Value::Object(assigned) = assigned else { return Ok(Map::new()) };
        let size = bytes(assigned.values());
        let exceeded = |what: &str| Fault::Other {
            error: "States.DataLimitExceeded",
            message: format!("{what} with a size exceeding the maximum number of bytes service limit."),
        };
        if size > DATA_BYTES_MAX {
            return Err(exceeded("The Assign field gave variables"));
        }
        if self.execution.variable_bytes() + size > VARIABLES_BYTES_MAX {
            return Err(exceeded("The execution has variables"));
        }
        Ok(assigned)
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
        for (index, rule) in rules.iter().enumerate() {
            let holds = match &rule.test {
                Test::Literal(truth) => *truth,
                Test::Comparison(condition) => self.with_env(frame, &input, |env| condition.holds(env))?,
                Test::Jsonata(expression) => self.query_condition(frame, expression, index)?,
            };
            if holds {
                chosen = Some(rule);
                break;
            }
        }
        let by_default = match &state.flow {
            Flow::JsonPath(_) => None,
            Flow::Jsonata(flow) => flow.output.as_ref(),
        };
        let (next, assign, output) = match (chosen, default) {
            (Some(rule), _) => (rule.next.as_str(), rule.assign.as_ref(), rule.output.as_ref()),
            (None, Some(default)) => (default, state.assign.as_ref(), by_default),
            (None, None) => {
                // WHY: the language names it `States.NoChoiceMatched`; AWS reports a machine that is wrong.
                return Err(Fault::runtime(
                    "Failed to transition out of the state. The state does not point to a next state.",
                ));
            }
        };
        let assigned = self.assign(frame, assign, &input)?;
        let output = match (&state.flow, output) {
            (Flow::JsonPath(flow), _) => self.select(frame, &flow.output_path, &input)?,
            (Flow::Jsonata(_), Some(output)) => self.with_env(frame, &input, |env| output.evaluate(env))?,
            (Flow::Jsonata(_), None) => input,
        };
        Self::within_limit(&output, &format!("The state/task '{}' returned a result", state.name))?;
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
