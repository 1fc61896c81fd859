//! Numbers of a version's traffic: share of errors and percentiles out of buckets.

use shipway_control::host::{Counts, LATENCY_BOUNDS_MICROS};

/// The latency in microseconds below which the share `permille` of the answers was: the upper bound of its bucket.
/// `None` if there was no answer or it is above the last bound.
pub fn percentile(latency: &[u64], permille: u64) -> Option<u64> {
    let all = latency.iter().fold(0_u64, |sum, count| sum.saturating_add(*count));
    let rank = all.saturating_mul(permille).div_ceil(1_000).max(1);
    let mut below: u64 = 0;
    for (count, bound) in latency.iter().zip(LATENCY_BOUNDS_MICROS) {
        below = below.saturating_add(*count);
        if below >= rank {
            return Some(bound);
        }
    }
    None
}

/// A latency for people.
pub fn latency(micros: Option<u64>) -> String {
    match micros {
        None => "–".to_owned(),
        Some(micros @ 0..1_000) => format!("{micros} µs"),
        Some(micros @ 1_000..10_000) => format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100),
        Some(micros @ 10_000..1_000_000) => format!("{} ms", micros / 1_000),
        Some(micros) => format!("{}.{} s", micros / 1_000_000, micros % 1_000_000 / 100_000),
    }
}

/// Requests that came: those that got no whole answer too.
pub fn asked(counts: &Counts) -> u64 {
    // WHY: `requests` counts answers only; a service that answers nothing would seem to be asked nothing.
    counts.requests.saturating_add(counts.failures)
}

/// Bad answers and missing ones of all, in percent with two digits.
pub fn error_share(counts: &Counts) -> String {
    let bad = counts.server_errors.saturating_add(counts.failures);
    let all = asked(counts).max(1);
    let hundredths = bad.saturating_mul(10_000).div_ceil(all);
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_bounds_of_buckets() {
        assert_eq!(percentile(&[], 500), None);
        assert_eq!(percentile(&[98, 1, 1], 500), Some(50));
        assert_eq!(percentile(&[98, 1, 1], 990), Some(71));
        assert_eq!(percentile(&[98, 1, 1], 1_000), Some(100));
        let mut above = vec![0; 41];
        above[40] = 1;
        assert_eq!(percentile(&above, 500), None);
    }

    #[test]
    fn an_error_is_never_rounded_away() {
        let counts = Counts { requests: 1_000_000, failures: 1, ..Counts::default() };
        assert_eq!(error_share(&counts), "0.01 %");
        assert_eq!(error_share(&Counts::default()), "0.00 %");
    }
}
