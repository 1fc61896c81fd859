//! A definition as rules look at it: its states with their scopes and places. Takes it as it is; AWS's checks
//! have been passed before.

use serde_json::{Map, Value};

/// Nesting that is looked into.
const DEPTH_MAX: usize = 64;

/// A definition.
pub struct View<'d> {
    /// The document.
    pub root: &'d Value,
    /// All states, nested ones too, in the order of the document.
    pub states: Vec<StateView<'d>>,
}

/// One state.
pub struct StateView<'d> {
    pub name: &'d str,
    pub pointer: String,
    pub fields: &'d Map<String, Value>,
    /// Which machine, branch or item processor it is in.
    pub scope: usize,
    /// Whether a Parallel or Map around it retries or catches.
    pub is_covered: bool,
    pub is_jsonata: bool,
}

impl<'d> View<'d> {
    pub fn new(root: &'d Value) -> Self {
        let mut view = Self { root, states: Vec::new() };
        let is_jsonata = root.get("QueryLanguage").and_then(Value::as_str) == Some("JSONata");
        let mut scopes = 0;
        view.scope(root, "", Around { is_covered: false, is_jsonata, depth: 0 }, &mut scopes);
        view
    }

    fn scope(&mut self, scope: &'d Value, pointer: &str, around: Around, scopes: &mut usize) {
        let Some(states) = scope.get("States").and_then(Value::as_object) else { return };
        if around.depth > DEPTH_MAX {
            return;
        }
        let number = *scopes;
        *scopes = scopes.saturating_add(1);
        for (name, state) in states {
            let Some(fields) = state.as_object() else { continue };
            let pointer = format!("{pointer}/States/{}", escape(name));
            let language = fields.get("QueryLanguage").and_then(Value::as_str);
            let is_jsonata = language.map_or(around.is_jsonata, |language| language == "JSONata");
            let is_covered = around.is_covered;
            let handles = fields.contains_key("Retry") || fields.contains_key("Catch");
            let below = Around {
                is_covered: is_covered || handles,
                is_jsonata: around.is_jsonata,
                depth: around.depth.saturating_add(1),
            };
            let inner = inner_scopes(fields);
            self.states.push(StateView {
                name,
                pointer: pointer.clone(),
                fields,
                scope: number,
                is_covered,
                is_jsonata,
            });
            for (place, inner) in inner {
                self.scope(inner, &format!("{pointer}/{place}"), below, scopes);
            }
        }
    }

    /// Calls `see` with every text of the document, its pointer and the name it stands under.
    pub fn texts(&self, see: &mut dyn FnMut(&str, &str, &'d str)) {
        texts(self.root, "", "", 0, see);
    }
}

#[derive(Clone, Copy)]
struct Around {
    is_covered: bool,
    is_jsonata: bool,
    depth: usize,
}

fn inner_scopes(fields: &Map<String, Value>) -> Vec<(String, &Value)> {
    let branches = fields.get("Branches").and_then(Value::as_array).into_iter().flatten();
    let mut inner: Vec<(String, &Value)> =
        branches.enumerate().map(|(index, branch)| (format!("Branches/{index}"), branch)).collect();
    for field in ["ItemProcessor", "Iterator"] {
        inner.extend(fields.get(field).map(|processor| (field.to_owned(), processor)));
    }
    inner
}

fn texts<'d>(
    value: &'d Value,
    pointer: &str,
    name: &str,
    depth: usize,
    see: &mut dyn FnMut(&str, &str, &'d str),
) {
    if depth > DEPTH_MAX * 4 {
        return;
    }
    match value {
        Value::String(text) => see(pointer, name, text),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                texts(item, &format!("{pointer}/{index}"), name, depth.saturating_add(1), see);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                texts(member, &format!("{pointer}/{}", escape(name)), name, depth.saturating_add(1), see);
            }
        }
        _ => {}
    }
}

/// A name as a part of a JSON pointer.
pub fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

impl<'d> StateView<'d> {
    pub fn kind(&self) -> &'d str {
        self.text("Type")
    }

    /// A field's text; empty if there is none.
    pub fn text(&self, field: &str) -> &'d str {
        self.fields.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    pub fn has(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    pub fn has_any(&self, fields: &[&str]) -> bool {
        fields.iter().any(|field| self.has(field))
    }

    pub fn at(&self, field: &str) -> String {
        format!("{}/{field}", self.pointer)
    }

    /// The objects of a list.
    pub fn list(&self, field: &str) -> impl Iterator<Item = (usize, &'d Map<String, Value>)> {
        let items = self.fields.get(field).and_then(Value::as_array).into_iter().flatten().enumerate();
        items.filter_map(|(index, item)| Some((index, item.as_object()?)))
    }

    pub fn is_task(&self) -> bool {
        self.kind() == "Task"
    }

    /// Whether it waits for somebody who has its token, or for a worker that asks for it.
    pub fn is_callback(&self) -> bool {
        let resource = self.text("Resource");
        self.is_task() && (resource.ends_with(".waitForTaskToken") || resource.contains(":activity:"))
    }

    /// Whether it calls a Lambda function.
    pub fn is_lambda(&self) -> bool {
        let resource = self.text("Resource");
        self.is_task()
            && (resource.contains(":states:::lambda:invoke")
                || resource.contains(":lambda:") && resource.contains(":function:"))
    }
}

/// `ErrorEquals` of a retrier or catcher.
pub fn errors(item: &Map<String, Value>) -> Vec<&str> {
    let names = item.get("ErrorEquals").and_then(Value::as_array).into_iter().flatten();
    names.filter_map(Value::as_str).collect()
}
