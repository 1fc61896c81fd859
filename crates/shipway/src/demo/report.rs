//! What the demo has shown: requests by version, times by state, promises kept or not. Pure.

use serde_json::{Value, json};
use shipway_control::app::{Outcome, Step};
use shipway_host::load::Report;

use super::{Act, load::RATE, repo::CANARY_PERCENT};
use crate::{
    output::{BOLD, GREEN, GREY, Paint, RED},
    words::{row, span, table, thousands},
};

/// Shipway's own time in a deployment should stay below this.
const OWN_MILLIS_GOAL: u64 = 300;
/// A canary may get a little more than its share: whole requests, few of them.
const CANARY_SLACK: u64 = 5;

/// All that was seen.
pub struct Facts {
    /// The deployments.
    pub acts: Vec<Act>,
    /// What came back.
    pub report: Report,
    /// What was promised.
    pub promises: Vec<Promise>,
    /// The page of the last deployment.
    pub page: String,
    /// The service.
    pub address: String,
}

/// Something promised.
pub struct Promise {
    what: &'static str,
    /// Whether it was kept.
    pub is_kept: bool,
    evidence: String,
}

impl Promise {
    /// A promise and whether it was kept.
    pub fn new(what: &'static str, is_kept: bool, evidence: String) -> Self {
        Self { what, is_kept, evidence }
    }
}

fn version(act: &Act) -> &str {
    &act.deployment.release.version
}

/// Requests and failed ones that a version answered.
fn counts(report: &Report, version: &str) -> (u64, u64) {
    let counts = report.by_version.get(version).cloned().unwrap_or_default();
    (counts.requests, counts.requests.saturating_sub(counts.ok))
}

/// Holds what was seen to what was promised.
pub fn promises(
    [first, second, third]: &[Act; 3],
    before_third: &Report,
    after_third: &Report,
    last: &Report,
    is_unlocked: bool,
) -> Vec<Promise> {
    let outcomes = [first, second, third].map(|act| act.deployment.outcome);
    let error = third.deployment.error.as_ref();
    let cause = error.map(|error| format!("{} in {}", error.error, error.state)).unwrap_or_default();
    let is_gated = error.is_some_and(|error| error.error == "GateError");
    let (canary, canary_failed) = counts(last, version(third));
    let others_failed = last.failures().saturating_sub(canary_failed);
    let meanwhile = after_third.requests.saturating_sub(before_third.requests).max(1);
    let share = canary.saturating_mul(100) / meanwhile;
    let after = counts(last, version(third)).0.saturating_sub(counts(after_third, version(third)).0);
    let both_good =
        outcomes.first() == Some(&Outcome::Succeeded) && outcomes.get(1) == Some(&Outcome::Succeeded);
    vec![
        Promise::new(
            "good releases succeed",
            both_good,
            format!("{:?}, {:?}", first.deployment.outcome, second.deployment.outcome),
        ),
        Promise::new(
            "no request fails but those that the bad release answered",
            others_failed == 0 && last.requests > 0,
            format!("{others_failed} of {}", thousands(last.requests.saturating_sub(canary))),
        ),
        Promise::new(
            "the bad release is rolled back by its gate",
            third.deployment.outcome == Outcome::FailedClean && is_gated,
            cause,
        ),
        Promise::new(
            "it got its canary share at most",
            canary > 0 && share <= CANARY_PERCENT.saturating_add(CANARY_SLACK),
            format!("{canary} requests, {share} % while it was deployed; {canary_failed} failed"),
        ),
        Promise::new("it gets none after it was rolled back", after == 0, format!("{after} requests")),
        Promise::new("the lock is free", is_unlocked, String::new()),
    ]
}

impl Facts {
    /// For people.
    pub fn text(&self, paint: Paint) -> String {
        let mut text = format!("{}\n", paint.paint(BOLD, "Requests"));
        text.push_str(&table(&self.request_rows()));
        text.push_str(&paint.paint(
            GREY,
            &format!("{RATE} per second, kept alive, 1 of 11 takes 300 ms; {}", self.latency()),
        ));
        text.push_str(&format!(
            "\n\n{}\n",
            paint.paint(BOLD, "Time by state: Shipway's own + waiting for the service")
        ));
        text.push_str(&table(&self.time_rows()));
        let slowest = self.acts.iter().map(|act| own(&act.steps)).max().unwrap_or(0);
        let word = if slowest < OWN_MILLIS_GOAL { "below" } else { "ABOVE" };
        text.push_str(
            &paint.paint(GREY, &format!("Shipway's own time is {word} the goal of {OWN_MILLIS_GOAL} ms")),
        );
        text.push_str(&format!("\n\n{}\n", paint.paint(BOLD, "Promises")));
        for promise in &self.promises {
            let mark =
                if promise.is_kept { paint.paint(GREEN, "kept  ") } else { paint.paint(RED, "BROKEN") };
            let evidence =
                if promise.evidence.is_empty() { String::new() } else { format!(" ({})", promise.evidence) };
            text.push_str(&format!("  {mark} {}{}\n", promise.what, paint.paint(GREY, &evidence)));
        }
        text
    }

