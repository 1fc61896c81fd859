//! Streams that keep pages fresh: fragments of HTML, rendered by what renders the pages. What a page has seen is
//! known by the number of its last event; what came later is read from the durable history.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    response::{Response, sse},
};
use futures_util::{Stream, stream};
use http::HeaderMap;
use maud::html;
use serde::Deserialize;
use shipway_control::app::Error;

use crate::{
    Shared,
    api::{RECONNECT, answer, failure, last_event_id},
    extract::{Path, Query},
    fold::{Fold, Statuses},
    guard::Access,
    pages::{
        Address, Reader, Sample, ServiceTarget, actions, data, head, more_events, nodes, overview_content,
        service_content, states,
    },
    wire::{Event, Problem},
};

/// Time between two looks at what has no events: processes, counts, health.
const TICK: Duration = Duration::from_secs(1);
/// Events of one message.
const BATCH: usize = 500;
/// Reads that fold what a page has seen; AWS allows 25,000 events.
const BATCHES_MAX: usize = 60;

/// Where the page stands.
#[derive(Deserialize)]
pub struct Position {
    after: Option<u64>,
}

/// The stream of an execution's page.
pub async fn execution(
    State(shared): State<Shared>,
    Path((machine, name)): Path<(String, String)>,
    Query(position): Query<Position>,
    access: Access,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let after = last_event_id(&headers)?.or(position.after).unwrap_or(0);
    let mut reader = Reader::new(shared.clone(), Address::of_path(&machine, &name));
    let arn = reader.execution().await?.arn;
    let mut follower = Follower {
        shared,
        access,
        reader,
        arn,
        fold: Fold::default(),
        sent: Sent::default(),
        stage: Stage::First,
    };
    follower.catch_up(after).await?;
    Ok(answer(messages(follower)))
}

/// The stream of the overview.
pub async fn overview(State(shared): State<Shared>) -> Response {
    answer(messages(Watcher { shared, subject: Subject::Overview, sent: Vec::new(), is_first: true }))
}

/// The stream of a service's page.
pub async fn service(
    State(shared): State<Shared>,
    Path(path): Path<(String, String, String)>,
) -> Result<Response, Problem> {
    let target = ServiceTarget::parse(path)?;
    shared.app.service(&target.project, &target.environment, &target.service).await?;
    let subject = Subject::Service { target, sample: None };
    Ok(answer(messages(Watcher { shared, subject, sent: Vec::new(), is_first: true })))
}

/// What gives messages, one after another, until it gives none.
trait Source: Send + 'static {
    fn next(&mut self) -> impl Future<Output = Result<Option<sse::Event>, Error>> + Send;
}

/// The messages of a source; a failure is the last one.
fn messages(source: impl Source) -> impl Stream<Item = Result<sse::Event, Infallible>> + Send {
    stream::unfold(Some(source), |source| async move {
        let mut source = source?;
        match source.next().await {
            Ok(Some(message)) => Some((Ok(message), Some(source))),
            Ok(None) => None,
            Err(error) => Some((Ok(failure(&Problem::from(error))), None)),
        }
    })
}

/// Follows one execution.
struct Follower {
    shared: Shared,
    access: Access,
    reader: Reader,
    arn: String,
    fold: Fold,
    sent: Sent,
    stage: Stage,
}

/// What the page shows.
#[derive(Default)]
struct Sent {
    parts: [String; 4],
    statuses: Statuses,
}

enum Stage {
    /// Nothing was sent yet.
    First,
    Following,
    /// The last event was sent, `end` was not.
    Ending,
    Over,
}

impl Follower {
    /// Folds what the page has seen.
    async fn catch_up(&mut self, after: u64) -> Result<(), Error> {
        for _ in 0..BATCHES_MAX {
            let events = self.reader.events(&self.arn, self.fold.last_event_id(), BATCH).await?;
            let seen = events.iter().take_while(|event| event.id <= after);
            let count = seen.map(|event| self.fold.apply(event)).count();
            if count < BATCH {
                break;
            }
        }
        Ok(())
    }

