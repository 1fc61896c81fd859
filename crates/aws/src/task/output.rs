//! An operation's output as Step Functions gives it: names as the Java SDK writes them, bytes as text.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

use crate::models::{Kind, Operation, Shape, Structure};

/// The result of the Task.
pub fn output(operation: Operation<'_>, output: &Value) -> Value {
    match operation.output() {
        Some(shape) => convert(shape, output),
        None => Value::Object(Map::new()),
    }
}

fn convert(shape: Shape<'_>, value: &Value) -> Value {
    match (shape.kind(), value) {
        (Kind::Structure(structure), Value::Object(members)) => Value::Object(renamed(structure, members)),
        (Kind::List(item), Value::Array(items)) => items.iter().map(|value| convert(item, value)).collect(),
        (Kind::Map { value: of, .. }, Value::Object(entries)) => {
            let entries = entries.iter().map(|(key, value)| (key.clone(), convert(of, value)));
            Value::Object(entries.collect())
        }
        (Kind::Blob, Value::String(encoded)) => decoded(encoded),
        _ => value.clone(),
    }
}

fn renamed(structure: Structure<'_>, members: &Map<String, Value>) -> Map<String, Value> {
    let rename = |(name, value): (&String, &Value)| {
        let member = structure.named(name)?;
        Some((member.step_functions_name(), convert(member.shape(), value)))
    };
    members.iter().filter_map(rename).collect()
}

/// Bytes that are text are given as text; others stay base64, which JSON can hold.
fn decoded(encoded: &str) -> Value {
    let text = STANDARD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.unwrap_or_else(|| encoded.to_owned()).into()
}
