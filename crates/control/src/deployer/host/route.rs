//! Which shares of traffic go where. Pure: makes routes, sets none.

use crate::{
    host::{Group, Route, ServiceId, Target},
    release::{HealthCheck, Service},
};

use super::run;

/// The most that weights may add up to; larger ones are scaled down.
const WEIGHT_MAX: u64 = 1_000_000;

/// What a shift is to do next with one service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// Nothing yet.
    Stay,
    /// Go to this step; the count of steps is all traffic.
    To(usize),
}

/// Decides how a service's shift goes on. `step` is where it is, `held_millis` how long it has been there.
pub fn next(service: &Service, step: Option<usize>, held_millis: u64, old_serves: bool) -> Move {
    let all = service.shift.steps.len();
    match step {
        None if old_serves => Move::To(0),
        None => Move::To(all),
        Some(step) if step >= all => Move::Stay,
        Some(_) if !old_serves => Move::To(all),
        Some(step) => {
            let hold = service.shift.steps.get(step).map_or(0, |step| step.hold.0);
            if held_millis >= hold { Move::To(step.saturating_add(1)) } else { Move::Stay }
        }
    }
}

/// Share of the new version in a step, 100 after the last.
pub fn percent(service: &Service, step: usize) -> u8 {
    service.shift.steps.get(step).map_or(100, |step| step.percent.min(100))
}

/// The route of a step: the new version's share, the rest as it was shared before.
///
/// The public address changes together with the last step, at once: until then the old one is served.
pub fn at_step(
    id: ServiceId,
    service: &Service,
    port: u16,
    new: Target,
    old: Option<&Route>,
    old_targets: Vec<Target>,
    percent: u8,
) -> Route {
    let percent = if old_targets.is_empty() { 100 } else { percent };
    let (listen, port) = match old {
        Some(old) if percent < 100 => (old.listen.clone(), old.port),
        _ => (service.listen.clone(), port),
    };
    Route { service: id, listen, port, targets: shares(new, old_targets, percent) }
}

fn shares(new: Target, old: Vec<Target>, percent: u8) -> Vec<Target> {
    let sum: u64 = old.iter().map(|target| u64::from(target.weight)).sum();
    let scale = sum.div_ceil(WEIGHT_MAX).max(1);
    let scaled = |target: &Target| (u64::from(target.weight) / scale).max(1);
    let sum: u64 = old.iter().map(scaled).sum();
    let rest = u64::from(100_u8.saturating_sub(percent));
    let weight = |share: u64, of: u64| u32::try_from(share.saturating_mul(of)).unwrap_or(u32::MAX);
    let first = Target { weight: weight(sum.max(1), u64::from(percent)), ..new };
    let others = old.into_iter().map(|target| Target { weight: weight(scaled(&target), rest), ..target });
    std::iter::once(first).chain(others).collect()
}

/// The new processes as a target.
pub fn target(group: &Group, health: &HealthCheck) -> Target {
    Target {
        release_id: group.id.release_id.clone(),
        version: group.version.clone(),
        weight: 0,
        ports: run::ports(group),
        health: health.clone(),
    }
}

/// Targets of an earlier route with the ports that their processes have now; without those that do not run.
pub fn alive(old: &Route, groups: &[Group]) -> Vec<Target> {
    let fresh = |target: &Target| {
        let ports = group_ports(old, target, groups)?;
        Some(Target { ports, ..target.clone() })
    };
    old.targets.iter().filter(|target| target.weight > 0).filter_map(fresh).collect()
}

/// An earlier route as it can be restored: with the ports of now where processes run, else with those of then.
pub fn restored(old: &Route, groups: &[Group]) -> Route {
    let targets = old.targets.iter().map(|target| {
        let ports = group_ports(old, target, groups).unwrap_or_else(|| target.ports.clone());
        Target { ports, ..target.clone() }
    });
    Route { targets: targets.collect(), ..old.clone() }
}

fn group_ports(route: &Route, target: &Target, groups: &[Group]) -> Option<Vec<u16>> {
    let group = groups.iter().find(|group| {
        group.id.service == route.service.service && group.id.release_id == target.release_id
    })?;
    let ports = run::ports(group);
    (!ports.is_empty()).then_some(ports)
}

/// Only the target of a release, with all the traffic.
pub fn only(route: &Route, release_id: &str) -> Route {
    let ours = route.targets.iter().filter(|target| target.release_id == release_id);
    let ours = ours.map(|target| Target { weight: 100, ..target.clone() });
    Route { targets: ours.collect(), ..route.clone() }
}

#[cfg(test)]
mod tests;
