//! Calls of the Step Functions API: how many, how they ended, how long they took.

use std::time::Duration;

use super::series::{Counter, Histogram, Metric};

/// Bounds of a call's duration; a poll for an activity takes up to a minute.
const DURATIONS: &[u64] = &[1, 5, 10, 25, 50, 100, 250, 500, 1_000, 5_000, 15_000, 60_000, 90_000];

/// Counts of calls.
#[derive(Debug)]
pub struct Requests {
    calls: Counter,
    duration: Histogram,
}

impl Default for Requests {
    fn default() -> Self {
        Self {
            calls: Counter::new(Metric {
                name: "shipway_api_requests_total",
                help: "Calls of the Step Functions API, by action and by the error's name.",
                labels: &["action", "code"],
            }),
            duration: Histogram::new(
                Metric {
                    name: "shipway_api_request_duration_seconds",
                    help: "From a call's head to its answer, by action.",
                    labels: &["action"],
                },
                DURATIONS,
            ),
        }
    }
}

impl Requests {
    /// A call was answered; `code` is the error's name, or `OK`.
    // INVARIANT: actions and codes are from lists of this program, so the number of series has a limit.
    pub fn answered(&self, action: &'static str, code: &'static str, took: Duration) {
        self.calls.add(&[action, code]);
        self.duration.observe(&[action], took.as_secs_f64());
    }

    /// Its lines.
    pub fn render(&self, text: &mut String) {
        self.calls.render(text);
        self.duration.render(text);
    }
}
