//! Writes the lines, in the order of each execution's events: first what is missing from before, then what the engine
//! tells. Whatever fails is tried again; meanwhile the queue fills and what does not fit is read from the store.

use std::{
    collections::HashMap,
    io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::Value;
use shipway_asl::{Event, Status};
use shipway_engine::{Engine, Error, Expected, Put, store::PAGE_MAX};
use tokio::{sync::mpsc, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{
    Logging, Logs,
    courier::{Courier, Line, Parcel},
    files::{Group, prune},
    line::line,
    read::Logged,
    sink::{Item, Revision, Sink, mark_key, marked, revision_of},
};

/// Commits that are written together.
const BATCH: usize = 256;
/// Groups whose newest file is open.
const OPEN_MAX: usize = 64;
/// Time between two looks at what is to be tidied, when nothing else happens.
const TICK: Duration = Duration::from_secs(1);
/// Time between two looks for files that are too old.
const PRUNE_EVERY: Duration = Duration::from_secs(600);
/// How long it is remembered up to which event an execution was read from the store: what the engine had on its way
/// to the queue has arrived by then.
const REMEMBERED: Duration = Duration::from_secs(60);
/// First and longest wait before something that failed is tried again.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// What stands in a history where it goes on after its end.
const REDRIVEN: &str = "ExecutionRedriven";

/// Lines by directory, not written yet.
type Lines = HashMap<PathBuf, Unwritten>;

#[derive(Default)]
struct Unwritten {
    bytes: Vec<u8>,
    parcels: Vec<Parcel>,
}

/// Some events of an execution.
struct Span<'a> {
    arn: &'a str,
    events: &'a [Event],
    /// How often it was redriven before them.
    redrives: u32,
    /// Which of them are to be logged, if the level wants them.
    is_wanted: &'a (dyn Fn(&Event) -> bool + Sync),
}

/// What writes.
pub struct Worker {
    logs: Logs,
    sink: Arc<Sink>,
    engine: Engine,
    courier: Option<Courier>,
    groups: HashMap<PathBuf, Group>,
    /// Executions that were read from the store, up to which event, and when.
    read: HashMap<String, (u64, Instant)>,
    /// Executions that have ended and whose lines are written: their marks can go.
    over: Vec<String>,
    close: CancellationToken,
    /// It was closed while something could not be read or written: no mark may go any more.
    is_cut_short: bool,
}

impl Worker {
    /// Nothing is read or written yet.
    pub fn new(logs: Logs, sink: Arc<Sink>, engine: Engine, courier: Option<Courier>) -> Self {
        Self {
            logs,
            sink,
            engine,
            courier,
            groups: HashMap::new(),
            read: HashMap::new(),
            over: Vec::new(),
            close: CancellationToken::new(),
            is_cut_short: false,
        }
    }

    /// Works until `close` is cancelled, and then until nothing waits.
    pub async fn run(mut self, mut queue: mpsc::Receiver<Item>, close: CancellationToken) {
        self.close = close.clone();
        self.catch_up_all().await;
        let mut batch = Vec::with_capacity(BATCH);
        let (mut settled, mut pruned) = (Instant::now(), None);
        loop {
            tokio::select! {
                biased;
                _ = queue.recv_many(&mut batch, BATCH) => {}
                () = close.cancelled() => break,
                () = sleep(TICK) => {}
            }
            self.write_batch(&mut batch).await;
            if queue.is_empty() {
                self.catch_up(&mut queue).await;
                self.read.retain(|_, (_, at)| at.elapsed() < REMEMBERED);
            }
            if settled.elapsed() >= TICK || self.over.len() >= PAGE_MAX {
                self.settle().await;
                settled = Instant::now();
            }
            if pruned.is_none_or(|at: Instant| at.elapsed() >= PRUNE_EVERY) {
                self.prune().await;
                pruned = Some(Instant::now());
            }
        }
        self.catch_up(&mut queue).await;
        self.settle().await;
    }

    async fn write_batch(&mut self, batch: &mut Vec<Item>) {
        let mut lines = Lines::new();
        for item in batch.drain(..) {
            let read = self.read.get(&item.arn).map_or(0, |(read, _)| *read);
            let Some(logging) = self.logging(&item.revision).await else {
                // It was marked before this was known, and the engine tells no more of it.
                self.over.push(item.arn);
                continue;
            };
            let redrives = item.redrives.saturating_sub(redrives_in(&item.events));
            let is_wanted = &|event: &Event| event.id > read;
            let some = Span { arn: &item.arn, events: &item.events, redrives, is_wanted };
            self.add(&mut lines, (&item.revision.0, &logging), &some);
            self.over.extend(item.is_over.then_some(item.arn));
        }
        self.write(lines).await;
    }

    /// How a revision logs; nothing if the machine cannot be read because there is none.
    async fn logging(&mut self, revision: &Revision) -> Option<Arc<Logging>> {
        if let Some(known) = self.sink.known(revision) {
            return known;
        }
        let engine = self.engine.clone();
        let found = self
            .insist("read how a machine logs", || {
                let (engine, revision) = (engine.clone(), revision.clone());
                async move {
                    use shipway_engine::machines::Error as E;
                    match engine.machine_revision(&revision.0, revision.1).await {
                        Ok(found) => Ok(Logging::read(&found.settings.logging).map(Arc::new)),
                        Err(E::NoMachine(_) | E::Engine(Error::NoMachine(_))) => Ok(None),
                        Err(error) => Err(error.to_string()),
                    }
                }
            })
            .await?;
        self.sink.learn(revision.clone(), found.clone());
        found
    }

    fn add(&self, lines: &mut Lines, (machine, logging): (&str, &Logging), span: &Span<'_>) {
        let mut redrives = span.redrives;
        let mut found = Vec::new();
        for event in span.events {
            redrives += u32::from(event.type_name() == REDRIVEN);
            if (span.is_wanted)(event) && logging.level.logs(event.type_name()) {
                let text = line(event, span.arn, redrives, logging.has_data);
                found.push(Line { at: event.timestamp, text });
            }
        }
        if found.is_empty() {
            return;
        }
        let unwritten = lines.entry(self.logs.place(&logging.group)).or_default();
        for line in &found {
            unwritten.bytes.extend_from_slice(line.text.as_bytes());
            unwritten.bytes.push(b'\n');
        }
        if self.courier.is_some() {
            let (group, machine) = (logging.group.clone(), machine.to_owned());
            unwritten.parcels.push(Parcel { group, machine, lines: found });
        }
    }

    /// Writes all lines, however long the disk cannot take them.
    async fn write(&mut self, lines: Lines) {
        for (directory, Unwritten { bytes, parcels }) in lines {
            let lines = Arc::new(bytes);
            let limits = self.logs.limits;
            let mut wait = BACKOFF.0;
            loop {
                let group = self.groups.remove(&directory);
                let (place, bytes) = (directory.clone(), Arc::clone(&lines));
                let wrote = blocking(move || {
                    let mut group = group.map_or_else(|| Group::open(&place, limits), Ok)?;
                    group.append(&bytes)?;
                    Ok(group)
                });
                match wrote.await {
                    Ok(group) => {
                        self.keep(directory.clone(), group);
                        self.deliver(parcels);
                        break;
                    }
                    Err(error) => {
                        tracing::warn!(%error, directory = %directory.display(), "execution logs wait for the disk");
                        if !self.pause(&mut wait).await {
                            return;
                        }
                    }
                }
            }
        }
    }

    fn deliver(&self, parcels: Vec<Parcel>) {
        if let Some(courier) = &self.courier {
            parcels.into_iter().for_each(|parcel| courier.take(parcel));
        }
    }

    fn keep(&mut self, directory: PathBuf, group: Group) {
        if self.groups.len() >= OPEN_MAX {
            // WHY: files that are closed are not seen by `settle`.
            for (directory, group) in self.groups.drain() {
                if let Err(error) = group.sync() {
                    tracing::warn!(%error, directory = %directory.display(), "execution logs may not be on the disk");
                    self.over.clear();
                }
            }
        }
        self.groups.insert(directory, group);
    }

    /// What did not fit into the queue.
    async fn catch_up(&mut self, queue: &mut mpsc::Receiver<Item>) {
        let (behind, before) = self.sink.take_behind(queue);
        // INVARIANT: what was in the queue before it did not fit is written before what did not fit.
        let mut batch = Vec::from_iter((0..before).map_while(|_| queue.try_recv().ok()));
        self.write_batch(&mut batch).await;
        if behind.is_everything {
            return self.catch_up_all().await;
        }
        for (arn, from) in behind.from {
            self.catch_up_one(&arn, from.saturating_sub(1), &|_| true).await;
        }
    }

    /// All executions that are marked, compared with what is logged of them.
    async fn catch_up_all(&mut self) {
        // WHY: what waits in the queue is in the store, and is read from there.
        let mut logged: HashMap<String, Arc<Logged>> = HashMap::new();
        let mut after: Option<String> = None;
        loop {
            let (engine, from) = (self.engine.clone(), after.clone());
            let page = self
                .insist("read which executions are to be logged", || {
                    let (engine, from) = (engine.clone(), from.clone());
                    async move {
                        let page = engine.records(&mark_key(""), from.as_deref(), PAGE_MAX).await;
                        page.map_err(|error| error.to_string())
                    }
                })
                .await;
            let Some(page) = page else { return };
            let Some(last) = page.last() else { return };
            after = Some(last.key.clone());
            for arn in page.iter().filter_map(|record| marked(&record.key)) {
                self.compare(arn, &mut logged).await;
            }
        }
    }

    async fn compare(&mut self, arn: &str, logged: &mut HashMap<String, Arc<Logged>>) {
        let engine = self.engine.clone();
        let row = self
            .insist("read an execution that is to be logged", || {
                let (engine, arn) = (engine.clone(), arn.to_owned());
                async move { engine.row(&arn).await.map_err(|error| error.to_string()) }
            })
            .await;
        let Some(row) = row else { return };
        let Some(logging) = self.logging(&revision_of(&row)).await else {
            return self.over.push(arn.to_owned());
        };
        let known = match logged.get(&logging.group) {
            Some(known) => Arc::clone(known),
            None => {
                let place = self.logs.place(&logging.group);
                let read = blocking(move || Logged::read(&place)).await;
                let read = Arc::new(read.unwrap_or_else(|error| {
                    tracing::warn!(%error, group = logging.group, "execution logs cannot be read; lines may be there twice");
                    Logged::default()
                }));
                logged.insert(logging.group.clone(), Arc::clone(&read));
                read
            }
        };
        self.catch_up_one(arn, 0, &|event| !known.has(arn, event.id, event.timestamp.0)).await;
    }

    /// Logs events out of the store.
    async fn catch_up_one(&mut self, arn: &str, after: u64, is_missing: &(dyn Fn(&Event) -> bool + Sync)) {
        let mut read = self.read.get(arn).map_or(after, |(read, _)| after.max(*read));
        let Some(mut redrives) = self.redrives_until(arn, read).await else { return };
        let engine = self.engine.clone();
        loop {
            let page = self
                .insist("read an execution that is to be logged", || {
                    let (engine, arn) = (engine.clone(), arn.to_owned());
                    async move {
                        // WHY: the row first, so that an end that is seen has all its events read.
                        let row = engine.row(&arn).await.map_err(|error| error.to_string())?;
                        let events = engine.history(&arn, read, PAGE_MAX).await;
                        Ok((row, events.map_err(|error| error.to_string())?))
                    }
                })
                .await;
            let Some((row, events)) = page else { return };
            let logging = self.logging(&revision_of(&row)).await;
            let mut lines = Lines::new();
            if let Some(logging) = &logging {
                let machine = revision_of(&row).0;
                let some = Span { arn, events: &events, redrives, is_wanted: is_missing };
                self.add(&mut lines, (&machine, logging), &some);
            }
            redrives += redrives_in(&events);
            self.write(lines).await;
            read = events.last().map_or(read, |event| event.id);
            self.read.insert(arn.to_owned(), (read, Instant::now()));
            if read >= row.last_event_id {
                self.over.extend((row.status != Status::Running).then(|| arn.to_owned()));
                return;
            }
        }
    }

    /// How often an execution was redriven up to an event.
    async fn redrives_until(&mut self, arn: &str, until: u64) -> Option<u32> {
        let (engine, mut redrives, mut read) = (self.engine.clone(), 0, 0);
        while read < until {
            let page = self
                .insist("read an execution that is to be logged", || {
                    let (engine, arn) = (engine.clone(), arn.to_owned());
                    async move {
                        engine.history(&arn, read, PAGE_MAX).await.map_err(|error| error.to_string())
                    }
                })
                .await?;
            let Some(last) = page.last() else { break };
            read = last.id;
            let before = page.partition_point(|event| event.id <= until);
            redrives += redrives_in(page.get(..before).unwrap_or_default());
        }
        Some(redrives)
    }

    /// Takes away the marks of executions whose lines are all on the disk.
    async fn settle(&mut self) {
        if self.over.is_empty() || self.is_cut_short {
            return;
        }
        let groups = std::mem::take(&mut self.groups);
        let synced = blocking(move || {
            groups.values().try_for_each(Group::sync)?;
            Ok(groups)
        });
        match synced.await {
            Ok(groups) => self.groups = groups,
            Err(error) => {
                tracing::warn!(%error, "execution logs may not be on the disk; they are compared after the next start");
                return self.over.clear();
            }
        }
        let over = std::mem::take(&mut self.over);
        for some in over.chunks(PAGE_MAX) {
            let put = |arn: &String| Put { key: mark_key(arn), expected: Expected::Any, value: Value::Null };
            if let Err(error) = self.engine.put(some.iter().map(put).collect()).await {
                tracing::debug!(%error, "marks of logged executions stay until the next start");
            }
        }
    }

    /// Removes files that are too old, of groups too that nobody writes to any more.
    async fn prune(&self) {
        let (directory, limits) = (self.logs.directory.clone(), self.logs.limits);
        let pruned = blocking(move || {
            let Ok(groups) = std::fs::read_dir(&directory) else { return Ok(()) };
            groups.flatten().try_for_each(|group| prune(&group.path(), limits))
        });
        if let Err(error) = pruned.await {
            tracing::warn!(%error, "old execution logs cannot be removed");
        }
    }

    /// Tries until it succeeds; none if it is to end before.
    async fn insist<T, F: Future<Output = Result<T, String>>>(
        &mut self,
        what: &str,
        attempt: impl Fn() -> F,
    ) -> Option<T> {
        let mut wait = BACKOFF.0;
        loop {
            match attempt().await {
                Ok(found) => return Some(found),
                Err(error) => tracing::warn!(error, "cannot {what}; tried again"),
            }
            if !self.pause(&mut wait).await {
                return None;
            }
        }
    }

    /// Waits, longer each time; false if it is to end instead.
    async fn pause(&mut self, wait: &mut Duration) -> bool {
        tokio::select! {
            () = self.close.cancelled() => {
                self.is_cut_short = true;
                return false;
            }
            () = sleep(*wait) => {}
        }
        *wait = (*wait * 2).min(BACKOFF.1);
        true
    }
}

fn redrives_in(events: &[Event]) -> u32 {
    let redriven = events.iter().filter(|event| event.type_name() == REDRIVEN);
    u32::try_from(redriven.count()).unwrap_or(u32::MAX)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}
