//! Every state of a definition as it is written, nested ones too, and what surrounds it. Reports nothing: what is not
//! of the form that it expects is passed over, since the readers say so.

use serde_json::{Map, Value};

use super::QueryLanguage;
use crate::diagnostic::MachineKind;
use crate::limits::NESTING_MAX;

/// A state as it is written.
pub(super) struct Written<'d> {
    pub name: &'d str,
    /// JSON pointer of the state.
    pub pointer: String,
    pub fields: &'d Map<String, Value>,
    pub language: QueryLanguage,
    /// Of the machine, or of the child machines of a distributed Map.
    pub machine: MachineKind,
}

impl<'d> Written<'d> {
    pub fn text(&self, field: &str) -> Option<&'d str> {
        self.fields.get(field)?.as_str()
    }

    pub fn at(&self, field: &str) -> String {
        format!("{}/{}", self.pointer, escape(field))
    }

    pub fn is(&self, kind: &str) -> bool {
        self.text("Type") == Some(kind)
    }

    /// Every `Assign` of the state and where it stands: its own, its rules' and its catchers'.
    pub fn assigns(&self) -> Vec<(String, &'d Map<String, Value>)> {
        assigns(self.fields, &self.pointer)
    }
}

fn assigns<'d>(state: &'d Map<String, Value>, pointer: &str) -> Vec<(String, &'d Map<String, Value>)> {
    let own = state.get("Assign").and_then(Value::as_object);
    let mut found: Vec<_> = own.map(|assign| (format!("{pointer}/Assign"), assign)).into_iter().collect();
    for list in ["Choices", "Catch"] {
        for (index, item) in items(state, list).iter().enumerate() {
            if let Some(assign) = item.get("Assign").and_then(Value::as_object) {
                found.push((format!("{pointer}/{list}/{index}/Assign"), assign));
            }
        }
    }
    found
}

fn items<'d>(fields: &'d Map<String, Value>, field: &str) -> &'d [Value] {
    fields.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A name as part of a JSON pointer.
pub(super) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// All states of a definition, each in front of those inside of it.
pub(super) fn states(document: &Value, machine: MachineKind) -> Vec<Written<'_>> {
    let language = document.get("QueryLanguage").map_or(QueryLanguage::JsonPath, language);
    let mut walk = Walk { language, found: Vec::new() };
    walk.scope(document, "", machine, 0);
    walk.found
}

/// What AWS takes a `QueryLanguage` for: whatever is not exactly JSONPath is JSONata.
fn language(value: &Value) -> QueryLanguage {
    if value == "JSONPath" { QueryLanguage::JsonPath } else { QueryLanguage::Jsonata }
}

struct Walk<'d> {
    /// Of the machine. WHY: states inside of a Map or Parallel inherit this one, not that of the Map or Parallel.
    language: QueryLanguage,
    found: Vec<Written<'d>>,
}

impl<'d> Walk<'d> {
    fn scope(&mut self, scope: &'d Value, pointer: &str, machine: MachineKind, depth: usize) {
        let Some(states) = scope.get("States").and_then(Value::as_object) else { return };
        if depth > NESTING_MAX {
            return;
        }
        for (name, state) in states {
            let Some(fields) = state.as_object() else { continue };
            let pointer = format!("{pointer}/States/{}", escape(name));
            let language = fields.get("QueryLanguage").map_or(self.language, language);
            self.found.push(Written { name, pointer: pointer.clone(), fields, language, machine });
            self.inside(fields, &pointer, machine, depth);
        }
    }

    fn inside(&mut self, fields: &'d Map<String, Value>, pointer: &str, machine: MachineKind, depth: usize) {
        for (branch, scope) in items(fields, "Branches").iter().enumerate() {
            self.scope(scope, &format!("{pointer}/Branches/{branch}"), machine, depth + 1);
        }
        for field in ["ItemProcessor", "Iterator"] {
            let Some(scope) = fields.get(field) else { continue };
            let config = scope.get("ProcessorConfig");
            let of = |name: &str| config.and_then(|config| config.get(name)).and_then(Value::as_str);
            let pointer = format!("{pointer}/{field}");
            match (of("Mode"), of("ExecutionType")) {
                // WHY: children of a distributed Map are machines of a kind of their own.
                (Some("DISTRIBUTED"), Some("EXPRESS")) => {
                    self.scope(scope, &pointer, MachineKind::Express, depth + 1);
                }
                (Some("DISTRIBUTED"), _) => self.scope(scope, &pointer, MachineKind::Standard, depth + 1),
                _ => self.scope(scope, &pointer, machine, depth + 1),
            }
        }
    }
}