    fn latency(&self) -> String {
        let millis =
            |share| u64::try_from(self.report.latency.quantile(share).as_millis()).unwrap_or(u64::MAX);
        format!("half took up to {} ms, 99 % up to {} ms", millis(0.5), millis(0.99))
    }

    fn request_rows(&self) -> Vec<Vec<String>> {
        let mut rows = vec![row(["VERSION", "OUTCOME", "REQUESTS", "FAILED"])];
        let mut known = 0;
        let mut known_failed = 0;
        for act in &self.acts {
            let (requests, failed) = counts(&self.report, version(act));
            known += requests;
            known_failed += failed;
            let outcome = format!("{:?}", act.deployment.outcome);
            rows.push(row([version(act), &outcome, &thousands(requests), &thousands(failed)]));
        }
        let others = self.report.requests.saturating_sub(known);
        let others_failed = self.report.failures().saturating_sub(known_failed);
        rows.push(row(["no version", "", &thousands(others), &thousands(others_failed)]));
        rows
    }

    fn time_rows(&self) -> Vec<Vec<String>> {
        let mut head = vec!["STATE".to_owned()];
        head.extend(self.acts.iter().map(|act| version(act).to_owned()));
        let mut rows = vec![head];
        for state in self.states() {
            let mut cells = vec![state.clone()];
            cells.extend(
                self.acts.iter().map(|act| cell(act.steps.iter().filter(|step| step.state == state))),
            );
            rows.push(cells);
        }
        let mut sum = vec!["all".to_owned()];
        sum.extend(self.acts.iter().map(|act| cell(act.steps.iter())));
        rows.push(sum);
        rows
    }

    /// States that took part, in the order in which they first did.
    fn states(&self) -> Vec<String> {
        let mut states: Vec<String> = Vec::new();
        for step in self.acts.iter().flat_map(|act| &act.steps) {
            let is_work = times(step) != (0, 0) && !step.state.ends_with('?');
            if is_work && !states.contains(&step.state) {
                states.push(step.state.clone());
            }
        }
        states
    }

    /// For programs.
    pub fn document(&self) -> Value {
        let versions = self.acts.iter().map(|act| {
            let (requests, failed) = counts(&self.report, version(act));
            json!({
                "version": version(act),
                "deployment": act.deployment.id,
                "outcome": act.deployment.outcome,
                "requests": requests,
                "failed": failed,
                "own_millis": own(&act.steps),
                "waited_millis": act.steps.iter().map(|step| times(step).1).sum::<u64>(),
            })
        });
        let promises = self.promises.iter().map(|promise| {
            json!({"promise": promise.what, "is_kept": promise.is_kept, "evidence": promise.evidence})
        });
        json!({
            "requests": self.report.requests,
            "failed": self.report.failures(),
            "versions": versions.collect::<Vec<_>>(),
            "promises": promises.collect::<Vec<_>>(),
            "page": self.page,
        })
    }
}

/// Own and waited milliseconds of a step.
fn times(step: &Step) -> (u64, u64) {
    let took = step.exited_at.unwrap_or(step.entered_at).millis_since(step.entered_at);
    (took.saturating_sub(step.waited_millis), step.waited_millis.min(took))
}

fn own(steps: &[Step]) -> u64 {
    steps.iter().map(|step| times(step).0).sum()
}

fn cell<'a>(steps: impl Iterator<Item = &'a Step>) -> String {
    let (own, waited) = steps.map(times).fold((0, 0), |(a, b), (own, waited)| (a + own, b + waited));
    match (own, waited) {
        (0, 0) => "-".to_owned(),
        (own, 0) => span(own),
        (own, waited) => format!("{} + {}", span(own), span(waited)),
    }
}
