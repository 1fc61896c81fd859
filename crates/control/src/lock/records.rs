//! Keeps locks in the engine's records, changed by compare-and-set. Decides nothing: see [`decide`].

use serde::Deserialize;
use serde_json::Value;
use shipway_asl::{Status, Timestamp};
use shipway_engine::{Engine, Expected, Put, store};

use super::{Claim, Decision, Hold, Holder, Refusal, Request, State, decide};
use crate::deployer::records::{LockBreak, scope};

/// Tries of one compare-and-set before giving up; each lost try means that somebody else made progress.
const TRIES_MAX: usize = 16;

/// What the keys of locks begin with.
const PREFIX: &str = "lock/";

/// Locks of one read.
const PAGE_MAX: usize = 200;

/// Why a lock could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It was refused.
    #[error("lock `{key}` {refusal}")]
    Refused {
        /// `project/environment`.
        key: String,
        /// Why.
        refusal: Box<Refusal>,
    },
    /// The store could not.
    #[error("lock `{key}` cannot be read or written")]
    Store {
        /// `project/environment`.
        key: String,
        /// Why.
        #[source]
        source: shipway_engine::Error,
    },
    /// The record holds what no lock holds.
    #[error("lock `{key}` is damaged: {reason}")]
    Damaged {
        /// `project/environment`.
        key: String,
        /// What is wrong.
        reason: String,
    },
}

/// The locks of an engine.
#[derive(Clone)]
pub struct Locks {
    engine: Engine,
}

/// A lock as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// Its state.
    pub state: State,
    /// Version of its record, 0 if it was never written.
    pub version: u64,
}

impl Read {
    /// Who holds it.
    pub fn hold(&self) -> Option<&Hold> {
        match &self.state {
            State::Free => None,
            State::Held(hold) => Some(hold),
        }
    }
}

impl Locks {
    /// The locks in the records of `engine`.
    pub fn new(engine: Engine) -> Self {
        Self { engine }
    }

    /// Takes the lock of an environment for a deployment, or renews it if that holds it.
    pub async fn acquire(
        &self,
        project: &str,
        environment: &str,
        claim: &Claim,
        now: Timestamp,
    ) -> Result<Hold, Error> {
        let key = name(project, environment);
        let request = |present| Request::Acquire { claim: claim.clone(), present };
        let read = self.change(project, environment, now, Some(&claim.holder), request, |_| None);
        match read.await?.state {
            State::Held(hold) => Ok(hold),
            State::Free => Err(Error::Damaged { key, reason: "it is free after it was taken".to_owned() }),
        }
    }

    /// Moves the end of a deployment's lease.
    pub async fn renew(
        &self,
        project: &str,
        environment: &str,
        holder: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        let request = |_| Request::Renew { holder: holder.to_owned() };
        self.change(project, environment, now, Some(holder), request, |_| None).await.map(drop)
    }

    /// Gives the lock back if the deployment holds it.
    pub async fn release(
        &self,
        project: &str,
        environment: &str,
        holder: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        let request = |_| Request::Release { holder: holder.to_owned() };
        self.change(project, environment, now, Some(holder), request, |_| None).await.map(drop)
    }

    /// Frees the lock of a deployment that has ended, and keeps who did it with that deployment; refused while it runs.
    pub async fn break_lock(
        &self,
        project: &str,
        environment: &str,
        by: &LockBreak,
        now: Timestamp,
    ) -> Result<(), Error> {
        let request = |present| Request::Break { present };
        let note = |hold: &Hold| {
            let value = serde_json::to_value(by).ok()?;
            Some(Put { key: break_key(&hold.holder), expected: Expected::Any, value })
        };
        self.change(project, environment, now, None, request, note).await.map(drop)
    }

    /// The lock as it stands.
    pub async fn read(&self, project: &str, environment: &str) -> Result<Read, Error> {
        let key = name(project, environment);
        let record = self.engine.record(&record_key(project, environment)).await;
        match record.map_err(|source| Error::Store { key: key.clone(), source })? {
            None => Ok(Read { state: State::Free, version: 0 }),
            Some(record) if record.value.is_null() => {
                Ok(Read { state: State::Free, version: record.version })
            }
            Some(record) => serde_json::from_value(record.value)
                .map(|state| Read { state, version: record.version })
                .map_err(|error| Error::Damaged { key, reason: error.to_string() }),
        }
    }

