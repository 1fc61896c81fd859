//! Latencies in buckets that are 1.6 % wide: small, mergeable, exact enough for a p99. Pure.

use std::{fmt, time::Duration};

/// Buckets per doubling, as a power of two.
const FINE_BITS: u32 = 6;
const FINE: u64 = 1 << FINE_BITS;

/// Enough for latencies up to 2^32 microseconds, more than an hour.
const BUCKETS: usize = (33 - FINE_BITS as usize) * FINE as usize;

/// Counts of latencies.
#[derive(Clone, PartialEq, Eq)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max_micros: u64,
}

/// What a person asks of it; the buckets would fill a page.
impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (p50, p99) = (self.quantile(0.5), self.quantile(0.99));
        write!(f, "Histogram({} latencies, p50 {p50:?}, p99 {p99:?}, max {:?})", self.total, self.max())
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], total: 0, max_micros: 0 }
    }
}

impl Histogram {
    /// Counts one latency.
    pub fn record(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        let index = index(micros).min(BUCKETS - 1);
        if let Some(count) = self.counts.get_mut(index) {
            *count += 1;
        }
        self.total += 1;
        self.max_micros = self.max_micros.max(micros);
    }

    /// Adds another one's counts.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.total += other.total;
        self.max_micros = self.max_micros.max(other.max_micros);
    }

    /// How many were counted.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The longest, exactly.
    pub fn max(&self) -> Duration {
        Duration::from_micros(self.max_micros)
    }

    /// The latency that `share` (0 to 1) of all stay at or below; 0 if there are none.
    pub fn quantile(&self, share: f64) -> Duration {
        let wanted = (self.total as f64 * share.clamp(0.0, 1.0)).ceil().max(1.0);
        let mut seen = 0_u64;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if *count > 0 && seen as f64 >= wanted {
                return Duration::from_micros(upper(index).min(self.max_micros));
            }
        }
        self.max()
    }
}

/// Values below two times `FINE` have a bucket each; above, each doubling has `FINE` buckets.
fn index(micros: u64) -> usize {
    let doublings = (u64::BITS - micros.leading_zeros()).saturating_sub(FINE_BITS + 1);
    usize::try_from(u64::from(doublings) * FINE + (micros >> doublings)).unwrap_or(usize::MAX)
}

/// The largest value of a bucket.
fn upper(index: usize) -> u64 {
    let index = index as u64;
    let doublings = (index / FINE).saturating_sub(1);
    ((index - doublings * FINE + 1) << doublings) - 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quantiles_of_a_hundred() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.99), Duration::ZERO);
        (1..=100).for_each(|micros| histogram.record(Duration::from_micros(micros)));
        let quantile = |share| histogram.quantile(share).as_micros();
        assert_eq!((quantile(0.0), quantile(0.5), quantile(0.99), quantile(1.0)), (1, 50, 99, 100));
        histogram.record(Duration::MAX);
        assert_eq!((histogram.total(), histogram.max()), (101, Duration::from_micros(u64::MAX)));
    }

    proptest! {
        #[test]
        fn a_bucket_is_at_most_a_sixty_fourth_wide(micros in 0_u64..(1 << 32)) {
            let index = index(micros);
            prop_assert!(index < BUCKETS);
            prop_assert!(upper(index) >= micros && upper(index) - micros <= micros / 64);
            prop_assert!(index == 0 || upper(index - 1) < micros);
        }
    }
}
