//! Processes as /proc shows them. A process is named by its pid and its start, so that a pid that was given to
//! somebody else is never taken for ours.

use std::{fs, io, time::Duration};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};
use serde::{Deserialize, Serialize};

/// One process of this boot of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// Process id.
    pub(crate) pid: u32,
    /// When it was started, in clock ticks since boot (`/proc/<pid>/stat` field 22).
    pub(crate) start: u64,
}

/// What `/proc/<pid>/stat` says, as far as it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) identity: Identity,
    pub(crate) is_dead: bool,
    pub(crate) parent: u32,
    pub(crate) group: u32,
    pub(crate) session: u32,
}

impl Identity {
    /// The process that has this pid now, dead but not yet reaped ones included.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        Stat::of(pid).map(|stat| stat.identity)
    }

    /// Whether this very process runs.
    pub(crate) fn is_alive(self) -> bool {
        Stat::of(self.pid).is_some_and(|stat| stat.identity == self && !stat.is_dead)
    }

    /// Signals this very process; `false` if it is gone.
    pub(crate) fn signal(self, signal: Signal) -> io::Result<bool> {
        let Some(pid) = to_pid(self.pid) else { return Ok(false) };
        // WHY: the descriptor pins the process, so the check after it cannot be about another one.
        let descriptor = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(descriptor) => descriptor,
            Err(Errno::SRCH) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        if !self.is_alive() {
            return Ok(false);
        }
        match pidfd_send_signal(&descriptor, signal) {
            Ok(()) => Ok(true),
            Err(Errno::SRCH) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until this very process has ended; `false` if it has not within the time.
    pub(crate) fn wait_end(self, timeout: Duration) -> io::Result<bool> {
        let Some(pid) = to_pid(self.pid) else { return Ok(true) };
        let descriptor = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(descriptor) => descriptor,
            Err(Errno::SRCH) => return Ok(true),
            Err(error) => return Err(error.into()),
        };
        if !self.is_alive() {
            return Ok(true);
        }
        wait_readable(&mut [PollFd::new(&descriptor, PollFlags::IN)], timeout)
    }
}

impl Stat {
    /// Reads it; `None` if there is no such process.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }
}

/// All living processes that can be seen.
pub(crate) fn living() -> io::Result<Vec<Stat>> {
    let names = fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    Ok(names.filter_map(Stat::of).filter(|stat| !stat.is_dead).collect())
}

/// Changes with each boot: pids and starts of another boot mean nothing.
pub(crate) fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

/// Waits until there is something to read or the other end is closed; `false` if not within the time.
pub(crate) fn wait_readable(descriptors: &mut [PollFd<'_>], timeout: Duration) -> io::Result<bool> {
    let timeout = Timespec::try_from(timeout).map_err(io::Error::other)?;
    loop {
        match poll(descriptors, Some(&timeout)) {
            // WHY: the time begins anew then; signals are rare and the deadline needs no precision.
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
            Ok(count) => return Ok(count > 0),
        }
    }
}

/// A process id as system calls take it.
pub(crate) fn to_pid(pid: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(pid).ok()?)
}

/// The name is in parentheses and may hold anything; what follows the last one is numbers.
fn parse_stat(text: &str) -> Option<Stat> {
    let (pid, rest) = text.split_once(' ')?;
    let (_, rest) = rest.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u32>().ok();
    Some(Stat {
        identity: Identity { pid: pid.parse().ok()?, start: fields.get(19)?.parse().ok()? },
        is_dead: matches!(*fields.first()?, "Z" | "X" | "x"),
        parent: number(1)?,
        group: number(2)?,
        session: number(3)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_forge_the_numbers() {
        let text = "7 (a) R 1 1 1 (x)) S 2 3 4 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 99 0 0";
        let stat = parse_stat(text).unwrap();
        assert_eq!(stat.identity, Identity { pid: 7, start: 99 });
        assert_eq!((stat.parent, stat.group, stat.session, stat.is_dead), (2, 3, 4, false));
        assert_eq!(parse_stat("7 (a) S 1 2"), None);
    }

    #[test]
    fn this_process_lives_and_a_namesake_does_not() {
        let me = Identity::of(std::process::id()).unwrap();
        assert!(me.is_alive());
        let namesake = Identity { start: me.start + 1, ..me };
        assert!(!namesake.is_alive());
        assert!(!namesake.signal(Signal::KILL).unwrap(), "a stranger is not signalled");
        assert!(living().unwrap().iter().any(|stat| stat.identity == me));
        assert!(!boot_id().unwrap().is_empty());
    }
}
