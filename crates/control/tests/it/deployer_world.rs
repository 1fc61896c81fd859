//! A machine in memory: groups, routes, traffic and fences, with faults at any call. It keeps a list of every
//! moment at which its invariants did not hold.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use shipway_asl::Timestamp;
use shipway_control::{
    host::{
        Counts, FencingToken, Group, GroupId, Host, HostError, LogPage, LogQuery, Mended, Probe, Process,
        ProcessState, Route, ServiceId, StartGroup, Traffic,
    },
    release::{HealthCheck, Release},
};
use tokio::sync::Notify;

/// How a call goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing happens, and an error comes back.
    FailsBefore,
    /// It happens, and an error comes back.
    ReplyLost,
    /// Nothing happens, this time and the next n-1 times that this operation is called.
    Transient(u32),
    /// Nothing happens and nothing comes back.
    Hangs,
    /// It happens and nothing comes back.
    HangsAfter,
    /// It waits until [`World::resume`], then happens.
    Pauses,
    /// Shipway is killed before it happens; the task is dispatched again.
    KilledBefore,
    /// Shipway is killed after it has happened; the task is dispatched again.
    KilledAfter,
}

/// What processes of a release do.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// Probes until they answer well; none: never.
    pub healthy_after: Option<u32>,
    /// They crash at this probe.
    pub crash_at: Option<u32>,
    /// They become unhealthy from this probe on.
    pub sick_from: Option<u32>,
    /// 5xx answers of 100 requests.
    pub errors: u64,
    /// Requests that never end while nobody stops the process.
    pub stuck: u64,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self { healthy_after: Some(2), crash_at: None, sick_from: None, errors: 0, stuck: 0 }
    }
}

#[derive(Clone, Debug)]
struct Running {
    group: Group,
    probes: u32,
}

#[derive(Default)]
struct State {
    fences: BTreeMap<(String, String), u64>,
    groups: BTreeMap<GroupId, Running>,
    routes: BTreeMap<ServiceId, Route>,
    traffic: BTreeMap<ServiceId, BTreeMap<String, Counts>>,
    epoch: u64,
    behaviours: BTreeMap<String, Behaviour>,
    next_port: u16,
    calls: Vec<String>,
    is_counting: bool,
    fault: Option<(usize, Mode)>,
    again: Option<(String, u32)>,
    broken: BTreeSet<String>,
    violations: Vec<String>,
    accepted: Vec<(String, u64)>,
    pruned: Vec<String>,
    unmendable: Vec<Mended>,
}

/// The machine.
#[derive(Clone, Default)]
pub struct World {
    state: Arc<Mutex<State>>,
    resume: Arc<Notify>,
    paused: Arc<Notify>,
    killed: Arc<Notify>,
}

/// What a deployment can change, as it can be compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Releases with running processes, by service.
    pub running: BTreeMap<String, BTreeSet<String>>,
    /// Address and shares by service.
    pub routes: BTreeMap<String, (String, u16, BTreeMap<String, u32>)>,
}

impl World {
    pub fn behave(&self, version: &str, behaviour: Behaviour) {
        self.state.lock().unwrap().behaviours.insert(version.to_owned(), behaviour);
    }

    /// Counts calls from here on, the first one as 0, and lets one go wrong.
    pub fn begin(&self, fault: Option<(usize, Mode)>) {
        let mut state = self.state.lock().unwrap();
        state.calls.clear();
        state.accepted.clear();
        state.is_counting = true;
        state.fault = fault;
    }

    pub fn end(&self) {
        let mut state = self.state.lock().unwrap();
        state.is_counting = false;
        state.fault = None;
        state.again = None;
    }

    /// Lets every call of an operation fail from now on.
    pub fn break_operation(&self, operation: &str) {
        self.state.lock().unwrap().broken.insert(operation.to_owned());
    }

    pub fn repair(&self) {
        self.state.lock().unwrap().broken.clear();
    }

    /// What `reconcile` reports from now on.
    pub fn cannot_mend(&self, unmendable: Vec<Mended>) {
        self.state.lock().unwrap().unmendable = unmendable;
    }

    pub fn calls(&self) -> Vec<String> {
        self.state.lock().unwrap().calls.clone()
    }

    pub fn violations(&self) -> Vec<String> {
        self.state.lock().unwrap().violations.clone()
    }

    pub fn pruned(&self) -> Vec<String> {
        self.state.lock().unwrap().pruned.clone()
    }

