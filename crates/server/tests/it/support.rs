//! Asks the router without a socket.

use std::sync::Arc;

use axum::{Router, body::Body, response::Response};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use shipway_server::{Config, router};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::fixture::Fixture;

pub const TOKEN: &str = "a-token-of-the-tests";

/// A router over the fixture.
pub struct Server {
    pub app: Arc<Fixture>,
    pub router: Router,
    pub stop: CancellationToken,
    pub directory: TempDir,
}

/// A whole answer.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body of a problem, as a person would read it.
    pub fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.body);
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16());
        format!("{problem:#}\n")
    }
}

impl Server {
    pub fn new() -> Self {
        Self::listening(([127, 0, 0, 1], 7077).into())
    }

    pub fn listening(listen: std::net::SocketAddr) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let app = Fixture::new(directory.path());
        let stop = CancellationToken::new();
        let config = Config {
            listen,
            token: TOKEN.to_owned(),
            allowed_hosts: vec!["shipway.test".to_owned()],
            states: Default::default(),
        };
        let router = router(&config, listen, app.clone(), stop.clone());
        Self { app, router, stop, directory }
    }

    pub async fn ask(&self, request: Request<Body>) -> Answer {
        whole(self.begin(request).await).await
    }

    /// The answer before its body.
    pub async fn begin(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(request("GET", path, Body::empty())).await
    }

    /// Posts JSON text with a good token and key.
    pub async fn post(&self, path: &str, body: impl Into<String>) -> Answer {
        self.ask(request("POST", path, Body::from(body.into()))).await
    }
}

async fn whole(response: Response) -> Answer {
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    Answer { status: head.status, headers: head.headers, body }
}

/// A request as a good client sends it.
pub fn request(method: &str, path: &str, body: Body) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost:7077")
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("content-type", "application/json")
        .header("idempotency-key", "key-1")
        .body(body)
        .unwrap()
}
