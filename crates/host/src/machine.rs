//! Starting, stopping and finding groups, one call after the other: whoever calls holds the group's lock and has
//! passed the fence. Blocks its thread.

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use shipway_control::{
    Millis,
    host::{Group, GroupId, HostError, ProcessState, StartGroup},
};

use crate::{
    artifact,
    fault::{During, bad_release, failure},
    file,
    group::{Claim, Desired, GroupDir, Lock, Spec},
    launch::{READY_TIMEOUT, clear_app, launch},
    layout::Layout,
    ports, stop,
};

/// This machine, as far as processes go.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) layout: Layout,
    /// Shipway's binary, from which keepers are made.
    pub(crate) exe: PathBuf,
    /// Held from choosing ports until they are written down.
    pub(crate) promising: Mutex<()>,
}

/// What [`Machine::revive`] did.
pub(crate) struct Revived {
    /// The group, if it runs on other ports than before.
    pub(crate) moved: Option<Group>,
    /// For people.
    pub(crate) report: String,
}

/// Who tells the edge where a group is.
#[derive(Clone, Copy)]
enum Router {
    /// Whoever starts it.
    Caller,
    /// The host itself, for a group that is routed to already.
    Host,
}

impl Machine {
    /// Starts a group; does nothing if it runs.
    pub(crate) fn start(&self, start: &StartGroup) -> Result<Group, HostError> {
        vet(start)?;
        let dir = self.layout.group(&start.group)?;
        file::make_directory(dir.path()).during("create", dir.path())?;
        let claim = dir.claim().during("find the keeper of", dir.path())?;
        let spec = dir.spec().during("read", &dir.spec_path())?;
        let lock = match claim {
            Claim::Free(lock) => lock,
            Claim::Kept(keeper) => match &spec {
                Some(spec) if spec.desired == Desired::Running && spec.start == *start => {
                    return started(&dir);
                }
                Some(spec) if spec.desired == Desired::Running => return Err(differs(start)),
                Some(_) | None => {
                    stop::begin(&dir)?;
                    stop::finish(&dir, keeper)?
                }
            },
        };
        stop::sweep(&dir, &lock)?;
        forget_state(&dir)?;
        let ports = spec.map(|spec| spec.ports).unwrap_or_default();
        let fresh = Spec { desired: Desired::Running, ports, has_moved: false, start: start.clone() };
        self.launch(&dir, &lock, &fresh, Router::Caller).inspect_err(|_| withdraw(&dir))?;
        view(&dir)
    }

    /// Starts again what should run and does not, and stops what should not run and does; `None` if all is well.
    pub(crate) fn revive(&self, dir: &GroupDir) -> Result<Option<Revived>, HostError> {
        let claim = dir.claim().during("find the keeper of", dir.path())?;
        let Some(spec) = dir.spec().during("read", &dir.spec_path())? else { return Ok(None) };
        let id = &spec.start.group;
        let report = match (spec.desired, claim) {
            (Desired::Running, Claim::Kept(_)) if spec.has_moved => {
                format!("{id}: runs on other ports than before")
            }
            (Desired::Running, Claim::Kept(_)) => return Ok(None),
            (Desired::Running, Claim::Free(lock)) => {
                let killed = stop::sweep(dir, &lock)?;
                self.launch(dir, &lock, &spec, Router::Host)?;
                format!("{id}: started again, its keeper had ended{}", left_over(killed))
            }
            (Desired::Stopped, Claim::Kept(keeper)) => {
                stop::begin(dir)?;
                stop::finish(dir, keeper)?;
                format!("{id}: stopped, as it had been told to")
            }
            (Desired::Stopped, Claim::Free(lock)) => match stop::sweep(dir, &lock)? {
                0 => return Ok(None),
                killed => format!("{id}: cleaned up{}", left_over(killed)),
            },
        };
        let has_moved = dir.spec().during("read", &dir.spec_path())?.is_some_and(|spec| spec.has_moved);
        let moved = if has_moved { Some(view(dir)?) } else { None };
        Ok(Some(Revived { moved, report }))
    }

