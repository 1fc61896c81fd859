//! Starts a server in the background, and waits until it answers.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use crate::{api::Api, context::Context, failure::Failure, local};

/// How long a new server may take to answer.
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// How long another server, started by somebody else at this moment, may still take.
const OTHER_TIMEOUT: Duration = Duration::from_secs(2);
/// How often a coming server is looked for.
const LOOK: Duration = Duration::from_millis(20);
/// Lines of its log that are shown when it does not come.
const LOG_LINES: usize = 12;
/// Bytes of its log that are read for that.
const LOG_BYTES: u64 = 16 * 1024;
/// Size from which the log is moved to `server.log.1` at the next start.
const LOG_BYTES_MAX: u64 = 10 * 1024 * 1024;

/// Bytes without which a server cannot begin: its store's first files.
const ROOM_BYTES: usize = 64 * 1024;

/// Starts a server for the data directory in the background.
pub async fn in_background(cx: &Context) -> Result<Api, Failure> {
    make_directory(&cx.data_dir)?;
    check_room(&cx.data_dir)?;
    let log = cx.data_dir.join("server.log");
    let (file, from) = open_log(&log).map_err(|error| unwritable(&log, &error))?;
    let mut child = spawn(cx, file)?;
    let deadline = Instant::now() + START_TIMEOUT;
    let mut until = deadline;
    let mut has_ended = false;
    loop {
        if let Ok(Some((api, record))) = local::living(cx).await {
            if record.pid != child.id() {
                // WHY: somebody else has started one at the same moment; ours would wait for its end.
                let _ = child.kill();
                let _ = child.wait();
            } else {
                let (url, pid, log) = (&record.url, record.pid, log.display());
                cx.out.say(&format!("started a server at {url} in the background (pid {pid}, log {log})"));
            }
            return Ok(api);
        }
        if !has_ended && matches!(child.try_wait(), Ok(Some(_))) {
            // WHY: perhaps it gave way to another one that is just coming up.
            has_ended = true;
            until = deadline.min(Instant::now() + OTHER_TIMEOUT);
            if !tail(&log, from).contains("another server") {
                break;
            }
        }
        if Instant::now() >= until {
            break;
        }
        sleep(LOOK).await;
    }
    Err(did_not_start(&log, from, has_ended))
}

/// Makes the data directory, for its owner only.
pub fn make_directory(data_dir: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(data_dir).map_err(|error| {
        Failure::of(format!("cannot make the data directory `{}`", data_dir.display()), &error)
            .hint("name another one with --data-dir or SHIPWAY_DATA_DIR")
    })
}

/// Writes what a new store takes and takes it back, so that a full disk is told before anything is half there.
pub fn check_room(data_dir: &Path) -> Result<(), Failure> {
    let write = || {
        let mut file = tempfile::tempfile_in(data_dir)?;
        file.write_all(&vec![0; ROOM_BYTES])?;
        file.sync_data()
    };
    write().map_err(|error| {
        Failure::of(format!("cannot write to the data directory `{}`", data_dir.display()), &error)
            .hint("it must be writable and have room; name another one with --data-dir or SHIPWAY_DATA_DIR")
    })
}

/// The log to append to, and where its new part begins.
fn open_log(path: &Path) -> std::io::Result<(File, u64)> {
    if fs::metadata(path).is_ok_and(|log| log.len() > LOG_BYTES_MAX) {
        fs::rename(path, path.with_extension("log.1"))?;
    }
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let from = file.metadata()?.len();
    Ok((file, from))
}

fn unwritable(log: &Path, error: &std::io::Error) -> Failure {
    Failure::of(format!("cannot write `{}`", log.display()), error)
        .hint("the data directory must be writable; name another one with --data-dir")
}

fn spawn(cx: &Context, log: File) -> Result<Child, Failure> {
    let exe = std::env::current_exe().map_err(|error| Failure::of("cannot find this program", &error))?;
    let mut command = Command::new(exe);
    command.arg("serve").arg("--background").arg("--data-dir").arg(&cx.data_dir);
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    command.spawn().map_err(|error| Failure::of("cannot start a server", &error))
}

fn did_not_start(log: &Path, from: u64, has_ended: bool) -> Failure {
    let what = if has_ended {
        "ended at its start".to_owned()
    } else {
        format!("does not answer after {} s", START_TIMEOUT.as_secs())
    };
    let mut message = format!("the server {what}; its log {} says:", log.display());
    for line in tail(log, from).lines() {
        message.push_str("\n  ");
        message.push_str(line);
    }
    Failure::failed(message).hint("shipway serve shows more")
}

/// The last lines that were written after `from`.
fn tail(log: &Path, from: u64) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(log)?;
        let start = from.max(file.metadata()?.len().saturating_sub(LOG_BYTES));
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.take(LOG_BYTES).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(LOG_LINES)..).unwrap_or_default().join("\n")
}
