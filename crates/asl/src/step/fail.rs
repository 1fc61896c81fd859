//! Errors: which retrier or catcher takes one, and how it goes up through branches and iterations.

use serde_json::{Map, Value};

use super::stepper::Stepper;
use crate::definition::{Catcher, Flow, Retrier, State, StateKind};
use crate::event::{Change, Detail, Failed, Purpose};
use crate::execution::Work;
use crate::expression::Fault;
use crate::moment::{Effect, MapRunFailure};

/// An error that a state has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub error: Option<String>,
    pub cause: Option<String>,
}

impl Failure {
    fn is(&self, name: &str) -> bool {
        self.error.as_deref() == Some(name)
    }

    /// Whether a name of `ErrorEquals` means this error.
    fn is_named(&self, name: &str) -> bool {
        match name {
            "States.ALL" => true,
            "States.TaskFailed" => self.error.is_some() && !self.is("States.Timeout"),
            "States.Timeout" => self.is("States.Timeout") || self.is("States.HeartbeatTimeout"),
            _ => self.is(name),
        }
    }

    /// Nothing takes `States.Runtime`: the machine itself is wrong.
    fn is_fatal(&self) -> bool {
        self.is("States.Runtime")
    }

    fn matches(&self, error_equals: &[String]) -> bool {
        !self.is_fatal() && error_equals.iter().any(|name| self.is_named(name))
    }

    /// How AWS reports it outside of Retry and Catch.
    fn reported(self) -> Failed {
        let error =
            if self.is("States.HeartbeatTimeout") { Some("States.Timeout".into()) } else { self.error };
        Failed { error, cause: self.cause }
    }

    /// What a catcher hands on.
    fn output(&self) -> Value {
        let mut output = Map::new();
        let error =
            if self.is("States.HeartbeatTimeout") { Some("States.Timeout") } else { self.error.as_deref() };
        output.insert("Error".into(), error.into());
        let cause = self.cause.as_deref().or_else(|| error.map(|_| ""));
        output.insert("Cause".into(), cause.into());
        output.into()
    }
}

