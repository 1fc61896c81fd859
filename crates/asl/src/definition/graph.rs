//! Checks where transitions lead: targets exist, states are reached, an end can be reached.

use std::collections::{HashMap, HashSet};

use super::reader::{Reader, TARGET};
use super::{Kind, Scope, State};
use crate::diagnostic::Severity;

/// Checks one scope. Scopes inside of it have been checked already.
pub(super) fn check(
    scope: &Scope,
    states: &HashMap<String, State>,
    reader: &Reader<'_>,
    states_reader: &Reader<'_>,
) {
    let error = |at: String, message: String| reader.findings.add(Severity::Error, TARGET, at, message);
    // WHY: states that could not be read are missing from the scope; asking the document avoids
    // complaints about targets that exist.
    let exists = |name: &str| states_reader.has(name);
    if !exists(&scope.start_at) {
        error(reader.at("StartAt"), format!("Missing 'StartAt' target: {}", scope.start_at));
    }
    let own = || scope.states.iter().filter_map(|name| states.get(name));
    for state in own() {
        for (field, target) in targets(state).into_iter().filter(|(_, target)| !exists(target)) {
            error(
                format!("{}/{field}", states_reader.at(&state.name)),
                format!("Missing 'Next' target: {target}"),
            );
        }
    }
    if scope.states.len() < states_reader.iter().count() {
        // WHY: where a state could not be read, what it leads to is unknown.
        return;
    }
    let reached = reached(scope, states);
    for state in own().filter(|state| !reached.contains(state.name.as_str())) {
        error(states_reader.at(&state.name), format!("State \"{}\" is not reachable.", state.name));
    }
    if own().next().is_some() && !own().any(is_terminal) {
        error(
            reader.pointer.clone(),
            "No terminal state: one needs \"End\": true, or is a Succeed or Fail".into(),
        );
    }
}

/// Names that transitions lead to from the start.
fn reached<'s>(scope: &'s Scope, states: &'s HashMap<String, State>) -> HashSet<&'s str> {
    let mut reached: HashSet<&str> = HashSet::new();
    let mut open = vec![scope.start_at.as_str()];
    while let Some(name) = open.pop() {
        if reached.insert(name) {
            open.extend(states.get(name).into_iter().flat_map(targets).map(|(_, target)| target));
        }
    }
    reached
}

fn is_terminal(state: &State) -> bool {
    match state.kind {
        Kind::Choice { .. } => false,
        _ => state.next.is_none(),
    }
}

fn targets(state: &State) -> Vec<(String, &str)> {
    let mut targets: Vec<(String, &str)> = Vec::new();
    targets.extend(state.next.iter().map(|next| ("Next".to_owned(), next.as_str())));
    if let Kind::Choice { rules, default } = &state.kind {
        let rules = rules.iter().enumerate();
        targets.extend(rules.map(|(index, rule)| (format!("Choices/{index}/Next"), rule.next.as_str())));
        targets.extend(default.iter().map(|next| ("Default".to_owned(), next.as_str())));
    }
    let catchers = state.catch.iter().enumerate();
    targets.extend(catchers.map(|(index, catcher)| (format!("Catch/{index}/Next"), catcher.next.as_str())));
    targets
}
