//! Single values as text: in forms, in XML, in headers, in paths and queries. Knows no names and no nesting.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Number, Value};

use super::{Invalid, time};
use crate::models::{Kind, Shape};

/// Writes one value.
pub(super) fn write(shape: Shape<'_>, value: &Value, times: time::Format) -> Result<String, Invalid> {
    match shape.kind() {
        Kind::String { .. } => string(value).map(str::to_owned),
        Kind::Blob => blob(value).map(|bytes| STANDARD.encode(bytes)),
        Kind::Integer | Kind::Long => integer(value).map(|number| number.to_string()),
        Kind::Float => match value {
            Value::String(text) => special(text).map(str::to_owned),
            _ => number(value).map(Number::to_string),
        },
        Kind::Boolean => boolean(value).map(|truth| truth.to_string()),
        Kind::Timestamp { format } => {
            time::given(value).map(|time| time::text(time, time::Format::of(format, times)))
        }
        Kind::Structure(_) | Kind::List(_) | Kind::Map { .. } | Kind::Document => {
            Err(Invalid::new(format!("of shape `{}` is no single value", shape.name())))
        }
    }
}

/// Reads one value; what does not fit its shape stays text, so that nothing that was sent is lost.
pub(super) fn read(shape: Shape<'_>, text: &str) -> Value {
    let as_text = || Value::String(text.to_owned());
    match shape.kind() {
        Kind::Integer | Kind::Long => text.trim().parse::<i64>().map_or_else(|_| as_text(), Value::from),
        Kind::Float => text.trim().parse::<Number>().map_or_else(|_| as_text(), Value::Number),
        Kind::Boolean => match text.trim() {
            truth if truth.eq_ignore_ascii_case("true") => Value::Bool(true),
            truth if truth.eq_ignore_ascii_case("false") => Value::Bool(false),
            _ => as_text(),
        },
        Kind::Timestamp { .. } => time::iso8601(&as_text()),
        _ => as_text(),
    }
}

pub(super) fn string(value: &Value) -> Result<&str, Invalid> {
    value.as_str().ok_or_else(|| Invalid::new(format!("is {} and must be a text", kind(value))))
}

/// The bytes that base64 text stands for.
pub(super) fn blob(value: &Value) -> Result<Vec<u8>, Invalid> {
    STANDARD.decode(string(value)?).map_err(|error| Invalid::new(format!("is no base64: {error}")))
}

pub(super) fn boolean(value: &Value) -> Result<bool, Invalid> {
    value.as_bool().ok_or_else(|| Invalid::new(format!("is {} and must be `true` or `false`", kind(value))))
}

pub(super) fn number(value: &Value) -> Result<&Number, Invalid> {
    match value {
        Value::Number(number) => Ok(number),
        _ => Err(Invalid::new(format!("is {} and must be a number", kind(value)))),
    }
}

/// A whole number; `3.0` is one.
pub(super) fn integer(value: &Value) -> Result<Number, Invalid> {
    let given = number(value)?;
    if given.is_i64() || given.is_u64() {
        return Ok(given.clone());
    }
    let float = given.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 9e15);
    float.map(|float| Number::from(float as i64)).ok_or_else(|| Invalid::new("must be a whole number"))
}

/// A number that JSON cannot write.
pub(super) fn special(text: &str) -> Result<&str, Invalid> {
    match text {
        "NaN" | "Infinity" | "-Infinity" => Ok(text),
        _ => Err(Invalid::new("is a text and must be a number")),
    }
}

pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

pub(super) fn list(value: &Value) -> Result<&[Value], Invalid> {
    value
        .as_array()
        .map(Vec::as_slice)
        .ok_or_else(|| Invalid::new(format!("is {} and must be an array", kind(value))))
}

pub(super) fn object(value: &Value) -> Result<&serde_json::Map<String, Value>, Invalid> {
    value.as_object().ok_or_else(|| Invalid::new(format!("is {} and must be an object", kind(value))))
}

/// Base64 text.
pub(super) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
