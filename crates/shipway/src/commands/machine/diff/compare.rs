//! What is different between two machines. Does not write it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::states::{State, Transition, sorted, states};
use crate::commands::machine::view::escape;

/// All that is different.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Difference {
    /// Fields of the machine itself.
    pub machine: Vec<Field>,
    /// States that are new.
    pub added: Vec<State>,
    /// States that are gone.
    pub removed: Vec<State>,
    /// States with another name: old and new.
    pub renamed: Vec<(String, String)>,
    /// States that are not as they were.
    pub changed: Vec<Changed>,
}

/// A field that is not as it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its place, such as `Retry/0/MaxAttempts`.
    pub place: String,
    /// What it was.
    pub old: Option<Value>,
    /// What it is.
    pub new: Option<Value>,
}

/// A state that is not as it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// Its name now.
    pub name: String,
    /// Its `Type` now.
    pub kind: String,
    /// Its fields; a change of `Type` is one of them.
    pub fields: Vec<Field>,
    /// Its transitions: why, where to before, where to now.
    pub transitions: Vec<(String, Option<String>, Option<String>)>,
}

impl Difference {
    /// What is different between two definitions.
    pub fn between(old: &Value, new: &Value) -> Self {
        let (before, after) = (states(old), states(new));
        let has = |states: &[State], name: &str| states.iter().any(|state| state.name == name);
        let mut removed: Vec<State> =
            before.iter().filter(|state| !has(&after, &state.name)).cloned().collect();
        let mut added: Vec<State> =
            after.iter().filter(|state| !has(&before, &state.name)).cloned().collect();
        let renamed = renames(&mut removed, &mut added);
        let names: BTreeMap<&str, &str> =
            renamed.iter().map(|(old, new)| (old.as_str(), new.as_str())).collect();
        let now = |name: &str| (*names.get(name).unwrap_or(&name)).to_owned();
        let mut changed = Vec::new();
        for state in &before {
            let name = now(&state.name);
            if let Some(other) = after.iter().find(|other| other.name == name) {
                changed.extend(change(state, other, &now));
            }
        }
        Self { machine: machine(old, new, &now), added, removed, renamed, changed }
    }

    /// Whether nothing is different.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn machine(old: &Value, new: &Value, now: &dyn Fn(&str) -> String) -> Vec<Field> {
    let own = |definition: &Value| {
        let mut fields = definition.as_object().cloned().unwrap_or_default();
        fields.shift_remove("States");
        fields
    };
    let mut before = own(old);
    if let Some(Value::String(start)) = before.get_mut("StartAt") {
        *start = now(start);
    }
    let mut fields = Vec::new();
    objects("", &before, &own(new), &mut fields);
    fields
}

/// Takes those out of both lists that are the same state under another name.
fn renames(removed: &mut Vec<State>, added: &mut Vec<State>) -> Vec<(String, String)> {
    let mut renamed = Vec::new();
    // WHY: first those that also lead to the same states, since many states have little content.
    for is_strict in [true, false] {
        let alike = |old: &State, new: &State| is_alike(old, new, is_strict);
        let mut place = 0;
        while let Some(old) = removed.get(place) {
            let mut candidates = added.iter().enumerate().filter(|(_, new)| alike(old, new));
            let found = candidates.next().filter(|_| candidates.next().is_none());
            let is_only = |new: &State| removed.iter().filter(|other| alike(other, new)).count() == 1;
            match found.filter(|(_, new)| is_only(new)).map(|(at, _)| at) {
                Some(at) => renamed.push((removed.remove(place).name, added.remove(at).name)),
                None => place = place.saturating_add(1),
            }
        }
    }
    renamed
}

fn is_alike(old: &State, new: &State, is_strict: bool) -> bool {
    let whys =
        |state: &State| state.transitions.iter().map(|transition| transition.why.clone()).collect::<Vec<_>>();
    let fields = |state: &State| sorted(&Value::Object(state.fields.clone()));
    old.kind == new.kind
        && fields(old) == fields(new)
        && if is_strict { old.transitions == new.transitions } else { whys(old) == whys(new) }
}

