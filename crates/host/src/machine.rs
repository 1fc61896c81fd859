//! Starting, stopping and finding groups, one call after the other: whoever calls holds the group's lock and has
//! passed the fence. Blocks its thread.

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use shipway_control::host::{Group, GroupId, HostError, StartGroup};

use crate::{
    artifact,
    fault::{During, bad_release, failure},
    group::{Desired, GroupDir, Spec},
    launch::{clear_app, launch},
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
        fs::create_dir_all(dir.path()).during("create", dir.path())?;
        let spec = dir.spec().during("read", &dir.spec_path())?;
        if dir.is_kept().during("look at", &dir.lock_path())? {
            match &spec {
                Some(spec) if spec.desired == Desired::Running && spec.start == *start => return view(&dir),
                Some(spec) if spec.desired == Desired::Running => return Err(differs(start)),
                Some(_) | None => stop::finish(&dir, stop::begin(&dir)?)?,
            }
        }
        stop::sweep(&dir)?;
        forget_state(&dir)?;
        let ports = spec.map(|spec| spec.ports).unwrap_or_default();
        let fresh = Spec { desired: Desired::Running, ports, has_moved: false, start: start.clone() };
        self.launch(&dir, &fresh, Router::Caller).inspect_err(|_| withdraw(&dir))?;
        view(&dir)
    }

    /// Starts again what should run and does not, and stops what should not run and does; `None` if all is well.
    pub(crate) fn revive(&self, dir: &GroupDir) -> Result<Option<Revived>, HostError> {
        let Some(spec) = dir.spec().during("read", &dir.spec_path())? else { return Ok(None) };
        let is_kept = dir.is_kept().during("look at", &dir.lock_path())?;
        let id = &spec.start.group;
        let report = match (spec.desired, is_kept) {
            (Desired::Running, true) if spec.has_moved => format!("{id}: runs on other ports than before"),
            (Desired::Running, true) => return Ok(None),
            (Desired::Running, false) => {
                let killed = stop::sweep(dir)?;
                self.launch(dir, &spec, Router::Host)?;
                format!("{id}: started again, its keeper had ended{}", left_over(killed))
            }
            (Desired::Stopped, true) => {
                stop::finish(dir, stop::begin(dir)?)?;
                format!("{id}: stopped, as it had been told to")
            }
            (Desired::Stopped, false) => match stop::sweep(dir)? {
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

    fn launch(&self, dir: &GroupDir, wanted: &Spec, router: Router) -> Result<(), HostError> {
        let sha256 = &wanted.start.artifact_sha256;
        let artifact = artifact::open(&self.layout, sha256)?;
        clear_app(dir).during("clean up", dir.path())?;
        artifact::unpack(artifact, sha256, &dir.app())?;
        self.promise(dir, wanted, router)?;
        launch(&self.exe, dir)
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

fn view(dir: &GroupDir) -> Result<Group, HostError> {
    let group = dir.view().during("read", dir.path())?;
    group.ok_or_else(|| failure(format!("read {}", dir.spec_path().display()), "it has been removed"))
}

/// Counts begin at 0 with each start that was asked for.
fn forget_state(dir: &GroupDir) -> Result<(), HostError> {
    match fs::remove_file(dir.state_path()) {
        Err(error) if !crate::file::is_absent(&error) => Err(error).during("remove", &dir.state_path()),
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

/// What no process could be started with.
fn vet(start: &StartGroup) -> Result<(), HostError> {
    let field = |name: &str| format!("services.{}.{name}", start.group.service);
    if !(1..=64).contains(&start.processes) {
        return Err(bad_release(field("processes"), format!("{} is not in 1 to 64", start.processes)));
    }
    vet_command(&start.command).map_err(|reason| bad_release(field("command"), reason))?;
    for (name, value) in &start.env {
        vet_variable(name, value).map_err(|reason| bad_release(field(&format!("env.{name}")), reason))?;
    }
    Ok(())
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
