//! What users of the engine call: build it, put machines, start and look at executions, keep records.

use std::{
    collections::HashMap,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64},
    },
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shipway_asl::{
    Diagnostic, Event, Input, ScheduledTask, Start, Status, Timestamp, limits::DATA_BYTES_MAX,
};
use tokio::sync::{Notify, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    activities::Queues,
    bucket::{Buckets, NoBuckets},
    clock::Clock,
    executor::{Core, parse_snapshot, token_key},
    ids,
    launch::Origin,
    machines::{Machines, machine_key},
    map_run::Drivers,
    notify::Bells,
    observe::{Observer, Observers},
    store::{self, Commit, Expected, PAGE_MAX, Put, Record, Row, RowFilter, Store},
    task::{TaskFailure, TaskHandler, Trace},
};

/// Characters of an execution's or machine's name, as AWS has it.
const NAME_MAX: usize = 80;
/// Bytes of a record's key.
const KEY_BYTES_MAX: usize = 1_024;
/// Bytes of a record's value as JSON.
const RECORD_BYTES_MAX: usize = 4 << 20;
/// Records that one commit writes.
const PUTS_MAX: usize = 1_000;
/// Keys of the engine's own records begin so.
const ENGINE_PREFIX: &str = "engine/";
/// Record that counts the engines that ran over a store.
const EPOCH_KEY: &str = "engine/epoch";
/// Dispatch numbers that one engine can give before they meet the next engine's.
const DISPATCHES_PER_EPOCH: u64 = 1 << 40;

/// Settings of an engine; `Default` suits one server on one machine.
#[derive(Clone, Debug)]
pub struct Config {
    /// Region in ARNs.
    pub region: String,
    /// Account in ARNs, 12 digits.
    pub account: String,
    /// Tasks run at once at most; further ones wait.
    pub tasks_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { region: "local".to_owned(), account: "000000000000".to_owned(), tasks_max: 1_024 }
    }
}

/// What to start.
#[derive(Clone, Debug)]
pub struct StartExecution {
    /// Name of a machine given to [`Engine::put_machine`].
    pub machine: String,
    /// Name of the execution, unique per machine: the same name with the same input is the same execution.
    pub name: String,
    /// Input.
    pub input: Value,
    /// Records to be written in the same commit, or nothing is started.
    pub records: Vec<Put>,
}

/// An execution as it can be shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// `arn:aws:states:<region>:<account>:execution:<machine>:<name>`: the id used everywhere.
    pub arn: String,
    /// The machine's name.
    pub machine: String,
    /// The execution's name.
    pub name: String,
    /// ARN of the Map Run that it is a child of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map_run: Option<String>,
    /// How it came to be.
    #[serde(default)]
    pub origin: Origin,
    /// How it stands.
    pub status: Status,
    /// Input.
    pub input: Value,
    /// Output, once it has succeeded.
    pub output: Option<Value>,
    /// Error name, once it has failed.
    pub error: Option<String>,
    /// Cause, once it has failed.
    pub cause: Option<String>,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it ended.
    pub stopped_at: Option<Timestamp>,
    /// Id of the last durable event.
    pub last_event_id: u64,
    /// States entered and not exited.
    pub active_states: Vec<String>,
}

/// Which executions to list, newest first.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only this machine: `<machine>/<label>` for the children of its Map Runs, which are else left out.
    pub machine: Option<String>,
    /// Only this status.
    pub status: Option<Status>,
    /// Only those with this in their name.
    pub name: Option<String>,
    /// Only those started by this version, itself or through an alias.
    pub version: Option<u64>,
    /// Only those started by this alias.
    pub alias: Option<String>,
    /// Only those started at this time or later.
    pub since: Option<Timestamp>,
    /// Only those started before this time.
    pub until: Option<Timestamp>,
    /// Cursor from the page before.
    pub after: Option<String>,
    /// At most so many; 1 to 1,000, 0 means 100.
    pub limit: usize,
}

