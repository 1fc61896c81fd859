//! The rules that every release keeps, whether made from a file or sent to the API. Pure: the time is an argument.

use std::{collections::BTreeMap, net::IpAddr};

use semver::Version;
use shipway_asl::Timestamp;

use crate::{
    Millis,
    name::{check_project, check_segment},
    release::{Gate, HealthCheck, Release, Service, Shift},
};

/// Most services of a release.
pub const SERVICES_MAX: usize = 64;
/// Most processes of a service.
pub const PROCESSES_MAX: u16 = 64;
/// Most steps of a shift.
pub const SHIFT_STEPS_MAX: usize = 20;
/// Most environment variables of a service.
pub const ENV_MAX: usize = 256;
/// Longest command and longest value of a variable, in bytes.
pub const TEXT_BYTES_MAX: usize = 32 * 1024;
/// Shortest timeout of a deployment.
pub const TIMEOUT_MIN: Millis = Millis::from_seconds(1);
/// Longest timeout of a deployment, and so of all that happens in it.
pub const TIMEOUT_MAX: Millis = Millis::from_seconds(48 * 3600);
/// How old a release may be when it arrives.
pub const AGE_MAX: Millis = Millis::from_seconds(10 * 24 * 3600);
/// How far ahead the clock of its maker may be.
pub const AHEAD_MAX: Millis = Millis::from_seconds(120);

const HOUR: Millis = Millis::from_seconds(3600);
const METADATA_MAX: usize = 64;
const METADATA_BYTES_MAX: usize = 4096;

/// What is wrong with a release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {reason}")]
pub struct Problem {
    /// The place, such as `services.web.shift.steps[1].percent`.
    pub field: String,
    /// What is wrong there.
    pub reason: String,
    /// What to do.
    pub hint: Option<String>,
}

/// Collects problems below one place.
pub(super) struct Problems {
    pub(super) found: Vec<Problem>,
}

impl Problems {
    pub(super) fn new() -> Self {
        Self { found: Vec::new() }
    }

    pub(super) fn add(&mut self, field: impl Into<String>, reason: impl Into<String>, hint: &str) {
        let hint = (!hint.is_empty()).then(|| hint.to_owned());
        self.found.push(Problem { field: field.into(), reason: reason.into(), hint });
    }

    fn unless(&mut self, is_good: bool, field: impl Into<String>, reason: &str, hint: &str) {
        if !is_good {
            self.add(field, reason, hint);
        }
    }

    fn span(&mut self, field: String, value: Millis, min: Millis, max: Millis) {
        if value < min || value > max {
            self.add(field, format!("{value} is not between {min} and {max}"), "");
        }
    }
}

/// Checks a release that arrives; the first thing that is wrong with it.
pub fn check_release(release: &Release, now: Timestamp) -> Result<(), Problem> {
    problems(release, now).into_iter().next().map_or(Ok(()), Err)
}

/// All that is wrong with a release that arrives.
pub fn problems(release: &Release, now: Timestamp) -> Vec<Problem> {
    let mut problems = Problems::new();
    check_head(release, &mut problems);
    check_origin(release, &mut problems);
    check_created_at(release.created_at, now, &mut problems);
    check_metadata(&release.metadata, &mut problems);
    check_timeout("timeout", release.timeout, &mut problems);
    check_services(&release.services, release.timeout, &mut problems);
    problems.found
}

fn check_head(release: &Release, problems: &mut Problems) {
    let id = &release.release_id;
    let is_id = id.starts_with(|c: char| c.is_ascii_alphanumeric())
        && id.len() <= 100
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'));
    problems.unless(is_id, "release_id", "not an id: letters, digits and `-_.:`, at most 100", "");
    if let Err(error) = check_project(&release.project_name) {
        problems.add("project_name", error.to_string(), "");
    }
    if let Err(error) = check_segment(&release.config_name) {
        problems.add("config_name", error.to_string(), "");
    }
    if let Err(error) = Version::parse(&release.version) {
        problems.add(
            "version",
            format!("not a SemVer version: {error}"),
            "such as `1.4.0`, without a prefix",
        );
    }
}

