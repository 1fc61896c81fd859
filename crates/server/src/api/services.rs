//! What runs, what ran, what it wrote, and who holds the lock.

use axum::extract::State;
use serde::Deserialize;
use shipway_control::{
    app::{Lock, ServiceStatus},
    host::{LogPage, LogQuery},
};

use crate::{
    Shared,
    extract::{Json, Path, Query, limit, project, segment, words},
    wire::{BreakRequest, Problem, Releases, Services},
};

/// What runs where.
pub async fn list(State(shared): State<Shared>) -> Result<axum::Json<Services>, Problem> {
    Ok(axum::Json(Services { services: shared.app.services().await? }))
}

/// What runs for one service.
pub async fn show(
    State(shared): State<Shared>,
    Path((project_path, environment, service)): Path<(String, String, String)>,
) -> Result<axum::Json<ServiceStatus>, Problem> {
    let project = names(&project_path, &environment, &service)?;
    Ok(axum::Json(shared.app.service(&project, &environment, &service).await?))
}

fn names(project_path: &str, environment: &str, service: &str) -> Result<String, Problem> {
    segment(environment, "environment")?;
    segment(service, "service")?;
    project(project_path)
}

/// Which lines.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lines {
    process: Option<u16>,
    lines: Option<usize>,
    after: Option<String>,
    release: Option<String>,
}

/// Lines that a service's processes wrote.
pub async fn logs(
    State(shared): State<Shared>,
    Path((project_path, environment, service)): Path<(String, String, String)>,
    Query(query): Query<Lines>,
) -> Result<axum::Json<LogPage>, Problem> {
    let project = names(&project_path, &environment, &service)?;
    let lines = limit(query.lines, 100, 10_000, "lines")?;
    let log = LogQuery { process: query.process, lines, after: query.after };
    Ok(axum::Json(shared.app.logs(&project, &environment, &service, query.release.as_deref(), &log).await?))
}

/// Which environment.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    project: String,
    environment: String,
}

/// Releases of an environment.
pub async fn releases(
    State(shared): State<Shared>,
    Query(target): Query<Target>,
) -> Result<axum::Json<Releases>, Problem> {
    let project = project(&target.project)?;
    segment(&target.environment, "environment")?;
    Ok(axum::Json(Releases { releases: shared.app.releases(&project, &target.environment).await? }))
}

/// The lock of an environment.
pub async fn lock(
    State(shared): State<Shared>,
    Path((project_path, environment)): Path<(String, String)>,
) -> Result<axum::Json<Lock>, Problem> {
    let project = project(&project_path)?;
    segment(&environment, "environment")?;
    Ok(axum::Json(shared.app.lock(&project, &environment).await?))
}

/// Frees the lock of a deployment that has ended.
pub async fn break_lock(
    State(shared): State<Shared>,
    Path((project_path, environment)): Path<(String, String)>,
    Json(request): Json<BreakRequest>,
) -> Result<axum::Json<Lock>, Problem> {
    let project = project(&project_path)?;
    segment(&environment, "environment")?;
    words(&request.actor, "actor")?;
    words(&request.reason, "reason")?;
    let broken = shared.app.break_lock(&project, &environment, &request.actor, &request.reason).await?;
    Ok(axum::Json(broken))
}
