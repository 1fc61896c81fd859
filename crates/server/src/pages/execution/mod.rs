//! One execution of any machine: how it stands and why it failed first, then its graph, its states, its data and its
//! events. Each part has a file; the address carries machine and name.

mod actions;
mod address;
mod attempts;
mod deployment;
mod diff;
mod events;
mod head;
mod items;
mod map_run;
mod payload;
mod raw;
mod rows;
mod seen;
mod state;
mod states;
mod veil;

pub use actions::actions;
pub use address::{Address, path_of};
use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
pub use events::more as more_events;
pub use head::head;
use maud::{Markup, html};
pub use seen::{Reader, Seen};
use serde::Deserialize;
use shipway_asl::{Outline, OutlineState};
use shipway_control::app::Deployment;
pub use states::states;

use super::{Failed, Page, forms::Errors, frame, parts::state_status};
use crate::{
    Shared,
    extract::{Path, Query},
    fold::{Fold, StateStatus, Statuses},
    graph::{draw_linked, node_id, node_title},
    guard::Access,
    live,
    wire::Problem,
};

/// Pages of executions, their streams, files and forms.
pub fn router() -> Router<Shared> {
    const ONE: &str = "/executions/{machine}/{name}";
    let at = |rest: &str| format!("{ONE}{rest}");
    Router::new()
        .route("/executions/{name}", get(by_name))
        .route(ONE, get(page))
        .route(&at("/live"), get(live::execution))
        .route(&at("/stop"), post(actions::stop))
        .route(&at("/redrive"), post(actions::redrive))
        .route(&at("/input.json"), get(raw::input))
        .route(&at("/output.json"), get(raw::output))
        .route(&at("/cause.json"), get(raw::cause))
        .route(&at("/events"), get(events::page))
        .route(&at("/events.json"), get(raw::events))
        .route(&at("/events/{file}"), get(raw::event))
        .route(&at("/events/{event}/{file}"), get(raw::detail))
        .route(&at("/states"), get(state::by_name))
        .route(&at("/states/{event}"), get(state::page))
        .route(&at("/states/{event}/items"), get(items::page))
        .route(&at("/states/{event}/items/{index}"), get(items::item))
        .route(&at("/states/{event}/map-run"), get(map_run::page).post(map_run::update))
}

/// What of the page is to be seen.
#[derive(Clone, Copy, Default, Deserialize)]
pub struct View {
    rows: Option<usize>,
}

/// The page.
async fn page(
    State(shared): State<Shared>,
    access: Access,
    path: Result<Path<(String, String)>, Problem>,
    view: Result<Query<View>, Problem>,
) -> Page {
    let (Path((machine, name)), Query(view)) = (path?, view?);
    let mut reader = Reader::new(shared.clone(), Address::of_path(&machine, &name));
    render(&shared, &mut reader, view, access, &Errors::default()).await
}

/// The page, with what was refused, if something was.
async fn render(shared: &Shared, reader: &mut Reader, view: View, access: Access, errors: &Errors) -> Page {
    let execution = reader.execution().await?;
    let outline = shared.app.machine_of(&execution).await?.outline;
    let (fold, recent) = reader.history(&execution.arn, events::RECENT_MAX).await?;
    let seen = reader.seen(&fold).await?;
    let now = shared.app.now();
    let content = html! {
        (errors.summary())
        (head(&seen, &fold, now))
        (actions(&seen, access))
        div.split.wide {
            section.graph {
                h2 { "State graph" }
                div.scroll.canvas tabindex="0" role="region" aria-label="State graph" {
                    (graph(outline.as_ref(), &seen, &fold))
                }
                (legend())
            }
            (states(&seen, &fold, view.rows, now))
        }
        (data(&seen))
        (events::recent(&recent, &seen.address))
    };
    let is_live = !fold.is_ended() && view.rows.is_none() && errors.is_empty();
    let live = is_live.then(|| format!("{}/live?after={}", seen.address.path(), fold.last_event_id()));
    Ok(frame::page(frame::Section::Executions, &title(&seen), live.as_deref(), &content))
}

/// The machine; for a child of a Map Run, the part of it that it runs.
fn graph(outline: Option<&Outline>, seen: &Seen, fold: &Fold) -> Markup {
    let Some(outline) = outline else { return html! { p.muted { "The definition is not valid." } } };
    let first = fold.visits().first().map_or("", |visit| visit.state.as_str());
    let part = seen.execution.map_run.as_ref().and_then(|_| part_of(&outline.states, first));
    draw_linked(part.unwrap_or(outline), fold.statuses(), &|state| seen.address.state(state))
}

/// The branch or processor that begins with a state.
fn part_of<'o>(states: &'o [OutlineState], first: &str) -> Option<&'o Outline> {
    let inner = states.iter().flat_map(|state| &state.branches);
    inner
        .clone()
        .find(|part| part.start_at == first)
        .or_else(|| inner.into_iter().find_map(|part| part_of(&part.states, first)))
}

/// The page of an execution of which only the name is known: the address of a deployment.
async fn by_name(
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
