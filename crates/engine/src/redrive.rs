//! Redriving: which executions can be taken up again, and doing so once for each client token. What happens to the
//! states is the language's (`shipway_asl`), what happens to Map Runs is their drivers' (`map_run`).

use serde::{Deserialize, Serialize};
use shipway_asl::{Event, Execution, Input, Status, Timestamp, limits::REDRIVE_EVENTS_MAX};

use crate::{
    engine::{self, Engine},
    executor::{Core, Delivery, parse_snapshot},
    machines,
    store::{self, Expected, PAGE_MAX, Put, Row},
};

/// How long after its end an execution can be redriven, as with AWS.
const REDRIVABLE_MILLIS: u64 = 14 * DAY_MILLIS;
/// How long after its start an execution can be redriven, as with AWS.
const EXECUTION_MILLIS_MAX: u64 = 365 * DAY_MILLIS;
const DAY_MILLIS: u64 = 24 * 60 * 60 * 1000;
/// Client tokens of one execution that are remembered, as with AWS.
const TOKENS_MAX: usize = 10;
/// How long a client token is remembered, as with AWS.
const TOKEN_MILLIS: u64 = 15 * 60 * 1000;

/// Why an execution is not taken up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// It has not ended.
    #[error("Execution is RUNNING and cannot be redriven")]
    Running,
    /// It has succeeded.
    #[error("Execution is SUCCEEDED and cannot be redriven")]
    Succeeded,
    /// There is no room for more events.
    #[error("Execution history event limit exceeded")]
    History,
    /// It was started too long ago.
    #[error("Execution has exceeded the max execution time")]
    Age,
    /// It has ended too long ago.
    #[error("Execution redrivable period exceeded")]
    Period,
    /// Its machine was deleted.
    #[error("State machine is in DELETING status")]
    Deleted,
    /// Its history was written by an older Shipway and does not say where each branch stood.
    #[error("Execution was started before the launch of RedriveExecution")]
    Unknown,
}

/// Why an execution was not redriven.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be.
    #[error("execution `{0}` cannot be redriven: {1}")]
    NotRedrivable(String, Obstacle),
    /// It is a child of a Map Run, which is redriven with its parent.
    #[error("execution `{0}` is redriven with its parent")]
    Child(String),
    /// The engine could not.
    #[error(transparent)]
    Engine(#[from] engine::Error),
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Engine(error.into())
    }
}

/// A client token that an execution was redriven with.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Used {
    token: String,
    at: Timestamp,
}

impl Engine {
    /// Takes an execution up again that has ended and not succeeded; durable when this returns. Gives when that was.
    ///
    /// A call with a client token that the execution was redriven with in the last 15 minutes changes nothing and gives
    /// when that was, however the execution stands by now; the last ten tokens count.
    pub async fn redrive(&self, arn: &str, token: Option<&str>) -> Result<Timestamp, Error> {
        let row = self.row(arn).await?;
        if is_child(&row) {
            return Err(Error::Child(arn.to_owned()));
        }
        if row.arn.contains(":express:") {
            return Err(engine::Error::Invalid(arn.to_owned(), "ARN of a Standard execution").into());
        }
        let (used, version) = self.used_tokens(arn).await?;
        if let Some(at) = self.answered(&used, token) {
            return Ok(at);
        }
        let refuse = |obstacle| Error::NotRedrivable(arn.to_owned(), obstacle);
        if let Some(obstacle) = self.obstacle(&row).await? {
            return Err(refuse(obstacle));
        }
        let at = self.core().moment();
        let records = token.map(|token| remember(arn, used, version, token, at.now));
        let delivery = Delivery {
            inputs: vec![Input::Redrive { attempt: None }],
            records: records.into_iter().collect(),
            at: Some(at),
        };
        match self.core().deliver_all(arn, delivery).await {
            Ok(()) => Ok(at.now),
            Err(error) => self.redriven_otherwise(arn, token, error).await,
        }
    }

