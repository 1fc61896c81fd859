//! The host port for this machine. Decides in which order things happen; what happens is in the modules it calls.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use shipway_control::{
    host::{
        FencingToken, Group, GroupId, Host, HostError, LogPage, LogQuery, Mended, Probe, Route, ServiceId,
        StartGroup, Traffic,
    },
    release::{HealthCheck, Release},
};
use tokio::task::spawn_blocking;

use crate::{
    artifact, check, edge,
    fault::{During, failure},
    fence::Fences,
    file,
    group::GroupDir,
    layout::Layout,
    locks::Locks,
    logs,
    machine::{Machine, Revived},
    probe, prune, stop,
};

/// Artifacts younger than this are not removed: whoever uploaded one has yet to start it.
const ARTIFACT_GRACE: Duration = Duration::from_secs(60 * 60);

/// What a [`LocalHost`] needs to know.
#[derive(Debug)]
pub struct Config {
    /// Shipway's data directory; created if it is not there.
    pub data_dir: PathBuf,
    /// Shipway's binary: `<exe> keeper <group dir>` must call [`crate::keeper::run`], `<exe> exec ...`
    /// [`crate::keeper::exec`]; [`crate::keeper::dispatch`] does both.
    pub exe: PathBuf,
    /// The edge proxy of the same data directory.
    pub edge: edge::Client,
    /// How old an artifact must be before it is removed because nobody names it.
    pub artifact_grace: Duration,
}

impl Config {
    /// The edge's usual socket and the usual grace.
    pub fn new(data_dir: impl Into<PathBuf>, exe: impl Into<PathBuf>) -> Self {
        let data_dir = data_dir.into();
        let edge = edge::Client::new(&edge::socket_path(&data_dir));
        Self { data_dir, exe: exe.into(), edge, artifact_grace: ARTIFACT_GRACE }
    }
}

/// This machine. One per data directory; groups outlive it and are found again by the next.
#[derive(Debug)]
pub struct LocalHost {
    machine: Arc<Machine>,
    fences: Fences,
    groups: Locks,
    edge: edge::Client,
    artifact_grace: Duration,
}

impl LocalHost {
    /// Creates the data directory if it is not there. Touches no group: see [`Host::reconcile`].
    pub fn new(config: Config) -> Result<Self, HostError> {
        let data_dir = std::path::absolute(&config.data_dir).during("find", &config.data_dir)?;
        file::make_directory(&data_dir).during("create", &data_dir)?;
        let layout = Layout::new(data_dir);
        let machine = Machine { layout: layout.clone(), exe: config.exe, promising: Mutex::default() };
        Ok(Self {
            machine: Arc::new(machine),
            fences: Fences::new(layout),
            groups: Locks::default(),
            edge: config.edge,
            artifact_grace: config.artifact_grace,
        })
    }

    fn layout(&self) -> &Layout {
        &self.machine.layout
    }

    /// Runs what blocks; it goes on to its end even if the caller gives up.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Machine) -> Result<T, HostError> + Send + 'static,
    ) -> Result<T, HostError> {
        let machine = Arc::clone(&self.machine);
        let done = spawn_blocking(move || work(&machine)).await;
        done.unwrap_or_else(|error| Err(failure("run on this machine", error)))
    }

    async fn revive(&self, dir: GroupDir) -> Result<Option<Revived>, HostError> {
        let held = self.groups.hold(dir.path()).await;
        self.run(move |machine| {
            let _held = held;
            machine.revive(&dir)
        })
        .await
    }

    /// Tells the edge new ports of a group that is routed to already.
    async fn follow_ports(&self, group: &Group) -> Result<(), HostError> {
        let mut route = self.edge.route(&group.id.service_id()).await?;
        let ports: Vec<u16> = group.processes.iter().filter_map(|process| process.port).collect();
        let targets = route.iter_mut().flat_map(|route| &mut route.targets);
        for target in targets.filter(|target| target.release_id == group.id.release_id) {
            target.ports.clone_from(&ports);
        }
        if let Some(route) = route {
            self.edge.set_route(&route).await?;
        }
        let id = group.id.clone();
        self.run(move |machine| machine.settle(&id)).await
    }
}

#[async_trait]
impl Host for LocalHost {
    async fn check(&self, release: &Release) -> Result<(), HostError> {
        let needs_edge = release.services.values().any(|service| service.port.is_some());
        let routes = if needs_edge { self.edge.routes().await? } else { Vec::new() };
        let release = release.clone();
        self.run(move |machine| check::check(&machine.layout, &release, &routes)).await
    }

    async fn fence(&self, project: &str, environment: &str, token: FencingToken) -> Result<(), HostError> {
        self.fences.enter(project, environment, token).await.map(drop)
    }

