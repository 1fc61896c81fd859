//! What every release must fulfil, whoever made it. Looks at the document only, not at the machine.

use crate::{
    Millis,
    name::{check_project, check_segment},
    release::{Release, Service},
};

/// Services of one release at most.
const SERVICES_MAX: usize = 64;

/// The longest deployment.
const TIMEOUT_MAX: Millis = Millis::from_seconds(172_800);

/// The longest time between SIGTERM and SIGKILL.
pub const STOP_TIMEOUT_MAX: Millis = Millis::from_seconds(300);

/// The longest time for requests in flight to end.
const DRAIN_MAX: Millis = Millis::from_seconds(300);

/// What is wrong with a release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {reason}")]
pub struct BadRelease {
    /// Its place in the release.
    pub field: String,
    /// What is wrong.
    pub reason: String,
    /// What to do.
    pub hint: Option<String>,
}

/// Checks a release; the first fault is told.
pub fn check_release(release: &Release) -> Result<(), BadRelease> {
    check_project(&release.project_name).map_err(|error| bad("project_name", &error.to_string()))?;
    check_segment(&release.config_name).map_err(|error| bad("config_name", &error.to_string()))?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    ensure(
        !release.release_id.is_empty()
            && release.release_id.len() <= 80
            && release.release_id.chars().all(is_plain),
        "release_id",
        "must be 1 to 80 letters, digits or `-`",
    )?;
    semver::Version::parse(&release.version).map_err(|error| bad("version", &error.to_string()))?;
    let is_hash =
        release.artifact_sha256.len() == 64 && release.artifact_sha256.bytes().all(|b| b.is_ascii_hexdigit());
    ensure(is_hash, "artifact_sha256", "must be 64 hex digits")?;
    ensure(!release.services.is_empty(), "services", "must name at least one service")?;
    ensure(release.services.len() <= SERVICES_MAX, "services", "must be at most 64")?;
    span("timeout", release.timeout, Millis(1_000), TIMEOUT_MAX)?;
    for (name, service) in &release.services {
        check_segment(name).map_err(|error| bad(&format!("services.{name}"), &error.to_string()))?;
        check_service(name, service)?;
        fits(name, service, release.timeout)?;
    }
    ports_differ(release)
}

fn check_service(name: &str, service: &Service) -> Result<(), BadRelease> {
    let field = |field: &str| format!("services.{name}.{field}");
    ensure(!service.command.trim().is_empty(), &field("command"), "must not be empty")?;
    ensure(!service.command.contains('\0'), &field("command"), "must not contain a NUL character")?;
    ensure((1..=64).contains(&service.processes), &field("processes"), "must be 1 to 64")?;
    ensure(service.port != Some(0), &field("port"), "must be 1 to 65535")?;
    ensure(!service.listen.is_empty(), &field("listen"), "must not be empty")?;
    let path = service.health.path.as_deref();
    ensure(path.is_none_or(|path| path.starts_with('/')), &field("health.path"), "must start with `/`")?;
    let worker_probe = service.port.is_none() && path.is_some();
    ensure(!worker_probe, &field("health.path"), "needs a `port`: a worker is healthy while it is alive")?;
    span(&field("health.interval"), service.health.interval, Millis(10), Millis::from_seconds(300))?;
    span(&field("health.timeout"), service.health.timeout, Millis(10), Millis::from_seconds(60))?;
    ensure(service.health.healthy_after > 0, &field("health.healthy_after"), "must be at least 1")?;
    ensure(service.health.unhealthy_after > 0, &field("health.unhealthy_after"), "must be at least 1")?;
    span(&field("health.grace"), service.health.grace, Millis(1), TIMEOUT_MAX)?;
    let ratio = service.gate.error_ratio_max;
    ensure((0.0..=1.0).contains(&ratio), &field("gate.error_ratio_max"), "must be 0 to 1")?;
    span(&field("drain"), service.drain, Millis(0), DRAIN_MAX)?;
    span(&field("stop_timeout"), service.stop_timeout, Millis(0), STOP_TIMEOUT_MAX)?;
    for (index, step) in service.shift.steps.iter().enumerate() {
        let field = field(&format!("shift.steps[{index}].percent"));
        ensure((1..=99).contains(&step.percent), &field, "must be 1 to 99; 100 comes after the last step")?;
    }
    ensure(service.shift.steps.len() <= 100, &field("shift.steps"), "must be at most 100")
}

/// What a service asks to wait for must fit into the timeout, or no deployment could succeed.
fn fits(name: &str, service: &Service, timeout: Millis) -> Result<(), BadRelease> {
    let holds = service.shift.steps.iter().fold(0_u64, |sum, step| sum.saturating_add(step.hold.0));
    let asked = holds.saturating_add(service.bake.0);
    if asked < timeout.0 {
        return Ok(());
    }
    Err(BadRelease {
        field: "timeout".to_owned(),
        reason: format!(
            "{timeout} is not longer than the holds and bake of service `{name}`, which take {}",
            Millis(asked)
        ),
        hint: Some(format!("raise `timeout`, or shorten `services.{name}.shift` or `bake`")),
    })
}

fn ports_differ(release: &Release) -> Result<(), BadRelease> {
    let mut seen = std::collections::BTreeMap::new();
    for (name, service) in &release.services {
        if let Some(port) = service.port
            && let Some(other) = seen.insert(port, name)
        {
            let reason = format!("{port} is the port of service `{other}` too");
            return Err(bad(&format!("services.{name}.port"), &reason));
        }
    }
    Ok(())
}

fn span(field: &str, span: Millis, min: Millis, max: Millis) -> Result<(), BadRelease> {
    ensure((min..=max).contains(&span), field, &format!("must be {min} to {max}"))
}

fn ensure(holds: bool, field: &str, reason: &str) -> Result<(), BadRelease> {
    if holds { Ok(()) } else { Err(bad(field, reason)) }
}

fn bad(field: &str, reason: &str) -> BadRelease {
    BadRelease { field: field.to_owned(), reason: reason.to_owned(), hint: None }
}