    /// Somebody else was quicker: with the same token that is this call's own answer.
    async fn redriven_otherwise(
        &self,
        arn: &str,
        token: Option<&str>,
        error: engine::Error,
    ) -> Result<Timestamp, Error> {
        let is_race = matches!(
            error,
            engine::Error::NotWaiting(_) | engine::Error::Store(store::Error::Conflict { .. })
        );
        if !is_race {
            return Err(error.into());
        }
        let (used, _) = self.used_tokens(arn).await?;
        if let Some(at) = self.answered(&used, token) {
            return Ok(at);
        }
        let row = self.row(arn).await?;
        match (self.obstacle(&row).await?, error) {
            (Some(obstacle), _) => Err(Error::NotRedrivable(arn.to_owned(), obstacle)),
            (None, engine::Error::NotWaiting(_)) => {
                Err(Error::NotRedrivable(arn.to_owned(), Obstacle::Unknown))
            }
            (None, error) => Err(error.into()),
        }
    }

    /// What stands in the way of taking an execution up again, by its parent if it is a child of a Map Run.
    pub async fn obstacle(&self, row: &Row) -> Result<Option<Obstacle>, engine::Error> {
        if let Some(obstacle) = obstacle(row, self.clock().now()) {
            return Ok(Some(obstacle));
        }
        let name = row.machine.split('/').next().unwrap_or_default();
        match self.find_machine(name).await {
            Ok(machine) => Ok((machine.created_at > row.started_at).then_some(Obstacle::Deleted)),
            Err(machines::Error::NoMachine(_)) => Ok(Some(Obstacle::Deleted)),
            Err(machines::Error::Engine(error)) => Err(error),
            Err(_) => Ok(None),
        }
    }

    async fn used_tokens(&self, arn: &str) -> Result<(Vec<Used>, Option<u64>), engine::Error> {
        let record = self.store().record(&tokens_key(arn)).await?;
        let version = record.as_ref().map(|record| record.version);
        let used = record.map(|record| Vec::deserialize(record.value).unwrap_or_default());
        Ok((used.unwrap_or_default(), version))
    }

    fn answered(&self, used: &[Used], token: Option<&str>) -> Option<Timestamp> {
        let now = self.clock().now();
        let used = used.iter().find(|used| Some(used.token.as_str()) == token)?;
        (now.millis_since(used.at) < TOKEN_MILLIS).then_some(used.at)
    }
}

impl Core {
    /// The execution as its whole history says, with what its snapshot does not keep after the end.
    pub async fn refold(&self, row: &Row) -> Result<Execution, store::Error> {
        let mut execution = parse_snapshot(row)?.unfolded();
        while execution.last_event_id() < row.last_event_id {
            let events: Vec<Event> = self.store.events(&row.arn, execution.last_event_id(), PAGE_MAX).await?;
            if events.is_empty() {
                return Err(store::Error::Unavailable {
                    operation: format!("read the history of `{}`", row.arn),
                    reason: format!("events after {} are missing", execution.last_event_id()),
                });
            }
            events.iter().for_each(|event| execution.apply(event));
        }
        Ok(execution)
    }
}

/// What of an execution itself stands in the way of a redrive.
pub fn obstacle(row: &Row, now: Timestamp) -> Option<Obstacle> {
    let ended = row.stopped_at.unwrap_or(row.started_at);
    match row.status {
        Status::Running => Some(Obstacle::Running),
        Status::Succeeded => Some(Obstacle::Succeeded),
        Status::Failed | Status::TimedOut | Status::Aborted => {
            let all = [
                (row.last_event_id >= REDRIVE_EVENTS_MAX, Obstacle::History),
                (now.millis_since(row.started_at) > EXECUTION_MILLIS_MAX, Obstacle::Age),
                (now.millis_since(ended) > REDRIVABLE_MILLIS, Obstacle::Period),
            ];
            all.into_iter().find(|(holds, _)| *holds).map(|(_, obstacle)| obstacle)
        }
    }
}

/// Whether it is a child of a Map Run.
fn is_child(row: &Row) -> bool {
    row.machine.contains('/')
}

fn tokens_key(arn: &str) -> String {
    format!("engine/redrive-tokens/{arn}")
}

/// The record that remembers one more token. It is expected as it was read, so that of two calls with one token one is
/// refused.
fn remember(arn: &str, mut used: Vec<Used>, version: Option<u64>, token: &str, at: Timestamp) -> Put {
    used.retain(|other| other.token != token);
    used.push(Used { token: token.to_owned(), at });
    let old = used.len().saturating_sub(TOKENS_MAX);
    let kept: Vec<Used> = used.into_iter().skip(old).collect();
    Put {
        key: tokens_key(arn),
        expected: version.map_or(Expected::Absent, Expected::Version),
        value: serde_json::to_value(kept).unwrap_or_default(),
    }
}
