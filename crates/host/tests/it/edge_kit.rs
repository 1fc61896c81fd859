//! An edge and small services behind it, in this process, on real sockets.

use std::{
    convert::Infallible,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use shipway_control::{
    Millis,
    host::{Route, ServiceId, Target},
    release::HealthCheck,
};
use shipway_host::edge::{self, Client, Config, EdgeError, Limits};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{handshake::derive_accept_key, protocol::Role},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Nothing in these tests takes this long unless it is broken.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// An edge.
pub struct Edge {
    pub dir: Arc<tempfile::TempDir>,
    pub client: Client,
    stop: CancellationToken,
    serving: JoinHandle<Result<(), EdgeError>>,
}

impl Edge {
    pub async fn start() -> Self {
        Self::start_with(Limits::default()).await
    }

    pub async fn start_with(limits: Limits) -> Self {
        Self::start_in(Arc::new(tempfile::tempdir().unwrap()), limits).await
    }

    pub async fn start_in(dir: Arc<tempfile::TempDir>, limits: Limits) -> Self {
        let stop = CancellationToken::new();
        let config = Config { data_dir: dir.path().to_path_buf(), limits };
        let serving = tokio::spawn(edge::serve(config, stop.clone()));
        let client = Client::new(&edge::socket_path(dir.path()));
        client.routes().await.unwrap();
        Self { dir, client, stop, serving }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Tells it to stop, without waiting.
    pub fn begin_stop(&self) {
        self.stop.cancel();
    }

    /// Waits for its end, drain included.
    pub async fn stopped(self) {
        self.stop.cancel();
        time::timeout(PATIENCE, self.serving).await.unwrap().unwrap().unwrap();
    }

    pub async fn in_flight(&self, release: &str) -> u64 {
        self.client.in_flight(&web(), release).await.unwrap()
    }

    pub async fn drained(&self, release: &str) {
        until(async || self.in_flight(release).await == 0).await;
    }
}

/// Waits until a condition holds.
pub async fn until(condition: impl AsyncFn() -> bool) {
    let waiting = async {
        let mut tick = time::interval(Duration::from_millis(2));
        while !condition().await {
            tick.tick().await;
        }
    };
    time::timeout(PATIENCE, waiting).await.expect("the condition never holds");
}

pub fn web() -> ServiceId {
    named("web")
}

pub fn named(service: &str) -> ServiceId {
    ServiceId { project: "acme/shop".into(), environment: "test".into(), service: service.into() }
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub fn route(port: u16, targets: Vec<Target>) -> Route {
    Route { service: web(), listen: "127.0.0.1".into(), port, targets }
}

/// A release whose processes are found healthy every 50 ms.
pub fn target(release: &str, weight: u32, apps: &[&App]) -> Target {
    target_at(release, weight, apps.iter().map(|app| app.port).collect())
}

pub fn target_at(release: &str, weight: u32, ports: Vec<u16>) -> Target {
    let health = HealthCheck {
        path: Some("/health".into()),
        interval: Millis(50),
        timeout: Millis(5_000),
        ..HealthCheck::default()
    };
    Target { release_id: release.into(), version: release.into(), weight, ports, health }
}

type Body = BoxBody<Bytes, hyper::Error>;

/// A service's process: answers with its version.
pub struct App {
    pub port: u16,
    pub hits: Arc<AtomicU64>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl App {
    pub async fn start(version: &str) -> Self {
        Self::start_at(version, 0).await
    }

    pub async fn start_at(version: &str, port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let app =
            Self { port, hits: Arc::default(), stop: CancellationToken::new(), tasks: TaskTracker::new() };
        let (hits, stop, tasks) = (Arc::clone(&app.hits), app.stop.clone(), app.tasks.clone());
        let version: Arc<str> = version.into();
        app.tasks.spawn(async move {
            while let Some(Ok((stream, _))) = stop.run_until_cancelled(listener.accept()).await {
                let (hits, version, inner) = (Arc::clone(&hits), Arc::clone(&version), tasks.clone());
                let serving = serve(stream, version, hits, inner);
                let stop = stop.clone();
                tasks.spawn(async move { stop.run_until_cancelled(serving).await });
            }
        });
        app
    }

    /// Ends it at once, with all its connections.
    pub async fn kill(self) {
        self.stop.cancel();
        self.tasks.close();
        time::timeout(PATIENCE, self.tasks.wait()).await.unwrap();
    }

    pub fn hits(&self) -> u64 {
        self.hits.load(SeqCst)
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn serve(stream: TcpStream, version: Arc<str>, hits: Arc<AtomicU64>, tasks: TaskTracker) {
    stream.set_nodelay(true).unwrap();
    let service = service_fn(|request: Request<Incoming>| {
        if request.uri().path() != "/health" {
            hits.fetch_add(1, SeqCst);
        }
        let (version, tasks) = (Arc::clone(&version), tasks.clone());
        async move { Ok::<_, Infallible>(answer(request, &version, &tasks).await) }
    });
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades().await;
}

async fn answer(mut request: Request<Incoming>, version: &str, tasks: &TaskTracker) -> Response<Body> {
    let response = Response::builder().header("x-shipway-version", version);
    let path = request.uri().path().to_owned();
    match path.as_str() {
        "/500" => response.status(StatusCode::INTERNAL_SERVER_ERROR).body(text("broken")).unwrap(),
        "/reject" => response.status(StatusCode::PAYLOAD_TOO_LARGE).body(text("too large")).unwrap(),
        "/long" => {
            time::sleep(Duration::from_millis(300)).await;
            response.body(text("ok")).unwrap()
        }
        "/never" => std::future::pending().await,
        "/stream" => response.body(slow_stream()).unwrap(),
        "/cut" => response.header(header::CONTENT_LENGTH, 1_000).body(cut_short()).unwrap(),
        "/big" => response.body(big()).unwrap(),
        "/echo" => response.body(request.into_body().boxed()).unwrap(),
        "/headers" => {
            let mut lines: Vec<String> = request
                .headers()
                .iter()
                .map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()))
                .collect();
            lines.sort();
            response.header("keep-alive", "timeout=5").body(text(&lines.concat())).unwrap()
        }
        "/length" => {
            let mut length = 0;
            while let Some(frame) = request.body_mut().frame().await {
                let Ok(frame) = frame else { break };
                length += frame.data_ref().map_or(0, Bytes::len);
            }
            response.body(text(&length.to_string())).unwrap()
        }
        "/ws" => web_socket(request, tasks),
        _ => response.body(text("ok")).unwrap(),
    }
}

pub fn text(text: &str) -> Body {
    Full::new(Bytes::copy_from_slice(text.as_bytes())).map_err(|never| match never {}).boxed()
}

/// Ten parts in 200 ms.
fn slow_stream() -> Body {
    let parts = futures_util::stream::unfold(0, |part| async move {
        if part == 10 {
            return None;
        }
        time::sleep(Duration::from_millis(20)).await;
        Some((Ok(Frame::data(Bytes::from_static(b"0123456789"))), part + 1))
    });
    BodyExt::boxed(StreamBody::new(parts))
}

/// 64 MiB in parts of 64 KiB.
fn big() -> Body {
    let part = Bytes::from(vec![7; 64 * 1024]);
    let parts = futures_util::stream::iter((0..1024).map(move |_| Ok(Frame::data(part.clone()))));
    BodyExt::boxed(StreamBody::new(parts))
}

/// Announces more than it sends: the connection is closed in the middle.
fn cut_short() -> Body {
    let parts = futures_util::stream::unfold(0, |part| async move {
        if part > 0 {
            time::sleep(Duration::from_millis(20)).await;
            return None;
        }
        Some((Ok(Frame::data(Bytes::from_static(b"half"))), part + 1))
    });
    BodyExt::boxed(StreamBody::new(parts))
}

/// Sends back what it gets.
fn web_socket(mut request: Request<Incoming>, tasks: &TaskTracker) -> Response<Body> {
    let key = request.headers()[header::SEC_WEBSOCKET_KEY].as_bytes();
    let response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, derive_accept_key(key));
    let upgrade = hyper::upgrade::on(&mut request);
    tasks.spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() && socket.send(message).await.is_err() {
                return;
            }
        }
    });
    response.body(text("")).unwrap()
}

/// Opens a connection and sends these bytes.
pub async fn send_raw(port: u16, bytes: &str) -> TcpStream {
    let mut stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    stream
}

/// Sends these bytes and reads until the other side closes.
pub async fn raw(port: u16, bytes: &str) -> String {
    let mut stream = send_raw(port, bytes).await;
    read_all(&mut stream).await
}

pub async fn read_all(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset after the answer is an end as well.
    let _ =
        time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the connection stays open");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Reads until the text read so far ends with `end`.
pub async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    let mut part = [0; 4096];
    while !text.ends_with(end) {
        let len = time::timeout(PATIENCE, stream.read(&mut part)).await.expect("nothing comes").unwrap();
        assert!(len > 0, "closed after {text:?}");
        text.push_str(&String::from_utf8_lossy(&part[..len]));
    }
    text
}

/// `GET path` on a connection of its own.
pub async fn get(port: u16, path: &str) -> String {
    raw(port, &format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).await
}
