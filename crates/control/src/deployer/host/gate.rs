//! What a new version's traffic is held to. Pure: looks at counts, counts nothing.

use serde::{Deserialize, Serialize};

use crate::{
    Millis,
    host::{Counts, LATENCY_BOUNDS_MICROS, Traffic},
    release::Gate,
};

/// What one release answered since it got traffic. Counts survive a restart of the edge, which begins at 0 again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The edge's epoch of `base` and `last`.
    epoch: u64,
    /// Counts when the window began, or zeros after a restart of the edge.
    base: Sums,
    /// Counts that were seen last.
    last: Sums,
    /// What was counted in earlier epochs.
    carried: Sums,
}

/// Counts that a gate looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// Requests, answered or not.
    pub requests: u64,
    /// 5xx answers.
    pub server_errors: u64,
    /// Requests without a whole answer.
    pub failures: u64,
    /// Latency counts per bucket.
    pub latency: Vec<u64>,
}

/// What a gate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Good, with the counts as evidence.
    Pass(String),
    /// Too few requests to tell, with the counts as evidence.
    Insufficient(String),
    /// Not good enough: what was measured and what is allowed.
    Fail(String),
}

impl Window {
    /// A window that begins now.
    pub fn begin(traffic: &Traffic, release_id: &str) -> Self {
        let now = Sums::of(traffic, release_id);
        Self { epoch: traffic.epoch, base: now.clone(), last: now, carried: Sums::default() }
    }

    /// Takes new counts in.
    pub fn observe(&mut self, traffic: &Traffic, release_id: &str) {
        if traffic.epoch != self.epoch {
            self.carried = self.carried.plus(&self.last.minus(&self.base));
            self.base = Sums::default();
            self.epoch = traffic.epoch;
        }
        self.last = Sums::of(traffic, release_id);
    }

    /// What was counted since the window began.
    pub fn sums(&self) -> Sums {
        self.carried.plus(&self.last.minus(&self.base))
    }
}

impl Sums {
    fn of(traffic: &Traffic, release_id: &str) -> Self {
        traffic.releases.get(release_id).map_or_else(Self::default, Self::of_counts)
    }

    fn of_counts(counts: &Counts) -> Self {
        Self {
            requests: counts.requests,
            server_errors: counts.server_errors,
            failures: counts.failures,
            latency: counts.latency.clone(),
        }
    }

    fn plus(&self, other: &Self) -> Self {
        self.with(other, u64::saturating_add)
    }

    fn minus(&self, other: &Self) -> Self {
        self.with(other, u64::saturating_sub)
    }

    fn with(&self, other: &Self, op: fn(u64, u64) -> u64) -> Self {
        let buckets = self.latency.len().max(other.latency.len());
        let bucket = |sums: &Self, index: usize| sums.latency.get(index).copied().unwrap_or(0);
        Self {
            requests: op(self.requests, other.requests),
            server_errors: op(self.server_errors, other.server_errors),
            failures: op(self.failures, other.failures),
            latency: (0..buckets).map(|index| op(bucket(self, index), bucket(other, index))).collect(),
        }
    }

    fn bad(&self) -> u64 {
        self.server_errors.saturating_add(self.failures)
    }

    /// All requests: the edge counts answered ones and those without a whole answer apart.
    fn total(&self) -> u64 {
        self.requests.saturating_add(self.failures)
    }
}

/// Judges what was counted.
pub fn judge(gate: &Gate, sums: &Sums) -> Verdict {
    let (total, bad) = (sums.total(), sums.bad());
    let counted = format!("{bad} of {total} requests failed");
    if total == 0 || total < gate.requests_min {
        return Verdict::Insufficient(format!("{counted}; {} are needed to judge", gate.requests_min.max(1)));
    }
    let ratio = to_f64(bad) / to_f64(total);
    if ratio > gate.error_ratio_max {
        let allowed = gate.error_ratio_max * 100.0;
        return Verdict::Fail(format!(
            "{counted} ({:.2} %; {} with a 5xx answer, {} without a whole answer), {allowed} % allowed",
            ratio * 100.0,
            sums.server_errors,
            sums.failures,
        ));
    }
    match (gate.p99_max, p99(&sums.latency)) {
        (Some(max), Some(at_least)) if at_least >= max.0.saturating_mul(1_000) => {
            let p99 = Millis(at_least / 1_000);
            Verdict::Fail(format!("99th percentile of latency is at least {p99}, {max} allowed"))
        }
        _ => Verdict::Pass(counted),
    }
}

/// Lower bound in microseconds of the bucket that holds the 99th percentile: it certainly is as slow as that.
fn p99(latency: &[u64]) -> Option<u64> {
    let total: u64 = latency.iter().fold(0, |sum, count| sum.saturating_add(*count));
    let rank = total.checked_mul(99)?.div_ceil(100).max(1);
    let mut seen = 0_u64;
    for (index, count) in latency.iter().enumerate() {
        seen = seen.saturating_add(*count);
        if total > 0 && seen >= rank {
            let below = index.checked_sub(1).and_then(|below| LATENCY_BOUNDS_MICROS.get(below));
            return Some(below.copied().unwrap_or(0));
        }
    }
    None
}

#[expect(clippy::cast_precision_loss, reason = "a ratio of counts far below 2^52")]
fn to_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
