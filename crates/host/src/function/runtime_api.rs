//! The Lambda Runtime API, version 2018-06-01, for one process: a loopback port of its own, which takes connections of this
//! user only. What calls are and who gets them is `desk`'s.

use std::{
    convert::Infallible,
    io,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use shipway_control::function::Invocation;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{
    desk::{Desk, Refused, Reply},
    failure::{self, RESPONSE_BYTES_MAX},
    peer,
};

/// Connections of one process at once.
const CONNECTIONS_MAX: usize = 16;
/// Pause after an accept that failed for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long connections of a process that has ended may take to end.
const REST_TIME_MAX: Duration = Duration::from_secs(1);
/// Where all paths begin.
const ROOT: &str = "/2018-06-01/runtime/";
/// Says what kind of error a body tells of.
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";

type Answer = Response<Full<Bytes>>;

/// A port that is listened on.
pub(super) struct Port {
    listener: TcpListener,
    /// Its address.
    pub(super) address: SocketAddrV4,
}

impl Port {
    /// A free port of the loopback.
    pub(super) async fn bind() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        match listener.local_addr()? {
            SocketAddr::V4(address) => Ok(Self { listener, address }),
            SocketAddr::V6(_) => Err(io::Error::other("the loopback has no IPv4 address")),
        }
    }

    /// Serves until `closing` is cancelled, and what has come by then.
    pub(super) async fn serve(self, desk: Arc<Desk>, closing: CancellationToken) {
        let mut connections = JoinSet::new();
        while let Some(accepted) = closing.run_until_cancelled(self.listener.accept()).await {
            while connections.len() >= CONNECTIONS_MAX {
                connections.join_next().await;
            }
            while connections.try_join_next().is_some() {}
            match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(connection(stream, peer, self.address, Arc::clone(&desk)));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection to a function's Runtime API was lost");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        // WHY: the process has ended, so its connections do; what it has sent before is taken.
        let rest = async { while connections.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(REST_TIME_MAX, rest).await;
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, local: SocketAddrV4, desk: Arc<Desk>) {
    let SocketAddr::V4(peer) = peer else { return };
    let is_ours = tokio::task::spawn_blocking(move || peer::is_ours(peer, local)).await;
    if !is_ours.unwrap_or(false) {
        tracing::warn!(%peer, "a connection to a function's Runtime API is not this user's and was refused");
        return;
    }
    let _ = stream.set_nodelay(true);
    let host = local.to_string();
    let service = service_fn(move |request: Request<Incoming>| {
        let (desk, host) = (Arc::clone(&desk), host.clone());
        async move { Ok::<_, Infallible>(answer(&desk, &host, request).await) }
    });
    // A process that ends breaks its connections off.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(desk: &Desk, host: &str, request: Request<Incoming>) -> Answer {
    if is_of_a_browser(request.headers(), host) {
        return refusal(StatusCode::FORBIDDEN, "Forbidden", "This is for the function's process only");
    }
    let path = request.uri().path().to_owned();
    let parts: Vec<&str> = path.strip_prefix(ROOT).unwrap_or_default().split('/').collect();
    match (request.method(), parts.as_slice()) {
        (&Method::GET, ["invocation", "next"]) => next(desk).await,
        (&Method::POST, ["invocation", id, "response"]) => respond(desk, id, request).await,
        (&Method::POST, ["invocation", id, "error"]) => match error(request).await {
            Ok(error) => accepted(desk.answer(id, Reply::Failure(error))),
            Err(refusal) => refusal,
        },
        (&Method::POST, ["init", "error"]) => match error(request).await {
            Ok(error) => accepted(desk.unfit(error)),
            Err(refusal) => refusal,
        },
        _ => refusal(StatusCode::NOT_FOUND, "NotFound", "There is no such path in the Runtime API"),
    }
}

/// WHY: a page in this user's browser could reach the port as well, by its address or by a name that leads to it.
fn is_of_a_browser(headers: &HeaderMap, host: &str) -> bool {
    let asked = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    let is_other = asked.is_some_and(|asked| asked != host);
    is_other || headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site")
}

async fn next(desk: &Desk) -> Answer {
    match desk.next().await {
        Ok((invocation, deadline)) => call(&invocation, deadline),
        Err(refused) => accepted(Err(refused)),
    }
}

fn call(invocation: &Invocation, deadline_millis: i64) -> Answer {
    let mut response = Response::new(Full::from(invocation.payload.clone()));
    let headers = response.headers_mut();
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set("content-type", "application/json");
    set("lambda-runtime-aws-request-id", &invocation.request_id);
    set("lambda-runtime-deadline-ms", &deadline_millis.to_string());
    set("lambda-runtime-invoked-function-arn", &invocation.arn);
    set("lambda-runtime-trace-id", &invocation.trace_id);
    if let Some(context) = &invocation.client_context {
        set("lambda-runtime-client-context", context);
    }
    response
}

async fn respond(desk: &Desk, id: &str, request: Request<Incoming>) -> Answer {
    match body(request).await {
        Ok((body, None)) => accepted(desk.answer(id, Reply::Answer(body))),
        Ok((_, Some(error))) => accepted(desk.answer(id, Reply::Failure(error))),
        Err(refusal) => {
            if refusal.status() == StatusCode::PAYLOAD_TOO_LARGE {
                let _ = desk.answer(id, Reply::TooLarge);
            }
            refusal
        }
    }
}

/// An error as JSON, whatever the runtime sent.
async fn error(request: Request<Incoming>) -> Result<Vec<u8>, Answer> {
    let kind = request.headers().get(ERROR_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (body, _) = body(request).await?;
    match serde_json::from_slice::<Value>(&body) {
        Ok(Value::Object(_)) => Ok(body),
        Ok(_) | Err(_) => Ok(failure::told(kind.as_deref(), &String::from_utf8_lossy(&body))),
    }
}

/// A whole body, and the error that its trailers tell of: a runtime that streams its answer may fail in the middle.
async fn body(request: Request<Incoming>) -> Result<(Vec<u8>, Option<Vec<u8>>), Answer> {
    let collected = match Limited::new(request.into_body(), RESPONSE_BYTES_MAX).collect().await {
        Ok(collected) => collected,
        Err(error) if error.is::<LengthLimitError>() => {
            let text = format!("Exceeded maximum allowed payload size ({RESPONSE_BYTES_MAX} bytes).");
            return Err(refusal(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &text));
        }
        Err(error) => return Err(refusal(StatusCode::BAD_REQUEST, "InvalidRequest", &error.to_string())),
    };
    let kind = collected.trailers().and_then(|trailers| trailers.get(ERROR_TYPE));
    let kind = kind.and_then(|kind| kind.to_str().ok()).map(str::to_owned);
    let error =
        kind.map(|kind| failure::told(Some(&kind), "The function failed while it streamed its answer"));
    Ok((collected.to_bytes().to_vec(), error))
}

fn accepted(done: Result<(), Refused>) -> Answer {
    match done {
        Ok(()) => json(StatusCode::ACCEPTED, &json!({"status": "OK"})),
        Err(Refused::State) => {
            refusal(StatusCode::FORBIDDEN, "InvalidStateTransition", "State transition is not allowed")
        }
        Err(Refused::Id) => refusal(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID"),
        Err(Refused::Closed) => refusal(StatusCode::GONE, "Shutdown", "The process is to end"),
    }
}

fn refusal(status: StatusCode, kind: &str, message: &str) -> Answer {
    json(status, &json!({"errorMessage": message, "errorType": kind}))
}

fn json(status: StatusCode, body: &Value) -> Answer {
    let mut response = Response::new(Full::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_told_by_its_headers() {
        let headers = |name: &'static str, value: &'static str| {
            HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static(value))])
        };
        let host = "127.0.0.1:9";
        assert!(!is_of_a_browser(&headers("host", host), host));
        assert!(!is_of_a_browser(&HeaderMap::new(), host));
        for (name, value) in [("host", "evil.example:9"), ("origin", "null"), ("sec-fetch-site", "none")] {
            assert!(is_of_a_browser(&headers(name, value), host), "{name}");
        }
    }
}
