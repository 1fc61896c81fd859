//! The lines that CloudWatch would show around a call. Pure.

use std::time::Duration;

use super::VERSION;

/// How a call went that did not end by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// It ran out of time.
    TimedOut,
    /// Its process ended, or could not start.
    Error(&'static str),
}

/// What is reported of a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Report {
    /// How long it ran.
    pub(super) duration: Duration,
    /// How long its process took to start, if it was the first of it.
    pub(super) init: Option<Duration>,
    /// What the function was told of its memory.
    pub(super) memory_mb: u32,
    /// The most that the process has had, as far as it could still be seen.
    pub(super) memory_used_mb: Option<u64>,
    /// How it went.
    pub(super) status: Option<Status>,
}

/// A call begins.
pub(super) fn start(request_id: &str) -> String {
    format!("START RequestId: {request_id} Version: {VERSION}")
}

/// A call has ended.
pub(super) fn end(request_id: &str) -> String {
    format!("END RequestId: {request_id}")
}

/// What it took.
pub(super) fn report(request_id: &str, report: &Report) -> String {
    let billed = ((report.duration + report.init.unwrap_or_default()).as_secs_f64() * 1_000.0).ceil();
    let mut fields = vec![
        format!("REPORT RequestId: {request_id}"),
        format!("Duration: {} ms", millis(report.duration)),
        format!("Billed Duration: {billed:.0} ms"),
        format!("Memory Size: {} MB", report.memory_mb),
    ];
    fields.extend(report.memory_used_mb.map(|used| format!("Max Memory Used: {used} MB")));
    fields.extend(report.init.map(|init| format!("Init Duration: {} ms", millis(init))));
    match report.status {
        Some(Status::TimedOut) => fields.push("Status: timeout".to_owned()),
        Some(Status::Error(kind)) => {
            fields.extend(["Status: error".to_owned(), format!("Error Type: {kind}")]);
        }
        None => {}
    }
    fields.join("\t")
}

fn millis(duration: Duration) -> String {
    format!("{:.2}", duration.as_secs_f64() * 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_reported_as_cloudwatch_shows_it() {
        let mut told = Report {
            duration: Duration::from_micros(12_345),
            init: Some(Duration::from_micros(100_500)),
            memory_mb: 128,
            memory_used_mb: Some(40),
            status: None,
        };
        assert_eq!(
            report("id", &told),
            "REPORT RequestId: id\tDuration: 12.35 ms\tBilled Duration: 113 ms\tMemory Size: 128 MB\t\
             Max Memory Used: 40 MB\tInit Duration: 100.50 ms"
        );
        (told.init, told.memory_used_mb, told.status) = (None, None, Some(Status::TimedOut));
        assert_eq!(
            report("id", &told),
            "REPORT RequestId: id\tDuration: 12.35 ms\tBilled Duration: 13 ms\tMemory Size: 128 MB\tStatus: timeout"
        );
    }
}
