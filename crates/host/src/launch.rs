//! Starts keepers. A keeper is detached, and reaped by a thread of its own for as long as this process lives.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags},
    process::Signal,
};
use shipway_control::host::HostError;

use crate::{
    command,
    fault::{During, failure},
    group::{GroupDir, Lock},
    keeper::READY,
    process::{Identity, wait_readable},
};

/// Time for a keeper to start all processes.
pub(crate) const READY_TIMEOUT: Duration = Duration::from_secs(20);

/// How much of a keeper's last words is told.
const WORDS_BYTES_MAX: u64 = 2_000;

/// Starts the keeper of a group and gives it the group's lock; returns when it has started the processes.
pub(crate) fn launch(exe: &Path, dir: &GroupDir, lock: &Lock) -> Result<(), HostError> {
    let log = File::create(dir.keeper_log()).during("write", &dir.keeper_log())?;
    let lock = lock.share().during("lock", &dir.lock_path())?;
    let mut child = spawn(exe, dir, lock, log).during("start a keeper with", exe)?;
    let keeper = Identity::of(child.id());
    let stdout = child.stdout.take();
    reap(child).during("watch the keeper of", dir.path())?;
    match stdout.map_or(Ok(false), wait_ready) {
        Ok(true) => Ok(()),
        Ok(false) => Err(failure(format!("start a keeper for {}", dir.path().display()), last_words(dir))),
        Err(error) => {
            if let Some(keeper) = keeper {
                keeper.signal(Signal::KILL).during("kill the keeper of", dir.path())?;
                keeper.wait_end(READY_TIMEOUT).during("wait for the keeper of", dir.path())?;
            }
            Err(error).during("start a keeper for", dir.path())
        }
    }
}

/// With no more of the environment than its processes get: what it does not know it cannot tell.
fn spawn(exe: &Path, dir: &GroupDir, lock: File, log: File) -> io::Result<Child> {
    Command::new(exe)
        .arg("keeper")
        .arg(dir.path())
        .current_dir("/")
        .env_clear()
        .envs(command::base_environment())
        .stdin(lock)
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
}

/// The thread ends with the keeper.
fn reap(mut child: Child) -> io::Result<()> {
    let wait = move || {
        if let Err(error) = child.wait() {
            tracing::warn!(%error, "a keeper could not be reaped");
        }
    };
    std::thread::Builder::new().name("reap-keeper".to_owned()).stack_size(64 * 1024).spawn(wait)?;
    Ok(())
}

/// `false` if the keeper ended before it was ready.
fn wait_ready(mut stdout: ChildStdout) -> io::Result<bool> {
    let deadline = Instant::now() + READY_TIMEOUT;
    let mut said = Vec::new();
    while said.len() < READY.len() {
        let left = deadline.saturating_duration_since(Instant::now());
        if !wait_readable(&mut [PollFd::new(&stdout, PollFlags::IN)], left)? {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "it was not ready in time; is the machine overloaded?",
            ));
        }
        let mut buffer = [0; 64];
        match stdout.read(&mut buffer)? {
            0 => return Ok(false),
            count => said.extend_from_slice(buffer.get(..count).unwrap_or_default()),
        }
    }
    Ok(said == READY)
}

fn last_words(dir: &GroupDir) -> String {
    let mut text = String::new();
    let read = File::open(dir.keeper_log()).map(|log| log.take(WORDS_BYTES_MAX).read_to_string(&mut text));
    match read {
        Ok(Ok(_)) if !text.trim().is_empty() => text.trim().to_owned(),
        _ => format!("it ended at once; see {}", dir.keeper_log().display()),
    }
}

/// Takes away what a start that was cut short has left.
pub(crate) fn clear_app(dir: &GroupDir) -> io::Result<()> {
    for entry in fs::read_dir(dir.path())? {
        let entry = entry?;
        let name = entry.file_name();
        if name == "app" || name.to_string_lossy().starts_with(".unpack-") {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}