fn check_origin(release: &Release, problems: &mut Problems) {
    let is_hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let commit = &release.commit;
    let is_commit = matches!(commit.len(), 40 | 64) && is_hex(commit);
    problems.unless(is_commit, "commit", "not a full commit id", "git rev-parse HEAD");
    for (field, text, chars_max) in [("subject", &release.subject, 1000), ("author", &release.author, 200)] {
        let is_line = text.chars().count() <= chars_max && !text.contains(char::is_control);
        problems.unless(is_line, field, &format!("not one line of at most {chars_max} characters"), "");
    }
    let digest = &release.artifact_sha256;
    problems.unless(
        digest.len() == 64 && is_hex(digest),
        "artifact_sha256",
        "not 64 lower-case hex digits",
        "",
    );
}

fn check_created_at(created_at: Timestamp, now: Timestamp, problems: &mut Problems) {
    if now.millis_since(created_at) > AGE_MAX.0 {
        problems.add("created_at", "the release is older than 10 days", "make a new release of the commit");
    }
    if created_at.millis_since(now) > AHEAD_MAX.0 {
        problems.add("created_at", format!("{created_at} is in the future"), "set the clock of that machine");
    }
}

fn check_metadata(metadata: &BTreeMap<String, String>, problems: &mut Problems) {
    problems.unless(
        metadata.len() <= METADATA_MAX,
        "metadata",
        &format!("more than {METADATA_MAX} entries"),
        "",
    );
    for (key, value) in metadata {
        let is_short = key.len() <= 100 && value.len() <= METADATA_BYTES_MAX;
        let reason = format!("longer than 100 bytes (name) or {METADATA_BYTES_MAX} (value)");
        problems.unless(is_short, format!("metadata.{key}"), &reason, "");
    }
}

pub(super) fn check_timeout(field: &str, timeout: Millis, problems: &mut Problems) {
    problems.span(field.to_owned(), timeout, TIMEOUT_MIN, TIMEOUT_MAX);
}

/// Checks the services of one release together.
pub(super) fn check_services(services: &BTreeMap<String, Service>, timeout: Millis, problems: &mut Problems) {
    let hint = "add `[services.web]` with a `command`";
    problems.unless(!services.is_empty(), "services", "there is no service", hint);
    problems.unless(
        services.len() <= SERVICES_MAX,
        "services",
        &format!("more than {SERVICES_MAX} services"),
        "",
    );
    let mut ports: BTreeMap<u16, &str> = BTreeMap::new();
    for (name, service) in services {
        let field = format!("services.{name}");
        if let Err(error) = check_segment(name) {
            problems.add(&field, error.to_string(), "");
        }
        check_service(&field, service, problems);
        check_duration(&field, service, timeout, problems);
        let Some(port) = service.port else { continue };
        match ports.get(&port) {
            Some(other) => {
                let reason = format!("port {port} is that of service `{other}` too");
                problems.add(format!("{field}.port"), reason, "give each service a port of its own");
            }
            None => drop(ports.insert(port, name)),
        }
    }
}

/// What is asked to take longer than the deployment may take can only fail.
fn check_duration(field: &str, service: &Service, timeout: Millis, problems: &mut Problems) {
    let holds = service.shift.steps.iter().map(|step| step.hold.0);
    let asked = Millis(holds.fold(service.bake.0, u64::saturating_add));
    if asked >= timeout && timeout >= TIMEOUT_MIN {
        let reason = format!("shift and bake take {asked}, the deployment may take {timeout}");
        problems.add(format!("{field}.bake"), reason, "shorten them, or raise `timeout`");
    }
}

fn check_service(field: &str, service: &Service, problems: &mut Problems) {
    let at = |name: &str| format!("{field}.{name}");
    check_command(at("command"), &service.command, problems);
    check_env(&at("env"), &service.env, problems);
    problems.unless(service.port != Some(0), at("port"), "port 0 is none", "leave `port` out for a worker");
    if service.listen.parse::<IpAddr>().is_err() {
        let reason = format!("`{}` is not an IP address", service.listen);
        problems.add(at("listen"), reason, "`127.0.0.1` for this machine only, `0.0.0.0` for all");
    }
    if !(1..=PROCESSES_MAX).contains(&service.processes) {
        let reason = format!("{} is not between 1 and {PROCESSES_MAX}", service.processes);
        problems.add(at("processes"), reason, "");
    }
    check_health(&at("health"), service, &service.health, problems);
    check_shift(&at("shift"), service, &service.shift, problems);
    check_gate(&at("gate"), &service.gate, problems);
    problems.span(at("bake"), service.bake, Millis(0), TIMEOUT_MAX);
    problems.span(at("drain"), service.drain, Millis(0), HOUR);
    problems.span(at("stop_timeout"), service.stop_timeout, Millis(0), HOUR);
    problems.unless(service.crashes_max <= 1000, at("crashes_max"), "more than 1000", "");
}

