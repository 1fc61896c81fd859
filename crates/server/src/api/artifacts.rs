//! Artifacts come in as streams; the host decides whether they are what they say.

use std::{path::PathBuf, time::Duration};

use axum::{
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use futures_util::StreamExt;
use http::{StatusCode, header};
use tokio::{
    fs::File,
    io::{AsyncWriteExt, BufWriter},
    time::timeout,
};

use crate::{
    Shared,
    extract::Path,
    problem::{BAD_REQUEST, NOT_FOUND, TIMEOUT, TOO_LARGE, UNAVAILABLE},
    wire::{Artifact, Problem},
};

/// Bytes of an artifact at most: 2 GiB.
const ARTIFACT_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;
/// How long the sender may be silent.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// Whether the artifact is kept.
pub async fn head(State(shared): State<Shared>, Path(sha256): Path<String>) -> Result<StatusCode, Problem> {
    check_hash(&sha256)?;
    if shared.app.has_artifact(&sha256).await? {
        Ok(StatusCode::OK)
    } else {
        Err(NOT_FOUND.because(format!("artifact `{sha256}` does not exist")))
    }
}

/// Keeps an artifact.
pub async fn put(
    State(shared): State<Shared>,
    Path(sha256): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    check_hash(&sha256)?;
    if shared.app.has_artifact(&sha256).await? {
        return Ok(axum::Json(Artifact { sha256, received: None }).into_response());
    }
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if announced.and_then(|text| text.parse::<u64>().ok()).is_some_and(|bytes| bytes > ARTIFACT_BYTES_MAX) {
        return Err(too_large());
    }
    let upload = Upload { path: shared.app.artifact_upload().await? };
    let received = receive(request.into_body(), &upload).await?;
    shared.app.keep_artifact(&upload.path, &sha256).await?;
    Ok((StatusCode::CREATED, axum::Json(Artifact { sha256, received: Some(received) })).into_response())
}

fn check_hash(sha256: &str) -> Result<(), Problem> {
    let is_hex = sha256.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if is_hex && sha256.len() == 64 {
        return Ok(());
    }
    Err(BAD_REQUEST.because(format!("`{sha256}` is not a SHA-256: 64 hex digits, lower case")).at("sha256"))
}

/// A file that is removed when it is not taken in: also when the sender goes away half-way.
struct Upload {
    path: PathBuf,
}

impl Drop for Upload {
    fn drop(&mut self) {
        // WHY: a kept artifact was moved away, so nothing is left to remove.
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn receive(body: Body, upload: &Upload) -> Result<u64, Problem> {
    let file = File::create(&upload.path).await.map_err(|error| failed(upload, &error))?;
    let mut file = BufWriter::with_capacity(256 * 1024, file);
    let mut chunks = body.into_data_stream();
    let mut received: u64 = 0;
    loop {
        let chunk = timeout(SILENCE_MAX, chunks.next())
            .await
            .map_err(|_| TIMEOUT.because(format!("nothing was sent for {} s", SILENCE_MAX.as_secs())))?;
        let Some(chunk) = chunk else { break };
        let chunk = chunk.map_err(|error| BAD_REQUEST.because(format!("the body was cut short: {error}")))?;
        received = received.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
        if received > ARTIFACT_BYTES_MAX {
            return Err(too_large());
        }
        file.write_all(&chunk).await.map_err(|error| failed(upload, &error))?;
    }
    file.flush().await.map_err(|error| failed(upload, &error))?;
    file.get_ref().sync_all().await.map_err(|error| failed(upload, &error))?;
    Ok(received)
}

fn too_large() -> Problem {
    TOO_LARGE.because(format!("an artifact has at most {ARTIFACT_BYTES_MAX} bytes"))
}

fn failed(upload: &Upload, error: &std::io::Error) -> Problem {
    UNAVAILABLE.because(format!("writing `{}` failed: {error}", upload.path.display()))
}
