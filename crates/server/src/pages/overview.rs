//! What runs where, and what was deployed lately.

use axum::extract::State;
use maud::{Markup, html};
use shipway_asl::Timestamp;
use shipway_control::{
    app::{Deployment, Error, ServiceStatus},
    host::{Counts, Process, ProcessState},
};

use super::{
    Page,
    execution::path_of,
    frame,
    numbers::{asked, error_share, latency, percentile},
    parts::{ago, commit, execution_path, number, outcome, service_path, span, target, versions},
};
use crate::{Shared, app::App};

/// Recent deployments that are shown.
const RECENT: usize = 15;

/// The page.
pub async fn page(State(shared): State<Shared>) -> Page {
    let content = content(&*shared.app).await?;
    Ok(frame::page(frame::Section::Overview, "Overview", Some("/live"), &content))
}

/// What the page's stream replaces.
pub async fn content(app: &dyn App) -> Result<Markup, Error> {
    let (services, (deployments, _)) =
        tokio::try_join!(app.services(), app.deployments(None, None, None, RECENT))?;
    let store = app.check().await.err();
    let now = app.now();
    Ok(html! {
        div #overview {
            h1.hidden { "Overview" }
            @if let Some(trouble) = &store { (store_trouble(trouble)) }
            section {
                h2 { "What runs where" }
                @if services.is_empty() { (empty()) } @else { (services_table(&services, now)) }
            }
            section {
                h2 { "Recent deployments" }
                @if deployments.is_empty() { p.muted { "Nothing was deployed yet." } }
                @else { (deployments_table(&deployments, now)) }
            }
        }
    })
}

fn store_trouble(trouble: &Error) -> Markup {
    html! {
        div.failure role="alert" {
            p { strong { "The store cannot be written." } " Deployments stand still until it can; what runs goes on." }
            p.cause { (trouble) }
        }
    }
}

fn empty() -> Markup {
    html! {
        div.empty {
            p { "Nothing runs yet." }
            p.muted { "In a repository: " code { "shipway init" } ", then " code { "shipway deploy" } "." }
        }
    }
}

fn services_table(services: &[ServiceStatus], now: Timestamp) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Services" {
            table {
                thead { tr {
                    th scope="col" { "Service" } th scope="col" { "Version" } th scope="col" { "Since" }
                    th scope="col" { "Author" } th scope="col" { "Processes" } th.num scope="col" { "Requests" }
                    th.num scope="col" { "Errors" } th.num scope="col" { "p99" } th scope="col" { "Deployment" }
                } }
                tbody { @for service in services { (service_row(service, now)) } }
            }
        }
    }
}

fn service_row(service: &ServiceStatus, now: Timestamp) -> Markup {
    let path = service_path(&service.project, &service.environment, &service.service);
    let current = service.release_id.as_ref();
    let counts = current.and_then(|id| service.traffic.get(id));
    html! {
        tr {
            th scope="row" {
                a.strong href=(path) { (service.service) }
                div.muted.small { (target(&service.project, &service.environment)) }
                @if let Some(problem) = &service.problem { div.bad.small { (problem) } }
            }
            td {
                @match &service.version { Some(version) => strong { (version) }, None => span.muted { "none" } }
                @if let Some(id) = &service.commit { div.small.muted { (commit(id)) } }
            }
            td { @if let Some(since) = service.since { (ago(since, now)) } @else { span.muted { "–" } } }
            td { (service.author.as_deref().unwrap_or("–")) }
            td { (dots(service)) }
            (traffic_cells(service, counts))
            td {
                @match &service.deployment {
                    Some(id) => a.running href=(execution_path(id)) { "● under way" },
                    None => span.muted { "–" },
                }
            }
        }
    }
}

fn traffic_cells(service: &ServiceStatus, counts: Option<&Counts>) -> Markup {
    let Some(counts) = counts.filter(|_| service.address.is_some()) else {
        return html! { td.num.muted { "–" } td.num.muted { "–" } td.num.muted { "–" } };
    };
    let is_bad = counts.server_errors.saturating_add(counts.failures) > 0;
    html! {
        td.num { (number(asked(counts))) }
        td.num.bad[is_bad] { (error_share(counts)) }
        td.num { (latency(percentile(&counts.latency, 990))) }
    }
}

/// One dot for each process of the release that serves.
fn dots(service: &ServiceStatus) -> Markup {
    let current = service.release_id.as_ref().and_then(|id| service.groups.get(id));
    let processes = current.map(Vec::as_slice).unwrap_or_default();
    let running = processes.iter().filter(|process| process.state == ProcessState::Running).count();
    html! {
        span.dots aria-hidden="true" { @for process in processes { (dot(process)) } }
        span.small.muted { (running) " of " (processes.len()) }
    }
}

/// A process as a dot; its shape differs by state, not only its colour.
pub fn dot(process: &Process) -> Markup {
    let (state, mark) = match process.state {
        ProcessState::Running => ("succeeded", "●"),
        ProcessState::BackOff => ("failed", "✕"),
        ProcessState::Stopping => ("caught", "◐"),
        ProcessState::Stopped => ("waiting", "○"),
    };
    html! { span.dot data-s=(state) { (mark) } }
}

/// Deployments as a table.
pub fn deployments_table(deployments: &[Deployment], now: Timestamp) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Deployments" {
            table {
                thead { tr {
                    th scope="col" { "Outcome" } th scope="col" { "Target" } th scope="col" { "Version" }
                    th scope="col" { "Commit" } th scope="col" { "By" } th scope="col" { "Started" }
                    th.num scope="col" { "Took" }
                } }
                tbody { @for deployment in deployments { (deployment_row(deployment, now)) } }
            }
        }
    }
}

fn deployment_row(deployment: &Deployment, now: Timestamp) -> Markup {
    let release = &deployment.release;
    html! {
        tr {
            td {
                a.plain href=(path_of(&deployment.execution_arn)) { (outcome(deployment.outcome)) }
                @if deployment.stalled.is_some() { div.bad.small { "stands still" } }
                @if let Some(by) = &deployment.lock_break { div.muted.small { "lock broken by " (by.actor) } }
            }
            th scope="row" {
                a href=(path_of(&deployment.execution_arn)) { (target(&release.project_name, &release.config_name)) }
            }
            td { (versions(deployment)) }
            td.subject { div.clip title=(release.subject) { (release.subject) } div.small.muted { (commit(&release.commit)) } }
            td { (deployment.actor) }
            td { (ago(deployment.started_at, now)) }
            td.num { (span(deployment.ended_at.unwrap_or(now).millis_since(deployment.started_at))) }
        }
    }
}
