//! An engine for a test: a store, a clock, and handlers that count.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use serde_json::Value;
use shipway_asl::Status;
use shipway_engine::{
    Buckets, Builder, Clock, Config, Description, Engine, StartExecution, Store, SystemClock, Task,
    TaskFailure, TaskHandler, bucket::NoBuckets,
};
use tokio_util::sync::CancellationToken;

/// What makes a file of the embedded store one of format 2 again.
pub const BACK_TO_FORMAT_2: &str = "
    DROP INDEX executions_listed; DROP INDEX executions_listed_by_status;
    DROP INDEX executions_by_version_status; DROP INDEX executions_by_alias_status;
    DROP INDEX executions_by_map_run; DROP INDEX executions_by_map_run_status;
    CREATE INDEX executions_by_start ON executions (started_at, arn);
    ALTER TABLE executions DROP COLUMN map_run;
    ALTER TABLE executions DROP COLUMN redrives; ALTER TABLE executions DROP COLUMN redriven_at;
    PRAGMA user_version = 2;";

/// Resource of the tasks in these tests.
pub const RESOURCE: &str = "arn:aws:lambda:local:000000000000:function:test";

/// A handler made of a function, which counts its calls.
pub struct Handler<F> {
    pub calls: AtomicUsize,
    run: F,
}

impl<F: Fn(usize, &Task) -> Result<Value, TaskFailure> + Send + Sync + 'static> Handler<F> {
    pub fn new(run: F) -> Arc<Self> {
        Arc::new(Self { calls: AtomicUsize::new(0), run })
    }
}

#[async_trait]
impl<F: Fn(usize, &Task) -> Result<Value, TaskFailure> + Send + Sync + 'static> TaskHandler for Handler<F> {
    async fn run(&self, task: Task) -> Result<Value, TaskFailure> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        (self.run)(call, &task)
    }
}

/// A handler that gives its input back.
pub fn echo() -> Arc<dyn TaskHandler> {
    Handler::new(|_, task| Ok(task.parameters.clone()))
}

pub async fn engine(
    store: Arc<dyn Store>,
    handler: Arc<dyn TaskHandler>,
    stop: &CancellationToken,
) -> Engine {
    engine_at(store, Arc::new(SystemClock), handler, stop).await
}

pub async fn engine_at(
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    handler: Arc<dyn TaskHandler>,
    stop: &CancellationToken,
) -> Engine {
    engine_with(store, clock, handler, Arc::new(NoBuckets), stop).await
}

pub async fn engine_with(
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    handler: Arc<dyn TaskHandler>,
    buckets: Arc<dyn Buckets>,
    stop: &CancellationToken,
) -> Engine {
    Builder::new(store, clock, Config::default())
        .buckets(buckets)
        .handler(RESOURCE, handler)
        .start(stop.clone())
        .await
        .unwrap()
}

pub fn start(machine: &str, name: &str, input: Value) -> StartExecution {
    StartExecution { machine: machine.to_owned(), name: name.to_owned(), input, records: Vec::new() }
}

/// Waits until an execution has ended.
pub async fn ended(engine: &Engine, arn: &str) -> Description {
    loop {
        let description = engine.describe(arn).await.unwrap();
        if description.status != Status::Running {
            return description;
        }
        engine.changed(arn, description.last_event_id).await.unwrap();
    }
}

/// Types of an execution's events, in order.
pub async fn types(engine: &Engine, arn: &str) -> Vec<&'static str> {
    engine.history(arn, 0, 1_000).await.unwrap().iter().map(|event| event.type_name()).collect()
}