    /// Mutations that were accepted, with their tokens.
    pub fn accepted(&self) -> Vec<(String, u64)> {
        self.state.lock().unwrap().accepted.clone()
    }

    pub async fn until_paused(&self) {
        self.paused.notified().await;
    }

    pub async fn until_killed(&self) {
        self.killed.notified().await;
    }

    pub fn resume(&self) {
        self.resume.notify_one();
    }

    /// The edge is started anew: counts begin at 0.
    pub fn restart_edge(&self) {
        let mut state = self.state.lock().unwrap();
        state.epoch += 1;
        state.traffic.clear();
    }

    /// Ends the processes of a version for good, as a person or a crash loop does.
    pub fn kill(&self, version: &str) {
        let mut state = self.state.lock().unwrap();
        for running in state.groups.values_mut().filter(|running| running.group.version == version) {
            for process in &mut running.group.processes {
                process.state = ProcessState::BackOff;
                process.pid = None;
                process.crashes += 1;
                process.last_exit = Some("signal 9".to_owned());
            }
        }
    }

    pub fn snapshot(&self) -> Snapshot {
        let state = self.state.lock().unwrap();
        let mut running: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for group in state.groups.values().map(|running| &running.group) {
            if group.processes.iter().any(|process| process.state != ProcessState::Stopped) {
                running.entry(group.id.service.clone()).or_default().insert(group.id.release_id.clone());
            }
        }
        let routes = state.routes.iter().map(|(id, route)| {
            let shares = route.targets.iter().map(|target| (target.release_id.clone(), target.weight));
            (id.service.clone(), (route.listen.clone(), route.port, shares.collect()))
        });
        Snapshot { running, routes: routes.collect() }
    }

    /// Runs one call: counts it, and lets it go wrong if it is its turn.
    async fn call<T>(
        &self,
        operation: &str,
        effect: impl FnOnce(&mut State) -> Result<T, HostError>,
    ) -> Result<T, HostError> {
        let mode = self.mode(operation);
        let error = || HostError::Io { operation: operation.to_owned(), reason: "injected".to_owned() };
        match mode {
            None => effect(&mut self.state.lock().unwrap()),
            Some(Mode::FailsBefore | Mode::Transient(_)) => Err(error()),
            Some(Mode::ReplyLost) => {
                effect(&mut self.state.lock().unwrap())?;
                Err(error())
            }
            Some(Mode::Hangs) => std::future::pending().await,
            Some(Mode::HangsAfter) => {
                let _ = effect(&mut self.state.lock().unwrap());
                std::future::pending().await
            }
            Some(Mode::KilledBefore) => {
                self.killed.notify_one();
                std::future::pending().await
            }
            Some(Mode::KilledAfter) => {
                let _ = effect(&mut self.state.lock().unwrap());
                self.killed.notify_one();
                std::future::pending().await
            }
            Some(Mode::Pauses) => {
                self.paused.notify_one();
                self.resume.notified().await;
                effect(&mut self.state.lock().unwrap())
            }
        }
    }

    fn mode(&self, operation: &str) -> Option<Mode> {
        let mut state = self.state.lock().unwrap();
        if state.broken.contains(operation) {
            return Some(Mode::FailsBefore);
        }
        if !state.is_counting {
            return None;
        }
        let index = state.calls.len();
        state.calls.push(operation.to_owned());
        if let Some((again, left)) = state.again.clone()
            && again == operation
            && left > 0
        {
            state.again = Some((again, left - 1));
            return Some(Mode::FailsBefore);
        }
        let (_, mode) = state.fault.filter(|(at, _)| *at == index)?;
        if let Mode::Transient(times) = mode {
            state.again = Some((operation.to_owned(), times - 1));
        }
        Some(mode)
    }
}

impl State {
    fn fence(
        &mut self,
        project: &str,
        environment: &str,
        token: FencingToken,
        what: &str,
    ) -> Result<(), HostError> {
        let highest = self.fences.entry((project.to_owned(), environment.to_owned())).or_default();
        if token.0 < *highest {
            return Err(HostError::Stale { token: token.0, highest: *highest });
        }
        *highest = token.0;
        self.accepted.push((what.to_owned(), token.0));
        Ok(())
    }

    fn behaviour(&self, version: &str) -> Behaviour {
        self.behaviours.get(version).cloned().unwrap_or_default()
    }

