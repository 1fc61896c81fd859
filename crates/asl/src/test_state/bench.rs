//! A test under way: the execution of one state, what has been seen of it, and the answer made of that.

use super::check::{Checked, Mocked};
use super::context::{self, Caller};
use super::refusal::Refusal;
use super::request::{InspectionLevel, Request};
use super::response::{ErrorDetails, Exchange, InspectionData, Response, TestStatus};
use super::subject::Subject;
use super::text::Spelling;
use crate::definition::StateKind;
use crate::event::Failed;
use crate::execution::Execution;
use crate::moment::{Effect, Moment, ScheduledTask, Status, Transition};
use crate::step::inspect::{self, Answer, Field, Inspection, Seen};
use crate::timestamp::Timestamp;

/// What a test still needs.
pub(super) enum Open {
    Nothing,
    Task(ScheduledTask),
    Wait(Timestamp),
    Fork,
}

/// A test under way.
#[derive(Clone, Debug)]
pub(super) struct Test {
    subject: Subject,
    execution: Execution,
    inspection: Inspection,
    level: InspectionLevel,
    spelling: Spelling,
    pub exchange: Exchange,
}

impl Test {
    pub fn new(request: &Request, caller: &Caller, checked: Checked, at: Moment) -> Self {
        let configuration = &request.state_configuration;
        let retries = configuration.retrier_retry_count.unwrap_or(0);
        let start = context::start(caller, request.role_arn.as_deref(), checked.input, at);
        let subject = checked.subject;
        let context = checked.context.unwrap_or_else(|| context::made_up(&subject, &start, retries, at));
        let mocked = request.mock.as_ref().and_then(|mock| mock.result.clone());
        let texts = [request.input.clone(), mocked, request.context.clone(), request.variables.clone()];
        Self {
            subject,
            execution: Execution::new(start),
            inspection: Inspection {
                context,
                variables: checked.variables,
                retries,
                failed_iterations: configuration.map_iteration_failure_count,
                reader_data: configuration.map_item_reader_data.clone(),
                ..Inspection::default()
            },
            level: request.inspection_level,
            spelling: Spelling::new(texts),
            exchange: Exchange::default(),
        }
    }

    pub fn begin(&mut self, at: Moment) -> Transition {
        let run = (&self.subject.machine, &mut self.execution);
        inspect::begin(run, &self.subject.name, &self.inspection, at)
    }

    pub fn resume(&mut self, answer: Answer, at: Moment) {
        let run = (&self.subject.machine, &mut self.execution);
        inspect::resume(run, answer, &self.inspection, at);
    }

    /// A Map cannot have failed more often than it has run.
    pub fn check_iterations(&self, mock: Option<&Mocked>) -> Result<(), Refusal> {
        let Some(failed) = self.inspection.failed_iterations else { return Ok(()) };
        let mocked = match mock {
            Some(Mocked::Result(results)) => results.as_array().map(Vec::len),
            Some(Mocked::Error(_)) | None => None,
        };
        let iterations = self.inspection.seen.borrow().map.iterations.or(mocked);
        match iterations {
            Some(iterations) if failed > iterations as u64 => Err(Refusal::too_many_failures()),
            _ => Ok(()),
        }
    }

    pub fn open(&self, transition: &Transition) -> Open {
        let seen = self.inspection.seen.borrow();
        if seen.left.is_some() || seen.retried.is_some() || self.execution.status() != Status::Running {
            return Open::Nothing;
        }
        let scheduled = transition.effects.iter().find_map(|effect| match effect {
            Effect::ScheduleTask(task) => Some(Open::Task(task.clone())),
            Effect::StartTimer { due, .. } if self.subject.kind() == StateKind::Wait => {
                Some(Open::Wait(*due))
            }
            _ => None,
        });
        scheduled.unwrap_or(Open::Fork)
    }

    pub fn response(&self) -> Response {
        let seen = self.inspection.seen.borrow();
        let status = match (&seen.left, &seen.retried, seen.caught) {
            (_, Some(_), _) => TestStatus::Retriable,
            (Some(_), None, Some(_)) => TestStatus::CaughtError,
            (Some(_), None, None) => TestStatus::Succeeded,
            (None, None, _) => TestStatus::Failed,
        };
        let failed = match status {
            TestStatus::Succeeded => Failed::default(),
            TestStatus::Retriable | TestStatus::CaughtError => seen.failed.clone().unwrap_or_default(),
            TestStatus::Failed => Failed {
                error: self.execution.error().map(str::to_owned),
                cause: self.execution.cause().map(str::to_owned),
            },
        };
        let (output, next_state) = match &seen.left {
            Some((output, next)) => (Some(self.spelling.of(output)), next.clone()),
            None => (None, None),
        };
        let inspection_data = self.inspection_data(&seen, status);
        Response { output, error: failed.error, cause: failed.cause, inspection_data, next_state, status }
    }

    pub fn timed_out(&self) -> Response {
        let inspection_data = self.inspection_data(&self.inspection.seen.borrow(), TestStatus::Failed);
        Response {
            output: None,
            error: Some("States.Timeout".into()),
            cause: None,
            inspection_data,
            next_state: None,
            status: TestStatus::Failed,
        }
    }

    fn inspection_data(&self, seen: &Seen, status: TestStatus) -> Option<InspectionData> {
        if self.level == InspectionLevel::Info {
            return None;
        }
        let stage = |field: Field| seen.data.get(&field).map(|value| self.spelling.of(value));
        let exchange = match self.level {
            InspectionLevel::Trace => self.exchange.clone(),
            InspectionLevel::Info | InspectionLevel::Debug => Exchange::default(),
        };
        Some(InspectionData {
            input: Some(self.spelling.of(&self.execution.start().input)),
            after_arguments: stage(Field::AfterArguments),
            after_input_path: stage(Field::AfterInputPath),
            after_parameters: stage(Field::AfterParameters),
            after_item_batcher: None,
            after_item_selector: stage(Field::AfterItemSelector),
            after_items_path: stage(Field::AfterItemsPath),
            after_items_pointer: None,
            result: stage(Field::Result),
            after_result_selector: stage(Field::AfterResultSelector),
            after_result_path: stage(Field::AfterResultPath),
            error_details: error_details(seen, status),
            max_concurrency: seen.map.max_concurrency,
            tolerated_failure_count: seen.map.tolerated_count,
            tolerated_failure_percentage: seen.map.tolerated_percentage,
            variables: self.variables(seen),
            request: exchange.request,
            response: exchange.response,
        })
    }

    /// The variables that were given and those that the state has set.
    fn variables(&self, seen: &Seen) -> Option<String> {
        let mut variables = self.inspection.variables.clone();
        variables.extend(seen.assigned.clone());
        (!variables.is_empty()).then(|| self.spelling.of(&variables.into()))
    }
}

fn error_details(seen: &Seen, status: TestStatus) -> Option<ErrorDetails> {
    match status {
        TestStatus::Succeeded | TestStatus::Failed => None,
        TestStatus::CaughtError => Some(ErrorDetails { catch_index: seen.caught, ..ErrorDetails::default() }),
        TestStatus::Retriable => Some(ErrorDetails {
            catch_index: None,
            retry_index: seen.retried.map(|(index, _)| index),
            retry_backoff_interval_seconds: seen.retried.map(|(_, seconds)| seconds),
        }),
    }
}
