//! One process behind the edge: its connection pool, its requests in flight, its health. Does not choose.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use http::uri::Authority;
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use shipway_control::release::HealthCheck;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Context, body::RequestBody, connect::Connector, counts::ReleaseCounts, health};

/// How long an unused connection to a process is kept.
///
/// WHY: servers close idle connections after 2 s and more; a request sent at that very moment is lost, and if it is a
/// POST nobody may repeat it. A new connection on the same machine costs some 50 microseconds.
const POOL_IDLE: Duration = Duration::from_secs(1);

/// Unused connections kept per process.
const POOL_IDLE_MAX: usize = 256;

/// One process in one generation of the route: a process that left the route never comes back as the same upstream.
#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) port: u16,
    pub(super) authority: Authority,
    pub(super) pool: Client<Connector, RequestBody>,
    pub(super) health: Arc<health::Health>,
    check: HealthCheck,
    in_flight: AtomicU64,
    is_retired: AtomicBool,
    _probing: DropGuard,
    stop_probing: CancellationToken,
}

impl Upstream {
    /// A process that gets requests from now on, and is probed.
    pub(super) fn start(port: u16, check: &HealthCheck, cx: &Context) -> Arc<Self> {
        let stop_probing = cx.probing.child_token();
        let health = Arc::new(health::Health::new());
        let probing = health::keep_probing(Arc::clone(&health), port, check.clone(), stop_probing.clone());
        cx.tasks.spawn(probing);
        Arc::new(Self {
            port,
            authority: authority(port),
            pool: pool(&cx.limits),
            health,
            check: check.clone(),
            in_flight: AtomicU64::new(0),
            is_retired: AtomicBool::new(false),
            _probing: stop_probing.clone().drop_guard(),
            stop_probing,
        })
    }

    /// Whether it can go on in a route that asks for this.
    pub(super) fn fits(&self, port: u16, check: &HealthCheck) -> bool {
        self.port == port && self.check == *check && !self.is_retired()
    }

    /// Takes it out: every request counted after this gives it up. Call before reading what is in flight.
    pub(super) fn retire(&self) {
        self.is_retired.store(true, SeqCst);
        self.stop_probing.cancel();
    }

    pub(super) fn is_retired(&self) -> bool {
        self.is_retired.load(SeqCst)
    }

    pub(super) fn in_flight(&self) -> u64 {
        self.in_flight.load(SeqCst)
    }
}

fn authority(port: u16) -> Authority {
    Authority::try_from(format!("127.0.0.1:{port}")).unwrap_or_else(|_| Authority::from_static("127.0.0.1"))
}

fn pool(limits: &super::Limits) -> Client<Connector, RequestBody> {
    Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(POOL_IDLE)
        .pool_max_idle_per_host(POOL_IDLE_MAX)
        .http1_max_buf_size(limits.head_bytes_max.max(8192))
        .set_host(false)
        .build(Connector { timeout: limits.connect_timeout })
}

/// One request under way to one process of one release: counted from its making to its drop.
///
/// Dropped without [`Flight::answered`] it leaves no other trace: the request went on elsewhere.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) upstream: Arc<Upstream>,
    pub(super) counts: Arc<ReleaseCounts>,
    started: Instant,
    result: Option<FlightResult>,
}

/// What is recorded when a flight ends.
#[derive(Clone, Copy, Debug)]
enum FlightResult {
    Answered { is_server_error: bool },
    Failed,
}

impl Flight {
    /// Counts the request in flight, and gives it up again if the process has been taken out meanwhile.
    pub(super) fn begin(
        upstream: Arc<Upstream>,
        counts: Arc<ReleaseCounts>,
        started: Instant,
    ) -> Option<Self> {
        // INVARIANT: count first, check afterwards; see the head of `edge`.
        upstream.in_flight.fetch_add(1, SeqCst);
        counts.enter();
        // A client that goes away while it waits has waited at least this long: that is recorded as its latency.
        let result = Some(FlightResult::Answered { is_server_error: false });
        let mut flight = Self { upstream, counts, started, result };
        if flight.upstream.is_retired() {
            flight.result = None;
            return None;
        }
        Some(flight)
    }

    /// The process has begun to answer.
    pub(super) fn answered(&mut self, is_server_error: bool) {
        self.upstream.health.answered();
        self.result = Some(FlightResult::Answered { is_server_error });
    }

    /// The process gave no answer or not the whole of it.
    pub(super) fn failed(&mut self) {
        self.result = Some(FlightResult::Failed);
    }

    /// Nothing is to be held against or for the process.
    pub(super) fn forget(&mut self) {
        self.result = None;
    }

    /// Records the answer now, though the flight goes on: a tunnel has no last byte worth measuring.
    pub(super) fn record(&mut self) {
        match self.result.take() {
            Some(FlightResult::Answered { is_server_error }) => {
                self.counts.answered(is_server_error, self.started.elapsed());
            }
            Some(FlightResult::Failed) => self.counts.failed(),
            None => {}
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        // Recorded before it leaves, so that counts read after a drain are complete.
        self.record();
        self.counts.leave();
        self.upstream.in_flight.fetch_sub(1, SeqCst);
    }
}
