//! Numbers by labels, as Prometheus reads them. In memory since the start; the number of series has a limit.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What stands for names beyond those that have a series of their own.
pub const OTHER: &str = "other";

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Names that are labels: the first so many; all others are one.
#[derive(Debug)]
pub struct Names {
    known: Mutex<BTreeSet<String>>,
    most: usize,
}

impl Names {
    /// At most so many.
    pub fn new(most: usize) -> Self {
        Self { known: Mutex::default(), most }
    }

    /// The label for a name.
    pub fn label(&self, name: &str) -> String {
        let mut known = lock(&self.known);
        if known.contains(name) {
            return name.to_owned();
        }
        if known.len() >= self.most {
            return OTHER.to_owned();
        }
        known.insert(name.to_owned());
        name.to_owned()
    }
}

/// What a metric is, for its head.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name, with its unit.
    pub name: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// Names of its labels.
    pub labels: &'static [&'static str],
}

/// A metric that only grows.
#[derive(Debug)]
pub struct Counter {
    metric: Metric,
    series: Mutex<BTreeMap<Vec<String>, u64>>,
}

/// A metric that counts how long things took.
#[derive(Debug)]
pub struct Histogram {
    metric: Metric,
    bounds_millis: &'static [u64],
    series: Mutex<BTreeMap<Vec<String>, Durations>>,
}

#[derive(Clone, Debug, Default)]
struct Durations {
    buckets: Vec<u64>,
    count: u64,
    seconds: f64,
}

impl Counter {
    /// No series yet.
    pub fn new(metric: Metric) -> Self {
        Self { metric, series: Mutex::default() }
    }

    /// One more.
    pub fn add(&self, labels: &[&str]) {
        debug_assert_eq!(labels.len(), self.metric.labels.len());
        let mut series = lock(&self.series);
        let key: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
        let count = series.entry(key).or_default();
        *count = count.saturating_add(1);
    }

    /// Its lines.
    pub fn render(&self, text: &mut String) {
        head(text, self.metric, "counter");
        for (labels, count) in lock(&self.series).iter() {
            let _ =
                writeln!(text, "{}{} {count}", self.metric.name, braces(self.metric.labels, labels, None));
        }
    }
}

impl Histogram {
    /// No series yet; bounds in milliseconds, ascending.
    pub fn new(metric: Metric, bounds_millis: &'static [u64]) -> Self {
        Self { metric, bounds_millis, series: Mutex::default() }
    }

    /// One that took so long.
    pub fn observe(&self, labels: &[&str], seconds: f64) {
        debug_assert_eq!(labels.len(), self.metric.labels.len());
        let mut series = lock(&self.series);
        let durations = series.entry(labels.iter().map(|label| (*label).to_owned()).collect()).or_default();
        durations.buckets.resize(self.bounds_millis.len(), 0);
        durations.count = durations.count.saturating_add(1);
        durations.seconds += seconds;
        for (bucket, bound) in durations.buckets.iter_mut().zip(self.bounds_millis) {
            *bucket = bucket.saturating_add(u64::from(seconds <= of_millis(*bound)));
        }
    }

    /// Its lines.
    pub fn render(&self, text: &mut String) {
        head(text, self.metric, "histogram");
        let (name, names) = (self.metric.name, self.metric.labels);
        for (labels, durations) in lock(&self.series).iter() {
            for (bucket, bound) in durations.buckets.iter().zip(self.bounds_millis) {
                let bound = of_millis(*bound).to_string();
                let _ = writeln!(text, "{name}_bucket{} {bucket}", braces(names, labels, Some(&bound)));
            }
            let all = braces(names, labels, None);
            let _ =
                writeln!(text, "{name}_bucket{} {}", braces(names, labels, Some("+Inf")), durations.count);
            let _ = writeln!(
                text,
                "{name}_sum{all} {}\n{name}_count{all} {}",
                durations.seconds, durations.count
            );
        }
    }
}

/// The lines of a metric that goes up and down, with the values as they are now.
pub fn gauge(text: &mut String, metric: Metric, values: impl IntoIterator<Item = (Vec<String>, f64)>) {
    head(text, metric, "gauge");
    for (labels, value) in values {
        let _ = writeln!(text, "{}{} {value}", metric.name, braces(metric.labels, &labels, None));
    }
}

fn head(text: &mut String, metric: Metric, kind: &str) {
    let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} {kind}", metric.help, name = metric.name);
}

/// Seconds of milliseconds.
#[expect(clippy::cast_precision_loss, reason = "a metric; exact up to 2^53")]
pub fn of_millis(millis: u64) -> f64 {
    millis as f64 / 1_000.0
}

fn braces(names: &[&str], labels: &[String], le: Option<&str>) -> String {
    let mut pairs: Vec<String> =
        names.iter().zip(labels).map(|(name, label)| format!("{name}=\"{}\"", escape(label))).collect();
    pairs.extend(le.map(|le| format!("le=\"{le}\"")));
    if pairs.is_empty() { String::new() } else { format!("{{{}}}", pairs.join(",")) }
}

/// A label as it is written.
pub fn escape(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_the_limit_are_one() {
        let names = Names::new(2);
        assert_eq!(["a", "b", "c", "a"].map(|name| names.label(name)), ["a", "b", OTHER, "a"]);
    }

    #[test]
    fn a_histogram_counts_what_is_within_each_bound() {
        let metric = Metric { name: "took_seconds", help: "How long.", labels: &["of"] };
        let histogram = Histogram::new(metric, &[100, 1_000]);
        [0.05, 0.1, 0.5, 7.0].iter().for_each(|seconds| histogram.observe(&["a\"b"], *seconds));
        let mut text = String::new();
        histogram.render(&mut text);
        expect_test::expect![[r#"
            # HELP took_seconds How long.
            # TYPE took_seconds histogram
            took_seconds_bucket{of="a\"b",le="0.1"} 2
            took_seconds_bucket{of="a\"b",le="1"} 3
            took_seconds_bucket{of="a\"b",le="+Inf"} 4
            took_seconds_sum{of="a\"b"} 7.65
            took_seconds_count{of="a\"b"} 4
        "#]]
        .assert_eq(&text);
    }
}
