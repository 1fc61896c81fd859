//! The way back: DetachForFailure and CleanUpFailure. Both go by what they find on the machine.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use shipway_engine::TaskFailure;

use super::{
    finish::{drain, stop_all},
    prepare::groups,
    route,
    run::Run,
};
use crate::{
    deployer::{Context, context::CALL_MAX, failure, records},
    host::{FencingToken, Group, GroupId, Route},
};

/// Gives all traffic back to the version before and lets requests of the new one end.
pub async fn detach_for_failure(cx: &Context, mut run: Run) -> Result<Run, TaskFailure> {
    run.waited_millis = 0;
    let token = run.token()?;
    let groups = groups(cx, &run).await?;
    let ways = ways_back(cx, &run, &groups).await?;
    // INVARIANT: addresses are given up before they are taken again.
    for way in ways.iter().filter(|way| way.then.is_none() && way.now.is_some()) {
        let id = run.service_id(&way.service);
        cx.call("remove_route", CALL_MAX, cx.host.remove_route(&id, token)).await?;
    }
    for way in &ways {
        give_back(cx, way, token, &run.release.release_id).await?;
    }
    let began = cx.now();
    let ours = run.release.release_id.clone();
    let drains = run.release.services.keys().map(|name| drain(cx, &run, name, |id| id == ours));
    for drained in join_all(drains).await {
        drained?;
    }
    run.waited_millis = cx.now().millis_since(began);
    for way in &ways {
        if let Some(then) = &way.then
            && way.serves(&run.release.release_id)
        {
            cx.call("set_route", CALL_MAX, cx.host.set_route(then, token)).await?;
        }
    }
    for progress in run.progress.values_mut() {
        progress.percent = 0;
    }
    cx.live.report(cx.deployment(), &run.progress);
    Ok(run)
}

/// One service's route as it is and as it was.
struct WayBack {
    service: String,
    now: Option<Route>,
    then: Option<Route>,
}

impl WayBack {
    /// Whether the route of now has the release.
    fn serves(&self, release_id: &str) -> bool {
        self.now.iter().flat_map(|route| &route.targets).any(|target| target.release_id == release_id)
    }
}

async fn ways_back(cx: &Context, run: &Run, groups: &[Group]) -> Result<Vec<WayBack>, TaskFailure> {
    let mut ways = Vec::new();
    for service in run.all_services() {
        let now = cx.call("route", CALL_MAX, cx.host.route(&run.service_id(&service))).await?;
        let then = run.found.previous.get(&service).and_then(|previous| previous.route.as_ref());
        let then = then.map(|route| route::restored(route, groups));
        ways.push(WayBack { service, now, then });
    }
    Ok(ways)
}

/// Sets the route of before; the new version stays behind it without a share until its requests have ended.
async fn give_back(
    cx: &Context,
    way: &WayBack,
    token: FencingToken,
    release_id: &str,
) -> Result<(), TaskFailure> {
    let Some(then) = &way.then else { return Ok(()) };
    let mut wanted = then.clone();
    let leaving = way.now.iter().flat_map(|route| &route.targets);
    let leaving = leaving.filter(|target| target.release_id == release_id).cloned();
    wanted.targets.extend(leaving.map(|target| crate::host::Target { weight: 0, ..target }));
    if way.now.as_ref() == Some(&wanted) {
        return Ok(());
    }
    cx.call("set_route", CALL_MAX, cx.host.set_route(&wanted, token)).await
}

/// Stops the new processes; what they wrote stays.
pub async fn clean_up_failure(cx: &Context, mut run: Run) -> Result<Run, TaskFailure> {
    let token = run.token()?;
    let began = cx.now();
    let found = groups(cx, &run).await?.into_iter().map(|group| group.id).filter(|id| run.is_ours(id));
    // WHY: also those that are not found, since a start that was given up may still be under way on the machine.
    let asked_for = run.release.services.keys().map(|name| run.group(name));
    let ours: BTreeSet<GroupId> = found.chain(asked_for).collect();
    stop_all(cx, &run, ours.iter(), token).await?;
    run.waited_millis = cx.now().millis_since(began);
    let (project, environment) = (&run.release.project_name, &run.release.config_name);
    let failed = run.release.release_id.clone();
    let remember = |row: &mut records::Environment| row.remember_failed(&failed);
    let changed = records::change_environment(&cx.engine, project, environment, remember).await;
    changed.map_err(|error| failure::of_record(&error))?;
    for progress in run.progress.values_mut() {
        progress.stopped =
            progress.stopped.saturating_add(progress.healthy).saturating_add(progress.starting);
        (progress.healthy, progress.starting) = (0, 0);
    }
    cx.live.report(cx.deployment(), &run.progress);
    Ok(run)
}