fn check_command(field: String, command: &str, problems: &mut Problems) {
    let hint = "such as `command = \"bin/web\"`, or `procfile = \"web\"`";
    if command.trim().is_empty() {
        problems.add(field, "there is no command", hint);
    } else if command.contains('\0') || command.len() > TEXT_BYTES_MAX {
        problems.add(field, format!("holds a NUL character or more than {TEXT_BYTES_MAX} bytes"), "");
    }
}

fn check_env(field: &str, env: &BTreeMap<String, String>, problems: &mut Problems) {
    problems.unless(env.len() <= ENV_MAX, field, &format!("more than {ENV_MAX} variables"), "");
    for (name, value) in env {
        let at = format!("{field}.{name}");
        let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !starts_well || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            problems.add(&at, format!("`{name}` is not the name of a variable"), "letters, digits and `_`");
        }
        if name == "PORT" || name.starts_with("SHIPWAY_") {
            let hint = "PORT and SHIPWAY_* are set by Shipway; the public port is `port`";
            problems.add(&at, format!("`{name}` is reserved"), hint);
        }
        let is_value = !value.contains('\0') && value.len() <= TEXT_BYTES_MAX;
        problems.unless(
            is_value,
            &at,
            &format!("holds a NUL character or more than {TEXT_BYTES_MAX} bytes"),
            "",
        );
    }
}

fn check_health(field: &str, service: &Service, health: &HealthCheck, problems: &mut Problems) {
    let at = |name: &str| format!("{field}.{name}");
    if let Some(path) = &health.path {
        let is_path =
            path.starts_with('/') && path.len() <= 2048 && path.bytes().all(|b| b.is_ascii_graphic());
        problems.unless(
            is_path,
            at("path"),
            &format!("`{path}` is not a path"),
            "such as `/health`, without blanks",
        );
        let hint = "give the service a `port`, or leave the path out";
        problems.unless(service.port.is_some(), at("path"), "a service without a port answers no path", hint);
    }
    problems.span(at("interval"), health.interval, Millis(10), HOUR);
    problems.span(at("timeout"), health.timeout, Millis(1), HOUR);
    problems.span(at("grace"), health.grace, Millis(1), TIMEOUT_MAX);
    for (name, count) in
        [("healthy_after", health.healthy_after), ("unhealthy_after", health.unhealthy_after)]
    {
        problems.unless(
            (1..=100).contains(&count),
            at(name),
            &format!("{count} is not between 1 and 100"),
            "",
        );
    }
}

fn check_shift(field: &str, service: &Service, shift: &Shift, problems: &mut Problems) {
    if shift.steps.is_empty() {
        return;
    }
    let hint = "leave `shift` out: a worker has no traffic to move";
    problems.unless(service.port.is_some(), field, "a service without a port has no traffic", hint);
    let reason = format!("more than {SHIFT_STEPS_MAX} steps");
    problems.unless(shift.steps.len() <= SHIFT_STEPS_MAX, format!("{field}.steps"), &reason, "");
    let mut before = 0;
    for (at, step) in shift.steps.iter().enumerate() {
        let place = format!("{field}.steps[{at}]");
        if !(1..=99).contains(&step.percent) {
            let reason = format!("{} is not between 1 and 99", step.percent);
            problems.add(format!("{place}.percent"), reason, "100 % comes after the last step by itself");
        } else if step.percent <= before {
            let reason = format!("{} is not more than the {before} of the step before", step.percent);
            problems.add(format!("{place}.percent"), reason, "let the percents rise");
        }
        before = step.percent;
        problems.span(format!("{place}.hold"), step.hold, Millis(0), TIMEOUT_MAX);
    }
}

fn check_gate(field: &str, gate: &Gate, problems: &mut Problems) {
    if !(0.0..=1.0).contains(&gate.error_ratio_max) {
        let reason = format!("{} is not between 0 and 1", gate.error_ratio_max);
        problems.add(format!("{field}.error_ratio_max"), reason, "1 % is 0.01");
    }
    if let Some(p99) = gate.p99_max {
        problems.span(format!("{field}.p99_max"), p99, Millis(1), HOUR);
    }
}
