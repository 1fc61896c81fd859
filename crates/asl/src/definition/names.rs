//! Names that must be told apart or kept short: of states, of labels and of variables.

use std::collections::HashSet;

use super::fields::variable;
use super::findings::Findings;
use super::walk::{Written, escape};
use crate::diagnostic::{
    DUPLICATE_LABEL_NAME, DUPLICATE_STATE_NAME, INVALID_LABEL_NAME, INVALID_STATE_NAME,
    INVALID_VARIABLE_NAME, RESERVED_VARIABLE_NAME,
};
use crate::limits::{LABEL_CHARS_MAX, STATE_NAME_CHARS_MAX, VARIABLE_NAME_CHARS_MAX};

/// Characters that a label cannot have, beside white space and control characters.
const NOT_IN_LABELS: &str = "?*<>{}[]:;,\\|^~$#%&`\"/";

pub(super) fn check(states: &[Written<'_>], findings: &Findings) {
    let (mut names, mut labels) = (HashSet::new(), HashSet::new());
    for state in states {
        let name = state.name;
        if name.is_empty() {
            findings.at(INVALID_STATE_NAME, &state.pointer, "Invalid State name: State name cannot be empty");
        }
        if name.chars().count() > STATE_NAME_CHARS_MAX {
            let message = format!(
                "Invalid State name: State '{name}' exceeds the {STATE_NAME_CHARS_MAX}-character limit allowed by the service"
            );
            findings.at(INVALID_STATE_NAME, &state.pointer, message);
        }
        if !names.insert(name) {
            findings.at(DUPLICATE_STATE_NAME, &state.pointer, format!("Duplicate State name: {name}"));
        }
        if let Some(label) = state.text("Label") {
            check_label(label, &state.at("Label"), findings);
            if !labels.insert(label) {
                findings.at(
                    DUPLICATE_LABEL_NAME,
                    state.at("Label"),
                    format!("Duplicate Label name: {label}"),
                );
            }
        }
        check_variables(state, findings);
    }
}

fn check_label(label: &str, pointer: &str, findings: &Findings) {
    if label.chars().count() > LABEL_CHARS_MAX {
        let message = format!(
            "Invalid Label name: Label '{label}' exceeds the {LABEL_CHARS_MAX}-character limit allowed by the service"
        );
        findings.at(INVALID_LABEL_NAME, pointer, message);
    }
    if label.chars().any(|c| c.is_whitespace() || c.is_control() || NOT_IN_LABELS.contains(c)) {
        let message = format!("Invalid Label name: Label '{label}' contains invalid characters");
        findings.at(INVALID_LABEL_NAME, pointer, message);
    }
}

fn check_variables(state: &Written<'_>, findings: &Findings) {
    for (pointer, assign) in state.assigns() {
        for field in assign.keys() {
            let (name, at) = (variable(state.language, field), format!("{pointer}/{}", escape(field)));
            if name == "states" {
                findings.at(RESERVED_VARIABLE_NAME, at, "Cannot assign to reserved variable '$states'.");
            } else if !is_variable(name) {
                let message =
                    format!("Invalid variable name '{name}': the variable name contains invalid characters.");
                findings.at(INVALID_VARIABLE_NAME, at, message);
            } else if name.chars().count() > VARIABLE_NAME_CHARS_MAX {
                let message = format!(
                    "Invalid variable name '{name}': the variable name exceeds the {VARIABLE_NAME_CHARS_MAX}-character limit."
                );
                findings.at(INVALID_VARIABLE_NAME, at, message);
            }
        }
    }
}

/// A letter, then letters, digits and `_`, in any script.
fn is_variable(name: &str) -> bool {
    name.starts_with(char::is_alphabetic) && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}
