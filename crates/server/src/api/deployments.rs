//! Deployments: start, look, halt, roll back.

use axum::{
    Json as Answer,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use shipway_control::{
    app::{Deploy, Deployment},
    name::check_project,
};

use crate::{
    Shared,
    extract::{Json, Path, Query, limit, segment, words},
    problem::BAD_REQUEST,
    wire::{DeployRequest, Deployments, HaltRequest, Problem, RollbackRequest, Steps},
};

/// Characters of an idempotency key at most.
const KEY_CHARS_MAX: usize = 200;

/// Accepts a deployment.
pub async fn create(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Json(request): Json<DeployRequest>,
) -> Result<Response, Problem> {
    let idempotency_key = idempotency_key(&headers)?;
    words(&request.actor, "actor")?;
    if let Some(reason) = &request.reason {
        words(reason, "reason")?;
    }
    let DeployRequest { release, actor, reason } = request;
    Ok(accepted(shared.app.deploy(Deploy { release, actor, reason, idempotency_key }).await?))
}

fn idempotency_key(headers: &HeaderMap) -> Result<String, Problem> {
    let key = headers.get("idempotency-key").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_good = (1..=KEY_CHARS_MAX).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if is_good {
        return Ok(key.to_owned());
    }
    Err(BAD_REQUEST
        .because(format!("the header `Idempotency-Key` must have 1 to {KEY_CHARS_MAX} visible characters"))
        .at("Idempotency-Key")
        .hint("send a new random key with each new deployment, and the same one when you repeat a request"))
}

/// 202 and where to look.
fn accepted(deployment: Deployment) -> Response {
    let location = format!("/v1/deployments/{}", deployment.id);
    (StatusCode::ACCEPTED, [(header::LOCATION, location)], Answer(deployment)).into_response()
}

/// Which deployments to list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    project: Option<String>,
    environment: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
}

/// Deployments, newest first.
pub async fn list(
    State(shared): State<Shared>,
    Query(listing): Query<Listing>,
) -> Result<Answer<Deployments>, Problem> {
    let limit = limit(listing.limit, 50, 500, "limit")?;
    let (project, environment) = (listing.project.as_deref(), listing.environment.as_deref());
    if let Some(project) = project {
        check_project(project).map_err(|error| BAD_REQUEST.because(error.to_string()).at("project"))?;
    } else if environment.is_some() {
        return Err(BAD_REQUEST.because("`environment` needs `project`").at("project"));
    }
    environment.map_or(Ok(()), |environment| segment(environment, "environment"))?;
    let (deployments, next) =
        shared.app.deployments(project, environment, listing.after.as_deref(), limit).await?;
    Ok(Answer(Deployments { deployments, next }))
}

/// A deployment.
pub async fn show(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Answer<Deployment>, Problem> {
    Ok(Answer(shared.app.deployment(&id).await?))
}

/// The way of a deployment.
pub async fn steps(State(shared): State<Shared>, Path(id): Path<String>) -> Result<Answer<Steps>, Problem> {
    Ok(Answer(Steps { steps: shared.app.steps(&id).await? }))
}

/// Stops a deployment.
pub async fn halt(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    Json(request): Json<HaltRequest>,
) -> Result<Response, Problem> {
    words(&request.actor, "actor")?;
    words(&request.reason, "reason")?;
    Ok(accepted(shared.app.halt(&id, &request.actor, &request.reason).await?))
}

/// Deploys a kept release again.
pub async fn rollback(
    State(shared): State<Shared>,
    Json(request): Json<RollbackRequest>,
) -> Result<Response, Problem> {
    check_project(&request.project).map_err(|error| BAD_REQUEST.because(error.to_string()).at("project"))?;
    segment(&request.environment, "environment")?;
    words(&request.actor, "actor")?;
    if let Some(reason) = &request.reason {
        words(reason, "reason")?;
    }
    let RollbackRequest { project, environment, to, actor, reason } = request;
    let rollback = shared.app.rollback(&project, &environment, to.as_deref(), &actor, reason.as_deref());
    Ok(accepted(rollback.await?))
}
