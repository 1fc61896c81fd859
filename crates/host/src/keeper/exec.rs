//! The trampoline between keeper and process: ties the process's life to the keeper's, then becomes the program.

use std::{ffi::OsString, io, os::unix::process::CommandExt, process::Command};

use rustix::process::{Signal, getppid, set_parent_process_death_signal};

use crate::process::to_pid;

/// Becomes `program` (with its arguments), to be killed when the process `parent` ends. Returns only if it cannot.
pub fn exec(parent: u32, program: &[OsString]) -> io::Error {
    let Some((name, arguments)) = program.split_first() else {
        return io::Error::new(io::ErrorKind::InvalidInput, "no program to become");
    };
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return error.into();
    }
    // WHY: a parent that ended before the line above sends no signal any more.
    if getppid() != to_pid(parent) {
        return io::Error::other("the keeper has ended");
    }
    let error = Command::new(name).args(arguments).exec();
    io::Error::new(error.kind(), format!("cannot run `{}`: {error}", name.display()))
}
