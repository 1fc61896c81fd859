//! One visit of a state: its data, what became of it, each attempt with its wait, and its events.

use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Map, Value};
use shipway_asl::Timestamp;

use super::{
    Address, Reader, attempts, diff,
    events::{self, ROWS_MAX},
    head::crumbs,
    payload, rows,
    states::{Table, resource},
};
use crate::{
    Shared,
    extract::{Path, Query},
    fold::{Fold, Place, StateStatus, Visit},
    pages::{
        Failed, Page, frame,
        parts::{ago, number, span, state_status, time},
    },
    problem::NOT_FOUND,
    wire::{Event, Problem},
};

/// Rows of branches and items that are shown.
const INNER_ROWS_MAX: usize = 200;

/// A visit and what its events tell.
pub struct Told<'t> {
    /// Where the execution is.
    pub address: &'t Address,
    /// The history.
    pub fold: &'t Fold,
    /// The visit.
    pub visit: &'t Visit,
    /// Its number.
    pub number: usize,
    /// Its events, the last ones.
    pub events: &'t [Event],
    /// The event that entered it.
    pub entered: Option<Event>,
    /// The event that exited it.
    pub exited: Option<Event>,
    /// Now.
    pub now: Timestamp,
}

/// A state by its name.
#[derive(Deserialize)]
pub struct Named {
    name: String,
}

/// The last visit of a state.
pub async fn by_name(
    State(shared): State<Shared>,
    path: Result<Path<(String, String)>, Problem>,
    named: Result<Query<Named>, Problem>,
) -> Result<Response, Failed> {
    let (Path((machine, name)), Query(named)) = (path?, named?);
    let mut reader = Reader::new(shared.clone(), Address::of_path(&machine, &name));
    let execution = reader.execution().await?;
    let (fold, _) = reader.history(&execution.arn, 0).await?;
    let state = named.name;
    if let Some(visit) = fold.last_of(&state) {
        return Ok(Redirect::temporary(&reader.address.visit(visit.entered_by)).into_response());
    }
    let missing = || NOT_FOUND.because(format!("the machine has no state `{state}`"));
    let machine = shared.app.machine_of(&execution).await?;
    let document = serde_json::from_str(&machine.definition).unwrap_or_default();
    let definition = find_state(&document, &state).ok_or_else(missing)?;
    let content = html! {
        section.head {
            (crumbs(&reader.address, Some(&state)))
            div.title { h1 { (state) } (state_status(StateStatus::Waiting)) }
            p.lead { "It was not entered" @if !fold.is_ended() { " yet" } "." }
        }
        section { h2 { "Definition of the state" } (payload::show(definition, None)) }
    };
    let title = format!("{state} of {}", execution.name);
    Ok(frame::page(frame::Section::Executions, &title, None, &content).into_response())
}

/// The page of a visit.
pub async fn page(State(shared): State<Shared>, path: Result<Path<(String, String, u64)>, Problem>) -> Page {
    let Path((machine, name, entered_by)) = path?;
    let now = shared.app.now();
    let mut reader = Reader::new(shared.clone(), Address::of_path(&machine, &name));
    let execution = reader.execution().await?;
    let (fold, _) = reader.history(&execution.arn, 0).await?;
    let missing = || NOT_FOUND.because(format!("event {entered_by} has entered no state"));
    let number = fold.entered_by(entered_by).ok_or_else(missing)?;
    let visit = fold.visits().get(number).ok_or_else(missing)?;
    let ids = fold.events_of(number);
    let mut events = Vec::new();
    for id in ids.iter().skip(ids.len().saturating_sub(ROWS_MAX)) {
        events.extend(reader.event(&execution.arn, *id).await?);
    }
    let entered = reader.event(&execution.arn, entered_by).await?;
    let exited = match visit.exited_by {
        Some(id) => reader.event(&execution.arn, id).await?,
        None => None,
    };
    let definition = shared.app.machine_of(&execution).await?.definition;
    let address = &reader.address;
    let told = Told { address, fold: &fold, visit, number, events: &events, entered, exited, now };
    let end = execution.stopped_at.unwrap_or(now);
    let content = html! {
        (told.head())
        (told.data())
        (attempts::section(&told))
        (told.inner(execution.started_at, end))
        (told.definition(&definition))
        section {
            h2 { "Events of this state" }
            @if ids.len() > events.len() {
                p.muted.small { "The last " (events.len()) " of " (ids.len()) " are shown." }
            }
            (events::table(&events, address, "events"))
        }
    };
    let title = format!("{} of {}", visit.state, execution.name);
    Ok(frame::page(frame::Section::Executions, &title, None, &content))
}