/// Why the engine refused or could not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such machine.
    #[error("state machine `{0}` does not exist")]
    NoMachine(String),
    /// The definition is not valid.
    #[error("the definition is not valid: {}", .0.first().map_or("", |first| first.message.as_str()))]
    Definition(Vec<Diagnostic>),
    /// A name, cursor or token is not valid.
    #[error("`{0}` is not a valid {1}")]
    Invalid(String, &'static str),
    /// No such execution.
    #[error("execution `{0}` does not exist")]
    NoExecution(String),
    /// No such Map Run.
    #[error("map run `{0}` does not exist")]
    NoMapRun(String),
    /// Same name, other input.
    #[error("execution `{0}` exists with another input")]
    ExecutionAlreadyExists(String),
    /// The execution, task or timer does not wait for that.
    #[error("execution `{0}` has ended or does not wait for that")]
    NotWaiting(String),
    /// The store refused or could not.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// What builds an [`Engine`].
pub struct Builder {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    config: Config,
    handlers: HashMap<String, Arc<dyn TaskHandler>>,
    fallback: Option<Arc<dyn TaskHandler>>,
    buckets: Arc<dyn Buckets>,
    observers: Observers,
}

impl Builder {
    /// An engine over a store.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, config: Config) -> Self {
        let (handlers, fallback, observers) = (HashMap::new(), None, Observers::default());
        Self { store, clock, config, handlers, fallback, buckets: Arc::new(NoBuckets), observers }
    }

    /// Tasks whose `Resource` equals `resource` go to `handler`.
    #[must_use]
    pub fn handler(mut self, resource: &str, handler: Arc<dyn TaskHandler>) -> Self {
        self.handlers.insert(resource.to_owned(), handler);
        self
    }

    /// Tasks whose `Resource` has no handler of its own go to `handler`, but for those that the engine does itself:
    /// activities and `states:startExecution`.
    #[must_use]
    pub fn fallback(mut self, handler: Arc<dyn TaskHandler>) -> Self {
        self.fallback = Some(handler);
        self
    }

    /// Distributed Maps read from and write to these buckets.
    #[must_use]
    pub fn buckets(mut self, buckets: Arc<dyn Buckets>) -> Self {
        self.buckets = buckets;
        self
    }

    /// `observer` is told of every execution.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observers.add(observer);
        self
    }

    /// Takes up what is running in the store and starts the workers; they stop when `stop` is cancelled.
    pub async fn start(self, stop: CancellationToken) -> Result<Engine, Error> {
        let put = Put { key: EPOCH_KEY.to_owned(), expected: Expected::Any, value: Value::Bool(true) };
        let versions = self.store.commit(Commit { execution: None, records: vec![put] }).await?;
        let epoch = versions.first().copied().unwrap_or(0);
        let core = Arc::new(Core {
            store: self.store,
            clock: self.clock,
            permits: Semaphore::new(self.config.tasks_max),
            config: self.config,
            handlers: self.handlers,
            fallback: self.fallback,
            buckets: self.buckets,
            drivers: Drivers::default(),
            machines: Machines::default(),
            activities: Queues::default(),
            bells: Bells::default(),
            observers: self.observers,
            timer_set: Notify::new(),
            next_timer: AtomicI64::new(i64::MAX),
            dispatches: AtomicU64::new(epoch.saturating_mul(DISPATCHES_PER_EPOCH)),
            running: Mutex::default(),
            supervisor: TaskTracker::new(),
            stop,
            slots: Mutex::default(),
        });
        // WHY: before the tasks, whose ends may be the ends of children.
        let map_runs = core.recover_map_runs().await?;
        let recovered = core.recover_tasks().await?;
        let deletions = core.recover_deletions().await?;
        tracing::info!(epoch, recovered, map_runs, deletions, "engine started");
        core.supervisor.spawn(Arc::clone(&core).run_timers());
        Ok(Engine { core })
    }
}