    /// How many locks are held, by whomever. One that is damaged is given to nobody, so it counts.
    pub async fn held(&self) -> Result<usize, shipway_engine::Error> {
        let mut held: usize = 0;
        let mut after: Option<String> = None;
        loop {
            let page = self.engine.records(PREFIX, after.as_deref(), PAGE_MAX).await?;
            after = page.last().map(|record| record.key.clone());
            let is_last = page.len() < PAGE_MAX;
            let taken = page.into_iter().filter(|record| !is_free(&record.value));
            held = held.saturating_add(taken.count());
            if is_last {
                return Ok(held);
            }
        }
    }

    /// How the execution of a lock's holder stands. An execution that nobody knows has ended.
    pub async fn holder(&self, hold: &Hold) -> Result<Holder, shipway_engine::Error> {
        match self.engine.describe(&hold.execution_arn).await {
            Ok(execution) if execution.status == Status::Running => Ok(Holder::Running),
            Ok(execution) if execution.error.as_deref() == Some("FailedDirty") => Ok(Holder::EndedDirty),
            Ok(_) | Err(shipway_engine::Error::NoExecution(_)) => Ok(Holder::Ended),
            Err(error) => Err(error),
        }
    }

    async fn change(
        &self,
        project: &str,
        environment: &str,
        now: Timestamp,
        asking: Option<&str>,
        request: impl Fn(Holder) -> Request,
        note: impl Fn(&Hold) -> Option<Put>,
    ) -> Result<Read, Error> {
        let key = name(project, environment);
        for _ in 0..TRIES_MAX {
            let read = self.read(project, environment).await?;
            let present = self.present(&read, asking, &key).await?;
            let decided = decide(&read.state, read.version, request(present), now)
                .map_err(|refusal| Error::Refused { key: key.clone(), refusal: Box::new(refusal) })?;
            let Decision::Write(state) = decided else { return Ok(read) };
            match self.write(project, environment, &read, &state, read.hold().and_then(&note)).await {
                Ok(version) => return Ok(Read { state, version }),
                Err(shipway_engine::Error::Store(store::Error::Conflict { .. })) => {}
                Err(source) => return Err(Error::Store { key, source }),
            }
        }
        let reason = format!("changed by others {TRIES_MAX} times in a row");
        Err(Error::Damaged { key, reason })
    }

    async fn present(&self, read: &Read, asking: Option<&str>, key: &str) -> Result<Holder, Error> {
        match read.hold() {
            Some(hold) if Some(hold.holder.as_str()) != asking => {
                self.holder(hold).await.map_err(|source| Error::Store { key: key.to_owned(), source })
            }
            _ => Ok(Holder::Ended),
        }
    }

    async fn write(
        &self,
        project: &str,
        environment: &str,
        read: &Read,
        state: &State,
        note: Option<Put>,
    ) -> Result<u64, shipway_engine::Error> {
        let expected = if read.version == 0 { Expected::Absent } else { Expected::Version(read.version) };
        let value = serde_json::to_value(state).unwrap_or(Value::Null);
        let put = Put { key: record_key(project, environment), expected, value };
        let versions = self.engine.put([put].into_iter().chain(note).collect()).await?;
        Ok(versions.first().copied().unwrap_or(read.version.saturating_add(1)))
    }
}

fn record_key(project: &str, environment: &str) -> String {
    format!("{PREFIX}{}", scope(project, environment))
}

/// Where it is kept who took the lock from a deployment.
pub fn break_key(deployment: &str) -> String {
    format!("lock-break/{deployment}")
}

fn is_free(value: &Value) -> bool {
    value.is_null() || State::deserialize(value).is_ok_and(|state| state == State::Free)
}

/// How people call the lock.
pub fn name(project: &str, environment: &str) -> String {
    format!("{project}/{environment}")
}
