//! What came back.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::Histogram;

/// Versions told apart at most; the rest is counted under `other`.
const VERSIONS_MAX: usize = 256;

/// The outcome of a load, or of a part of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Requests that ended, one way or the other.
    pub requests: u64,
    /// Whole answers with a status below 400.
    pub ok: u64,
    /// The others by reason: `refused`, `reset`, `cut short`, `timeout`, `status 503`, `not sent in time`, ...
    pub failed: BTreeMap<String, u64>,
    /// Answers by status, whole or not.
    pub statuses: BTreeMap<u16, u64>,
    /// Bytes of bodies.
    pub bytes: u64,
    /// Latency to the last byte of the whole answers.
    pub latency: Histogram,
    /// Answers by their header `x-shipway-version`.
    pub by_version: BTreeMap<String, VersionReport>,
    /// Since the start.
    pub elapsed: Duration,
}

/// What came back from one version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionReport {
    /// Answers.
    pub requests: u64,
    /// Of these, whole ones with a status below 400.
    pub ok: u64,
}

impl Report {
    /// Requests that failed, for whatever reason.
    pub fn failures(&self) -> u64 {
        self.failed.values().sum()
    }

    /// Requests per second.
    pub fn rate(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 { self.requests as f64 / seconds } else { 0.0 }
    }

    /// Counts requests that were due and never sent.
    pub(super) fn miss(&mut self, missed: u64) {
        if missed > 0 {
            self.requests += missed;
            *self.failed.entry("not sent in time".to_owned()).or_default() += missed;
        }
    }

    fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.ok += other.ok;
        self.bytes += other.bytes;
        self.latency.add(&other.latency);
        for (reason, count) in &other.failed {
            *self.failed.entry(reason.clone()).or_default() += count;
        }
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        for (version, more) in &other.by_version {
            let sum = self.by_version.entry(version.clone()).or_default();
            sum.requests += more.requests;
            sum.ok += more.ok;
        }
    }
}

/// How one request ended.
#[derive(Debug, Default)]
pub(super) struct Ended {
    pub(super) status: Option<u16>,
    pub(super) version: Option<String>,
    pub(super) bytes: u64,
    pub(super) latency: Duration,
    /// Why there is no whole answer.
    pub(super) broken: Option<&'static str>,
}

/// One connection's share of the report.
#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<Report>);

impl Tally {
    pub(super) fn count(&self, ended: Ended) {
        let mut report = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let report = &mut *report;
        report.requests += 1;
        report.bytes += ended.bytes;
        let reason = match (ended.broken, ended.status) {
            (Some(broken), _) => Some(broken.to_owned()),
            (None, Some(status)) if status >= 400 => Some(format!("status {status}")),
            (None, _) => None,
        };
        let is_ok = reason.is_none();
        report.ok += u64::from(is_ok);
        if ended.broken.is_none() {
            report.latency.record(ended.latency);
        }
        if let Some(reason) = reason {
            *report.failed.entry(reason).or_default() += 1;
        }
        if let Some(status) = ended.status {
            *report.statuses.entry(status).or_default() += 1;
        }
        if let Some(version) = ended.version {
            let is_known = report.by_version.contains_key(&version) || report.by_version.len() < VERSIONS_MAX;
            let name = if is_known { version } else { "other".to_owned() };
            let version = report.by_version.entry(name).or_default();
            version.requests += 1;
            version.ok += u64::from(is_ok);
        }
    }
}

/// The report of all connections together.
pub(super) fn sum(tallies: &[Arc<Tally>], elapsed: Duration) -> Report {
    let mut sum = Report { elapsed, ..Report::default() };
    for tally in tallies {
        sum.add(&tally.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
    sum
}
