//! The port to a machine that runs processes behind the edge proxy.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use shipway_asl::Timestamp;

use crate::{
    Millis,
    release::{HealthCheck, Release},
};

/// The processes of one service of one release: what is started and stopped together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GroupId {
    /// The project: `name` or `org/name`.
    pub project: String,
    /// The environment.
    pub environment: String,
    /// The service.
    pub service: String,
    /// The release.
    pub release_id: String,
}

impl GroupId {
    /// The service this group serves.
    pub fn service_id(&self) -> ServiceId {
        ServiceId {
            project: self.project.clone(),
            environment: self.environment.clone(),
            service: self.service.clone(),
        }
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.project, self.environment, self.service, self.release_id)
    }
}

/// One service in one environment: what has a public port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ServiceId {
    /// The project.
    pub project: String,
    /// The environment.
    pub environment: String,
    /// The service.
    pub service: String,
}

impl fmt::Display for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.project, self.environment, self.service)
    }
}

/// The number of a lease: a host refuses a mutation whose token is lower than one it has seen for that
/// project and environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FencingToken(pub u64);

/// What to start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StartGroup {
    /// Which group.
    pub group: GroupId,
    /// Version, for the process's environment and for people.
    pub version: String,
    /// The artifact; verified before it is unpacked.
    pub artifact_sha256: String,
    /// Run by `/bin/sh -c` in the unpacked artifact.
    pub command: String,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// How many.
    pub processes: u16,
    /// Whether each gets a port of its own in `PORT`.
    pub needs_port: bool,
    /// Time between SIGTERM and SIGKILL.
    pub stop_timeout: Millis,
}

/// A group as it stands on the machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Which group.
    pub id: GroupId,
    /// Version.
    pub version: String,
    /// Its processes, by index.
    pub processes: Vec<Process>,
}

/// One process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Process {
    /// 0, 1, 2, ...
    pub index: u16,
    /// Process id, while it runs.
    pub pid: Option<u32>,
    /// Its own port on 127.0.0.1.
    pub port: Option<u16>,
    /// How it stands.
    pub state: ProcessState,
    /// How often it ended by itself since the group was started.
    pub crashes: u32,
    /// When the running process was started.
    pub started_at: Option<Timestamp>,
    /// How it ended last: `exit status 1`, `signal 9`.
    pub last_exit: Option<String>,
}

/// How a process stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProcessState {
    /// Runs.
    Running,
    /// Ended by itself and waits to be started again.
    BackOff,
    /// Was told to stop.
    Stopping,
    /// Does not run and will not be started.
    Stopped,
}

/// Result of one health probe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// Index of the process.
    pub index: u16,
    /// Whether it answered as it should.
    pub is_healthy: bool,
    /// What came: `200 in 3 ms`, `connection refused`, `no answer within 2s`.
    pub evidence: String,
}

/// What the edge does for one service: replaced as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Route {
    /// The service.
    pub service: ServiceId,
    /// Address to listen on.
    pub listen: String,
    /// Port to listen on.
    pub port: u16,
    /// Versions that get new requests; weights are relative.
    pub targets: Vec<Target>,
}

/// One release behind a route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// The release.
    pub release_id: String,
    /// Version, for people and counts.
    pub version: String,
    /// Share of new requests, relative to the others; 0 gets none.
    pub weight: u32,
    /// Ports on 127.0.0.1.
    pub ports: Vec<u16>,
    /// How the edge probes them while they are routed.
    pub health: HealthCheck,
}

/// Counts of one service's traffic since the edge started.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Traffic {
    /// Changes when the edge was started anew and counts began at 0 again.
    pub epoch: u64,
    /// Counts by release id.
    pub releases: BTreeMap<String, Counts>,
}

/// Counts of one release's traffic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// Version.
    pub version: String,
    /// Requests answered, whatever the answer.
    pub requests: u64,
    /// Answers 500 to 599 that the process gave.
    pub server_errors: u64,
    /// Requests that got no whole answer from the process: refused, reset, cut short. Not counted in `requests`.
    pub failures: u64,
    /// Requests under way.
    pub in_flight: u64,
    /// Latency to the last byte: counts per bucket; bucket `i` holds latencies below `LATENCY_BOUNDS_MICROS[i]`,
    /// the last one the rest.
    pub latency: Vec<u64>,
}

/// Upper bounds of latency buckets in microseconds: four per doubling is too fine, two is enough for a p99.
pub const LATENCY_BOUNDS_MICROS: [u64; 40] = [
    50, 71, 100, 141, 200, 283, 400, 566, 800, 1_131, 1_600, 2_263, 3_200, 4_525, 6_400, 9_051, 12_800,
    18_102, 25_600, 36_204, 51_200, 72_408, 102_400, 144_815, 204_800, 289_631, 409_600, 579_262, 819_200,
    1_158_524, 1_638_400, 2_317_048, 3_276_800, 4_634_095, 6_553_600, 9_268_190, 13_107_200, 18_536_380,
    26_214_400, 37_072_760,
];

/// Which part of a group's output to read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogQuery {
    /// Only this process.
    pub process: Option<u16>,
    /// The last so many lines; at most 10,000.
    pub lines: usize,
    /// Lines after this cursor instead (from the answer before): for following.
    pub after: Option<String>,
}

