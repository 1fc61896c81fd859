//! The pages: rendered whole by the server, readable without a script; a stream of fragments keeps them fresh.

mod activities;
mod diff;
mod execution;
mod executions;
pub mod forms;
mod frame;
mod machine;
mod machines;
mod numbers;
mod overview;
mod parts;
mod service;
mod sign_in;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
pub use execution::{Address, Reader, actions, data, head, more_events, nodes, states};
pub use forms::not_signed_in;
use http::{StatusCode, header};
pub use service::{Sample, Target as ServiceTarget};
pub use sign_in::to_sign_in;

use crate::{
    Shared, live,
    problem::{METHOD_NOT_ALLOWED, NOT_FOUND},
    wire::Problem,
};

/// Pages and their streams.
pub fn router() -> Router<Shared> {
    Router::new()
        .route("/", get(overview::page))
        .route("/live", get(live::overview))
        .route("/executions", get(executions::page))
        .route("/services/{project}/{environment}/{service}", get(service::page))
        .route("/services/{project}/{environment}/{service}/live", get(live::service))
        .route("/machines", get(machines::page))
        .merge(machine::router())
        .merge(activities::router())
        .route("/sign-in", get(sign_in::page).post(sign_in::enter))
        .route("/sign-out", post(sign_in::leave))
        .merge(execution::router())
        .layer(DefaultBodyLimit::max(forms::FORM_BYTES_MAX))
}

/// The parts of the overview that its stream replaces.
pub use overview::content as overview_content;
/// The parts of a service's page that its stream replaces.
pub use service::content as service_content;

/// Why a page is not shown.
pub enum Failed {
    /// A problem, shown as a page.
    Problem(Box<Problem>),
    /// Another page comes first.
    Elsewhere(String),
}

impl<E: Into<Problem>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Problem(Box::new(error.into()))
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(problem) => {
                let status =
                    StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                (status, frame::problem(&problem)).into_response()
            }
            Self::Elsewhere(path) => forms::go(&path),
        }
    }
}

/// What a page's handler gives.
type Page = Result<Html<String>, Failed>;

/// A path that nothing answers to: a page for people, a problem document for programs.
pub async fn unknown_path(request: Request) -> Response {
    let path = request.uri().path();
    let problem = NOT_FOUND.because(format!("`{path}` does not exist"));
    let accept =
        request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accept.contains("text/html") && !path.starts_with("/v1") {
        Failed::from(problem).into_response()
    } else {
        problem.hint("the API is described by `/v1/openapi.json`").into_response()
    }
}

/// A path that answers to other methods only.
pub async fn unknown_method(request: Request) -> Response {
    let (method, path) = (request.method(), request.uri().path());
    METHOD_NOT_ALLOWED.because(format!("`{path}` does not know `{method}`")).into_response()
}
