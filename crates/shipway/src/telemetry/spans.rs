//! Spans out of a history: one for an execution, one for each visit of a state, each iteration of a Map, each Map Run
//! and each attempt at a task. A span is given when the event that ends it is applied; times are the events'. Pure.
//!
//! What an event belongs to follows from `previousEventId`, which links the events of one line of control. No input, no
//! output and no cause gets into a span.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use shipway_asl::Event;

/// What a span is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An execution, from its start (or redrive) to its end.
    Execution,
    /// A visit of a state.
    State,
    /// One item's way through a Map.
    Iteration,
    /// A Map Run.
    MapRun,
    /// One attempt at a task.
    Attempt,
}

/// How something ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it was to do.
    Success,
    /// It failed, with this error's name if there is one.
    Failure(Option<String>),
    /// Its time was over.
    Timeout,
    /// It was ended from outside.
    Cancellation,
}

/// A span that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// What it is of.
    pub kind: Kind,
    /// The event that began it; its id follows from that.
    pub event: u64,
    /// The event that began what it is part of.
    pub parent: Option<u64>,
    /// Its name.
    pub name: String,
    /// When it began, in milliseconds since 1970.
    pub began: i64,
    /// When it ended.
    pub ended: i64,
    /// How it ended.
    pub outcome: Outcome,
    /// What else is known: names as they stand in the span.
    pub facts: Vec<(&'static str, String)>,
}

#[derive(Debug)]
struct Open {
    kind: Kind,
    name: String,
    began: i64,
    /// Branches or iterations of it run.
    is_forked: bool,
    /// Spans directly inside it that are open.
    inside: u32,
    attempts: u32,
    error: Option<String>,
    facts: Vec<(&'static str, String)>,
}

/// What of a history is not over yet.
#[derive(Debug, Default)]
pub struct Fold {
    last: u64,
    root: u64,
    open: BTreeMap<u64, Open>,
    /// What each span is part of, also of those that have ended.
    parents: HashMap<u64, u64>,
    /// The innermost span that each event belongs to.
    places: HashMap<u64, u64>,
}

impl Fold {
    /// Id of the event that was applied last.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Applies the next event, and gives the spans that end with it.
    pub fn apply(&mut self, machine: &str, event: &Event) -> Vec<Span> {
        let at = event.timestamp.0;
        let before = self.places.get(&event.previous_event_id).copied().unwrap_or(self.root);
        let mut ended = Vec::new();
        let place = match event.type_name() {
            "ExecutionStarted" | "ExecutionRedriven" => {
                self.root = event.id;
                self.open(event.id, None, Kind::Execution, format!("RUN {machine}"), at)
            }
            "ExecutionSucceeded" => self.end_all(Outcome::Success, at, &mut ended),
            "ExecutionFailed" => self.end_all(failure(event), at, &mut ended),
            "ExecutionTimedOut" => self.end_all(Outcome::Timeout, at, &mut ended),
            "ExecutionAborted" => self.end_all(Outcome::Cancellation, at, &mut ended),
            "ParallelStateStarted" | "MapStateStarted" => self.fork(before, at, &mut ended),
            "MapIterationStarted" => self.iterate(event, before),
            "MapRunStarted" => {
                let state = self.nearest(before, |open| open.kind == Kind::State);
                self.open(event.id, Some(state), Kind::MapRun, "Map Run".to_owned(), at)
            }
            "EvaluationFailed" => self.fail(before, event),
            kind if kind.ends_with("StateEntered") => self.enter(event, before),
            kind if kind.ends_with("StateExited") => self.exit(event, before, &mut ended),
            kind if kind.ends_with("Scheduled") => self.schedule(event, before),
            kind => self.ending(kind, event, before, &mut ended),
        };
        self.places.insert(event.id, place);
        self.last = event.id;
        ended
    }

