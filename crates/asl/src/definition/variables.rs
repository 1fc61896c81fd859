//! Checks the scopes of variables: what an inner scope assigns, no scope around it may assign.

use std::collections::HashSet;

use serde_json::Value;

use super::QueryLanguage;
use super::fields::variable;
use super::reader::Reader;
use crate::diagnostic::Severity;

/// AWS's code for a variable that an outer scope has too.
const DUPLICATE: &str = "DUPLICATE_VARIABLE_NAME";

/// Checks the machine and all scopes inside of it.
pub(super) fn check(machine: &Reader<'_>, language: QueryLanguage) {
    Scopes { machine: language }.scope(machine, &HashSet::new());
}

struct Scopes {
    /// The machine's query language.
    machine: QueryLanguage,
}

impl Scopes {
    fn scope(&self, scope: &Reader<'_>, outer: &HashSet<String>) {
        let states: Vec<Reader<'_>> = members(scope, "States");
        let assigned: Vec<HashSet<String>> = states.iter().map(|state| self.assigned(state, outer)).collect();
        for (index, state) in states.iter().enumerate() {
            // WHY: what a Parallel or Map assigns itself is given when its inner scopes have ended; AWS
            // lets them use the same name.
            let others = assigned.iter().enumerate().filter(|(other, _)| *other != index);
            let names: HashSet<String> = others.flat_map(|(_, names)| names).chain(outer).cloned().collect();
            for inner in inner_scopes(state) {
                self.scope(&inner, &names);
            }
        }
    }

    /// The variables that a state assigns; those that an outer scope has too are reported.
    fn assigned(&self, state: &Reader<'_>, outer: &HashSet<String>) -> HashSet<String> {
        let language = self.language(state);
        let mut names = HashSet::new();
        for object in [elements(state, "Choices"), elements(state, "Catch")].iter().flatten() {
            assigned(object, language, outer, &mut names);
        }
        assigned(state, language, outer, &mut names);
        names
    }

    fn language(&self, state: &Reader<'_>) -> QueryLanguage {
        match state.get("QueryLanguage").and_then(Value::as_str) {
            None => self.machine,
            Some("JSONPath") => QueryLanguage::JsonPath,
            Some(_) => QueryLanguage::Jsonata,
        }
    }
}

/// The scopes of a Parallel's branches or a Map's items.
fn inner_scopes<'d>(state: &Reader<'d>) -> Vec<Reader<'d>> {
    let mut scopes = elements(state, "Branches");
    for field in ["ItemProcessor", "Iterator"] {
        if state.get(field).is_some_and(Value::is_object) {
            scopes.extend(state.object(field));
        }
    }
    scopes
}

/// The objects of an object; whatever is none has been reported already.
fn members<'d>(reader: &Reader<'d>, field: &str) -> Vec<Reader<'d>> {
    let Some(Value::Object(_)) = reader.get(field) else { return Vec::new() };
    let Some(object) = reader.object(field) else { return Vec::new() };
    let inside = object.iter().filter(|(_, value)| value.is_object());
    inside.filter_map(|(name, _)| object.object(name)).collect()
}

/// The objects of an array; an array of anything else has been reported already.
fn elements<'d>(reader: &Reader<'d>, field: &str) -> Vec<Reader<'d>> {
    match reader.get(field) {
        Some(Value::Array(items)) if items.iter().all(Value::is_object) => reader.objects(field),
        _ => Vec::new(),
    }
}

fn assigned(
    object: &Reader<'_>,
    language: QueryLanguage,
    outer: &HashSet<String>,
    names: &mut HashSet<String>,
) {
    let Some(Value::Object(variables)) = object.get("Assign") else { return };
    for field in variables.keys() {
        let name = variable(language, field);
        if outer.contains(name) {
            let at = format!("{}/{field}", object.at("Assign"));
            let message = format!("The variable name '{name}' was already defined in a parent scope.");
            object.findings.add(Severity::Error, DUPLICATE, at, message);
        }
        names.insert(name.to_owned());
    }
}