impl Stepper<'_> {
    /// An evaluation in the frame's state has failed.
    pub fn fault(&mut self, frame: u64, fault: Fault) {
        let (failure, is_open) = self.faulted(frame, fault);
        self.raise(frame, failure, is_open, false);
    }

    /// Names the place where an evaluation has failed. Also says whether a Parallel or Map ends by it.
    fn faulted(&mut self, frame: u64, fault: Fault) -> (Failure, bool) {
        let (failure, query) = self.named(frame, fault);
        let Some(location) = query else { return (failure, false) };
        self.evaluation_failed(frame, &failure, location);
        (failure, !self.execution.has_joined(frame))
    }

    /// The error of a fault; of one in JSONata also the field.
    fn named(&self, frame: u64, fault: Fault) -> (Failure, Option<Option<String>>) {
        let (error, message, query) = match fault {
            Fault::Missing { path, why } => {
                ("States.Runtime", format!("Invalid path '{path}' : {why}"), None)
            }
            Fault::Query { location, message } => ("States.QueryEvaluationError", message, Some(location)),
            Fault::Other { error, message } => (error, message, None),
        };
        let active = self.execution.active(frame).filter(|_| self.inspection.is_none());
        let place = active.map(|active| {
            format!(
                "An error occurred while executing the state '{}' (entered at the event id #{}). ",
                active.name, active.entered
            )
        });
        let cause = place.unwrap_or_default() + &message;
        (Failure { error: Some(error.into()), cause: Some(cause) }, query)
    }

    fn evaluation_failed(&mut self, frame: u64, failure: &Failure, location: Option<String>) {
        let Some(active) = self.execution.active(frame) else { return };
        let (entered, before, state) = (active.entered, active.before, active.name.clone());
        let previous = self.execution.frame(frame).map_or(0, |frame| frame.previous);
        // WHY: AWS chains it to what came before the state if nothing has happened in it yet.
        let previous = if previous == entered { before } else { previous };
        let failed = failure.clone().reported();
        self.emit_after(frame, previous, Detail::EvaluationFailed { failed, state, location });
    }

    /// Gives an error to the frame's state, and upwards until something takes it.
    pub fn fail(&mut self, frame: u64, failure: Failure) {
        self.raise(frame, failure, false, false);
    }

    /// Gives an error to a Parallel or Map that ends by it.
    pub fn fail_open(&mut self, frame: u64, failure: Failure) {
        self.raise(frame, failure, true, false);
    }

    /// What an evaluation that has failed is called, and where it stands.
    pub fn failed(&self, frame: u64, fault: Fault) -> MapRunFailure {
        let (failure, _) = self.named(frame, fault);
        MapRunFailure { error: failure.error, cause: failure.cause }
    }

    /// `is_open`: a Parallel or Map of this frame ends by it. `is_beyond`: this state has had its chance.
    fn raise(&mut self, frame: u64, failure: Failure, is_open: bool, is_beyond: bool) {
        self.inspect_failure(|| failure.clone().reported());
        if failure.is_fatal() {
            return self.give_up(frame, failure);
        }
        let mut frame = frame;
        let (mut is_open, mut is_beyond) = (is_open, is_beyond);
        loop {
            let Some((active, state)) = self.state(frame) else { return };
            let done = |index| match self.inspection {
                None => active.attempts.get(index).copied().unwrap_or(0),
                Some(inspection) => inspection.retries,
            };
            let retrier = retrier(state, done, &failure).filter(|_| !is_beyond);
            // WHY: a retry that fails before it has emitted anything has no event to carry another one.
            if let Some((index, retrier)) = retrier.filter(|_| self.has_emitted()) {
                return self.retry(frame, index, retrier);
            }
            let closed = if is_open { self.close_fork(frame, state.kind.kind()) } else { None };
            let catcher = state.catch.iter().find(|catcher| failure.matches(&catcher.error_equals));
            if let Some(catcher) = catcher.filter(|_| !is_beyond) {
                return self.catch(frame, state, catcher, &failure, closed);
            }
            let previous = self.failed_after(frame);
            let Some(parent) = self.execution.frame(frame).and_then(|failed| failed.parent) else {
                return self.end(previous, Detail::ExecutionFailed(failure.reported()));
            };
            self.abandon(parent, frame, previous);
            (is_open, is_beyond) = (true, false);
            frame = parent;
        }
    }

    /// The machine itself is wrong: nothing takes that, and no state on the way is said to have failed.
    fn give_up(&mut self, frame: u64, failure: Failure) {
        let previous = self.joined_last().unwrap_or_else(|| self.failed_after(frame));
        self.end(previous, Detail::ExecutionFailed(failure.reported()));
    }

    /// A Parallel or Map that is not tried again has failed. Gives what it went on from until then.
    fn close_fork(&mut self, frame: u64, kind: StateKind) -> Option<u64> {
        let previous = self.execution.frame(frame).map(|frame| frame.previous);
        match kind {
            StateKind::Parallel => self.emit(frame, Detail::ParallelFailed),
            StateKind::Map => self.emit(frame, Detail::MapFailed),
            _ => return None,
        };
        previous
    }

    fn retry(&mut self, frame: u64, index: usize, retrier: &Retrier) {
        if self.inspect_retry(index, retrier) {
            return;
        }
        let Some(active) = self.execution.active(frame) else { return };
        let done = active.attempts.get(index).copied().unwrap_or(0);
        let millis = self.delay_millis(retrier, done);
        let previous = self.execution.frame(frame).map_or(0, |frame| frame.previous);
        let timer = Purpose::Retry.timer(self.execution.last_event_id());
        let retrier = u32::try_from(index).unwrap_or(u32::MAX);
        self.change(Change::Retry { frame, retrier, timer, previous });
        self.effect(Effect::StartTimer { timer, due: self.at.now.plus_millis(millis) });
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped, never negative")]
    #[expect(clippy::cast_precision_loss, reason = "seconds are far below 2^53")]
    pub fn delay_millis(&self, retrier: &Retrier, done: u32) -> u64 {
        let exponent = i32::try_from(done).unwrap_or(i32::MAX);
        let seconds = retrier.interval_seconds as f64 * retrier.backoff_rate.powi(exponent);
        let most = retrier.max_delay_seconds.unwrap_or(crate::limits::SECONDS_MAX) as f64;
        let millis = (seconds.min(most) * 1000.0) as u64;
        if retrier.full_jitter { self.draw() % (millis + 1) } else { millis }
    }

    fn catch(
        &mut self,
        frame: u64,
        state: &State,
        catcher: &Catcher,
        failure: &Failure,
        closed: Option<u64>,
    ) {
        self.inspect_catch(frame, catcher);
        let output = failure.output();
        let caught = match &state.flow {
            Flow::JsonPath(_) => self
                .assign(frame, catcher.assign.as_ref(), &output)
                .and_then(|assigned| Ok((self.merge(frame, &catcher.result_path, output)?, assigned))),
            Flow::Jsonata(_) => self.caught_by_query(frame, catcher, output),
        };
        match caught {
            Ok((output, assigned)) => self.leave(frame, output, assigned, Some(catcher.next.clone())),
            Err(fault) => self.uncaught(frame, fault, closed),
        }
    }

    /// The catcher itself is wrong: nothing in this state takes that. A Parallel or Map fails once more, from
    /// where it stood before it failed first.
    fn uncaught(&mut self, frame: u64, fault: Fault, closed: Option<u64>) {
        if let Some(previous) = closed {
            self.follow(frame, previous);
        }
        let fault = match fault {
            Fault::Missing { path, why } => Fault::runtime(format!("Invalid path '{path}' : {why}")),
            Fault::Other { message, .. } => Fault::runtime(message),
            Fault::Query { .. } => fault,
        };
        let (failure, _) = self.faulted(frame, fault);
        self.raise(frame, failure, closed.is_some(), true);
    }

    /// Gives up all branches or iterations of `parent` after `failed` has come to an error.
    fn abandon(&mut self, parent: u64, failed: u64, previous: u64) {
        let map = self.execution.active(parent).filter(|active| active.kind == StateKind::Map);
        let map = map.map(|active| active.name.clone());
        let index = self.execution.frame(failed).map_or(0, |frame| frame.index);
        if let Some(name) = &map {
            self.emit_after(parent, previous, Detail::IterationFailed { index, name: name.clone() });
        }
        self.drop_frame(failed, previous);
        for sibling in self.execution.children(parent) {
            let index = self.execution.frame(sibling).map_or(0, |frame| frame.index);
            if let Some(name) = &map {
                self.emit_after(parent, previous, Detail::IterationAborted { index, name: name.clone() });
            }
            self.drop_frame(sibling, previous);
        }
        if map.is_none() {
            self.follow(parent, previous);
        }
    }

    /// Gives up all iterations of a Map that is itself at fault.
    pub fn abandon_all(&mut self, parent: u64) {
        let previous = self.execution.frame(parent).map_or(0, |frame| frame.previous);
        for child in self.execution.children(parent) {
            self.drop_frame(child, previous);
        }
    }

    /// A Parallel goes on after the event that failed it.
    pub fn follow(&mut self, parent: u64, previous: u64) {
        self.change(Change::Follow { frame: parent, previous });
    }

    /// Gives up a frame and all below it.
    fn drop_frame(&mut self, frame: u64, previous: u64) {
        for child in self.execution.children(frame) {
            self.drop_frame(child, previous);
        }
        self.cancel_timers(frame, None);
        let Some(active) = self.execution.active(frame) else {
            self.keep_place(frame);
            return self.change(Change::Drop { frame });
        };
        let kind = active.kind;
        if let Work::Task { task, .. } = active.work {
            self.effect(Effect::CancelTask { task });
        }
        if let Some(run) = self.execution.map_run(frame) {
            self.effect(Effect::AbortMapRun { run, arn: self.execution.map_run_arn(frame) });
            self.emit_after(frame, previous, Detail::MapRunAborted);
        }
        if matches!(kind, StateKind::Task | StateKind::Wait | StateKind::Parallel | StateKind::Map) {
            self.emit_after(frame, previous, Detail::StateAborted { kind });
        }
        self.change(Change::Drop { frame });
    }
}

/// The first retrier that names the error decides: it retries, or it is used up.
fn retrier<'s>(
    state: &'s State,
    done: impl Fn(usize) -> u32,
    failure: &Failure,
) -> Option<(usize, &'s Retrier)> {
    let found = state.retry.iter().enumerate().find(|(_, retrier)| failure.matches(&retrier.error_equals));
    found.filter(|(index, retrier)| done(*index) < retrier.max_attempts)
}
