//! One service: what runs, how traffic is shared and answered, what ran before, who holds the lock, the last lines.

use std::collections::BTreeMap;

use axum::extract::State;
use maud::{Markup, html};
use shipway_asl::Timestamp;
use shipway_control::{
    app::{Error, Lock, ReleaseStatus, ServiceStatus},
    host::{Counts, LogLine, LogQuery, Process, ProcessState},
};

use super::{
    Failed, Page, frame,
    numbers::{asked, error_share, latency, percentile},
    overview::dot,
    parts::{ago, clock, commit, encode, execution_path, number, outcome, target},
};
use crate::{
    Shared,
    app::App,
    extract::{Path, project, segment},
    wire::Problem,
};

/// Log lines that are shown.
const LINES: usize = 100;
/// Releases that are shown.
const RELEASES: usize = 10;

/// Counts at a moment, so that the next look knows how many came since.
pub struct Sample {
    at: Timestamp,
    requests: BTreeMap<String, u64>,
}

/// Which service.
#[derive(Clone)]
pub struct Target {
    pub project: String,
    pub environment: String,
    pub service: String,
}

impl Target {
    /// Reads it from a path, where `/` of the project is written `~`.
    pub fn parse((project_path, environment, service): (String, String, String)) -> Result<Self, Problem> {
        segment(&environment, "environment")?;
        segment(&service, "service")?;
        Ok(Self { project: project(&project_path)?, environment, service })
    }
}

/// The page.
pub async fn page(
    State(shared): State<Shared>,
    path: Result<Path<(String, String, String)>, Problem>,
) -> Page {
    let Path(path) = path?;
    let live = format!("/services/{}/{}/{}/live", encode(&path.0), encode(&path.1), encode(&path.2));
    let target = Target::parse(path).map_err(Failed::from)?;
    let (sections, _) = content(&*shared.app, &target, None).await?;
    let content = html! { @for section in &sections { (section) } };
    let title = format!("{} of {}", target.service, target.project);
    Ok(frame::page(frame::Section::Overview, &title, Some(&live), &content))
}

/// The parts of the page, each with an id, so that a stream replaces only those that have changed.
pub async fn content(
    app: &dyn App,
    target: &Target,
    before: Option<&Sample>,
) -> Result<(Vec<Markup>, Sample), Error> {
    let Target { project, environment, service } = target;
    let query = LogQuery { lines: LINES, ..LogQuery::default() };
    let (status, releases, lock) = tokio::try_join!(
        app.service(project, environment, service),
        app.releases(project, environment),
        app.lock(project, environment),
    )?;
    let log = match app.logs(project, environment, service, None, &query).await {
        Ok(page) => page.lines,
        Err(Error::NotFound { .. }) => Vec::new(),
        Err(error) => return Err(error),
    };
    let now = app.now();
    let requests = status.traffic.iter().map(|(id, counts)| (id.clone(), asked(counts))).collect();
    let sample = Sample { at: now, requests };
    let sections = vec![
        head(&status, &lock, now),
        traffic(&status, before, &sample),
        processes(&status, now),
        self::releases(&releases, now),
        lines(&log),
    ];
    Ok((sections, sample))
}

fn head(status: &ServiceStatus, lock: &Lock, now: Timestamp) -> Markup {
    html! {
        section #head.head {
            p.crumbs { a href="/" { "Overview" } span.sep { " / " } (target(&status.project, &status.environment)) }
            div.title {
                h1 { (status.service) @if let Some(version) = &status.version { " " span.versions { strong { (version) } } } }
                @if let Some(id) = &status.deployment {
                    a.badge data-s="running" href=(execution_path(id)) {
                        span.mark aria-hidden="true" { "●" } "Deployment under way"
                    }
                }
            }
            @if status.version.is_none() { p.lead { "No version serves." } }
            @if let Some(problem) = &status.problem {
                div.failure role="alert" {
                    p.cause { (problem) }
                    p.hint { span.muted { "Hint: " } "deploy again: what is missing or altered is made anew." }
                }
            }
            dl.facts {
                @if let Some(since) = status.since { div { dt { "Since" } dd { (ago(since, now)) } } }
                @if let Some(id) = &status.commit { div { dt { "Commit" } dd { (commit(id)) } } }
                @if let Some(author) = &status.author { div { dt { "Author" } dd { (author) } } }
                @if let Some(address) = &status.address {
                    div { dt { "Address" } dd { a href=(format!("http://{address}/")) rel="noreferrer" { (address) } } }
                }
                div { dt { "Lock" } dd { (self::lock(lock, now)) } }
            }
        }
    }
}