/// A running engine; clones share it.
#[derive(Clone)]
pub struct Engine {
    pub(crate) core: Arc<Core>,
}

impl Engine {
    /// Creates or replaces a machine; running executions keep the definition they were started with.
    pub async fn put_machine(&self, name: &str, definition: &str) -> Result<(), Error> {
        check_name(name)?;
        self.core.machines.put(&*self.core.store, name, definition, self.core.clock.now()).await
    }

    /// The definition of a machine as it stands.
    pub async fn machine(&self, name: &str) -> Result<String, Error> {
        Ok(self.core.machines.current(&*self.core.store, name).await?.settings.definition)
    }

    /// Names of machines above `after`, in order, at most `limit` and at most 1,000.
    pub async fn machines(&self, after: Option<&str>, limit: usize) -> Result<Vec<String>, Error> {
        let prefix = machine_key("");
        let after = after.map(machine_key);
        let records = self.core.store.records(&prefix, after.as_deref(), limit).await?;
        Ok(records.iter().filter_map(|record| record.key.strip_prefix(&prefix)).map(str::to_owned).collect())
    }

    /// The ARN of an execution, whether it exists or not.
    pub fn execution_arn(&self, machine: &str, name: &str) -> String {
        self.arn("execution", &format!("{machine}:{name}"))
    }

    /// The definition that an execution runs.
    pub async fn definition_of(&self, arn: &str) -> Result<String, Error> {
        let row = self.row(arn).await?;
        let revision = self.core.machines.revision(&*self.core.store, &row.machine, row.revision).await?;
        Ok(revision.settings.definition)
    }

    /// Starts an execution; durable when this returns.
    pub async fn start(&self, start: StartExecution) -> Result<Description, Error> {
        check_name(&start.name)?;
        check_input(&start.input)?;
        check_puts(&start.records)?;
        let machine = self.core.machines.current(&*self.core.store, &start.machine).await?;
        let arn = self.execution_arn(&start.machine, &start.name);
        let facts = Start {
            execution_arn: arn.clone(),
            execution_name: start.name,
            machine_arn: self.arn("stateMachine", &start.machine),
            machine_name: start.machine,
            role_arn: format!("arn:aws:iam::{}:role/shipway", self.core.config.account),
            input: start.input.clone(),
        };
        match self.core.start(facts, machine.revision, Origin::default(), start.records).await {
            Ok(()) => self.describe(&arn).await,
            Err(Error::Store(store::Error::Conflict { key })) => self.existing(&arn, &start.input, key).await,
            Err(error) => Err(error),
        }
    }

    async fn existing(&self, arn: &str, input: &Value, conflict: String) -> Result<Description, Error> {
        match self.describe(arn).await {
            Ok(description) if description.input == *input => Ok(description),
            Ok(_) => Err(Error::ExecutionAlreadyExists(arn.to_owned())),
            Err(Error::NoExecution(_)) => Err(Error::Store(store::Error::Conflict { key: conflict })),
            Err(error) => Err(error),
        }
    }

    /// Stops an execution: `ExecutionAborted`.
    pub async fn stop(&self, arn: &str, error: Option<String>, cause: Option<String>) -> Result<(), Error> {
        self.core.deliver(arn, vec![Input::Stop { error, cause }], Vec::new()).await
    }

    /// An execution as it stands.
    pub async fn describe(&self, arn: &str) -> Result<Description, Error> {
        Ok(describe(&self.row(arn).await?)?)
    }

