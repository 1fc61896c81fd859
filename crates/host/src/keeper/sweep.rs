//! Kills what is left of a session or of a keeper's descent. Used by keepers on themselves and by the host on what
//! a killed keeper left; whoever calls has made sure that the session is ours.

use std::{
    io,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use crate::process::{Stat, living};

/// A process that is killed is gone within this time, unless the system itself is stuck.
const GONE_TIMEOUT: Duration = Duration::from_secs(10);

/// Kills processes that `is_ours` names until there are none; returns how many were killed.
pub(crate) fn kill_session(is_ours: impl Fn(&Stat) -> bool) -> io::Result<usize> {
    let deadline = Instant::now() + GONE_TIMEOUT;
    let mut killed = std::collections::BTreeSet::new();
    loop {
        let ours: Vec<Stat> = living()?.into_iter().filter(&is_ours).collect();
        if ours.is_empty() {
            return Ok(killed.len());
        }
        if Instant::now() >= deadline {
            let pids: Vec<String> = ours.iter().map(|stat| stat.identity.pid.to_string()).collect();
            let text = format!("process {} does not end after SIGKILL", pids.join(", "));
            return Err(io::Error::new(io::ErrorKind::TimedOut, text));
        }
        for stat in ours {
            if stat.identity.signal(Signal::KILL)? {
                killed.insert(stat.identity.pid);
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
