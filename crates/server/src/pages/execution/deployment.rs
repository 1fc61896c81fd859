//! What only a deployment has to tell on an execution's page: what goes where, who asked, how its services stand.

use maud::{Markup, html};
use shipway_asl::Timestamp;
use shipway_control::app::{Deployment, Progress};

use crate::pages::parts::{ago, commit, service_path};

/// What it deploys, and why it stands still if it does.
pub fn lead(deployment: &Deployment) -> Markup {
    html! {
        p.lead { (deployment.release.subject) }
        @if let Some(stalled) = &deployment.stalled {
            div.failure role="alert" { p.cause { (stalled) } }
        }
    }
}

/// Who asked for what.
pub fn facts(deployment: &Deployment, now: Timestamp) -> Markup {
    html! {
        div { dt { "By" } dd { (deployment.actor) } }
        div { dt { "Commit" } dd { (commit(&deployment.release.commit)) " " span.muted { (deployment.release.author) } } }
        @if let Some(reason) = &deployment.reason { div { dt { "Reason" } dd { (reason) } } }
        @if let Some(by) = &deployment.lock_break {
            div { dt { "Lock broken" } dd { "by " (by.actor) " " (ago(by.at, now)) " " span.muted { "(" (by.reason) ")" } } }
        }
    }
}

/// How its services stand, and how to stop it.
pub fn foot(deployment: &Deployment) -> Markup {
    html! {
        (progress(deployment))
        @if deployment.ended_at.is_none() {
            p.muted.small { "Stop it and clean up: " code { "shipway halt " (deployment.id) } }
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
