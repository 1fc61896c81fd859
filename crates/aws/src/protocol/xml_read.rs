//! XML answers by their model: of the protocols `query`, `ec2` and `rest-xml`. Does not parse XML itself.

use serde_json::{Map, Value};

use super::{
    Unreadable, text,
    tree::{self, Element},
};
use crate::models::{Kind, Member, Shape, Structure};

/// Reads an answer that stands in a wrapper, if one is named.
pub(super) fn wrapped(shape: Shape<'_>, wrapper: Option<&str>, body: &[u8]) -> Result<Value, Unreadable> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Object(Map::new()));
    }
    let root = tree::parse(body)?;
    let start = wrapper.and_then(|name| root.find(name)).unwrap_or(&root);
    Ok(read(shape, &[start]))
}

/// Reads a body that is one value.
pub(super) fn payload(shape: Shape<'_>, body: &[u8]) -> Result<Value, Unreadable> {
    Ok(read(shape, &[&tree::parse(body)?]))
}

/// Reads a value from its elements: one, or several of a flattened list or map.
fn read(shape: Shape<'_>, elements: &[&Element]) -> Value {
    let Some(first) = elements.first() else { return Value::Null };
    match shape.kind() {
        Kind::Structure(structure) => Value::Object(members(structure, first)),
        Kind::List(item) if shape.is_flattened() => {
            Value::Array(elements.iter().map(|element| read(item, &[*element])).collect())
        }
        Kind::List(item) => Value::Array(first.children.iter().map(|child| read(item, &[child])).collect()),
        Kind::Map { key, value } if shape.is_flattened() => map(key, value, elements.iter().copied()),
        Kind::Map { key, value } => map(key, value, first.named("entry")),
        _ => text::read(shape, &first.text),
    }
}

fn map<'a>(key: Shape<'_>, value: Shape<'_>, entries: impl Iterator<Item = &'a Element>) -> Value {
    let (key_name, value_name) =
        (key.location_name().unwrap_or("key"), value.location_name().unwrap_or("value"));
    let entry = |entry: &Element| {
        let key = entry.child(key_name).map(|key| key.text.clone())?;
        let found: Vec<&Element> = entry.named(value_name).collect();
        Some((key, read(value, &found)))
    };
    Value::Object(entries.filter_map(entry).collect())
}

/// Reads the members that are in the body.
pub(super) fn members(structure: Structure<'_>, element: &Element) -> Map<String, Value> {
    let mut read_members = Map::new();
    for member in structure.members().filter(Member::is_in_answer_body) {
        let value =
            if member.is_xml_attribute() { attribute(member, element) } else { child(member, element) };
        if let Some(value) = value {
            read_members.insert(member.name().to_owned(), value);
        }
    }
    read_members
}

fn attribute(member: Member<'_>, element: &Element) -> Option<Value> {
    let found = element.attributes.iter().find(|(name, _)| name == member.wire_name());
    found.map(|(_, value)| text::read(member.shape(), value))
}

fn child(member: Member<'_>, element: &Element) -> Option<Value> {
    let shape = member.shape();
    let item_name = match shape.kind() {
        Kind::List(item) if shape.is_flattened() => item.location_name(),
        _ => None,
    };
    let own_name = shape.location_name().unwrap_or(member.name());
    // WHY: services flatten a list under the name of its items or under its own.
    for name in item_name.into_iter().chain([own_name]) {
        // WHY: a name may carry its namespace's prefix, which elements have lost.
        let name = name.rsplit_once(':').map_or(name, |(_, local)| local);
        let found: Vec<&Element> = element.named(name).collect();
        if !found.is_empty() {
            return Some(read(shape, &found));
        }
    }
    None
}
