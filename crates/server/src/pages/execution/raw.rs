//! Whole data as JSON, for what is too large for a page: payloads, single events, the whole history.

use axum::{
    body::{Body, Bytes},
    extract::State,
    response::{IntoResponse, Response},
};
use futures_util::{Stream, stream};
use http::header;
use serde_json::Value;
use shipway_control::app::Error;

use super::{Address, Reader, payload};
use crate::{Shared, extract::Path, pages::Failed, problem::NOT_FOUND, wire::Problem};

/// Events of one read.
const BATCH: usize = 100;

type Named = Result<Path<(String, String)>, Problem>;

async fn reader(shared: Shared, path: Named) -> Result<(Reader, shipway_engine::Description), Failed> {
    let Path((machine, name)) = path?;
    let mut reader = Reader::new(shared, Address::of_path(&machine, &name));
    let execution = reader.execution().await?;
    Ok((reader, execution))
}

/// What the execution was started with.
pub async fn input(State(shared): State<Shared>, path: Named) -> Result<Response, Failed> {
    let (_, execution) = reader(shared, path).await?;
    Ok(json(&execution.input))
}

/// What it gave.
pub async fn output(State(shared): State<Shared>, path: Named) -> Result<Response, Failed> {
    let (_, execution) = reader(shared, path).await?;
    let output = execution.output.ok_or_else(|| NOT_FOUND.because("the execution has no output"))?;
    Ok(json(&output))
}

/// Why it failed, as it was told.
pub async fn cause(State(shared): State<Shared>, path: Named) -> Result<Response, Failed> {
    let (_, execution) = reader(shared, path).await?;
    let cause = execution.cause.ok_or_else(|| NOT_FOUND.because("the execution has no cause"))?;
    Ok(json(&payload::parse(&cause)))
}

/// One event: `<id>.json`.
pub async fn event(
    State(shared): State<Shared>,
    path: Result<Path<(String, String, String)>, Problem>,
) -> Result<Response, Failed> {
    let Path((machine, name, file)) = path?;
    let (mut reader, execution) = reader(shared, Ok(Path((machine, name)))).await?;
    let event = found(&mut reader, &execution.arn, file.strip_suffix(".json")).await?;
    Ok(json(&serde_json::to_value(event).unwrap_or_default()))
}

/// One detail of an event: `<id>/<field>.json`.
pub async fn detail(
    State(shared): State<Shared>,
    path: Result<Path<(String, String, String, String)>, Problem>,
) -> Result<Response, Failed> {
    let Path((machine, name, id, file)) = path?;
    let (mut reader, execution) = reader(shared, Ok(Path((machine, name)))).await?;
    let event = found(&mut reader, &execution.arn, Some(&id)).await?;
    let field = file.strip_suffix(".json").and_then(|field| event.details.get(field));
    let field = field.ok_or_else(|| NOT_FOUND.because(format!("event {id} has no `{file}`")))?;
    Ok(json(&field.as_str().map_or_else(|| field.clone(), payload::parse)))
}

async fn found(reader: &mut Reader, arn: &str, id: Option<&str>) -> Result<crate::wire::Event, Failed> {
    let missing = || NOT_FOUND.because("there is no such event");
    let id = id.and_then(|id| id.parse().ok()).ok_or_else(missing)?;
    Ok(reader.event(arn, id).await?.ok_or_else(missing)?)
}

/// All events, as a file.
pub async fn events(State(shared): State<Shared>, path: Named) -> Result<Response, Failed> {
    let (reader, execution) = reader(shared, path).await?;
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || "-_.".contains(*c);
    let file: String = execution.name.chars().filter(is_plain).collect();
    let headers = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{file}-events.json\"")),
    ];
    let text = written(Writing { reader, arn: execution.arn, after: 0, last: execution.last_event_id });
    Ok((headers, Body::from_stream(text)).into_response())
}

/// A history that is being written as one JSON array, up to the event that was the last one at first.
struct Writing {
    reader: Reader,
    arn: String,
    after: u64,
    last: u64,
}

fn written(writing: Writing) -> impl Stream<Item = Result<Bytes, Error>> {
    stream::try_unfold(Some(writing), |writing| async move {
        let Some(mut writing) = writing else { return Ok(None) };
        let events = writing.reader.events(&writing.arn, writing.after, BATCH).await?;
        let mut text = String::new();
        for event in events.iter().filter(|event| event.id <= writing.last) {
            text.push_str(if writing.after == 0 { "[\n" } else { ",\n" });
            text.push_str(&serde_json::to_string(event).unwrap_or_default());
            writing.after = event.id;
        }
        if events.is_empty() || writing.after >= writing.last {
            text.push_str(if writing.after == 0 { "[]\n" } else { "\n]\n" });
            return Ok(Some((Bytes::from(text), None)));
        }
        Ok(Some((Bytes::from(text), Some(writing))))
    })
}

fn json(value: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], format!("{value:#}\n")).into_response()
}