/// Lines of a group's output and the cursor to go on from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPage {
    /// In order of time.
    pub lines: Vec<LogLine>,
    /// Pass it as `after` to get what came later.
    pub cursor: String,
}

/// One line that a process wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When it was read.
    pub time: Timestamp,
    /// Index of the process.
    pub process: u16,
    /// `stdout` or `stderr`.
    pub stream: String,
    /// The line, without its end; invalid UTF-8 replaced.
    pub text: String,
}

/// What [`Host::reconcile`] did for a group, or could not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mended {
    /// It stands as it should again: what was done.
    Done(String),
    /// It does not, and is tried again at the next look.
    Failed {
        /// Which group, where that can be read.
        group: Option<GroupId>,
        /// Why.
        reason: String,
    },
}

impl fmt::Display for Mended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(what) => f.write_str(what),
            Self::Failed { group: Some(group), reason } => {
                write!(f, "{group}: cannot be started again: {reason}")
            }
            Self::Failed { group: None, reason } => write!(f, "a group cannot be started again: {reason}"),
        }
    }
}

/// Why a host refused or could not. Each names the field or path, and the text carries a hint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// The release asks for something this machine cannot do; `field` is its place in the release.
    #[error("`{field}`: {reason}")]
    BadRelease {
        /// Place in the release, such as `services.web.port`.
        field: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The artifact is missing or does not have its hash.
    #[error("artifact {sha256}: {reason}")]
    Artifact {
        /// Its hash.
        sha256: String,
        /// What is wrong.
        reason: String,
    },
    /// Somebody with a higher token has been here.
    #[error("fencing token {token} is stale: {highest} has been seen")]
    Stale {
        /// The token given.
        token: u64,
        /// The highest seen.
        highest: u64,
    },
    /// The edge does not answer.
    #[error("the edge proxy does not answer: {0}")]
    Edge(String),
    /// The machine failed: disk full, no permission, no such file.
    #[error("{operation}: {reason}")]
    Io {
        /// What was tried, with the path.
        operation: String,
        /// What the system said.
        reason: String,
    },
}

/// A machine that runs processes behind the edge proxy. Every mutation is idempotent and carries a token.
#[async_trait]
pub trait Host: Send + Sync + 'static {
    /// Checks, without changing anything, that the release can run here: the artifact is whole, commands exist and
    /// are executable, public ports are free or already ours, there is room on the disk.
    async fn check(&self, release: &Release) -> Result<(), HostError>;
    /// Makes the token the lowest that is accepted for the project and environment.
    async fn fence(&self, project: &str, environment: &str, token: FencingToken) -> Result<(), HostError>;
    /// Verifies and unpacks the artifact and starts the processes; does nothing for those that run.
    async fn start_group(&self, start: &StartGroup, token: FencingToken) -> Result<Group, HostError>;
    /// All groups of a project and environment that the machine knows of, found on the machine itself.
    async fn groups(&self, project: &str, environment: &str) -> Result<Vec<Group>, HostError>;
    /// Stops the processes (SIGTERM, after `stop_timeout` SIGKILL) and returns when none is left. Logs stay.
    async fn stop_group(&self, group: &GroupId, token: FencingToken) -> Result<(), HostError>;
    /// Probes each process of a group once.
    async fn probe(&self, group: &GroupId, health: &HealthCheck) -> Result<Vec<Probe>, HostError>;
    /// Tells the edge what to do for a service; in force when this returns.
    async fn set_route(&self, route: &Route, token: FencingToken) -> Result<(), HostError>;
    /// The edge's route of a service.
    async fn route(&self, service: &ServiceId) -> Result<Option<Route>, HostError>;
    /// Takes a service off the edge; does nothing if it is not there.
    async fn remove_route(&self, service: &ServiceId, token: FencingToken) -> Result<(), HostError>;
    /// Counts of a service's traffic.
    async fn traffic(&self, service: &ServiceId) -> Result<Traffic, HostError>;
    /// Lines that a group's processes wrote.
    async fn logs(&self, group: &GroupId, query: &LogQuery) -> Result<LogPage, HostError>;
    /// Forgets stopped groups of releases not in `keep`, and artifacts that no group or `keep_artifacts` names.
    async fn prune(
        &self,
        project: &str,
        environment: &str,
        keep: &[String],
        keep_artifacts: &[String],
        token: FencingToken,
    ) -> Result<(), HostError>;
    /// Starts again what should run and does not (after a restart of the machine or a crash of a keeper).
    async fn reconcile(&self) -> Result<Vec<Mended>, HostError>;
    /// Whether the artifact is there, whole.
    async fn has_artifact(&self, sha256: &str) -> Result<bool, HostError>;
    /// A new file in which to write an artifact, to be given to [`Host::keep_artifact`].
    async fn artifact_upload(&self) -> Result<PathBuf, HostError>;
    /// Takes an uploaded file in if it has the hash; refuses and removes it otherwise.
    async fn keep_artifact(&self, upload: &std::path::Path, sha256: &str) -> Result<(), HostError>;
}