    /// Ends of what is inside an execution, told by the ends of the types' names.
    fn ending(&mut self, kind: &str, event: &Event, before: u64, ended: &mut Vec<Span>) -> u64 {
        let outcome = match kind {
            kind if kind.ends_with("Succeeded") => Outcome::Success,
            kind if kind.ends_with("Failed") => failure(event),
            kind if kind.ends_with("TimedOut") => Outcome::Timeout,
            // WHY: all that a failure gives up follows on that failure, so what is meant cannot be told; it ends as what
            // is still open when its Parallel or Map goes on, in the same moment.
            _ => return before,
        };
        let at = event.timestamp.0;
        if kind.starts_with("MapIteration") {
            let iteration = self.nearest(before, |open| open.kind == Kind::Iteration);
            return self.end(iteration, outcome, at, ended);
        }
        if kind.starts_with("MapRun") {
            let run = self.nearest(before, |open| open.kind == Kind::MapRun);
            return self.end(run, outcome, at, ended);
        }
        if kind.starts_with("MapState") || kind.starts_with("ParallelState") {
            return self.join(before, outcome, at, ended);
        }
        let attempt = self.nearest(before, |open| open.kind == Kind::Attempt);
        let state = self.end(attempt, outcome.clone(), at, ended);
        if let Some(state) = self.open.get_mut(&state) {
            state.error = match outcome {
                Outcome::Success => None,
                Outcome::Failure(error) => error,
                Outcome::Timeout => Some("States.Timeout".to_owned()),
                Outcome::Cancellation => Some("States.Aborted".to_owned()),
            };
        }
        state
    }

    fn open(&mut self, event: u64, parent: Option<u64>, kind: Kind, name: String, began: i64) -> u64 {
        if let Some(parent) = parent {
            self.parents.insert(event, parent);
            if let Some(outer) = self.open.get_mut(&parent) {
                outer.inside = outer.inside.saturating_add(1);
            }
        }
        let (is_forked, inside, attempts) = (false, 0, 0);
        let open = Open { kind, name, began, is_forked, inside, attempts, error: None, facts: Vec::new() };
        self.open.insert(event, open);
        event
    }

    /// The innermost span from here outwards that is open and wanted; the execution if there is none.
    fn nearest(&self, from: u64, is_wanted: impl Fn(&Open) -> bool) -> u64 {
        let mut place = from;
        loop {
            if self.open.get(&place).is_some_and(&is_wanted) {
                return place;
            }
            match self.parents.get(&place) {
                // INVARIANT: what a span is part of began before it, so this ends.
                Some(parent) if *parent < place => place = *parent,
                _ => return self.root,
            }
        }
    }

    fn enter(&mut self, event: &Event, before: u64) -> u64 {
        let parent = self.nearest(before, |open| {
            matches!(open.kind, Kind::Execution | Kind::Iteration)
                || (open.kind == Kind::State && open.is_forked)
        });
        let name = event.state_name().unwrap_or_default().to_owned();
        let place = self.open(event.id, Some(parent), Kind::State, name, event.timestamp.0);
        if let Some(open) = self.open.get_mut(&place) {
            let kind = event.type_name().trim_end_matches("StateEntered");
            open.facts.push(("shipway.state.type", kind.to_owned()));
        }
        place
    }

    fn exit(&mut self, event: &Event, before: u64, ended: &mut Vec<Span>) -> u64 {
        let name = event.state_name();
        let state = self.nearest(before, |open| open.kind == Kind::State && Some(open.name.as_str()) == name);
        // It was left by its Next or by a Catch: either way the execution goes on.
        self.end(state, Outcome::Success, event.timestamp.0, ended)
    }

    fn fork(&mut self, before: u64, at: i64, ended: &mut Vec<Span>) -> u64 {
        let state = self.nearest(before, |open| open.kind == Kind::State);
        // What an earlier try has left.
        self.end_inside(state, at, ended);
        if let Some(open) = self.open.get_mut(&state) {
            open.is_forked = true;
        }
        state
    }

    fn join(&mut self, before: u64, outcome: Outcome, at: i64, ended: &mut Vec<Span>) -> u64 {
        let state = self.nearest(before, |open| open.kind == Kind::State && open.is_forked);
        let state =
            if state == self.root { self.nearest(before, |open| open.kind == Kind::State) } else { state };
        self.end_inside(state, at, ended);
        if let Some(open) = self.open.get_mut(&state) {
            open.is_forked = false;
            if let Outcome::Failure(error) = outcome {
                open.error = error;
            }
        }
        state
    }