    /// The edge knows where the group is.
    pub(crate) fn settle(&self, id: &GroupId) -> Result<(), HostError> {
        let dir = self.layout.group(id)?;
        match dir.spec().during("read", &dir.spec_path())? {
            Some(spec) if spec.has_moved => {
                dir.set_spec(&Spec { has_moved: false, ..spec }).during("write", &dir.spec_path())
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The group as it stands.
    pub(crate) fn find(&self, id: &GroupId) -> Result<Group, HostError> {
        let dir = self.layout.group(id)?;
        let found = dir.view().during("read", dir.path())?;
        found.ok_or_else(|| failure(format!("find group {id}"), "there is no such group on this machine"))
    }

    /// All groups of a project and environment.
    pub(crate) fn groups(&self, project: &str, environment: &str) -> Result<Vec<Group>, HostError> {
        let mut groups = Vec::new();
        for dir in self.layout.groups_of(project, environment)? {
            groups.extend(dir.view().during("read", dir.path())?);
        }
        Ok(groups)
    }

    fn launch(&self, dir: &GroupDir, lock: &Lock, wanted: &Spec, router: Router) -> Result<(), HostError> {
        let sha256 = &wanted.start.artifact_sha256;
        let artifact = artifact::open(&self.layout, sha256)?;
        clear_app(dir).during("clean up", dir.path())?;
        artifact::unpack(artifact, sha256, &dir.app())?;
        self.promise(dir, wanted, router)?;
        launch(&self.exe, dir, lock)
    }

    /// Chooses ports and writes down what the group is to be, before anything of it runs.
    fn promise(&self, dir: &GroupDir, wanted: &Spec, router: Router) -> Result<(), HostError> {
        let _promising = self.promising.lock().unwrap_or_else(PoisonError::into_inner);
        let count = if wanted.start.needs_port { wanted.start.processes } else { 0 };
        let taken = self.promised_to_others(dir)?;
        let ports = ports::choose(count, &wanted.ports, &taken)
            .map_err(|error| failure("choose a port on 127.0.0.1", format!("{error}; none may be left")))?;
        let has_moved = match router {
            Router::Caller => false,
            Router::Host => wanted.has_moved || ports != wanted.ports,
        };
        let spec = Spec { desired: Desired::Running, ports, has_moved, start: wanted.start.clone() };
        dir.set_spec(&spec).during("write", &dir.spec_path())
    }

    fn promised_to_others(&self, dir: &GroupDir) -> Result<BTreeSet<u16>, HostError> {
        let mut taken = BTreeSet::new();
        for other in self.layout.all_groups()?.iter().filter(|other| other.path() != dir.path()) {
            let spec = other.spec().during("read", &other.spec_path())?;
            let promises = spec.filter(|spec| spec.desired == Desired::Running);
            taken.extend(promises.into_iter().flat_map(|spec| spec.ports));
        }
        Ok(taken)
    }
}

/// What could not be started is not to be started later by itself.
fn withdraw(dir: &GroupDir) {
    let withdrawn = dir.spec().and_then(|spec| match spec {
        Some(spec) => dir.set_spec(&Spec { desired: Desired::Stopped, ..spec }),
        None => Ok(()),
    });
    if let Err(error) = withdrawn {
        tracing::warn!(path = %dir.path().display(), %error, "a group that could not be started stays wanted");
    }
}

/// A group that is kept; its keeper may have been started a moment ago by a server that is no more.
fn started(dir: &GroupDir) -> Result<Group, HostError> {
    let deadline = Instant::now() + READY_TIMEOUT;
    loop {
        let group = view(dir)?;
        let is_started = group.processes.iter().all(|process| process.state != ProcessState::Stopped);
        if is_started || Instant::now() >= deadline {
            return Ok(group);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn view(dir: &GroupDir) -> Result<Group, HostError> {
    let group = dir.view().during("read", dir.path())?;
    group.ok_or_else(|| failure(format!("read {}", dir.spec_path().display()), "it has been removed"))
}

/// Counts begin at 0 with each start that was asked for.
fn forget_state(dir: &GroupDir) -> Result<(), HostError> {
    match fs::remove_file(dir.state_path()) {
        Err(error) if !file::is_absent(&error) => Err(error).during("remove", &dir.state_path()),
        _ => Ok(()),
    }
}

fn left_over(killed: usize) -> String {
    match killed {
        0 => String::new(),
        1 => "; one process was left over and is gone".to_owned(),
        more => format!("; {more} processes were left over and are gone"),
    }
}

fn differs(start: &StartGroup) -> HostError {
    let reason = format!(
        "release `{}` runs here with other settings; a release does not change, so make a new one",
        start.group.release_id
    );
    bad_release(format!("services.{}", start.group.service), reason)
}

/// Longest time between SIGTERM and SIGKILL.
const STOP_TIMEOUT_MAX: Millis = Millis::from_seconds(60 * 60);

/// What no process could be started with.
fn vet(start: &StartGroup) -> Result<(), HostError> {
    let field = |name: &str| format!("services.{}.{name}", start.group.service);
    if !(1..=64).contains(&start.processes) {
        return Err(bad_release(field("processes"), format!("{} is not in 1 to 64", start.processes)));
    }
    vet_stop_timeout(start.stop_timeout).map_err(|reason| bad_release(field("stop_timeout"), reason))?;
    vet_command(&start.command).map_err(|reason| bad_release(field("command"), reason))?;
    for (name, value) in &start.env {
        vet_variable(name, value).map_err(|reason| bad_release(field(&format!("env.{name}")), reason))?;
    }
    Ok(())
}

/// What is wrong with a time to stop.
pub(crate) fn vet_stop_timeout(time: Millis) -> Result<(), String> {
    if time <= STOP_TIMEOUT_MAX { Ok(()) } else { Err(format!("{time} is longer than {STOP_TIMEOUT_MAX}")) }
}

/// What is wrong with a command before anybody looks for its program.
pub(crate) fn vet_command(command: &str) -> Result<(), &'static str> {
    match command {
        command if command.trim().is_empty() => Err("empty; say what is to be run"),
        command if command.contains('\0') => Err("contains a NUL character, which no command can"),
        _ => Ok(()),
    }
}

/// What is wrong with an environment variable.
pub(crate) fn vet_variable(name: &str, value: &str) -> Result<(), &'static str> {
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err("not a name of an environment variable: it is empty or contains `=` or NUL");
    }
    if value.contains('\0') { Err("its value contains a NUL character") } else { Ok(()) }
}