    /// Executions, newest first, and the cursor of the next page.
    pub async fn list(&self, filter: &Filter) -> Result<(Vec<Description>, Option<String>), Error> {
        let limit = if filter.limit == 0 { 100 } else { filter.limit.min(PAGE_MAX) };
        let after = filter.after.as_deref().map(parse_cursor).transpose()?;
        let rows = RowFilter {
            machine: filter.machine.clone(),
            status: filter.status,
            name: filter.name.clone(),
            version: filter.version,
            alias: filter.alias.clone(),
            since: filter.since,
            // WHY: no ARN is empty, so that this is before all that was started then.
            before: after.or_else(|| Some((filter.until?, String::new()))),
            limit,
            map_run: None,
            is_bare: false,
        };
        let rows = self.core.store.executions(&rows).await?;
        let next = rows.last().filter(|_| rows.len() == limit);
        let next = next.map(|row| format!("{}:{}", row.started_at.0, row.arn));
        let descriptions = rows.iter().map(describe).collect::<Result<_, _>>()?;
        Ok((descriptions, next))
    }

    /// Events with an id above `after`, in order, at most `limit` and at most 1,000.
    pub async fn history(&self, arn: &str, after: u64, limit: usize) -> Result<Vec<Event>, Error> {
        Ok(self.core.store.events(arn, after, limit).await?)
    }

    /// Returns when the execution has an event with an id above `after`, or has ended.
    pub async fn changed(&self, arn: &str, after: u64) -> Result<(), Error> {
        loop {
            let mut bell = pin!(self.core.bells.wait(arn));
            // WHY: enabled before the look, so that an event between look and wait still rings.
            bell.as_mut().enable();
            let row = self.row(arn).await?;
            if row.last_event_id > after || row.status != Status::Running {
                return Ok(());
            }
            bell.await;
        }
    }

    /// Answers a task that waits for its token. A token that nobody waits for is [`Error::NotWaiting`].
    pub async fn complete_task(&self, token: &str, result: Result<Value, TaskFailure>) -> Result<(), Error> {
        let key = token_key(token);
        let not_waiting = || Error::NotWaiting("of that task token".to_owned());
        let record = self.core.store.record(&key).await?.ok_or_else(not_waiting)?;
        let arn = record.value.get("execution").and_then(Value::as_str).ok_or_else(not_waiting)?;
        let task = record.value.get("task").and_then(Value::as_u64).ok_or_else(not_waiting)?;
        let input = match result {
            Ok(output) => Input::TaskSucceeded { task, output },
            Err(failure) => Input::TaskFailed { task, error: failure.error, cause: Some(failure.cause) },
        };
        let used = Put { key, expected: Expected::Version(record.version), value: Value::Null };
        self.core.deliver(arn, vec![input], vec![used]).await
    }

    /// A record of the store.
    pub async fn record(&self, key: &str) -> Result<Option<Record>, Error> {
        Ok(self.core.store.record(key).await?)
    }

    /// Records whose key starts with `prefix` and is above `after`, in key order, at most `limit` and at most 1,000.
    /// Deleted records (their value is `null`) are left out.
    pub async fn records(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Record>, Error> {
        Ok(self.core.store.records(prefix, after, limit).await?)
    }

    /// Writes records, all or none; gives their new versions.
    pub async fn put(&self, puts: Vec<Put>) -> Result<Vec<u64>, Error> {
        check_puts(&puts)?;
        Ok(self.core.store.commit(Commit { execution: None, records: puts }).await?)
    }

    /// The engine's clock.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.core.clock)
    }

    /// Returns when all workers have ended, after `stop` was cancelled.
    pub async fn stopped(&self) {
        self.core.supervisor.close();
        self.core.supervisor.wait().await;
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.core.store
    }

    /// An ARN of this engine's region and account.
    pub(crate) fn arn(&self, kind: &str, name: &str) -> String {
        format!("arn:aws:states:{}:{}:{kind}:{name}", self.core.config.region, self.core.config.account)
    }

    /// Executions as `filter` wants them, newest first, without what their state says.
    pub async fn rows(&self, filter: &RowFilter) -> Result<Vec<Row>, Error> {
        Ok(self.core.store.executions(&RowFilter { is_bare: true, ..filter.clone() }).await?)
    }

    /// A random UUID.
    pub fn new_id(&self) -> String {
        ids::uuid(&*self.core.clock)
    }

