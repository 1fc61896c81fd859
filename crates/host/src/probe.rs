//! One health probe of one process. Judges nothing: how many probes make a process healthy is for others to say.

use std::{io, net::Ipv4Addr, time::Duration};

use bytes::Bytes;
use futures_util::future::join_all;
use http::{Request, StatusCode, Uri, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use shipway_control::{
    Millis,
    host::{HostError, Probe, Process, ProcessState},
    release::HealthCheck,
};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};

use crate::fault::bad_release;

/// What a probe found.
struct Finding {
    is_healthy: bool,
    evidence: String,
}

/// Probes all processes at the same time, in the order given.
pub(crate) async fn probe(
    service: &str,
    processes: &[Process],
    health: &HealthCheck,
) -> Result<Vec<Probe>, HostError> {
    let path = health.path.as_deref().map(|path| uri(service, path)).transpose()?;
    let probes = processes.iter().map(|process| probe_one(process, path.as_ref(), health.timeout));
    Ok(join_all(probes).await)
}

async fn probe_one(process: &Process, path: Option<&Uri>, limit: Millis) -> Probe {
    let finding = match (process.state, process.port, path) {
        (ProcessState::Running, Some(port), Some(path)) => within(limit, get(port, path)).await,
        (ProcessState::Running, Some(port), None) => within(limit, connect(port)).await,
        (ProcessState::Running, None, _) => healthy("running"),
        (ProcessState::BackOff | ProcessState::Stopping | ProcessState::Stopped, _, _) => {
            not_running(process)
        }
    };
    Probe { index: process.index, is_healthy: finding.is_healthy, evidence: finding.evidence }
}

async fn within(limit: Millis, probing: impl Future<Output = Finding>) -> Finding {
    // WHY: a limit of 0 would refuse every process.
    let limit = if limit == Millis(0) { Millis(1_000) } else { limit };
    timeout(limit.duration(), probing)
        .await
        .unwrap_or_else(|_| unhealthy(format!("no answer within {limit}")))
}

async fn connect(port: u16) -> Finding {
    let since = Instant::now();
    match TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
        Ok(_) => healthy(format!("connected in {}", show(since.elapsed()))),
        Err(error) => unhealthy(describe(&error)),
    }
}

async fn get(port: u16, path: &Uri) -> Finding {
    let since = Instant::now();
    let stream = match TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
        Ok(stream) => stream,
        Err(error) => return unhealthy(describe(&error)),
    };
    match ask(stream, path).await {
        Ok(status) => {
            let is_healthy = (200..=399).contains(&status.as_u16());
            Finding { is_healthy, evidence: format!("{} in {}", status.as_u16(), show(since.elapsed())) }
        }
        Err(error) => unhealthy(describe_http(&error)),
    }
}

async fn ask(stream: TcpStream, path: &Uri) -> hyper::Result<StatusCode> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = path.clone();
    let headers = request.headers_mut();
    headers.insert(header::HOST, header::HeaderValue::from_static("localhost"));
    headers.insert(header::USER_AGENT, header::HeaderValue::from_static("shipway-health"));
    headers.insert(header::CONNECTION, header::HeaderValue::from_static("close"));
    let asking = sender.send_request(request);
    tokio::pin!(asking, connection);
    let mut is_open = true;
    loop {
        tokio::select! {
            // The answer first: a connection may end right after it.
            biased;
            answer = &mut asking => return answer.map(|answer| answer.status()),
            ended = &mut connection, if is_open => {
                is_open = false;
                ended?;
            }
        }
    }
}

fn uri(service: &str, path: &str) -> Result<Uri, HostError> {
    let field = format!("services.{service}.health.path");
    if !path.starts_with('/') {
        return Err(bad_release(
            field,
            format!("`{path}` is not a path; it starts with `/`, such as `/health`"),
        ));
    }
    path.parse().map_err(|error| bad_release(field, format!("`{path}` is not a path: {error}")))
}

/// The same check before anything is started.
pub(crate) fn vet_path(service: &str, health: &HealthCheck) -> Result<(), HostError> {
    health.path.as_deref().map_or(Ok(()), |path| uri(service, path).map(|_| ()))
}

fn not_running(process: &Process) -> Finding {
    match &process.last_exit {
        Some(last_exit) => {
            let crashes = if process.crashes == 1 { "crash" } else { "crashes" };
            unhealthy(format!("not running: {last_exit}, {} {crashes}", process.crashes))
        }
        None => unhealthy("not running"),
    }
}

fn describe(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset => "connection reset".to_owned(),
        _ => error.to_string(),
    }
}

fn describe_http(error: &hyper::Error) -> String {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(error) = inner.downcast_ref::<io::Error>() {
            return describe(error);
        }
        source = inner.source();
    }
    match error {
        error if error.is_incomplete_message() || error.is_canceled() => {
            "connection closed without an answer".to_owned()
        }
        error if error.is_parse() => "an answer that is not HTTP".to_owned(),
        error => error.to_string(),
    }
}

fn show(span: Duration) -> String {
    format!("{} ms", span.as_millis())
}

fn healthy(evidence: impl Into<String>) -> Finding {
    Finding { is_healthy: true, evidence: evidence.into() }
}

fn unhealthy(evidence: impl Into<String>) -> Finding {
    Finding { is_healthy: false, evidence: evidence.into() }
}

#[cfg(test)]
#[path = "probe_tests.rs"]
mod tests;
