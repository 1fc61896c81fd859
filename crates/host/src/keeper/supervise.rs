//! The keeper's loop: starts, reaps, starts again, and stops. One thread; the only waiting is here.

use std::{
    future::pending,
    io::{self, Write},
    os::fd::OwnedFd,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rustix::process::{WaitOptions, WaitStatus, wait};
use shipway_control::host::ProcessState;
use tokio::{
    io::AsyncReadExt,
    net::unix::pipe,
    signal::unix::{Signal, SignalKind, signal},
    task::JoinSet,
    time::{sleep, sleep_until, timeout},
};

use super::{
    Error, LINE_BYTES_MAX, READY,
    lines::Lines,
    log::Log,
    member::{Member, Output},
    sweep::kill_session,
};
use crate::{
    group::{GroupDir, Spec, State, not_started},
    process::{Identity, boot_id},
};

/// How soon a state that could not be written is tried again.
const WRITE_AGAIN: Duration = Duration::from_secs(1);

/// How often groups that were told to stop are looked at, besides at each end of a child.
const LOOK: Duration = Duration::from_millis(10);

/// Time for the last output to be read after all processes have ended.
const DRAIN: Duration = Duration::from_secs(1);

/// One group and all that belongs to it.
struct Keeper {
    dir: GroupDir,
    spec: Spec,
    boot_id: String,
    me: Identity,
    members: Vec<Member>,
    log: Arc<Mutex<Log>>,
    /// Reads the output of all processes that ever ran; two tasks each.
    readers: JoinSet<()>,
    is_written: bool,
}

/// Signals, caught from before the first process is started.
struct Signals {
    child: Signal,
    term: Signal,
    interrupt: Signal,
}

/// Keeps the group until SIGTERM.
pub(super) async fn supervise(dir: GroupDir) -> Result<(), Error> {
    let mut signals = Signals::catch().map_err(|error| Error::System("catch signals", error))?;
    let mut keeper = Keeper::new(dir)?;
    keeper.write_state().map_err(|source| keeper.cannot("write", source))?;
    keeper.start_due();
    keeper.save();
    // The host may have died meanwhile.
    let _ = io::stdout().write_all(READY).and_then(|()| io::stdout().flush());
    keeper.keep(&mut signals).await;
    keeper.stop(&mut signals).await;
    Ok(())
}

impl Signals {
    fn catch() -> io::Result<Self> {
        Ok(Self {
            child: signal(SignalKind::child())?,
            term: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }
}

impl Keeper {
    fn new(dir: GroupDir) -> Result<Self, Error> {
        let refused = |what, path| move |source| Error::Directory { what, path, source };
        let spec = dir
            .spec()
            .map_err(refused("read", dir.spec_path()))?
            .ok_or_else(|| refused("read", dir.spec_path())(io::ErrorKind::NotFound.into()))?;
        let before = dir.state().map_err(refused("read", dir.state_path()))?;
        let log = Log::open(&dir.logs()).map_err(refused("write", dir.logs()))?;
        let boot_id = boot_id().map_err(|error| Error::System("read the machine's boot id", error))?;
        let me = Identity::of(std::process::id())
            .ok_or_else(|| Error::System("find itself in /proc", io::ErrorKind::NotFound.into()))?;
        let members = (0..spec.start.processes).map(|index| member(&spec, before.as_ref(), index)).collect();
        let log = Arc::new(Mutex::new(log));
        Ok(Self { dir, spec, boot_id, me, members, log, readers: JoinSet::new(), is_written: false })
    }

    async fn keep(&mut self, signals: &mut Signals) {
        loop {
            let due = self.next_due();
            tokio::select! {
                _ = signals.term.recv() => return,
                _ = signals.interrupt.recv() => return,
                _ = signals.child.recv() => {}
                () = until(due) => {}
                // Forgets readers that are done.
                Some(_) = self.readers.join_next() => continue,
            }
            self.reap();
            self.start_due();
            self.save();
        }
    }

    fn next_due(&self) -> Option<Instant> {
        let again = (!self.is_written).then(|| Instant::now() + WRITE_AGAIN);
        self.members.iter().filter_map(Member::due).chain(again).min()
    }

    fn start_due(&mut self) {
        let now = Instant::now();
        for member in &mut self.members {
            if member.due().is_none_or(|due| due > now) {
                continue;
            }
            self.is_written = false;
            match member.start(&self.dir, &self.spec) {
                Ok(output) => read_output(&mut self.readers, &self.log, member.index(), output),
                Err(error) => note(&self.log, member.index(), &format!("cannot be started: {error}")),
            }
        }
    }

    /// Takes in all children that have ended: processes of the group, and orphans of theirs.
    fn reap(&mut self) {
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            self.ended(pid.as_raw_nonzero().get().unsigned_abs(), status);
        }
    }

    fn ended(&mut self, pid: u32, status: WaitStatus) {
        for member in &mut self.members {
            let Some(pause) = member.ended(pid, status) else { continue };
            self.is_written = false;
            let how = member.record().process.last_exit.clone().unwrap_or_default();
            let next = match pause {
                Some(pause) => {
                    format!("ended by itself: {how}; is started again in {} ms", pause.as_millis())
                }
                None => format!("stopped: {how}"),
            };
            note(&self.log, member.index(), &next);
        }
    }

    async fn stop(&mut self, signals: &mut Signals) {
        self.members.iter_mut().for_each(Member::stop);
        self.write_again();
        let deadline = Instant::now() + self.spec.start.stop_timeout.duration();
        while !self.members.iter().all(Member::is_gone) && Instant::now() < deadline {
            tokio::select! {
                _ = signals.child.recv() => {}
                () = sleep(LOOK.min(deadline.saturating_duration_since(Instant::now()))) => {}
            }
            self.reap();
        }
        self.kill_rest();
        self.reap();
        self.members.iter_mut().for_each(Member::stopped);
        let readers = async { while self.readers.join_next().await.is_some() {} };
        // What still holds a pipe is not ours any more.
        let _ = timeout(DRAIN, readers).await;
        self.write_again();
    }

    /// Also what has left its process group.
    fn kill_rest(&mut self) {
        let me = self.me.pid;
        let killed =
            kill_session(|stat| stat.identity.pid != me && (stat.session == me || stat.parent == me));
        match killed {
            Ok(0) => {}
            Ok(count) => {
                note(&self.log, 0, &format!("{count} processes killed that did not end when told to"))
            }
            Err(error) => note(&self.log, 0, &error.to_string()),
        }
    }

    fn write_again(&mut self) {
        self.is_written = false;
        self.save();
    }

    /// Tried again later if it fails: the processes matter more.
    fn save(&mut self) {
        if !self.is_written {
            self.is_written = self.write_state().is_ok();
        }
    }

    fn write_state(&self) -> io::Result<()> {
        let processes = self.members.iter().map(|member| member.record().clone()).collect();
        self.dir.set_state(&State { boot_id: self.boot_id.clone(), keeper: self.me, processes })
    }

    fn cannot(&self, what: &'static str, source: io::Error) -> Error {
        Error::Directory { what, path: self.dir.state_path(), source }
    }
}

/// A process whose counts go on from the keeper before, if there was one.
fn member(spec: &Spec, before: Option<&State>, index: u16) -> Member {
    let mut process = not_started(spec, index);
    let known = before.and_then(|state| state.processes.get(usize::from(index)));
    if let Some(known) = known {
        process.crashes = known.process.crashes;
        process.last_exit.clone_from(&known.process.last_exit);
    }
    debug_assert_eq!(process.state, ProcessState::Stopped);
    Member::new(process)
}

fn read_output(readers: &mut JoinSet<()>, log: &Arc<Mutex<Log>>, process: u16, output: Output) {
    for (stream, end) in [("stdout", output.stdout), ("stderr", output.stderr)] {
        readers.spawn(read_stream(Arc::clone(log), process, stream, end));
    }
}

/// Ends when nobody holds the other end of the pipe any more.
async fn read_stream(log: Arc<Mutex<Log>>, process: u16, stream: &'static str, end: OwnedFd) {
    let Ok(mut end) = pipe::Receiver::from_owned_fd(end) else { return };
    let mut lines = Lines::default();
    let mut buffer = vec![0; LINE_BYTES_MAX];
    while let Ok(count @ 1..) = end.read(&mut buffer).await {
        let whole = lines.feed(buffer.get(..count).unwrap_or_default());
        if !whole.is_empty() {
            locked(&log).write(process, stream, whole);
        }
    }
    if let Some(rest) = lines.end() {
        locked(&log).write(process, stream, vec![rest]);
    }
}

fn note(log: &Mutex<Log>, process: u16, text: &str) {
    locked(log).note(process, text);
}

fn locked(log: &Mutex<Log>) -> std::sync::MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due.into()).await,
        None => pending().await,
    }
}