impl Told<'_> {
    fn head(&self) -> Markup {
        let visit = self.visit;
        html! {
            section.head {
                (crumbs(self.address, Some(&visit.state)))
                div.title { h1 { (visit.state) } (state_status(visit.status)) (self.turns()) }
                (self.trouble())
                @if let Some(since) = visit.waits_for_token_since() {
                    div.waits role="note" { p {
                        "Waits for the answer to its task token, for " (span(self.now.millis_since(since)))
                        span.muted { ", since " (ago(since, self.now)) ". The token itself is not shown." }
                    } }
                }
                (self.facts())
            }
        }
    }

    fn trouble(&self) -> Markup {
        let Some(trouble) = &self.visit.trouble else { return html! {} };
        let told = self.events.iter().find(|event| event.id == trouble.event);
        let cause = told.and_then(|event| event.detail("cause")).unwrap_or(&trouble.cause);
        let whole = self.address.payload(trouble.event, "cause");
        html! {
            div.failure role="note" {
                p {
                    strong { @if trouble.error.is_empty() { "It failed by what happened in it" } @else { (trouble.error) } }
                    @if self.visit.status == StateStatus::Caught {
                        ", caught"
                        @if let Some(next) = self.next() { ": it went on with " (self.link(next)) }
                    }
                }
                (payload::cause(cause, Some(&whole), payload::CHARS_MAX))
            }
        }
    }

    fn next(&self) -> Option<&Visit> {
        self.fold.visits().get(self.visit.next?)
    }

    fn link(&self, visit: &Visit) -> Markup {
        html! { a href=(self.address.visit(visit.entered_by)) { code { (visit.state) } } }
    }

    /// Which of the state's visits it is, and the way to the others.
    fn turns(&self) -> Markup {
        let same: Vec<&Visit> =
            self.fold.visits().iter().filter(|visit| visit.state == self.visit.state).collect();
        let here = same.iter().position(|visit| visit.entered_by == self.visit.entered_by).unwrap_or(0);
        let before = here.checked_sub(1).and_then(|before| same.get(before));
        html! {
            @if same.len() > 1 {
                span.turns {
                    @if let Some(before) = before { a href=(self.address.visit(before.entered_by)) { "← before" } " " }
                    span.muted { "visit " (number(here.saturating_add(1) as u64)) " of " (number(same.len() as u64)) }
                    @if let Some(after) = same.get(here.saturating_add(1)) {
                        " " a href=(self.address.visit(after.entered_by)) { "next →" }
                    }
                }
            }
        }
    }

    fn facts(&self) -> Markup {
        let visit = self.visit;
        html! {
            dl.facts {
                div { dt { "Type" } dd { (visit.kind) } }
                @if let Some(resource) = resource(visit) { div { dt { "Resource" } dd { code { (resource) } } } }
                div { dt { "Entered" } dd { (ago(visit.entered_at, self.now)) } }
                @if let Some(at) = visit.ended_at { div { dt { "Left" } dd { (time(at)) } } }
                div { dt { "Took" } dd { (span(visit.millis(self.now))) } }
                @if let Some(place) = visit.place { (self.place(place)) }
                @if let Some(next) = self.next() { div { dt { "Then" } dd { (self.link(next)) } } }
            }
        }
    }

    fn place(&self, place: Place) -> Markup {
        let Some(outer) = self.fold.visits().get(place.outer) else { return html! {} };
        let index = place.index;
        html! {
            div { dt { "In" } dd {
                @if outer.kind == "Map" {
                    a href=(format!("{}/{index}", self.address.items(outer.entered_by))) { "item " (index) } " of "
                } @else { "branch " (index.saturating_add(1)) " of " }
                (self.link(outer))
            } }
        }
    }

    fn data(&self) -> Markup {
        let (address, visit) = (self.address, self.visit);
        let read = |event: &Option<Event>, field| Some(payload::parse(event.as_ref()?.detail(field)?));
        let (input, output) = (read(&self.entered, "input"), read(&self.exited, "output"));
        let assigned = self.exited.as_ref().and_then(|event| event.details.get("assignedVariables"));
        html! {
            section.payloads {
                div {
                    h2 { "Input" }
                    @if let Some(input) = &input {
                        (payload::show(input, Some(&address.payload(visit.entered_by, "input"))))
                    }
                }
                div {
                    h2 { "Output" }
                    @match (&output, visit.exited_by) {
                        (Some(output), Some(id)) => (payload::show(output, Some(&address.payload(id, "output")))),
                        _ => p.muted { "None" @if visit.ended_at.is_none() { " yet" } "." },
                    }
                }
            }
            @if let (Some(input), Some(output)) = (&input, &output) {
                section { h2 { "What changed" } (diff::show(input, output)) }
            }
            @if let Some(assigned) = assigned.and_then(Value::as_object) { (variables(assigned)) }
        }
    }

    /// The branches or items in it, and its Map Run.
    fn inner(&self, start: Timestamp, end: Timestamp) -> Markup {
        let visit = self.visit;
        let is_map = visit.attempts.last().is_some_and(|attempt| !attempt.items.is_empty());
        html! {
            @if visit.map_run.is_some() {
                section {
                    h2 { "Map Run" }
                    p { "Its items run as executions of their own. " a href=(self.address.map_run(visit.entered_by)) { "Counts, children and limits" } }
                }
            }
            @if is_map {
                section { h2 { "Items" } p { a href=(self.address.items(visit.entered_by)) { (number(visit.length())) " items" } } }
            } @else if !visit.inner.is_empty() {
                @let rows = rows::of_visit(self.fold.visits(), self.number);
                section {
                    h2 { "Branches" }
                    @let shown = rows.get(..rows.len().min(INNER_ROWS_MAX)).unwrap_or_default();
                    (Table { address: self.address, visits: self.fold.visits(), waited: None, start, end }.draw(shown))
                }
            }
        }
    }

    fn definition(&self, definition: &str) -> Markup {
        let document: Value = serde_json::from_str(definition).unwrap_or_default();
        let Some(state) = find_state(&document, &self.visit.state) else { return html! {} };
        html! {
            section { details { summary { "Definition of the state" } (payload::show(state, None)) } }
        }
    }
}

fn variables(assigned: &Map<String, Value>) -> Markup {
    html! {
        section {
            h2 { "Variables assigned" }
            dl.variables {
                @for (name, value) in assigned {
                    div { dt { code { "$" (name) } } dd { (payload::show(&value.as_str().map_or_else(|| value.clone(), payload::parse), None)) } }
                }
            }
        }
    }
}

/// A state of a definition, wherever it is nested. WHY: names of states are unique in a machine.
fn find_state<'d>(document: &'d Value, name: &str) -> Option<&'d Value> {
    let states = document.get("States")?.as_object()?;
    if let Some(found) = states.get(name) {
        return Some(found);
    }
    states.values().find_map(|state| {
        let branches = state.get("Branches").and_then(Value::as_array).into_iter().flatten();
        let processors = ["ItemProcessor", "Iterator"].iter().filter_map(|field| state.get(*field));
        branches.chain(processors).find_map(|inner| find_state(inner, name))
    })
}
