//! Sees to it that an edge runs: starts one where there is none, and again when it dies. Never ends a living one,
//! except one of another version, which is replaced.

use std::{
    ffi::OsString,
    fs::OpenOptions,
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{
    process::{Child, Command},
    time::{self, Instant},
};
use tokio_util::sync::CancellationToken;

use super::{
    client::Link,
    directory, lock, make_directory, socket_path,
    wire::{Answer, Fault, Outcome, Verb},
};

/// Pauses before an edge that died is started again.
const BACK_OFF_MIN: Duration = Duration::from_millis(250);
const BACK_OFF_MAX: Duration = Duration::from_secs(10);

/// An edge that lived this long did not die of its start.
const LIVED_WELL: Duration = Duration::from_secs(30);

/// Time for an edge to answer, and for a new one to come up.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an edge may hold its lock without answering before somebody is told.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a coming edge is looked for.
const LOOK: Duration = Duration::from_millis(20);

/// Size from which the log is moved to `edge.log.1` at the next start.
const LOG_BYTES_MAX: u64 = 10 * 1024 * 1024;

/// How to start an edge.
#[derive(Clone, Debug)]
pub struct WatchConfig {
    /// Shipway's binary.
    pub exe: PathBuf,
    /// All of its arguments.
    pub args: Vec<OsString>,
    /// The data directory that it serves.
    pub data_dir: PathBuf,
}

impl WatchConfig {
    /// Starts `<exe> edge --data-dir <data_dir>`.
    pub fn new(exe: impl Into<PathBuf>, data_dir: impl Into<PathBuf>) -> Self {
        let data_dir = data_dir.into();
        let args = vec!["edge".into(), "--data-dir".into(), data_dir.clone().into_os_string()];
        Self { exe: exe.into(), args, data_dir }
    }
}

/// How the edge was found.
#[derive(Debug)]
enum Found {
    Living(Link),
    /// Answers in another version of the protocol.
    Foreign(Link, String),
    /// Has the lock, and does not answer.
    Silent,
    Nobody,
}

/// Watches until told to stop; the edge lives on.
pub async fn watch(config: WatchConfig, stop: CancellationToken) {
    // Cancelling between two steps is safe: the edge is a process of its own.
    let _ = stop.run_until_cancelled(keep(&config)).await;
}

async fn keep(config: &WatchConfig) {
    let mut back_off = BACK_OFF_MIN;
    let mut silent_since: Option<Instant> = None;
    loop {
        let found = find(&config.data_dir).await;
        silent_since = silent_since.filter(|_| matches!(found, Found::Silent));
        match found {
            Found::Living(mut link) => {
                let since = Instant::now();
                link.closed().await;
                tracing::warn!(data_dir = %config.data_dir.display(), "edge has ended; starting it again");
                if since.elapsed() >= LIVED_WELL {
                    back_off = BACK_OFF_MIN;
                } else {
                    pause(&mut back_off).await;
                }
            }
            Found::Foreign(mut link, reason) => {
                tracing::warn!(reason, "edge is of another version; replacing it");
                // It may end before it has replied.
                let _ = time::timeout(ANSWER_TIMEOUT, link.call(Verb::Stop)).await;
            }
            Found::Silent => {
                let since = *silent_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= SILENCE_TIMEOUT {
                    silent_since = Some(Instant::now());
                    tracing::error!("edge holds its lock and does not answer; its pid is in `edge/lock`");
                }
            }
            Found::Nobody => {
                if !start_and_await(config).await {
                    pause(&mut back_off).await;
                }
            }
        }
        time::sleep(LOOK).await;
    }
}

async fn pause(back_off: &mut Duration) {
    time::sleep(*back_off).await;
    *back_off = back_off.saturating_mul(2).min(BACK_OFF_MAX);
}

async fn find(data_dir: &Path) -> Found {
    let asking = async {
        let mut link = Link::open(&socket_path(data_dir)).await?;
        let outcome = link.call(Verb::Hello).await?;
        Ok::<_, io::Error>((link, outcome))
    };
    match time::timeout(ANSWER_TIMEOUT, asking).await {
        Ok(Ok((link, Outcome::Ok(Answer::Hello { .. })))) => Found::Living(link),
        Ok(Ok((link, Outcome::Error(Fault::Protocol { reason })))) => Found::Foreign(link, reason),
        Ok(Ok((link, outcome))) => Found::Foreign(link, format!("{outcome:?}")),
        Ok(Err(_)) | Err(_) if lock::is_held(&directory(data_dir).join("lock")) => Found::Silent,
        Ok(Err(_)) | Err(_) => Found::Nobody,
    }
}

/// Starts an edge and waits until it holds its lock; whether it does.
async fn start_and_await(config: &WatchConfig) -> bool {
    let mut child = match start(config) {
        Ok(child) => child,
        Err(error) => {
            tracing::error!(exe = %config.exe.display(), %error, "edge cannot be started");
            return false;
        }
    };
    let lock = directory(&config.data_dir).join("lock");
    let deadline = Instant::now() + ANSWER_TIMEOUT;
    while Instant::now() < deadline {
        if lock::is_held(&lock) {
            // The runtime reaps it when it ends.
            return true;
        }
        if let Ok(Some(status)) = child.try_wait() {
            tracing::error!(%status, "edge ended at its start; see `edge/edge.log`");
            return false;
        }
        time::sleep(LOOK).await;
    }
    false
}

fn start(config: &WatchConfig) -> io::Result<Child> {
    let directory = directory(&config.data_dir);
    make_directory(&directory)?;
    let log = directory.join("edge.log");
    if std::fs::metadata(&log).is_ok_and(|log| log.len() > LOG_BYTES_MAX) {
        std::fs::rename(&log, directory.join("edge.log.1"))?;
    }
    let log = OpenOptions::new().create(true).append(true).open(&log)?;
    Command::new(&config.exe)
        .args(&config.args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .kill_on_drop(false)
        .spawn()
}
