//! What a user can do: deploy, look, halt, roll back. The server and the tests call this and nothing below it.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shipway_asl::Timestamp;
use shipway_engine::Engine;

use crate::{
    host::{Counts, Host, LogPage, LogQuery, Process},
    release::Release,
};

/// The application over an engine and a host.
#[derive(Clone)]
pub struct Shipway;

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

/// How one service of a deployment stands: what Odin's dots show.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Processes that are to run.
    pub wanted: u16,
    /// How many of them must be healthy.
    pub needed: u16,
    /// Healthy ones.
    pub healthy: u16,
    /// Started and not healthy yet.
    pub starting: u16,
    /// Ended or being stopped.
    pub stopped: u16,
    /// Share of new requests that the new version gets, 0 to 100.
    pub percent: u8,
    /// Last evidence: the last probe or count that was judged.
    pub evidence: Option<String>,
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

impl Shipway {
    /// Registers the deployers' machines and handlers with `builder`, starts the engine, renews leases of running
    /// deployments and reconciles the host.
    pub async fn start(
        _builder: shipway_engine::Builder,
        _host: Arc<dyn Host>,
        _stop: tokio_util::sync::CancellationToken,
    ) -> Result<Self, Error> {
        todo!()
    }
    /// The engine below.
    pub fn engine(&self) -> &Engine {
        todo!()
    }
    /// The host below.
    pub fn host(&self) -> &Arc<dyn Host> {
        todo!()
    }
    /// Accepts a deployment, or refuses it before anything is changed: bad release, lock held.
    pub async fn deploy(&self, _deploy: Deploy) -> Result<Deployment, Error> {
        todo!()
    }
    /// A deployment by id, or by the last one of `project/environment`.
    pub async fn deployment(&self, _id: &str) -> Result<Deployment, Error> {
        todo!()
    }
    /// Deployments, newest first; of a project and environment if given.
    pub async fn deployments(
        &self,
        _project: Option<&str>,
        _environment: Option<&str>,
        _after: Option<&str>,
        _limit: usize,
    ) -> Result<(Vec<Deployment>, Option<String>), Error> {
        todo!()
    }
    /// The way of a deployment, state by state.
    pub async fn steps(&self, _id: &str) -> Result<Vec<Step>, Error> {
        todo!()
    }
    /// Asks a deployment to stop and clean up; returns at once.
    pub async fn halt(&self, _id: &str, _actor: &str, _reason: &str) -> Result<Deployment, Error> {
        todo!()
    }
    /// Deploys a kept release again: `to` (release id or version), or the last good one before the current.
    /// A deployment under way is halted instead, since the old version still runs.
    pub async fn rollback(
        &self,
        _project: &str,
        _environment: &str,
        _to: Option<&str>,
        _actor: &str,
        _reason: Option<&str>,
    ) -> Result<Deployment, Error> {
        todo!()
    }
    /// What runs where.
    pub async fn services(&self) -> Result<Vec<ServiceStatus>, Error> {
        todo!()
    }
    /// One service.
    pub async fn service(
        &self,
        _project: &str,
        _environment: &str,
        _service: &str,
    ) -> Result<ServiceStatus, Error> {
        todo!()
    }
    /// Releases of an environment, newest first.
    pub async fn releases(&self, _project: &str, _environment: &str) -> Result<Vec<ReleaseStatus>, Error> {
        todo!()
    }
    /// The lock of an environment; a lock never taken is free with token 0.
    pub async fn lock(&self, _project: &str, _environment: &str) -> Result<Lock, Error> {
        todo!()
    }
    /// Lines that a service's processes wrote; of the current release unless another is given.
    pub async fn logs(
        &self,
        _project: &str,
        _environment: &str,
        _service: &str,
        _release_id: Option<&str>,
        _query: &LogQuery,
    ) -> Result<LogPage, Error> {
        todo!()
    }
}
