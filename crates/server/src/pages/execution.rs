//! One execution: how it stands, its graph, where its time went, its data and its events.

use axum::extract::State;
use maud::{Markup, html};
use serde_json::Value;
use shipway_asl::Timestamp;
use shipway_control::app::{Deployment, Error, Failure, Progress, Step};
use shipway_engine::Description;

use super::{
    Page, frame,
    parts::{
        ago, clock, commit, encode, machine_path, outcome, service_path, span, state_status, status, target,
        versions,
    },
};
use crate::{
    Shared,
    app::App,
    extract::Path,
    fold::{Fold, StateStatus, Statuses},
    graph::{draw, node_id, node_title},
    wire::{Event, Problem},
};

/// Events of one read.
const BATCH: usize = 1_000;
/// Events of an execution at most: AWS allows 25,000.
const BATCHES_MAX: usize = 30;
/// Events that a page shows: the last ones.
const ROWS_MAX: usize = 500;
/// Characters of a payload that a page shows.
const PAYLOAD_CHARS_MAX: usize = 20_000;
/// Steps that a page shows: the last ones.
const STEPS_MAX: usize = 200;

/// What a page and its stream know of an execution besides its events.
pub struct Seen {
    /// The execution.
    pub execution: Description,
    /// The deployment, if it is one.
    pub deployment: Option<Deployment>,
    /// The way through the states.
    pub steps: Vec<Step>,
}

impl Seen {
    /// Reads it; what is only in the history comes from `fold`.
    pub async fn read(app: &dyn App, name: &str, fold: &Fold) -> Result<Self, Error> {
        let execution = app.execution(name).await?;
        let deployment = optional(app.deployment(name).await)?;
        let steps = match &deployment {
            Some(deployment) => optional(app.steps(&deployment.id).await)?,
            None => None,
        };
        let steps = steps.unwrap_or_else(|| fold.steps());
        Ok(Self { execution, deployment, steps })
    }
}

/// An execution need not be a deployment.
fn optional<T>(found: Result<T, Error>) -> Result<Option<T>, Error> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The page.
pub async fn page(State(shared): State<Shared>, name: Result<Path<String>, Problem>) -> Page {
    let Path(name) = name?;
    let app = &*shared.app;
    let execution = app.execution(&name).await?;
    let machine = app.machine_of(&execution).await?;
    let mut fold = Fold::default();
    let events = read_history(app, &execution.arn, &mut fold).await?;
    let seen = Seen::read(app, &name, &fold).await?;
    let now = app.now();
    let content = html! {
        (head(&seen, now))
        div.split {
            section.graph {
                h2 { "State graph" }
                div.scroll.canvas tabindex="0" role="region" aria-label="State graph" {
                    @match &machine.outline {
                        Some(outline) => (draw(outline, fold.statuses())),
                        None => p.muted { "The definition is not valid." },
                    }
                }
                (legend())
            }
            (way(&seen, fold.statuses(), now))
        }
        (events_section(&events, &seen))
    };
    let live = (!fold.is_ended())
        .then(|| format!("/executions/{}/live?after={}", encode(&name), fold.last_event_id()));
    let title = title(&seen);
    Ok(frame::page(frame::Section::Executions, &title, live.as_deref(), &content))
}

fn title(seen: &Seen) -> String {
    match &seen.deployment {
        Some(Deployment { release, .. }) => {
            format!("{} {} to {}", release.project_name, release.version, release.config_name)
        }
        None => seen.execution.name.clone(),
    }
}

/// Folds the whole history and keeps its last events.
async fn read_history(app: &dyn App, arn: &str, fold: &mut Fold) -> Result<Vec<Event>, Error> {
    let mut kept = Vec::new();
    for _ in 0..BATCHES_MAX {
        let events = app.events(arn, fold.last_event_id(), BATCH).await?;
        let is_last = events.len() < BATCH;
        events.iter().for_each(|event| fold.apply(event));
        kept.extend(events);
        kept.drain(..kept.len().saturating_sub(ROWS_MAX));
        if is_last {
            break;
        }
    }
    Ok(kept)
}

