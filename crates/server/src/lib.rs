//! HTTP API and live pages over `control`'s application. The only crate that knows HTTP routes and wire JSON.

#![allow(clippy::result_large_err, reason = "a problem is made once, for the answer that it becomes")]

mod api;
pub mod app;
mod assets;
mod extract;
mod fold;
mod graph;
mod guard;
mod lambda;
mod live;
pub mod logging;
pub mod metrics;
mod pages;
mod place;
mod problem;
mod serve;
mod session;
mod sigv4;
pub mod states;
pub mod wire;

use std::{net::SocketAddr, sync::Arc};

use axum::{Router, middleware};
use shipway_control::{access::Keys, function::Functions};
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
    guard: Arc<guard::Guard>,
    /// The Step Functions API, for pages that do what it does.
    states: Option<Arc<states::Api>>,
    stop: CancellationToken,
    tally: Arc<metrics::Tally>,
    keys: Option<Keys>,
    functions: Option<Functions>,
    logs: Option<logging::Logs>,
    counts: Option<metrics::Counts>,
}

impl Shared {
    /// Performs an action of the Step Functions API, so that a page does and refuses what a call does and refuses.
    async fn perform(
        &self,
        action: &str,
        request: serde_json::Value,
    ) -> Result<serde_json::Value, states::Fault> {
        let api = self.states.as_ref().ok_or_else(|| states::Fault::unavailable(&"there is no engine"))?;
        api.perform(action, request).await
    }
}

/// All routes for a server at `listen`; event streams end when `stop` is cancelled.
pub fn router(config: &Config, listen: SocketAddr, app: Arc<dyn App>, stop: CancellationToken) -> Router {
    let gate = Gate::new(config.states.admission, listen, config.states.keys.clone());
    let guard = Arc::new(guard::Guard::new(&config.token, &config.allowed_hosts, listen, gate));
    let api = app.engine().map(|engine| Arc::new(states::Api::new(engine, config.states.clone())));
    let functions = config.states.functions.clone();
    let lambda = functions.clone().map(lambda::router);
    let shared = Shared {
        app,
        guard: Arc::clone(&guard),
        states: api.clone(),
        stop,
        tally: Arc::default(),
        keys: config.states.keys.clone(),
        functions,
        logs: config.states.logs.clone(),
        counts: config.states.counts.clone(),
    };
    let router = api::router()
        .merge(pages::router())
        .merge(assets::router())
        .fallback(pages::unknown_path)
        .method_not_allowed_fallback(pages::unknown_method)
        .with_state(shared)
        .merge(api.map(states::route).unwrap_or_default())
        .merge(lambda.unwrap_or_default());
    router.layer(middleware::from_fn_with_state(guard, guard::protect))
}
