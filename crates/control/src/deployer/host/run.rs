//! The document that travels through the machine's states. What it says of the world is a memory; handlers that
//! change the world look at the world.

use std::collections::{BTreeMap, BTreeSet};

use schemars::{Schema, json_schema, schema_for};
use serde::{Deserialize, Serialize};
use shipway_asl::Timestamp;
use shipway_engine::TaskFailure;

use super::{gate::Window, health::Streak};
use crate::{
    Millis,
    deployer::{Progress, failure},
    host::{FencingToken, Group, GroupId, ProcessState, Route, ServiceId},
    release::{Release, Service},
};

/// One deployment on its way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Who asked, why, when.
    pub deployment: Request,
    /// What is deployed.
    pub release: Release,
    /// What the handlers have found out.
    #[serde(default)]
    pub found: Found,
    /// All new processes are healthy.
    #[serde(default)]
    pub healthy: bool,
    /// All traffic has moved.
    #[serde(default)]
    pub shifted: bool,
    /// The new version was watched long enough.
    #[serde(default)]
    pub baked: bool,
    /// For people.
    #[serde(default)]
    pub progress: BTreeMap<String, Progress>,
    /// Milliseconds of the last state that were spent waiting for the service.
    #[serde(default)]
    pub waited_millis: u64,
    /// What went wrong first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Caught>,
    /// What went wrong while it was undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo_error: Option<Caught>,
}

/// Who asked for a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Who.
    pub actor: String,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
    /// When it was accepted: the release's `timeout` counts from here.
    pub accepted_at: Timestamp,
}

/// What the handlers have found out; wiped by `Validate`, so that no caller can choose it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Found {
    /// The lock's fencing token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<FencingToken>,
    /// What ran before, by service; also services that the release does not have.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub previous: BTreeMap<String, Previous>,
    /// When the new processes were started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployed_at: Option<Timestamp>,
    /// What was seen of each service of the release.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub watched: BTreeMap<String, Watched>,
    /// When all traffic had moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shifted_at: Option<Timestamp>,
}

/// An error as a Catch puts it into the document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Caught {
    /// Its name.
    pub error: String,
    /// What happened.
    #[serde(default)]
    pub cause: String,
}

/// What ran for one service before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Previous {
    /// The edge's route.
    pub route: Option<Route>,
    /// Releases that had processes which were not stopped.
    pub release_ids: BTreeSet<String>,
}

/// What was seen of one service's new processes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Watched {
    /// Probes of each new process, by index.
    pub streaks: BTreeMap<u16, Streak>,
    /// Probes of the processes that served before, by release and index.
    pub old: BTreeMap<String, BTreeMap<u16, Streak>>,
    /// How far the traffic has moved.
    pub shift: Option<Shifting>,
    /// What the new version answered since it got traffic.
    pub window: Option<Window>,
}

/// How far a service's traffic has moved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shifting {
    /// Index into the release's steps; their count for all traffic.
    pub step: usize,
    /// Since when.
    pub since: Timestamp,
    /// The route that was set.
    pub route: Route,
}

impl Run {
    /// A deployment that nothing is known of yet.
    pub fn new(deployment: Request, release: Release) -> Self {
        Self {
            deployment,
            release,
            found: Found::default(),
            healthy: false,
            shifted: false,
            baked: false,
            progress: BTreeMap::new(),
            waited_millis: 0,
            error: None,
            undo_error: None,
        }
    }

    /// The token, which every state after `Lock` has.
    pub fn token(&self) -> Result<FencingToken, TaskFailure> {
        self.found
            .token
            .ok_or_else(|| failure::failure(failure::BAD_INPUT, "`token`: the lock was never taken"))
    }

    /// When the release's timeout is over.
    pub fn deadline(&self) -> Timestamp {
        self.deployment.accepted_at.plus_millis(self.release.timeout.0)
    }

    /// The group of a service's new processes.
    pub fn group(&self, service: &str) -> GroupId {
        self.group_of(service, &self.release.release_id)
    }

    /// The group of a service's processes of any release.
    pub fn group_of(&self, service: &str, release_id: &str) -> GroupId {
        GroupId {
            project: self.release.project_name.clone(),
            environment: self.release.config_name.clone(),
            service: service.to_owned(),
            release_id: release_id.to_owned(),
        }
    }

    /// A service's id.
    pub fn service_id(&self, service: &str) -> ServiceId {
        self.group(service).service_id()
    }

    /// Whether a group is of this release.
    pub fn is_ours(&self, group: &GroupId) -> bool {
        group.release_id == self.release.release_id
    }

    /// Names of all services that there are: of the release, and from before.
    pub fn all_services(&self) -> BTreeSet<String> {
        self.release.services.keys().chain(self.found.previous.keys()).cloned().collect()
    }

    /// The services that have a public port.
    pub fn routed(&self) -> impl Iterator<Item = (&String, &Service, u16)> {
        self.release.services.iter().filter_map(|(name, service)| Some((name, service, service.port?)))
    }

    /// How long requests of a service may take to end; the default for a service that the release does not have.
    pub fn drain(&self, service: &str) -> Millis {
        self.release.services.get(service).map_or(Millis::from_seconds(10), |service| service.drain)
    }
}

/// Whether any process of a group has not been stopped for good.
pub fn is_alive(group: &Group) -> bool {
    group.processes.iter().any(|process| process.state != ProcessState::Stopped)
}

/// Ports of a group's running processes, by index.
pub fn ports(group: &Group) -> Vec<u16> {
    let running = group.processes.iter().filter(|process| process.state == ProcessState::Running);
    running.filter_map(|process| process.port).collect()
}

/// JSON Schema of the release that this deployer takes.
pub fn release_schema() -> Schema {
    let text = json_schema!({"type": "string"});
    json_schema!({
        "title": "Release",
        "description": "What is to run, in one environment of one project.",
        "type": "object",
        "additionalProperties": false,
        "required": [
            "release_id", "project_name", "config_name", "version", "commit", "subject", "author",
            "artifact_sha256", "created_at", "timeout", "services"
        ],
        "properties": {
            "release_id": text, "project_name": text, "config_name": text, "version": text,
            "commit": text, "subject": text, "author": text,
            "artifact_sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            "created_at": {"type": "integer", "description": "Milliseconds since 1970, UTC."},
            "timeout": schema_for!(Millis),
            "metadata": {"type": "object", "additionalProperties": text},
            "services": {"type": "object", "minProperties": 1, "additionalProperties": schema_for!(Service)}
        }
    })
}
