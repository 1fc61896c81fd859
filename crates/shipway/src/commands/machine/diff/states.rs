//! States as they are compared: content without names of other states, and transitions apart from it.

use serde_json::{Map, Value};

use crate::commands::machine::view::{StateView, View, errors};

/// The end of a machine, branch or item processor, as a target.
pub const END: &str = "(end)";

/// One state.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Its name.
    pub name: String,
    /// Its `Type`.
    pub kind: String,
    /// Where it stands: the pointer of its machine, branch or item processor.
    pub scope: String,
    /// Its fields, without inner states and targets of transitions.
    pub fields: Map<String, Value>,
    /// Why it goes where.
    pub transitions: Vec<Transition>,
}

/// One transition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// `next`, `otherwise`, `if` and a rule, `on` and errors.
    pub why: String,
    /// A state, or [`END`].
    pub to: String,
}

/// All states of a definition, in the order of the document.
pub fn states(definition: &Value) -> Vec<State> {
    View::new(definition).states.iter().map(state).collect()
}

fn state(view: &StateView<'_>) -> State {
    let scope = view.pointer.rsplit_once("/States/").map_or("", |(scope, _)| scope);
    State {
        name: view.name.to_owned(),
        kind: view.kind().to_owned(),
        scope: scope.to_owned(),
        fields: fields(view),
        transitions: transitions(view),
    }
}

fn fields(view: &StateView<'_>) -> Map<String, Value> {
    let mut fields = view.fields.clone();
    for field in ["Type", "Next", "End", "Default"] {
        fields.shift_remove(field);
    }
    for field in ["ItemProcessor", "Iterator"] {
        if let Some(processor) = fields.get_mut(field) {
            without(processor, "States");
        }
    }
    let lists = [("Branches", "States"), ("Choices", "Next"), ("Catch", "Next")];
    for (list, field) in lists {
        for item in fields.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            without(item, field);
        }
    }
    fields
}

fn without(value: &mut Value, field: &str) {
    if let Some(object) = value.as_object_mut() {
        object.shift_remove(field);
    }
}

fn transitions(view: &StateView<'_>) -> Vec<Transition> {
    let named = |field: &str| view.fields.get(field).and_then(Value::as_str).map(str::to_owned);
    let item = |item: &Map<String, Value>| item.get("Next").and_then(Value::as_str).map(str::to_owned);
    let mut transitions = Vec::new();
    let mut add = |why: String, to: Option<String>| transitions.extend(to.map(|to| Transition { why, to }));
    add("next".to_owned(), named("Next"));
    let ends = view.fields.get("End") == Some(&Value::Bool(true));
    add("next".to_owned(), ends.then(|| END.to_owned()));
    for (_, rule) in view.list("Choices") {
        add(format!("if {}", condition(rule)), item(rule));
    }
    add("otherwise".to_owned(), named("Default"));
    for (_, catcher) in view.list("Catch") {
        add(format!("on {}", errors(catcher).join(", ")), item(catcher));
    }
    transitions
}

/// A rule's condition, in one order of fields.
fn condition(rule: &Map<String, Value>) -> String {
    if let Some(condition) = rule.get("Condition").and_then(Value::as_str) {
        return condition.to_owned();
    }
    let mut rule = rule.clone();
    for field in ["Next", "Comment", "Assign", "Output"] {
        rule.shift_remove(field);
    }
    sorted(&Value::Object(rule)).to_string()
}

/// The same value with the fields of objects in one order.
pub fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut names: Vec<&String> = fields.keys().collect();
            names.sort();
            names.into_iter().filter_map(|name| Some((name.clone(), sorted(fields.get(name)?)))).collect()
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}
