//! Collects what is wrong with a definition and says where, as AWS writes places. Does not check anything.

use std::cell::RefCell;

use serde_json::Value;

use super::walk::escape;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::limits::DIAGNOSTICS_MAX;

/// Everything found so far.
#[derive(Default)]
pub(super) struct Findings {
    found: RefCell<Vec<Finding>>,
}

struct Finding {
    severity: Severity,
    code: String,
    message: String,
    place: Place,
}

enum Place {
    Nowhere,
    /// A JSON pointer.
    At(String),
    /// A place that AWS words in its own way.
    Worded(String),
}

impl Findings {
    /// A finding at a JSON pointer.
    pub fn add(&self, severity: Severity, code: &str, pointer: String, message: String) {
        self.push(severity, code, Place::At(pointer), message);
    }

    /// A finding with a code of the table, at a JSON pointer.
    pub fn at(&self, code: Code, pointer: impl Into<String>, message: impl Into<String>) {
        self.push(code.severity, code.name, Place::At(pointer.into()), message.into());
    }

    /// A finding about the definition as a whole, for which AWS names no place.
    pub fn nowhere(&self, code: Code, message: impl Into<String>) {
        self.push(code.severity, code.name, Place::Nowhere, message.into());
    }

    /// A finding whose place is a text.
    pub fn worded(&self, code: Code, location: String, message: String) {
        self.push(code.severity, code.name, Place::Worded(location), message);
    }

    fn push(&self, severity: Severity, code: &str, place: Place, message: String) {
        let mut found = self.found.borrow_mut();
        // WHY: one more than anybody gets, so that it is known that there are more.
        if found.len() <= DIAGNOSTICS_MAX {
            found.push(Finding { severity, code: code.to_owned(), message, place });
        }
    }

    /// Whether the definition is refused already.
    pub fn has_errors(&self) -> bool {
        self.found.borrow().iter().any(|one| one.severity == Severity::Error)
    }

    /// The findings, with the places as AWS writes them in this document.
    pub fn into_diagnostics(self, document: &Value) -> Vec<Diagnostic> {
        let found = self.found.into_inner().into_iter();
        found
            .map(|one| {
                let (location, pointer) = match one.place {
                    Place::Nowhere => (String::new(), String::new()),
                    Place::At(pointer) => places(document, &pointer),
                    Place::Worded(location) => (location, String::new()),
                };
                Diagnostic { severity: one.severity, code: one.code, message: one.message, location, pointer }
            })
            .collect()
    }
}

/// A pointer as AWS writes it, elements of arrays as `[0]` and names as they are; and as a proper pointer.
fn places(document: &Value, pointer: &str) -> (String, String) {
    if pointer.is_empty() {
        return ("/".to_owned(), String::new());
    }
    let (mut location, mut proper) = (String::new(), String::new());
    let mut here = Some(document);
    for part in pointer.split('/').skip(1) {
        let name = part.replace("~1", "/").replace("~0", "~");
        for step in steps(here, &name) {
            here = match here {
                Some(Value::Array(items)) => {
                    location.push_str(&format!("[{step}]"));
                    step.parse::<usize>().ok().and_then(|index| items.get(index))
                }
                inside => {
                    location.push_str(&format!("/{step}"));
                    inside.and_then(|value| value.get(step))
                }
            };
            proper.push_str(&format!("/{}", escape(step)));
        }
    }
    (location, proper)
}

/// A part of a pointer, which may name an element of an array behind its field: `a[0]`.
fn steps<'n>(here: Option<&Value>, name: &'n str) -> Vec<&'n str> {
    let is_field = |name: &str| here.is_some_and(|value| value.get(name).is_some());
    let split = name.strip_suffix(']').and_then(|name| name.split_once('['));
    match split.filter(|(field, _)| !is_field(name) && is_field(field)) {
        Some((field, indexes)) => std::iter::once(field).chain(indexes.split("][")).collect(),
        None => vec![name],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn places_are_written_as_aws_does() {
        let document = json!({"States": {"a/b": {"Choices": [{"And": [{}]}]}, "0": {}}});
        for (pointer, expected) in [
            ("", "/"),
            ("/StartAt", "/StartAt"),
            ("/States/a~1b/Choices/0/And/0/Next", "/States/a/b/Choices[0]/And[0]/Next"),
            ("/States/0", "/States/0"),
        ] {
            assert_eq!(places(&document, pointer), (expected.to_owned(), pointer.to_owned()));
        }
        assert_eq!(
            places(&document, "/States/a~1b/Choices[0]/And"),
            ("/States/a/b/Choices[0]/And".to_owned(), "/States/a~1b/Choices/0/And".to_owned())
        );
    }
}