    fn fail(&mut self, before: u64, event: &Event) -> u64 {
        let state = self.nearest(before, |open| open.kind == Kind::State);
        if let (Some(open), Outcome::Failure(error)) = (self.open.get_mut(&state), failure(event)) {
            open.error = error;
        }
        before
    }

    fn iterate(&mut self, event: &Event, before: u64) -> u64 {
        let state = self.nearest(before, |open| open.kind == Kind::State && open.is_forked);
        let index = detail(event, "index");
        let name = format!("{} [{}]", detail(event, "name"), index);
        let place = self.open(event.id, Some(state), Kind::Iteration, name, event.timestamp.0);
        if let Some(open) = self.open.get_mut(&place) {
            open.facts.push(("shipway.map.index", index));
        }
        place
    }

    fn schedule(&mut self, event: &Event, before: u64) -> u64 {
        let state = self.nearest(before, |open| open.kind == Kind::State);
        let attempts = self.open.get_mut(&state).map_or(1, |open| {
            open.attempts = open.attempts.saturating_add(1);
            open.attempts
        });
        let (kind, resource) = (detail(event, "resourceType"), detail(event, "resource"));
        let resource = if kind.is_empty() { resource } else { format!("{kind}:{resource}") };
        let short = resource.rsplit(':').next().unwrap_or_default();
        let name = if kind.is_empty() { short.to_owned() } else { resource.clone() };
        let place = self.open(event.id, Some(state), Kind::Attempt, name, event.timestamp.0);
        if let Some(open) = self.open.get_mut(&place) {
            open.facts.push(("shipway.task.resource", resource));
            open.facts.push(("shipway.task.attempt", attempts.to_string()));
        }
        place
    }

    /// Ends a span and what is open inside it; gives what it was part of.
    fn end(&mut self, event: u64, outcome: Outcome, at: i64, ended: &mut Vec<Span>) -> u64 {
        let parent = self.parents.get(&event).copied();
        if parent.is_none() {
            // WHY: the execution ends only with its own events.
            return self.root;
        }
        self.end_inside(event, at, ended);
        self.finish(event, outcome, at, ended);
        parent.unwrap_or(self.root)
    }

    fn finish(&mut self, event: u64, outcome: Outcome, at: i64, ended: &mut Vec<Span>) {
        let Some(open) = self.open.remove(&event) else { return };
        if let Some(outer) = self.parents.get(&event).and_then(|parent| self.open.get_mut(parent)) {
            outer.inside = outer.inside.saturating_sub(1);
        }
        ended.push(Span {
            kind: open.kind,
            event,
            parent: self.parents.get(&event).copied(),
            name: open.name,
            began: open.began,
            ended: at.max(open.began),
            outcome,
            facts: open.facts,
        });
    }

    /// What is still open inside a span was given up.
    fn end_inside(&mut self, outer: u64, at: i64, ended: &mut Vec<Span>) {
        if self.open.get(&outer).is_none_or(|open| open.inside == 0) {
            return;
        }
        let is_inside = |event: u64| {
            let mut place = event;
            while let Some(parent) = self.parents.get(&place).copied().filter(|parent| *parent < place) {
                if parent == outer {
                    return true;
                }
                place = parent;
            }
            false
        };
        let inside: Vec<u64> = self.open.keys().rev().copied().filter(|event| is_inside(*event)).collect();
        for event in inside {
            let error = self.open.get_mut(&event).and_then(|open| open.error.take());
            let outcome = error.map_or(Outcome::Cancellation, |error| Outcome::Failure(Some(error)));
            self.finish(event, outcome, at, ended);
        }
    }

    fn end_all(&mut self, outcome: Outcome, at: i64, ended: &mut Vec<Span>) -> u64 {
        let root = self.root;
        self.end_inside(root, at, ended);
        self.finish(root, outcome, at, ended);
        root
    }
}

fn failure(event: &Event) -> Outcome {
    Outcome::Failure(Some(detail(event, "error")).filter(|error| !error.is_empty()))
}

/// A detail that is no data of the execution, as text.
fn detail(event: &Event, name: &str) -> String {
    let history = event.to_history();
    let fields = history.as_object().into_iter().flatten();
    let details = fields.filter(|(field, _)| field.ends_with("EventDetails")).map(|(_, details)| details);
    let found = details.filter_map(|details| details.get(name)).next();
    match found {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}
