//! `TestState`: one state run by itself, its work mocked or handed to the caller, and its data flow told.
//! The state goes through the same steps as in an execution (`step`). Calls no service.

mod bench;
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
pub use response::{ErrorDetails, Exchange, HttpRequest, HttpResponse, InspectionData, Response, TestStatus};

use bench::{Open, Test};
use check::Mocked;

use crate::event::Failed;
use crate::moment::{Moment, ScheduledTask};
use crate::step::inspect::Answer;
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
    /// Whether the secrets of an HTTP task may be told.
    pub reveals_secrets: bool,
    test: Test,
}

/// A test that waits for a point in time, with the same bound.
#[derive(Clone, Debug)]
pub struct PendingWait {
    /// When the wait is over.
    pub due: Timestamp,
    test: Test,
}

/// Tests a state as far as it goes without the outside world.
pub fn run(request: &Request, caller: &Caller, shapes: &dyn Shapes, at: Moment) -> Result<Outcome, Refusal> {
    let checked = check::check(request, shapes)?;
    let mock = checked.mock.clone();
    let mut test = Test::new(request, caller, checked, at);
    let transition = test.begin(at);
    test.check_iterations(mock.as_ref())?;
    Ok(match (test.open(&transition), mock) {
        (Open::Nothing, _) => Outcome::Done(Box::new(test.response())),
        (Open::Task(task), None) => {
            Outcome::Task(Box::new(PendingTask { task, reveals_secrets: request.reveal_secrets, test }))
        }
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
            Err((error, cause)) => Answer::TaskError { task, failed: Failed { error: Some(error), cause } },
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
