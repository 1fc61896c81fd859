//! Reads the way of an execution from its history: which states, when, and by which transitions.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::definition::StateKind;
use crate::event::{Detail, Event, Failed};
use crate::execution::ROOT;
use crate::timestamp::Timestamp;

/// One stay in a state.
#[derive(Clone, Debug, PartialEq)]
pub struct Visit {
    /// The state's name.
    pub state: String,
    /// Its `Type`.
    pub kind: &'static str,
    /// Id of the event that entered it.
    pub event: u64,
    /// How many Parallel and Map states it is inside of.
    pub depth: usize,
    /// Which branch or item of the innermost one.
    pub index: Option<u32>,
    /// When it was entered.
    pub entered_at: Timestamp,
    /// When it was exited; none if it never was.
    pub exited_at: Option<Timestamp>,
    /// What it got.
    pub input: Arc<Value>,
    /// What it gave on.
    pub output: Option<Arc<Value>>,
    /// The variables that it assigned.
    pub assigned: Map<String, Value>,
    /// How often its work was begun: 1, and one more for each retry; 0 for states that do no work.
    pub attempts: u32,
    /// Errors of its work, in order, with their causes.
    pub errors: Vec<(String, Option<String>)>,
    /// Whether a catcher took its last error.
    pub is_caught: bool,
}

/// One transition that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The state that was exited.
    pub from: String,
    /// The state that was entered then.
    pub to: String,
    /// Whether the work of `from` had failed, so that a catcher led here.
    pub is_caught: bool,
    /// When.
    pub at: Timestamp,
}

/// Which states and transitions were gone through.
#[derive(Default)]
pub(super) struct Way {
    pub visits: Vec<Visit>,
    pub hops: Vec<Hop>,
}

impl Way {
    /// Adds the way of a Map Run's child: one deeper than its own machine says.
    pub fn add_child(&mut self, child: u32, visits: Vec<Visit>, hops: Vec<Hop>) {
        self.visits.extend(visits.into_iter().map(|visit| Visit {
            index: if visit.depth == 0 { Some(child) } else { visit.index },
            depth: visit.depth + 1,
            ..visit
        }));
        self.hops.extend(hops);
    }

    /// Puts the children's way after the visit of the Map state whose Map Run an event has started.
    pub fn put_below(&mut self, run: u64, state: &str, below: Self) {
        let is_map = |visit: &Visit| visit.state == state && visit.event < run;
        let Some(place) = self.visits.iter().rposition(is_map) else { return };
        let depth = self.visits.get(place).map_or(0, |visit| visit.depth);
        let children = below.visits.into_iter().map(|visit| Visit { depth: visit.depth + depth, ..visit });
        self.visits.splice(place + 1..place + 1, children);
        self.hops.extend(below.hops);
    }
}

/// The states and transitions of a history.
pub(super) fn walk(events: &[Event]) -> Way {
    let mut walk = Walk::default();
    for event in events {
        walk.see(event);
    }
    Way { visits: walk.visits, hops: walk.hops }
}

#[derive(Default)]
struct Walk {
    visits: Vec<Visit>,
    hops: Vec<Hop>,
    /// The line of control of each event.
    frames: BTreeMap<u64, u64>,
    lines: BTreeMap<u64, Line>,
}

/// One line of control.
#[derive(Default)]
struct Line {
    /// The visit that it is in.
    visit: Option<usize>,
    /// Whether the work of that visit has succeeded.
    has_succeeded: bool,
    /// The state that it came out of last, and whether by a catcher.
    left: Option<(String, bool)>,
}

impl Walk {
    fn see(&mut self, event: &Event) {
        self.frames.insert(event.id, event.frame);
        // Not exhaustive on purpose: events that neither move nor fail a state say nothing about the way.
        match &event.detail {
            Detail::StateEntered { kind, name, input } => self.enter(event, *kind, name, input),
            Detail::StateExited { kind, name, output, assigned } => {
                self.exit(event, *kind, name, output);
                if let Some(visit) = self.visit(event.frame) {
                    visit.assigned.clone_from(assigned);
                }
            }
            Detail::TaskScheduled(_) | Detail::ParallelStarted { .. } | Detail::MapStarted { .. } => {
                self.begin(event);
            }
            Detail::TaskSucceeded { .. } | Detail::ParallelSucceeded | Detail::MapSucceeded => {
                self.lines.entry(event.frame).or_default().has_succeeded = true;
            }
            Detail::TaskFailed { failed, .. } | Detail::TaskTimedOut { failed, .. } => {
                self.fail(event, failed);
            }
            Detail::MapRunFailed(failed) => self.fail(event, failed),
            _ => {}
        }
    }

    fn visit(&mut self, frame: u64) -> Option<&mut Visit> {
        let place = self.lines.get(&frame)?.visit?;
        self.visits.get_mut(place)
    }

    fn enter(&mut self, event: &Event, kind: StateKind, name: &str, input: &Arc<Value>) {
        let (depth, index) = self.place(event.frame);
        let line = self.lines.entry(event.frame).or_default();
        if let Some((from, is_caught)) = line.left.take() {
            self.hops.push(Hop { from, to: name.to_owned(), is_caught, at: event.timestamp });
        }
        (line.visit, line.has_succeeded) = (Some(self.visits.len()), false);
        self.visits.push(Visit {
            state: name.to_owned(),
            kind: kind.name(),
            event: event.id,
            depth,
            index,
            entered_at: event.timestamp,
            exited_at: None,
            input: Arc::clone(input),
            output: None,
            assigned: Map::new(),
            attempts: 0,
            errors: Vec::new(),
            is_caught: false,
        });
    }

    fn exit(&mut self, event: &Event, kind: StateKind, name: &str, output: &Arc<Value>) {
        let works = matches!(kind, StateKind::Task | StateKind::Parallel | StateKind::Map);
        let line = self.lines.entry(event.frame).or_default();
        let is_caught = works && !line.has_succeeded;
        line.left = Some((name.to_owned(), is_caught));
        if let Some(visit) = self.visit(event.frame) {
            visit.exited_at = Some(event.timestamp);
            visit.output = Some(Arc::clone(output));
            visit.is_caught = is_caught;
        }
    }

    fn begin(&mut self, event: &Event) {
        self.lines.entry(event.frame).or_default().has_succeeded = false;
        if let Some(visit) = self.visit(event.frame) {
            visit.attempts += 1;
        }
    }

    fn fail(&mut self, event: &Event, failed: &Failed) {
        let error = failed.error.clone().unwrap_or_default();
        if let Some(visit) = self.visit(event.frame) {
            visit.errors.push((error, failed.cause.clone()));
        }
    }

    /// How deep a line of control is, and which one it is of its siblings.
    fn place(&self, frame: u64) -> (usize, Option<u32>) {
        let index = (frame != ROOT).then(|| u32::try_from(frame & FRAME_INDEX).unwrap_or(u32::MAX));
        let (mut depth, mut above) = (0, frame);
        while above != ROOT {
            depth += 1;
            // INVARIANT: the event that forked a line comes before it and belongs to the line above.
            above = self.frames.get(&(above >> FRAME_BITS)).copied().unwrap_or(ROOT);
        }
        (depth, index)
    }
}

/// How a line of control is numbered; see `child_frame`.
const FRAME_BITS: u32 = 20;
const FRAME_INDEX: u64 = (1 << FRAME_BITS) - 1;
