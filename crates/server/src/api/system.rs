//! How the server itself is.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};

use crate::{
    Shared, metrics as text,
    wire::{Health, Problem},
};

/// How the server is: 503 when the store cannot be written.
pub async fn health(State(shared): State<Shared>) -> Response {
    let store = shared.app.check().await;
    let status = if store.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let health = Health {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        is_store_ok: store.is_ok(),
        store_error: store.err().map(|error| error.to_string()),
    };
    (status, Json(health)).into_response()
}

/// Metrics for Prometheus.
pub async fn metrics(State(shared): State<Shared>) -> Result<Response, Problem> {
    let body = text::render(&*shared.app, &shared.tally, shared.counts.as_ref()).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], body).into_response())
}
