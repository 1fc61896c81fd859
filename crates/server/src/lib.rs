//! HTTP API and live pages over `control`'s application. The only crate that knows HTTP routes and wire JSON.

#![allow(clippy::result_large_err, reason = "a problem is made once, for the answer that it becomes")]

mod api;
pub mod app;
mod assets;
mod extract;
mod fold;
mod graph;
mod guard;
mod live;
pub mod logging;
pub mod metrics;
mod pages;
mod place;
mod problem;
mod serve;
mod sigv4;
pub mod states;
pub mod wire;

use std::{net::SocketAddr, sync::Arc};

use axum::{Router, middleware};
use shipway_control::access::Keys;
use tokio_util::sync::CancellationToken;

use crate::states::admit::Gate;
pub use crate::{
    api::document as openapi,
    app::{App, Machine},
    fold::{StateStatus, Statuses},
    graph::{render_svg, render_text},
    serve::{Config, Error, serve},
};

/// What handlers share.
#[derive(Clone)]
struct Shared {
    app: Arc<dyn App>,
    stop: CancellationToken,
    tally: Arc<metrics::Tally>,
    keys: Option<Keys>,
    logs: Option<logging::Logs>,
    counts: Option<metrics::Counts>,
}

/// All routes for a server at `listen`; event streams end when `stop` is cancelled.
pub fn router(config: &Config, listen: SocketAddr, app: Arc<dyn App>, stop: CancellationToken) -> Router {
    let gate = Gate::new(config.states.admission, listen, config.states.keys.clone());
    let guard = guard::Guard::new(&config.token, &config.allowed_hosts, listen, gate);
    let states = app.engine().map(|engine| states::router(engine, config.states.clone()));
    let shared = Shared {
        app,
        stop,
        tally: Arc::default(),
        keys: config.states.keys.clone(),
        logs: config.states.logs.clone(),
        counts: config.states.counts.clone(),
    };
    let router = api::router()
        .merge(pages::router())
        .merge(assets::router())
        .fallback(pages::unknown_path)
        .method_not_allowed_fallback(pages::unknown_method)
        .with_state(shared)
        .merge(states.unwrap_or_default());
    router.layer(middleware::from_fn_with_state(Arc::new(guard), guard::protect))
}