    /// Returns when there is something new, or it is time to look again; false when the server stops.
    async fn wait(&self) -> Result<bool, Error> {
        tokio::select! {
            () = self.shared.stop.cancelled() => Ok(false),
            changed = self.shared.app.changed(&self.arn, self.fold.last_event_id()) => changed.map(|()| true),
            () = tokio::time::sleep(TICK) => Ok(true),
        }
    }

    /// What has changed since the last message, if anything.
    async fn message(&mut self) -> Result<Option<sse::Event>, Error> {
        let events = self.reader.events(&self.arn, self.fold.last_event_id(), BATCH).await?;
        events.iter().for_each(|event| self.fold.apply(event));
        let seen = self.reader.seen(&self.fold).await?;
        let now = self.shared.app.now();
        let parts = [
            head(&seen, &self.fold, now),
            actions(&seen, self.access),
            states(&seen, &self.fold, None, now),
            data(&seen),
        ];
        let fresh =
            Sent { parts: parts.map(maud::PreEscaped::into_string), statuses: self.fold.statuses().clone() };
        let html = self.difference(&fresh, &events);
        self.sent = fresh;
        if self.fold.is_ended() {
            self.stage = Stage::Ending;
        }
        let id = self.fold.last_event_id().to_string();
        Ok((!html.is_empty()).then(|| sse::Event::default().id(id).data(html)))
    }

    fn difference(&self, fresh: &Sent, events: &[Event]) -> String {
        let mut html =
            html! { (more_events(events, &self.reader.address)) (nodes(&self.sent.statuses, &fresh.statuses)) }.into_string();
        for (before, now) in self.sent.parts.iter().zip(&fresh.parts) {
            if before != now {
                html.push_str(now);
            }
        }
        html
    }
}

impl Source for Follower {
    async fn next(&mut self) -> Result<Option<sse::Event>, Error> {
        // Each turn sends a message, ends, or has waited.
        loop {
            match self.stage {
                Stage::First => {
                    self.stage = Stage::Following;
                    let message = self.message().await?;
                    return Ok(Some(message.unwrap_or_default().retry(RECONNECT)));
                }
                Stage::Following => {
                    if !self.wait().await? {
                        return Ok(None);
                    }
                    if let Some(message) = self.message().await? {
                        return Ok(Some(message));
                    }
                }
                Stage::Ending => {
                    self.stage = Stage::Over;
                    let last = self.fold.last_event_id().to_string();
                    return Ok(Some(sse::Event::default().event("end").data(last)));
                }
                Stage::Over => return Ok(None),
            }
        }
    }
}

/// Looks at what has no events, again and again.
struct Watcher {
    shared: Shared,
    subject: Subject,
    sent: Vec<String>,
    is_first: bool,
}

enum Subject {
    Overview,
    Service { target: ServiceTarget, sample: Option<Sample> },
}

impl Subject {
    /// The parts of the page as they are now.
    async fn render(&mut self, shared: &Shared) -> Result<Vec<String>, Error> {
        match self {
            Self::Overview => Ok(vec![overview_content(&*shared.app).await?.into_string()]),
            Self::Service { target, sample } => {
                let (sections, fresh) = service_content(&*shared.app, target, sample.as_ref()).await?;
                *sample = Some(fresh);
                Ok(sections.into_iter().map(maud::PreEscaped::into_string).collect())
            }
        }
    }
}

impl Source for Watcher {
    async fn next(&mut self) -> Result<Option<sse::Event>, Error> {
        // Each turn sends what has changed, or has waited for the next tick.
        loop {
            if !std::mem::take(&mut self.is_first) {
                tokio::select! {
                    () = self.shared.stop.cancelled() => return Ok(None),
                    () = tokio::time::sleep(TICK) => {}
                }
            }
            let fresh = self.subject.render(&self.shared).await?;
            let changed =
                fresh.iter().enumerate().filter(|(place, part)| self.sent.get(*place) != Some(part));
            let html: String = changed.map(|(_, part)| part.as_str()).collect();
            let is_first = std::mem::replace(&mut self.sent, fresh).is_empty();
            if !html.is_empty() {
                let message = sse::Event::default().data(html);
                return Ok(Some(if is_first { message.retry(RECONNECT) } else { message }));
            }
        }
    }
}
