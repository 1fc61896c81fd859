//! Answers of Lambda's API: a function's result, or a refusal in the shape of its protocol.

use axum::{body::Body, response::Response};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use shipway_control::function::{Done, Refusal};

use crate::states::Fault;

/// A call that has run.
pub(super) fn done(done: &Done, wants_log: bool) -> Response {
    let outcome = &done.outcome;
    let mut response = answer(StatusCode::OK, Body::from(outcome.payload.clone()));
    set(&mut response, "x-amzn-requestid", &done.request_id);
    set(&mut response, "x-amz-executed-version", "$LATEST");
    set(&mut response, "x-amzn-remapped-content-length", "0");
    if outcome.is_failure {
        set(&mut response, "x-amz-function-error", "Unhandled");
    }
    if wants_log {
        set(&mut response, "x-amz-log-result", &STANDARD.encode(&outcome.log_tail));
    }
    response
}

/// A call that will run.
pub(super) fn accepted(request_id: &str) -> Response {
    let mut response = answer(StatusCode::ACCEPTED, Body::empty());
    set(&mut response, "x-amzn-requestid", request_id);
    response
}

/// A call that could run.
pub(super) fn checked() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// A document.
pub(super) fn document(body: &Value) -> Response {
    answer(StatusCode::OK, Body::from(body.to_string()))
}

/// A call that is refused.
pub(super) fn refusal(refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let side = if status.is_server_error() { "Service" } else { "User" };
    let message = refusal.to_string();
    let body = match refusal {
        Refusal::NotFound { .. } | Refusal::Unavailable(_) => json!({"Type": side, "Message": message}),
        Refusal::Throttled => json!({
            "Type": side, "message": message, "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
        }),
        Refusal::TooLarge { .. } | Refusal::Content { .. } | Refusal::Parameter(_) => {
            json!({"Type": side, "message": message})
        }
    };
    failed(status, refusal.code(), &body)
}

/// A request that was refused before it came here: for its signature, or its size.
pub fn refused(fault: &Fault) -> Response {
    let status = match fault.code {
        "ThrottlingException" => StatusCode::TOO_MANY_REQUESTS,
        _ if fault.status == StatusCode::BAD_REQUEST => StatusCode::FORBIDDEN,
        _ => fault.status,
    };
    let code = match fault.code {
        "RequestEntityTooLargeException" => "RequestTooLargeException",
        other => other,
    };
    failed(status, code, &json!({"message": fault.message}))
}

fn failed(status: StatusCode, code: &'static str, body: &Value) -> Response {
    let mut response = answer(status, Body::from(body.to_string()));
    set(&mut response, "x-amzn-errortype", code);
    response
}

fn answer(status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn set(response: &mut Response, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
