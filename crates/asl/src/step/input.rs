//! Takes an input in, or rejects it before anything has changed.

use serde_json::Value;

use super::stepper::Stepper;
use crate::definition::{ExecutionType, Kind, StateMachine};
use crate::event::{Detail, Failed, Purpose};
use crate::execution::{Execution, ROOT, Work};
use crate::limits::EXPRESS_SECONDS_MAX;
use crate::moment::{Input, Moment, Rejected, Status, Transition};

pub(super) fn take(
    machine: &StateMachine,
    execution: &mut Execution,
    input: Input,
    at: Moment,
) -> Result<Transition, Rejected> {
    admit(execution, &input)?;
    let mut stepper = Stepper::new(machine, execution, at);
    match input {
        Input::Start => stepper.start(),
        Input::TaskStarted { task, worker } => stepper.task_started(task, worker),
        Input::TaskSubmitted { task, output } => stepper.task_submitted(task, output),
        Input::TaskHeartbeat { task } => stepper.task_heartbeat(task),
        Input::TaskSucceeded { task, output } => stepper.task_succeeded(task, output),
        Input::TaskFailed { task, error, cause } => stepper.task_failed(task, error, cause),
        Input::TimerFired { timer } => stepper.timer_fired(timer),
        Input::MapRunEnded { run, result } => stepper.map_run_ended(run, result),
        Input::Redrive { attempt } => stepper.redrive(attempt),
        Input::Stop { error, cause } => {
            // WHY: AWS chains what comes from outside to nothing.
            stepper.end(0, Detail::ExecutionAborted(Failed { error, cause }));
        }
    }
    Ok(stepper.run())
}

/// Whether the execution waits for this input. The one place where inputs are rejected.
fn admit(execution: &Execution, input: &Input) -> Result<(), Rejected> {
    if execution.status() != Status::Running && !matches!(input, Input::Redrive { .. }) {
        return Err(Rejected::Ended);
    }
    let work = |task: &u64| match &execution.active(execution.task_frame(*task)?)?.work {
        Work::Task { started, submitted, .. } => Some((*started, *submitted)),
        _ => None,
    };
    let (id, is_expected) = match input {
        Input::Redrive { .. } if execution.status() == Status::Running => (0, false),
        Input::Redrive { .. } if execution.is_redrivable() => (0, true),
        Input::Redrive { .. } => return Err(Rejected::Ended),
        Input::Start => (0, execution.last_event_id() == 0),
        Input::Stop { .. } => (0, execution.last_event_id() > 0),
        Input::TaskStarted { task, .. } => (*task, work(task).is_some_and(|(started, _)| !started)),
        Input::TaskSubmitted { task, .. } => (*task, work(task).is_some_and(|(_, submitted)| !submitted)),
        Input::TaskHeartbeat { task }
        | Input::TaskSucceeded { task, .. }
        | Input::TaskFailed { task, .. } => (*task, work(task).is_some()),
        Input::TimerFired { timer } => (*timer, execution.timer(*timer).is_some()),
        Input::MapRunEnded { run, .. } => (*run, execution.map_run_frame(*run).is_some()),
    };
    if is_expected { Ok(()) } else { Err(Rejected::NotWaiting { id }) }
}

impl<'m> Stepper<'m> {
    fn start(&mut self) {
        let Some((start_at, seconds)) = self.bounds() else { return };
        let id = self.begin(start_at);
        self.limit_time(id, seconds);
    }

    /// Where the machine, or the part of it that a child runs, begins, and how long it may take.
    pub fn bounds(&self) -> Option<(&'m str, Option<u64>)> {
        let Some(child) = self.execution.child_of() else {
            return Some((&self.machine.root.start_at, self.machine.timeout_seconds));
        };
        let Some(Kind::Map(map)) = self.machine.state(&child.state).map(|state| &state.kind) else {
            return None;
        };
        let seconds = match child.execution_type {
            ExecutionType::Standard => None,
            ExecutionType::Express => Some(EXPRESS_SECONDS_MAX),
        };
        Some((&map.processor.start_at, seconds))
    }

    /// Starts the timer that ends the execution.
    pub fn limit_time(&mut self, event: u64, seconds: Option<u64>) {
        if let Some(seconds) = seconds {
            self.start_timer(ROOT, event, Purpose::MachineTimeout, seconds.saturating_mul(1000));
        }
    }

    fn timer_fired(&mut self, timer: u64) {
        let Some(running) = self.execution.timer(timer) else { return };
        let frame = running.frame;
        match running.purpose {
            Purpose::Wait => self.exit_with(frame, None),
            Purpose::Retry => self.work(frame),
            Purpose::TaskTimeout => self.task_timed_out(frame, timer, "States.Timeout"),
            Purpose::Heartbeat => self.task_timed_out(frame, timer, "States.HeartbeatTimeout"),
            Purpose::MachineTimeout => {
                // WHY: AWS chains it to nothing, as all that comes from outside.
                let error = Some("States.Timeout".to_owned());
                self.end(0, Detail::ExecutionTimedOut(Failed { error, cause: None }));
            }
        }
    }

    /// Exits with the state's effective input as the result if there is no other.
    pub fn exit_with(&mut self, frame: u64, result: Option<Value>) {
        let result = match result {
            Some(result) => Ok(result),
            None => self.effective_input(frame),
        };
        match result {
            Ok(result) => self.exit(frame, result),
            Err(fault) => self.fault(frame, fault),
        }
    }
}
