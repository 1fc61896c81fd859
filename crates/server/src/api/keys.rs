//! Access keys for the Step Functions API. Secrets go out once, when a key is made.

use axum::{Json as Answer, extract::State};
use http::StatusCode;
use shipway_control::access::{AccessKey, Keys};

use crate::{
    Shared,
    extract::{Json, Path, words},
    problem::NOT_FOUND,
    wire::{AccessKeys, KeyRequest, NewAccessKey, Problem},
};

/// Access keys.
pub async fn list(State(shared): State<Shared>) -> Result<Answer<AccessKeys>, Problem> {
    Ok(Answer(AccessKeys { keys: keys(&shared)?.list().await? }))
}

/// Makes an access key.
pub async fn create(
    State(shared): State<Shared>,
    Json(request): Json<KeyRequest>,
) -> Result<(StatusCode, Answer<NewAccessKey>), Problem> {
    words(&request.actor, "actor")?;
    let keys = keys(&shared)?;
    let (key, secret) = keys.create(&request.actor).await?;
    let region = keys.engine().place().0.to_owned();
    Ok((StatusCode::CREATED, Answer(NewAccessKey { key, secret, region })))
}

/// Makes an access key good for nothing.
pub async fn disable(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    Json(request): Json<KeyRequest>,
) -> Result<Answer<AccessKey>, Problem> {
    words(&request.actor, "actor")?;
    Ok(Answer(keys(&shared)?.disable(&id, &request.actor).await?))
}

/// Forgets an access key.
pub async fn delete(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    Json(request): Json<KeyRequest>,
) -> Result<Answer<AccessKey>, Problem> {
    words(&request.actor, "actor")?;
    Ok(Answer(keys(&shared)?.delete(&id, &request.actor).await?))
}

fn keys(shared: &Shared) -> Result<&Keys, Problem> {
    shared.keys.as_ref().ok_or_else(|| NOT_FOUND.because("this server keeps no access keys"))
}