/// How it stands: what a person looks for first.
pub fn head(seen: &Seen, now: Timestamp) -> Markup {
    let execution = &seen.execution;
    html! {
        section #head.head {
            p.crumbs {
                a href="/executions" { "Executions" } span.sep { " / " } code { (execution.name) }
            }
            div.title {
                @match &seen.deployment {
                    Some(deployment) => {
                        h1 { (target(&deployment.release.project_name, &deployment.release.config_name)) " " (versions(deployment)) }
                        (outcome(deployment.outcome))
                    },
                    None => { h1 { (execution.name) } (status(execution.status)) },
                }
            }
            @if let Some(deployment) = &seen.deployment { p.lead { (deployment.release.subject) } }
            @if let Some(stalled) = seen.deployment.as_ref().and_then(|deployment| deployment.stalled.as_ref()) {
                div.failure role="alert" { p.cause { (stalled) } }
            }
            (failure(seen))
            (facts(seen, now))
            @if let Some(deployment) = &seen.deployment {
                (progress(deployment))
                @if deployment.ended_at.is_none() {
                    p.muted.small { "Stop it and clean up: " code { "shipway halt " (deployment.id) } }
                }
            }
        }
    }
}

fn failure(seen: &Seen) -> Markup {
    let execution = &seen.execution;
    let failure = seen.deployment.as_ref().and_then(|deployment| deployment.error.clone());
    let failure = failure.or_else(|| {
        let error = execution.error.clone()?;
        let cause = execution.cause.clone().unwrap_or_default();
        Some(Failure { error, cause, state: String::new(), hint: None })
    });
    let Some(Failure { error, cause, state, hint }) = failure else { return html! {} };
    html! {
        div.failure role="note" {
            p { strong { (error) } @if !state.is_empty() { " in " code { (state) } } }
            @if !cause.is_empty() { p.cause { (cause) } }
            @if let Some(hint) = hint { p.hint { span.muted { "Hint: " } (hint) } }
        }
    }
}

fn facts(seen: &Seen, now: Timestamp) -> Markup {
    let execution = &seen.execution;
    let took = execution.stopped_at.unwrap_or(now).millis_since(execution.started_at);
    html! {
        dl.facts {
            @if let Some(deployment) = &seen.deployment {
                div { dt { "By" } dd { (deployment.actor) } }
                div { dt { "Commit" } dd { (commit(&deployment.release.commit)) " " span.muted { (deployment.release.author) } } }
                @if let Some(reason) = &deployment.reason { div { dt { "Reason" } dd { (reason) } } }
                @if let Some(by) = &deployment.lock_break {
                    div { dt { "Lock broken" } dd { "by " (by.actor) " " (ago(by.at, now)) " " span.muted { "(" (by.reason) ")" } } }
                }
            }
            div { dt { "Started" } dd { (ago(execution.started_at, now)) } }
            div { dt { @if execution.stopped_at.is_some() { "Took" } @else { "Runs for" } } dd { (span(took)) } }
            @if !execution.active_states.is_empty() {
                div { dt { "State" } dd { (execution.active_states.join(", ")) } }
            }
            div { dt { "Machine" } dd { a href=(machine_path(&execution.machine)) { (execution.machine) } } }
        }
    }
}

fn progress(deployment: &Deployment) -> Markup {
    let release = &deployment.release;
    html! {
        ul.progress {
            @for (name, progress) in &deployment.services {
                li {
                    a.strong href=(service_path(&release.project_name, &release.config_name, name)) { (name) }
                    (dots(progress))
                    span.small {
                        (progress.healthy) " healthy, " (progress.needed) " of " (progress.wanted) " needed, "
                        (progress.percent) " % of traffic"
                    }
                    @if let Some(evidence) = &progress.evidence { span.small.muted.evidence { (evidence) } }
                }
            }
        }
    }
}

/// Healthy, starting, stopped, to come; a bar stands at what must be healthy.
fn dots(progress: &Progress) -> Markup {
    const DOTS_MAX: u16 = 64;
    let healthy = progress.healthy;
    let starting = healthy.saturating_add(progress.starting);
    let stopped = starting.saturating_add(progress.stopped);
    let all = progress.wanted.max(stopped).min(DOTS_MAX);
    html! {
        span.dots aria-hidden="true" {
            @for place in 0..all {
                @if place == progress.needed && place > 0 { span.bar { "|" } }
                @if place < healthy { span.dot data-s="succeeded" { "●" } }
                @else if place < starting { span.dot data-s="starting" { "◐" } }
                @else if place < stopped { span.dot data-s="failed" { "✕" } }
                @else { span.dot data-s="waiting" { "○" } }
            }
            @if progress.needed == all { span.bar { "|" } }
        }
    }
}

