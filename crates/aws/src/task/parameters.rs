//! A Task's parameters as an operation's input: names as the Java SDK writes them become the model's, and JSON becomes
//! the text or the bytes that a member takes.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Number, Value};

use crate::models::{Kind, Operation, Shape, Structure};

/// Deepest nesting; the language allows no deeper JSON.
const DEPTH_MAX: usize = 128;

/// Parameters that the operation does not take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// There is no such member.
    #[error("The field \"{0}\" is not supported by Step Functions")]
    Unknown(String),
    /// A member is of another kind.
    #[error("The value for the field '{field}' must be {expected}")]
    Kind {
        /// The member.
        field: String,
        /// What it must be.
        expected: &'static str,
    },
}

/// The input that parameters stand for. `null` is a value that is not there.
///
/// # Errors
/// The first parameter that the operation does not take.
pub fn input(operation: Operation<'_>, parameters: &Value) -> Result<Value, Unfit> {
    match (operation.input().map(|shape| shape.kind()), parameters) {
        (_, Value::Null) => Ok(Value::Object(Map::new())),
        (Some(Kind::Structure(structure)), Value::Object(given)) => members(structure, given, 0),
        (None, Value::Object(given)) => match given.keys().next() {
            Some(name) => Err(Unfit::Unknown(name.clone())),
            None => Ok(Value::Object(Map::new())),
        },
        _ => Err(Unfit::Kind { field: "Parameters".to_owned(), expected: "STRUCTURE" }),
    }
}

fn members(structure: Structure<'_>, given: &Map<String, Value>, depth: usize) -> Result<Value, Unfit> {
    let mut written = Map::new();
    for (name, value) in given.iter().filter(|(_, value)| !value.is_null()) {
        let member = structure.member(name).ok_or_else(|| Unfit::Unknown(name.clone()))?;
        written.insert(member.name().to_owned(), convert(name, member.shape(), value, depth + 1)?);
    }
    Ok(Value::Object(written))
}

fn convert(field: &str, shape: Shape<'_>, value: &Value, depth: usize) -> Result<Value, Unfit> {
    let unfit = |expected| Err(Unfit::Kind { field: field.to_owned(), expected });
    if depth > DEPTH_MAX {
        return unfit("less deep");
    }
    match (shape.kind(), value) {
        (Kind::Document, value) => Ok(value.clone()),
        (Kind::Structure(structure), Value::Object(given)) => members(structure, given, depth),
        (Kind::Structure(_), _) => unfit("STRUCTURE"),
        (Kind::List(item), Value::Array(items)) => {
            let items = items.iter().filter(|value| !value.is_null());
            items
                .map(|value| convert(field, item, value, depth + 1))
                .collect::<Result<_, _>>()
                .map(Value::Array)
        }
        (Kind::List(_), _) => unfit("LIST"),
        (Kind::Map { value: of, .. }, Value::Object(entries)) => {
            let entries = entries.iter().filter(|(_, value)| !value.is_null());
            let entries =
                entries.map(|(key, value)| Ok((key.clone(), convert(field, of, value, depth + 1)?)));
            entries.collect::<Result<_, _>>().map(Value::Object)
        }
        (Kind::Map { .. }, _) => unfit("MAP"),
        (Kind::String { .. }, value) => Ok(text(value).into()),
        (Kind::Blob, value) => Ok(STANDARD.encode(text(value)).into()),
        (Kind::Timestamp { .. }, Value::String(_) | Value::Number(_)) => Ok(value.clone()),
        (Kind::Timestamp { .. }, _) => unfit("TIMESTAMP"),
        (Kind::Boolean, Value::Bool(_)) => Ok(value.clone()),
        (Kind::Boolean, Value::String(text)) if text == "true" || text == "false" => {
            Ok((text == "true").into())
        }
        (Kind::Boolean, _) => unfit("BOOLEAN"),
        (Kind::Integer | Kind::Long | Kind::Float, Value::Number(_)) => Ok(value.clone()),
        (Kind::Integer | Kind::Long | Kind::Float, Value::String(text)) => match text.parse::<Number>() {
            Ok(number) => Ok(Value::Number(number)),
            Err(_) => unfit("NUMBER"),
        },
        (Kind::Integer | Kind::Long | Kind::Float, _) => unfit("NUMBER"),
    }
}

/// A text as it is; any other JSON as its text: `Input` of `startExecution` and `Body` of `putObject` take objects.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
