//! One state machine: its graph, its definition, its settings and what ran last.

use axum::extract::State;
use maud::{Markup, html};
use serde::Deserialize;
use shipway_asl::{Outline, StateMachine, Timestamp};
use shipway_engine::Filter;

use super::{Named, Tab, laid_out};
use crate::{
    Shared,
    extract::{Path, Query},
    fold::Statuses,
    graph::{draw, render_text},
    pages::{
        Page, executions,
        forms::note,
        frame,
        parts::{ago, encode},
    },
    wire::Problem,
};

/// Executions that are shown with a machine.
const RECENT: usize = 10;

/// What was done last.
#[derive(Deserialize)]
pub struct Done {
    #[serde(default)]
    note: String,
}

/// The page.
pub async fn page(
    State(shared): State<Shared>,
    name: Result<Path<String>, Problem>,
    done: Result<Query<Done>, Problem>,
) -> Page {
    let named = Named::find(&shared, name).await?;
    let machine = &named.machine;
    let outline = StateMachine::parse_as(machine.kind, &machine.settings.definition)
        .ok()
        .map(|machine| machine.outline());
    let filter = Filter { machine: Some(named.name.clone()), limit: RECENT, ..Filter::default() };
    let (recent, _) = shared.app.executions(&filter).await?;
    let now = shared.app.now();
    let content = html! {
        (note(&done?.0.note))
        (named.head(Tab::Overview))
        @if !named.is_users() { (why_not(&named)) }
        @if let Some(comment) = comment(&machine.settings.definition) { p.lead { (comment) } }
        (facts(&shared, &named, now))
        (picture(outline.as_ref(), &machine.settings.definition))
        section {
            h2 { "Latest executions" }
            @if recent.is_empty() { (never_run(&shared, &named)) }
            @else {
                (executions::table(&recent, now))
                p.more { a href=(format!("/executions?machine={}", encode(&named.name))) { "All executions of this machine" } }
            }
        }
    };
    Ok(frame::page(frame::Section::Machines, &named.name, None, &content))
}

fn why_not(named: &Named) -> Markup {
    html! {
        p.hint {
            strong { "To be looked at only." } " " (named.name) " is the machine of one of Shipway's deployers. It runs by plan and \
            lock, so it is neither started, changed nor deleted here: " code { "shipway deploy ENVIRONMENT" }
            " starts it, " code { "shipway halt" } " stops it, and the " a href="/" { "overview" } " shows what it deploys."
        }
    }
}

fn comment(definition: &str) -> Option<String> {
    let definition: serde_json::Value = serde_json::from_str(definition).ok()?;
    definition.get("Comment")?.as_str().map(str::to_owned)
}

fn facts(shared: &Shared, named: &Named, now: Timestamp) -> Markup {
    let machine = &named.machine;
    let settings = &machine.settings;
    let level = settings.logging.get("level").and_then(serde_json::Value::as_str).unwrap_or("OFF");
    let is_traced = settings.tracing.get("enabled").and_then(serde_json::Value::as_bool).unwrap_or(false);
    let is_dated = machine.created_at != Timestamp::default();
    html! {
        dl.facts {
            div { dt { "Revision" } dd { code { (machine.revision_id.as_deref().unwrap_or("INITIAL")) } } }
            @if is_dated {
                div { dt { "Changed" } dd { (ago(machine.updated_at, now)) } }
                div { dt { "Created" } dd { (ago(machine.created_at, now)) } }
            }
            @if !settings.role_arn.is_empty() { div { dt { "Role" } dd { code { (settings.role_arn) } } } }
            div { dt { "Logging" } dd { (level) (destination(&settings.logging)) } }
            div { dt { "Tracing" } dd { @if is_traced { "on" } @else { "off" } } }
            div { dt { "ARN" } dd.arn { code { (named.arn(shared)) } } }
            @if !machine.tags.is_empty() {
                div { dt { "Tags" } dd.tags { @for (key, value) in &machine.tags { span.tag.quiet { (key) " = " (value) } " " } } }
            }
        }
    }
}

fn destination(logging: &serde_json::Value) -> Markup {
    let group = logging.pointer("/destinations/0/cloudWatchLogsLogGroup/logGroupArn");
    html! { @if let Some(group) = group.and_then(serde_json::Value::as_str) { " to " code { (group) } } }
}

/// A definition as a graph and as text, side by side where there is room.
pub fn picture(outline: Option<&Outline>, definition: &str) -> Markup {
    html! {
        div.split {
            section.graph {
                h2 { "Graph" }
                div.scroll.canvas tabindex="0" role="region" aria-label="State graph" {
                    @match outline {
                        Some(outline) => (draw(outline, &Statuses::new())),
                        None => p.muted { "The definition is not valid any more." },
                    }
                }
            }
            section {
                h2 { "Definition" }
                pre.long tabindex="0" { (laid_out(definition)) }
                @if let Some(outline) = outline {
                    details { summary { "As an outline" } pre { (render_text(outline)) } }
                }
            }
        }
    }
}

fn never_run(shared: &Shared, named: &Named) -> Markup {
    html! {
        div.empty {
            @if named.is_users() {
                p { "It has never run. " a href=(named.path("/start")) { "Start it here" } ", or:" }
                pre { "aws stepfunctions start-execution --state-machine-arn " (named.arn(shared)) " --input '{}'" }
            } @else { p { "It has never run. " code { "shipway deploy ENVIRONMENT" } " starts it." } }
        }
    }
}
