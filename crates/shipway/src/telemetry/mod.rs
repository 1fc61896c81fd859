//! Watching executions from outside: their logs in files, metrics, and spans. Wires; what each does is elsewhere.

mod environment;
mod export;
mod ids;
mod otlp;
mod settings;
mod spans;
#[cfg(test)]
mod tests;
mod tracer;

use std::{path::Path, sync::Arc};

use shipway_asl::Timestamp;
use shipway_engine::{Builder, Engine, Observer, Store, observe::WatchedStore};
use shipway_server::{
    logging::{Carrier, Logs, Running, Writer},
    metrics::Counts,
};

use self::tracer::{Tracer, Tracing};
pub use self::{environment::Variables, settings::Settings};
use crate::failure::Failure;

/// What is told of executions once the engine is built.
pub struct Telemetry {
    logs: Logs,
    writer: Writer,
    counts: Counts,
    tracer: Option<Tracer>,
    observers: Vec<Arc<dyn Observer>>,
}

/// What runs beside the engine and must end after it.
pub struct Watching {
    logs: Running,
    tracing: Option<Tracing>,
}

impl Telemetry {
    /// Nothing is written or sent yet.
    pub fn new(
        settings: &Settings,
        variables: &Variables,
        data_dir: &Path,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let logs = Logs::new(&data_dir.join("logs").join("executions"), settings.limits());
        let (observer, writer) = logs.observer();
        let counts = Counts::new(now);
        let executions = Arc::clone(&counts.executions) as Arc<dyn Observer>;
        let mut observers = vec![observer, executions];
        let mut tracer = None;
        if let Some(exporting) = variables.exporting()? {
            tracing::info!(url = exporting.url, "spans are sent");
            let (tap, made) = Tracer::new(exporting, settings.trace())?;
            observers.push(tap);
            tracer = Some(made);
        }
        Ok(Self { logs, writer, counts, tracer, observers })
    }

    /// Has the store tell of its commits.
    pub fn watch(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        Arc::new(WatchedStore::new(store, Arc::clone(&self.counts.commits) as _))
    }

    /// Has the engine tell what happens.
    pub fn observe(&self, builder: Builder) -> Builder {
        self.observers.iter().cloned().fold(builder, Builder::observer)
    }

    /// Logs of executions, for readers.
    pub fn logs(&self) -> Logs {
        self.logs.clone()
    }

    /// What is counted, for readers.
    pub fn counts(&self) -> Counts {
        self.counts.clone()
    }

    /// Begins to write and to send.
    ///
    /// With a `carrier`, execution logs are delivered there too.
    pub fn start(self, engine: &Engine, carrier: Option<Arc<dyn Carrier>>) -> Watching {
        let tracing = self.tracer.map(|tracer| tracer.start(engine.clone()));
        Watching { logs: self.writer.start(engine.clone(), carrier), tracing }
    }
}

impl Watching {
    /// Writes and sends what is waiting, once the engine has stopped.
    pub async fn finish(self) {
        self.logs.finish().await;
        if let Some(tracing) = self.tracing {
            tracing.finish().await;
        }
    }
}
