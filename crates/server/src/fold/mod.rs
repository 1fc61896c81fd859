//! Folds a history into how each state stands, and into the way it went. Does not read or write anything, and keeps no
//! payload: a history may have more than fits into memory.

mod status;
#[cfg(test)]
mod tests;
mod visit;

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use shipway_asl::{Timestamp, fork_of};
pub use status::{StateStatus, Statuses, Tally};
pub use visit::{Attempt, Item, Place, Trouble, Visit};

use crate::wire::Event;

/// The fold of a history, event by event.
#[derive(Default)]
pub struct Fold {
    visits: Vec<Visit>,
    /// The last visit of each line of control.
    lines: HashMap<u64, usize>,
    /// The visit that each event belongs to.
    owners: HashMap<u64, usize>,
    tallies: BTreeMap<String, Tally>,
    statuses: Statuses,
    last_event_id: u64,
    is_ended: bool,
    redrives: usize,
    failed: Option<usize>,
}

impl Fold {
    /// Adds one event; events come in order.
    pub fn apply(&mut self, event: &Event) {
        self.last_event_id = event.id;
        let kind = event.kind.as_str();
        match (split(kind), event.state.as_deref()) {
            ((stem, "StateEntered"), Some(state)) => return self.enter(event, stem, state),
            ((_, "StateExited"), Some(state)) => return self.exit(event, state),
            ((_, "Execution"), _) => return self.execution(event),
            _ => {}
        }
        let Some(&owner) = self.lines.get(&event.line) else { return };
        self.owners.insert(event.id, owner);
        self.reopen(owner);
        match split(kind) {
            (_, "StateAborted") => self.close(owner, event.timestamp),
            ("MapIteration", end) => self.item(owner, event, end),
            (_, "Scheduled" | "StateStarted") => self.attempt(owner, event),
            ("MapRun", "Started") => self.visit(owner).map_run = event.detail("mapRunArn").map(str::to_owned),
            (_, end) => self.progress(owner, event, end),
        }
    }

    /// How each state that was entered stands.
    pub fn statuses(&self) -> &Statuses {
        &self.statuses
    }

    /// The way through the states, in the order of their entering.
    pub fn visits(&self) -> &[Visit] {
        &self.visits
    }

    /// The visit that an event has entered.
    pub fn entered_by(&self, event: u64) -> Option<usize> {
        self.visits.binary_search_by_key(&event, |visit| visit.entered_by).ok()
    }

    /// The last visit of a state.
    pub fn last_of(&self, state: &str) -> Option<&Visit> {
        self.visits.iter().rev().find(|visit| visit.state == state)
    }

    /// The visit by which the execution has failed: the innermost one.
    pub fn failed(&self) -> Option<&Visit> {
        let mut found = self.failed?;
        // Each turn goes one level deeper, and there are fewer levels than visits.
        while let Some(inner) = self.failed_in(found) {
            found = inner;
        }
        self.visits.get(found)
    }

    /// Ids of the events of a visit, in order, without those of visits in it.
    pub fn events_of(&self, visit: usize) -> Vec<u64> {
        let owned = self.owners.iter().filter(|(_, owner)| **owner == visit);
        let mut events: Vec<u64> = owned.map(|(event, _)| *event).collect();
        events.sort_unstable();
        events
    }

    /// Id of the last event; 0 before the first.
    pub fn last_event_id(&self) -> u64 {
        self.last_event_id
    }

    /// Whether the execution has ended.
    pub fn is_ended(&self) -> bool {
        self.is_ended
    }

    fn enter(&mut self, event: &Event, kind: &str, state: &str) {
        let new = self.visits.len();
        let place = self.place_of(event.line);
        if let Some(before) = self.lines.insert(event.line, new) {
            self.visit(before).next = Some(new);
        } else if let Some(place) = place {
            self.begin_item(place, new);
        }
        if let Some(place) = place {
            self.visit(place.outer).inner.push(new);
        }
        self.owners.insert(event.id, new);
        self.visits.push(Visit {
            entered_by: event.id,
            state: state.to_owned(),
            kind: kind.to_owned(),
            place,
            entered_at: event.timestamp,
            exited_by: None,
            ended_at: None,
            status: StateStatus::Waiting,
            attempts: Vec::new(),
            trouble: None,
            next: None,
            inner: Vec::new(),
            map_run: None,
        });
        self.stand(new, StateStatus::Running);
    }

    /// The branch or item that a line of control is.
    fn place_of(&self, line: u64) -> Option<Place> {
        let (fork, index) = fork_of(line)?;
        let outer = *self.owners.get(&fork)?;
        let attempts = &self.visits.get(outer)?.attempts;
        // WHY: the event that started the line came in the attempt that had begun last before it.
        let attempt = attempts.iter().rposition(|attempt| attempt.begun_by <= fork)?;
        Some(Place { outer, attempt, index })
    }

