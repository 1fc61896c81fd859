//! One service at the edge: what its listeners, requests and the control socket share.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Instant,
};

use arc_swap::ArcSwapOption;
use shipway_control::host::ServiceId;

use super::{
    Context,
    counts::Book,
    live::Live,
    upstream::{Flight, Upstream},
};

/// How often a request that meets a process on its way out chooses again: each time a new route is in force.
const SWITCHES_MAX: usize = 64;

/// A service.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) id: ServiceId,
    /// The route in force; none once it has been removed.
    pub(super) live: ArcSwapOption<Live>,
    pub(super) book: Book,
    pub(super) cx: Context,
    connections: AtomicUsize,
}

impl Service {
    pub(super) fn new(id: ServiceId, cx: Context) -> Self {
        Self { id, live: ArcSwapOption::empty(), book: Book::default(), cx, connections: AtomicUsize::new(0) }
    }

    /// Puts a route in force, or none.
    pub(super) fn replace(&self, next: Option<Live>) {
        let next = next.map(Arc::new);
        // INVARIANT: in force first, retired afterwards; see the head of `edge`.
        let before = self.live.swap(next.clone());
        if let Some(before) = before {
            before.retire_what_left(next.as_deref());
        }
    }

    /// The release whose turn it is, in the route in force.
    pub(super) fn turn(&self) -> Option<Turn> {
        let live = self.live.load_full()?;
        let target = live.next_target()?;
        Some(Turn { live, target })
    }

    /// Counts a request in flight to a process that has not been tried.
    pub(super) fn begin(&self, turn: &mut Turn, tried: &[Arc<Upstream>], started: Instant) -> Option<Flight> {
        for _ in 0..SWITCHES_MAX {
            let (upstream, counts) = turn.live.choose(turn.target, tried)?;
            if let Some(flight) = Flight::begin(upstream, counts, started) {
                return Some(flight);
            }
            *turn = self.turn()?;
        }
        None
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(SeqCst)
    }

    pub(super) fn connected(self: &Arc<Self>) -> Connected {
        self.connections.fetch_add(1, SeqCst);
        Connected(Arc::clone(self))
    }
}

/// The route a request began with, and the release it is for.
#[derive(Debug)]
pub(super) struct Turn {
    live: Arc<Live>,
    target: usize,
}

/// Counts a connection until it is dropped.
#[derive(Debug)]
pub(super) struct Connected(Arc<Service>);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, SeqCst);
    }
}
