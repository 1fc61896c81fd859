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

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use shipway_control::{
        host::{Route, Target},
        release::HealthCheck,
    };

    use super::*;
    use crate::edge::Limits;

    const SWITCHES: u16 = 2_000;

    fn route(id: &ServiceId, release: u16) -> Route {
        let target = Target {
            release_id: release.to_string(),
            version: release.to_string(),
            weight: 1,
            ports: vec![release + 1],
            health: HealthCheck::default(),
        };
        Route { service: id.clone(), listen: "127.0.0.1".into(), port: 1, targets: vec![target] }
    }

    fn switch(service: &Service, release: u16) {
        let before = service.live.load_full();
        let next = Live::after(before.as_deref(), &route(&service.id, release), &service.book, &service.cx);
        service.replace(Some(next));
    }

    // requester:  count -> is it current? -> use it         (many, at any moment)
    // switcher:   in force -> retire -> in flight is 0? -> gone
    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn no_request_goes_to_a_process_that_was_drained() {
        let id = ServiceId { project: "p".into(), environment: "e".into(), service: "web".into() };
        let service = Arc::new(Service::new(id, Context::new(Limits::default())));
        let gone: Arc<Vec<AtomicBool>> = Arc::new((0..=SWITCHES).map(|_| AtomicBool::new(false)).collect());
        let is_over = Arc::new(AtomicBool::new(false));
        switch(&service, 0);
        let requester = || {
            let (service, gone, is_over) = (Arc::clone(&service), Arc::clone(&gone), Arc::clone(&is_over));
            std::thread::spawn(move || {
                let mut requests = 0_u64;
                while !is_over.load(SeqCst) {
                    let mut turn = service.turn().unwrap();
                    let flight = service.begin(&mut turn, &[], Instant::now()).unwrap();
                    let release = usize::from(flight.upstream.port - 1);
                    assert!(!gone[release].load(SeqCst), "a request goes to {release}");
                    requests += 1;
                }
                requests
            })
        };
        let requesters = [requester(), requester(), requester()];
        for release in 0..SWITCHES {
            switch(&service, release + 1);
            while service.book.in_flight(&release.to_string()) > 0 {
                std::thread::yield_now();
            }
            gone[usize::from(release)].store(true, SeqCst);
        }
        is_over.store(true, SeqCst);
        for requester in requesters {
            assert!(requester.join().unwrap() > 0);
        }
        assert_eq!(service.book.in_flight_of_all(), 0);
    }
}
