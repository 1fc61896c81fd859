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
    /// Variables of the states around this scope that are in reach here.
    pub outer: Vec<&'d str>,
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

    pub fn items(&self, field: &str) -> &'d [Value] {
        items(self.fields, field)
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

/// A variable's name in `Assign`, without the suffix of a path.
pub(super) fn bare(name: &str) -> &str {
    name.strip_suffix(".$").unwrap_or(name)
}

/// A name as part of a JSON pointer.
pub(super) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// All states of a definition, each in front of those inside of it.
pub(super) fn states(document: &Value, machine: MachineKind) -> Vec<Written<'_>> {
    let language = document.get("QueryLanguage").map_or(QueryLanguage::JsonPath, language);
    let mut walk = Walk { language, found: Vec::new() };
    walk.scope(document, "", machine, &[], 0);
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
    fn scope(&mut self, scope: &'d Value, pointer: &str, machine: MachineKind, outer: &[&'d str], depth: usize) {
        let Some(states) = scope.get("States").and_then(Value::as_object) else { return };
        if depth > NESTING_MAX {
            return;
        }
        let mut inner = outer.to_vec();
        for fields in states.values().filter_map(Value::as_object) {
            inner.extend(assigns(fields, "").iter().flat_map(|(_, assign)| assign.keys()).map(|name| bare(name)));
        }
        for (name, state) in states {
            let Some(fields) = state.as_object() else { continue };
            let pointer = format!("{pointer}/States/{}", escape(name));
            let language = fields.get("QueryLanguage").map_or(self.language, language);
            let outer = outer.to_vec();
            self.found.push(Written { name, pointer: pointer.clone(), fields, language, machine, outer });
            self.inside(fields, &pointer, machine, &inner, depth);
        }
    }

    fn inside(
        &mut self,
        fields: &'d Map<String, Value>,
        pointer: &str,
        machine: MachineKind,
        inner: &[&'d str],
        depth: usize,
    ) {
        for (branch, scope) in items(fields, "Branches").iter().enumerate() {
            self.scope(scope, &format!("{pointer}/Branches/{branch}"), machine, inner, depth + 1);
        }
        for field in ["ItemProcessor", "Iterator"] {
            let Some(scope) = fields.get(field) else { continue };
            let config = scope.get("ProcessorConfig");
            let of = |name: &str| config.and_then(|config| config.get(name)).and_then(Value::as_str);
            let pointer = format!("{pointer}/{field}");
            match (of("Mode"), of("ExecutionType")) {
                // WHY: children of a distributed Map are machines of their own kind, with variables of their own.
                (Some("DISTRIBUTED"), Some("EXPRESS")) => {
                    self.scope(scope, &pointer, MachineKind::Express, &[], depth + 1);
                }
                (Some("DISTRIBUTED"), _) => self.scope(scope, &pointer, MachineKind::Standard, &[], depth + 1),
                _ => self.scope(scope, &pointer, machine, inner, depth + 1),
            }
        }
    }
}
