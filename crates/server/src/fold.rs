//! Folds a history into how each state stands, and into the way it went. Does not read or write anything.

use std::collections::BTreeMap;

use serde_json::Value;
use shipway_control::app::Step;

use crate::wire::Event;

/// How one state of an execution stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateStatus {
    /// Not entered.
    Waiting,
    /// Entered and not exited.
    Running,
    /// Exited as planned.
    Succeeded,
    /// The execution ended in it by an error.
    Failed,
    /// It failed, and a catcher took over.
    Caught,
}

impl StateStatus {
    /// The word for it, for people and for styles.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Caught => "caught",
        }
    }
}

/// How each state stands; states that are not named wait.
pub type Statuses = BTreeMap<String, StateStatus>;

/// Visits of states that are kept; later ones are counted in the statuses only.
const VISITS_MAX: usize = 2_000;

struct Visit {
    step: Step,
    entered_by: u64,
}

/// The fold of a history, event by event.
#[derive(Default)]
pub struct Fold {
    visits: Vec<Visit>,
    statuses: Statuses,
    /// Visit that each event belongs to, by event id: an event belongs where the one that caused it does.
    owners: BTreeMap<u64, usize>,
    last_event_id: u64,
    is_ended: bool,
}

impl Fold {
    /// Adds one event; events come in order.
    pub fn apply(&mut self, event: &Event) {
        self.last_event_id = event.id;
        let owner = self.owners.get(&event.previous_event_id).copied();
        match (event.kind.as_str(), event.state.as_deref()) {
            (kind, Some(state)) if kind.ends_with("StateEntered") => return self.enter(event, state),
            (kind, Some(state)) if kind.ends_with("StateExited") => self.exit(event, state),
            ("ExecutionFailed" | "ExecutionTimedOut" | "ExecutionAborted", _) => self.fail_running(event),
            _ => {}
        }
        self.is_ended |= event.is_end();
        let Some(owner) = owner else { return };
        self.owners.insert(event.id, owner);
        if let Some(visit) = self.visits.get_mut(owner) {
            note_error(&mut visit.step, event);
        }
    }

    /// How each state that was entered stands.
    pub fn statuses(&self) -> &Statuses {
        &self.statuses
    }

    /// The way through the states.
    pub fn steps(&self) -> Vec<Step> {
        self.visits.iter().map(|visit| visit.step.clone()).collect()
    }

    /// Id of the last event; 0 before the first.
    pub fn last_event_id(&self) -> u64 {
        self.last_event_id
    }

    /// Whether the execution has ended.
    pub fn is_ended(&self) -> bool {
        self.is_ended
    }

    fn enter(&mut self, event: &Event, state: &str) {
        self.statuses.insert(state.to_owned(), StateStatus::Running);
        if self.visits.len() >= VISITS_MAX {
            return;
        }
        self.owners.insert(event.id, self.visits.len());
        let step = Step {
            state: state.to_owned(),
            entered_at: event.timestamp,
            exited_at: None,
            waited_millis: 0,
            input: payload(event, "input").unwrap_or(Value::Null),
            output: None,
            error: None,
        };
        self.visits.push(Visit { step, entered_by: event.id });
    }

    fn exit(&mut self, event: &Event, state: &str) {
        let owner = self.owners.get(&event.previous_event_id).and_then(|&owner| self.visits.get(owner));
        let entered_by = owner.filter(|visit| visit.step.state == state).map(|visit| visit.entered_by);
        let visit = self.visits.iter_mut().rev().find(|visit| {
            let is_open = visit.step.state == state && visit.step.exited_at.is_none();
            is_open && entered_by.is_none_or(|id| id == visit.entered_by)
        });
        let is_caught = visit.as_ref().is_some_and(|visit| visit.step.error.is_some());
        if let Some(visit) = visit {
            visit.step.exited_at = Some(event.timestamp);
            visit.step.output = payload(event, "output");
        }
        let is_open =
            self.visits.iter().any(|visit| visit.step.state == state && visit.step.exited_at.is_none());
        let status = match (is_caught, is_open) {
            (_, true) => StateStatus::Running,
            (true, false) => StateStatus::Caught,
            (false, false) => StateStatus::Succeeded,
        };
        self.statuses.insert(state.to_owned(), status);
    }

    fn fail_running(&mut self, event: &Event) {
        for status in self.statuses.values_mut().filter(|status| **status == StateStatus::Running) {
            *status = StateStatus::Failed;
        }
        for visit in self.visits.iter_mut().filter(|visit| visit.step.exited_at.is_none()) {
            visit.step.exited_at = Some(event.timestamp);
            if visit.step.error.is_none() {
                visit.step.error = error_of(event);
            }
        }
    }
}