    fn begin_item(&mut self, place: Place, first: usize) {
        let attempt = self.visit(place.outer).attempts.get_mut(place.attempt);
        let item = attempt.and_then(|attempt| item_of(attempt, place.index));
        if let Some(item) = item {
            item.first = Some(first);
        }
    }

    fn exit(&mut self, event: &Event, state: &str) {
        let here = self.lines.get(&event.line).copied();
        let here = here.filter(|here| self.visits.get(*here).is_some_and(|visit| visit.state == state));
        let open = |visit: &Visit| visit.state == state && visit.exited_by.is_none();
        let Some(found) = here.or_else(|| self.visits.iter().rposition(open)) else { return };
        self.owners.insert(event.id, found);
        let visit = self.visit(found);
        visit.exited_by = Some(event.id);
        visit.ended_at = Some(event.timestamp);
        let status = if visit.trouble.is_some() { StateStatus::Caught } else { StateStatus::Succeeded };
        self.close_inner(found, event.timestamp);
        self.stand(found, status);
    }

    /// An event of the execution as a whole.
    fn execution(&mut self, event: &Event) {
        if event.kind == "ExecutionRedriven" {
            self.is_ended = false;
            self.redrives = self.redrives.saturating_add(1);
            self.failed = None;
            return;
        }
        if !event.is_end() {
            return;
        }
        self.is_ended = true;
        let failure = trouble_of(event);
        let cause = self.owners.get(&event.previous_event_id).copied();
        let open = |visit: &Visit| visit.ended_at.is_none();
        let cause = cause.filter(|cause| self.visits.get(*cause).is_some_and(open));
        if let (Some(failure), Some(cause), false) = (failure, cause, event.kind == "ExecutionAborted") {
            self.failed = Some(cause);
            self.close_inner(cause, event.timestamp);
            self.visit(cause).trouble.get_or_insert(failure);
        }
        for visit in 0..self.visits.len() {
            if self.visits.get(visit).is_some_and(open) {
                self.close(visit, event.timestamp);
            }
        }
    }

    /// A visit that is given up: by its own error, or since something else has failed.
    fn close(&mut self, visit: usize, at: Timestamp) {
        let closed = self.visit(visit);
        closed.ended_at = Some(at);
        let has_failed = closed.trouble.is_some() || closed.kind == "Fail";
        self.stand(visit, if has_failed { StateStatus::Failed } else { StateStatus::Aborted });
    }

    /// What happens in a visit has ended with it. Gives the error that one of them came to.
    fn close_inner(&mut self, outer: usize, at: Timestamp) -> Option<Trouble> {
        let inner = self.visits.get(outer).map(|visit| visit.inner.clone()).unwrap_or_default();
        for visit in &inner {
            if self.visits.get(*visit).is_some_and(|visit| visit.ended_at.is_none()) {
                self.close_inner(*visit, at);
                self.close(*visit, at);
            }
        }
        self.failed_in(outer).and_then(|failed| self.visits.get(failed)?.trouble.clone())
    }

    /// The visit directly in another one that has failed last, in its last attempt.
    fn failed_in(&self, outer: usize) -> Option<usize> {
        let visit = self.visits.get(outer)?;
        let attempt = visit.attempts.len().saturating_sub(1);
        let has_failed = |inner: &Visit| {
            inner.status == StateStatus::Failed && inner.place.is_some_and(|place| place.attempt == attempt)
        };
        visit.inner.iter().rev().copied().find(|inner| self.visits.get(*inner).is_some_and(has_failed))
    }

    /// A visit that was given up goes on after a redrive, and what it happens in too.
    fn reopen(&mut self, visit: usize) {
        let mut above = Some(visit);
        // Each turn goes one level up.
        while let Some(visit) = above {
            let found = self.visit(visit);
            above = found.place.map(|place| place.outer);
            if found.exited_by.is_none() && found.ended_at.is_some() && self.redrives > 0 {
                let found = self.visit(visit);
                found.ended_at = None;
                found.trouble = None;
                self.stand(visit, StateStatus::Running);
            }
        }
    }

    fn attempt(&mut self, owner: usize, event: &Event) {
        let resource = match (event.detail("resourceType"), event.detail("resource")) {
            (Some(kind), Some(action)) => format!("{kind}:{action}"),
            (None, Some(resource)) => resource.to_owned(),
            _ => String::new(),
        };
        let length = event.details.get("length").and_then(Value::as_u64).unwrap_or(0);
        self.close_inner(owner, event.timestamp);
        let visit = self.visit(owner);
        visit.trouble = None;
        visit.attempts.push(Attempt::new(event.id, event.timestamp, resource, length));
    }

