//! Binds, accepts and stops. Limits that HTTP needs before a request is whole are here; routes are not.

mod descriptors;
mod places;
mod stream;

use std::{
    convert::Infallible,
    future::Future,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, HttpBody},
    response::Response,
};
use http::{HeaderValue, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

pub use self::places::Place;
use self::{
    places::Places,
    stream::{Given, Paced, Sent},
};
use crate::{app::App, router, states};

/// Connections at once, where the system lets the process open so many files.
const CONNECTIONS_MAX: usize = 20_000;
/// How long the head of a request may take, also on a kept connection that is idle.
const HEADER_TIME_MAX: Duration = Duration::from_secs(30);
/// Bytes of a request's head.
const HEADER_BYTES_MAX: usize = 64 * 1024;
/// How long requests under way may take to end when the server stops.
const STOP_TIME_MAX: Duration = Duration::from_secs(5);
/// Pause after an accept that failed for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Settings of a server.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen; port 0 takes a free one. Off the loopback, each request needs the token.
    pub listen: SocketAddr,
    /// The bearer token that is needed to change anything.
    pub token: String,
    /// Names in `Host` that are answered besides `localhost`, `127.0.0.1` and `[::1]`.
    pub allowed_hosts: Vec<String>,
    /// Settings of the Step Functions API.
    pub states: states::Config,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error("cannot listen on `{address}`")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// An empty token would let everybody in.
    #[error("the server's token is empty")]
    NoToken,
}

/// Binds, and gives the address and what serves until `stop` is cancelled and the last requests have ended.
pub async fn serve(
    config: Config,
    app: Arc<dyn App>,
    stop: CancellationToken,
) -> Result<(SocketAddr, impl Future<Output = ()> + Send + 'static), Error> {
    if config.token.is_empty() {
        return Err(Error::NoToken);
    }
    let bind = |source| Error::Bind { address: config.listen, source };
    let listener = TcpListener::bind(config.listen).await.map_err(bind)?;
    let address = listener.local_addr().map_err(bind)?;
    let router = router(&config, address, app, stop.clone());
    Ok((address, run(listener, router, stop)))
}

async fn run(listener: TcpListener, router: Router, stop: CancellationToken) {
    let graceful = GracefulShutdown::new();
    let places = Places::new(descriptors::connections_max(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => break,
            stream = accept(&listener, &places) => stream,
        };
        let place = tokio::select! {
            () = stop.cancelled() => break,
            place = places.take() => Arc::new(place),
        };
        let _ = stream.set_nodelay(true);
        let stream = Paced::new(stream, Arc::clone(&place), stop.clone());
        connections.spawn(connection(stream, place, router.clone(), graceful.watcher()));
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    if timeout(STOP_TIME_MAX, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests that were still under way after {STOP_TIME_MAX:?} are cut off");
    }
    connections.shutdown().await;
}

async fn accept(listener: &TcpListener, places: &Places) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                // WHY: most likely files are short, and a connection that does nothing holds one.
                let is_evicted = places.evict();
                tracing::warn!(%error, is_evicted, "accepting a connection failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(stream: Paced<TcpStream>, place: Arc<Place>, router: Router, watcher: Watcher) {
    let here = Arc::clone(&place);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (router, place) = (router.clone(), Arc::clone(&here));
        async move { Ok::<_, Infallible>(answer(router, request, place).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME_MAX)
        .max_buf_size(HEADER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        () = place.is_needed() => tracing::debug!("a connection gave its place to another one"),
        ended = watcher.watch(connection) => if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        },
    }
}

async fn answer(router: Router, request: hyper::Request<Incoming>, place: Arc<Place>) -> Response {
    place.begins();
    let is_whole = Arc::new(AtomicBool::new(request.body().is_end_stream()));
    let mut request =
        request.map(|body| Body::new(Sent::new(body, Arc::clone(&place), Arc::clone(&is_whole))));
    request.extensions_mut().insert(Arc::clone(&place));
    let mut response = router.oneshot(request).await.unwrap_or_else(|never| match never {});
    if !is_whole.load(Ordering::Relaxed) {
        // WHY: the rest of the request stands before the next one, so this connection ends; its client must be told.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response.map(|body| Body::new(Given::new(body, place)))
}
