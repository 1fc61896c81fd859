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
        }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    pub(super) fn end(&self) -> Option<Instant> {
        self.duration.and_then(|duration| self.start.checked_add(duration))
    }

    /// The next request; none if there are no more.
    pub(super) fn take(&self) -> Option<Due> {
        let number = self.next.fetch_add(1, Relaxed);
        if self.requests.is_some_and(|requests| number >= requests) {
            return None;
        }
        let after = self.rate.map(|rate| number as f64 / rate);
        let at = match after.map(Duration::try_from_secs_f64) {
            None => None,
            Some(after) => Some(self.start.checked_add(after.ok()?)?),
        };
        Some(Due { number, at, is_slow: is_slow(number, self.slow_share) })
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
