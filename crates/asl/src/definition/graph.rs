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
    let mut reached: HashSet<&str> = HashSet::from([scope.start_at.as_str()]);
    let own = || scope.states.iter().filter_map(|name| states.get(name));
    for state in own() {
        for (field, target) in targets(state) {
            if !exists(target) {
                error(
                    format!("{}/{field}", states_reader.at(&state.name)),
                    format!("Missing 'Next' target: {target}"),
                );
            }
            if target != state.name {
                reached.insert(target);
            }
        }
    }
    for state in own().filter(|state| !reached.contains(state.name.as_str())) {
        error(states_reader.at(&state.name), format!("State \"{}\" is not reachable.", state.name));
    }
    if scope.states.len() == states_reader.iter().count() && own().next().is_some() && !own().any(is_terminal)
    {
        error(
            reader.pointer.clone(),
            "No terminal state: one needs \"End\": true, or is a Succeed or Fail".into(),
        );
    }
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
