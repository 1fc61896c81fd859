//! JSON bodies: those of the protocol `json`, and of `rest-json`. Knows nothing of paths and headers.

use serde_json::{Map, Value};

use super::{Invalid, Request, Unreadable, known, text, time};
use crate::models::{Kind, Operation, Shape, Structure};

/// Deepest nesting; no service answers nearly so deep.
pub(super) const DEPTH_MAX: usize = 128;

pub(super) fn request(
    operation: Operation<'_>,
    structure: Option<Structure<'_>>,
    members: &Map<String, Value>,
) -> Result<Request, Invalid> {
    let metadata = operation.service().metadata();
    let version = metadata.json_version.as_deref().unwrap_or("1.0");
    let target = metadata.target_prefix.as_deref().unwrap_or_default();
    let mut headers = vec![
        ("X-Amz-Target".to_owned(), format!("{target}.{}", operation.name())),
        ("Content-Type".to_owned(), format!("application/x-amz-json-{version}")),
    ];
    if metadata.is_query_compatible() {
        headers.push(("x-amzn-query-mode".to_owned(), "true".to_owned()));
    }
    let body = match structure {
        Some(structure) => write_members(structure, members, 0)?,
        None => Value::Object(Map::new()),
    };
    Ok(Request { headers, body: body.to_string().into_bytes(), ..Request::default() })
}

/// Writes a value as the wire has it.
pub(super) fn write(shape: Shape<'_>, value: &Value, depth: usize) -> Result<Value, Invalid> {
    if depth > DEPTH_MAX {
        return Err(Invalid::new("is nested too deeply"));
    }
    Ok(match shape.kind() {
        Kind::Structure(structure) => return write_members(structure, text::object(value)?, depth),
        Kind::List(item) => {
            let items = text::list(value)?.iter().enumerate();
            let written =
                items.map(|(at, value)| sparse(item, value, depth).map_err(|e| e.at(at.to_string())));
            Value::Array(written.collect::<Result<_, _>>()?)
        }
        Kind::Map { value: of, .. } => {
            let entries = text::object(value)?.iter();
            let written = entries
                .map(|(key, value)| Ok((key.clone(), sparse(of, value, depth).map_err(|e| e.at(key))?)));
            Value::Object(written.collect::<Result<_, Invalid>>()?)
        }
        Kind::String { .. } => text::string(value)?.into(),
        Kind::Blob => text::encode(&text::blob(value)?).into(),
        Kind::Integer | Kind::Long => Value::Number(text::integer(value)?),
        Kind::Float => match value {
            Value::String(name) => text::special(name)?.into(),
            _ => Value::Number(text::number(value)?.clone()),
        },
        Kind::Boolean => text::boolean(value)?.into(),
        Kind::Timestamp { format } => {
            time::json(time::given(value)?, time::Format::of(format, time::Format::Unix))
        }
        Kind::Document => value.clone(),
    })
}

fn sparse(shape: Shape<'_>, value: &Value, depth: usize) -> Result<Value, Invalid> {
    if value.is_null() { Ok(Value::Null) } else { write(shape, value, depth + 1) }
}

/// Writes a structure; members that are `null` are left out.
pub(super) fn write_members(
    structure: Structure<'_>,
    members: &Map<String, Value>,
    depth: usize,
) -> Result<Value, Invalid> {
    let mut written = Map::new();
    for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
        let member = known(structure, name)?;
        let value = write(member.shape(), value, depth + 1).map_err(|error| error.at(name))?;
        written.insert(member.wire_name().to_owned(), value);
    }
    Ok(Value::Object(written))
}

/// Reads the body of a reply; an empty one is an empty object.
pub(super) fn output(shape: Shape<'_>, body: &[u8]) -> Result<Value, Unreadable> {
    if shape.is_event_stream() {
        return Err(Unreadable("it is a stream of events".to_owned()));
    }
    Ok(read(shape, &parse(body)?))
}

/// The JSON of a body; an empty one is an empty object.
pub(super) fn parse(body: &[u8]) -> Result<Value, Unreadable> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Object(Map::new()));
    }
    serde_json::from_slice(body).map_err(|error| Unreadable(format!("it is no JSON ({error})")))
}

/// Reads a value. What does not fit its shape is left as it is, so that nothing that was sent is lost.
pub(super) fn read(shape: Shape<'_>, value: &Value) -> Value {
    match (shape.kind(), value) {
        (Kind::Structure(structure), Value::Object(members)) => {
            Value::Object(read_members(structure, members))
        }
        (Kind::List(item), Value::Array(items)) => {
            Value::Array(items.iter().map(|value| read(item, value)).collect())
        }
        (Kind::Map { value: of, .. }, Value::Object(entries)) => {
            Value::Object(entries.iter().map(|(key, value)| (key.clone(), read(of, value))).collect())
        }
        (Kind::Timestamp { .. }, value) => time::iso8601(value),
        (_, value) => value.clone(),
    }
}

/// Reads the members that are in the body.
pub(super) fn read_members(structure: Structure<'_>, members: &Map<String, Value>) -> Map<String, Value> {
    let mut read_members = Map::new();
    for member in structure.members().filter(crate::models::Member::is_in_answer_body) {
        let value = members.get(member.wire_name()).filter(|value| !value.is_null());
        if let Some(value) = value {
            read_members.insert(member.name().to_owned(), read(member.shape(), value));
        }
    }
    read_members
}
