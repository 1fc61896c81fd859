//! A release: the immutable document of what is to run. Field names follow Odin's where it has them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shipway_asl::Timestamp;

use crate::Millis;

/// What is to run, in one environment of one project. Immutable once accepted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// `release-<time>-<7 random letters>`, unique.
    pub release_id: String,
    /// The project: `name` or `org/name`.
    pub project_name: String,
    /// The environment (Odin's word for it is config).
    pub config_name: String,
    /// SemVer, without prefix.
    pub version: String,
    /// Full id of the git commit.
    pub commit: String,
    /// First line of the commit's message.
    pub subject: String,
    /// Who made the commit.
    pub author: String,
    /// SHA-256 of the artifact, 64 hex digits.
    pub artifact_sha256: String,
    /// When the release was made.
    pub created_at: Timestamp,
    /// A deployment that takes longer is rolled back.
    pub timeout: Millis,
    /// Free text, part of the hash.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// What runs, by service name.
    pub services: BTreeMap<String, Service>,
}

/// One service of a release: a group of equal processes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Run by `/bin/sh -c` in the unpacked artifact; `PORT` is set for a service that has a port.
    pub command: String,
    /// Environment variables, besides `PORT`, `PATH`, `HOME` and `SHIPWAY_*`.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// The public port on which the edge listens; none for a worker.
    #[serde(default)]
    pub port: Option<u16>,
    /// Address on which the edge listens.
    #[serde(default = "default_listen")]
    pub listen: String,
    /// How many processes, 1 to 64.
    #[serde(default = "one")]
    pub processes: u16,
    /// When a process counts as healthy.
    #[serde(default)]
    pub health: HealthCheck,
    /// How traffic moves to the new processes.
    #[serde(default)]
    pub shift: Shift,
    /// How long the new version is watched with all traffic before the old processes are stopped.
    #[serde(default)]
    pub bake: Millis,
    /// What the new version's traffic is held to while it shifts and bakes.
    #[serde(default)]
    pub gate: Gate,
    /// How long requests in flight may take to end when a version is taken out of traffic.
    #[serde(default = "ten_seconds")]
    pub drain: Millis,
    /// How long a process may take to end after SIGTERM before SIGKILL.
    #[serde(default = "ten_seconds")]
    pub stop_timeout: Millis,
    /// Crashes of new processes that are tolerated while deploying (Odin's `max_terms`).
    #[serde(default)]
    pub crashes_max: u32,
}

/// When a process counts as healthy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HealthCheck {
    /// Path that must answer 200 to 399; without it an accepted connection is enough (a worker: being alive).
    pub path: Option<String>,
    /// Time between two probes.
    pub interval: Millis,
    /// How long one probe may take.
    pub timeout: Millis,
    /// Good probes in a row that make a process healthy.
    pub healthy_after: u32,
    /// Bad probes in a row that make a healthy process unhealthy.
    pub unhealthy_after: u32,
    /// How long a new process may take to become healthy.
    pub grace: Millis,
}

/// How traffic moves to the new version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shift {
    /// Steps before 100 %; none means all at once.
    #[serde(default)]
    pub steps: Vec<ShiftStep>,
}

/// One step of a shift.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShiftStep {
    /// Share of requests for the new version, 1 to 99.
    pub percent: u8,
    /// How long it is held and watched.
    pub hold: Millis,
}

/// What the new version's traffic is held to. Counted from the moment the new version gets traffic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Gate {
    /// Share of 5xx answers and failed connections that is too much, 0 to 1.
    pub error_ratio_max: f64,
    /// 99th percentile of latency that is too much.
    pub p99_max: Option<Millis>,
    /// Requests that must have been seen before the ratio is judged.
    pub requests_min: u64,
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self {
            path: None,
            interval: Millis(500),
            timeout: Millis(2_000),
            healthy_after: 1,
            unhealthy_after: 3,
            grace: Millis::from_seconds(30),
        }
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self { error_ratio_max: 0.01, p99_max: None, requests_min: 20 }
    }
}

fn one() -> u16 {
    1
}

fn ten_seconds() -> Millis {
    Millis::from_seconds(10)
}

fn default_listen() -> String {
    "127.0.0.1".to_owned()
}
