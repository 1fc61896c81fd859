//! Checks where transitions lead: targets exist, states are reached, an end can be reached.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::findings::Findings;
use super::walk::escape;
use crate::diagnostic::{MISSING_END_STATE, MISSING_TRANSITION_TARGET};
use crate::limits::NESTING_MAX;

/// Checks the machine and the scopes inside of it.
pub(super) fn check(document: &Value, findings: &Findings) {
    // WHY: where a state is wrong in itself, what it was meant to lead to is unknown.
    let graph = Graph { findings, is_sound: !findings.has_errors() };
    graph.scope(document, "", 0);
}

struct Graph<'f> {
    findings: &'f Findings,
    /// Whether all states are as they should be.
    is_sound: bool,
}

impl Graph<'_> {
    fn scope(&self, scope: &Value, pointer: &str, depth: usize) {
        let Some(states) = scope.get("States").and_then(Value::as_object) else { return };
        if depth > NESTING_MAX {
            return;
        }
        let start = scope.get("StartAt").and_then(Value::as_str);
        self.targets(start, states, pointer);
        if self.is_sound {
            // WHY: AWS asks for an end of the machine only; a branch without one is accepted.
            if pointer.is_empty() && !states.values().any(is_terminal) {
                self.findings.nowhere(MISSING_END_STATE, "Workflow has no terminal state");
            } else {
                self.unreached(start, states, pointer);
            }
        }
        for (name, state) in states {
            let pointer = format!("{pointer}/States/{}", escape(name));
            for (index, branch) in items(state, "Branches").iter().enumerate() {
                self.scope(branch, &format!("{pointer}/Branches/{index}"), depth + 1);
            }
            for field in ["ItemProcessor", "Iterator"] {
                if let Some(processor) = state.get(field) {
                    self.scope(processor, &format!("{pointer}/{field}"), depth + 1);
                }
            }
        }
    }

    /// Transitions that lead to no state of the scope.
    fn targets(&self, start: Option<&str>, states: &Map<String, Value>, pointer: &str) {
        let missing = |at: String, target: &str| {
            if !states.contains_key(target) {
                // WHY: AWS says `Next` wherever the name stands, also for `StartAt` and `Default`.
                let message = format!("Missing 'Next' target: {target}");
                self.findings.at(MISSING_TRANSITION_TARGET, at, message);
            }
        };
        if let Some(start) = start {
            missing(format!("{pointer}/StartAt"), start);
        }
        for (name, state) in states {
            for (field, target) in targets(state) {
                missing(format!("{pointer}/States/{}/{field}", escape(name)), target);
            }
        }
    }

    fn unreached(&self, start: Option<&str>, states: &Map<String, Value>, pointer: &str) {
        let reached = reached(start, states);
        for name in states.keys().filter(|name| !reached.contains(name.as_str())) {
            self.findings.at(
                MISSING_TRANSITION_TARGET,
                format!("{pointer}/States/{}", escape(name)),
                format!("State \"{name}\" is not reachable."),
            );
        }
    }
}

/// Names that transitions lead to from the start.
fn reached<'s>(start: Option<&'s str>, states: &'s Map<String, Value>) -> HashSet<&'s str> {
    let mut reached: HashSet<&str> = HashSet::new();
    let mut open: Vec<&str> = start.into_iter().collect();
    // Every name is followed once, so the number of transitions bounds the loop.
    while let Some(name) = open.pop() {
        if reached.insert(name) {
            open.extend(states.get(name).into_iter().flat_map(targets).map(|(_, target)| target));
        }
    }
    reached
}

fn is_terminal(state: &Value) -> bool {
    let kind = state.get("Type").and_then(Value::as_str);
    matches!(kind, Some("Succeed" | "Fail")) || state.get("End") == Some(&Value::Bool(true))
}

/// Where a state leads, with the pointer of the field below the state.
fn targets(state: &Value) -> Vec<(String, &str)> {
    let text = |field: &str| state.get(field).and_then(Value::as_str);
    let mut targets: Vec<(String, &str)> = Vec::new();
    targets.extend(text("Next").map(|next| ("Next".to_owned(), next)));
    for list in ["Choices", "Catch"] {
        for (index, item) in items(state, list).iter().enumerate() {
            let next = item.get("Next").and_then(Value::as_str);
            targets.extend(next.map(|next| (format!("{list}/{index}/Next"), next)));
        }
        if list == "Choices" {
            targets.extend(text("Default").map(|next| ("Default".to_owned(), next)));
        }
    }
    targets
}

fn items<'d>(value: &'d Value, field: &str) -> &'d [Value] {
    value.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
