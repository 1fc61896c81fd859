//! What the application takes and gives, and why it refuses. Does nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shipway_asl::Timestamp;

use crate::{
    deployer::{Progress, records::LockBreak},
    host::{Counts, Process},
    release::Release,
};

/// Ask for a deployment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deploy {
    /// What to deploy.
    pub release: Release,
    /// Who asks.
    pub actor: String,
    /// Why, in their words.
    #[serde(default)]
    pub reason: Option<String>,
    /// The same key is the same deployment.
    pub idempotency_key: String,
}

/// How a deployment ends, and how it stands before (promise P1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Not ended.
    Running,
    /// As planned.
    Succeeded,
    /// Failed; the old version serves, nothing of the new one is left, the lock is free.
    FailedClean,
    /// Failed, and undoing it failed too: a person is needed, the lock is kept.
    FailedDirty,
    /// Stopped by a person; clean as `FailedClean`.
    Halted,
}

/// A deployment as it can be shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    /// Its id: the execution's name.
    pub id: String,
    /// The execution's ARN.
    pub execution_arn: String,
    /// The deployer, such as `host`.
    pub deployer: String,
    /// What is deployed.
    pub release: Release,
    /// Version that served before, if any.
    pub previous_version: Option<String>,
    /// Who asked.
    pub actor: String,
    /// Why.
    pub reason: Option<String>,
    /// How it stands.
    pub outcome: Outcome,
    /// The state it is in, while it runs.
    pub state: Option<String>,
    /// What went wrong first, if anything did.
    pub error: Option<Failure>,
    /// When it was accepted.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Id of the last durable event.
    pub last_event_id: u64,
    /// How each service stands.
    pub services: BTreeMap<String, Progress>,
    /// Why it stands still although it runs: the store cannot be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stalled: Option<String>,
    /// Who freed the lock that it kept, if somebody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock_break: Option<LockBreak>,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Error name, such as `HealthError`.
    pub error: String,
    /// What happened.
    pub cause: String,
    /// State in which it happened.
    pub state: String,
    /// What to do about it, where that is known.
    pub hint: Option<String>,
}

/// One step of a deployment's way, for timing tables and `why`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The state.
    pub state: String,
    /// When it was entered.
    pub entered_at: Timestamp,
    /// When it was left.
    pub exited_at: Option<Timestamp>,
    /// Milliseconds spent waiting for the service itself: its start, health, holds, bake, drain, stop.
    pub waited_millis: u64,
    /// State's input.
    pub input: Value,
    /// State's output.
    pub output: Option<Value>,
    /// Error and cause, if the state failed.
    pub error: Option<(String, String)>,
}

/// What runs for one service: the row of the catalogue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceStatus {
    /// The project.
    pub project: String,
    /// The environment.
    pub environment: String,
    /// The service.
    pub service: String,
    /// Address the edge listens on, `127.0.0.1:8080`.
    pub address: Option<String>,
    /// Release that serves.
    pub release_id: Option<String>,
    /// Version that serves.
    pub version: Option<String>,
    /// Its commit.
    pub commit: Option<String>,
    /// Author of the commit.
    pub author: Option<String>,
    /// Since when it serves.
    pub since: Option<Timestamp>,
    /// Groups on the machine, by release id.
    pub groups: BTreeMap<String, Vec<Process>>,
    /// Share of new requests by release id, 0 to 100.
    pub percent: BTreeMap<String, u8>,
    /// Traffic by release id.
    pub traffic: BTreeMap<String, Counts>,
    /// Deployment under way, if any.
    pub deployment: Option<String>,
    /// Why it does not run as it should, where the machine said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// A release that was deployed to an environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReleaseStatus {
    /// The release.
    pub release: Release,
    /// Its last deployment.
    pub deployment: String,
    /// How that ended.
    pub outcome: Outcome,
    /// Whether it serves now.
    pub is_current: bool,
    /// Whether its artifact is kept, so that it can be rolled back to.
    pub is_kept: bool,
    /// When its deployment ended.
    pub ended_at: Option<Timestamp>,
}

/// A lock of one project and environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// `project/environment`.
    pub key: String,
    /// Deployment that holds it; none if it is free.
    pub holder: Option<String>,
    /// Person who started that.
    pub actor: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// When the lease ends if it is not renewed.
    pub expires_at: Option<Timestamp>,
    /// The fencing token: grows with each change of holder.
    pub token: u64,
}

/// Why something was not done. The variants are what the exit codes and HTTP statuses distinguish.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request or release is not valid; `field` is its place.
    #[error("`{field}`: {reason}")]
    Bad {
        /// Place in the request.
        field: String,
        /// What is wrong.
        reason: String,
        /// What to do.
        hint: Option<String>,
    },
    /// There is no such thing.
    #[error("{what} `{id}` does not exist")]
    NotFound {
        /// `deployment`, `service`, `release`, ...
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// The lock is held.
    #[error("{}", locked(.0))]
    Locked(Box<Lock>),
    /// The state of things does not allow it: nothing to roll back to, already ended.
    #[error("{reason}")]
    Refused {
        /// Why.
        reason: String,
        /// What to do.
        hint: Option<String>,
    },
    /// The store or host failed.
    #[error("{operation} failed: {reason}")]
    Unavailable {
        /// What was tried.
        operation: String,
        /// Why it failed.
        reason: String,
    },
}

fn locked(lock: &Lock) -> String {
    format!(
        "`{}` is locked by deployment `{}` of `{}` since {}",
        lock.key,
        lock.holder.as_deref().unwrap_or("nobody"),
        lock.actor.as_deref().unwrap_or("unknown"),
        lock.since.map_or_else(|| "unknown".to_owned(), |since| since.to_string()),
    )
}