fn lock(lock: &Lock, now: Timestamp) -> Markup {
    let Some(holder) = &lock.holder else { return html! { span.muted { "free" } } };
    html! {
        "held by " a href=(execution_path(holder)) { (lock.actor.as_deref().unwrap_or(holder)) }
        @if let Some(since) = lock.since { " since " (ago(since, now)) }
        @if let Some(reason) = &lock.reason { " " span.muted { "(" (reason) ")" } }
    }
}

fn traffic(status: &ServiceStatus, before: Option<&Sample>, sample: &Sample) -> Markup {
    html! {
        section #traffic {
            h2 { "Traffic" }
            @if status.traffic.is_empty() { p.muted { "No traffic was counted." } }
            @else {
                (shares(status))
                div.scroll tabindex="0" role="region" aria-label="Traffic by version" {
                    table {
                        thead { tr {
                            th scope="col" { "Version" } th.num scope="col" { "Share" }
                            th.num scope="col" { "Per second" } th.num scope="col" { "Requests" }
                            th.num scope="col" { "5xx" } th.num scope="col" { "Failed" }
                            th.num scope="col" { "Errors" } th.num scope="col" { "In flight" }
                            th.num scope="col" { "p50" } th.num scope="col" { "p99" }
                        } }
                        tbody { @for (id, counts) in newest_first(status) { (traffic_row(status, id, counts, before, sample)) } }
                    }
                }
            }
        }
    }
}

/// Release ids begin with their time.
fn newest_first(status: &ServiceStatus) -> impl Iterator<Item = (&String, &Counts)> {
    let serves = |id: &String| status.percent.get(id).copied().unwrap_or(0);
    let mut releases: Vec<_> = status.traffic.iter().collect();
    releases.sort_by(|a, b| serves(b.0).cmp(&serves(a.0)).then(b.0.cmp(a.0)));
    releases.into_iter()
}

fn version_of<'a>(status: &'a ServiceStatus, id: &'a str) -> &'a str {
    let counted =
        status.traffic.get(id).map(|counts| counts.version.as_str()).filter(|version| !version.is_empty());
    let current = (status.release_id.as_deref() == Some(id)).then_some(status.version.as_deref()).flatten();
    counted.or(current).unwrap_or(id)
}

/// One bar, divided by share of new requests.
fn shares(status: &ServiceStatus) -> Markup {
    let mut left: u32 = 0;
    let shares: Vec<(&str, u32, u8, bool)> = status
        .percent
        .iter()
        .filter(|(_, percent)| **percent > 0)
        .map(|(id, percent)| {
            let share = (version_of(status, id), left, *percent, status.release_id.as_ref() == Some(id));
            left = left.saturating_add(u32::from(*percent));
            share
        })
        .collect();
    let says: Vec<String> =
        shares.iter().map(|(version, _, percent, _)| format!("{version} {percent} %")).collect();
    html! {
        figure.shares {
            svg width="100%" height="18" role="img" aria-label=(format!("Share of new requests: {}", says.join(", "))) {
                rect.track width="100%" height="18" rx="4" {}
                @for (_, left, percent, is_current) in &shares {
                    rect.share.current[*is_current] x=(format!("{left}%")) width=(format!("{percent}%")) height="18" {}
                }
            }
            figcaption {
                @for (version, _, percent, is_current) in &shares {
                    span {
                        svg width="10" height="10" aria-hidden="true" { rect.share.current[*is_current] width="10" height="10" rx="2" {} }
                        " " strong { (version) } " " (percent) " %" @if *is_current { span.muted { " current" } }
                    }
                }
            }
        }
    }
}

fn traffic_row(
    status: &ServiceStatus,
    id: &str,
    counts: &Counts,
    before: Option<&Sample>,
    sample: &Sample,
) -> Markup {
    let percent = status.percent.get(id).copied().unwrap_or(0);
    html! {
        tr.past[percent == 0] {
            th scope="row" { (version_of(status, id)) div.small.muted { code { (id) } } }
            td.num { (percent) " %" }
            td.num { (per_second(id, before, sample)) }
            td.num { (number(asked(counts))) }
            td.num.bad[counts.server_errors > 0] { (number(counts.server_errors)) }
            td.num.bad[counts.failures > 0] { (number(counts.failures)) }
            td.num { (error_share(counts)) }
            td.num { (number(counts.in_flight)) }
            td.num { (latency(percentile(&counts.latency, 500))) }
            td.num { (latency(percentile(&counts.latency, 990))) }
        }
    }
}

