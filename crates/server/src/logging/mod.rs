//! Execution logging by machines' `loggingConfiguration`: every event that its level logs, as one JSON line in AWS's
//! form, in files of the log group, and from there on to a service that keeps log groups, if there is one.
//!
//! No line is lost and none is there twice, also over a crash: a mark in the store, written in the commit of an
//! execution's first event, says that it may have events that are not logged; it goes when the execution has ended and
//! its lines are on the disk. After a start, marked executions are compared with the lines that are there.

mod courier;
mod destination;
mod files;
mod level;
mod line;
mod read;
mod sink;
#[cfg(test)]
mod tests;
mod worker;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use shipway_engine::{Engine, Observer};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

pub use self::{
    courier::{Carrier, Line},
    destination::{Logging, group_name},
    files::Limits,
    level::Level,
    read::{Cursor, Found, Wanted},
};
use self::{
    courier::{Courier, Round},
    sink::Sink,
    worker::Worker,
};

/// The logs of executions under a directory.
#[derive(Clone, Debug)]
pub struct Logs {
    directory: PathBuf,
    limits: Limits,
}

/// What is to be run once the engine runs.
pub struct Writer {
    logs: Logs,
    sink: Arc<Sink>,
    queue: mpsc::Receiver<sink::Item>,
}

/// Logging under way.
pub struct Running {
    close: CancellationToken,
    worker: JoinHandle<()>,
    round: Option<Round>,
}

impl Logs {
    /// Logs in this directory, one directory below it for each log group.
    pub fn new(directory: &Path, limits: Limits) -> Self {
        Self { directory: directory.to_owned(), limits }
    }

    /// What the engine is to tell, and what writes it.
    pub fn observer(&self) -> (Arc<dyn Observer>, Writer) {
        self.bounded(sink::QUEUE_MAX, sink::BEHIND_MAX)
    }

    fn bounded(&self, queue_max: usize, behind_max: usize) -> (Arc<dyn Observer>, Writer) {
        let (sink, queue) = Sink::new(queue_max, behind_max);
        let sink = Arc::new(sink);
        (Arc::clone(&sink) as Arc<dyn Observer>, Writer { logs: self.clone(), sink, queue })
    }

    /// The last `most` lines of a group that are wanted; blocks.
    pub fn newest(&self, group: &str, wanted: &Wanted, most: usize) -> io::Result<Found> {
        read::newest(&self.place(group), wanted, most)
    }

    /// Wanted lines of a group after a cursor; blocks.
    pub fn after(&self, group: &str, wanted: &Wanted, cursor: Cursor, most: usize) -> io::Result<Found> {
        read::after(&self.place(group), wanted, cursor, most)
    }

    fn place(&self, group: &str) -> PathBuf {
        self.directory.join(destination::directory_name(group))
    }
}

impl Writer {
    /// Logs what the engine tells, beginning with what was not logged before it was started.
    ///
    /// With a `carrier`, lines are delivered there too once they are in the files.
    pub fn start(self, engine: Engine, carrier: Option<Arc<dyn Carrier>>) -> Running {
        let close = CancellationToken::new();
        let (courier, round) = carrier.map(Courier::start).unzip();
        let worker = Worker::new(self.logs, self.sink, engine, courier);
        let worker = tokio::spawn(worker.run(self.queue, close.clone()));
        Running { close, worker, round }
    }
}

impl Running {
    /// Writes what is waiting, and returns when it is on the disk.
    pub async fn finish(self) {
        self.close.cancel();
        if let Err(error) = self.worker.await {
            tracing::error!(%error, "execution logs ended early; what is missing is written after the next start");
        }
        if let Some(round) = self.round {
            round.finish().await;
        }
    }
}
