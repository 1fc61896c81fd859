//! Differences for reviewers and for programs.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{
    compare::{Changed, Difference, Field},
    states::State,
};
use crate::{
    exit::Code,
    output::{BOLD, GREEN, Paint, RED, YELLOW},
    words::{clean, count},
};

/// Characters of a value that are shown.
const VALUE_CHARS_MAX: usize = 100;

/// For reviewers.
pub fn text(difference: &Difference, paint: Paint) -> String {
    let mut text = String::new();
    if !difference.machine.is_empty() {
        let _ = writeln!(text, "{} the machine", paint.paint(YELLOW, "changed "));
        fields(&mut text, &difference.machine);
    }
    for (old, new) in &difference.renamed {
        let _ = writeln!(text, "{} {old} -> {new}", paint.paint(YELLOW, "renamed "));
    }
    for state in &difference.removed {
        whole(&mut text, &paint.paint(RED, "removed "), state);
    }
    for state in &difference.added {
        whole(&mut text, &paint.paint(GREEN, "added   "), state);
    }
    for changed in &difference.changed {
        let name = paint.paint(BOLD, &changed.name);
        let _ = writeln!(text, "{} {name} ({})", paint.paint(YELLOW, "changed "), changed.kind);
        fields(&mut text, &changed.fields);
        transitions(&mut text, changed);
    }
    text
}

fn whole(text: &mut String, verb: &str, state: &State) {
    let _ = writeln!(text, "{verb} {} ({})", state.name, state.kind);
    for transition in &state.transitions {
        let _ = writeln!(text, "           {}: {}", clean(&transition.why, VALUE_CHARS_MAX), transition.to);
    }
}

fn fields(text: &mut String, fields: &[Field]) {
    for field in fields {
        let _ =
            writeln!(text, "           {}: {}", field.place, change(field.old.as_ref(), field.new.as_ref()));
    }
}

fn transitions(text: &mut String, changed: &Changed) {
    for (why, old, new) in &changed.transitions {
        let name = |to: &Option<String>| to.clone().unwrap_or_else(|| "(none)".to_owned());
        let _ = writeln!(text, "           {}: {} -> {}", clean(why, VALUE_CHARS_MAX), name(old), name(new));
    }
}

fn change(old: Option<&Value>, new: Option<&Value>) -> String {
    let shown = |value: Option<&Value>| {
        value.map_or("(none)".to_owned(), |value| clean(&value.to_string(), VALUE_CHARS_MAX))
    };
    format!("{} -> {}", shown(old), shown(new))
}

/// The closing line.
pub fn summary(difference: &Difference) -> String {
    let kinds = [
        (difference.added.len(), "added"),
        (difference.removed.len(), "removed"),
        (difference.renamed.len(), "renamed"),
        (difference.changed.len(), "changed"),
    ];
    let parts: Vec<String> = kinds
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{} {word}", count(number as u64, "state")))
        .collect();
    if parts.is_empty() { "only fields of the machine itself changed".to_owned() } else { parts.join(", ") }
}

/// For programs.
pub fn document(difference: &Difference, code: Code) -> Value {
    let fields = |fields: &[Field]| -> Vec<Value> {
        let one = |field: &Field| json!({"field": field.place, "old": field.old, "new": field.new});
        fields.iter().map(one).collect()
    };
    let states = |states: &[State]| -> Vec<Value> {
        states.iter().map(|state| json!({"name": state.name, "type": state.kind})).collect()
    };
    json!({
        "code": code.name(),
        "same": difference.is_empty(),
        "machine": fields(&difference.machine),
        "added": states(&difference.added),
        "removed": states(&difference.removed),
        "renamed": difference.renamed.iter().map(|(old, new)| json!({"old": old, "new": new})).collect::<Vec<_>>(),
        "changed": difference.changed.iter().map(|changed| json!({
            "name": changed.name,
            "type": changed.kind,
            "fields": fields(&changed.fields),
            "transitions": changed.transitions.iter().map(|(why, old, new)| {
                json!({"why": why, "old": old, "new": new})
            }).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    })
}