    fn start(&mut self, start: &StartGroup) -> Group {
        let mut next_port = self.next_port.max(40_000);
        let running = self.groups.entry(start.group.clone()).or_insert_with(|| Running {
            probes: 0,
            group: Group { id: start.group.clone(), version: start.version.clone(), processes: Vec::new() },
        });
        for index in 0..start.processes {
            let is_there = running.group.processes.iter().any(|process| process.index == index);
            if !is_there {
                next_port += 1;
                running.group.processes.push(Process {
                    index,
                    pid: Some(u32::from(next_port)),
                    port: start.needs_port.then_some(next_port),
                    state: ProcessState::Running,
                    crashes: 0,
                    started_at: Some(Timestamp(i64::from(next_port))),
                    last_exit: None,
                });
            }
            running.group.processes[usize::from(index)].state = ProcessState::Running;
        }
        let group = running.group.clone();
        self.next_port = next_port;
        group
    }

    fn is_healthy(&self, running: &Running, process: &Process) -> bool {
        let behaviour = self.behaviour(&running.group.version);
        process.state == ProcessState::Running
            && behaviour.healthy_after.is_some_and(|after| running.probes >= after)
            && behaviour.sick_from.is_none_or(|from| running.probes < from)
    }

    fn probe(&mut self, id: &GroupId) -> Vec<Probe> {
        let Some(mut running) = self.groups.get(id).cloned() else { return Vec::new() };
        running.probes += 1;
        let behaviour = self.behaviour(&running.group.version);
        if behaviour.crash_at == Some(running.probes) {
            let process = &mut running.group.processes[0];
            process.state = ProcessState::BackOff;
            process.crashes += 1;
            process.last_exit = Some("exit status 1".to_owned());
        }
        let probes = running
            .group
            .processes
            .iter()
            .map(|process| {
                let is_healthy = self.is_healthy(&running, process);
                let evidence = if is_healthy { "200 in 1 ms" } else { "connection refused" };
                Probe { index: process.index, is_healthy, evidence: evidence.to_owned() }
            })
            .collect();
        self.groups.insert(id.clone(), running);
        probes
    }

    /// Traffic only goes where every process is healthy, and to somebody.
    fn check_route(&mut self, route: &Route) {
        let mut served = 0;
        for target in route.targets.iter().filter(|target| target.weight > 0) {
            let id = GroupId {
                project: route.service.project.clone(),
                environment: route.service.environment.clone(),
                service: route.service.service.clone(),
                release_id: target.release_id.clone(),
            };
            let Some(running) = self.groups.get(&id) else {
                self.violations.push(format!("traffic to {id}, which is not there"));
                continue;
            };
            let healthy = running.group.processes.iter().filter(|process| self.is_healthy(running, process));
            let ports: Vec<u16> = healthy.filter_map(|process| process.port).collect();
            if !target.ports.iter().all(|port| ports.contains(port)) || target.ports.is_empty() {
                self.violations.push(format!("traffic to {id} at {:?}, healthy are {ports:?}", target.ports));
            } else {
                served += 1;
            }
        }
        if served == 0 {
            self.violations.push(format!("nobody serves {}", route.service));
        }
    }

    /// Ten requests for each look, shared as the route says.
    fn serve(&mut self, service: &ServiceId) -> Traffic {
        let route = self.routes.get(service).cloned();
        let behaviours = self.behaviours.clone();
        let sum: u64 =
            route.iter().flat_map(|route| &route.targets).map(|target| u64::from(target.weight)).sum();
        let counts = self.traffic.entry(service.clone()).or_default();
        for target in route.iter().flat_map(|route| &route.targets) {
            let entry = counts.entry(target.release_id.clone()).or_default();
            let behaviour = behaviours.get(&target.version).cloned().unwrap_or_default();
            let requests = (1_000 * u64::from(target.weight)).checked_div(sum).unwrap_or(0);
            entry.version.clone_from(&target.version);
            entry.requests += requests;
            entry.server_errors += requests * behaviour.errors / 100;
            entry.in_flight = behaviour.stuck;
        }
        Traffic { epoch: self.epoch, releases: counts.clone() }
    }

    fn stop(&mut self, id: &GroupId) {
        for (service, route) in &self.routes {
            let is_served = *service == id.service_id()
                && route.targets.iter().any(|target| target.release_id == id.release_id && target.weight > 0);
            if is_served {
                self.violations.push(format!("{id} was stopped while it served"));
            }
        }
        if let Some(counts) =
            self.traffic.get_mut(&id.service_id()).and_then(|all| all.get_mut(&id.release_id))
        {
            counts.in_flight = 0;
        }
        if let Some(running) = self.groups.get_mut(id) {
            for process in &mut running.group.processes {
                process.state = ProcessState::Stopped;
                process.pid = None;
            }
        }
    }
}

