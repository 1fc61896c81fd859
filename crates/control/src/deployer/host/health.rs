//! When a process counts as healthy, and when a group has failed. Pure: looks at what was probed, probes nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shipway_asl::Timestamp;

use crate::{
    deployer::Progress,
    host::{Group, Probe, Process, ProcessState},
    release::{HealthCheck, Service},
};

/// Probes of one process in a row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Streak {
    /// When the process that was probed was started: another one begins anew.
    pub started_at: Option<Timestamp>,
    /// Good probes in a row.
    pub good: u32,
    /// Bad probes in a row.
    pub bad: u32,
    /// Whether it counts as healthy.
    pub is_healthy: bool,
    /// Whether it ever did.
    pub was_healthy: bool,
    /// What the last probe gave.
    pub evidence: String,
}

impl Streak {
    /// Adds one probe.
    pub fn add(&mut self, probe: &Probe, health: &HealthCheck) {
        self.evidence.clone_from(&probe.evidence);
        if probe.is_healthy {
            self.good = self.good.saturating_add(1);
            self.bad = 0;
        } else {
            self.bad = self.bad.saturating_add(1);
            self.good = 0;
        }
        self.is_healthy = if self.is_healthy {
            self.bad < health.unhealthy_after.max(1)
        } else {
            self.good >= health.healthy_after.max(1)
        };
        self.was_healthy |= self.is_healthy;
    }

    /// Whether so many probes were bad that a process which never was healthy is known to be broken.
    pub fn is_broken(&self, health: &HealthCheck) -> bool {
        !self.is_healthy && self.bad >= health.unhealthy_after.max(1)
    }

    /// Begins anew if the process is not the one that was probed.
    pub fn follow(&mut self, process: &Process) {
        let started_at = process.started_at.filter(|_| process.state == ProcessState::Running);
        if started_at.is_none() || self.started_at != started_at {
            let evidence = process.last_exit.clone().unwrap_or_else(|| "not probed yet".to_owned());
            *self = Self { started_at, evidence, ..Self::default() };
        }
    }
}

/// What is wrong with a group.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    /// Too many crashes.
    #[error(
        "service `{service}`: {crashes} crash(es) of new processes, {allowed} tolerated; process {process} ended last with {last_exit}"
    )]
    Crashed {
        /// The service.
        service: String,
        /// Process that crashed most.
        process: u16,
        /// Crashes of all processes of the group.
        crashes: u32,
        /// How many are tolerated.
        allowed: u32,
        /// How it ended.
        last_exit: String,
    },
    /// A process did not become healthy.
    #[error(
        "service `{service}`: process {process} is not healthy {grace} after its start; {probe} gave: {evidence}"
    )]
    Grace {
        /// The service.
        service: String,
        /// The process.
        process: u16,
        /// How long it may take.
        grace: String,
        /// What was probed.
        probe: String,
        /// What came.
        evidence: String,
    },
    /// A healthy process became unhealthy while it served.
    #[error("service `{service}`: process {process} became unhealthy; {probe} gave: {evidence}")]
    Unhealthy {
        /// The service.
        service: String,
        /// The process.
        process: u16,
        /// What was probed.
        probe: String,
        /// What came.
        evidence: String,
    },
    /// Processes are not there that were started.
    #[error("service `{service}`: {found} of {wanted} new processes are there")]
    Missing {
        /// The service.
        service: String,
        /// How many there are.
        found: u16,
        /// How many there should be.
        wanted: u16,
    },
}

/// Judges a group; `is_serving` once it may get traffic, `since` is when it was started.
pub fn judge(
    name: &str,
    service: &Service,
    group: &Group,
    streaks: &BTreeMap<u16, Streak>,
    is_serving: bool,
    since: Timestamp,
    now: Timestamp,
) -> Result<(), Failed> {
    crashes(name, service, group)?;
    let found = u16::try_from(group.processes.len()).unwrap_or(u16::MAX);
    if found < service.processes
        || group.processes.iter().any(|process| process.state == ProcessState::Stopped)
    {
        let running = group.processes.iter().filter(|process| process.state != ProcessState::Stopped).count();
        let found = u16::try_from(running).unwrap_or(u16::MAX);
        return Err(Failed::Missing { service: name.to_owned(), found, wanted: service.processes });
    }
    let unknown = Streak::default();
    for process in &group.processes {
        let streak = streaks.get(&process.index).unwrap_or(&unknown);
        let evidence =
            || if streak.evidence.is_empty() { "nothing".to_owned() } else { streak.evidence.clone() };
        if is_serving && streak.was_healthy && !streak.is_healthy {
            return Err(Failed::Unhealthy {
                service: name.to_owned(),
                process: process.index,
                probe: probe_name(service),
                evidence: evidence(),
            });
        }
        let started = process.started_at.unwrap_or(since).max(since);
        if !streak.is_healthy && now.millis_since(started) >= service.health.grace.0 {
            return Err(Failed::Grace {
                service: name.to_owned(),
                process: process.index,
                grace: service.health.grace.to_string(),
                probe: probe_name(service),
                evidence: evidence(),
            });
        }
    }
    Ok(())
}

/// Fails a group whose processes crashed more often than is tolerated. Crashes add up over all processes.
fn crashes(name: &str, service: &Service, group: &Group) -> Result<(), Failed> {
    let crashes = group.processes.iter().map(|process| process.crashes).fold(0, u32::saturating_add);
    let worst = group.processes.iter().max_by_key(|process| process.crashes);
    match worst {
        Some(worst) if crashes > service.crashes_max => Err(Failed::Crashed {
            service: name.to_owned(),
            process: worst.index,
            crashes,
            allowed: service.crashes_max,
            last_exit: worst.last_exit.clone().unwrap_or_else(|| "an unknown status".to_owned()),
        }),
        Some(_) | None => Ok(()),
    }
}

/// What a probe of the service does, for people.
pub fn probe_name(service: &Service) -> String {
    match (&service.health.path, service.port) {
        (Some(path), _) => format!("GET {path}"),
        (None, Some(_)) => "connecting".to_owned(),
        (None, None) => "being alive".to_owned(),
    }
}

/// How a group stands, for people and for the question whether it may get traffic.
pub fn progress(service: &Service, group: Option<&Group>, streaks: &BTreeMap<u16, Streak>) -> Progress {
    let mut progress =
        Progress { wanted: service.processes, needed: service.processes, ..Progress::default() };
    for process in group.map(|group| group.processes.as_slice()).unwrap_or_default() {
        let streak = streaks.get(&process.index);
        let is_healthy = streak.is_some_and(|streak| streak.is_healthy);
        match process.state {
            ProcessState::Running if is_healthy => progress.healthy = progress.healthy.saturating_add(1),
            ProcessState::Running | ProcessState::BackOff => {
                progress.starting = progress.starting.saturating_add(1);
            }
            ProcessState::Stopping | ProcessState::Stopped => {
                progress.stopped = progress.stopped.saturating_add(1);
            }
        }
        if !is_healthy || progress.evidence.is_none() {
            progress.evidence =
                streak.filter(|streak| !streak.evidence.is_empty()).map(|streak| streak.evidence.clone());
        }
    }
    progress
}

/// Whether all processes that a service needs are healthy.
pub fn is_whole(progress: &Progress) -> bool {
    progress.healthy >= progress.needed
}

/// Whether moreover each of them answered its last probe well: only then it may get more traffic.
pub fn is_steady(progress: &Progress, streaks: &BTreeMap<u16, Streak>) -> bool {
    is_whole(progress) && streaks.values().all(|streak| streak.bad == 0)
}

#[cfg(test)]
mod tests;
