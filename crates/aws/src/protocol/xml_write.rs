//! XML bodies of the protocol `rest-xml`.

use quick_xml::escape::escape;
use serde_json::{Map, Value};

use super::{Invalid, json::DEPTH_MAX, known, text, time};
use crate::models::{Kind, Shape, Structure};

/// Writes a value as the element `name`.
pub(super) fn write(shape: Shape<'_>, name: &str, value: &Value) -> Result<String, Invalid> {
    let mut xml = String::new();
    element(&mut xml, shape, name, value, 0)?;
    Ok(xml)
}

fn element(
    xml: &mut String,
    shape: Shape<'_>,
    name: &str,
    value: &Value,
    depth: usize,
) -> Result<(), Invalid> {
    if depth > DEPTH_MAX {
        return Err(Invalid::new("is nested too deeply"));
    }
    match shape.kind() {
        Kind::Structure(structure) => members(xml, structure, name, text::object(value)?, depth),
        Kind::List(item) => {
            let items = text::list(value)?;
            let item_name =
                if shape.is_flattened() { name } else { item.location_name().unwrap_or("member") };
            enclosed(xml, shape, name, |xml| {
                items.iter().enumerate().try_for_each(|(at, value)| {
                    element(xml, item, item_name, value, depth + 1).map_err(|error| error.at(at.to_string()))
                })
            })
        }
        Kind::Map { key, value: of } => {
            let entries = text::object(value)?;
            let entry_name = if shape.is_flattened() { name } else { "entry" };
            enclosed(xml, shape, name, |xml| {
                entries.iter().try_for_each(|entry| map_entry(xml, (key, of), entry_name, entry, depth))
            })
        }
        _ => {
            let written = text::write(shape, value, time::Format::Iso8601)?;
            open(xml, shape, name);
            xml.push_str(&escape(written.as_str()));
            close(xml, name);
            Ok(())
        }
    }
}

/// An element around its items, unless they are flattened.
fn enclosed(
    xml: &mut String,
    shape: Shape<'_>,
    name: &str,
    items: impl FnOnce(&mut String) -> Result<(), Invalid>,
) -> Result<(), Invalid> {
    if shape.is_flattened() {
        return items(xml);
    }
    open(xml, shape, name);
    items(xml)?;
    close(xml, name);
    Ok(())
}

fn map_entry(
    xml: &mut String,
    (of_keys, of_values): (Shape<'_>, Shape<'_>),
    name: &str,
    (key, value): (&String, &Value),
    depth: usize,
) -> Result<(), Invalid> {
    let key_name = of_keys.location_name().unwrap_or("key");
    xml.push_str(&format!("<{name}>"));
    open(xml, of_keys, key_name);
    xml.push_str(&escape(key.as_str()));
    close(xml, key_name);
    element(xml, of_values, of_values.location_name().unwrap_or("value"), value, depth + 1)
        .map_err(|error| error.at(key))?;
    close(xml, name);
    Ok(())
}

fn members(
    xml: &mut String,
    structure: Structure<'_>,
    name: &str,
    members: &Map<String, Value>,
    depth: usize,
) -> Result<(), Invalid> {
    let (mut attributes, mut children) = (String::new(), String::new());
    for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
        let member = known(structure, name)?;
        // WHY: what a header or the path carries is not in the body.
        if member.location().is_some() {
            continue;
        }
        let shape = member.shape();
        if member.is_xml_attribute() {
            let value = text::write(shape, value, time::Format::Iso8601).map_err(|error| error.at(name))?;
            attributes += &format!(" {}=\"{}\"", member.wire_name(), escape(value.as_str()));
        } else {
            let wire_name = shape.location_name().unwrap_or(name);
            element(&mut children, shape, wire_name, value, depth + 1).map_err(|error| error.at(name))?;
        }
    }
    xml.push_str(&format!("<{name}{}{attributes}>{children}", namespace(structure.shape())));
    close(xml, name);
    Ok(())
}

fn open(xml: &mut String, shape: Shape<'_>, name: &str) {
    xml.push_str(&format!("<{name}{}>", namespace(shape)));
}

fn close(xml: &mut String, name: &str) {
    xml.push_str(&format!("</{name}>"));
}

fn namespace(shape: Shape<'_>) -> String {
    match shape.xml_namespace() {
        Some(namespace) => {
            let prefix = namespace.prefix.as_deref().map(|prefix| format!(":{prefix}")).unwrap_or_default();
            format!(" xmlns{prefix}=\"{}\"", escape(namespace.uri.as_str()))
        }
        None => String::new(),
    }
}
