//! Watching the new processes, and CheckHealthy. Changes nothing outside.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use shipway_asl::Timestamp;
use shipway_engine::TaskFailure;

use super::{
    gate::{self, Verdict},
    health,
    prepare::groups,
    run::{Run, is_alive},
};
use crate::{
    Millis,
    deployer::{Context, context::CALL_MAX, failure},
    host::{Group, GroupId, Probe, Traffic},
    release::HealthCheck,
};

/// Time between two looks at the machine.
pub const POLL: Millis = Millis(50);

/// A watching task answers at least so often, so that its machine shows that it lives.
const WATCH_MIN: Millis = Millis::from_seconds(2);

/// A watching task answers at the latest after this, well inside its `TimeoutSeconds`.
const WATCH_MAX: Millis = Millis::from_seconds(600);

/// A span is watched in at most so many tasks, so that the history stays short.
const WATCHES_PER_SPAN: u64 = 300;

/// How long one watching task lasts at most, when all of them together may take `span`.
pub fn budget(span: Millis) -> Millis {
    Millis(span.0 / WATCHES_PER_SPAN).clamp(WATCH_MIN, WATCH_MAX)
}

/// One task's view of the world over its looks.
pub struct Watch<'a> {
    cx: &'a Context,
    /// When each group is probed next.
    due: BTreeMap<GroupId, Timestamp>,
    /// Groups as they were seen last.
    pub groups: Vec<Group>,
    /// Traffic as it was seen last, by service.
    pub traffic: BTreeMap<String, Traffic>,
    /// Time spent looking and waiting.
    waited: u64,
    ends_at: Timestamp,
}

impl<'a> Watch<'a> {
    /// A watch over `span`.
    pub fn new(cx: &'a Context, span: Millis) -> Self {
        Self {
            cx,
            due: BTreeMap::new(),
            groups: Vec::new(),
            traffic: BTreeMap::new(),
            waited: 0,
            ends_at: cx.now().plus_millis(budget(span).0),
        }
    }

    /// Looks once; fails if the new version has failed or the deployment is to stop.
    pub async fn look(&mut self, run: &mut Run, is_serving: bool) -> Result<(), TaskFailure> {
        let (cx, began) = (self.cx, self.cx.now());
        let deadline = run.deadline();
        let looked = cx.unless_stopped(deadline, self.observe(run, is_serving)).await;
        self.waited = self.waited.saturating_add(cx.now().millis_since(began));
        looked
    }

    /// Whether this task is to answer, so that the next one goes on.
    pub fn is_over(&self) -> bool {
        self.cx.now() >= self.ends_at
    }

    /// Waits for the next look.
    pub async fn pause(&mut self, run: &Run) -> Result<(), TaskFailure> {
        let (cx, began) = (self.cx, self.cx.now());
        let slept = async {
            cx.sleep(POLL).await;
            Ok(())
        };
        let paused = cx.unless_stopped(run.deadline(), slept).await;
        self.waited = self.waited.saturating_add(cx.now().millis_since(began));
        paused
    }

    /// Milliseconds spent looking and waiting.
    pub fn waited(&self) -> u64 {
        self.waited
    }

    /// A service's new group.
    pub fn group(&self, run: &Run, service: &str) -> Option<&Group> {
        let id = run.group(service);
        self.groups.iter().find(|group| group.id == id)
    }

    async fn observe(&mut self, run: &mut Run, is_serving: bool) -> Result<(), TaskFailure> {
        self.groups = groups(self.cx, run).await?;
        self.follow(run);
        self.probe(run, is_serving).await?;
        if is_serving {
            self.count(run).await?;
        }
        self.show(run);
        self.judge(run, is_serving)
    }

    /// Forgets probes of processes that are not there any more.
    fn follow(&self, run: &mut Run) {
        for group in self.groups.iter().filter(|group| is_alive(group)) {
            let is_ours = run.is_ours(&group.id);
            let Some(watched) = run.found.watched.get_mut(&group.id.service) else { continue };
            let streaks = if is_ours {
                &mut watched.streaks
            } else {
                watched.old.entry(group.id.release_id.clone()).or_default()
            };
            for process in &group.processes {
                streaks.entry(process.index).or_default().follow(process);
            }
        }
    }

    /// Probes every group that is due: the new ones, and while traffic moves also those that served before.
    async fn probe(&mut self, run: &mut Run, is_serving: bool) -> Result<(), TaskFailure> {
        let (cx, now) = (self.cx, self.cx.now());
        let mut probes = Vec::new();
        for group in self.groups.iter().filter(|group| is_alive(group)) {
            let Some(health) = check_of(run, group, is_serving) else { continue };
            if self.due.get(&group.id).is_none_or(|due| *due <= now) {
                let limit = Millis(health.timeout.0.saturating_add(CALL_MAX.0));
                let id = group.id.clone();
                probes.push(async move {
                    let probed = cx.call("probe", limit, cx.host.probe(&id, &health)).await;
                    (id, health, probed)
                });
            }
        }
        for (id, health, probed) in join_all(probes).await {
            let all_good = note(run, &id, &health, &probed?);
            // WHY: until the first good answer a probe is cheap and each wait is felt; then the release's pace holds.
            let pause = if all_good || is_serving { health.interval } else { health.interval.min(POLL) };
            self.due.insert(id, cx.now().plus_millis(pause.0));
        }
        Ok(())
    }

