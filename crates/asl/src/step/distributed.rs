//! Distributed Maps: each item is an execution of its own, whose events the parent's history does not show.
//! Runs those that need nothing from outside; the others run as inline iterations (`fork`).

use serde_json::Value;

use super::fail::Failure;
use super::stepper::Stepper;
use crate::definition::{Amount, Kind, MapOver, Scope, StateMachine};
use crate::event::{Detail, Failed};
use crate::execution::Execution;
use crate::expression::Fault;
use crate::intrinsic::uuid_text;
use crate::moment::{Moment, Start, Status};

impl StateMachine {
    /// Whether the states of a scope run to their end without the outside world and without waiting.
    pub(super) fn is_pure(&self, scope: &Scope) -> bool {
        scope.states.iter().filter_map(|name| self.state(name)).all(|state| {
            let below = match &state.kind {
                Kind::Task(_) | Kind::Wait(_) => false,
                Kind::Parallel { branches } => branches.iter().all(|branch| self.is_pure(branch)),
                Kind::Map(map) => self.is_pure(&map.processor),
                Kind::Pass { .. } | Kind::Choice { .. } | Kind::Succeed | Kind::Fail { .. } => true,
            };
            below && state.retry.is_empty()
        })
    }
}

impl Stepper<'_> {
    /// How many of `length` items may fail.
    pub fn tolerance(&self, frame: u64, map: &MapOver, length: usize) -> Result<usize, Fault> {
        let input = self.effective_input(frame)?;
        let count = self.amount(frame, &input, map.tolerated.count.as_ref(), "ToleratedFailureCount")?;
        let percentage = self.percentage(frame, &input, map.tolerated.percentage.as_ref())?;
        let count = count.map_or(0, |count| usize::try_from(count).unwrap_or(usize::MAX));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and length")]
        #[expect(clippy::cast_precision_loss, reason = "lengths are far below 2^53")]
        let share = (length as f64 * percentage / 100.0) as usize;
        Ok(count.max(share))
    }

    pub fn percentage(&self, frame: u64, input: &Value, amount: Option<&Amount>) -> Result<f64, Fault> {
        let path = match amount {
            None => return Ok(0.0),
            Some(Amount::Literal(number)) => return Ok(*number),
            Some(Amount::Jsonata(expression)) => {
                let field = "ToleratedFailurePercentage";
                let value = self.with_env(frame, input, |env| expression.evaluate(env, field))?;
                return value.as_f64().ok_or_else(|| expression.unexpected(field, "number", &value));
            }
            Some(Amount::Path(path)) => path,
        };
        let found = self.with_env(frame, input, |env| env.select(path))?;
        let number = match &found {
            Value::String(text) => text.parse().ok(),
            other => other.as_f64(),
        };
        let shown = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
        match number {
            None => Err(Fault::runtime(format!(
                "The ToleratedFailurePercentagePath field refers to value \"{shown}\" which is not a valid float: {path}"
            ))),
            Some(number) if (0.0..=100.0).contains(&number) => Ok(number),
            Some(_) => Err(Fault::runtime("ToleratedFailurePercentage must be between 0 and 100.")),
        }
    }

    /// Runs every item to its end.
    pub fn run_map(&mut self, frame: u64, map: &MapOver, tolerated: usize) -> Result<(), Fault> {
        let arn = self.map_run_arn(map);
        let run = self.emit(frame, Detail::MapRunStarted { arn: arn.clone() });
        let length = self.execution.fork(frame).map_or(0, |fork| fork.results.len());
        let (mut results, mut failed) = (Vec::with_capacity(length), 0_usize);
        for index in 0..u32::try_from(length).unwrap_or(u32::MAX) {
            let input = self.item_input(frame, map, index)?;
            match self.run_item(&arn, &map.processor, input) {
                Some(output) => results.push(output),
                None => failed += 1,
            }
        }
        if failed > tolerated {
            let error = Some("States.ExceedToleratedFailureThreshold".to_owned());
            let cause = Some("The specified tolerated failure threshold was exceeded".to_owned());
            let (shown, failure) =
                (Failed { error: error.clone(), cause: cause.clone() }, Failure { error, cause });
            self.emit(frame, Detail::MapRunFailed(shown));
            self.emit(frame, Detail::MapFailed);
            self.fail(frame, failure);
            return Ok(());
        }
        let succeeded = self.emit_after(frame, run, Detail::MapRunSucceeded);
        self.emit_after(frame, succeeded, Detail::MapSucceeded);
        self.exit(frame, Value::Array(results));
        Ok(())
    }

    /// `...:mapRun:<machine>/<label>:<uuid>`
    fn map_run_arn(&self, map: &MapOver) -> String {
        let machine = self.execution.start().machine_arn.replacen(":stateMachine:", ":mapRun:", 1);
        let label = map.label.clone().unwrap_or_else(|| uuid_text(self.draw()));
        format!("{machine}/{label}:{}", uuid_text(self.draw()))
    }

    /// The output of one item's execution; none if it failed.
    fn run_item(&self, run: &str, scope: &Scope, input: Value) -> Option<Value> {
        let parent = self.execution.start();
        let name = uuid_text(self.draw());
        let mut child = Execution::new(Start {
            execution_arn: format!("{}:{name}", run.replacen(":mapRun:", ":execution:", 1)),
            execution_name: name,
            input,
            ..parent.clone()
        });
        let at = Moment { now: self.at.now, seed: self.draw() };
        let mut stepper = Stepper::new(self.machine, &mut child, at);
        stepper.begin(&scope.start_at);
        stepper.run();
        if child.status() == Status::Succeeded { child.output().cloned() } else { None }
    }
}
