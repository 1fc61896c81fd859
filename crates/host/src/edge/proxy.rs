//! One request from a client to a process and its answer back. Does not know listeners or the control socket.

use std::{sync::Arc, time::Instant};

use http::{HeaderValue, Method, Request, Response, StatusCode, header, request};
use hyper::{body::Incoming, upgrade};

use super::{
    body::{RequestBody, ResponseBody},
    conn::{Busy, Conn},
    failure::Failure,
    head::{self, Refused},
    service::Service,
    tunnel,
    upstream::{Flight, Upstream},
};

/// How often a request is sent at most.
const TRIES_MAX: usize = 3;

/// Answers one request.
pub(super) async fn answer(
    service: Arc<Service>,
    conn: Arc<Conn>,
    mut request: Request<Incoming>,
) -> Response<ResponseBody> {
    let busy = Busy::new(&conn);
    let client_upgrade = upgrade::on(&mut request);
    let (mut head, body) = request.into_parts();
    let protocol = match head::prepare_request(&mut head, conn.peer) {
        Ok(protocol) => protocol,
        Err(refused) => return refuse(refused, busy),
    };
    if head.method == Method::OPTIONS && head.uri.path() == "*" {
        return text(StatusCode::OK, "", busy);
    }
    let (response, flight) = match send(&service, &head, &RequestBody::new(body)).await {
        Ok(answered) => answered,
        Err(refused) => return refuse(refused, busy),
    };
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return pass(response, flight, busy);
    }
    match protocol {
        Some(protocol) => switch(&service, response, protocol, client_upgrade, flight, conn, busy),
        None => {
            let mut flight = flight;
            flight.failed();
            text(StatusCode::BAD_GATEWAY, "the service switched protocols without being asked\n", busy)
        }
    }
}

/// Sends the request to a process, and to another one where that is safe.
async fn send(
    service: &Service,
    head: &request::Parts,
    body: &RequestBody,
) -> Result<(Response<Incoming>, Flight), Refused> {
    let started = Instant::now();
    let nobody = Refused { status: StatusCode::SERVICE_UNAVAILABLE, reason: "no process serves this\n" };
    let mut turn = service.turn().ok_or(nobody)?;
    let mut tried: Vec<Arc<Upstream>> = Vec::new();
    let mut flight = service.begin(&mut turn, &tried, started).ok_or(nobody)?;
    loop {
        let failure = match send_once(&flight, head, body).await? {
            Ok(response) => {
                flight.answered(response.status().is_server_error());
                return Ok((response, flight));
            }
            Err(failure) => failure,
        };
        if body.is_broken() {
            flight.forget();
            return Err(Refused {
                status: StatusCode::BAD_REQUEST,
                reason: "the request's body is malformed\n",
            });
        }
        flight.upstream.health.broke();
        flight.failed();
        tried.push(Arc::clone(&flight.upstream));
        let may_retry = tried.len() < TRIES_MAX && body.is_whole() && failure.may_retry(&head.method);
        let next = may_retry.then(|| service.begin(&mut turn, &tried, started)).flatten();
        let Some(next) = next else {
            return Err(Refused { status: failure.status(), reason: failure.text() });
        };
        if Arc::ptr_eq(&flight.counts, &next.counts) {
            // The same release answers after all; one that lets another release answer has failed.
            flight.forget();
        }
        flight = next;
    }
}

async fn send_once(
    flight: &Flight,
    head: &request::Parts,
    body: &RequestBody,
) -> Result<Result<Response<Incoming>, Failure>, Refused> {
    let mut head = head.clone();
    head.uri = head::uri_at(&head.uri, &flight.upstream.authority)?;
    let request = Request::from_parts(head, body.clone());
    let response = flight.upstream.pool.request(request).await;
    Ok(response.map_err(|error| {
        tracing::debug!(port = flight.upstream.port, %error, "request met no answer");
        Failure::of(&error)
    }))
}

fn pass(response: Response<Incoming>, flight: Flight, busy: Busy) -> Response<ResponseBody> {
    let (mut parts, incoming) = response.into_parts();
    head::prepare_response(&mut parts.headers);
    parts.extensions.clear();
    Response::from_parts(parts, ResponseBody::process(incoming, flight, busy))
}

fn switch(
    service: &Service,
    mut response: Response<Incoming>,
    protocol: HeaderValue,
    client_upgrade: upgrade::OnUpgrade,
    flight: Flight,
    conn: Arc<Conn>,
    busy: Busy,
) -> Response<ResponseBody> {
    let process_upgrade = upgrade::on(&mut response);
    let protocol = response.headers().get(header::UPGRADE).cloned().unwrap_or(protocol);
    let (mut parts, _) = response.into_parts();
    head::prepare_response(&mut parts.headers);
    head::mark_upgrade(&mut parts.headers, protocol);
    parts.extensions.clear();
    service.cx.tasks.spawn(tunnel::carry(client_upgrade, process_upgrade, flight, conn));
    Response::from_parts(parts, ResponseBody::text("", busy))
}

fn refuse(refused: Refused, busy: Busy) -> Response<ResponseBody> {
    text(refused.status, refused.reason, busy)
}

fn text(status: StatusCode, reason: &'static str, busy: Busy) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::text(reason, busy));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
