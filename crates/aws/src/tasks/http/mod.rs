//! `http:invoke`: calls an HTTP API with the credentials of an EventBridge connection. Follows no redirect, and never
//! goes to where machines get their own credentials.

mod connection;
mod form;
mod request;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use shipway_asl::test_state::{Exchange, HttpRequest, HttpResponse};
use shipway_engine::Task;

use self::{connection::Connection, request::Request};
use crate::{
    client::{Client, NoReply},
    protocol::Reply,
    task::Failure,
};

/// Does one Task. `is_plain_allowed`: whether an address of this machine may be called without TLS.
pub(super) async fn invoke(client: &Client, task: &Task, is_plain_allowed: bool) -> Result<Value, Failure> {
    let mut request = Request::read(&task.parameters, client.region(), is_plain_allowed)?;
    let connection = Connection::fetch(client, &request.connection).await?;
    let shown = shown_request(&request);
    connection.add_to(&mut request);
    connection.authorize(client, &mut request, is_plain_allowed).await?;
    let shown = if task.trace.as_ref().is_some_and(|it| it.reveals_secrets) {
        shown_request(&request)
    } else {
        shown
    };
    tell(task, &shown, None);
    let (url, headers) = (request.url(), request.headers());
    let sent = client.fetch((&request.method, &url), &headers, Bytes::from(request.body())).await;
    let reply = sent.map_err(|failure| unanswered(&failure))?;
    tell(task, &shown, Some(shown_response(&request, &reply)));
    result(&reply)
}

/// What the state goes on with.
fn result(reply: &Reply) -> Result<Value, Failure> {
    let reason = reason(reply);
    if !(200..300).contains(&reply.status) {
        let error = format!("States.Http.StatusCode.{}", reply.status);
        return Err(Failure { error, cause: reason.to_owned() });
    }
    Ok(json!({
        "ResponseBody": body(reply),
        "ResponseHeaders": headers(reply),
        "StatusCode": reply.status,
        "StatusText": reason,
    }))
}

/// The words that belong to the status.
pub(super) fn reason(reply: &Reply) -> &'static str {
    let status = http::StatusCode::from_u16(reply.status).ok();
    status.and_then(|status| status.canonical_reason()).unwrap_or_default()
}

/// The body: JSON where it is some, else text.
pub(super) fn body(reply: &Reply) -> Value {
    let text = String::from_utf8_lossy(&reply.body);
    let is_json = reply.header("content-type").is_none_or(|kind| kind.contains("json"));
    let parsed = if is_json { serde_json::from_str(&text).ok() } else { None };
    parsed.unwrap_or_else(|| text.into())
}

/// All values of all headers.
pub(super) fn headers(reply: &Reply) -> Map<String, Value> {
    let mut all: Map<String, Value> = Map::new();
    for (name, value) in &reply.headers {
        if let Some(values) = all.entry(name.clone()).or_insert_with(|| json!([])).as_array_mut() {
            values.push(json!(value));
        }
    }
    all
}

/// What a call without an answer fails with.
pub(super) fn unanswered(failure: &NoReply) -> Failure {
    let error = match failure {
        NoReply::TooLarge(_) => "States.DataLimitExceeded",
        NoReply::Unwritable(_) => "States.Runtime",
        NoReply::NoAnswer(_) | NoReply::TimedOut(_) => "States.Http.Socket",
    };
    Failure { error: error.to_owned(), cause: failure.to_string() }
}

fn tell(task: &Task, request: &HttpRequest, response: Option<HttpResponse>) {
    if let Some(trace) = &task.trace {
        trace.tell(Exchange { request: Some(request.clone()), response });
    }
}

fn shown_request(request: &Request) -> HttpRequest {
    HttpRequest {
        protocol: request.scheme().to_owned(),
        method: request.method.clone(),
        url: request.url(),
        headers: listed(&request.headers()),
        body: request.body(),
    }
}

fn shown_response(request: &Request, reply: &Reply) -> HttpResponse {
    HttpResponse {
        protocol: request.scheme().to_owned(),
        status_code: reply.status.to_string(),
        status_message: reason(reply).to_owned(),
        headers: listed(&reply.headers),
        body: String::from_utf8_lossy(&reply.body).into_owned(),
    }
}

fn listed(headers: &[(String, String)]) -> String {
    let headers: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    format!("[{}]", headers.join(", "))
}

/// The body as text.
pub(super) fn text(reply: &Reply) -> String {
    String::from_utf8_lossy(&reply.body).into_owned()
}
