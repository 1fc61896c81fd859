//! Which request is next and when it is due. Shared by all connections.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use tokio::time::Instant;

use super::Plan;

#[derive(Debug)]
pub(super) struct Pace {
    start: Instant,
    rate: Option<f64>,
    duration: Option<Duration>,
    requests: Option<u64>,
    slow_share: f64,
    next: AtomicU64,
    taken: AtomicU64,
}

/// One request to send.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    pub(super) number: u64,
    /// From when its latency counts; none in a closed loop.
    pub(super) at: Option<Instant>,
    pub(super) is_slow: bool,
}

impl Pace {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            start: Instant::now(),
            rate: plan.rate,
            duration: plan.duration,
            requests: plan.requests,
            slow_share: plan.slow_share,
            next: AtomicU64::new(0),
            taken: AtomicU64::new(0),
        }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// The next request; none if there are no more, or time is up.
    pub(super) fn take(&self) -> Option<Due> {
        let end = self.duration.and_then(|duration| self.start.checked_add(duration));
        if end.is_some_and(|end| Instant::now() >= end) {
            return None;
        }
        let number = self.next.fetch_add(1, Relaxed);
        if self.requests.is_some_and(|requests| number >= requests) {
            return None;
        }
        let after = self.rate.map(|rate| number as f64 / rate);
        let at = match after.map(Duration::try_from_secs_f64) {
            None => None,
            Some(after) => Some(self.start.checked_add(after.ok()?)?),
        };
        if at.zip(end).is_some_and(|(at, end)| at >= end) {
            return None;
        }
        self.taken.fetch_add(1, Relaxed);
        Some(Due { number, at, is_slow: is_slow(number, self.slow_share) })
    }

    /// Requests of an open loop that were due and that no connection was free for before time was up.
    pub(super) fn missed(&self) -> u64 {
        let Some((rate, duration)) = self.rate.zip(self.duration) else { return 0 };
        // A float that is too large becomes the largest number.
        let due = (rate * duration.as_secs_f64()).ceil() as u64;
        due.min(self.requests.unwrap_or(u64::MAX)).saturating_sub(self.taken.load(Relaxed))
    }
}

/// Whether the request's number crosses a whole in steps of the share: exact and evenly spread.
fn is_slow(number: u64, share: f64) -> bool {
    (number as f64 * share).floor() < ((number + 1) as f64 * share).floor()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slow_share_is_exact() {
        assert_eq!((0..1_000).filter(|&number| is_slow(number, 0.25)).count(), 250);
        assert_eq!((0..100).filter(|&number| is_slow(number, 0.0)).count(), 0);
        assert_eq!((0..100).filter(|&number| is_slow(number, 1.0)).count(), 100);
    }

    #[test]
    fn an_open_loop_has_its_own_moments() {
        let pace = Pace::new(&Plan { rate: Some(10.0), requests: Some(3), ..Plan::new("http://a") });
        let due: Vec<Duration> =
            std::iter::from_fn(|| pace.take()).map(|due| due.at.unwrap() - pace.start).collect();
        assert_eq!(due, [0, 100, 200].map(Duration::from_millis));
    }
}
