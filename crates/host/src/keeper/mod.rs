//! The keeper: one small process per group that outlives the server, starts the group's processes, starts crashed
//! ones again, writes down what they say, and stops them. It is told what to do by `spec.json` and SIGTERM only, and
//! knows neither releases nor the edge.
//!
//! - Its lock on `keeper.lock` (given to it as stdin) says that the group is kept; the system frees it however the keeper ends.
//! - Each process has a process group of its own in the keeper's session, and dies with the keeper.
//! - Orphans of the processes become the keeper's children, so that none is lost and all are reaped.

mod back_off;
mod exec;
mod lines;
mod log;
mod member;
mod supervise;
mod sweep;

use std::{
    ffi::OsString,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use rustix::{fs::FlockOperation, io::Errno};

pub(crate) use self::lines::Lines;
pub(crate) use self::log::{FILES_MAX, LINE_BYTES_MAX, Log, file_name, file_number};
pub(crate) use self::sweep::kill_session;
use crate::group::GroupDir;

pub use exec::exec;

/// What a keeper says on stdout when it has started the processes.
pub(crate) const READY: &[u8] = b"ready\n";

/// Why a keeper cannot keep its group.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It was not started by the server.
    #[error("cannot get a session of its own; `shipway serve` starts keepers, people do not")]
    Session(#[source] io::Error),
    /// It was not given the group's lock.
    #[error("stdin is not {0}; `shipway serve` starts keepers, people do not")]
    NoLock(PathBuf),
    /// Another one keeps the group.
    #[error("another keeper holds {0}")]
    Kept(PathBuf),
    /// The group's directory cannot be used.
    #[error("cannot {what} {path}")]
    Directory {
        /// What was tried.
        what: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The machine refused something else.
    #[error("cannot {0}")]
    System(&'static str, #[source] io::Error),
}

/// Keeps the group of this directory until SIGTERM; returns when no process of it is left.
///
/// To be called by the main thread of a process that has no runtime yet: the processes die with that thread.
pub fn run(dir: &Path) -> Result<(), Error> {
    own_session()?;
    let dir = GroupDir::new(dir.to_path_buf());
    check_lock(&dir)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::System("start its runtime", error))?;
    runtime.block_on(supervise::supervise(dir))
}

/// Does what the hidden subcommands `keeper <group dir>` and `exec --parent <pid> -- <program> <arguments>` ask for, and
/// those of functions' processes; `None` if the arguments (the program's own name first) are for somebody else.
pub fn dispatch(arguments: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let arguments: Vec<OsString> = arguments.into_iter().skip(1).collect();
    match arguments.as_slice() {
        [verb, dir] if verb == "keeper" => Some(match run(Path::new(dir)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                complain(&error);
                ExitCode::FAILURE
            }
        }),
        [verb, flag, parent, dashes, program @ ..]
            if verb == "exec" && flag == "--parent" && dashes == "--" =>
        {
            let parent = parent.to_str()?.parse().ok()?;
            complain(&exec(parent, program));
            Some(ExitCode::from(127))
        }
        others => match crate::function::dispatch(others)? {
            Ok(()) => Some(ExitCode::SUCCESS),
            Err(error) => {
                complain(&error);
                Some(ExitCode::from(127))
            }
        },
    }
}

/// Writes to stderr: the keeper's log, or the log of the process that could not be started.
fn complain(error: &dyn std::error::Error) {
    let mut text = format!("shipway: {error}");
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    // There is nowhere else to say it.
    let _ = writeln!(io::stderr(), "{text}");
}

fn own_session() -> Result<(), Error> {
    rustix::process::setsid().map_err(|error| Error::Session(error.into()))?;
    let me = rustix::process::getpid();
    rustix::process::set_child_subreaper(Some(me))
        .map_err(|error| Error::System("become the parent of orphans", error.into()))
}

/// The lock comes as stdin, held already: from the host's decision to start a keeper until the keeper's end there is
/// no moment in which nobody has it. Children get another stdin, so they do not keep it.
fn check_lock(dir: &GroupDir) -> Result<(), Error> {
    let path = dir.lock_path();
    let refused = |error: Errno| Error::Directory { what: "lock", path: path.clone(), source: error.into() };
    let stdin = io::stdin();
    let given = rustix::fs::fstat(&stdin).map_err(refused)?;
    let lock = rustix::fs::stat(&path).map_err(refused)?;
    if (given.st_dev, given.st_ino) != (lock.st_dev, lock.st_ino) {
        return Err(Error::NoLock(path));
    }
    match rustix::fs::flock(&stdin, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(()),
        Err(Errno::WOULDBLOCK) => Err(Error::Kept(path)),
        Err(error) => Err(refused(error)),
    }
}