    /// Takes the traffic counts of services whose traffic is moving or has moved.
    async fn count(&mut self, run: &mut Run) -> Result<(), TaskFailure> {
        let cx = self.cx;
        let counts = run.routed().map(|(name, _, _)| {
            let (name, id) = (name.clone(), run.service_id(name));
            async move { (name, cx.call("traffic", CALL_MAX, cx.host.traffic(&id)).await) }
        });
        for (name, traffic) in join_all(counts).await {
            let traffic = traffic?;
            let release_id = run.release.release_id.clone();
            if let Some(window) = run.found.watched.get_mut(&name).and_then(|watched| watched.window.as_mut())
            {
                window.observe(&traffic, &release_id);
            }
            self.traffic.insert(name, traffic);
        }
        Ok(())
    }

    fn show(&self, run: &mut Run) {
        let mut shown = BTreeMap::new();
        for (name, service) in &run.release.services {
            let Some(watched) = run.found.watched.get(name) else { continue };
            let mut progress = health::progress(service, self.group(run, name), &watched.streaks);
            progress.percent = super::shift::percent_of(run, name);
            if let Some(window) = &watched.window {
                let (Verdict::Pass(counted) | Verdict::Insufficient(counted) | Verdict::Fail(counted)) =
                    gate::judge(&service.gate, &window.sums());
                progress.evidence = Some(counted);
            }
            shown.insert(name.clone(), progress);
        }
        self.cx.live.report(self.cx.deployment(), &shown);
        run.progress = shown;
    }

    fn judge(&self, run: &Run, is_serving: bool) -> Result<(), TaskFailure> {
        let now = self.cx.now();
        let since = run.found.deployed_at.unwrap_or(now);
        for (name, service) in &run.release.services {
            let Some(watched) = run.found.watched.get(name) else { continue };
            let missing = Group { id: run.group(name), version: String::new(), processes: Vec::new() };
            let group = self.group(run, name).unwrap_or(&missing);
            health::judge(name, service, group, &watched.streaks, is_serving, since, now)
                .map_err(|failed| failure::failure(failure::HEALTH, failed.to_string()))?;
            if let Some(window) = &watched.window
                && let Verdict::Fail(cause) = gate::judge(&service.gate, &window.sums())
            {
                let version = &run.release.version;
                let cause = format!("service `{name}` {version}: {cause}");
                return Err(failure::failure(failure::GATE, cause));
            }
        }
        Ok(())
    }
}

/// How a group is probed: ours as the release says; an older one as its route says, while traffic moves.
fn check_of(run: &Run, group: &Group, is_serving: bool) -> Option<HealthCheck> {
    if run.is_ours(&group.id) {
        return run.release.services.get(&group.id.service).map(|service| service.health.clone());
    }
    let is_moving = is_serving && !run.shifted;
    let route = run.found.previous.get(&group.id.service)?.route.as_ref().filter(|_| is_moving)?;
    let target = route.targets.iter().find(|target| target.release_id == group.id.release_id)?;
    Some(target.health.clone())
}

/// Adds probes to their streaks; whether all of them were good.
fn note(run: &mut Run, id: &GroupId, health: &HealthCheck, probes: &[Probe]) -> bool {
    let is_ours = run.is_ours(id);
    if let Some(watched) = run.found.watched.get_mut(&id.service) {
        let streaks = if is_ours {
            &mut watched.streaks
        } else {
            watched.old.entry(id.release_id.clone()).or_default()
        };
        for probe in probes {
            streaks.entry(probe.index).or_default().add(probe, health);
        }
    }
    probes.iter().all(|probe| probe.is_healthy)
}

/// Whether every service of the release has all the healthy processes that it needs.
fn is_whole(run: &Run) -> bool {
    run.release.services.keys().all(|name| run.progress.get(name).is_some_and(health::is_whole))
}

/// Watches the new processes until all are healthy.
pub async fn check_healthy(cx: &Context, mut run: Run) -> Result<Run, TaskFailure> {
    let span = run.release.services.values().map(|service| service.health.grace).max().unwrap_or_default();
    let mut watch = Watch::new(cx, span);
    loop {
        watch.look(&mut run, false).await?;
        run.healthy = is_whole(&run);
        if run.healthy || watch.is_over() {
            break;
        }
        watch.pause(&run).await?;
    }
    run.waited_millis = watch.waited();
    Ok(run)
}
