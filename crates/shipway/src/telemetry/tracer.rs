//! Makes spans of what the engine tells: knows which trace an execution belongs to, and hands spans to who sends them.
//! Keeps of each execution only what is not over; what it has forgotten or was not told it reads from the history.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use shipway_asl::{Event, Status};
use shipway_engine::{Engine, Observer, machines::Owner, observe::Step, store::Row};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    environment::{Exporting, Sampler},
    export::Exporter,
    ids::{Parent, parse_xray, span_of, trace_of},
    otlp::{CLIENT, ERROR, INTERNAL, Link, SERVER, Span as Wire, Status as WireStatus, attributes},
    spans::{Fold, Kind, Outcome, Span},
};
use crate::failure::Failure;

/// Commits that wait to become spans.
const QUEUE_MAX: usize = 4_096;
/// Executions whose open spans are kept; others are read again.
const FOLDS_MAX: usize = 4_096;
/// Events of one read.
const PAGE: usize = 1_000;
/// Executions that start each other, up to the one whose trace it is.
const DEPTH_MAX: usize = 16;
/// How long what waits may take to be sent at the end.
const FLUSH_TIME_MAX: Duration = Duration::from_secs(5);

/// Which executions are traced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Scope {
    /// All
    All,
    /// Those of machines whose `tracingConfiguration` is enabled
    Enabled,
}

/// Some events of an execution.
struct Item {
    row: Row,
    events: Arc<[Event]>,
}

/// Takes what the engine tells.
pub struct Tap {
    queue: mpsc::Sender<Item>,
    missed: Arc<AtomicU64>,
}

/// What is to be run once the engine runs.
pub struct Tracer {
    items: mpsc::Receiver<Item>,
    missed: Arc<AtomicU64>,
    exporter: Exporter,
    sampler: Sampler,
    queue_max: usize,
    scope: Scope,
}

/// Tracing under way.
pub struct Tracing {
    close: CancellationToken,
    work: JoinHandle<()>,
}

