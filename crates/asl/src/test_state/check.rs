//! What a request must be before anything runs. The order of the checks is AWS's, where it is known.

use serde_json::{Map, Value};

use super::context;
use super::refusal::{self, Refusal};
use super::request::{ErrorOutput, FieldValidationMode, Mock, Request};
use super::subject::Subject;
use crate::definition::{Kind, StateKind};
use crate::json;
use crate::limits::{DATA_BYTES_MAX, STATE_NAME_CHARS_MAX};

/// Knows what services answer.
pub trait Shapes {
    /// Whether a mocked result is what the service behind a Task's `resource` can answer.
    ///
    /// The error is AWS's message in full. What nobody knows passes: functions and activities, what a callback
    /// brings, and everything in [`FieldValidationMode::None`].
    fn check(&self, resource: &str, result: &Value, mode: FieldValidationMode) -> Result<(), String>;
}

/// A request that may run.
pub(super) struct Checked {
    pub subject: Subject,
    pub input: Value,
    pub variables: Map<String, Value>,
    pub context: Option<Value>,
    pub mock: Option<Mocked>,
}

/// What stands for the state's work.
#[derive(Clone, Debug)]
pub(super) enum Mocked {
    Result(Value),
    Error(ErrorOutput),
}

pub(super) fn check(request: &Request, shapes: &dyn Shapes) -> Result<Checked, Refusal> {
    check_lengths(request)?;
    let subject = Subject::new(&request.definition, request.state_name.as_deref())?;
    check_configuration(request, &subject)?;
    let mock = match &request.mock {
        None => check_unmocked(&subject).map(|()| None)?,
        Some(mock) => Some(check_mock(request, mock, &subject, shapes)?),
    };
    let context = match &request.context {
        None => None,
        Some(text) => Some(context::given(text, &subject)?),
    };
    if subject.kind() == StateKind::Task && mock.is_none() && request.role_arn.is_none() {
        return Err(Refusal::role_missing());
    }
    Ok(Checked { input: input(request)?, variables: variables(request)?, subject, context, mock })
}

fn check_lengths(request: &Request) -> Result<(), Refusal> {
    let name = request.state_name.as_deref();
    if name.is_some_and(str::is_empty) {
        return Err(Refusal::empty(refusal::STATE_NAME));
    }
    if name.is_some_and(|name| name.chars().count() > STATE_NAME_CHARS_MAX) {
        return Err(Refusal::too_long(refusal::STATE_NAME, STATE_NAME_CHARS_MAX));
    }
    let mock = request.mock.as_ref().and_then(|mock| mock.result.as_ref());
    let texts = [
        ("input", request.input.as_ref()),
        ("variables", request.variables.as_ref()),
        ("context", request.context.as_ref()),
        ("mock.result", mock),
        ("stateConfiguration.mapItemReaderData", request.state_configuration.map_item_reader_data.as_ref()),
    ];
    match texts.iter().find(|(_, text)| text.is_some_and(|text| text.len() > DATA_BYTES_MAX)) {
        Some((field, _)) => Err(Refusal::too_long(field, DATA_BYTES_MAX)),
        None => Ok(()),
    }
}

fn check_configuration(request: &Request, subject: &Subject) -> Result<(), Refusal> {
    let configuration = &request.state_configuration;
    let given = [
        ("RetrierRetryCount", configuration.retrier_retry_count.is_some()),
        ("ErrorCausedByState", configuration.error_caused_by_state.is_some()),
        ("MapIterationFailureCount", configuration.map_iteration_failure_count.is_some()),
        ("MapItemReaderData", configuration.map_item_reader_data.is_some()),
    ];
    if request.mock.is_none()
        && let Some((field, _)) = given.iter().find(|(_, is_given)| *is_given)
    {
        return Err(Refusal::needs_mock(field));
    }
    let kind = subject.kind();
    if let Some((field, _)) = given.iter().skip(2).find(|(_, is_given)| *is_given && kind != StateKind::Map) {
        return Err(Refusal::needs_fork(field, "Map"));
    }
    match &configuration.error_caused_by_state {
        Some(_) if !matches!(kind, StateKind::Map | StateKind::Parallel) => {
            Err(Refusal::needs_fork("ErrorCausedByState", "Map and Parallel"))
        }
        Some(name) if !subject.contains(name) => Err(Refusal::no_such_cause(name)),
        _ => Ok(()),
    }
}

fn check_unmocked(subject: &Subject) -> Result<(), Refusal> {
    match subject.state().map(|state| &state.kind) {
        Some(Kind::Parallel { .. } | Kind::Map(_)) => Err(Refusal::mock_needed_by_fork()),
        Some(Kind::Task(task)) if subject.waits_for_answer() => {
            Err(Refusal::mock_needed_by_task(&task.resource))
        }
        _ => Ok(()),
    }
}

fn check_mock(
    request: &Request,
    mock: &Mock,
    subject: &Subject,
    shapes: &dyn Shapes,
) -> Result<Mocked, Refusal> {
    let kind = subject.kind();
    if !matches!(kind, StateKind::Task | StateKind::Parallel | StateKind::Map) {
        return Err(Refusal::mock_not_taken(kind));
    }
    if request.reveal_secrets {
        return Err(Refusal::secrets_of_mock());
    }
    match (&mock.result, &mock.error_output) {
        (Some(_), Some(_)) => Err(Refusal::both_in_mock()),
        (None, None) => Err(Refusal::nothing_in_mock()),
        (None, Some(error)) => Ok(Mocked::Error(error.clone())),
        (Some(result), None) => {
            let result: Value = serde_json::from_str(result).map_err(|_| Refusal::mock_no_json())?;
            check_result(&result, mock.field_validation_mode, subject, shapes)?;
            Ok(Mocked::Result(result))
        }
    }
}

fn check_result(
    result: &Value,
    mode: FieldValidationMode,
    subject: &Subject,
    shapes: &dyn Shapes,
) -> Result<(), Refusal> {
    match subject.state().map(|state| &state.kind) {
        Some(Kind::Parallel { branches }) => match result {
            Value::Array(results) if results.len() == branches.len() => Ok(()),
            Value::Array(_) => Err(Refusal::mock_branches()),
            _ => Err(Refusal::mock_no_array()),
        },
        Some(Kind::Map(map)) if map.writer.is_some() => {
            if result.is_object() {
                Ok(())
            } else {
                Err(Refusal::mock_no_object())
            }
        }
        Some(Kind::Map(_)) => {
            if result.is_array() {
                Ok(())
            } else {
                Err(Refusal::mock_no_array())
            }
        }
        Some(Kind::Task(task)) => shapes.check(&task.resource, result, mode).map_err(Refusal::mock_shape),
        _ => Ok(()),
    }
}

fn input(request: &Request) -> Result<Value, Refusal> {
    let Some(input) = &request.input else { return Ok(Value::Object(Map::new())) };
    if input.trim().is_empty() {
        return Err(Refusal::input("Invalid execution input."));
    }
    serde_json::from_str(input).map_err(|error| match json::first_error(input) {
        Some(found) => Refusal::input(&found.message),
        None => Refusal::input(&error.to_string()),
    })
}

fn variables(request: &Request) -> Result<Map<String, Value>, Refusal> {
    let Some(variables) = &request.variables else { return Ok(Map::new()) };
    serde_json::from_str(variables).map_err(|error| Refusal::variables(&error.to_string()))
}
