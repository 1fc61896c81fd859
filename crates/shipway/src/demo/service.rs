//! The demo's web service: answers with its version, slowly on one path, with an error where its file says so, and
//! ends on SIGTERM after the requests under way.

use std::{convert::Infallible, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use serde::{Deserialize, Serialize};
use tokio::{
    net::{TcpListener, TcpStream},
    signal::unix::{SignalKind, signal},
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{context::Context, failure::Failure};

/// How long `/slow` takes.
const SLOW: Duration = Duration::from_millis(300);
/// How long requests under way may take after SIGTERM.
const DRAIN_MAX: Duration = Duration::from_secs(8);
/// Connections at once.
const CONNECTIONS_MAX: usize = 1_024;

/// How the service behaves: a file of each commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Behaviour {
    /// What `/` says.
    pub greeting: String,
    /// Paths that answer 500.
    #[serde(default)]
    pub broken: Vec<String>,
    /// How long it takes until it is healthy.
    #[serde(default)]
    pub start_millis: u64,
}

/// Serves until SIGTERM.
pub async fn serve(cx: &Context, file: &Path, port: u16) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::of("the service cannot start", &error);
    let text = std::fs::read(file).map_err(failed)?;
    let behaviour: Behaviour = serde_json::from_slice(&text)
        .map_err(|error| Failure::usage(format!("`{}`: {error}", file.display())))?;
    let behaviour = Arc::new(behaviour);
    let version = std::env::var("SHIPWAY_VERSION").unwrap_or_else(|_| "unknown".to_owned());
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    sleep(Duration::from_millis(behaviour.start_millis)).await;
    let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(failed)?;
    cx.out.say(&format!("version {version} listens on 127.0.0.1:{port}"));
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            _ = terminate.recv() => break,
            accepted = listener.accept() => accepted.map_err(failed)?.0,
        };
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
        let connection = connection(stream, Arc::clone(&behaviour), version.clone(), &graceful);
        connections.spawn(async move {
            connection.await;
            drop(place);
        });
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    cx.out.say("SIGTERM: ending the requests under way");
    // What takes longer is cut off by whoever sent the signal.
    let _ = timeout(DRAIN_MAX, graceful.shutdown()).await;
    Ok(())
}

fn connection(
    stream: TcpStream,
    behaviour: Arc<Behaviour>,
    version: String,
    graceful: &GracefulShutdown,
) -> impl Future<Output = ()> + Send + 'static {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| {
        let (behaviour, version) = (Arc::clone(&behaviour), version.clone());
        async move { Ok::<_, Infallible>(answer(request.uri().path(), &behaviour, &version).await) }
    });
    let connection =
        http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
    let watched = graceful.watch(connection);
    async move {
        // A client that goes away is its own affair.
        let _ = watched.await;
    }
}

async fn answer(path: &str, behaviour: &Behaviour, version: &str) -> Response<Full<Bytes>> {
    if path == "/slow" {
        sleep(SLOW).await;
    }
    let (status, text) = reply(path, behaviour);
    let mut response = Response::new(Full::new(Bytes::from(format!("{text}\n"))));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, http::HeaderValue::from_static("text/plain"));
    if let Ok(version) = http::HeaderValue::from_str(version) {
        headers.insert("x-shipway-version", version);
    }
    response
}

fn reply(path: &str, behaviour: &Behaviour) -> (StatusCode, String) {
    match path {
        _ if behaviour.broken.iter().any(|broken| broken == path) => {
            (StatusCode::INTERNAL_SERVER_ERROR, "something went wrong".to_owned())
        }
        "/" | "/checkout" => (StatusCode::OK, behaviour.greeting.clone()),
        "/health" => (StatusCode::OK, "ok".to_owned()),
        "/slow" => (StatusCode::OK, "at last".to_owned()),
        _ => (StatusCode::NOT_FOUND, "not found".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_broken_paths_are_broken() {
        let broken = vec!["/checkout".to_owned()];
        let behaviour = Behaviour { greeting: "hello".to_owned(), broken, start_millis: 0 };
        let status = |path| reply(path, &behaviour).0.as_u16();
        assert_eq!(["/", "/health", "/checkout", "/nowhere"].map(status), [200, 200, 500, 404]);
    }
}
