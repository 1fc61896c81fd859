//! The only place that reads time and entropy.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use shipway_asl::Timestamp;
use tokio::time::Instant;

/// Time and entropy, so that tests can own both.
#[async_trait]
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;
    /// A random number.
    fn entropy(&self) -> u64;
    /// Returns at `due` or later.
    async fn sleep_until(&self, due: Timestamp);
}

/// The machine's clock and random numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// A longer sleep is taken in parts, so that a clock that is set anew is noticed.
const SLEEP_MAX: Duration = Duration::from_secs(60);

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    fn entropy(&self) -> u64 {
        // WHY: without entropy from the system, ids made from time alone are still unique in this process.
        getrandom::u64().unwrap_or_else(|_| mix(u64::try_from(self.now().0).unwrap_or(0)))
    }

    async fn sleep_until(&self, due: Timestamp) {
        loop {
            let now = self.now();
            if now >= due {
                return;
            }
            tokio::time::sleep(Duration::from_millis(due.millis_since(now)).min(SLEEP_MAX)).await;
        }
    }
}

/// Virtual time for tests and dry runs: stands still while anybody works and jumps to the next deadline when
/// everybody waits, so that a wait of a year takes no time.
///
/// It reads tokio's time, so it is virtual in a runtime built with `start_paused(true)` (current thread). Entropy is
/// a sequence that the seed determines.
#[derive(Debug)]
pub struct VirtualClock {
    base: Timestamp,
    origin: Instant,
    state: std::sync::atomic::AtomicU64,
}

impl VirtualClock {
    /// A clock that shows `now` at this moment. Must be called inside the paused runtime.
    pub fn new(now: Timestamp, seed: u64) -> Self {
        Self { base: now, origin: Instant::now(), state: seed.into() }
    }
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        let passed = Instant::now().saturating_duration_since(self.origin);
        self.base.plus_millis(u64::try_from(passed.as_millis()).unwrap_or(u64::MAX))
    }

    fn entropy(&self) -> u64 {
        mix(self.state.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
    }

    async fn sleep_until(&self, due: Timestamp) {
        let wait = due.millis_since(self.now());
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }
}

/// Spreads a counter over all 64 bits (the finaliser of SplitMix64).
fn mix(counter: u64) -> u64 {
    let mut z = counter.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_year_passes_at_once_when_everybody_waits() {
        let clock = VirtualClock::new(Timestamp(0), 1);
        let year = Timestamp(365 * 86_400_000);
        clock.sleep_until(year).await;
        assert!(clock.now() >= year);
    }

    #[tokio::test(start_paused = true)]
    async fn entropy_follows_the_seed() {
        let draw = |seed| {
            let clock = VirtualClock::new(Timestamp(0), seed);
            [clock.entropy(), clock.entropy()]
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(5));
    }
}
