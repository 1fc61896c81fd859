//! Reads `Retry` and `Catch`.

use super::reader::Reader;
use super::{Catcher, Retrier};
use crate::diagnostic::SCHEMA_VALIDATION_FAILED;

/// Most attempts that a retrier may ask for.
const MAX_ATTEMPTS_MAX: u64 = 99_999_999;
/// Longest first delay, in seconds.
const INTERVAL_SECONDS_MAX: u64 = 99_999_999;
/// Steepest back-off; every delay has reached its own bound long before.
const BACKOFF_RATE_MAX: f64 = 1e9;
/// AWS's bound of `MaxDelaySeconds`.
const MAX_DELAY_SECONDS_MAX: u64 = 31_622_400;

const RETRIER: &[&str] = &[
    "ErrorEquals",
    "IntervalSeconds",
    "MaxAttempts",
    "BackoffRate",
    "MaxDelaySeconds",
    "JitterStrategy",
    "Comment",
];
const CATCHER: &[&str] = &["ErrorEquals", "Next", "ResultPath", "Assign", "Output", "Comment"];

pub(super) fn retry(state: &Reader<'_>) -> Vec<Retrier> {
    let readers = state.objects("Retry");
    let count = readers.len();
    readers.iter().enumerate().map(|(index, reader)| retrier(reader, index + 1 == count)).collect()
}

fn retrier(reader: &Reader<'_>, last: bool) -> Retrier {
    reader.only(&[RETRIER]);
    let max_delay_seconds = reader.integer("MaxDelaySeconds", 1, MAX_DELAY_SECONDS_MAX);
    let interval_seconds = reader.integer("IntervalSeconds", 0, INTERVAL_SECONDS_MAX).unwrap_or(1);
    if max_delay_seconds.is_some_and(|most| most <= interval_seconds) {
        reader.wrong("MaxDelaySeconds", "MaxDelaySeconds must be greater than IntervalSeconds");
    }
    let attempts = reader.integer("MaxAttempts", 0, MAX_ATTEMPTS_MAX).unwrap_or(3);
    Retrier {
        error_equals: error_equals(reader, last),
        interval_seconds,
        backoff_rate: reader.number("BackoffRate", 1.0, BACKOFF_RATE_MAX).unwrap_or(2.0),
        max_attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        max_delay_seconds,
        full_jitter: full_jitter(reader),
    }
}

fn full_jitter(reader: &Reader<'_>) -> bool {
    reader.one_of("JitterStrategy", &["NONE", "FULL"]) == Some("FULL")
}

pub(super) fn catch(state: &Reader<'_>) -> Vec<Catcher> {
    let readers = state.objects("Catch");
    let count = readers.len();
    readers
        .iter()
        .enumerate()
        .filter_map(|(index, reader)| {
            reader.only(&[CATCHER]);
            reader.required(&["Next"]);
            let error_equals = error_equals(reader, index + 1 == count);
            let (result_path, assign) = (reader.result_path("ResultPath"), reader.assign());
            let output = reader.template("Output");
            Some(Catcher { error_equals, result_path, next: reader.string("Next")?, assign, output })
        })
        .collect()
}

fn error_equals(reader: &Reader<'_>, last: bool) -> Vec<String> {
    reader.required(&["ErrorEquals"]);
    let Some(items) = reader.array("ErrorEquals") else { return Vec::new() };
    reader.not_empty("ErrorEquals");
    let mut names = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let at = || format!("{}/{index}", reader.at("ErrorEquals"));
        let Some(name) = item.as_str() else {
            reader.findings.at(SCHEMA_VALIDATION_FAILED, at(), "Expected value of type String");
            continue;
        };
        if name == "States.ALL" && (items.len() > 1 || !last) {
            reader.findings.at(
                SCHEMA_VALIDATION_FAILED,
                at(),
                "States.ALL must appear alone and at end of list",
            );
        }
        names.push(name.to_owned());
    }
    names
}
