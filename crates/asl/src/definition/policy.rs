//! Reads `Retry` and `Catch`.

use super::reader::Reader;
use super::{Catcher, Retrier};

/// Most attempts that a retrier may ask for.
const MAX_ATTEMPTS_MAX: u64 = 99_999_999;
/// Longest first delay, in seconds.
const INTERVAL_SECONDS_MAX: u64 = 99_999_999;
/// Steepest back-off; every delay has reached its own bound long before.
const BACKOFF_RATE_MAX: f64 = 1e9;
/// AWS's bound of `MaxDelaySeconds`.
const MAX_DELAY_SECONDS_MAX: u64 = 31_622_399;

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
    let interval_seconds = reader.integer("IntervalSeconds", 1, INTERVAL_SECONDS_MAX).unwrap_or(1);
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
    match reader.string("JitterStrategy").as_deref() {
        None | Some("NONE") => false,
        Some("FULL") => true,
        Some(_) => {
            reader.wrong("JitterStrategy", "The value must be FULL or NONE");
            false
        }
    }
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
    if items.is_empty() {
        reader.wrong("ErrorEquals", "At least one error name is required");
    }
    let names: Vec<String> = items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect();
    if names.len() != items.len() {
        reader.wrong("ErrorEquals", "Expected value of type Array of Strings");
    }
    if names.iter().any(|name| name == "States.ALL") && (names.len() > 1 || !last) {
        reader.wrong("ErrorEquals", "States.ALL must appear alone, and in the last element");
    }
    names
}