    async fn start_group(&self, start: &StartGroup, token: FencingToken) -> Result<Group, HostError> {
        let dir = self.layout().group(&start.group)?;
        let held = self.groups.hold(dir.path()).await;
        let entered = self.fences.enter(&start.group.project, &start.group.environment, token).await?;
        let start = start.clone();
        self.run(move |machine| {
            let _both = (held, entered);
            machine.start(&start)
        })
        .await
    }

    async fn groups(&self, project: &str, environment: &str) -> Result<Vec<Group>, HostError> {
        let (project, environment) = (project.to_owned(), environment.to_owned());
        self.run(move |machine| machine.groups(&project, &environment)).await
    }

    /// Whoever has a higher token need not wait for processes that have been told to end.
    async fn stop_group(&self, group: &GroupId, token: FencingToken) -> Result<(), HostError> {
        let dir = self.layout().group(group)?;
        let held = self.groups.hold(dir.path()).await;
        let entered = self.fences.enter(&group.project, &group.environment, token).await?;
        let begun = dir.clone();
        let keeper = self
            .run(move |_| {
                let _entered = entered;
                stop::begin(&begun)
            })
            .await?;
        let Some(keeper) = keeper else { return Ok(()) };
        self.run(move |_| {
            let _held = held;
            stop::finish(&dir, keeper).map(drop)
        })
        .await
    }

    async fn probe(&self, group: &GroupId, health: &HealthCheck) -> Result<Vec<Probe>, HostError> {
        let id = group.clone();
        let found = self.run(move |machine| machine.find(&id)).await?;
        probe::probe(&group.service, &found.processes, health).await
    }

    async fn set_route(&self, route: &Route, token: FencingToken) -> Result<(), HostError> {
        let service = &route.service;
        let _entered = self.fences.enter(&service.project, &service.environment, token).await?;
        self.edge.set_route(route).await
    }

    async fn route(&self, service: &ServiceId) -> Result<Option<Route>, HostError> {
        self.edge.route(service).await
    }

    async fn remove_route(&self, service: &ServiceId, token: FencingToken) -> Result<(), HostError> {
        let _entered = self.fences.enter(&service.project, &service.environment, token).await?;
        self.edge.remove_route(service).await
    }

    async fn traffic(&self, service: &ServiceId) -> Result<Traffic, HostError> {
        self.edge.traffic(service).await
    }

    async fn logs(&self, group: &GroupId, query: &LogQuery) -> Result<LogPage, HostError> {
        let (group, query) = (group.clone(), query.clone());
        self.run(move |machine| {
            machine.find(&group)?;
            logs::read(&machine.layout.group(&group)?.logs(), &query)
        })
        .await
    }

    async fn prune(
        &self,
        project: &str,
        environment: &str,
        keep: &[String],
        keep_artifacts: &[String],
        token: FencingToken,
    ) -> Result<(), HostError> {
        let _entered = self.fences.enter(project, environment, token).await?;
        for dir in self.layout().groups_of(project, environment)? {
            if keep.contains(&prune::release_of(&dir)) {
                continue;
            }
            let held = self.groups.hold(dir.path()).await;
            self.run(move |_| {
                let _held = held;
                prune::forget(&dir)
            })
            .await?;
        }
        let (keep, grace) = (keep_artifacts.to_vec(), self.artifact_grace);
        self.run(move |machine| prune::forget_artifacts(&machine.layout, &keep, grace)).await
    }

    /// What cannot be started again is reported too, and does not keep the others from it.
    async fn reconcile(&self) -> Result<Vec<Mended>, HostError> {
        let mut reports = Vec::new();
        for dir in self.layout().all_groups()? {
            match self.revive(dir.clone()).await {
                Ok(None) => {}
                Ok(Some(Revived { moved, report })) => {
                    reports.push(Mended::Done(report));
                    let Some(group) = moved else { continue };
                    if let Err(error) = self.follow_ports(&group).await {
                        let reason = format!("the edge could not be told its ports: {error}");
                        reports.push(Mended::Failed { group: Some(group.id), reason });
                    }
                }
                Err(error) => {
                    let group = dir.spec().ok().flatten().map(|spec| spec.start.group);
                    reports.push(Mended::Failed { group, reason: error.to_string() });
                }
            }
        }
        Ok(reports)
    }

    async fn has_artifact(&self, sha256: &str) -> Result<bool, HostError> {
        let sha256 = sha256.to_owned();
        self.run(move |machine| artifact::is_whole(&machine.layout, &sha256)).await
    }

    async fn artifact_upload(&self) -> Result<PathBuf, HostError> {
        self.run(|machine| artifact::new_upload(&machine.layout)).await
    }

    async fn keep_artifact(&self, upload: &Path, sha256: &str) -> Result<(), HostError> {
        let (upload, sha256) = (upload.to_path_buf(), sha256.to_owned());
        self.run(move |machine| artifact::keep(&machine.layout, &upload, &sha256)).await
    }
}
