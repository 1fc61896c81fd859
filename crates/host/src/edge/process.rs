//! The edge as a process: takes its lock, serves its last table, listens on its socket, ends in order.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use shipway_engine::{Clock, SystemClock};
use tokio::{
    signal::unix::{SignalKind, signal},
    time,
};
use tokio_util::sync::CancellationToken;

use super::{Config, control, directory, lock, make_directory, socket_path, state::State, table};

/// How long a new edge waits for the one it replaces to give up its lock.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// Why an edge could not start.
#[derive(Debug, thiserror::Error)]
pub enum EdgeError {
    /// There is one already.
    #[error("another edge serves {}; there is one per data directory", .0.display())]
    Taken(PathBuf),
    /// A file, the socket or a signal could not be had.
    #[error("{operation}")]
    Io {
        /// What was tried, with the path.
        operation: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Runs the edge as this process: in a session of its own, until SIGTERM or SIGINT.
pub async fn run(config: Config) -> Result<(), EdgeError> {
    // A process that leads a group already has left its parent's terminal to whoever made it so.
    if let Err(error) = rustix::process::setsid() {
        tracing::debug!(%error, "no session of its own");
    }
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate()).map_err(io("listen for SIGTERM"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(io("listen for SIGINT"))?;
    let serving = serve(config, stop.clone());
    tokio::pin!(serving);
    tokio::select! {
        ended = &mut serving => return ended,
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    stop.cancel();
    serving.await
}

/// Serves until told to stop; then gives up its ports and its lock, lets requests in flight end, and returns.
pub async fn serve(config: Config, stop: CancellationToken) -> Result<(), EdgeError> {
    let directory = directory(&config.data_dir);
    make_directory(&directory).map_err(io(format!("make directory {}", directory.display())))?;
    let lock = take_lock(directory.join("lock")).await?;
    let epoch = u64::try_from(SystemClock.now().0).unwrap_or(0);
    let table = directory.join("table.json");
    let routes = table::load(&table).map_err(io(format!("read {}", table.display())))?;
    let state = Arc::new(State::new(epoch, config.limits.clone(), table));
    state.resume(routes, &stop).await;
    let socket = socket_path(&config.data_dir);
    let listener = control::bind(&socket).map_err(io(format!("listen on {}", socket.display())))?;
    tracing::info!(socket = %socket.display(), pid = std::process::id(), "edge serves");
    control::serve(listener, Arc::clone(&state), stop).await;
    state.close_ports().await;
    drop(lock);
    drain(&state, config.limits.drain_max).await;
    Ok(())
}

async fn drain(state: &State, drain_max: Duration) {
    state.cx.probing.cancel();
    let tasks = &state.cx.tasks;
    tasks.close();
    if time::timeout(drain_max, tasks.wait()).await.is_err() {
        tracing::warn!(left = tasks.len(), "requests in flight did not end in time");
    }
}

async fn take_lock(path: PathBuf) -> Result<lock::Lock, EdgeError> {
    let deadline = time::Instant::now() + LOCK_WAIT;
    loop {
        let taken = lock::take(&path).map_err(io(format!("lock {}", path.display())))?;
        match taken {
            Some(lock) => return Ok(lock),
            None if time::Instant::now() >= deadline => return Err(EdgeError::Taken(path)),
            None => time::sleep(Duration::from_millis(5)).await,
        }
    }
}

fn io(operation: impl Into<String>) -> impl FnOnce(io::Error) -> EdgeError {
    let operation = operation.into();
    move |source| EdgeError::Io { operation, source }
}
