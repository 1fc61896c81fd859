//! What is accepted and probably not meant: values that look as if they were to be evaluated, and are not.

use serde_json::Value;

use super::QueryLanguage;
use super::findings::Findings;
use super::walk::Written;
use crate::diagnostic::{NO_DOLLAR, NO_PATH, PASS_RESULT_IS_STATIC};

/// Fields that have a sibling with `Path` at its end.
const WITH_PATH: &[&str] = &["Error", "Cause"];
/// Fields that hold payload templates.
const TEMPLATES: &[&str] = &["Parameters", "ResultSelector", "ItemSelector"];

pub(super) fn check(states: &[Written<'_>], findings: &Findings) {
    for state in states.iter().filter(|state| state.language == QueryLanguage::JsonPath) {
        for field in TEMPLATES {
            if let Some(template) = state.fields.get(*field) {
                template_values(template, &state.at(field), findings);
            }
        }
        for field in WITH_PATH.iter().filter(|_| state.is("Fail")) {
            if state.text(field).is_some_and(|text| looks_evaluated(text).is_some()) {
                let message = format!(
                    "The value of '{field}' looks like a JSONPath. Instead of '{field}', use '{field}Path' to evaluate it as a JSONPath at runtime."
                );
                findings.at(NO_PATH, state.at(field), message);
            }
        }
        if let Some(result) = state.fields.get("Result").filter(|_| state.is("Pass")) {
            static_result(result, &state.at("Result"), findings);
        }
    }
}

fn template_values(value: &Value, pointer: &str, findings: &Findings) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let what = value.as_str().filter(|_| !name.ends_with(".$")).and_then(looks_evaluated);
                if let Some(what) = what {
                    let message = format!(
                        "The value of '{name}' looks like {what}. Instead of '{name}', use '{name}.$' to evaluate it as {what} at runtime."
                    );
                    findings.at(NO_DOLLAR, pointer, message);
                }
                let below = format!("{pointer}/{}", super::walk::escape(name));
                template_values(value, &below, findings);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                template_values(item, &format!("{pointer}/{index}"), findings);
            }
        }
        _ => {}
    }
}

fn static_result(value: &Value, pointer: &str, findings: &Findings) {
    let Some(fields) = value.as_object() else { return };
    for (name, value) in fields {
        if name.ends_with(".$") && value.as_str().is_some_and(|text| looks_evaluated(text).is_some()) {
            let message = format!(
                "The value of '{name}' will not evaluate as a JSONPath or Intrinsic Function at runtime. Instead of 'Result', use 'Parameters' to evaluate it as a JSONPath or Intrinsic Function at runtime."
            );
            findings.at(PASS_RESULT_IS_STATIC, pointer, message);
        }
        static_result(value, &format!("{pointer}/{}", super::walk::escape(name)), findings);
    }
}

/// What a text looks like, in AWS's words.
fn looks_evaluated(text: &str) -> Option<&'static str> {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| text.starts_with(prefix));
    if text == "$" || starts(&["$.", "$[", "$$."]) {
        return Some("a JSONPath");
    }
    (starts(&["States."]) && text.ends_with(')')).then_some("an Intrinsic Function")
}
