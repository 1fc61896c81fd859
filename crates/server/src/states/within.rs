//! The API for callers in this process, who need no key and no connection.

use std::sync::Arc;

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::State,
};
use shipway_engine::Engine;

use super::{Api, Config, admit::Admission, call};

/// Bytes of an answer that are read: more than any answer has.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// The API over an engine, without a port.
#[derive(Clone)]
pub struct Within(Arc<Api>);

impl Within {
    /// Answers everybody who has it.
    pub fn new(engine: Engine, config: Config) -> Self {
        let config = Config { admission: Admission::Everybody, keys: None, ..config };
        Self(Arc::new(Api { engine, config }))
    }

    /// Does what a request asks for.
    pub async fn answer(&self, request: http::Request<Bytes>) -> http::Response<Bytes> {
        let answer = call(State(Arc::clone(&self.0)), request.map(Body::from)).await;
        let (head, body) = answer.into_parts();
        // The body is in memory already, so that reading it cannot fail.
        let body = to_bytes(body, ANSWER_BYTES_MAX).await.unwrap_or_default();
        http::Response::from_parts(head, body)
    }
}
