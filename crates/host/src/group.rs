//! What is on disk for one group: what was asked for (`spec.json`), how it stands (`state.json`), and who keeps it
//! (`keeper.lock`). Starts and stops nothing.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use shipway_control::host::{Group, Process, ProcessState, StartGroup};

use crate::{
    file,
    process::{Identity, boot_id},
};

/// How long a keeper that has its lock may take to write down who it is.
const CLAIM_TIMEOUT: Duration = Duration::from_secs(5);

/// The directory of one group.
#[derive(Clone, Debug)]
pub(crate) struct GroupDir {
    path: PathBuf,
}

/// What a group is to be. Written by the host only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spec {
    /// Whether it should run.
    pub(crate) desired: Desired,
    /// The port of each process; none if the service needs none.
    pub(crate) ports: Vec<u16>,
    /// Whether the ports are others than before, and the edge has not been told yet.
    pub(crate) has_moved: bool,
    /// What was asked for.
    pub(crate) start: StartGroup,
}

/// Whether a group should run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Desired {
    Running,
    Stopped,
}

/// How a group stands. Written by its keeper, or by the host after the keeper has died.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    /// The boot of the machine that pids belong to.
    pub(crate) boot_id: String,
    /// Who keeps it; its pid is the session of all its processes.
    pub(crate) keeper: Identity,
    /// By index.
    pub(crate) processes: Vec<Record>,
}

/// One process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// As people see it.
    #[serde(flatten)]
    pub(crate) process: Process,
    /// When it was started, in clock ticks since boot.
    pub(crate) start: Option<u64>,
}

/// Who keeps a group.
#[derive(Debug)]
pub(crate) enum Claim {
    /// Nobody; whoever asked has the lock now.
    Free(Lock),
    /// A living keeper.
    Kept(Identity),
}

/// The lock of a group, held until it is dropped, by whoever has a copy of the file.
#[derive(Debug)]
pub(crate) struct Lock(File);

impl Lock {
    /// A copy to give to a keeper: there is no moment in which neither has the lock.
    pub(crate) fn share(&self) -> io::Result<File> {
        self.0.try_clone()
    }
}

impl Record {
    /// The process, while it runs.
    pub(crate) fn identity(&self) -> Option<Identity> {
        Some(Identity { pid: self.process.pid?, start: self.start? })
    }
}

impl State {
    /// Whether its keeper ended in order, or somebody has cleaned up after it.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.processes.iter().all(|record| record.process.state == ProcessState::Stopped)
    }
}

impl Spec {
    /// The port of one process.
    pub(crate) fn port(&self, index: u16) -> Option<u16> {
        self.ports.get(usize::from(index)).copied()
    }
}

impl GroupDir {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The unpacked artifact.
    pub(crate) fn app(&self) -> PathBuf {
        self.path.join("app")
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.path.join("logs")
    }

    /// What the keeper itself has to say.
    pub(crate) fn keeper_log(&self) -> PathBuf {
        self.path.join("keeper.log")
    }

    pub(crate) fn spec_path(&self) -> PathBuf {
        self.path.join("spec.json")
    }

    pub(crate) fn state_path(&self) -> PathBuf {
        self.path.join("state.json")
    }

    pub(crate) fn lock_path(&self) -> PathBuf {
        self.path.join("keeper.lock")
    }

    pub(crate) fn spec(&self) -> io::Result<Option<Spec>> {
        file::read_json(&self.spec_path())
    }

    /// On disk when this returns: after a crash of the machine it decides what is started again.
    pub(crate) fn set_spec(&self, spec: &Spec) -> io::Result<()> {
        file::replace_durably(&self.spec_path(), &file::to_json(spec)?)
    }

    /// `None` also if it is damaged, as it may be after the machine lost power: nothing of it holds any more then.
    pub(crate) fn state(&self) -> io::Result<Option<State>> {
        match file::read_json(&self.state_path()) {
            Err(error)
                if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) =>
            {
                Ok(None)
            }
            other => other,
        }
    }

    /// The state, if its pids are of this boot.
    pub(crate) fn state_of_this_boot(&self) -> io::Result<Option<State>> {
        let boot_id = boot_id()?;
        Ok(self.state()?.filter(|state| state.boot_id == boot_id))
    }

    pub(crate) fn set_state(&self, state: &State) -> io::Result<()> {
        file::replace(&self.state_path(), &file::to_json(state)?)
    }

    /// Finds out who keeps the group, and takes its lock if nobody does.
    ///
    /// Somebody who only looks holds the lock for a moment, and a keeper that has just been started has not written
    /// down who it is: both are waited for.
    pub(crate) fn claim(&self) -> io::Result<Claim> {
        let path = self.lock_path();
        let lock = File::options().create(true).truncate(false).read(true).write(true).open(path)?;
        let deadline = Instant::now() + CLAIM_TIMEOUT;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Claim::Free(Lock(lock))),
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) => {}
            }
            let keeper = self.state_of_this_boot()?.map(|state| state.keeper);
            if let Some(keeper) = keeper.filter(|keeper| keeper.is_alive()) {
                return Ok(Claim::Kept(keeper));
            }
            if Instant::now() >= deadline {
                let text = "its lock is held, and the holder has not written down who it is";
                return Err(io::Error::new(io::ErrorKind::TimedOut, text));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Whether the lock is held. Only to look: it may change at once.
    pub(crate) fn is_kept(&self) -> io::Result<bool> {
        let lock = match File::open(self.lock_path()) {
            Ok(lock) => lock,
            Err(error) if file::is_absent(&error) => return Ok(false),
            Err(error) => return Err(error),
        };
        // WHY: shared, so that two who look do not take each other for a keeper.
        match lock.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// The group as the port shows it; `None` if there is none.
    pub(crate) fn view(&self) -> io::Result<Option<Group>> {
        let Some(spec) = self.spec()? else { return Ok(None) };
        let is_kept = self.is_kept()?;
        let state = if is_kept { self.state_of_this_boot()? } else { self.state()? };
        let processes = match state {
            Some(state) if is_kept => state.processes.into_iter().map(|record| record.process).collect(),
            Some(state) => state.processes.into_iter().map(|record| ended(record.process)).collect(),
            None => (0..spec.start.processes).map(|index| not_started(&spec, index)).collect(),
        };
        Ok(Some(Group { id: spec.start.group, version: spec.start.version, processes }))
    }

    /// Takes everything of the group off the disk.
    pub(crate) fn remove(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.path) {
            Err(error) if !file::is_absent(&error) => Err(error),
            _ => Ok(()),
        }
    }
}

/// A process whose keeper is gone, whatever the keeper wrote last.
pub(crate) fn ended(process: Process) -> Process {
    let was_running = process.pid.is_some();
    let last_exit = if was_running { Some("ended with its keeper".to_owned()) } else { process.last_exit };
    Process { pid: None, state: ProcessState::Stopped, started_at: None, last_exit, ..process }
}

/// A process that no keeper has written about yet.
pub(crate) fn not_started(spec: &Spec, index: u16) -> Process {
    Process {
        index,
        pid: None,
        port: spec.port(index),
        state: ProcessState::Stopped,
        crashes: 0,
        started_at: None,
        last_exit: None,
    }
}
