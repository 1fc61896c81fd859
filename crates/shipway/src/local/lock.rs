//! `server.lock` in the data directory: held by its server for as long as it lives, however it ends.

use std::{
    fs::{self, File, TryLockError},
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::record;
use crate::{exit::Code, failure::Failure};

/// How long a server that is just ending is waited for, and how often it is looked at.
const WAIT: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(10);

fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("server.lock")
}

/// Whether a server holds the lock.
pub fn is_held(data_dir: &Path) -> bool {
    // WHY: shared, so that two who look do not take each other for a server; a server that comes meanwhile waits.
    let lock = File::open(path(data_dir));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// The process that holds the lock, if one does.
pub fn holder(data_dir: &Path) -> Option<u32> {
    let text = is_held(data_dir).then(|| fs::read_to_string(path(data_dir)).ok())??;
    text.trim().parse().ok()
}

/// Takes the lock for this process. One server per data directory; the system frees the lock however the server ends.
pub async fn take(data_dir: &Path) -> Result<File, Failure> {
    let path = path(data_dir);
    let failed = |error: std::io::Error| {
        Failure::of(format!("cannot write `{}`", path.display()), &error)
            .hint("the data directory must be writable; name another one with --data-dir or SHIPWAY_DATA_DIR")
    };
    let mut file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    let deadline = Instant::now() + WAIT;
    // WHY: one that serves already may just have been killed and is worth waiting for. One that is only starting now
    // will serve: who waited on would take its place when it is stopped on purpose.
    let is_starting = !serves(data_dir);
    loop {
        match file.try_lock() {
            Ok(()) => {
                let noted = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
                return noted.map(|()| file).map_err(failed);
            }
            Err(TryLockError::WouldBlock)
                if Instant::now() >= deadline || (is_starting && serves(data_dir)) =>
            {
                return Err(taken(data_dir));
            }
            Err(TryLockError::WouldBlock) => sleep(LOOK).await,
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
    }
}

/// Whether the lock's holder has said where it serves.
fn serves(data_dir: &Path) -> bool {
    let noted: Option<u32> =
        fs::read_to_string(path(data_dir)).ok().and_then(|text| text.trim().parse().ok());
    let running = record::read(data_dir).ok().flatten();
    running.is_some_and(|record| Some(record.pid) == noted)
}

fn taken(data_dir: &Path) -> Failure {
    let running = record::read(data_dir).ok().flatten();
    let place = running.map(|record| format!(" at {} (pid {})", record.url, record.pid)).unwrap_or_default();
    Failure::new(Code::Denied, format!("another server runs for `{}`{place}", data_dir.display()))
        .hint("use that one, or name another data directory with --data-dir")
}