impl Observer for Tap {
    fn committed(&self, step: Step<'_>) {
        let item = Item { row: without_snapshot(step.row), events: Arc::clone(step.events) };
        if self.queue.try_send(item).is_err() {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Tracer {
    /// What the engine is to tell, and what makes spans of it.
    pub fn new(exporting: Exporting, scope: Scope) -> Result<(Arc<Tap>, Self), Failure> {
        let (queue, items) = mpsc::channel(QUEUE_MAX);
        let missed = Arc::new(AtomicU64::new(0));
        let (sampler, queue_max) = (exporting.sampler, exporting.queue_max);
        let exporter = Exporter::new(exporting)?;
        let tap = Arc::new(Tap { queue, missed: Arc::clone(&missed) });
        Ok((tap, Self { items, missed, exporter, sampler, queue_max, scope }))
    }

    /// Begins to send.
    pub fn start(self, engine: Engine) -> Tracing {
        let close = CancellationToken::new();
        let (spans, to_send) = mpsc::channel(self.queue_max);
        let exporting = tokio::spawn(self.exporter.run(to_send));
        let worker = Worker {
            engine,
            spans,
            sampler: self.sampler,
            scope: self.scope,
            missed: self.missed,
            traced: HashMap::new(),
        };
        let making = worker.run(self.items, close.clone());
        let work = tokio::spawn(async move {
            making.await;
            if let Err(error) = exporting.await {
                tracing::error!(%error, "sending spans ended early");
            }
        });
        Tracing { close, work }
    }
}

impl Tracing {
    /// Sends what is waiting, for a limited time.
    pub async fn finish(self) {
        self.close.cancel();
        if timeout(FLUSH_TIME_MAX, self.work).await.is_err() {
            tracing::warn!("spans that were still to be sent after {FLUSH_TIME_MAX:?} are dropped");
        }
    }
}

/// An execution as it is traced.
struct Traced {
    fold: Fold,
    context: Context,
}

/// Where an execution's spans belong.
#[derive(Clone)]
struct Context {
    parent: Parent,
    link: Option<([u8; 16], [u8; 8])>,
    is_sampled: bool,
    /// It is a deployment of Shipway's.
    is_own: bool,
}

struct Worker {
    engine: Engine,
    spans: mpsc::Sender<Wire>,
    sampler: Sampler,
    scope: Scope,
    missed: Arc<AtomicU64>,
    traced: HashMap<String, Traced>,
}

impl Worker {
    async fn run(mut self, mut items: mpsc::Receiver<Item>, close: CancellationToken) {
        loop {
            let item = tokio::select! {
                biased;
                item = items.recv() => item,
                () = close.cancelled() => None,
            };
            let Some(item) = item else { return };
            let missed = self.missed.swap(0, Ordering::Relaxed);
            if missed > 0 {
                tracing::warn!(missed, "spans are made more slowly than executions run; some may be missing");
            }
            if let Err(error) = self.take(item).await {
                tracing::warn!(%error, "an execution cannot be traced");
            }
        }
    }

    async fn take(&mut self, item: Item) -> Result<(), shipway_engine::Error> {
        let Item { row, events } = item;
        let first = events.first().map_or(1, |event| event.id);
        let mut traced = match self.traced.remove(&row.arn) {
            Some(traced) => traced,
            None => self.begin(&row, first).await?,
        };
        while traced.fold.last().saturating_add(1) < first {
            // Some commits were missed: their spans are made now.
            let missed = self.engine.history(&row.arn, traced.fold.last(), PAGE).await?;
            if missed.is_empty() {
                break;
            }
            self.apply(&row, &mut traced, missed.iter().filter(|event| event.id < first)).await;
        }
        self.apply(&row, &mut traced, events.iter()).await;
        if row.status == Status::Running {
            self.keep(row.arn, traced);
        }
        Ok(())
    }

    async fn apply(&self, row: &Row, traced: &mut Traced, events: impl Iterator<Item = &Event>) {
        let machine = row.machine.split('/').next().unwrap_or_default();
        for event in events {
            if event.id <= traced.fold.last() {
                continue;
            }
            for span in traced.fold.apply(machine, event) {
                if traced.context.is_sampled {
                    // Who sends is gone only at the end.
                    let _ = self.spans.send(wire(row, &traced.context, span)).await;
                }
            }
        }
    }

    fn keep(&mut self, arn: String, traced: Traced) {
        if self.traced.len() >= FOLDS_MAX
            && let Some(any) = self.traced.keys().next().cloned()
        {
            self.traced.remove(&any);
        }
        self.traced.insert(arn, traced);
    }

    /// An execution that is not known yet: what came before its event `next` has been told already.
    async fn begin(&self, row: &Row, next: u64) -> Result<Traced, shipway_engine::Error> {
        let mut traced = Traced { fold: Fold::default(), context: self.context(row).await? };
        while traced.fold.last().saturating_add(1) < next {
            let events = self.engine.history(&row.arn, traced.fold.last(), PAGE).await?;
            let before = traced.fold.last();
            for event in events.iter().filter(|event| event.id < next) {
                traced.fold.apply("", event);
            }
            if traced.fold.last() == before {
                break;
            }
        }
        Ok(traced)
    }

    async fn context(&self, row: &Row) -> Result<Context, shipway_engine::Error> {
        let parent = self.parent(row).await?;
        let machine = row.machine.split('/').next().unwrap_or_default();
        let is_own = self.engine.find_machine(machine).await.is_ok_and(|found| found.owner == Owner::Shipway);
        let is_wanted = match self.scope {
            Scope::All => true,
            Scope::Enabled => {
                let revision = self.engine.machine_revision(machine, row.revision).await;
                revision.is_ok_and(|revision| {
                    revision.settings.tracing.get("enabled").and_then(serde_json::Value::as_bool)
                        == Some(true)
                })
            }
        };
        let is_sampled = is_wanted && self.sampler.takes(parent.trace, parent.is_sampled);
        Ok(Context { link: self.link(row).await?, parent, is_sampled, is_own })
    }

    /// The trace of whoever started it: by the header that came with the call, or by the task that started it.
    async fn parent(&self, row: &Row) -> Result<Parent, shipway_engine::Error> {
        let mut direct = None;
        let mut row = row.clone();
        for _ in 0..DEPTH_MAX {
            if let Some(parent) = row.origin.trace_header.as_deref().and_then(parse_xray) {
                let span = direct.unwrap_or(parent.span);
                return Ok(Parent { span, ..parent });
            }
            let Some((arn, task)) = row.origin.parent.as_deref().and_then(task_of) else { break };
            direct = direct.or(Some(Some(span_of(arn, task))));
            match self.engine.row(arn).await {
                Ok(outer) => row = outer,
                Err(shipway_engine::Error::NoExecution(_)) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(Parent { trace: trace_of(&row.arn), span: direct.flatten(), is_sampled: None })
    }

    /// The Map Run that it is a child of. WHY: a link and not a part of it, since a Map Run has up to a million.
    async fn link(&self, row: &Row) -> Result<Option<([u8; 16], [u8; 8])>, shipway_engine::Error> {
        if !row.machine.contains('/') {
            return Ok(None);
        }
        let Some(map_run) = self.engine.describe(&row.arn).await?.map_run else { return Ok(None) };
        let map_run = self.engine.map_run(&map_run).await?;
        let outer = self.engine.row(&map_run.execution_arn).await?;
        let trace = self.parent(&outer).await?.trace;
        Ok(Some((trace, span_of(&map_run.execution_arn, map_run.run))))
    }
}

/// WHY: the snapshot is most of a row, and nothing here is read from it.
fn without_snapshot(row: &Row) -> Row {
    Row {
        arn: row.arn.clone(),
        machine: row.machine.clone(),
        name: row.name.clone(),
        origin: row.origin.clone(),
        snapshot: Vec::new(),
        ..*row
    }
}

/// Execution and event of a task's key: `<arn>/<state>/<event>`.
fn task_of(key: &str) -> Option<(&str, u64)> {
    let (before, task) = key.rsplit_once('/')?;
    // WHY: names of states may have a `/`, and so have machines of Map Runs' children; names of executions have none.
    let parts = if before.split(':').nth(5)? == "express" { 8 } else { 7 };
    let name = before.match_indices(':').nth(parts - 1)?.0;
    let end = before.get(name..)?.find('/')?;
    Some((before.get(..name + end)?, task.parse().ok()?))
}

fn wire(row: &Row, context: &Context, span: Span) -> Wire {
    let inner = span.parent.map(|event| span_of(&row.arn, event));
    let parent = inner.or(context.parent.span);
    let error = match &span.outcome {
        Outcome::Success => None,
        Outcome::Failure(error) => Some(error.clone().unwrap_or_else(|| "failure".to_owned())),
        Outcome::Timeout => Some("States.Timeout".to_owned()),
        Outcome::Cancellation => Some("cancelled".to_owned()),
    };
    let links = context.link.filter(|_| span.kind == Kind::Execution);
    Wire {
        trace_id: context.parent.trace.to_vec(),
        span_id: span_of(&row.arn, span.event).to_vec(),
        parent_span_id: parent.map(|id| id.to_vec()).unwrap_or_default(),
        kind: match span.kind {
            Kind::Execution => SERVER,
            Kind::State | Kind::Iteration | Kind::MapRun => INTERNAL,
            Kind::Attempt => CLIENT,
        },
        start_time_unix_nano: nanos(span.began),
        end_time_unix_nano: nanos(span.ended),
        attributes: attributes(facts(row, context, &span, error.as_deref())),
        links: links
            .map(|(trace, id)| Link { trace_id: trace.to_vec(), span_id: id.to_vec() })
            .into_iter()
            .collect(),
        status: Some(WireStatus {
            code: if error.is_some() { ERROR } else { 0 },
            message: error.unwrap_or_default(),
        }),
        name: span.name,
    }
}

fn nanos(millis: i64) -> u64 {
    u64::try_from(millis).unwrap_or(0).saturating_mul(1_000_000)
}

/// Names by OpenTelemetry's conventions where there are any.
fn facts(row: &Row, context: &Context, span: &Span, error: Option<&str>) -> Vec<(&'static str, String)> {
    let result = match span.outcome {
        Outcome::Success => "success",
        Outcome::Failure(_) => "failure",
        Outcome::Timeout => "timeout",
        Outcome::Cancellation => "cancellation",
    };
    let mut facts = vec![("shipway.execution.arn", row.arn.clone())];
    match span.kind {
        Kind::Execution => {
            facts.push(("shipway.machine.name", row.machine.clone()));
            facts.push(("shipway.execution.name", row.name.clone()));
            if context.is_own {
                facts.push(("cicd.pipeline.name", row.machine.clone()));
                facts.push(("cicd.pipeline.run.id", row.name.clone()));
                facts.push(("cicd.pipeline.result", result.to_owned()));
                facts.push(("deployment.id", row.name.clone()));
            }
        }
        Kind::State => {
            facts.push(("shipway.state.name", span.name.clone()));
            if context.is_own {
                facts.push(("cicd.pipeline.task.name", span.name.clone()));
                facts.push(("cicd.pipeline.task.run.id", span.event.to_string()));
                facts.push(("cicd.pipeline.task.run.result", result.to_owned()));
            }
        }
        Kind::Iteration | Kind::MapRun | Kind::Attempt => {}
    }
    facts.push(("shipway.event.id", span.event.to_string()));
    facts.push(("shipway.outcome", result.to_owned()));
    facts.extend(error.map(|error| ("error.type", error.to_owned())));
    facts.extend(span.facts.iter().cloned());
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tasks_key_names_its_execution_and_event() {
        let standard = "arn:aws:states:r:1:execution:m:n";
        let child = "arn:aws:states:r:1:execution:m/Label:n";
        let express = "arn:aws:states:r:1:express:m:n:0f-1";
        for arn in [standard, child, express] {
            for state in ["S", "with / slash", "a:b"] {
                assert_eq!(task_of(&format!("{arn}/{state}/12")), Some((arn, 12)), "{arn} {state}");
            }
        }
        assert_eq!(task_of("test/x"), None);
    }
}
