//! Runs one machine on the real engine: in memory, in virtual time, with answers made up beforehand.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use serde_json::Value;
use shipway_asl::{Event, Status, Timestamp};
use shipway_engine::{
    Builder, Config, Description, Engine, Error, StartExecution, Task, TaskFailure, TaskHandler, VirtualClock,
};
use tokio_util::sync::CancellationToken;

use crate::{failure::Failure, words::span};

/// Virtual time that a run may take: more than the year that an execution may.
const VIRTUAL_TIME_MAX: Duration = Duration::from_secs(400 * 24 * 3_600);
/// Events read at once.
const PAGE: usize = 1_000;
/// Events that are shown; AWS allows no more.
const EVENTS_MAX: usize = 25_000;

/// What to run.
#[derive(Clone, Debug)]
pub struct DryRun {
    /// The machine.
    pub definition: String,
    /// The execution's input.
    pub input: Value,
    /// What tasks answer, by resource: one after another, the last one for ever.
    pub answers: BTreeMap<String, Vec<Answer>>,
    /// When it starts.
    pub now: Timestamp,
    /// Where random numbers come from.
    pub seed: u64,
}

/// What a task answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// This.
    Result(Value),
    /// It fails.
    Error {
        /// What Retry and Catch match.
        error: String,
        /// What happened.
        cause: String,
    },
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// How.
    pub status: Status,
    /// Its output, if it succeeded.
    pub output: Option<Value>,
    /// Error name and cause, if it failed.
    pub error: Option<(String, String)>,
    /// The history as AWS gives it.
    pub events: Vec<Value>,
    /// How long it took in virtual time.
    pub took: String,
}

struct Mock {
    answers: Vec<Answer>,
    given: AtomicUsize,
}

#[async_trait]
impl TaskHandler for Mock {
    async fn run(&self, _task: Task) -> Result<Value, TaskFailure> {
        let place = self.given.fetch_add(1, Ordering::Relaxed).min(self.answers.len().saturating_sub(1));
        match self.answers.get(place).cloned() {
            Some(Answer::Result(result)) => Ok(result),
            Some(Answer::Error { error, cause }) => Err(TaskFailure { error, cause }),
            None => Err(TaskFailure { error: "States.TaskFailed".to_owned(), cause: "no answer".to_owned() }),
        }
    }
}

/// Runs it to its end. In a thread of its own: time is virtual in the whole of a runtime.
pub fn run(dry_run: DryRun) -> Result<Ended, Failure> {
    let running = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        let runtime = runtime.map_err(|error| Failure::of("cannot start the runtime", &error))?;
        runtime.block_on(execute(dry_run))
    });
    running.join().unwrap_or_else(|_| Err(Failure::failed("the run broke; this is a fault of Shipway")))
}

async fn execute(dry_run: DryRun) -> Result<Ended, Failure> {
    let stop = CancellationToken::new();
    let clock = Arc::new(VirtualClock::new(dry_run.now, dry_run.seed));
    let mut builder = Builder::new(shipway_engine::memory_store(), clock, Config::default());
    for (resource, answers) in dry_run.answers {
        let mock = Mock { answers, given: AtomicUsize::new(0) };
        builder = builder.handler(&resource, Arc::new(mock));
    }
    let engine = builder.start(stop.clone()).await.map_err(failed)?;
    engine.put_machine("machine", &dry_run.definition).await.map_err(failed)?;
    let start = StartExecution {
        machine: "machine".to_owned(),
        name: "run".to_owned(),
        input: dry_run.input,
        records: Vec::new(),
    };
    let arn = engine.start(start).await.map_err(failed)?.arn;
    let ended = tokio::time::timeout(VIRTUAL_TIME_MAX, end_of(&engine, &arn)).await;
    let ended = ended.unwrap_or_else(|_| {
        Err(Failure::failed("the execution waits for something that never comes")
            .hint("a task that waits for its token or an activity has no answer here"))
    })?;
    let events = history(&engine, &arn).await?;
    stop.cancel();
    let took = ended.stopped_at.unwrap_or(ended.started_at).millis_since(ended.started_at);
    let error = ended.error.map(|error| (error, ended.cause.unwrap_or_default()));
    Ok(Ended { status: ended.status, output: ended.output, error, events, took: span(took) })
}

async fn end_of(engine: &Engine, arn: &str) -> Result<Description, Failure> {
    let mut after = 0;
    loop {
        let description = engine.describe(arn).await.map_err(failed)?;
        if description.status != Status::Running {
            return Ok(description);
        }
        engine.changed(arn, after).await.map_err(failed)?;
        after = description.last_event_id.max(after);
    }
}

async fn history(engine: &Engine, arn: &str) -> Result<Vec<Value>, Failure> {
    let mut events: Vec<Event> = Vec::new();
    while events.len() < EVENTS_MAX {
        let after = events.last().map_or(0, |event| event.id);
        let page = engine.history(arn, after, PAGE).await.map_err(failed)?;
        if page.is_empty() {
            break;
        }
        events.extend(page);
    }
    Ok(events.iter().map(Event::to_history).collect())
}

fn failed(error: impl std::borrow::Borrow<Error>) -> Failure {
    Failure::of("the engine", error.borrow())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn dry_run(definition: &Value, answers: Vec<Answer>) -> Ended {
        let answers = BTreeMap::from([("pay".to_owned(), answers)]);
        let definition = definition.to_string();
        run(DryRun { definition, input: json!({"n": 1}), answers, now: Timestamp(0), seed: 1 }).unwrap()
    }

    fn busy() -> Answer {
        Answer::Error { error: "Busy".to_owned(), cause: "later".to_owned() }
    }

    #[test]
    fn failures_come_first_and_the_last_answer_stays() {
        let machine = json!({"StartAt": "Pay", "States": {"Pay": {
            "Type": "Task", "Resource": "pay", "End": true,
            "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 60, "MaxAttempts": 3}],
        }}});
        let ended = dry_run(&machine, vec![busy(), busy(), Answer::Result(json!("paid"))]);
        assert_eq!((ended.status, ended.output), (Status::Succeeded, Some(json!("paid"))));
        assert_eq!(ended.took, "3 min 0 s");
        let ended = dry_run(&machine, vec![busy()]);
        assert_eq!(
            (ended.status, ended.error),
            (Status::Failed, Some(("Busy".to_owned(), "later".to_owned())))
        );
    }

    #[test]
    fn a_year_takes_no_time() {
        let machine =
            json!({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 31_536_000, "End": true}}});
        let ended = dry_run(&machine, Vec::new());
        assert_eq!((ended.status, ended.took.as_str()), (Status::Succeeded, "365 d 0 h"));
    }

    #[test]
    fn a_task_without_an_answer_fails_with_its_name() {
        let machine =
            json!({"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "other", "End": true}}});
        let ended = dry_run(&machine, Vec::new());
        assert!(ended.error.unwrap().1.contains("`other`"));
    }
}