    /// The region and account of this engine's ARNs.
    pub fn place(&self) -> (&str, &str) {
        (&self.core.config.region, &self.core.config.account)
    }

    /// Hands a task to its handler beside any execution and waits for what becomes of it.
    pub async fn try_task(
        &self,
        task: ScheduledTask,
        stop: &CancellationToken,
        trace: &Arc<Trace>,
    ) -> Result<Value, TaskFailure> {
        // WHY: unique, or what one of them starts would be taken for what another one started.
        let execution = format!("test/{}", self.new_id());
        self.core.handle(&execution, task, stop, Some(Arc::clone(trace))).await
    }

    /// An execution's row: what of it is not in its events, and its state.
    pub async fn row(&self, arn: &str) -> Result<Row, Error> {
        self.core.store.execution(arn).await?.ok_or_else(|| Error::NoExecution(arn.to_owned()))
    }
}

pub(crate) fn describe(row: &Row) -> Result<Description, store::Error> {
    let execution = parse_snapshot(row)?;
    Ok(Description {
        arn: row.arn.clone(),
        machine: row.machine.clone(),
        name: row.name.clone(),
        map_run: execution.child_of().map(|child| child.map_run.clone()),
        origin: row.origin.clone(),
        status: row.status,
        input: execution.start().input.clone(),
        output: execution.output().cloned(),
        // WHY: AWS tells in the history only that the time was over.
        error: execution.error().filter(|_| row.status != Status::TimedOut).map(str::to_owned),
        cause: execution.cause().map(str::to_owned),
        started_at: execution.started_at(),
        stopped_at: row.stopped_at,
        last_event_id: row.last_event_id,
        active_states: execution.active_states().into_iter().map(str::to_owned).collect(),
    })
}

/// AWS's rule: 1 to 80 characters, no white space, brackets, wildcards or other special characters.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    let is_forbidden =
        |c: char| c.is_whitespace() || c.is_control() || "<>{}[]?*\"#%\\^|~`$&,;:/".contains(c);
    let is_good = !name.is_empty() && name.chars().count() <= NAME_MAX && !name.contains(is_forbidden);
    if is_good { Ok(()) } else { Err(Error::Invalid(name.to_owned(), "name")) }
}

fn check_input(input: &Value) -> Result<(), Error> {
    let bytes = input.to_string().len();
    if bytes <= DATA_BYTES_MAX {
        return Ok(());
    }
    Err(Error::Invalid(
        format!("{bytes} bytes"),
        "input: the limit is 262,144 bytes; refer to larger data by its place",
    ))
}

/// Callers keep clear of the engine's own records and of what a page or a commit can carry.
fn check_puts(puts: &[Put]) -> Result<(), Error> {
    if puts.len() > PUTS_MAX {
        return Err(Error::Invalid(format!("{} records", puts.len()), "commit: the limit is 1,000 records"));
    }
    for Put { key, value, .. } in puts {
        if key.is_empty() || key.len() > KEY_BYTES_MAX || key.contains(char::is_control) {
            let key = key.chars().take(NAME_MAX).collect();
            return Err(Error::Invalid(key, "key: it has 1 to 1,024 bytes and no control characters"));
        }
        if key.starts_with(ENGINE_PREFIX) {
            return Err(Error::Invalid(key.clone(), "key: those with `engine/` belong to the engine"));
        }
        if value.to_string().len() > RECORD_BYTES_MAX {
            return Err(Error::Invalid(key.clone(), "record: its value has more than 4 MiB"));
        }
    }
    Ok(())
}

fn parse_cursor(cursor: &str) -> Result<(Timestamp, String), Error> {
    cursor
        .split_once(':')
        .and_then(|(millis, arn)| Some((Timestamp(millis.parse().ok()?), arn.to_owned())))
        .ok_or_else(|| Error::Invalid(cursor.to_owned(), "cursor"))
}
