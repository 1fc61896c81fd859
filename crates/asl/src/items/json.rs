//! Items of JSON texts: arrays, objects and lines.

use std::sync::Arc;

use serde_json::Value;

use super::{Item, ReadError};

/// The items of a text that is one JSON array, or has an array or object where `pointer` points.
pub(super) fn read(
    text: &str,
    pointer: Option<&str>,
    source: &Arc<str>,
    most: usize,
) -> Result<Vec<Item>, ReadError> {
    let mut value: Value = serde_json::from_str(text)
        .map_err(|error| ReadError(format!("The object {source} is no JSON: {error}.")))?;
    // WHY: AWS maps over an object in a file only where an ItemsPointer has led to it.
    let is_refused = pointer.is_none() && value.is_object();
    if let Some(pointer) = pointer {
        let found = value.pointer_mut(pointer).map(Value::take);
        value = found.ok_or_else(|| {
            ReadError(format!("The ItemsPointer '{pointer}' names nothing in the object {source}."))
        })?;
    }
    let found = if is_refused { None } else { items(value, source, most) };
    found.ok_or_else(|| ReadError("Attempting to map over non-iterable node.".to_owned()))
}

/// The elements of an array or the fields of an object; none of anything else.
pub(crate) fn items(value: Value, source: &Arc<str>, most: usize) -> Option<Vec<Item>> {
    let item = |key, value| Item { key, value, source: Arc::clone(source) };
    match value {
        Value::Array(values) => Some(values.into_iter().take(most).map(|value| item(None, value)).collect()),
        Value::Object(fields) => {
            Some(fields.into_iter().take(most).map(|(key, value)| item(Some(key), value)).collect())
        }
        _ => None,
    }
}

/// The values of a text that is one JSON text a line; empty lines are none.
pub(super) fn lines(text: &str, source: &str, most: usize) -> Result<Vec<Value>, ReadError> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).take(most);
    lines
        .map(|(at, line)| {
            serde_json::from_str(line).map_err(|error| {
                ReadError(format!("Line {} of the object {source} is no JSON: {error}.", at + 1))
            })
        })
        .collect()
}