/// Remembers a failure until the state is tried again.
fn note_error(step: &mut Step, event: &Event) {
    let kind = event.kind.as_str();
    if kind.starts_with("Execution") || kind.ends_with("StateExited") {
        return;
    }
    if kind.ends_with("Failed") || kind.ends_with("TimedOut") || kind.ends_with("Aborted") {
        step.error = error_of(event).or_else(|| Some((kind.to_owned(), String::new())));
    } else if kind.ends_with("Scheduled") || kind.ends_with("Succeeded") {
        step.error = None;
    }
}

fn error_of(event: &Event) -> Option<(String, String)> {
    let fallback = match event.kind.as_str() {
        kind if kind.ends_with("TimedOut") => Some("States.Timeout"),
        "ExecutionAborted" => Some("Aborted"),
        _ => None,
    };
    let error = event.detail("error").or(fallback)?;
    Some((error.to_owned(), event.detail("cause").unwrap_or_default().to_owned()))
}

/// A payload is JSON text in AWS's history.
fn payload(event: &Event, name: &str) -> Option<Value> {
    match event.details.get(name)? {
        Value::String(text) => {
            Some(serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone())))
        }
        other => Some(other.clone()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shipway_asl::Timestamp;

    use super::*;

    /// `id <- previous kind state`
    fn fold(lines: &str) -> Fold {
        let mut fold = Fold::default();
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let details = json!({"error": words.get(5), "input": "{\"a\": 1}", "output": "[2]"});
            fold.apply(&Event {
                id: words[0].parse().unwrap(),
                previous_event_id: words[2].parse().unwrap(),
                timestamp: Timestamp(words[0].parse::<i64>().unwrap() * 1_000),
                kind: words[3].to_owned(),
                state: words.get(4).filter(|word| **word != "-").map(|word| (*word).to_owned()),
                details: details.as_object().unwrap().clone(),
            });
        }
        fold
    }

    fn shown(fold: &Fold) -> String {
        fold.statuses().iter().map(|(state, status)| format!("{state} {};", status.word())).collect()
    }

    #[test]
    fn a_task_runs_and_succeeds() {
        let fold = fold(
            "1 <- 0 ExecutionStarted -
             2 <- 1 TaskStateEntered A
             3 <- 2 TaskScheduled -
             4 <- 3 TaskSucceeded -
             5 <- 4 TaskStateExited A
             6 <- 5 WaitStateEntered B",
        );
        assert_eq!(shown(&fold), "A succeeded;B running;");
        let steps = fold.steps();
        assert_eq!(steps[0].exited_at, Some(Timestamp(5_000)));
        assert_eq!((&steps[0].input, &steps[0].output), (&json!({"a": 1}), &Some(json!([2]))));
        assert!(!fold.is_ended());
    }

    #[test]
    fn a_retry_forgets_the_error_and_a_catch_keeps_it() {
        let retried = "1 <- 0 ExecutionStarted -
             2 <- 1 TaskStateEntered A
             3 <- 2 TaskScheduled -
             4 <- 3 TaskFailed - E
             5 <- 4 TaskScheduled -";
        assert_eq!(
            shown(&fold(&format!("{retried}\n6 <- 5 TaskSucceeded -\n7 <- 6 TaskStateExited A"))),
            "A succeeded;"
        );
        let caught = fold(&format!("{retried}\n6 <- 5 TaskFailed - E2\n7 <- 6 TaskStateExited A"));
        assert_eq!(shown(&caught), "A caught;");
        assert_eq!(caught.steps()[0].error.as_ref().unwrap().0, "E2");
    }

    #[test]
    fn the_end_of_the_execution_fails_what_runs() {
        let fold = fold(
            "1 <- 0 ExecutionStarted -
             2 <- 1 FailStateEntered F
             3 <- 2 ExecutionFailed - HealthError",
        );
        assert_eq!(shown(&fold), "F failed;");
        assert_eq!(fold.steps()[0].error.as_ref().unwrap().0, "HealthError");
        assert!(fold.is_ended());
    }

    #[test]
    fn parallel_visits_of_one_state_are_kept_apart() {
        let fold = fold(
            "1 <- 0 ExecutionStarted -
             2 <- 1 MapStateEntered M
             3 <- 2 MapIterationStarted -
             4 <- 2 MapIterationStarted -
             5 <- 3 TaskStateEntered T
             6 <- 4 TaskStateEntered T
             7 <- 5 TaskFailed - E
             8 <- 7 TaskStateExited T",
        );
        assert_eq!(shown(&fold), "M running;T running;");
        let open: Vec<_> = fold.steps().iter().map(|step| step.exited_at.is_none()).collect();
        assert_eq!(open, [true, false, true]);
    }
}
