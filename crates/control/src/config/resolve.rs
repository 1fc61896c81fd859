//! What a service is in one environment: its own words there, then its own words, then the environment's, then ours.

use std::collections::BTreeMap;

use super::file::{File, FileEnvironment, FileGate, FileHealth, FileService, FileShift, HealthTable};
use crate::{
    Millis,
    release::{Gate, HealthCheck, Service, Shift, ShiftStep},
};

/// Share and time of a canary.
pub const CANARY: ShiftStep = ShiftStep { percent: 10, hold: Millis::from_seconds(10) };

/// How long a deployment may take if the file does not say.
pub const DEFAULT_TIMEOUT: Millis = Millis::from_seconds(30 * 60);

/// Where a service's command comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// It is given.
    Command,
    /// From this line of the Procfile.
    Procfile(String),
    /// It is not said.
    Missing,
}

/// The services of an environment, with commands still to be taken from the Procfile.
pub(super) fn services(file: &File, environment: &FileEnvironment) -> BTreeMap<String, (Service, Source)> {
    let names = file.services.keys().chain(environment.services.keys());
    names
        .map(|name| {
            let nothing = FileService::default();
            let own = file.services.get(name).unwrap_or(&nothing);
            let there = environment.services.get(name).unwrap_or(&nothing);
            (name.clone(), service(&merged(own, there), environment))
        })
        .collect()
}

/// `there` before `own`, key by key. A command and a Procfile line replace each other.
fn merged(own: &FileService, there: &FileService) -> FileService {
    let says_command = there.command.is_some() || there.procfile.is_some();
    let source = if says_command { there } else { own };
    let mut env = own.env.clone();
    env.extend(there.env.clone());
    FileService {
        command: source.command.clone(),
        procfile: source.procfile.clone(),
        env,
        port: there.port.or(own.port),
        listen: there.listen.clone().or_else(|| own.listen.clone()),
        processes: there.processes.or(own.processes),
        health: over(there.health.as_ref(), own.health.as_ref(), merged_health),
        shift: there.shift.clone().or_else(|| own.shift.clone()),
        bake: there.bake.or(own.bake),
        gate: over(there.gate.as_ref(), own.gate.as_ref(), merged_gate),
        drain: there.drain.or(own.drain),
        stop_timeout: there.stop_timeout.or(own.stop_timeout),
        crashes_max: there.crashes_max.or(own.crashes_max),
    }
}

fn over<T: Clone>(there: Option<&T>, own: Option<&T>, merge: impl Fn(&T, &T) -> T) -> Option<T> {
    match (there, own) {
        (Some(there), Some(own)) => Some(merge(there, own)),
        (Some(one), None) | (None, Some(one)) => Some(one.clone()),
        (None, None) => None,
    }
}

fn merged_health(there: &FileHealth, own: &FileHealth) -> FileHealth {
    let (there, own) = (&there.0, &own.0);
    FileHealth(HealthTable {
        path: there.path.clone().or_else(|| own.path.clone()),
        interval: there.interval.or(own.interval),
        timeout: there.timeout.or(own.timeout),
        healthy_after: there.healthy_after.or(own.healthy_after),
        unhealthy_after: there.unhealthy_after.or(own.unhealthy_after),
        grace: there.grace.or(own.grace),
    })
}

fn merged_gate(there: &FileGate, own: &FileGate) -> FileGate {
    FileGate {
        error_ratio_max: there.error_ratio_max.or(own.error_ratio_max),
        p99_max: there.p99_max.or(own.p99_max),
        requests_min: there.requests_min.or(own.requests_min),
    }
}

fn service(file: &FileService, environment: &FileEnvironment) -> (Service, Source) {
    let source = match (&file.command, &file.procfile) {
        (Some(_), _) => Source::Command,
        (None, Some(line)) => Source::Procfile(line.clone()),
        (None, None) => Source::Missing,
    };
    let for_traffic = environment.shift.as_ref().filter(|_| file.port.is_some());
    let gate = over(file.gate.as_ref(), environment.gate.as_ref(), merged_gate);
    let service = Service {
        command: file.command.clone().unwrap_or_default(),
        env: file.env.clone(),
        port: file.port,
        listen: file.listen.clone().unwrap_or_else(|| "127.0.0.1".to_owned()),
        processes: file.processes.unwrap_or(1),
        health: file.health.as_ref().map(|health| self::health(&health.0)).unwrap_or_default(),
        shift: file.shift.as_ref().or(for_traffic).map(shift).unwrap_or_default(),
        bake: file.bake.or(environment.bake).unwrap_or_default(),
        gate: gate.as_ref().map(self::gate).unwrap_or_default(),
        drain: file.drain.unwrap_or(Millis::from_seconds(10)),
        stop_timeout: file.stop_timeout.unwrap_or(Millis::from_seconds(10)),
        crashes_max: file.crashes_max.unwrap_or(0),
    };
    (service, source)
}

fn health(table: &HealthTable) -> HealthCheck {
    let default = HealthCheck::default();
    HealthCheck {
        path: table.path.clone(),
        interval: table.interval.unwrap_or(default.interval),
        timeout: table.timeout.unwrap_or(default.timeout),
        healthy_after: table.healthy_after.unwrap_or(default.healthy_after),
        unhealthy_after: table.unhealthy_after.unwrap_or(default.unhealthy_after),
        grace: table.grace.unwrap_or(default.grace),
    }
}

fn shift(shift: &FileShift) -> Shift {
    match shift {
        FileShift::AllAtOnce => Shift::default(),
        FileShift::Canary => Shift { steps: vec![CANARY] },
        FileShift::Steps(steps) => Shift { steps: steps.clone() },
    }
}

fn gate(table: &FileGate) -> Gate {
    let default = Gate::default();
    Gate {
        error_ratio_max: table.error_ratio_max.unwrap_or(default.error_ratio_max),
        p99_max: table.p99_max.or(default.p99_max),
        requests_min: table.requests_min.unwrap_or(default.requests_min),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The release's own defaults and those of the file must not drift apart.
    #[test]
    fn an_almost_empty_service_is_the_release_default() {
        let file = FileService { command: Some("x".to_owned()), ..FileService::default() };
        let (made, source) = service(&file, &FileEnvironment::default());
        let parsed: Service = serde_json::from_str(r#"{"command": "x"}"#).unwrap();
        assert_eq!((made, source), (parsed, Source::Command));
    }
}
