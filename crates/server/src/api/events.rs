//! Events of a deployment, as a page or as they happen. Both come out of the durable history.

use std::{collections::VecDeque, convert::Infallible, time::Duration};

use axum::{
    extract::State,
    response::{
        IntoResponse, Response,
        sse::{self, KeepAlive, Sse},
    },
};
use futures_util::{Stream, stream};
use http::{HeaderMap, header};
use serde::Deserialize;

use crate::{
    Shared,
    extract::{Path, Query, limit},
    problem::BAD_REQUEST,
    wire::{Event, Events, Problem},
};

/// Events of one read of a stream.
const BATCH: usize = 500;
/// How often a silent stream says that it is there.
pub const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long a client waits before it connects again.
pub const RECONNECT: Duration = Duration::from_secs(1);

/// Which events.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    after: Option<u64>,
    limit: Option<usize>,
}

/// Events of a deployment.
pub async fn list(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    Query(page): Query<Page>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let limit = limit(page.limit, 500, 1_000, "limit")?;
    let arn = shared.app.deployment(&id).await?.execution_arn;
    if wants_stream(&headers) {
        let after = last_event_id(&headers)?.or(page.after).unwrap_or(0);
        return Ok(answer(history(shared, arn, after)));
    }
    let after = page.after.unwrap_or(0);
    let events = shared.app.events(&arn, after, limit).await?;
    let next_after = events.last().map_or(after, |event| event.id);
    let is_end = match events.last() {
        Some(event) => event.is_end(),
        None => shared.app.deployment(&id).await?.ended_at.is_some(),
    };
    Ok(axum::Json(Events { events, next_after, is_end }).into_response())
}

fn wants_stream(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.contains("text/event-stream")
}

/// The event that the client saw last, when it comes again.
pub fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let id = value.to_str().ok().and_then(|text| text.parse().ok());
    let problem = || BAD_REQUEST.because("`Last-Event-ID` is not the number of an event").at("Last-Event-ID");
    id.map(Some).ok_or_else(problem)
}

/// An event stream as an answer.
pub fn answer(events: impl Stream<Item = Result<sse::Event, Infallible>> + Send + 'static) -> Response {
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}

/// Where a stream of a history stands.
struct Cursor {
    shared: Shared,
    arn: String,
    after: u64,
    ready: VecDeque<sse::Event>,
    is_over: bool,
}

/// Each event with an id above `after`, as it becomes durable, and `end` when the execution has ended.
fn history(shared: Shared, arn: String, after: u64) -> impl Stream<Item = Result<sse::Event, Infallible>> {
    let first = sse::Event::default().retry(RECONNECT).comment("history");
    let cursor = Cursor { shared, arn, after, ready: VecDeque::from([first]), is_over: false };
    stream::unfold(cursor, |mut cursor| async move {
        // Each turn gives an event, ends, or has waited for one.
        loop {
            if let Some(event) = cursor.ready.pop_front() {
                return Some((Ok(event), cursor));
            }
            if cursor.is_over {
                return None;
            }
            if let Err(problem) = cursor.read().await {
                cursor.ready.push_back(failure(&problem));
                cursor.is_over = true;
            }
        }
    })
}

/// Tells a client why its stream ends; it may connect again.
pub fn failure(problem: &Problem) -> sse::Event {
    sse::Event::default().event("problem").data(serde_json::to_string(problem).unwrap_or_default())
}

impl Cursor {
    async fn read(&mut self) -> Result<(), Problem> {
        let app = self.shared.app.clone();
        let events = app.events(&self.arn, self.after, BATCH).await?;
        if !events.is_empty() {
            self.take(&events);
            return Ok(());
        }
        let stop = self.shared.stop.clone();
        tokio::select! {
            () = stop.cancelled() => self.is_over = true,
            changed = app.changed(&self.arn, self.after) => {
                changed?;
                let events = app.events(&self.arn, self.after, BATCH).await?;
                if events.is_empty() {
                    // It has ended before or at `after`.
                    self.end();
                } else {
                    self.take(&events);
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, events: &[Event]) {
        for event in events {
            self.after = event.id;
            let data = serde_json::to_string(event).unwrap_or_default();
            self.ready.push_back(sse::Event::default().id(event.id.to_string()).data(data));
            if event.is_end() {
                self.end();
            }
        }
    }

    fn end(&mut self) {
        self.ready.push_back(sse::Event::default().event("end").data(self.after.to_string()));
        self.is_over = true;
    }
}
