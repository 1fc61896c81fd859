//! All that can be seen of an edge at one moment, for pages and metrics.

use serde::{Deserialize, Serialize};
use shipway_control::host::{Route, Traffic};

/// An edge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Its process id.
    pub pid: u32,
    /// When it started, in milliseconds since 1970; counts began at 0 then.
    pub epoch: u64,
    /// What it serves.
    pub routes: Vec<RouteSnapshot>,
}

/// A route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RouteSnapshot {
    /// As it was set.
    pub route: Route,
    /// Whether its port is served; after a restart the port may have been taken by somebody else.
    pub is_listening: bool,
    /// Client connections.
    pub connections: usize,
    /// Its releases, in the route's order.
    pub targets: Vec<TargetSnapshot>,
    /// Its counts, also of releases that have left it.
    pub traffic: Traffic,
}

/// A release of a route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetSnapshot {
    /// The release.
    pub release_id: String,
    /// Its version.
    pub version: String,
    /// Its processes that get requests.
    pub processes: Vec<ProcessSnapshot>,
}

/// A process of a release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProcessSnapshot {
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// Whether it is fit for requests.
    pub is_healthy: bool,
    /// What the last probe met; empty before the first.
    pub evidence: String,
    /// Requests under way.
    pub in_flight: u64,
}
