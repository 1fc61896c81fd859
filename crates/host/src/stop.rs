//! Stops groups: through the keeper while it lives, and by hand what a killed keeper left. Kills nobody's process:
//! a process is ours if it is the one that was written down (pid and start), or if it is in the session of our
//! keeper and carries our marks.

use std::{fs, time::Duration};

use rustix::process::Signal;
use shipway_control::host::{GroupId, HostError};

use crate::{
    fault::{During, failure},
    group::{Claim, Desired, GroupDir, Lock, State, ended},
    keeper::kill_session,
    process::{Identity, Stat},
};

/// What a keeper needs beyond `stop_timeout`: to kill, to read the last output, to write its state.
const KEEPER_MARGIN: Duration = Duration::from_secs(15);

/// Tells the group to stop and returns at once: with the keeper that is stopping it, if one lives.
pub(crate) fn begin(dir: &GroupDir) -> Result<Option<Identity>, HostError> {
    let Some(mut spec) = dir.spec().during("read", &dir.spec_path())? else { return Ok(None) };
    if spec.desired == Desired::Running {
        spec.desired = Desired::Stopped;
        dir.set_spec(&spec).during("write", &dir.spec_path())?;
    }
    match dir.claim().during("find the keeper of", dir.path())? {
        Claim::Free(lock) => sweep(dir, &lock).map(|_| None),
        Claim::Kept(keeper) => {
            keeper.signal(Signal::TERM).during("signal the keeper of", dir.path())?;
            Ok(Some(keeper))
        }
    }
}

/// Returns when nothing of the group is left, with the group's lock.
pub(crate) fn finish(dir: &GroupDir, keeper: Identity) -> Result<Lock, HostError> {
    let stop_timeout = dir.spec().during("read", &dir.spec_path())?.map(|spec| spec.start.stop_timeout);
    let patience = stop_timeout.unwrap_or_default().duration() + KEEPER_MARGIN;
    if !keeper.wait_end(patience).during("wait for the keeper of", dir.path())? {
        keeper.signal(Signal::KILL).during("kill the keeper of", dir.path())?;
        keeper.wait_end(KEEPER_MARGIN).during("wait for the keeper of", dir.path())?;
    }
    match dir.claim().during("find the keeper of", dir.path())? {
        Claim::Free(lock) => sweep(dir, &lock).map(|_| lock),
        Claim::Kept(_) => Err(failure(format!("stop {}", dir.path().display()), "it has a keeper again")),
    }
}

/// Kills what a keeper left that is no more, and writes down that nothing runs; returns how many were killed. Whoever
/// calls has the lock.
pub(crate) fn sweep(dir: &GroupDir, _lock: &Lock) -> Result<usize, HostError> {
    let state = dir.state_of_this_boot().during("read", &dir.state_path())?;
    let Some(state) = state.filter(|state| !state.is_at_rest()) else { return Ok(0) };
    let id = dir.spec().during("read", &dir.spec_path())?.map(|spec| spec.start.group);
    let killed =
        kill_session(|stat| is_left_over(&state, id.as_ref(), stat)).during("clean up", dir.path())?;
    dir.set_state(&all_ended(state)).during("write", &dir.state_path())?;
    Ok(killed)
}

fn all_ended(mut state: State) -> State {
    for record in &mut state.processes {
        record.process = ended(record.process.clone());
        record.start = None;
    }
    state
}

/// Whether a process belongs to a keeper that is gone.
fn is_left_over(state: &State, id: Option<&GroupId>, stat: &Stat) -> bool {
    if state.processes.iter().any(|record| record.identity() == Some(stat.identity)) {
        return true;
    }
    let keeper = state.keeper;
    if stat.session != keeper.pid || stat.identity.start < keeper.start {
        return false;
    }
    // A session's number is given to nobody else while one of its processes lives: if somebody else has it, none does.
    if Identity::of(keeper.pid).is_some_and(|found| found != keeper) {
        return false;
    }
    let is_in_our_group = state.processes.iter().any(|record| record.process.pid == Some(stat.group));
    is_in_our_group || id.is_some_and(|id| has_our_marks(stat.identity.pid, id))
}

/// Whether the process was started with the variables that a keeper sets.
fn has_our_marks(pid: u32, id: &GroupId) -> bool {
    let Ok(environment) = fs::read(format!("/proc/{pid}/environ")) else { return false };
    let marks = [
        format!("SHIPWAY_PROJECT={}", id.project),
        format!("SHIPWAY_ENVIRONMENT={}", id.environment),
        format!("SHIPWAY_SERVICE={}", id.service),
        format!("SHIPWAY_RELEASE_ID={}", id.release_id),
    ];
    marks.iter().all(|mark| environment.split(|&byte| byte == 0).any(|entry| entry == mark.as_bytes()))
}

#[cfg(test)]
mod tests {
    use shipway_control::host::{Process, ProcessState};

    use super::*;
    use crate::group::Record;

    fn state(keeper: Identity, process: Identity) -> State {
        let process_of = Process {
            index: 0,
            pid: Some(process.pid),
            port: None,
            state: ProcessState::Running,
            crashes: 0,
            started_at: None,
            last_exit: None,
        };
        let record = Record { process: process_of, start: Some(process.start) };
        State { boot_id: String::new(), keeper, processes: vec![record] }
    }

    fn stat(identity: Identity, group: u32, session: u32) -> Stat {
        Stat { identity, is_dead: false, parent: 1, group, session }
    }

    #[test]
    fn a_stranger_is_never_taken_for_ours() {
        // No process has such a pid.
        let keeper = Identity { pid: 90_000_001, start: 100 };
        let ours = Identity { pid: 90_000_002, start: 101 };
        let state = state(keeper, ours);
        let check = |stat: Stat| is_left_over(&state, None, &stat);
        assert!(check(stat(ours, 1, 1)), "pid and start");
        assert!(!check(stat(Identity { start: 999, ..ours }, ours.pid, 1)), "our pid, another start");
        let grandchild = Identity { pid: 90_000_003, start: 102 };
        assert!(check(stat(grandchild, ours.pid, keeper.pid)), "our group in our session");
        assert!(!check(stat(grandchild, 5, keeper.pid)), "our session without our marks");
        assert!(
            !check(stat(Identity { start: 99, ..grandchild }, ours.pid, keeper.pid)),
            "older than the keeper"
        );
    }

    #[test]
    fn a_session_that_somebody_else_has_now_is_not_ours() {
        let me = Identity::of(std::process::id()).unwrap();
        let keeper = Identity { pid: me.pid, start: 0 };
        let ours = Identity { pid: 90_000_002, start: 1 };
        let theirs = stat(Identity { pid: 90_000_003, start: me.start }, ours.pid, me.pid);
        assert!(!is_left_over(&state(keeper, ours), None, &theirs));
    }
}
