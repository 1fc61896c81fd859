//! Durable execution of state machines: one atomic commit verb, timers, task dispatch, recovery. Knows no protocol.

pub mod activities;
pub mod bucket;
pub mod clock;
mod dispatch;
mod engine;
mod executor;
mod ids;
pub mod launch;
pub mod machines;
mod map_run;
mod map_runs;
mod nested;
mod notify;
pub mod observe;
pub mod redrive;
pub mod store;
mod submitted;
pub mod task;
mod timers;
pub mod tokens;
mod watched_store;

use std::{path::Path, sync::Arc};

pub use crate::{
    bucket::{Buckets, FolderBuckets},
    clock::{Clock, SystemClock, VirtualClock},
    engine::{Builder, Config, Description, Engine, Error, Filter, StartExecution},
    launch::{Launch, Launched, Origin, Qualifier},
    map_runs::{MapRunChild, MapRunDescription, MapRunUpdate},
    observe::Observer,
    store::{Expected, Put, Record, Store},
    task::{Task, TaskFailure, TaskHandler, Trace},
};

/// Opens the embedded store in a directory, creating it if it is missing; refuses a directory that another process
/// serves.
pub async fn open_sqlite(directory: &Path) -> Result<Arc<dyn Store>, store::Error> {
    let directory = directory.to_owned();
    let opened = tokio::task::spawn_blocking(move || store::sqlite::SqliteStore::open(&directory)).await;
    match opened {
        Ok(store) => store.map(|store| Arc::new(store) as Arc<dyn Store>),
        Err(error) => Err(store::Error::Unavailable {
            operation: "open the store".to_owned(),
            reason: error.to_string(),
        }),
    }
}

/// Opens the store in a PostgreSQL database, such as `postgres://shipway@db.internal/shipway`, creating its tables if they
/// are missing; refuses a database that another server serves.
pub async fn open_postgres(url: &str) -> Result<Arc<dyn Store>, store::Error> {
    Ok(Arc::new(store::postgres::PostgresStore::open(url).await?))
}

/// A store that keeps nothing over the process's end: for tests and dry runs.
pub fn memory_store() -> Arc<dyn Store> {
    Arc::new(store::memory::MemoryStore::default())
}
