//! Wait states.

use serde_json::Value;

use super::stepper::Stepper;
use crate::definition::Wait;
use crate::event::Purpose;
use crate::expression::Fault;
use crate::limits::SECONDS_MAX;
use crate::path::Path;
use crate::timestamp::{self, Timestamp};

impl Stepper<'_> {
    /// Starts the timer that ends the wait.
    pub fn wait(&mut self, frame: u64, wait: &Wait) -> Result<(), Fault> {
        let millis = match wait {
            Wait::Seconds(seconds) => seconds.saturating_mul(1000),
            Wait::SecondsPath(path) => self.seconds(frame, path)?.saturating_mul(1000),
            Wait::Timestamp(text) => self.until(text).unwrap_or(0),
            Wait::TimestampPath(path) => self.timestamp(frame, path)?,
            Wait::SecondsExpression(expression) => {
                self.query_whole(frame, expression, "Seconds")?.saturating_mul(1000)
            }
            Wait::TimestampExpression(expression) => {
                let value = self.query(frame, expression, "Timestamp")?;
                let due = value.as_str().and_then(|text| self.until(text));
                due.ok_or_else(|| expression.unexpected("Timestamp", "timestamp", &value))?
            }
        };
        let entered = self.execution.active(frame).map_or(0, |active| active.entered);
        // WHY: a timer of before a redrive must not end the wait of after it.
        let place = entered | (u64::from(self.execution.redrives()) << 32);
        self.start_timer(frame, place, Purpose::Wait, millis);
        Ok(())
    }

    /// Milliseconds until a point in time; 0 if it is past.
    fn until(&self, text: &str) -> Option<u64> {
        let time = timestamp::strict(text)?;
        Some(Timestamp(time.as_millisecond()).millis_since(self.at.now))
    }

    fn found(&self, frame: u64, path: &Path, field: &str) -> Result<Value, Fault> {
        let input = self.effective_input(frame)?;
        let found = self.with_env(frame, &input, |env| env.select(path));
        found.map_err(|fault| match fault {
            Fault::Missing { path, .. } => {
                Fault::runtime(format!("The {field} parameter does not reference an input value: {path}"))
            }
            other => other,
        })
    }

    fn seconds(&self, frame: u64, path: &Path) -> Result<u64, Fault> {
        let value = self.found(frame, path, "SecondsPath")?;
        let number = match &value {
            Value::Number(number) => number.as_i64(),
            _ => None,
        };
        let Some(number) = number else {
            return Err(Fault::runtime(format!(
                "The SecondsPath parameter cannot be parsed as a long value: {path} == {value}"
            )));
        };
        let negative = || {
            Fault::runtime(format!(
                "The SecondsPath parameter references a negative value: {path} == {value}"
            ))
        };
        u64::try_from(number).map(|seconds| seconds.min(SECONDS_MAX)).map_err(|_| negative())
    }

    fn timestamp(&self, frame: u64, path: &Path) -> Result<u64, Fault> {
        let value = self.found(frame, path, "TimestampPath")?;
        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.until(&shown).ok_or_else(|| {
            Fault::runtime(format!(
                "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: {path} == {shown}"
            ))
        })
    }
}