fn legend() -> Markup {
    use StateStatus::{Caught, Failed, Running, Succeeded, Waiting};
    html! {
        p.legend.small aria-label="Legend" {
            @for status in [Waiting, Running, Succeeded, Caught, Failed] { (state_status(status)) }
        }
    }
}

/// Where the time went, and the data of each state.
pub fn way(seen: &Seen, statuses: &Statuses, now: Timestamp) -> Markup {
    let hidden = seen.steps.len().saturating_sub(STEPS_MAX);
    let steps = seen.steps.get(hidden..).unwrap_or_default();
    let end = seen.execution.stopped_at.unwrap_or(now);
    html! {
        section #way.way {
            h2 { "Steps" }
            @if hidden > 0 { p.muted.small { (hidden) " earlier steps are not shown." } }
            div.scroll tabindex="0" role="region" aria-label="Steps and their time" {
                table.gantt {
                    thead { tr {
                        th scope="col" { "State" } th.num scope="col" { "Took" } th.num scope="col" { "Own" }
                        th.num scope="col" { "Waited" } th.bars scope="col" { (key()) }
                    } }
                    tbody { @for step in steps { (step_row(step, statuses, seen.execution.started_at, end)) } }
                    tfoot { (total_row(steps)) }
                }
            }
            h3 { "Data" }
            div.data { @for (number, step) in steps.iter().enumerate() { (data(number.saturating_add(hidden), step)) } }
        }
    }
}

/// What the two shades of a bar mean.
fn key() -> Markup {
    html! {
        svg width="10" height="10" aria-hidden="true" { rect.own width="10" height="10" rx="2" {} } " own "
        svg width="10" height="10" aria-hidden="true" { rect.waited width="10" height="10" rx="2" {} }
        " waiting for the service"
    }
}

/// How one visit stands; the statuses tell how the last visit of a state does.
fn step_status(step: &Step, statuses: &Statuses) -> StateStatus {
    let last = statuses.get(&step.state).copied();
    match (step.exited_at, &step.error, last) {
        (None, _, Some(StateStatus::Failed)) | (Some(_), Some(_), Some(StateStatus::Failed)) => {
            StateStatus::Failed
        }
        (None, ..) => StateStatus::Running,
        (Some(_), None, _) => StateStatus::Succeeded,
        (Some(_), Some(_), _) => StateStatus::Caught,
    }
}

fn step_row(step: &Step, statuses: &Statuses, start: Timestamp, end: Timestamp) -> Markup {
    let took = step.exited_at.unwrap_or(end).millis_since(step.entered_at);
    // WHY: what a state waited for is known when it has ended.
    let waited = if step.exited_at.is_some() { step.waited_millis.min(took) } else { took };
    let status = step_status(step, statuses);
    html! {
        tr data-s=(status.word()) {
            th scope="row" { span.step { (mark(status)) (step.state) } }
            td.num { (span(took)) }
            @if step.exited_at.is_some() {
                td.num { (span(took.saturating_sub(waited))) } td.num.muted { (span(waited)) }
            } @else {
                td.num.muted { "–" } td.num.muted { "–" }
            }
            td.bars { (bar(step.entered_at.millis_since(start), took, waited, end.millis_since(start))) }
        }
        @if let Some((error, cause)) = &step.error {
            tr.why { td colspan="5" { strong { (error) } " " span { (cause) } } }
        }
    }
}

fn mark(status: StateStatus) -> Markup {
    let mark = match status {
        StateStatus::Waiting => "○",
        StateStatus::Running => "●",
        StateStatus::Succeeded => "✓",
        StateStatus::Failed => "✕",
        StateStatus::Caught => "↷",
    };
    html! { span.mark data-s=(status.word()) role="img" aria-label=(status.word()) { (mark) } }
}

/// A bar on the time of the whole execution: own time first, then what it waited.
fn bar(offset: u64, took: u64, waited: u64, whole: u64) -> Markup {
    let percent = |millis: u64| {
        let hundredths = millis.saturating_mul(10_000) / whole.max(1);
        format!("{}.{:02}%", hundredths / 100, hundredths % 100)
    };
    let own = took.saturating_sub(waited);
    html! {
        svg width="100%" height="14" aria-hidden="true" {
            line.track x1="0" x2="100%" y1="7" y2="7" {}
            @if waited > 0 { rect.waited x=(percent(offset)) y="2" width=(percent(took)) height="10" rx="2" {} }
            @if own > 0 || waited == 0 { rect.tick x=(percent(offset)) y="2" width="2" height="10" {} }
            @if own > 0 { rect.own x=(percent(offset)) y="2" width=(percent(own)) height="10" rx="2" {} }
        }
    }
}

