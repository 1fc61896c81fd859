//! Documents that deployments keep in the engine's records, and their keys. Decides nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use shipway_asl::Timestamp;
use shipway_engine::{Engine, Expected, Put, store};

use crate::release::Release;

/// Good releases whose artifacts are kept, the current one included.
pub const GOOD_RELEASES_MAX: usize = 5;

/// Failed releases whose output is kept.
pub const FAILED_RELEASES_MAX: usize = 5;

/// Tries of one compare-and-set before giving up.
const TRIES_MAX: usize = 16;

/// Why a record could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store could not.
    #[error("record `{key}` cannot be read or written")]
    Store {
        /// Its key.
        key: String,
        /// Why.
        #[source]
        source: Box<shipway_engine::Error>,
    },
    /// It holds something else.
    #[error("record `{key}` is damaged: {reason}")]
    Damaged {
        /// Its key.
        key: String,
        /// What is wrong.
        reason: String,
    },
}

/// A deployment as it was accepted: never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The deployment's id.
    pub id: String,
    /// ARN of its execution.
    pub execution_arn: String,
    /// The deployer.
    pub deployer: String,
    /// The project.
    pub project: String,
    /// The environment.
    pub environment: String,
    /// The release.
    pub release_id: String,
    /// Version that served when it was accepted.
    pub previous_version: Option<String>,
    /// Who asked.
    pub actor: String,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub accepted_at: Timestamp,
}

/// A lock that a person took from a deployment that had ended: never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockBreak {
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// Whether a deployment is to stop, and whether it still can. Written once: who comes first decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Halt {
    /// A person asked it to stop.
    Asked {
        /// Who.
        actor: String,
        /// Why.
        reason: String,
        /// When.
        at: Timestamp,
    },
    /// The new version is in charge; it is too late to stop.
    TooLate {
        /// Since when.
        at: Timestamp,
    },
}

/// What an environment runs and has run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// The project.
    pub project: String,
    /// The environment.
    pub environment: String,
    /// What runs, by service.
    pub services: BTreeMap<String, Serving>,
    /// Good releases, the current one first, at most [`GOOD_RELEASES_MAX`].
    pub good: Vec<Good>,
    /// Releases that failed last, newest first, at most [`FAILED_RELEASES_MAX`].
    pub failed: Vec<String>,
}

/// What runs for one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serving {
    /// The release.
    pub release_id: String,
    /// Its version.
    pub version: String,
    /// Its commit.
    pub commit: String,
    /// Author of the commit.
    pub author: String,
    /// Address of the edge.
    pub address: Option<String>,
    /// Since when.
    pub since: Timestamp,
    /// Who deployed it.
    pub actor: String,
    /// By which deployment.
    pub deployment: String,
}

/// A release that was deployed with success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Good {
    /// The release.
    pub release_id: String,
    /// Its version.
    pub version: String,
    /// Its artifact.
    pub artifact_sha256: String,
    /// Its deployment.
    pub deployment: String,
    /// Whether somebody went back from it, so that nobody goes back to it unasked.
    #[serde(default)]
    pub was_rolled_back: bool,
}

/// `project/environment` as part of a key. The `/` in a project's name becomes `+`, which no name contains, so that
/// no environment of `org` shares a prefix with a project `org/name`.
pub fn scope(project: &str, environment: &str) -> String {
    format!("{}/{environment}", project.replace('/', "+"))
}

/// Key of a release's document.
pub fn release_key(project: &str, environment: &str, release_id: &str) -> String {
    format!("release/{}/{release_id}", scope(project, environment))
}

/// Key of an accepted deployment.
pub fn accepted_key(id: &str) -> String {
    format!("deployment/{id}")
}

/// Key of a deployment's halt.
pub fn halt_key(id: &str) -> String {
    format!("halt/{id}")
}

/// Key of an environment.
pub fn environment_key(project: &str, environment: &str) -> String {
    format!("environment/{}", scope(project, environment))
}

/// A record's document and version, if it was ever written.
pub async fn read<T: DeserializeOwned>(engine: &Engine, key: &str) -> Result<Option<(T, u64)>, Error> {
    let record = engine.record(key).await.map_err(|source| failed(key, source))?;
    match record {
        Some(record) if !record.value.is_null() => Ok(Some((decode(key, record.value)?, record.version))),
        Some(_) | None => Ok(None),
    }
}

/// A value of a record as its document.
pub fn decode<T: DeserializeOwned>(key: &str, value: Value) -> Result<T, Error> {
    serde_json::from_value(value)
        .map_err(|error| Error::Damaged { key: key.to_owned(), reason: error.to_string() })
}