    fn item(&mut self, owner: usize, event: &Event, end: &str) {
        let index =
            event.details.get("index").and_then(Value::as_u64).and_then(|index| u32::try_from(index).ok());
        let (Some(index), Some(attempt)) = (index, self.visit(owner).attempts.last_mut()) else { return };
        let status = match end {
            "Started" => StateStatus::Running,
            "Succeeded" => StateStatus::Succeeded,
            "Failed" => StateStatus::Failed,
            _ => StateStatus::Aborted,
        };
        match item_of(attempt, index) {
            Some(item) => {
                item.status = status;
                item.ended_at = (status != StateStatus::Running).then_some(event.timestamp);
            }
            None => attempt.items.push(Item {
                index,
                status,
                begun_at: event.timestamp,
                ended_at: None,
                first: None,
            }),
        }
    }

    /// What a task, or a Parallel, Map or Map Run as a whole, has come to.
    fn progress(&mut self, owner: usize, event: &Event, end: &str) {
        let is_trouble = matches!(end, "Failed" | "TimedOut");
        let inherited = if is_trouble { self.close_inner(owner, event.timestamp) } else { None };
        let trouble = trouble_of(event).or(inherited);
        let trouble = is_trouble.then(|| trouble.unwrap_or_else(|| Trouble::new(event.id, "", "")));
        let visit = self.visit(owner);
        let is_evaluation = event.kind == "EvaluationFailed";
        if let Some(attempt) = visit.attempts.last_mut().filter(|attempt| attempt.ended.is_none()) {
            match end {
                "Started" => attempt.started_at = Some(event.timestamp),
                "Submitted" => attempt.submitted_at = Some(event.timestamp),
                _ => attempt.ended = Some((event.id, event.timestamp)),
            }
            attempt.trouble = attempt.trouble.take().or_else(|| trouble.clone());
        } else if is_evaluation {
            let mut attempt = Attempt::new(event.id, event.timestamp, String::new(), 0);
            attempt.ended = Some((event.id, event.timestamp));
            attempt.trouble = trouble.clone();
            visit.attempts.push(attempt);
        }
        // WHY: `MapStateFailed` comes after `MapRunFailed` and tells no error of its own.
        let is_told = visit.trouble.as_ref().is_some_and(|known| !known.error.is_empty());
        if !(is_told && trouble.as_ref().is_some_and(|trouble| trouble.error.is_empty())) {
            visit.trouble = trouble.or_else(|| visit.trouble.take().filter(|_| end == "Started"));
        }
    }

    /// Sets how a visit stands, and with it the state.
    fn stand(&mut self, visit: usize, status: StateStatus) {
        let Some(visit) = self.visits.get_mut(visit) else { return };
        let before = (visit.status != StateStatus::Waiting).then_some(visit.status);
        visit.status = status;
        let tally = self.tallies.entry(visit.state.clone()).or_default();
        tally.turn(before, status);
        self.statuses.insert(visit.state.clone(), tally.whole());
    }

    /// INVARIANT: places in `visits` are only handed out for what is there, and nothing is removed.
    #[expect(clippy::indexing_slicing, reason = "see the invariant")]
    fn visit(&mut self, visit: usize) -> &mut Visit {
        &mut self.visits[visit]
    }
}

/// An item that has begun. WHY: from the end, where those are that still run.
fn item_of(attempt: &mut Attempt, index: u32) -> Option<&mut Item> {
    attempt.items.iter_mut().rev().find(|item| item.index == index)
}

/// What an event's type is of, and what happened to it.
fn split(kind: &str) -> (&str, &str) {
    const ENDS: [&str; 10] = [
        "StateEntered",
        "StateExited",
        "StateAborted",
        "StateStarted",
        "Scheduled",
        "Started",
        "Submitted",
        "Succeeded",
        "Failed",
        "TimedOut",
    ];
    if kind.starts_with("Execution") {
        return (kind, "Execution");
    }
    let found = ENDS.iter().find_map(|end| Some((kind.strip_suffix(end)?, *end)));
    found.unwrap_or(if kind == "MapIterationAborted" { ("MapIteration", "Aborted") } else { (kind, "") })
}

fn trouble_of(event: &Event) -> Option<Trouble> {
    let fallback = match event.kind.as_str() {
        kind if kind.ends_with("TimedOut") => Some("States.Timeout"),
        "ExecutionAborted" => Some("Aborted"),
        kind if kind.ends_with("Failed") && event.details.contains_key("cause") => Some(""),
        _ => None,
    };
    let error = event.detail("error").or(fallback)?;
    Some(Trouble::new(event.id, error, event.detail("cause").unwrap_or_default()))
}