#[async_trait]
impl Host for World {
    async fn check(&self, release: &Release) -> Result<(), HostError> {
        let version = release.version.clone();
        self.call("check", move |_| match version.as_str() {
            "0.0.1" => Err(HostError::BadRelease {
                field: "services.web.command".to_owned(),
                reason: "`./web` is not executable".to_owned(),
            }),
            _ => Ok(()),
        })
        .await
    }

    async fn fence(&self, project: &str, environment: &str, token: FencingToken) -> Result<(), HostError> {
        self.call("fence", |state| state.fence(project, environment, token, "fence")).await
    }

    async fn start_group(&self, start: &StartGroup, token: FencingToken) -> Result<Group, HostError> {
        self.call("start_group", |state| {
            state.fence(&start.group.project, &start.group.environment, token, "start_group")?;
            Ok(state.start(start))
        })
        .await
    }

    async fn groups(&self, project: &str, environment: &str) -> Result<Vec<Group>, HostError> {
        self.call("groups", |state| {
            let groups = state.groups.values().map(|running| running.group.clone());
            Ok(groups
                .filter(|group| group.id.project == project && group.id.environment == environment)
                .collect())
        })
        .await
    }

    async fn stop_group(&self, group: &GroupId, token: FencingToken) -> Result<(), HostError> {
        self.call("stop_group", |state| {
            state.fence(&group.project, &group.environment, token, "stop_group")?;
            state.stop(group);
            Ok(())
        })
        .await
    }

    async fn probe(&self, group: &GroupId, _: &HealthCheck) -> Result<Vec<Probe>, HostError> {
        self.call("probe", |state| Ok(state.probe(group))).await
    }

    async fn set_route(&self, route: &Route, token: FencingToken) -> Result<(), HostError> {
        self.call("set_route", |state| {
            state.fence(&route.service.project, &route.service.environment, token, "set_route")?;
            let taken =
                state.routes.iter().find(|(id, other)| **id != route.service && other.port == route.port);
            if let Some((id, _)) = taken {
                return Err(HostError::Edge(format!("port {} is taken by {id}", route.port)));
            }
            state.check_route(route);
            state.routes.insert(route.service.clone(), route.clone());
            Ok(())
        })
        .await
    }

    async fn route(&self, service: &ServiceId) -> Result<Option<Route>, HostError> {
        self.call("route", |state| Ok(state.routes.get(service).cloned())).await
    }

    async fn remove_route(&self, service: &ServiceId, token: FencingToken) -> Result<(), HostError> {
        self.call("remove_route", |state| {
            state.fence(&service.project, &service.environment, token, "remove_route")?;
            state.routes.remove(service);
            Ok(())
        })
        .await
    }

    async fn traffic(&self, service: &ServiceId) -> Result<Traffic, HostError> {
        self.call("traffic", |state| Ok(state.serve(service))).await
    }

    async fn logs(&self, group: &GroupId, _: &LogQuery) -> Result<LogPage, HostError> {
        let cursor = group.to_string();
        self.call("logs", |_| Ok(LogPage { lines: Vec::new(), cursor })).await
    }

    async fn prune(
        &self,
        project: &str,
        environment: &str,
        keep: &[String],
        _: &[String],
        token: FencingToken,
    ) -> Result<(), HostError> {
        self.call("prune", |state| {
            state.fence(project, environment, token, "prune")?;
            state.groups.retain(|id, running| {
                let is_stopped =
                    running.group.processes.iter().all(|process| process.state == ProcessState::Stopped);
                keep.contains(&id.release_id) || !is_stopped
            });
            state.pruned = keep.to_vec();
            Ok(())
        })
        .await
    }

    async fn reconcile(&self) -> Result<Vec<Mended>, HostError> {
        Ok(self.state.lock().unwrap().unmendable.clone())
    }

    async fn has_artifact(&self, _: &str) -> Result<bool, HostError> {
        Ok(true)
    }

    async fn artifact_upload(&self) -> Result<PathBuf, HostError> {
        Err(HostError::Io { operation: "artifact_upload".to_owned(), reason: "in memory".to_owned() })
    }

    async fn keep_artifact(&self, _: &Path, _: &str) -> Result<(), HostError> {
        Ok(())
    }
}
