//! Shift: moves traffic to the new version step by step. Never to fewer healthy processes than are needed.

use std::collections::BTreeMap;

use shipway_engine::TaskFailure;

use super::{
    gate::Window,
    health,
    route::{self, Move},
    run::{Run, Shifting, is_alive},
    watch::Watch,
};
use crate::{
    Millis,
    deployer::{Context, context::CALL_MAX, failure},
    host::{FencingToken, Route, Target},
    release::Service,
};

/// Moves traffic as far as the steps' holds allow.
pub async fn shift(cx: &Context, mut run: Run) -> Result<Run, TaskFailure> {
    cx.go_on(run.deadline()).await?;
    let token = run.token()?;
    let mut watch = Watch::new(cx, span(&run));
    loop {
        watch.look(&mut run, true).await?;
        let names: Vec<String> = run.routed().map(|(name, _, _)| name.clone()).collect();
        for name in &names {
            advance(cx, &mut run, &watch, name, token).await?;
        }
        run.shifted = names.iter().all(|name| is_moved(&run, name));
        if run.shifted || watch.is_over() {
            break;
        }
        watch.pause(&run).await?;
    }
    if run.shifted {
        run.found.shifted_at.get_or_insert(cx.now());
    }
    show_percent(cx, &mut run);
    run.waited_millis = watch.waited();
    Ok(run)
}

fn span(run: &Run) -> Millis {
    let holds = |service: &Service| service.shift.steps.iter().map(|step| step.hold.0).sum();
    Millis(run.release.services.values().map(holds).max().unwrap_or(0))
}

fn show_percent(cx: &Context, run: &mut Run) {
    let percents: BTreeMap<String, u8> =
        run.release.services.keys().map(|name| (name.clone(), percent_of(run, name))).collect();
    for (name, percent) in percents {
        if let Some(progress) = run.progress.get_mut(&name) {
            progress.percent = percent;
        }
    }
    cx.live.report(cx.deployment(), &run.progress);
}

/// Share of new requests that a service's new version gets, as far as the document knows.
pub fn percent_of(run: &Run, name: &str) -> u8 {
    let step = run.found.watched.get(name).and_then(|watched| watched.shift.as_ref()).map(|shift| shift.step);
    match (run.release.services.get(name), step) {
        (Some(service), Some(step)) => route::percent(service, step),
        _ => 0,
    }
}

fn is_moved(run: &Run, name: &str) -> bool {
    let steps = run.release.services.get(name).map_or(0, |service| service.shift.steps.len());
    let shift = run.found.watched.get(name).and_then(|watched| watched.shift.as_ref());
    shift.is_some_and(|shift| shift.step >= steps)
}

/// Takes one service's next step, if it is time; keeps the route's ports in line with the processes.
async fn advance(
    cx: &Context,
    run: &mut Run,
    watch: &Watch<'_>,
    name: &str,
    token: FencingToken,
) -> Result<(), TaskFailure> {
    let Some(service) = run.release.services.get(name).cloned() else { return Ok(()) };
    let watched = run.found.watched.entry(name.to_owned()).or_default().clone();
    let Some(old_serves) = old_serves(run, name) else { return Ok(()) };
    let step = watched.shift.as_ref().map(|shift| shift.step);
    let held = watched.shift.as_ref().map_or(0, |shift| cx.now().millis_since(shift.since));
    let is_steady =
        run.progress.get(name).is_some_and(|progress| health::is_steady(progress, &watched.streaks));
    let to = match route::next(&service, step, held, old_serves) {
        Move::To(to) if is_steady => to,
        Move::To(_) | Move::Stay => match step {
            Some(step) => step,
            None => return Ok(()),
        },
    };
    let Some(wanted) = route_at(run, watch, name, &service, to) else { return Ok(()) };
    let is_same_step = step == Some(to);
    if is_same_step && watched.shift.as_ref().is_some_and(|shift| shift.route == wanted) {
        return Ok(());
    }
    free_address(cx, run, &wanted, token).await?;
    if watched.window.is_none() {
        let window = watch.traffic.get(name).map(|traffic| Window::begin(traffic, &run.release.release_id));
        run.found.watched.entry(name.to_owned()).or_default().window = Some(window.unwrap_or_default());
    }
    cx.call("set_route", CALL_MAX, cx.host.set_route(&wanted, token)).await?;
    let since = watched.shift.filter(|_| is_same_step).map_or_else(|| cx.now(), |shift| shift.since);
    let shifting = Shifting { step: to, since, route: wanted };
    run.found.watched.entry(name.to_owned()).or_default().shift = Some(shifting);
    Ok(())
}

fn route_at(run: &Run, watch: &Watch<'_>, name: &str, service: &Service, step: usize) -> Option<Route> {
    let port = service.port?;
    let new = route::target(watch.group(run, name)?, &service.health);
    if new.ports.len() < usize::from(service.processes) {
        return None;
    }
    let old = run.found.previous.get(name).and_then(|previous| previous.route.as_ref());
    let targets: Vec<Target> = old.map(|old| route::alive(old, &watch.groups)).unwrap_or_default();
    let targets = targets.into_iter().filter(|target| target.release_id != run.release.release_id).collect();
    let percent = route::percent(service, step);
    Some(route::at_step(run.service_id(name), service, port, new, old, targets, percent))
}

/// Whether the version before still answers; none while that is not known yet.
fn old_serves(run: &Run, name: &str) -> Option<bool> {
    let Some(route) = run.found.previous.get(name).and_then(|previous| previous.route.as_ref()) else {
        return Some(false);
    };
    let watched = run.found.watched.get(name)?;
    let mut is_unsure = false;
    for target in &route.targets {
        let streaks = watched.old.get(&target.release_id);
        for streak in streaks.into_iter().flat_map(BTreeMap::values) {
            if streak.is_healthy || streak.good > 0 {
                return Some(true);
            }
            is_unsure |= streak.started_at.is_some() && !streak.is_broken(&target.health);
        }
    }
    if is_unsure { None } else { Some(false) }
}

/// Takes a service off the edge that the release does not have any more and whose address is needed.
async fn free_address(
    cx: &Context,
    run: &Run,
    wanted: &Route,
    token: FencingToken,
) -> Result<(), TaskFailure> {
    for (name, previous) in &run.found.previous {
        let is_dropped = run.release.services.get(name).is_none_or(|service| service.port.is_none());
        let is_in_the_way = previous.route.as_ref().is_some_and(|route| route.port == wanted.port);
        if is_dropped && is_in_the_way {
            let id = run.service_id(name);
            cx.call("remove_route", CALL_MAX, cx.host.remove_route(&id, token)).await?;
        }
    }
    Ok(())
}

/// Fails unless the new processes can serve: the last look before the old ones go.
pub async fn is_still_whole(cx: &Context, run: &mut Run) -> Result<(), TaskFailure> {
    let mut watch = Watch::new(cx, Millis(0));
    watch.look(run, true).await?;
    let missing = run.release.services.keys().find(|name| {
        watch.group(run, name).is_none_or(|group| !is_alive(group))
            || !run.progress.get(*name).is_some_and(health::is_whole)
    });
    match missing {
        Some(name) => {
            let cause = format!("service `{name}`: its new processes are not healthy any more");
            Err(failure::failure(failure::HEALTH, cause))
        }
        None => Ok(()),
    }
}
