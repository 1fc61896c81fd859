//! `shipway status`: what runs where.

use clap::Parser;
use shipway_asl::Timestamp;
use shipway_control::{
    app::ServiceStatus,
    host::{Process, ProcessState},
};

use super::{Command, Group};
use crate::{
    api::Api,
    context::Context,
    exit::Code,
    failure::Failure,
    known, local,
    target::{self, Project},
    words::{ago, clean, row, table, thousands},
};

/// Characters of what is wrong with a service.
const PROBLEM_CHARS: usize = 600;

/// Show what runs where
///
/// Within a project its services, elsewhere all of them.
///
///     $ shipway status
///     $ shipway status --json | jq -r '.[].version'
#[derive(Debug, Parser)]
#[command(name = "status", verbatim_doc_comment)]
pub struct Status {
    /// Only this environment
    #[arg(value_name = "ENV")]
    environment: Option<String>,
    /// Services of all projects, also within a project
    #[arg(short, long)]
    all: bool,
}

impl Command for Status {
    const GROUP: Option<Group> = Some(Group::Operate);

    async fn run(self, cx: &Context) -> Result<Code, Failure> {
        let project = if self.all { None } else { target::project()? };
        let api = local::expect(cx).await?;
        let mut services = api.services().await?;
        if let Some(environment) = &self.environment {
            known::environment(&api, project.as_ref(), environment).await?;
        }
        services.retain(|service| self.is_meant(project.as_ref(), service));
        troubles(cx, &api, &services).await;
        if cx.out.is_json() {
            cx.out.json(&services)?;
            return Ok(Code::Ok);
        }
        if services.is_empty() {
            cx.out.say("nothing runs yet; `shipway deploy` changes that");
            return Ok(Code::Ok);
        }
        let now = cx.now();
        let mut rows = vec![row([
            "SERVICE",
            "VERSION",
            "SINCE",
            "RUNNING",
            "ADDRESS",
            "TRAFFIC",
            "REQUESTS",
            "DEPLOYMENT",
        ])];
        rows.extend(services.iter().map(|service| service_row(service, now)));
        cx.out.text(&table(&rows))?;
        cx.out.say(&format!("\n{}", api.url()));
        Ok(Code::Ok)
    }
}

impl Status {
    fn is_meant(&self, project: Option<&Project>, service: &ServiceStatus) -> bool {
        let place = format!("{}/{}", service.project, service.environment);
        let is_environment = self
            .environment
            .as_ref()
            .is_none_or(|environment| *environment == service.environment || *environment == place);
        is_environment && project.is_none_or(|project| project.name == service.project)
    }
}

/// What does not stand as it should is said beside the table, so that nobody takes it for all there is.
async fn troubles(cx: &Context, api: &Api, services: &[ServiceStatus]) {
    if let Some(reason) = api.store_trouble().await {
        cx.out.warn(&format!("deployments stand still until the store can be written: {reason}"));
    }
    for service in services {
        if let Some(problem) = &service.problem {
            let name = format!("{}/{}/{}", service.project, service.environment, service.service);
            cx.out.warn(&format!("{name} {}", clean(problem, PROBLEM_CHARS)));
            cx.out.say("  deploy again: what is missing or altered is made anew");
        }
    }
}

fn service_row(service: &ServiceStatus, now: Timestamp) -> Vec<String> {
    let name = format!("{}/{}/{}", service.project, service.environment, service.service);
    let dash = || "-".to_owned();
    row([
        &name,
        &service.version.clone().unwrap_or_else(dash),
        &service.since.map_or_else(dash, |since| ago(since, now)),
        &running(service),
        &service.address.clone().unwrap_or_else(dash),
        &traffic(service),
        &requests_of(service),
        service.deployment.as_deref().unwrap_or(""),
    ])
}

/// Running processes of all of the release that serves.
fn running(service: &ServiceStatus) -> String {
    let current = service.release_id.as_ref().and_then(|release| service.groups.get(release));
    let Some(processes) = current else { return "-".to_owned() };
    let is_running = |process: &&Process| process.state == ProcessState::Running;
    let crashes: u32 = processes.iter().map(|process| process.crashes).sum();
    let counts = format!("{}/{}", processes.iter().filter(is_running).count(), processes.len());
    match crashes {
        0 => counts,
        1 => format!("{counts} (1 crash)"),
        _ => format!("{counts} ({crashes} crashes)"),
    }
}

/// Shares by version, only if more than one gets traffic.
fn traffic(service: &ServiceStatus) -> String {
    let shares: Vec<String> = service
        .percent
        .iter()
        .filter(|(_, percent)| **percent > 0)
        .map(|(release, percent)| {
            let version = service.traffic.get(release).map_or("?", |counts| counts.version.as_str());
            if *percent == 100 { "100 %".to_owned() } else { format!("{version} {percent} %") }
        })
        .collect();
    if shares.is_empty() { "-".to_owned() } else { shares.join(", ") }
}

/// Requests of the release that serves: all of them, those that got no whole answer too.
fn requests_of(service: &ServiceStatus) -> String {
    let current = service.release_id.as_ref().and_then(|release| service.traffic.get(release));
    let Some(counts) = current else { return "-".to_owned() };
    let bad = counts.server_errors.saturating_add(counts.failures);
    // WHY: `requests` counts answers only; a service that answers nothing would seem to be asked nothing.
    let all = thousands(counts.requests.saturating_add(counts.failures));
    if bad > 0 { format!("{all} ({} bad)", thousands(bad)) } else { all }
}

#[cfg(test)]
mod tests {
    use shipway_control::host::Counts;

    use super::*;

    #[test]
    fn requests_without_an_answer_are_requests() {
        let mut service: ServiceStatus = serde_json::from_value(serde_json::json!({
            "project": "shop", "environment": "production", "service": "web", "address": null,
            "release_id": "r", "version": "1.0.0", "commit": null, "author": null, "since": null,
            "groups": {}, "percent": {}, "traffic": {}, "deployment": null
        }))
        .unwrap();
        let mut shown = |requests, server_errors, failures| {
            let counts = Counts { requests, server_errors, failures, ..Counts::default() };
            service.traffic.insert("r".to_owned(), counts);
            requests_of(&service)
        };
        assert_eq!(shown(0, 0, 12), "12 (12 bad)");
        assert_eq!(shown(1_000, 2, 3), "1,003 (5 bad)");
        assert_eq!(shown(7, 0, 0), "7");
    }
}
