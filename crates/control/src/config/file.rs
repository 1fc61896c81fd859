//! The form of `shipway.toml`. The doc comments here are the descriptions of its JSON Schema. Checks no values.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use crate::{
    Millis,
    release::ShiftStep,
    version::{Bump, Zero},
};

/// What a project runs, where, and how it gets there.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Shipway")]
pub struct File {
    /// The project: `name` or `org/name`, in lower-case letters, digits and `-`.
    #[schemars(regex(pattern = r"^[a-z0-9][a-z0-9-]{0,39}(/[a-z0-9][a-z0-9-]{0,39})?$"))]
    pub project: Option<String>,
    /// The environment that `shipway deploy` means when none is named.
    pub default_environment: Option<String>,
    /// What runs, by service name.
    pub services: BTreeMap<String, FileService>,
    /// Where it runs, by environment name. Without any there is one, `production`.
    pub environments: BTreeMap<String, FileEnvironment>,
    /// How the artifact is made. Without it the artifact is the whole commit.
    pub build: Build,
    /// How commits become versions.
    pub release: FileRelease,
}

/// One service: a group of equal processes. In an environment: what differs there.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Service")]
pub struct FileService {
    /// Run by `/bin/sh -c` in the unpacked artifact; `PORT` is set for a service that has a port.
    pub command: Option<String>,
    /// Takes the command from this line of the Procfile.
    pub procfile: Option<String>,
    /// Environment variables; `PORT` and `SHIPWAY_*` are set by Shipway.
    pub env: BTreeMap<String, String>,
    /// The public port; none for a worker.
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// Address on which the public port is opened; 127.0.0.1 if not given.
    pub listen: Option<String>,
    /// How many processes, 1 to 64; 1 if not given.
    #[schemars(range(min = 1, max = 64))]
    pub processes: Option<u16>,
    /// When a process counts as healthy: a path such as "/health", or a table.
    pub health: Option<FileHealth>,
    /// How traffic moves to a new version: "all-at-once", "canary", or a list of steps.
    pub shift: Option<FileShift>,
    /// How long a new version is watched with all traffic before the old one is stopped.
    pub bake: Option<Millis>,
    /// What the new version's traffic is held to while it shifts and bakes.
    pub gate: Option<FileGate>,
    /// How long requests in flight may take to end when a version is taken out of traffic; 10s if not given.
    pub drain: Option<Millis>,
    /// How long a process may take to end after SIGTERM before SIGKILL; 10s if not given.
    pub stop_timeout: Option<Millis>,
    /// Crashes of new processes that are tolerated while deploying; 0 if not given.
    #[schemars(range(max = 1000))]
    pub crashes_max: Option<u32>,
}

/// Where the services run, and what differs there.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Environment")]
pub struct FileEnvironment {
    /// A deployment that takes longer is rolled back, 1s to 48h; 30m if not given.
    pub timeout: Option<Millis>,
    /// `bake` of each service here that does not say its own.
    pub bake: Option<Millis>,
    /// `shift` of each service with a port here that does not say its own.
    pub shift: Option<FileShift>,
    /// `gate` of each service here that does not say its own.
    pub gate: Option<FileGate>,
    /// What differs here, by service name.
    pub services: BTreeMap<String, FileService>,
}

/// How the artifact is made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Build {
    /// Run by `sh -c` in the directory of shipway.toml, on a work tree without changes.
    pub command: Option<String>,
    /// Files and directories that go into the artifact; `*` stands for any part of one name.
    pub paths: Vec<String>,
}

/// How commits become versions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Release")]
pub struct FileRelease {
    /// What stands before the version in a tag's name; "v" if not given.
    pub tag_prefix: Option<String>,
    /// What a breaking change does below 1.0.0: "major" goes to 1.0.0, "minor" (if not given) moves the minor number,
    /// "shift" does so too and lets a feature move the patch number.
    pub zero: Option<Zero>,
    /// How far a type of commit moves the version, besides feat = "minor" and fix, perf, revert = "patch".
    pub types: BTreeMap<String, Bump>,
    /// The same for commits of other types, or without one; "patch" if not given.
    pub default_bump: Option<Bump>,
}

/// When a process counts as healthy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileHealth(pub HealthTable);

/// When a process counts as healthy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Health")]
pub struct HealthTable {
    /// Path that must answer 200 to 399; without it an accepted connection is enough.
    pub path: Option<String>,
    /// Time between two probes; 500ms if not given.
    pub interval: Option<Millis>,
    /// How long one probe may take; 2s if not given.
    pub timeout: Option<Millis>,
    /// Good probes in a row that make a process healthy; 1 if not given.
    pub healthy_after: Option<u32>,
    /// Bad probes in a row that make a healthy process unhealthy; 3 if not given.
    pub unhealthy_after: Option<u32>,
    /// How long a new process may take to become healthy; 30s if not given.
    pub grace: Option<Millis>,
}

/// What the new version's traffic is held to.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Gate")]
pub struct FileGate {
    /// Share of 5xx answers and failed connections that is too much, 0 to 1; 0.01 if not given.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub error_ratio_max: Option<f64>,
    /// 99th percentile of latency that is too much.
    pub p99_max: Option<Millis>,
    /// Requests that must have been seen before the ratio is judged; 20 if not given.
    pub requests_min: Option<u64>,
}

/// How traffic moves to a new version.
#[derive(Clone, Debug, PartialEq)]
pub enum FileShift {
    /// In one step.
    AllAtOnce,
    /// 10 % of the requests for 10 s, then all.
    Canary,
    /// As listed, then all.
    Steps(Vec<ShiftStep>),
}

impl<'de> Deserialize<'de> for FileHealth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = FileHealth;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a path such as \"/health\", or a table")
            }
            fn visit_str<E: de::Error>(self, path: &str) -> Result<FileHealth, E> {
                Ok(FileHealth(HealthTable { path: Some(path.to_owned()), ..HealthTable::default() }))
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<FileHealth, A::Error> {
                HealthTable::deserialize(de::value::MapAccessDeserializer::new(map)).map(FileHealth)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl<'de> Deserialize<'de> for FileShift {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = FileShift;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"all-at-once\", \"canary\", or a list of steps such as [{ percent = 10, hold = \"1m\" }]")
            }
            fn visit_str<E: de::Error>(self, name: &str) -> Result<FileShift, E> {
                match name {
                    "all-at-once" => Ok(FileShift::AllAtOnce),
                    "canary" => Ok(FileShift::Canary),
                    _ => Err(E::invalid_value(de::Unexpected::Str(name), &self)),
                }
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, list: A) -> Result<FileShift, A::Error> {
                Vec::deserialize(de::value::SeqAccessDeserializer::new(list)).map(FileShift::Steps)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for FileHealth {
    fn schema_name() -> Cow<'static, str> {
        "HealthOrPath".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "When a process counts as healthy.",
            "anyOf": [
                {"type": "string", "pattern": "^/", "description": "Path that must answer 200 to 399."},
                generator.subschema_for::<HealthTable>(),
            ]
        })
    }
}

impl JsonSchema for FileShift {
    fn schema_name() -> Cow<'static, str> {
        "Shift".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "How traffic moves to a new version.",
            "anyOf": [
                {"const": "all-at-once", "description": "In one step."},
                {"const": "canary", "description": "10 % of the requests for 10 s, then all."},
                {"type": "array", "items": generator.subschema_for::<ShiftStep>(), "description": "As listed, then all."},
            ]
        })
    }
}
