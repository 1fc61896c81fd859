//! `TestState`: one state run by itself, its work mocked or handed to the caller, and its data flow told.
//! The state goes through the same steps as in an execution (`step`). Calls no service.

mod check;
mod context;
mod refusal;
mod request;
mod response;
mod subject;
mod text;

use serde_json::Value;

pub use check::Shapes;
pub use context::Caller;
pub use refusal::Refusal;
pub use request::{ErrorOutput, FieldValidationMode, InspectionLevel, Mock, Request, StateConfiguration};
pub use response::{ErrorDetails, HttpRequest, HttpResponse, InspectionData, Response, TestStatus};

use check::{Checked, Mocked};
use subject::Subject;
use text::Spelling;

use crate::definition::StateKind;
use crate::event::Failed;
use crate::execution::{Execution, ROOT};
use crate::moment::{Effect, Moment, ScheduledTask, Status, Transition};
use crate::step::inspect::{self, Answer, Field, Inspection, Seen};
use crate::timestamp::Timestamp;

/// How far a test has come.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It has ended.
    Done(Box<Response>),
    /// A task without a mock is to be done: [`PendingTask::finish`] with what becomes of it.
    Task(Box<PendingTask>),
    /// A Wait state waits: [`PendingWait::finish`] when it is over.
    Wait(Box<PendingWait>),
}

/// A test that waits for its task. Bound by [`TEST_STATE_SECONDS_MAX`](crate::limits::TEST_STATE_SECONDS_MAX).
#[derive(Clone, Debug)]
pub struct PendingTask {
    /// What is to be done.
    pub task: ScheduledTask,
    test: Test,
}

/// A test that waits for a point in time, with the same bound.
#[derive(Clone, Debug)]
pub struct PendingWait {
    /// When the wait is over.
    pub due: Timestamp,
    test: Test,
}

/// What an HTTP task sent and was answered, for the level TRACE.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exchange {
    /// What it sent.
    pub request: Option<HttpRequest>,
    /// What it was answered.
    pub response: Option<HttpResponse>,
}

/// Tests a state as far as it goes without the outside world.
pub fn run(
    request: &Request,
    caller: &Caller,
    shapes: &dyn Shapes,
    at: Moment,
) -> Result<Outcome, Refusal> {
    let checked = check::check(request, shapes)?;
    let mock = checked.mock.clone();
    let mut test = Test::new(request, caller, checked, at);
    let transition = test.begin(at);
    test.check_iterations(mock.as_ref())?;
    Ok(match (test.open(&transition), mock) {
        (Open::Nothing, _) => Outcome::Done(Box::new(test.response())),
        (Open::Task(task), None) => Outcome::Task(Box::new(PendingTask { task, test })),
        (Open::Wait(due), _) => Outcome::Wait(Box::new(PendingWait { due, test })),
        (Open::Task(task), Some(mocked)) => {
            test.resume(mocked.for_task(task.task), at);
            Outcome::Done(Box::new(test.response()))
        }
        (Open::Fork, Some(mocked)) => {
            test.resume(mocked.for_fork(), at);
            Outcome::Done(Box::new(test.response()))
        }
        // INVARIANT: the checks refuse a Parallel or Map without a mock.
        (Open::Fork, None) => return Err(Refusal::mock_needed_by_fork()),
    })
}

impl PendingTask {
    /// Ends the test with what has become of the task: its result, or its error and cause.
    pub fn finish(
        mut self,
        outcome: Result<Value, (String, Option<String>)>,
        exchange: Exchange,
        at: Moment,
    ) -> Response {
        let task = self.task.task;
        self.test.exchange = exchange;
        let answer = match outcome {
            Ok(output) => Answer::Task { task, output },
            Err((error, cause)) => {
                Answer::TaskError { task, failed: Failed { error: Some(error), cause } }
            }
        };
        self.test.resume(answer, at);
        self.test.response()
    }

    /// Ends the test because it has taken too long.
    pub fn time_out(self) -> Response {
        self.test.timed_out()
    }
}

impl PendingWait {
    /// Ends the test after the wait.
    pub fn finish(mut self, at: Moment) -> Response {
        self.test.resume(Answer::Waited, at);
        self.test.response()
    }

    /// Ends the test because it has taken too long.
    pub fn time_out(self) -> Response {
        self.test.timed_out()
    }
}

impl Mocked {
    fn for_task(self, task: u64) -> Answer {
        match self {
            Self::Result(output) => Answer::Task { task, output },
            Self::Error(error) => Answer::TaskError { task, failed: failed(error) },
        }
    }

    fn for_fork(self) -> Answer {
        match self {
            Self::Result(result) => Answer::Joined(result),
            Self::Error(error) => Answer::ForkError(failed(error)),
        }
    }
}

fn failed(error: ErrorOutput) -> Failed {
    Failed { error: error.error, cause: error.cause }
}

/// What a test still needs.
enum Open {
    Nothing,
    Task(ScheduledTask),
    Wait(Timestamp),
    Fork,
}

/// A test under way.
#[derive(Clone, Debug)]
struct Test {
    subject: Subject,
    execution: Execution,
    inspection: Inspection,
    level: InspectionLevel,
    spelling: Spelling,
    exchange: Exchange,
}

impl Test {
    fn new(request: &Request, caller: &Caller, checked: Checked, at: Moment) -> Self {
        let configuration = &request.state_configuration;
        let retries = configuration.retrier_retry_count.unwrap_or(0);
        let start = context::start(caller, request.role_arn.as_deref(), checked.input, at);
        let subject = checked.subject;
        let context =
            checked.context.unwrap_or_else(|| context::made_up(&subject, &start, retries, at));
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
                ..Inspection::default()
            },
            level: request.inspection_level,
            spelling: Spelling::new(texts),
            exchange: Exchange::default(),
        }
    }

    fn begin(&mut self, at: Moment) -> Transition {
        let run = (&self.subject.machine, &mut self.execution);
        inspect::begin(run, &self.subject.name, &self.inspection, at)
    }

    fn resume(&mut self, answer: Answer, at: Moment) {
        let run = (&self.subject.machine, &mut self.execution);
        inspect::resume(run, answer, &self.inspection, at);
    }

    /// A Map cannot have failed more often than it has run.
    fn check_iterations(&self, mock: Option<&Mocked>) -> Result<(), Refusal> {
        let Some(failed) = self.inspection.failed_iterations else { return Ok(()) };
        let mocked = match mock {
            Some(Mocked::Result(Value::Array(results))) => Some(results.len()),
            _ => None,
        };
        let iterations = self.inspection.seen.borrow().map.iterations.or(mocked);
        match iterations {
            Some(iterations) if failed > iterations as u64 => Err(Refusal::too_many_failures()),
            _ => Ok(()),
        }
    }

    fn open(&self, transition: &Transition) -> Open {
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

    fn response(&self) -> Response {
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

    fn timed_out(&self) -> Response {
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
