//! Kills what functions' processes have started when the server is gone. The processes themselves die with the server; what
//! they have started would not. One small process beside the server, which is told what lives over a pipe and acts when
//! that ends.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Mutex, PoisonError},
};

use super::spawn::MARK;
use crate::{
    command,
    keeper::kill_session,
    process::{Identity, Stat},
};

/// Letters of a process's id.
const ID_CHARS: usize = 16;

/// The server's side.
pub(super) struct Guard {
    exe: PathBuf,
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    living: BTreeMap<String, Identity>,
    process: Option<Process>,
}

struct Process {
    child: Child,
    pipe: ChildStdin,
}

impl Drop for Process {
    /// WHY: killed, since what it would do when the pipe ends has been done by then.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Guard {
    /// Starts nothing: there is a process from the first function's process on.
    pub(super) fn new(exe: &Path) -> Self {
        Self { exe: exe.to_path_buf(), told: Mutex::default() }
    }

    /// A process lives from here on.
    pub(super) fn watch(&self, id: &str, leader: Identity) -> io::Result<()> {
        self.tell(&line(id, leader), |living| living.insert(id.to_owned(), leader))
    }

    /// Nothing is left of it.
    pub(super) fn forget(&self, id: &str) -> io::Result<()> {
        self.tell(&format!("-{id}\n"), |living| living.remove(id))
    }

    fn tell(
        &self,
        line: &str,
        change: impl FnOnce(&mut BTreeMap<String, Identity>) -> Option<Identity>,
    ) -> io::Result<()> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut told.living);
        let is_told =
            told.process.as_mut().is_some_and(|process| process.pipe.write_all(line.as_bytes()).is_ok());
        if is_told || (told.process.is_none() && told.living.is_empty()) {
            return Ok(());
        }
        // There is none yet, or somebody killed it.
        let mut process = start(&self.exe)?;
        let all: String = told.living.iter().map(|(id, leader)| self::line(id, *leader)).collect();
        process.pipe.write_all(all.as_bytes())?;
        told.process = Some(process);
        Ok(())
    }
}

fn line(id: &str, leader: Identity) -> String {
    format!("+{id} {} {}\n", leader.pid, leader.start)
}

fn start(exe: &Path) -> io::Result<Process> {
    let mut child = Command::new(exe)
        .arg("function-guard")
        .current_dir("/")
        .env_clear()
        .envs(command::base_environment())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let pipe = child.stdin.take().ok_or_else(|| io::Error::other("the guard has no input"))?;
    Ok(Process { child, pipe })
}

/// The guard: reads what lives until the server is gone, then kills it.
pub(super) fn run() -> io::Result<()> {
    // WHY: Ctrl-C at the server's terminal is not for it.
    rustix::process::setsid()?;
    let mut living = BTreeMap::new();
    for line in BufReader::new(io::stdin()).lines() {
        match read(&line?) {
            Some((id, Some(leader))) => drop(living.insert(id, leader)),
            Some((id, None)) => drop(living.remove(&id)),
            None => {}
        }
    }
    living.into_iter().try_for_each(|(id, leader)| sweep(&id, leader).map(|_| ()))
}

fn read(line: &str) -> Option<(String, Option<Identity>)> {
    if let Some(id) = line.strip_prefix('-') {
        return Some((id.to_owned(), None));
    }
    let mut parts = line.strip_prefix('+')?.split(' ');
    let (id, pid, start) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    (id.len() == ID_CHARS).then(|| (id.to_owned(), Some(Identity { pid, start })))
}

/// Kills everything that belongs to a process: it, its session, and what carries its mark. Returns how many were killed.
pub(super) fn sweep(id: &str, leader: Identity) -> io::Result<usize> {
    let mark = format!("{MARK}={id}");
    // WHY: a session's number may be somebody else's by now, if its leader is not the one that we started.
    let is_session_ours = Identity::of(leader.pid).is_none_or(|found| found == leader);
    kill_session(|stat: &Stat| {
        stat.identity == leader
            || (stat.identity.start >= leader.start
                && ((is_session_ours && stat.session == leader.pid) || is_marked(stat.identity.pid, &mark)))
    })
}

fn is_marked(pid: u32, mark: &str) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|&byte| byte == 0).any(|entry| entry == mark.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_is_read() {
        let leader = Identity { pid: 7, start: 9 };
        let id = "0123456789abcdef";
        assert_eq!(read(line(id, leader).trim_end()), Some((id.to_owned(), Some(leader))));
        assert_eq!(read(&format!("-{id}")), Some((id.to_owned(), None)));
        for garbage in ["", "+", "+a 1 2", "+0123456789abcdef x 2", "?"] {
            assert_eq!(read(garbage), None, "{garbage}");
        }
    }
}
