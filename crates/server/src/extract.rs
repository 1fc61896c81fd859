//! Extractors whose refusals are problem documents. Knows no route.

use axum::{
    body::to_bytes,
    extract::{FromRequest, FromRequestParts, Request},
};
use http::{HeaderMap, header, request::Parts};
use serde::de::DeserializeOwned;
use shipway_control::name::{check_project, check_segment};

use crate::{
    place::path_at,
    problem::{BAD_REQUEST, TOO_LARGE, UNSUPPORTED_MEDIA_TYPE},
    wire::Problem,
};

/// Bytes of a JSON body at most.
pub const JSON_BYTES_MAX: usize = 1024 * 1024;
/// Characters of a person's name or of a reason at most.
const TEXT_CHARS_MAX: usize = 1_000;

/// A JSON body of at most [`JSON_BYTES_MAX`].
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(UNSUPPORTED_MEDIA_TYPE
                .because("the body must be `application/json`")
                .hint("send the header `Content-Type: application/json`"));
        }
        let body =
            to_bytes(request.into_body(), JSON_BYTES_MAX).await.map_err(|error| body_problem(&error))?;
        let text = std::str::from_utf8(&body).map_err(|_| BAD_REQUEST.because("the body is not UTF-8"))?;
        serde_json::from_str(text).map(Self).map_err(|error| json_problem(text, &error))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// A body that is too large or was cut short.
fn body_problem(error: &axum::Error) -> Problem {
    let source = std::error::Error::source(error);
    if source.is_some_and(|source| source.is::<http_body_util::LengthLimitError>()) {
        TOO_LARGE.because(format!("the body is larger than {JSON_BYTES_MAX} bytes"))
    } else {
        BAD_REQUEST.because(format!("the body cannot be read: {error}"))
    }
}

fn json_problem(text: &str, error: &serde_json::Error) -> Problem {
    let (line, column) = (error.line(), error.column());
    let message = error.to_string();
    let place = format!(" at line {line} column {column}");
    let message = message.strip_suffix(&place).unwrap_or(&message);
    let path = match (path_at(text, line, column), named_field(message)) {
        (path, Some(field)) if path.is_empty() => field.to_owned(),
        (path, Some(field)) => format!("{path}.{field}"),
        (path, None) => path,
    };
    let problem =
        BAD_REQUEST.because(format!("the JSON is not valid: {message} (line {line}, column {column})"));
    if path.is_empty() { problem } else { problem.at(path) }
}

/// A field that the message names because no value stands for it.
fn named_field(message: &str) -> Option<&str> {
    let name = message.strip_prefix("missing field `").or_else(|| message.strip_prefix("unknown field `"))?;
    name.split('`').next()
}

/// Parameters of the query.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        axum::extract::Query::try_from_uri(&parts.uri)
            .map(|query| Self(query.0))
            .map_err(|rejection| BAD_REQUEST.because(rejection.body_text()).at("query"))
    }
}

/// Parameters of the path.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        axum::extract::Path::from_request_parts(parts, state)
            .await
            .map(|path| Self(path.0))
            .map_err(|rejection| BAD_REQUEST.because(rejection.body_text()).at("path"))
    }
}

/// A project of a path, where `/` is written `~`.
pub fn project(text: &str) -> Result<String, Problem> {
    let project = text.replace('~', "/");
    check_project(&project).map_err(|error| BAD_REQUEST.because(error.to_string()).at("project"))?;
    Ok(project)
}

/// An environment or a service; `field` says which.
pub fn segment(text: &str, field: &str) -> Result<(), Problem> {
    check_segment(text).map_err(|error| BAD_REQUEST.because(error.to_string()).at(field))
}

/// A name or reason that people gave.
pub fn words(text: &str, field: &str) -> Result<(), Problem> {
    let length = text.chars().count();
    if text.trim().is_empty() {
        Err(BAD_REQUEST.because(format!("`{field}` is empty")).at(field))
    } else if length > TEXT_CHARS_MAX {
        let detail = format!("`{field}` has {length} characters, at most {TEXT_CHARS_MAX} are taken");
        Err(BAD_REQUEST.because(detail).at(field))
    } else {
        Ok(())
    }
}

/// A size of a page, 1 to `max`.
pub fn limit(given: Option<usize>, default: usize, max: usize, field: &str) -> Result<usize, Problem> {
    match given.unwrap_or(default) {
        limit if (1..=max).contains(&limit) => Ok(limit),
        limit => Err(BAD_REQUEST.because(format!("`{field}` is {limit}, it must be 1 to {max}")).at(field)),
    }
}
