//! Findings about a definition, and how AWS words a list of them. Does not decide what is checked.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One finding about a definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// Whether the definition is refused for it.
    pub severity: Severity,
    /// AWS's code, such as `SCHEMA_VALIDATION_FAILED`: one of [`CODES`].
    pub code: String,
    /// What is wrong; AWS's text where it is known.
    pub message: String,
    /// The place as AWS writes it, such as `/States/A/Choices[0]/Next`. Names are not escaped, so it is for
    /// people; empty where AWS names no place.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub location: String,
    /// The same place as a JSON pointer, such as `/States/A/Choices/0/Next`; empty for the whole document.
    #[serde(skip)]
    pub pointer: String,
}

/// `CODE: message at location`, as AWS lists findings in an `InvalidDefinition`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let location = if self.location.is_empty() { "null" } else { &self.location };
        write!(f, "{}: {} at {location}", self.code, self.message)
    }
}

/// How bad a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// The definition is refused.
    Error,
    /// The definition is accepted.
    Warning,
}

/// What kind of machine a definition is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum MachineKind {
    /// Each transition is recorded, and an execution may take a year.
    #[default]
    Standard,
    /// Short and many: no waiting for jobs, task tokens or activities.
    Express,
}

/// The answer of `ValidateStateMachineDefinition`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Validation {
    /// `OK`, even with warnings, or `FAIL`.
    pub result: &'static str,
    /// The findings that were asked for, at most as many as were asked for.
    pub diagnostics: Vec<Diagnostic>,
    /// Whether there are more.
    pub truncated: bool,
}

/// The message of AWS's `InvalidDefinition` for these findings; warnings do not count.
pub fn invalid_definition(diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics.iter().filter(|one| one.severity == Severity::Error);
    let errors: Vec<String> = errors.map(ToString::to_string).collect();
    format!("Invalid State Machine Definition: '{}'", errors.join(", "))
}

/// A code that a diagnostic may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// As AWS writes it.
    pub name: &'static str,
    /// How bad findings with this code are.
    pub severity: Severity,
    /// What it stands for.
    pub summary: &'static str,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident: $severity:ident, $summary:literal;)*) => {
        $(
            #[doc = $summary]
            pub(crate) const $name: Code =
                Code { name: stringify!($name), severity: Severity::$severity, summary: $summary };
        )*
        /// Every code, in the order of AWS's documentation; the ones that it leaves out come last.
        pub const CODES: &[Code] = &[$($name),*];
    };
}

codes! {
    NO_DOLLAR: Warning, "A value looks like a path, but its field's name does not end in `.$`.";
    NO_PATH: Warning, "A value looks like a path, but its field's name does not end in `Path`.";
    PASS_RESULT_IS_STATIC: Warning, "The result of a Pass state looks as if it were to be evaluated, and is not.";
    INVALID_JSON_DESCRIPTION: Error, "The definition is no JSON.";
    SCHEMA_VALIDATION_FAILED: Error, "A field is missing, unknown, or has a value that it cannot have.";
    MISSING_END_STATE: Error, "No state ends the machine.";
    DUPLICATE_STATE_NAME: Error, "Two states of the machine have one name.";
    INVALID_STATE_NAME: Error, "A state's name is too long.";
    DUPLICATE_LABEL_NAME: Error, "Two Map states of the machine have one label.";
    INVALID_LABEL_NAME: Error, "A Map state's label is too long or has characters that labels cannot have.";
    MISSING_TRANSITION_TARGET: Error, "A transition leads nowhere, or nothing leads to a state.";
    TOO_DEEPLY_NESTED: Error, "States stand inside of each other too deep.";
    INVALID_JSONATA_EXPRESSION: Error, "A JSONata expression cannot be parsed.";
    UNSUPPORTED_JSONATA_EXPRESSION: Error, "A JSONata expression asks for what is not there, such as an input of its own.";
    INVALID_VARIABLE_NAME: Error, "A variable's name has characters that names cannot have, or too many.";
    DUPLICATE_VARIABLE_NAME: Error, "A variable is assigned in an inner and in an outer scope.";
    RESERVED_VARIABLE_NAME: Error, "A variable has the name of one that Step Functions sets.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_lists_errors_and_says_null_where_there_is_no_place() {
        let one = |code: Code, message: &str, location: &str| Diagnostic {
            severity: code.severity,
            code: code.name.into(),
            message: message.into(),
            location: location.into(),
            pointer: String::new(),
        };
        let found = [
            one(MISSING_TRANSITION_TARGET, "Missing 'Next' target: NOPE", "/States/A/Next"),
            one(NO_DOLLAR, "not counted", "/States/A"),
            one(MISSING_END_STATE, "Workflow has no terminal state", ""),
        ];
        assert_eq!(
            invalid_definition(&found),
            "Invalid State Machine Definition: 'MISSING_TRANSITION_TARGET: Missing 'Next' target: NOPE at /States/A/Next, MISSING_END_STATE: Workflow has no terminal state at null'"
        );
        assert_eq!(serde_json::to_value(&found[2]).unwrap().get("location"), None);
    }

    #[test]
    fn codes_are_told_apart() {
        let names: std::collections::HashSet<&str> = CODES.iter().map(|code| code.name).collect();
        assert_eq!(names.len(), CODES.len());
    }
}