fn change(old: &State, new: &State, now: &dyn Fn(&str) -> String) -> Option<Changed> {
    let mut fields = Vec::new();
    if old.kind != new.kind {
        fields.push(field("Type", Some(&old.kind.as_str().into()), Some(&new.kind.as_str().into())));
    }
    // The pointer of a scope names states too.
    let scope: Vec<String> = old.scope.split('/').map(now).collect();
    if scope.join("/") != new.scope {
        fields.push(field("(place)", Some(&old.scope.as_str().into()), Some(&new.scope.as_str().into())));
    }
    objects("", &start_renamed(&old.fields, now), &new.fields, &mut fields);
    let before: Vec<Transition> = old
        .transitions
        .iter()
        .map(|transition| Transition { why: transition.why.clone(), to: now(&transition.to) })
        .collect();
    let transitions = transitions(&before, &new.transitions);
    let is_changed = !fields.is_empty() || !transitions.is_empty();
    is_changed.then(|| Changed { name: new.name.clone(), kind: new.kind.clone(), fields, transitions })
}

/// `StartAt` of branches and item processors names a state.
fn start_renamed(fields: &Map<String, Value>, now: &dyn Fn(&str) -> String) -> Map<String, Value> {
    let mut fields = fields.clone();
    let rename = |scope: &mut Value| {
        if let Some(Value::String(start)) = scope.get_mut("StartAt") {
            *start = now(start);
        }
    };
    fields.get_mut("Branches").and_then(Value::as_array_mut).into_iter().flatten().for_each(rename);
    for field in ["ItemProcessor", "Iterator"] {
        fields.get_mut(field).into_iter().for_each(rename);
    }
    fields
}

fn transitions(old: &[Transition], new: &[Transition]) -> Vec<(String, Option<String>, Option<String>)> {
    let mut found = Vec::new();
    let mut left: Vec<&Transition> = new.iter().collect();
    for before in old {
        match left.iter().position(|after| after.why == before.why) {
            None => found.push((before.why.clone(), Some(before.to.clone()), None)),
            Some(at) => {
                let after = left.remove(at);
                if after.to != before.to {
                    found.push((before.why.clone(), Some(before.to.clone()), Some(after.to.clone())));
                }
            }
        }
    }
    found.extend(left.into_iter().map(|after| (after.why.clone(), None, Some(after.to.clone()))));
    found
}

fn field(place: &str, old: Option<&Value>, new: Option<&Value>) -> Field {
    Field { place: place.to_owned(), old: old.cloned(), new: new.cloned() }
}

fn objects(above: &str, old: &Map<String, Value>, new: &Map<String, Value>, found: &mut Vec<Field>) {
    let more = new.keys().filter(|name| !old.contains_key(*name));
    for name in old.keys().chain(more) {
        let place = if above.is_empty() { escape(name) } else { format!("{above}/{}", escape(name)) };
        values(&place, old.get(name), new.get(name), found);
    }
}

fn values(place: &str, old: Option<&Value>, new: Option<&Value>, found: &mut Vec<Field>) {
    match (old, new) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => objects(place, old, new, found),
        (Some(Value::Array(old)), Some(Value::Array(new))) => arrays(place, old, new, found),
        (Some(Value::Number(old)), Some(Value::Number(new))) if old.as_f64() == new.as_f64() => {}
        (old, new) if old == new => {}
        (old, new) => found.push(field(place, old, new)),
    }
}

/// What both ends of two lists have in common is the same; of the rest, items for the same errors are compared with
/// each other, and others with the one at their place.
fn arrays(place: &str, old: &[Value], new: &[Value], found: &mut Vec<Field>) {
    let same = |(old, new): &(&Value, &Value)| sorted(old) == sorted(new);
    let start = old.iter().zip(new).take_while(same).count();
    let rest = old.len().min(new.len()).saturating_sub(start);
    let end = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(same).count();
    let middle = |list: &[Value]| -> Vec<(usize, Value)> {
        let most = list.len().saturating_sub(end).saturating_sub(start);
        list.iter().cloned().enumerate().skip(start).take(most).collect()
    };
    let (before, mut after) = (middle(old), middle(new));
    let mut left = Vec::new();
    for (at, item) in before {
        let twin = after.iter().position(|(_, other)| is_for_same_errors(&item, other));
        match twin.map(|twin| after.remove(twin)) {
            Some((now, other)) => values(&format!("{place}/{now}"), Some(&item), Some(&other), found),
            None => left.push((at, item)),
        }
    }
    for (at, item) in left {
        let twin = after.iter().position(|(now, other)| *now == at && other.get("ErrorEquals").is_none());
        let other = twin.map(|twin| after.remove(twin).1);
        values(&format!("{place}/{at}"), Some(&item), other.as_ref(), found);
    }
    for (now, other) in after {
        values(&format!("{place}/{now}"), None, Some(&other), found);
    }
}

fn is_for_same_errors(old: &Value, new: &Value) -> bool {
    let errors = old.get("ErrorEquals");
    errors.is_some() && errors == new.get("ErrorEquals")
}
