//! Tasks: scheduling them and taking in what becomes of them.

use std::sync::Arc;

use serde_json::Value;

use super::fail::Failure;
use super::inspect::Field;
use super::stepper::Stepper;
use crate::definition::{Amount, Kind, State, Task};
use crate::event::{Detail, Failed, Purpose, Scheduled, Target};
use crate::execution::Work;
use crate::expression::Fault;
use crate::limits::SECONDS_MAX;
use crate::moment::{Actor, Effect, ScheduledTask};

impl Stepper<'_> {
    pub fn schedule(&mut self, frame: u64, state: &State, task: &Task) -> Result<(), Fault> {
        let input = self.effective_input(frame)?;
        let target = Target::parse(&task.resource);
        if self.machine.has_lost(&task.resource) {
            return Err(Fault::runtime(format!("The activity {} does not exist.", task.resource)));
        }
        // WHY: AWS lets the end of a task that it waits for (`.sync`) be told by token too.
        let is_awaited =
            [".waitForTaskToken", ".sync", ".sync:2"].iter().any(|end| task.resource.ends_with(end));
        let has_token = is_awaited || matches!(target, Target::Activity(_));
        let token = has_token.then(|| self.new_token());
        // WHY: an activity's worker gets the token with the task; expressions do not see it.
        self.token = token.clone().filter(|_| is_awaited);
        let evaluated = self.evaluate_task(frame, &input, state, task, target);
        self.token = None;
        let scheduled = evaluated?;
        let attempt = self.execution.active(frame).map_or(0, |active| active.retries);
        let parameters = scheduled.parameters.clone();
        let (timeout_seconds, heartbeat_seconds) = (scheduled.timeout_seconds, scheduled.heartbeat_seconds);
        let (role_arn, credentials) =
            (self.execution.start().role_arn.clone(), scheduled.credentials.clone());
        let is_activity = matches!(scheduled.target, Target::Activity(_));
        let event = self.emit(frame, Detail::TaskScheduled(Box::new(scheduled)));
        self.effect(Effect::ScheduleTask(ScheduledTask {
            task: event,
            state: state.name.clone(),
            resource: task.resource.clone(),
            parameters,
            attempt,
            token,
            timeout_seconds,
            heartbeat_seconds,
            actor: Box::new(Actor { role_arn, credentials }),
        }));
        // WHY: an activity's time runs from when a worker takes it, any other task's from here.
        if !is_activity {
            self.start_deadlines(frame, event, timeout_seconds, heartbeat_seconds);
        }
        Ok(())
    }

    fn start_deadlines(&mut self, frame: u64, event: u64, timeout: Option<u64>, heartbeat: Option<u64>) {
        if let Some(seconds) = timeout {
            self.start_timer(frame, event, Purpose::TaskTimeout, seconds.saturating_mul(1000));
        }
        if let Some(seconds) = heartbeat {
            self.start_timer(frame, event, Purpose::Heartbeat, seconds.saturating_mul(1000));
        }
    }

    fn evaluate_task(
        &self,
        frame: u64,
        input: &Value,
        state: &State,
        task: &Task,
        target: Target,
    ) -> Result<Scheduled, Fault> {
        let timeout_seconds = self.amount(frame, input, task.timeout_seconds.as_ref(), "TimeoutSeconds")?;
        let heartbeat_seconds =
            self.amount(frame, input, task.heartbeat_seconds.as_ref(), "HeartbeatSeconds")?;
        let parameters = self.arguments(frame, state)?;
        Self::within_limit(&parameters, "The state/task gave parameters")?;
        let credentials = match &task.credentials {
            None => None,
            Some(template) => Some(self.with_env(frame, input, |env| template.evaluate(env))?),
        };
        let region = self.execution.start().machine_arn.split(':').nth(3).unwrap_or_default().to_owned();
        Ok(Scheduled { target, region, parameters, timeout_seconds, heartbeat_seconds, credentials })
    }

    /// A whole number, given or found. Not negative.
    pub fn amount(
        &self,
        frame: u64,
        input: &Value,
        amount: Option<&Amount>,
        field: &str,
    ) -> Result<Option<u64>, Fault> {
        let path = match amount {
            None => return Ok(None),
            Some(Amount::Literal(number)) => return Ok(Some(seconds(*number))),
            Some(Amount::Jsonata(expression)) => {
                return self.query_whole(frame, expression, field).map(Some);
            }
            Some(Amount::Path(path)) => path,
        };
        let found = self.with_env(frame, input, |env| env.select(path)).map_err(|fault| match fault {
            Fault::Missing { path, why } => Fault::runtime(format!("Invalid path '{path}' : {why}")),
            other => other,
        })?;
        let refuse = |shown: &str| {
            Fault::runtime(format!(
                "The {field}Path field refers to value \"{shown}\" which is not a valid integer: {path}"
            ))
        };
        match &found {
            Value::Number(number) => match number.as_u64() {
                Some(number) => Ok(Some(number.min(SECONDS_MAX))),
                None if number.as_f64().is_some_and(|number| number < 0.0) => {
                    Err(Fault::runtime(format!("{field} cannot be negative.")))
                }
                None => Err(refuse(&number.to_string())),
            },
            Value::String(text) => text.parse().map(Some).map_err(|_| refuse(text)),
            other => Err(refuse(&other.to_string())),
        }
    }

    fn new_token(&self) -> String {
        (0..4).map(|_| format!("{:016x}", self.draw())).collect()
    }

    pub fn task_started(&mut self, task: u64, worker: Option<String>) {
        let Some((frame, target)) = self.task(task) else { return };
        let is_activity = matches!(target, Target::Activity(_));
        self.emit(frame, Detail::TaskStarted { target, worker });
        if !is_activity {
            return;
        }
        let deadlines = self.effective_input(frame).and_then(|input| {
            let Some((_, State { kind: Kind::Task(definition), .. })) = self.state(frame) else {
                return Ok((None, None));
            };
            Ok((
                self.amount(frame, &input, definition.timeout_seconds.as_ref(), "TimeoutSeconds")?,
                self.amount(frame, &input, definition.heartbeat_seconds.as_ref(), "HeartbeatSeconds")?,
            ))
        });
        match deadlines {
            Ok((timeout, heartbeat)) => self.start_deadlines(frame, task, timeout, heartbeat),
            Err(fault) => self.fault(frame, fault),
        }
    }

    pub fn task_submitted(&mut self, task: u64, output: Value) {
        self.ensure_started(task);
        let Some((frame, target)) = self.task(task) else { return };
        self.emit(frame, Detail::TaskSubmitted { target, output });
    }

    /// Moves the deadline: the same timer is started anew. No event tells of it, as with AWS.
    pub fn task_heartbeat(&mut self, task: u64) {
        let timer = Purpose::Heartbeat.timer(task);
        let Some(frame) = self.execution.timer(timer).map(|timer| timer.frame) else { return };
        let Some((_, State { kind: Kind::Task(definition), .. })) = self.state(frame) else { return };
        let seconds = self.effective_input(frame).and_then(|input| {
            self.amount(frame, &input, definition.heartbeat_seconds.as_ref(), "HeartbeatSeconds")
        });
        if let Ok(Some(seconds)) = seconds {
            let due = self.at.now.plus_millis(seconds.saturating_mul(1000));
            self.effect(Effect::StartTimer { timer, due });
        }
    }

    pub fn task_succeeded(&mut self, task: u64, output: Value) {
        self.ensure_started(task);
        let Some((frame, target)) = self.task(task) else { return };
        let name = match &target {
            Target::Lambda(resource) | Target::Activity(resource) => resource.clone(),
            Target::Service { kind, .. } => kind.clone(),
        };
        let what = format!("The state/task '{name}' returned a result");
        if let Err(fault) = Self::within_limit(&output, &what) {
            let Fault::Other { error, message } = fault else { return };
            return self.task_failed(task, error.to_owned(), Some(message));
        }
        self.cancel_timers(frame, None);
        self.inspect(frame, Field::Result, &output);
        let output = Arc::new(output);
        self.emit(frame, Detail::TaskSucceeded { target, output: output.clone() });
        self.exit(frame, (*output).clone());
    }

    pub fn task_failed(&mut self, task: u64, error: String, cause: Option<String>) {
        self.ensure_started(task);
        let Some((frame, target)) = self.task(task) else { return };
        self.cancel_timers(frame, None);
        let failed = Failed { error: Some(error).filter(|error| !error.is_empty()), cause };
        self.emit(frame, Detail::TaskFailed { target, failed: failed.clone() });
        self.fail(frame, Failure { error: failed.error, cause: failed.cause });
    }

    /// The task has not answered, or not shown that it is alive, in time.
    pub fn task_timed_out(&mut self, frame: u64, timer: u64, error: &str) {
        if !self.time_out(frame, timer) {
            return;
        }
        // WHY: tasks that run out of time at the same moment have all done so before the first of them fails
        // what they are in.
        let is_timeout = error == "States.Timeout";
        let others = if is_timeout { self.execution.overdue_tasks(self.at.now) } else { Vec::new() };
        let mut frames = vec![frame];
        for other in others {
            let Some(running) = self.execution.timer(other) else { continue };
            if self.time_out(running.frame, other) {
                frames.push(running.frame);
            }
        }
        for frame in frames {
            self.fail(frame, Failure { error: Some(error.to_owned()), cause: None });
        }
    }

    /// Writes down that a task has run out of time; `false` if there is none.
    fn time_out(&mut self, frame: u64, timer: u64) -> bool {
        let Some(active) = self.execution.active(frame) else { return false };
        let Work::Task { task, .. } = active.work else { return false };
        self.ensure_started(task);
        let Some((_, target)) = self.task(task) else { return false };
        self.effect(Effect::CancelTask { task });
        self.cancel_timers(frame, Some(timer));
        let failed = Failed { error: Some("States.Timeout".into()), cause: None };
        self.emit(frame, Detail::TaskTimedOut { target, failed });
        true
    }

    fn ensure_started(&mut self, task: u64) {
        let frame = self.execution.task_frame(task);
        let active = frame.and_then(|frame| self.execution.active(frame));
        if let Some(Work::Task { started: false, .. }) = active.map(|active| &active.work) {
            self.task_started(task, None);
        }
    }

    /// The frame that waits for a task, and who does it.
    fn task(&self, task: u64) -> Option<(u64, Target)> {
        let frame = self.execution.task_frame(task)?;
        match &self.state(frame)?.1.kind {
            Kind::Task(definition) => Some((frame, Target::parse(&definition.resource))),
            _ => None,
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked when it was parsed")]
fn seconds(number: f64) -> u64 {
    number as u64
}
