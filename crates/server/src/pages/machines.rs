//! State machines: their list, and each with its graph and definition.

use axum::extract::State;
use maud::{Markup, html};
use shipway_asl::Outline;
use shipway_engine::Filter;

use super::{Page, frame, parts::machine_path};
use crate::{
    Shared,
    app::Machine,
    extract::Path,
    fold::Statuses,
    graph::{draw, render_text},
    wire::Problem,
};

/// Executions that are shown with a machine.
const RECENT: usize = 10;

/// All machines.
pub async fn list(State(shared): State<Shared>) -> Page {
    let mut machines = Vec::new();
    for name in shared.app.machines().await? {
        machines.push(shared.app.machine(&name).await?);
    }
    let content = html! {
        h1 { "Machines" }
        @if machines.is_empty() { p.empty { "There is no machine yet: the first execution brings one." } }
        ul.cards { @for machine in &machines { (card(machine)) } }
    };
    Ok(frame::page(frame::Section::Machines, "Machines", None, &content))
}

fn card(machine: &Machine) -> Markup {
    html! {
        li {
            h2 { a href=(machine_path(&machine.name)) { (machine.name) } }
            @if let Some(comment) = comment(machine) { p { (comment) } }
            p.muted.small {
                @match &machine.outline {
                    Some(outline) => { (count(outline)) " states, starts at " code { (outline.start_at) } },
                    None => "The definition is not valid.",
                }
            }
        }
    }
}

fn comment(machine: &Machine) -> Option<String> {
    let definition: serde_json::Value = serde_json::from_str(&machine.definition).ok()?;
    definition.get("Comment")?.as_str().map(str::to_owned)
}

fn count(outline: &Outline) -> usize {
    let nested = outline.states.iter().flat_map(|state| &state.branches).map(count);
    nested.fold(outline.states.len(), usize::saturating_add)
}

/// One machine.
pub async fn page(State(shared): State<Shared>, name: Result<Path<String>, Problem>) -> Page {
    let Path(name) = name?;
    let machine = shared.app.machine(&name).await?;
    let filter = Filter { machine: Some(name), limit: RECENT, ..Filter::default() };
    let (executions, _) = shared.app.executions(&filter).await?;
    let content = html! {
        div.title { h1 { (machine.name) } }
        @if let Some(comment) = comment(&machine) { p.lead { (comment) } }
        div.split {
            section.graph {
                h2 { "Graph" }
                div.scroll.canvas tabindex="0" role="region" aria-label="State graph" {
                    @match &machine.outline {
                        Some(outline) => (draw(outline, &Statuses::new())),
                        None => p.muted { "The definition is not valid." },
                    }
                }
            }
            section {
                h2 { "Definition" }
                @if let Some(outline) = &machine.outline {
                    details open { summary { "As text" } pre { (render_text(outline)) } }
                }
                details open[machine.outline.is_none()] {
                    summary { "Amazon States Language" } pre { (machine.definition) }
                }
            }
        }
        section {
            h2 { "Latest executions" }
            @if executions.is_empty() { p.muted { "None." } }
            @else { (super::executions::table(&executions, shared.app.now())) }
        }
    };
    Ok(frame::page(frame::Section::Machines, &machine.name, None, &content))
}