/// A write of a new record.
pub fn put_new<T: Serialize>(key: String, document: &T) -> Result<Put, Error> {
    match serde_json::to_value(document) {
        Ok(value) => Ok(Put { key, expected: Expected::Absent, value }),
        Err(error) => Err(Error::Damaged { key, reason: error.to_string() }),
    }
}

/// Writes the halt unless there is one; gives the one that stands.
pub async fn halt_once(engine: &Engine, id: &str, halt: Halt) -> Result<Halt, Error> {
    let key = halt_key(id);
    match engine.put(vec![put_new(key.clone(), &halt)?]).await {
        Ok(_) => Ok(halt),
        Err(shipway_engine::Error::Store(store::Error::Conflict { .. })) => {
            Ok(read(engine, &key).await?.map_or(halt, |(standing, _)| standing))
        }
        Err(source) => Err(failed(&key, source)),
    }
}

/// The environment as it stands; an empty one if nothing was ever deployed to it.
pub async fn environment(engine: &Engine, project: &str, environment: &str) -> Result<Environment, Error> {
    let key = environment_key(project, environment);
    Ok(read(engine, &key).await?.map_or_else(|| empty(project, environment), |(row, _)| row))
}

/// Changes an environment by compare-and-set. `change` may run more than once.
pub async fn change_environment(
    engine: &Engine,
    project: &str,
    environment: &str,
    change: impl Fn(&mut Environment),
) -> Result<Environment, Error> {
    let key = environment_key(project, environment);
    for _ in 0..TRIES_MAX {
        let read = read::<Environment>(engine, &key).await?;
        let expected = read.as_ref().map_or(Expected::Absent, |(_, version)| Expected::Version(*version));
        let before = read.map_or_else(|| empty(project, environment), |(row, _)| row);
        let mut after = before.clone();
        change(&mut after);
        if after == before {
            return Ok(after);
        }
        let put = Put { expected, ..put_new(key.clone(), &after)? };
        match engine.put(vec![put]).await {
            Ok(_) => return Ok(after),
            Err(shipway_engine::Error::Store(store::Error::Conflict { .. })) => {}
            Err(source) => return Err(failed(&key, source)),
        }
    }
    Err(Error::Damaged { key, reason: format!("changed by others {TRIES_MAX} times in a row") })
}

fn empty(project: &str, environment: &str) -> Environment {
    Environment { project: project.to_owned(), environment: environment.to_owned(), ..Environment::default() }
}

fn failed(key: &str, source: shipway_engine::Error) -> Error {
    Error::Store { key: key.to_owned(), source: Box::new(source) }
}

impl Environment {
    /// Makes `release` the current one; nothing changes if it is.
    pub fn promote(&mut self, release: &Release, deployment: &str, actor: &str, since: Timestamp) {
        self.services = release
            .services
            .iter()
            .map(|(name, service)| {
                let address = service.port.map(|port| address(&service.listen, port));
                (name.clone(), serving(release, address, deployment, actor, since))
            })
            .collect();
        if self.good.first().is_some_and(|good| good.release_id == release.release_id) {
            return;
        }
        if release.metadata.contains_key(ROLLBACK_OF)
            && let Some(left) = self.good.first_mut()
        {
            left.was_rolled_back = true;
        }
        let good = Good {
            release_id: release.release_id.clone(),
            version: release.version.clone(),
            artifact_sha256: release.artifact_sha256.clone(),
            deployment: deployment.to_owned(),
            was_rolled_back: false,
        };
        self.good.insert(0, good);
        self.good.truncate(GOOD_RELEASES_MAX);
    }

    /// Remembers a failed release, so that its output is kept for a while.
    pub fn remember_failed(&mut self, release_id: &str) {
        if !self.failed.iter().any(|failed| failed == release_id) {
            self.failed.insert(0, release_id.to_owned());
            self.failed.truncate(FAILED_RELEASES_MAX);
        }
    }
}

/// Metadata of a release that goes back to an older one: that one's id.
pub const ROLLBACK_OF: &str = "rollback_of";

/// Host and port as one text; IPv6 in brackets.
pub fn address(listen: &str, port: u16) -> String {
    if listen.contains(':') { format!("[{listen}]:{port}") } else { format!("{listen}:{port}") }
}

fn serving(
    release: &Release,
    address: Option<String>,
    deployment: &str,
    actor: &str,
    since: Timestamp,
) -> Serving {
    Serving {
        release_id: release.release_id.clone(),
        version: release.version.clone(),
        commit: release.commit.clone(),
        author: release.author.clone(),
        address,
        since,
        actor: actor.to_owned(),
        deployment: deployment.to_owned(),
    }
}
