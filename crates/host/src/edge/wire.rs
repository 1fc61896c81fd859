//! What is said on the control socket: one JSON document a line, a reply for each request. Private to the edge.

use serde::{Deserialize, Serialize};
use shipway_control::host::{HostError, Route, ServiceId, Traffic};

use super::snapshot::Snapshot;

/// Version of what is said. [`Verb::Hello`] and [`Verb::Stop`] are understood whatever the version.
pub(super) const PROTOCOL: u32 = 1;

/// Bytes of one line.
pub(super) const LINE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The part of a request that never changes.
#[derive(Debug, Deserialize)]
pub(super) struct Envelope {
    pub(super) v: u32,
    pub(super) id: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) v: u32,
    pub(super) id: u64,
    pub(super) call: Verb,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verb {
    Hello,
    SetRoute(Route),
    Route(ServiceId),
    Routes,
    RemoveRoute(ServiceId),
    Traffic(ServiceId),
    InFlight {
        service: ServiceId,
        release_id: String,
    },
    Snapshot,
    /// As SIGTERM: give up the ports, drain, end.
    Stop,
}

/// The part of a reply that never changes.
#[derive(Debug, Deserialize)]
pub(super) struct Spoken {
    pub(super) v: u32,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Reply {
    pub(super) v: u32,
    /// That of the request; none if it could not be read.
    pub(super) id: Option<u64>,
    #[serde(flatten)]
    pub(super) outcome: Outcome,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Ok(Answer),
    Error(Fault),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Hello { pid: u32, epoch: u64 },
    Done,
    Route(Option<Route>),
    Routes(Vec<Route>),
    Traffic(Traffic),
    InFlight(u64),
    Snapshot(Snapshot),
}

/// Why a request failed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Fault {
    BadRelease {
        field: String,
        reason: String,
    },
    Io {
        operation: String,
        reason: String,
    },
    /// The request itself is not understood.
    Protocol {
        reason: String,
    },
}

impl From<HostError> for Fault {
    fn from(error: HostError) -> Self {
        match error {
            HostError::BadRelease { field, reason } => Self::BadRelease { field, reason },
            HostError::Io { operation, reason } => Self::Io { operation, reason },
            HostError::Artifact { .. } | HostError::Stale { .. } | HostError::Edge(_) => {
                Self::Protocol { reason: error.to_string() }
            }
        }
    }
}

impl From<Fault> for HostError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::BadRelease { field, reason } => Self::BadRelease { field, reason },
            Fault::Io { operation, reason } => Self::Io { operation, reason },
            Fault::Protocol { reason } => Self::Edge(reason),
        }
    }
}
