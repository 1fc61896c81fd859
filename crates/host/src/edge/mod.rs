//! The edge: a reverse proxy in a process of its own, so that the control plane may crash, restart or be upgraded
//! without a dropped request. It knows routes and processes by their ports; it does not start or stop processes.
//!
//! How a switch of versions stays lossless:
//! 1. a request is counted in flight first and then checks that its process is still current; whoever takes a
//!    process out marks it first and then reads the count, so no request is missed;
//! 2. the count is held by the response body (or the tunnel of an upgrade), not by the handler;
//! 3. each process has a connection pool of its own that dies with it, so no kept-alive connection outlives a switch.

mod body;
mod client;
mod conn;
mod connect;
mod control;
mod counts;
mod failure;
mod head;
mod health;
mod listener;
mod live;
mod lock;
mod process;
mod proxy;
mod schedule;
mod service;
mod short_path;
mod snapshot;
mod state;
mod table;
mod tunnel;
mod upstream;
mod watch;
mod wire;

use std::{
    fs::DirBuilder,
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use client::Client;
pub use process::{EdgeError, run, serve};
pub use snapshot::{ProcessSnapshot, RouteSnapshot, Snapshot, TargetSnapshot};
pub use watch::{WatchConfig, watch};

/// Where the edge keeps its files and what it allows.
#[derive(Clone, Debug)]
pub struct Config {
    /// Shipway's data directory; the edge's own files are in `edge/` there.
    pub data_dir: PathBuf,
    /// What it allows.
    pub limits: Limits,
}

impl Config {
    /// The usual limits for a data directory.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self { data_dir: data_dir.into(), limits: Limits::default() }
    }
}

/// What the edge allows its clients and the processes behind it.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Client connections per listener; more wait in the system's queue.
    pub connections_max: usize,
    /// Size of a request's head.
    pub head_bytes_max: usize,
    /// Time for a request's head from its first byte to its last.
    pub head_timeout: Duration,
    /// Time without a byte after which a connection without a request is closed.
    pub idle_timeout: Duration,
    /// Time to connect to a process.
    pub connect_timeout: Duration,
    /// How long requests in flight may take to end when the edge stops.
    pub drain_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            head_bytes_max: 64 * 1024,
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            connect_timeout: Duration::from_secs(1),
            drain_max: Duration::from_secs(30),
        }
    }
}

/// What all services of an edge share.
#[derive(Clone, Debug)]
struct Context {
    limits: Limits,
    /// Owns the connections, tunnels and probers.
    tasks: TaskTracker,
    /// Cancelled when the edge stops: requests go on, probes do not.
    probing: CancellationToken,
}

impl Context {
    fn new(limits: Limits) -> Self {
        Self { limits, tasks: TaskTracker::new(), probing: CancellationToken::new() }
    }
}

/// The socket on which the edge of a data directory is told what to do.
pub fn socket_path(data_dir: &Path) -> PathBuf {
    directory(data_dir).join("edge.sock")
}

fn directory(data_dir: &Path) -> PathBuf {
    data_dir.join("edge")
}

/// Makes the edge's directory, for its owner only.
fn make_directory(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)
}
