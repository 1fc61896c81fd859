//! The first screen: how it stands, and if it failed, where, why and with what.

use maud::{Markup, html};
use shipway_asl::Timestamp;

use super::{
    address::{Address, path_of},
    deployment, payload,
    seen::{Failed, Failure, Seen},
};
use crate::{
    fold::{Fold, Visit},
    pages::parts::{ago, machine_path, number, outcome, span, status, target, versions},
};

/// Characters of a cause or input on the first screen.
const SHORT_CHARS_MAX: usize = 4_000;
/// States that are named as those that it is in.
const ACTIVE_MAX: usize = 6;

/// How it stands: what a person looks for first.
pub fn head(seen: &Seen, fold: &Fold, now: Timestamp) -> Markup {
    html! {
        section #head.head {
            (crumbs(&seen.address, None))
            div.title {
                @match &seen.deployment {
                    Some(deployment) => {
                        h1 { (target(&deployment.release.project_name, &deployment.release.config_name)) " " (versions(deployment)) }
                        (outcome(deployment.outcome))
                    },
                    None => { h1 { (seen.execution.name) } (status(seen.execution.status)) },
                }
            }
            @if let Some(deployment) = &seen.deployment { (deployment::lead(deployment)) }
            @if let Some(failure) = &seen.failure { (failed(&seen.address, failure)) }
            @for visit in waiting(fold) { (waits(&seen.address, visit, now)) }
            (facts(seen, now))
            @if let Some(deployment) = &seen.deployment { (deployment::foot(deployment)) }
        }
    }
}

/// Where a page is; `here` is the part below the execution.
pub fn crumbs(address: &Address, here: Option<&str>) -> Markup {
    let machine = address.machine.split('/').next().unwrap_or_default();
    html! {
        p.crumbs {
            a href="/executions" { "Executions" } span.sep { " / " }
            a href=(machine_path(machine)) { (address.machine) } span.sep { " / " }
            @match here {
                Some(here) => { a href=(address.path()) { code { (address.name) } } span.sep { " / " } (here) },
                None => code { (address.name) },
            }
        }
    }
}

fn failed(address: &Address, failure: &Failure) -> Markup {
    let Failure { error, cause, visit, hint } = failure;
    let whole = format!("{}/cause.json", address.path());
    html! {
        div.failure.why role="note" {
            p {
                strong { @if error.is_empty() { "No error was named" } @else { (error) } }
                @if let Some(visit) = visit { " in " (place(address, visit)) }
            }
            div.pair {
                div { (payload::cause(cause, Some(&whole), SHORT_CHARS_MAX)) }
                @if let Some(input) = visit.as_ref().and_then(|visit| visit.input.as_ref()) {
                    div {
                        h4 { "Input of the state" }
                        (payload::show_short(input, visit.as_ref().and_then(|visit| input_path(address, visit)).as_deref(), SHORT_CHARS_MAX))
                    }
                }
            }
            @if let Some(hint) = hint { p.hint { span.muted { "Hint: " } (hint) } }
        }
    }
}

fn input_path(address: &Address, visit: &Failed) -> Option<String> {
    Some(address.payload(visit.entered_by?, "input"))
}

fn place(address: &Address, visit: &Failed) -> Markup {
    html! {
        @match visit.entered_by {
            Some(entered_by) => a href=(address.visit(entered_by)) { code { (visit.state) } },
            None => code { (visit.state) },
        }
        @if visit.attempts > 1 { span.muted { ", tried " (visit.attempts) " times" } }
        @if !visit.kind.is_empty() { span.muted { " (" (visit.kind) ")" } }
    }
}

/// Visits at which somebody outside is waited for, or that are to be tried again.
fn waiting(fold: &Fold) -> impl Iterator<Item = &Visit> {
    let waits = |visit: &&Visit| visit.waits_for_token_since().is_some() || visit.is_between_attempts();
    fold.visits().iter().filter(|visit| visit.ended_at.is_none()).filter(waits).take(ACTIVE_MAX)
}

fn waits(address: &Address, visit: &Visit, now: Timestamp) -> Markup {
    html! {
        div.waits role="note" {
            p {
                a href=(address.visit(visit.entered_by)) { code { (visit.state) } }
                @match (visit.waits_for_token_since(), &visit.trouble) {
                    (Some(since), _) => {
                        " waits for the answer to its task token, for " (span(now.millis_since(since)))
                        span.muted { ", since " (ago(since, now)) }
                    },
                    (None, Some(trouble)) => {
                        " failed with " strong { (trouble.error) } " and will be tried again "
                        span.muted { "(" (visit.attempts.len()) " so far)" }
                    },
                    (None, None) => "",
                }
            }
        }
    }
}

fn facts(seen: &Seen, now: Timestamp) -> Markup {
    let execution = &seen.execution;
    let took = execution.stopped_at.unwrap_or(now).millis_since(execution.started_at);
    let active = &execution.active_states;
    html! {
        dl.facts {
            @if let Some(deployment) = &seen.deployment { (deployment::facts(deployment, now)) }
            div { dt { "Started" } dd { (ago(execution.started_at, now)) } }
            @if let Some(at) = execution.stopped_at.filter(|_| seen.deployment.is_none()) {
                div { dt { "Ended" } dd { (ago(at, now)) } }
            }
            div { dt { @if execution.stopped_at.is_some() { "Took" } @else { "Runs for" } } dd { (span(took)) } }
            @if !active.is_empty() {
                div { dt { "State" } dd { (active_states(active)) } }
            }
            (started_by(seen))
            @if seen.is_express() { div { dt { "Type" } dd { "Express" span.muted { ": the API gives no history of it" } } } }
            @if let Some(count) = seen.redrive.as_ref().map(|redrive| redrive.count).filter(|count| *count > 0) {
                div { dt { "Redriven" } dd { (count) @if count == 1 { " time" } @else { " times" } } }
            }
            div { dt { "Events" } dd { a href=(format!("{}/events", seen.address.path())) { (number(execution.last_event_id)) } } }
            @if seen.deployment.is_none() { div.wide { dt { "ARN" } dd { code.copy { (execution.arn) } } } }
        }
    }
}

fn active_states(active: &[String]) -> String {
    let mut names: Vec<&str> = active.iter().map(String::as_str).collect();
    names.dedup();
    let more = names.len().saturating_sub(ACTIVE_MAX);
    names.truncate(ACTIVE_MAX);
    let shown = names.join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

fn started_by(seen: &Seen) -> Markup {
    let execution = &seen.execution;
    let machine = execution.machine.split('/').next().unwrap_or_default();
    html! {
        div {
            dt { "Machine" }
            dd {
                a href=(machine_path(machine)) { (execution.machine) }
                @if let Some(version) = execution.origin.version { " " span.muted { "version " (version) } }
                @if let Some(alias) = &execution.origin.alias { " " span.muted { "by alias " (alias) } }
            }
        }
        @if let Some(parent) = &seen.parent {
            div { dt { "Child of" } dd { a href=(path_of(parent)) { code { (parent.rsplit(':').next().unwrap_or(parent)) } } } }
        }
    }
}
