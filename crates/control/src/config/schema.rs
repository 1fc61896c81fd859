//! The JSON Schema of `shipway.toml`, and what the reader of the file asks of it.

use serde_json::{Map, Value, json};

use super::file::File;

/// Where the schema is published.
pub const SCHEMA_ID: &str = "https://shipway.dev/schema/shipway.json";

/// The JSON Schema of `shipway.toml`, draft 2020-12.
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(File).to_value();
    without_null(&mut schema);
    if let Value::Object(root) = &mut schema {
        root.insert("$id".to_owned(), json!(SCHEMA_ID));
        root.insert("title".to_owned(), json!("shipway.toml"));
        root.insert("required".to_owned(), json!(["project", "services"]));
        root.shift_remove("default");
    }
    schema
}

/// TOML has no null: an optional key is one that may be left out.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            drop_null(object);
            object.values_mut().for_each(without_null);
        }
        Value::Array(items) => items.iter_mut().for_each(without_null),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn drop_null(object: &mut Map<String, Value>) {
    if object.get("default").is_some_and(Value::is_null) {
        object.shift_remove("default");
    }
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(variants)) = object.get_mut("anyOf") {
        variants.retain(|variant| variant.get("type").is_none_or(|kind| kind != "null"));
        if let [Value::Object(only)] = variants.as_slice() {
            let only = only.clone();
            object.shift_remove("anyOf");
            for (key, value) in only {
                object.entry(key).or_insert(value);
            }
        }
    }
}

/// A place in the schema, with references followed.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    root: &'a Value,
    node: &'a Value,
}

impl<'a> Node<'a> {
    pub(super) fn root(schema: &'a Value) -> Self {
        Self { root: schema, node: schema }
    }

    fn at(self, node: &'a Value) -> Self {
        Self { node, ..self }
    }

    /// Itself, or what it refers to.
    fn target(self) -> Self {
        let name =
            self.node.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix("#/$defs/"));
        let target =
            name.and_then(|name| self.root.get("$defs").and_then(|definitions| definitions.get(name)));
        target.map_or(self, |node| self.at(node))
    }

    /// The alternatives of this place; itself if there is one only.
    fn variants(self) -> Vec<Self> {
        let target = self.target();
        match target.node.get("anyOf").or_else(|| target.node.get("oneOf")).and_then(Value::as_array) {
            Some(variants) => variants.iter().map(|variant| self.at(variant).target()).collect(),
            None => vec![target],
        }
    }

    /// Names of the keys that a table may have here; none if any name may stand here, or no table.
    pub(super) fn keys(self) -> Option<Vec<&'a str>> {
        self.variants().into_iter().find_map(|variant| {
            let properties = variant.node.get("properties")?.as_object()?;
            Some(properties.keys().map(String::as_str).collect())
        })
    }

    /// What may stand under a key.
    pub(super) fn child(self, key: &str) -> Option<Self> {
        self.variants().into_iter().find_map(|variant| {
            let property = variant.node.get("properties").and_then(|properties| properties.get(key));
            let other = || variant.node.get("additionalProperties").filter(|other| other.is_object());
            property.or_else(other).map(|node| self.at(node))
        })
    }

    /// What may stand in a list here.
    pub(super) fn item(self) -> Option<Self> {
        self.variants().into_iter().find_map(|variant| variant.node.get("items").map(|node| self.at(node)))
    }

    /// What this place is for.
    pub(super) fn description(self) -> Option<&'a str> {
        self.node.get("description").or_else(|| self.target().node.get("description")).and_then(Value::as_str)
    }
}
