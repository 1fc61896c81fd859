//! Which variables each state refers to, as `DescribeStateMachine` tells it. Checks nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{QueryLanguage, StateMachine, walk};
use crate::diagnostic::MachineKind;

/// Fields that hold scopes of their own: what is inside of them belongs to the states there.
const SCOPES: &[&str] = &["Branches", "ItemProcessor", "Iterator"];
/// The variable that Step Functions sets in JSONata; `$$.` and what JSONata brings are no variables either.
const RESERVED: &[&str] = &["states"];

/// Names of variables by state, both in order.
pub type References = BTreeMap<String, BTreeSet<String>>;

impl StateMachine {
    /// The variables that each state of a definition refers to; states that refer to none are left out.
    pub fn variable_references(definition: &str) -> References {
        let document = serde_json::from_str(definition).unwrap_or(Value::Null);
        let mut references = References::new();
        for state in walk::states(&document, MachineKind::Standard) {
            let mut names = BTreeSet::new();
            for (field, value) in state.fields.iter().filter(|(field, _)| !SCOPES.contains(&field.as_str())) {
                match state.language {
                    QueryLanguage::JsonPath => in_paths(field, value, &mut names),
                    QueryLanguage::Jsonata => in_expressions(value, &mut names),
                }
            }
            if !names.is_empty() {
                references.insert(state.name.to_owned(), names);
            }
        }
        references
    }
}

/// A text counts where it is evaluated: in a field whose name says so.
fn in_paths(field: &str, value: &Value, names: &mut BTreeSet<String>) {
    let is_evaluated = field.ends_with(".$") || field.ends_with("Path") || field == "Variable";
    match value {
        Value::String(text) if is_evaluated => named(text, names),
        Value::Object(fields) => fields.iter().for_each(|(field, value)| in_paths(field, value, names)),
        Value::Array(items) => items.iter().for_each(|item| in_paths("", item, names)),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn in_expressions(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            let expression = text.strip_prefix("{%").and_then(|text| text.strip_suffix("%}"));
            if let Some(expression) = expression {
                named_in_jsonata(expression, names);
            }
        }
        Value::Object(fields) => fields.values().for_each(|value| in_expressions(value, names)),
        Value::Array(items) => items.iter().for_each(|item| in_expressions(item, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Every `$name` outside of quotes.
fn tokens(text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut quote = None;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        match (quote, c) {
            (Some(_), '\\') => {
                rest = after.get(after.chars().next().map_or(0, char::len_utf8)..).unwrap_or_default();
                continue;
            }
            (Some(open), c) if open == c => quote = None,
            (None, '\'' | '"' | '`') => quote = Some(c),
            (None, '$') => {
                let end = after.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(after.len());
                let (name, behind) = after.split_at(end);
                if name.chars().next().is_some_and(|c| !c.is_ascii_digit()) {
                    found.push((name, behind));
                }
                // WHY: `$$` is the context object, whatever follows it.
                rest = behind.strip_prefix('$').filter(|_| name.is_empty()).map_or(behind, |behind| {
                    behind.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_')
                });
                continue;
            }
            _ => {}
        }
        rest = after;
    }
    found
}

fn named(text: &str, names: &mut BTreeSet<String>) {
    names.extend(tokens(text).into_iter().map(|(name, _)| name.to_owned()));
}

/// Functions are called, and what the expression binds itself is its own.
fn named_in_jsonata(text: &str, names: &mut BTreeSet<String>) {
    let tokens = tokens(text);
    let mut bound: BTreeSet<&str> = parameters(text).collect();
    let is_assigned = |behind: &str| behind.trim_start().starts_with(":=");
    bound.extend(tokens.iter().filter(|(_, behind)| is_assigned(behind)).map(|(name, _)| *name));
    bound.extend(RESERVED);
    let is_called = |behind: &str| behind.trim_start().starts_with('(');
    let free = tokens.iter().filter(|(name, behind)| !bound.contains(name) && !is_called(behind));
    names.extend(free.map(|(name, _)| (*name).to_owned()));
}

/// What functions of the expression call what they are given, and names that are bound to places (`@$x`, `#$i`).
fn parameters(text: &str) -> impl Iterator<Item = &str> {
    let lists = ["function", "\u{3bb}"].into_iter().flat_map(move |word| {
        text.match_indices(word).filter_map(move |(start, _)| {
            let list = text.get(start + word.len()..)?.trim_start().strip_prefix('(')?;
            list.split(')').next()
        })
    });
    let places = ["@$", "#$"]
        .into_iter()
        .flat_map(move |mark| text.match_indices(mark).filter_map(move |(start, _)| text.get(start + 1..)));
    let first = |text| tokens(text).into_iter().map(|(name, _)| name).next();
    lists.flat_map(tokens).map(|(name, _)| name).chain(places.filter_map(first))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(state: &Value, expected: &[&str]) {
        let definition = json!({"StartAt": "A", "States": {"A": state}}).to_string();
        let references = StateMachine::variable_references(&definition);
        let names: Vec<&str> = references.get("A").into_iter().flatten().map(String::as_str).collect();
        assert_eq!(names, expected, "{state}");
    }

    #[test]
    fn paths_and_intrinsic_functions_refer() {
        check(
            &json!({"InputPath": "$a.b[0]", "Parameters": {"x.$": "States.Format('$no {}', $b)"}}),
            &["a", "b"],
        );
        check(&json!({"InputPath": "$$.State.Name", "OutputPath": "$.x", "ResultPath": "$.y"}), &[]);
        check(&json!({"Choices": [{"Variable": "$b", "StringEqualsPath": "$a"}]}), &["a", "b"]);
        check(&json!({"Parameters": {"x": "$no"}, "Assign": {"y": "$no", "z.$": "$yes"}}), &["yes"]);
    }

    #[test]
    fn jsonata_refers_to_what_it_does_not_bind_or_call() {
        let output = "{% ($own := $a; $sum([$own, $b, $states.input.x]) & '$no') %}";
        check(&json!({"QueryLanguage": "JSONata", "Output": output, "Comment": "$no"}), &["a", "b"]);
        let output =
            "{% $map($list, function($item, $index) { $item + $more })[x@$place.y#$at][$place + $at] %}";
        check(&json!({"QueryLanguage": "JSONata", "Output": output}), &["list", "more"]);
    }

    #[test]
    fn what_is_inside_of_a_map_belongs_to_its_states() {
        let inner = json!({"StartAt": "B", "States": {"B": {"Type": "Pass", "InputPath": "$b"}}});
        let map = json!({"Type": "Map", "ItemsPath": "$a", "ItemProcessor": inner});
        let definition = json!({"StartAt": "A", "States": {"A": map}}).to_string();
        let references = StateMachine::variable_references(&definition);
        assert_eq!(json!(references), json!({"A": ["a"], "B": ["b"]}));
    }
}
