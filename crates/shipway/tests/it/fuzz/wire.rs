//! How calls reach a server: within this process and out of time, or a real one over a real socket.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use axum::{Router, body::Body};
use http::Request;
use http_body_util::BodyExt;
use serde_json::Value;
use shipway_asl::Timestamp;
use shipway_engine::{Builder, Config, Task, TaskFailure, TaskHandler, VirtualClock, memory_store};
use shipway_server::states;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// A request as it goes over the wire.
#[derive(Clone)]
pub struct Raw {
    pub method: &'static str,
    pub target: Option<String>,
    pub kind: &'static str,
    pub body: Vec<u8>,
}

impl std::fmt::Display for Raw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body = String::from_utf8_lossy(&self.body);
        let shown: String = body.chars().take(2_000).collect();
        let target = self.target.as_deref().unwrap_or("no target");
        write!(f, "{} {target} ({}) {shown}", self.method, self.kind)
    }
}

/// A status and a body.
pub type Reply = (u16, Vec<u8>);

/// A server that can be asked.
pub enum Server {
    Local { router: Router, stop: CancellationToken },
    Remote { port: u16, stream: Option<TcpStream> },
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Self::Local { stop, .. } = self {
            stop.cancel();
        }
    }
}

struct Echo;

#[async_trait]
impl TaskHandler for Echo {
    async fn run(&self, task: Task) -> Result<Value, TaskFailure> {
        Ok(task.parameters)
    }
}

/// How long a real server may take for an answer that waits for nothing.
const PATIENCE: Duration = Duration::from_secs(100);

impl Server {
    /// A server in this process, in virtual time: it must be paused.
    pub async fn local(seed: u64) -> Self {
        let stop = CancellationToken::new();
        let clock = Arc::new(VirtualClock::new(Timestamp(1_700_000_000_000), seed));
        let config = Config {
            region: "us-east-1".to_owned(),
            account: "123456789012".to_owned(),
            ..Config::default()
        };
        let builder = Builder::new(memory_store(), clock, config).fallback(Arc::new(Echo));
        let engine = builder.start(stop.clone()).await.unwrap();
        Self::Local { router: states::router(engine, states::Config::default()), stop }
    }

    /// A server that listens on the loopback.
    pub fn remote(port: u16) -> Self {
        Self::Remote { port, stream: None }
    }

    pub fn is_local(&self) -> bool {
        matches!(self, Self::Local { .. })
    }

    /// Sends a request; why there was no answer.
    pub async fn send(&mut self, raw: &Raw) -> Result<Reply, String> {
        match self {
            Self::Local { router, .. } => {
                // WHY: some time between two calls, so that what runs beside them gets on.
                tokio::time::sleep(Duration::from_millis(10)).await;
                ask(router.clone(), raw).await
            }
            Self::Remote { port, stream } => {
                let reply = exchange(*port, stream, raw);
                if reply.is_err() {
                    *stream = None;
                }
                reply.map_err(|error| error.to_string())
            }
        }
    }
}

async fn ask(router: Router, raw: &Raw) -> Result<Reply, String> {
    let mut request = Request::builder().method(raw.method).uri("/").header("content-type", raw.kind);
    if let Some(target) = &raw.target {
        request = request.header("x-amz-target", target);
    }
    let request = request.body(Body::from(raw.body.clone())).map_err(|error| error.to_string())?;
    // WHY: a task of its own, so that a panic is told with what caused it.
    let response = tokio::spawn(router.oneshot(request)).await.map_err(|error| error.to_string())?;
    let response = response.unwrap_or_else(|never| match never {});
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.map_err(|error| error.to_string())?;
    Ok((status, body.to_bytes().to_vec()))
}

fn exchange(port: u16, kept: &mut Option<TcpStream>, raw: &Raw) -> std::io::Result<Reply> {
    let stream = match kept {
        Some(stream) => stream,
        None => {
            let stream = TcpStream::connect(("127.0.0.1", port))?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            kept.insert(stream)
        }
    };
    let target = raw.target.iter().map(|target| format!("X-Amz-Target: {target}\r\n")).collect::<String>();
    let head = format!(
        "{} / HTTP/1.1\r\nHost: localhost\r\nContent-Type: {}\r\n{target}Content-Length: {}\r\n\r\n",
        raw.method,
        raw.kind,
        raw.body.len()
    );
    stream.write_all(&[head.as_bytes(), &raw.body].concat())?;
    read_reply(stream, raw.method == "HEAD").map(|(reply, is_kept)| {
        if !is_kept {
            *kept = None;
        }
        reply
    })
}

/// An answer, and whether the connection is kept.
fn read_reply(stream: &mut TcpStream, is_bare: bool) -> std::io::Result<(Reply, bool)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 64 * 1024];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name).map(str::trim));
            let length = field("content-length:").map_or(0, |length| length.parse().unwrap());
            if is_bare || bytes.len() >= end + 4 + length {
                let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
                let is_kept = field("connection:") != Some("close");
                return Ok(((status, bytes.split_off(end + 4)), is_kept));
            }
        }
        match stream.read(&mut buffer)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            count => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}
