//! The oracle of form: holds answers against AWS's service model of Step Functions.

use serde_json::Value;
use shipway_aws::models::{Kind, Operation, Service, Shape};

/// Errors that every action of AWS's may answer with, and that the model does not list.
const COMMON: &[&str] = &[
    "AccessDeniedException",
    "SerializationException",
    "ThrottlingException",
    "UnknownOperationException",
    "ValidationException",
];

/// Errors beyond the model: for a machine that is not there, this action's model has none.
const BEYOND: &[(&str, &str)] = &[("ListStateMachineVersions", "StateMachineDoesNotExist")];

/// The actions.
pub fn operations() -> Vec<Operation<'static>> {
    Service::load("sfn").unwrap().operations().collect()
}

/// Why an answer is none that the action may give.
pub fn check(operation: &Operation<'_>, status: u16, body: &Value) -> Result<(), String> {
    match status {
        200 => match operation.output() {
            Some(shape) => conforms(shape, body, "answer"),
            None => Err("it has no output".to_owned()),
        },
        400 | 413 => refuses(operation, body),
        other => Err(format!("status {other}")),
    }
}

fn refuses(operation: &Operation<'_>, body: &Value) -> Result<(), String> {
    let code = body["__type"].as_str().ok_or("an error without `__type`")?;
    let message = body["message"].as_str().ok_or("an error without `message`")?;
    let is_modelled = operation.errors().any(|error| error.name() == code || error.error_code() == code);
    if !is_modelled
        && !BEYOND.contains(&(operation.name(), code))
        && !COMMON.contains(&code)
        && code != "RequestEntityTooLargeException"
    {
        return Err(format!("`{code}` is no error of this action: {message}"));
    }
    match message {
        "" => Err("an error without words".to_owned()),
        _ => Ok(()),
    }
}

fn conforms(shape: Shape<'_>, value: &Value, place: &str) -> Result<(), String> {
    let wrong = |wanted: &str| Err(format!("{place} is {value}, not {wanted}"));
    let bounds = shape.bounds();
    let within =
        |found: f64| bounds.min.is_none_or(|min| found >= min) && bounds.max.is_none_or(|max| found <= max);
    #[allow(clippy::cast_precision_loss, reason = "lengths are small")]
    let is_long_enough = |length: usize| within(length as f64);
    match (shape.kind(), value) {
        (Kind::Structure(structure), Value::Object(fields)) => {
            for member in structure.required() {
                if fields.get(member.wire_name()).is_none_or(Value::is_null) {
                    return Err(format!("{place} lacks `{}`", member.name()));
                }
            }
            for (name, value) in fields {
                let member = structure.named(name).ok_or(format!("{place} has an unknown `{name}`"))?;
                conforms(member.shape(), value, &format!("{place}.{name}"))?;
            }
            Ok(())
        }
        (Kind::List(item), Value::Array(items)) => {
            if !is_long_enough(items.len()) {
                return wrong("a list of that length");
            }
            items.iter().enumerate().try_for_each(|(at, one)| conforms(item, one, &format!("{place}[{at}]")))
        }
        (Kind::Map { value: item, .. }, Value::Object(fields)) => {
            fields.iter().try_for_each(|(key, one)| conforms(item, one, &format!("{place}.{key}")))
        }
        (Kind::String { values }, Value::String(text)) => {
            if !values.is_empty() && !values.contains(text) {
                return wrong("one of the values of the model");
            }
            if is_long_enough(text.chars().count()) { Ok(()) } else { wrong("a text of that length") }
        }
        (Kind::Integer | Kind::Long, Value::Number(number)) if number.is_i64() || number.is_u64() => {
            if within(number.as_f64().unwrap()) { Ok(()) } else { wrong("within the bounds") }
        }
        (Kind::Float, Value::Number(number)) if within(number.as_f64().unwrap()) => Ok(()),
        // WHY: seconds; milliseconds would be a thousand times as many.
        (Kind::Timestamp { .. }, Value::Number(number)) if number.as_f64().unwrap() < 1e11 => Ok(()),
        (Kind::Boolean, Value::Bool(_)) | (Kind::Blob, Value::String(_)) | (Kind::Document, _) => Ok(()),
        (kind, _) => wrong(&format!("{kind:?}").chars().take(20).collect::<String>()),
    }
}

#[test]
fn answers_that_are_not_of_the_model_are_found() {
    let operations = operations();
    let operation = |name: &str| operations.iter().find(|operation| operation.name() == name).unwrap();
    let check =
        |name: &str, status, body: &str| check(operation(name), status, &serde_json::from_str(body).unwrap());
    let good = r#"{"activityArn": "a", "creationDate": 1700000000.5}"#;
    check("CreateActivity", 200, good).unwrap();
    check("CreateActivity", 400, r#"{"__type": "InvalidName", "message": "m"}"#).unwrap();
    for (status, body) in [
        (200, r#"{"activityArn": "a"}"#),
        (200, r#"{"activityArn": "", "creationDate": 1}"#),
        (200, r#"{"activityArn": "a", "creationDate": "2020-01-01"}"#),
        (200, r#"{"activityArn": "a", "creationDate": 1700000000500}"#),
        (200, r#"{"activityArn": "a", "creationDate": 1, "more": 1}"#),
        (400, r#"{"__type": "StateMachineDoesNotExist", "message": "m"}"#),
        (400, r#"{"__type": "InvalidName"}"#),
        (500, good),
    ] {
        check("CreateActivity", status, body).unwrap_err();
    }
}
