//! Tells transitions apart that lead from one state to the same other state: a copy of the machine in which
//! each of them goes through a Pass state of its own. Only for coverage; the copy's history is thrown away.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{Hop, Rehearsed, Taken};

/// A machine with probes, and what each probe stands for.
#[derive(Clone, Debug, PartialEq)]
pub struct Probes {
    /// The definition with probes.
    pub definition: Value,
    by_name: BTreeMap<String, Taken>,
}

impl Probes {
    /// Puts probes where they are needed; none if each transition is told apart without them.
    pub fn new(definition: &Value) -> Option<Self> {
        let mut probes = Self { definition: definition.clone(), by_name: BTreeMap::new() };
        let mut definition = std::mem::take(&mut probes.definition);
        probes.scope(&mut definition);
        probes.definition = definition;
        (!probes.by_name.is_empty()).then_some(probes)
    }

    /// The transitions that a rehearsal of the machine with probes has taken.
    pub fn taken(&self, rehearsed: &Rehearsed) -> BTreeSet<Taken> {
        let name = |hop: &Hop| self.by_name.get(&hop.to).cloned();
        rehearsed.hops.iter().filter_map(name).collect()
    }

    /// The machine, a branch, or an item processor.
    fn scope(&mut self, scope: &mut Value) {
        let Some(states) = scope.get_mut("States").and_then(Value::as_object_mut) else { return };
        let mut added = Map::new();
        for (name, state) in states.iter_mut() {
            self.below(state);
            self.state(name, state, &mut added);
        }
        states.extend(added);
    }

    fn below(&mut self, state: &mut Value) {
        for branch in state.get_mut("Branches").and_then(Value::as_array_mut).into_iter().flatten() {
            self.scope(branch);
        }
        for field in ["ItemProcessor", "Iterator"] {
            if let Some(processor) = state.get_mut(field) {
                self.scope(processor);
            }
        }
    }

    fn state(&mut self, name: &str, state: &mut Value, added: &mut Map<String, Value>) {
        let mut targets = targets(state);
        let all: Vec<String> = targets.iter().map(|target| target.to_string()).collect();
        for (place, target) in targets.iter_mut().enumerate() {
            if all.iter().filter(|other| **other == target.to_string()).count() < 2 {
                continue;
            }
            let probe = format!("\u{1}probe {}", self.by_name.len());
            added.insert(probe.clone(), json!({"Type": "Pass", "Next": (**target).clone()}));
            **target = Value::String(probe.clone());
            self.by_name.insert(probe, Taken { from: name.to_owned(), place });
        }
    }
}

/// The targets of a state's transitions in the order of the outline: Next, rules, Default, catchers.
fn targets(state: &mut Value) -> Vec<&mut Value> {
    let Some(fields) = state.as_object_mut() else { return Vec::new() };
    let (mut next, mut rules, mut default, mut catchers) = (None, Vec::new(), None, Vec::new());
    for (field, value) in fields.iter_mut() {
        match field.as_str() {
            "Next" => next = Some(value),
            "Default" => default = Some(value),
            "Choices" => rules = nexts(value),
            "Catch" => catchers = nexts(value),
            _ => {}
        }
    }
    next.into_iter().chain(rules).chain(default).chain(catchers).collect()
}

fn nexts(list: &mut Value) -> Vec<&mut Value> {
    let items = list.as_array_mut().into_iter().flatten();
    items.filter_map(|item| item.get_mut("Next")).collect()
}