fn total_row(steps: &[Step]) -> Markup {
    let took = |step: &Step| step.exited_at.map_or(0, |exited_at| exited_at.millis_since(step.entered_at));
    let all = steps.iter().fold(0_u64, |sum, step| sum.saturating_add(took(step)));
    let waited = steps.iter().fold(0_u64, |sum, step| sum.saturating_add(step.waited_millis.min(took(step))));
    html! {
        tr {
            th scope="row" { "Sum of ended steps" } td.num { (span(all)) }
            td.num { (span(all.saturating_sub(waited))) } td.num { (span(waited)) } td {}
        }
    }
}

fn data(number: usize, step: &Step) -> Markup {
    html! {
        details id=(format!("d-{number}")) {
            summary { (step.state) " " span.muted.small { (clock(step.entered_at)) } }
            div.payloads {
                div { h4 { "Input" } (payload(&step.input)) }
                div { h4 { "Output" }
                    @match &step.output { Some(output) => (payload(output)), None => p.muted.small { "none yet" } }
                }
            }
        }
    }
}

fn payload(value: &Value) -> Markup {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    let shown: String = text.chars().take(PAYLOAD_CHARS_MAX).collect();
    let is_cut = shown.len() < text.len();
    html! {
        pre tabindex="0" { (shown) @if is_cut { "…" } }
        @if is_cut { p.muted.small { "Cut after " (PAYLOAD_CHARS_MAX) " characters." } }
    }
}

fn events_section(events: &[Event], seen: &Seen) -> Markup {
    let first = events.first().map_or(0, |event| event.id);
    html! {
        section {
            h2 { "Events" }
            @if first > 1 {
                p.muted.small {
                    "The last " (events.len()) " are shown."
                    @if let Some(deployment) = &seen.deployment {
                        " " a href=(format!("/v1/deployments/{}/events", encode(&deployment.id))) { "All as JSON" }
                    }
                }
            }
            div.scroll.tall tabindex="0" role="region" aria-label="Events" {
                table.events {
                    thead { tr {
                        th.num scope="col" { "Id" } th scope="col" { "Time" } th scope="col" { "Event" }
                        th scope="col" { "State" } th scope="col" { "Details" }
                    } }
                    tbody #events { (event_rows(events)) }
                }
            }
        }
    }
}

/// New rows of the event table. WHY: rows without a table around them would take the rest of the fragment into it.
pub fn more_events(events: &[Event]) -> Markup {
    html! { @if !events.is_empty() { table data-into="events" { tbody { (event_rows(events)) } } } }
}

fn event_rows(events: &[Event]) -> Markup {
    html! {
        @for event in events {
            tr id=(format!("e-{}", event.id)) {
                td.num { (event.id) } td { (clock(event.timestamp)) }
                td.kind.bad[is_bad(&event.kind)] { (event.kind) }
                td { (event.state.as_deref().unwrap_or_default()) }
                td { (event_details(event)) }
            }
        }
    }
}

fn is_bad(kind: &str) -> bool {
    ["Failed", "TimedOut", "Aborted"].iter().any(|end| kind.ends_with(end))
}

fn event_details(event: &Event) -> Markup {
    if event.details.is_empty() {
        return html! {};
    }
    let telling = ["cause", "error", "output", "input", "parameters", "resource"];
    let short = telling.iter().find_map(|name| event.detail(name)).unwrap_or("details");
    html! {
        details id=(format!("x-{}", event.id)) {
            summary.clip { (short.chars().take(160).collect::<String>()) }
            (payload(&Value::Object(event.details.clone())))
        }
    }
}

/// Marks for the nodes of the graph that stand otherwise than `before`.
pub fn nodes(before: &Statuses, statuses: &Statuses) -> Markup {
    html! {
        @for (state, status) in statuses.iter().filter(|(state, status)| before.get(*state) != Some(*status)) {
            b data-node=(node_id(state)) data-s=(status.word()) title=(node_title(state, *status)) {}
        }
    }
}