/// Known from the second look on, and not when counts began anew.
fn per_second(id: &str, before: Option<&Sample>, sample: &Sample) -> String {
    let rate = before.and_then(|before| {
        let came = sample.requests.get(id)?.checked_sub(*before.requests.get(id)?)?;
        came.saturating_mul(1_000).checked_div(sample.at.millis_since(before.at))
    });
    rate.map_or_else(|| "–".to_owned(), number)
}

fn processes(status: &ServiceStatus, now: Timestamp) -> Markup {
    let mut groups: Vec<_> = status.groups.iter().collect();
    groups.sort_by(|a, b| b.0.cmp(a.0));
    html! {
        section #processes {
            h2 { "Processes" }
            @if groups.is_empty() { p.muted { "No process runs." } }
            @else {
                div.scroll tabindex="0" role="region" aria-label="Processes" {
                    table {
                        thead { tr {
                            th scope="col" { "Version" } th.num scope="col" { "Index" } th scope="col" { "State" }
                            th.num scope="col" { "Pid" } th.num scope="col" { "Port" } th scope="col" { "Started" }
                            th.num scope="col" { "Crashes" } th scope="col" { "Last exit" }
                        } }
                        tbody {
                            @for (id, processes) in groups {
                                @for process in processes { (process_row(version_of(status, id), process, now)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn process_row(version: &str, process: &Process, now: Timestamp) -> Markup {
    let state = match process.state {
        ProcessState::Running => "running",
        ProcessState::BackOff => "waits to restart",
        ProcessState::Stopping => "stopping",
        ProcessState::Stopped => "stopped",
    };
    let shown = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
    html! {
        tr {
            th scope="row" { (version) } td.num { (process.index) } td { (dot(process)) " " (state) }
            td.num { (shown(process.pid.map(|pid| pid.to_string()))) }
            td.num { (shown(process.port.map(|port| port.to_string()))) }
            td { @if let Some(at) = process.started_at { (ago(at, now)) } @else { "–" } }
            td.num.bad[process.crashes > 0] { (process.crashes) }
            td { (process.last_exit.as_deref().unwrap_or("–")) }
        }
    }
}

fn releases(releases: &[ReleaseStatus], now: Timestamp) -> Markup {
    html! {
        section #releases {
            h2 { "Releases" }
            @if releases.is_empty() { p.muted { "None yet." } }
            @else {
                div.scroll tabindex="0" role="region" aria-label="Releases" {
                    table {
                        thead { tr {
                            th scope="col" { "Version" } th scope="col" { "Commit" } th scope="col" { "Author" }
                            th scope="col" { "Outcome" } th scope="col" { "Ended" } th scope="col" { "Rollback" }
                        } }
                        tbody { @for release in releases.iter().take(RELEASES) { (release_row(release, now)) } }
                    }
                }
            }
        }
    }
}

fn release_row(status: &ReleaseStatus, now: Timestamp) -> Markup {
    let release = &status.release;
    html! {
        tr {
            th scope="row" { (release.version) @if status.is_current { " " span.tag { "current" } } }
            td.subject { div.clip title=(release.subject) { (release.subject) } div.small.muted { (commit(&release.commit)) } }
            td { (release.author) }
            td { a.plain href=(execution_path(&status.deployment)) { (outcome(status.outcome)) } }
            td { @if let Some(at) = status.ended_at { (ago(at, now)) } @else { "–" } }
            td.muted { @if status.is_current { "–" } @else if status.is_kept { "kept" } @else { "not kept" } }
        }
    }
}

fn lines(lines: &[LogLine]) -> Markup {
    html! {
        section #log {
            h2 { "Log" }
            @if lines.is_empty() { p.muted { "No line was written." } }
            @else {
                div.log tabindex="0" role="log" aria-live="off" aria-label="Log" {
                    ol {
                        @for line in lines {
                            li data-stream=(line.stream) {
                                (clock(line.time)) " " span.who { (line.process) @if line.stream == "stderr" { " err" } } " "
                                span.line { (line.text) }
                            }
                        }
                    }
                }
            }
        }
    }
}
