//! One execution of any machine: how it stands and why it failed first, then its graph, its states, its data and its
//! events. Each part has a file; the address carries machine and name.

pub mod address;
mod deployment;
mod events;
mod head;
mod payload;
mod rows;
mod seen;
mod states;
mod veil;

use std::sync::Arc;

pub use address::{Address, path_of};
use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
pub use events::more as more_events;
pub use head::head;
use maud::{Markup, html};
pub use seen::{Reader, Seen};
use serde::Deserialize;
use shipway_control::app::Deployment;
pub use states::states;

use super::{Failed, Page, frame, parts::state_status};
use crate::{
    Shared,
    extract::{Path, Query},
    fold::{StateStatus, Statuses},
    graph::{draw, node_id, node_title},
    wire::Problem,
};

/// What of the page is to be seen.
#[derive(Deserialize)]
pub struct View {
    rows: Option<usize>,
}

/// The page.
pub async fn page(
    State(shared): State<Shared>,
    path: Result<Path<(String, String)>, Problem>,
    view: Result<Query<View>, Problem>,
) -> Page {
    let (Path((machine, name)), Query(view)) = (path?, view?);
    let mut reader = Reader::new(Arc::clone(&shared.app), Address::of_path(&machine, &name));
    let execution = reader.execution().await?;
    let machine = shared.app.machine_of(&execution).await?;
    let (fold, recent) = reader.history(&execution.arn, events::RECENT_MAX).await?;
    let seen = reader.seen(&fold).await?;
    let now = shared.app.now();
    let content = html! {
        (head(&seen, &fold, now))
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
            (states(&seen, &fold, view.rows, now))
        }
        (data(&seen))
        (events::recent(&recent, &seen.address))
    };
    let is_live = !fold.is_ended() && view.rows.is_none();
    let live = is_live.then(|| format!("{}/live?after={}", seen.address.path(), fold.last_event_id()));
    Ok(frame::page(frame::Section::Executions, &title(&seen), live.as_deref(), &content))
}

/// The page of an execution of which only the name is known: the address of a deployment.
pub async fn by_name(
    State(shared): State<Shared>,
    name: Result<Path<String>, Problem>,
) -> Result<Response, Failed> {
    let Path(name) = name?;
    let execution = shared.app.execution(&name).await?;
    Ok(Redirect::temporary(&path_of(&execution.arn)).into_response())
}

fn title(seen: &Seen) -> String {
    match &seen.deployment {
        Some(Deployment { release, .. }) => {
            format!("{} {} to {}", release.project_name, release.version, release.config_name)
        }
        None => seen.execution.name.clone(),
    }
}

/// What it was started with, and what it gave.
pub fn data(seen: &Seen) -> Markup {
    let path = seen.address.path();
    let whole = |name: &str| format!("{path}/{name}.json");
    html! {
        section #data.payloads {
            div { h2 { "Input" } (payload::show(&seen.execution.input, Some(&whole("input")))) }
            div {
                h2 { "Output" }
                @match &seen.execution.output {
                    Some(output) => (payload::show(output, Some(&whole("output")))),
                    None => p.muted { "None." },
                }
            }
        }
    }
}

fn legend() -> Markup {
    use StateStatus::{Aborted, Caught, Failed, Running, Succeeded, Waiting};
    html! {
        p.legend.small aria-label="Legend" {
            @for status in [Waiting, Running, Succeeded, Caught, Failed, Aborted] { (state_status(status)) }
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
