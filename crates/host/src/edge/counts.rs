//! Counts of traffic per release, kept beyond the release's time in the route. Does not decide what counts as what.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use shipway_control::host::{Counts, LATENCY_BOUNDS_MICROS, Traffic};

/// Releases per service whose counts are kept.
const RELEASES_MAX: usize = 32;

/// The last bucket holds what is above the last bound.
const BUCKETS: usize = LATENCY_BOUNDS_MICROS.len() + 1;

/// Counts of one release of one service.
#[derive(Debug)]
pub(super) struct ReleaseCounts {
    pub(super) release_id: String,
    pub(super) version: String,
    requests: AtomicU64,
    server_errors: AtomicU64,
    failures: AtomicU64,
    in_flight: AtomicU64,
    latency: [AtomicU64; BUCKETS],
}

impl ReleaseCounts {
    fn new(release_id: &str, version: &str) -> Self {
        Self {
            release_id: release_id.to_owned(),
            version: version.to_owned(),
            requests: AtomicU64::new(0),
            server_errors: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            latency: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    pub(super) fn enter(&self) {
        self.in_flight.fetch_add(1, SeqCst);
    }

    pub(super) fn leave(&self) {
        self.in_flight.fetch_sub(1, SeqCst);
    }

    pub(super) fn in_flight(&self) -> u64 {
        self.in_flight.load(SeqCst)
    }

    pub(super) fn answered(&self, is_server_error: bool, latency: Duration) {
        self.requests.fetch_add(1, SeqCst);
        if is_server_error {
            self.server_errors.fetch_add(1, SeqCst);
        }
        if let Some(bucket) = self.latency.get(bucket(latency)) {
            bucket.fetch_add(1, SeqCst);
        }
    }

    pub(super) fn failed(&self) {
        self.failures.fetch_add(1, SeqCst);
    }

    fn read(&self) -> Counts {
        Counts {
            version: self.version.clone(),
            requests: self.requests.load(SeqCst),
            server_errors: self.server_errors.load(SeqCst),
            failures: self.failures.load(SeqCst),
            in_flight: self.in_flight(),
            latency: self.latency.iter().map(|count| count.load(SeqCst)).collect(),
        }
    }
}

/// The bucket of a latency: the number of bounds it is not below.
fn bucket(latency: Duration) -> usize {
    let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
    LATENCY_BOUNDS_MICROS.partition_point(|bound| *bound <= micros)
}

/// The counts of one service, the release routed last at the end.
#[derive(Debug, Default)]
pub(super) struct Book {
    releases: Mutex<VecDeque<Arc<ReleaseCounts>>>,
}

impl Book {
    /// The counts of a release that is being routed, new if it was not known.
    pub(super) fn open(&self, release_id: &str, version: &str) -> Arc<ReleaseCounts> {
        let mut releases = self.releases.lock().unwrap_or_else(PoisonError::into_inner);
        let known = releases.iter().position(|counts| counts.release_id == release_id);
        let counts = known
            .and_then(|index| releases.remove(index))
            .unwrap_or_else(|| Arc::new(ReleaseCounts::new(release_id, version)));
        releases.push_back(Arc::clone(&counts));
        while releases.len() > RELEASES_MAX {
            // INVARIANT: what is in flight stays countable, whatever its age.
            let Some(index) = releases.iter().position(|counts| counts.in_flight() == 0) else { break };
            releases.remove(index);
        }
        counts
    }

    pub(super) fn in_flight(&self, release_id: &str) -> u64 {
        let releases = self.releases.lock().unwrap_or_else(PoisonError::into_inner);
        releases
            .iter()
            .filter(|counts| counts.release_id == release_id)
            .map(|counts| counts.in_flight())
            .sum()
    }

    pub(super) fn in_flight_of_all(&self) -> u64 {
        let releases = self.releases.lock().unwrap_or_else(PoisonError::into_inner);
        releases.iter().map(|counts| counts.in_flight()).sum()
    }

    pub(super) fn read(&self, epoch: u64) -> Traffic {
        let releases = self.releases.lock().unwrap_or_else(PoisonError::into_inner);
        let releases = releases.iter().map(|counts| (counts.release_id.clone(), counts.read())).collect();
        Traffic { epoch, releases }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_what_is_below_its_bound() {
        for (micros, expected) in
            [(0, 0), (49, 0), (50, 1), (37_072_759, 39), (37_072_760, 40), (u64::MAX, 40)]
        {
            assert_eq!(bucket(Duration::from_micros(micros)), expected, "{micros}");
        }
    }

    #[test]
    fn the_last_releases_are_kept_and_those_in_flight() {
        let book = Book::default();
        let busy = book.open("busy", "0");
        busy.enter();
        for n in 0..50 {
            book.open(&format!("r{n}"), "1").answered(n == 49, Duration::from_millis(1));
        }
        let traffic = book.read(7);
        assert_eq!(traffic.releases.len(), RELEASES_MAX);
        assert_eq!(book.in_flight("busy"), 1);
        assert_eq!(traffic.releases["r49"].server_errors, 1);
        assert!(!traffic.releases.contains_key("r0"));
    }

    #[test]
    fn a_release_that_comes_back_goes_on_counting() {
        let book = Book::default();
        book.open("a", "1").failed();
        book.open("b", "2");
        book.open("a", "1").failed();
        assert_eq!(book.read(1).releases["a"].failures, 2);
    }
}
