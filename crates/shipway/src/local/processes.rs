//! Shipway's processes of a data directory, found by their command lines and work directories. Reads `/proc`.

use std::{
    ffi::{OsStr, OsString},
    fs,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::{
    io::Errno,
    process::{Pid, Signal, kill_process, test_kill_process},
};
use tokio::time::{Instant, sleep};

/// How often ending processes are looked at.
const LOOK: Duration = Duration::from_millis(10);

/// What a process does for a data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Keeps a group of a service's processes.
    Keeper,
    /// The proxy.
    Edge,
    /// Works there: a service's process, or one of its children.
    Service,
}

/// A process of a data directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its id.
    pub pid: u32,
    /// What it does.
    pub kind: Kind,
    /// Its command line.
    pub command: String,
}

/// All processes of a data directory but servers and this one.
pub fn of(data_dir: &Path) -> Vec<Found> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| *pid != std::process::id()).filter_map(|pid| inspect(pid, data_dir)).collect()
}

fn inspect(pid: u32, data_dir: &Path) -> Option<Found> {
    if is_over(pid) {
        return None;
    }
    let proc = PathBuf::from(format!("/proc/{pid}"));
    let arguments = arguments(&fs::read(proc.join("cmdline")).ok()?);
    let cwd = fs::read_link(proc.join("cwd")).ok();
    let kind = kind(&arguments, cwd.as_deref(), data_dir)?;
    if kind == Kind::Service && !is_marked(&proc) {
        // WHY: a person may stand in a service's directory, too.
        return None;
    }
    let words: Vec<_> = arguments.iter().map(|argument| argument.to_string_lossy()).collect();
    Some(Found { pid, kind, command: words.join(" ") })
}

/// Whether it carries the marks of a service's processes, which its children inherit.
fn is_marked(proc: &Path) -> bool {
    let environment = fs::read(proc.join("environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|variable| variable.starts_with(b"SHIPWAY_RELEASE_ID="))
}

fn arguments(cmdline: &[u8]) -> Vec<OsString> {
    let text = cmdline.strip_suffix(b"\0").unwrap_or(cmdline);
    text.split(|byte| *byte == 0).map(|argument| OsString::from_vec(argument.to_vec())).collect()
}

fn kind(arguments: &[OsString], cwd: Option<&Path>, data_dir: &Path) -> Option<Kind> {
    let is_below = |path: &OsStr| Path::new(path).starts_with(data_dir);
    match arguments {
        [_, verb, dir, ..] if verb == "keeper" && is_below(dir) => Some(Kind::Keeper),
        [_, verb, flag, dir, ..] if verb == "edge" && flag == "--data-dir" && Path::new(dir) == data_dir => {
            Some(Kind::Edge)
        }
        _ => cwd.filter(|cwd| cwd.starts_with(data_dir.join("groups"))).map(|_| Kind::Service),
    }
}

/// Whether a process runs: one that has ended and was not waited for does not.
pub fn is_alive(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists() && !is_over(pid)
}

fn is_over(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return true };
    // The name is in brackets and may hold anything; the state is the word after it.
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['Z', 'X']))
}

/// Whether it is there and belongs to another user, who alone may stop it.
pub fn is_foreign(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid) == Err(Errno::PERM))
}

/// Asks a process to end; false if it is not there or not ours.
pub fn terminate(pid: u32) -> bool {
    signal(pid, Signal::TERM)
}

/// Ends a process.
pub fn kill(pid: u32) -> bool {
    signal(pid, Signal::KILL)
}

fn signal(pid: u32, signal: Signal) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| kill_process(pid, signal).is_ok())
}

/// Waits until none of the processes runs; those that still do after the time.
pub async fn ended(mut pids: Vec<u32>, wait: Duration) -> Vec<u32> {
    let deadline = Instant::now() + wait;
    loop {
        pids.retain(|pid| is_alive(*pid));
        if pids.is_empty() || Instant::now() >= deadline {
            return pids;
        }
        sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_words(words: &str) -> Vec<OsString> {
        words.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn only_processes_of_the_directory_are_found() {
        let data = Path::new("/data/one");
        let cases = [
            ("shipway keeper /data/one/groups/a/b/c/d", None, Some(Kind::Keeper)),
            ("shipway keeper /data/one2/groups/a/b/c/d", None, None),
            ("shipway edge --data-dir /data/one", None, Some(Kind::Edge)),
            ("shipway edge --data-dir /data/two", None, None),
            ("python3 app.py", Some("/data/one/groups/a/b/c/d/app"), Some(Kind::Service)),
            ("vi /data/one/server.json", Some("/data/one"), None),
            ("vi", Some("/home"), None),
        ];
        for (words, cwd, expected) in cases {
            assert_eq!(kind(&of_words(words), cwd.map(Path::new), data), expected, "{words}");
        }
    }

    #[test]
    fn this_process_is_alive_and_ours() {
        assert!(is_alive(std::process::id()) && !is_foreign(std::process::id()));
        assert!(!is_alive(u32::MAX) && !is_foreign(u32::MAX));
    }
}
