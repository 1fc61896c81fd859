//! The way of an execution, state by state: a fold over its history. Pure but for reading the events.

use std::collections::BTreeMap;

use serde_json::Value;
use shipway_asl::{Event, Timestamp};

use super::{Error, Failure, Shipway, Step, of_engine};
use crate::{
    deployer::{Progress, failure},
    release::Release,
};

/// Events read at once.
const PAGE: usize = 1_000;

/// Events of one execution at most; AWS allows no more either.
const EVENTS_MAX: usize = 25_000;

impl Shipway {
    /// The way of an execution.
    pub(super) async fn way(&self, execution_arn: &str) -> Result<Vec<Step>, Error> {
        let (mut steps, mut after, mut read) = (Vec::new(), 0, 0);
        while read < EVENTS_MAX {
            let events = self.engine.history(execution_arn, after, PAGE).await;
            let events = events.map_err(|error| of_engine("reading the history", &error))?;
            for event in &events {
                fold(&mut steps, &Seen::of(event));
            }
            read = read.saturating_add(events.len());
            match events.last() {
                Some(last) if events.len() == PAGE => after = last.id,
                Some(_) | None => break,
            }
        }
        Ok(steps)
    }
}

/// What a step needs of an event.
#[derive(Clone, Debug)]
struct Seen {
    kind: String,
    state: Option<String>,
    at: Timestamp,
    input: Option<Value>,
    output: Option<Value>,
    error: Option<(String, String)>,
}

impl Seen {
    fn of(event: &Event) -> Self {
        let history = event.to_history();
        let mut seen = Self {
            kind: event.type_name().to_owned(),
            state: event.state_name().map(str::to_owned),
            at: event.timestamp,
            input: None,
            output: None,
            error: None,
        };
        let details = history.as_object().into_iter().flatten().filter(|(name, _)| name.ends_with("Details"));
        for (_, details) in details {
            let text = |name: &str| details.get(name).and_then(Value::as_str);
            let document = |name: &str| text(name).and_then(|text| serde_json::from_str(text).ok());
            seen.input = document("input");
            seen.output = document("output");
            let is_error = ["Failed", "TimedOut", "Aborted"].iter().any(|end| seen.kind.ends_with(end));
            if is_error {
                let cause = text("cause").unwrap_or_default().to_owned();
                seen.error = Some((text("error").unwrap_or("States.TaskFailed").to_owned(), cause));
            }
        }
        seen
    }
}

/// Adds one event. A deployer's machine has no parallel branches, so the last step is the one that is meant.
fn fold(steps: &mut Vec<Step>, seen: &Seen) {
    if seen.kind.ends_with("StateEntered") {
        steps.push(Step {
            state: seen.state.clone().unwrap_or_default(),
            entered_at: seen.at,
            exited_at: None,
            waited_millis: 0,
            input: seen.input.clone().unwrap_or(Value::Null),
            output: None,
            error: None,
        });
        return;
    }
    let Some(step) = steps.last_mut().filter(|step| step.exited_at.is_none()) else { return };
    if seen.kind.ends_with("StateExited") {
        leave(step, seen);
    } else if seen.kind.starts_with("Execution") {
        step.exited_at = Some(seen.at);
    } else if let Some(error) = &seen.error {
        step.error = Some(error.clone());
    } else if seen.kind.ends_with("Succeeded") {
        // A retry did it: what failed before does not count.
        step.error = None;
    }
}

fn leave(step: &mut Step, seen: &Seen) {
    step.exited_at = Some(seen.at);
    step.output.clone_from(&seen.output);
    let waited = seen.output.as_ref().and_then(|output| output.get("waited_millis")).and_then(Value::as_u64);
    let lasted = seen.at.millis_since(step.entered_at);
    step.waited_millis = match (&step.error, waited) {
        // A state that ends in an error has waited for the service until then; its output is its input.
        (Some(_), _) => lasted,
        (None, Some(waited)) if has_waited(&step.state) => waited.min(lasted),
        (None, _) => 0,
    };
}

/// Only a task waits; other states pass the document of the task before on.
fn has_waited(state: &str) -> bool {
    crate::deployer::DEPLOYERS.iter().any(|deployer| deployer.task(state).is_some())
}

/// What went wrong first.
pub(super) fn root_cause(steps: &[Step], release: &Release) -> Option<Failure> {
    let step = steps.iter().find(|step| step.error.is_some() && step.exited_at.is_some())?;
    let (error, cause) = step.error.clone()?;
    let hint = failure::hint(&error, &cause, release);
    Some(Failure { error, cause, state: step.state.clone(), hint })
}

/// How the services stood when it was written down last.
pub(super) fn last_progress(steps: &[Step]) -> BTreeMap<String, Progress> {
    let documents = steps.iter().rev().flat_map(|step| [step.output.as_ref(), Some(&step.input)]).flatten();
    let mut progress = documents.filter_map(|document| document.get("progress"));
    progress.find_map(|progress| serde_json::from_value(progress.clone()).ok()).unwrap_or_default()
}

/// A look that fails writes no document: what it saw of the service that failed stands in its cause.
pub(super) fn add_last_look(progress: &mut BTreeMap<String, Progress>, error: Option<&Failure>) {
    let Some((service, evidence)) = error.and_then(|error| failure::service_of(&error.cause)) else { return };
    if let Some(progress) = progress.get_mut(service) {
        progress.evidence = Some(evidence.to_owned());
    }
}

/// The state that runs.
pub(super) fn current(steps: &[Step]) -> Option<String> {
    steps.iter().rev().find(|step| step.exited_at.is_none()).map(|step| step.state.clone())
}
