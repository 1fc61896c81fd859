//! Holds a JSON value to a shape, in AWS's sentences. The first thing that does not fit is told.

use serde_json::{Map, Value};

use super::model::Model;
use crate::models::{Bounds, Kind, Shape, Structure};

/// Deepest nesting that is judged; JSON of a deeper one is not parsed in the first place.
const DEPTH_MAX: usize = 128;

/// Bounds that Step Functions was seen to hold to where a service's newest model says otherwise: it validates by its
/// own, older copy. Service and shape.
const OLDER: &[(&str, &str, Bounds)] =
    &[("lambda", "MemorySize", Bounds { min: Some(128.0), max: Some(10_240.0) })];

/// Judges a whole result.
pub(super) fn judge(model: &Model, result: &Value, is_strict: bool) -> Result<(), String> {
    let Kind::Structure(structure) = model.shape.kind() else { return Ok(()) };
    match result {
        // WHY: a mock of `null` is a task without a result.
        Value::Null => Ok(()),
        Value::Object(members) => {
            let judge = Judge { is_strict, parsed: model.parsed };
            judge.members(structure, members, 0)
        }
        _ => Err("Mocked result must be a JSON object.".to_owned()),
    }
}

struct Judge {
    is_strict: bool,
    parsed: &'static [&'static str],
}

impl Judge {
    fn members(
        &self,
        structure: Structure<'_>,
        members: &Map<String, Value>,
        depth: usize,
    ) -> Result<(), String> {
        if self.is_strict {
            let mut required = structure.required().map(|member| member.step_functions_name());
            if let Some(missing) = required.find(|name| !members.contains_key(name)) {
                return Err(sentence(&format!("Required field '{missing}' is missing")));
            }
        }
        for (name, value) in members {
            let is_parsed = depth == 0 && self.parsed.contains(&name.as_str());
            // WHY: services gain fields; one that the model does not know is none of its business.
            let Some(member) = structure.member(name).filter(|_| !is_parsed) else { continue };
            self.value(name, member.shape(), value, depth + 1)?;
        }
        Ok(())
    }

    /// Items of an array and values of a map are told by the name of the field that holds them.
    fn value(&self, field: &str, shape: Shape<'_>, value: &Value, depth: usize) -> Result<(), String> {
        if depth > DEPTH_MAX {
            return Err(sentence(&format!("Field '{field}' is nested too deeply")));
        }
        match (shape.kind(), value) {
            (Kind::Document, _) => Ok(()),
            (Kind::Structure(structure), Value::Object(members)) => self.members(structure, members, depth),
            (Kind::List(item), Value::Array(items)) => {
                length(field, shape, items.len())?;
                items.iter().try_for_each(|value| self.value(field, item, value, depth + 1))
            }
            (Kind::Map { value: of, .. }, Value::Object(entries)) => {
                length(field, shape, entries.len())?;
                entries.values().try_for_each(|value| self.value(field, of, value, depth + 1))
            }
            (Kind::String { values }, Value::String(text)) => {
                if !values.is_empty() && !values.contains(text) {
                    return Err(wrong(field, "is not an expected value"));
                }
                length(field, shape, text.chars().count())
            }
            (Kind::Blob, Value::String(text)) => length(field, shape, text.chars().count()),
            (Kind::Timestamp { .. }, Value::String(_)) | (Kind::Boolean, Value::Bool(_)) => Ok(()),
            (Kind::Integer | Kind::Long | Kind::Float, Value::Number(number)) => {
                range(field, shape, number.as_f64().unwrap_or(0.0))
            }
            (kind, _) => Err(wrong(field, &format!("must be {}", expected(kind)))),
        }
    }
}

fn expected(kind: Kind<'_>) -> &'static str {
    match kind {
        Kind::Structure(_) | Kind::Map { .. } => "an object",
        Kind::List(_) => "an array",
        Kind::String { .. } | Kind::Timestamp { .. } | Kind::Blob => "a string",
        Kind::Integer | Kind::Long | Kind::Float => "a number",
        Kind::Boolean => "a boolean",
        Kind::Document => "a value",
    }
}

fn length(field: &str, shape: Shape<'_>, length: usize) -> Result<(), String> {
    // WHY: no length that fits into memory is rounded by this.
    let (Bounds { min, max }, length) = (bounds(shape), length as f64);
    if min.is_some_and(|min| length < min) {
        return Err(wrong(field, "is smaller than the minimum length"));
    }
    if max.is_some_and(|max| length > max) {
        return Err(wrong(field, "exceeds the maximum length"));
    }
    Ok(())
}

fn range(field: &str, shape: Shape<'_>, number: f64) -> Result<(), String> {
    let Bounds { min, max } = bounds(shape);
    if min.is_some_and(|min| number < min) {
        return Err(wrong(field, "is less than the minimum value"));
    }
    if max.is_some_and(|max| number > max) {
        return Err(wrong(field, "exceeds the maximum value"));
    }
    Ok(())
}

fn bounds(shape: Shape<'_>) -> Bounds {
    let service = shape.service().name();
    let older = OLDER.iter().find(|(known, name, _)| *known == service && *name == shape.name());
    older.map_or_else(|| shape.bounds(), |(_, _, bounds)| *bounds)
}

fn wrong(field: &str, what: &str) -> String {
    sentence(&format!("Field '{field}' {what}"))
}

fn sentence(what: &str) -> String {
    format!("Mock result schema validation error: {what}")
}
