//! Events as rows: the last ones on an execution's page, which its stream adds to, and all of them page by page.

use axum::extract::State;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;

use super::{Address, Reader, head::crumbs, payload};
use crate::{
    Shared,
    extract::{Path, Query},
    pages::{
        Page, frame,
        parts::{clock, number},
    },
    wire::{Event, Problem},
};

/// Events that an execution's page shows: the last ones.
pub const RECENT_MAX: usize = 200;
/// Events of one page.
pub const ROWS_MAX: usize = 100;
/// Characters of an event's details that a page shows.
const DETAIL_CHARS_MAX: usize = 2_000;

/// Which events: those after one, or, from the end, those before one.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Listing {
    after: Option<u64>,
    before: Option<u64>,
    order: String,
}

/// All events, page by page, from either end.
pub async fn page(
    State(shared): State<Shared>,
    path: Result<Path<(String, String)>, Problem>,
    listing: Result<Query<Listing>, Problem>,
) -> Page {
    let (Path((machine, name)), Query(listing)) = (path?, listing?);
    let mut reader = Reader::new(shared, Address::of_path(&machine, &name));
    let execution = reader.execution().await?;
    let last = execution.last_event_id;
    let is_reverse = listing.order == "reverse";
    let rows = ROWS_MAX as u64;
    // WHY: ids have no gaps, so that a page from the end can be read from its front.
    let after = match is_reverse {
        true => listing.before.unwrap_or(last.saturating_add(1)).saturating_sub(rows.saturating_add(1)),
        false => listing.after.unwrap_or(0),
    };
    let count = match (is_reverse, listing.before) {
        (true, Some(before)) => rows.min(before.saturating_sub(1)),
        _ => rows,
    };
    let count = usize::try_from(count).unwrap_or(ROWS_MAX);
    let mut events = match count {
        0 => Vec::new(),
        count => reader.events(&execution.arn, after, count).await?,
    };
    if is_reverse {
        events.reverse();
    }
    let content = all(&reader.address, &events, last, is_reverse);
    let title = format!("Events of {}", execution.name);
    Ok(frame::page(frame::Section::Executions, &title, None, &content))
}

fn all(address: &Address, events: &[Event], last: u64, is_reverse: bool) -> Markup {
    let path = format!("{}/events", address.path());
    let ids = events.iter().map(|event| event.id);
    let (least, most) = (ids.clone().min().unwrap_or(0), ids.max().unwrap_or(0));
    let order = |is_reverse: bool| if is_reverse { "?order=reverse" } else { "" };
    html! {
        section.head {
            (crumbs(address, Some("Events")))
            div.title { h1 { "Events" } span.muted { (number(last)) } }
            nav.choices aria-label="Order and file" {
                a href=(path) aria-current=[(!is_reverse).then_some("true")] { "Oldest first" }
                a href=(format!("{path}{}", order(true))) aria-current=[is_reverse.then_some("true")] { "Newest first" }
                a href=(format!("{path}.json")) { "All as JSON" }
            }
        }
        @if events.is_empty() { p.empty { "There is no event here." } }
        @else { (table(events, address, "events")) }
        nav.paging aria-label="Pages of events" {
            @if is_reverse {
                @if most < last { a href=(format!("{path}{}", order(true))) { "← Newest" } }
                @if least > 1 { a href=(format!("{path}?order=reverse&before={least}")) { "Older →" } }
            } @else {
                @if least > 1 { a href=(path) { "← First" } }
                @if most < last { a href=(format!("{path}?after={most}")) { "Next →" } }
            }
        }
    }
}

/// The last events.
pub fn recent(events: &[Event], address: &Address) -> Markup {
    let first = events.first().map_or(0, |event| event.id);
    html! {
        section {
            h2 { "Events" }
            p.muted.small {
                @if first > 1 { "The last " (events.len()) " are shown. " }
                a href=(format!("{}/events", address.path())) { "All events" }
            }
            (table(events, address, "events"))
        }
    }
}

/// A table of events; `id` is where the stream adds more.
pub fn table(events: &[Event], address: &Address, id: &str) -> Markup {
    html! {
        div.scroll.tall tabindex="0" role="region" aria-label="Events" {
            table.events {
                thead { tr {
                    th.num scope="col" { "Id" } th.num scope="col" { "After" } th scope="col" { "Time" }
                    th scope="col" { "Event" } th scope="col" { "State" } th scope="col" { "Details" }
                } }
                tbody id=(id) { (rows(events, address)) }
            }
        }
    }
}

/// New rows of the event table. WHY: rows without a table around them would take the rest of the fragment into it.
pub fn more(events: &[Event], address: &Address) -> Markup {
    html! { @if !events.is_empty() { table data-into="events" { tbody { (rows(events, address)) } } } }
}

fn rows(events: &[Event], address: &Address) -> Markup {
    html! {
        @for event in events {
            tr id=(format!("e-{}", event.id)) {
                td.num { (event.id) } td.num.muted { (event.previous_event_id) } td { (clock(event.timestamp)) }
                td.kind.bad[is_bad(&event.kind)] { (event.kind) }
                td { (event.state.as_deref().unwrap_or_default()) }
                td { (details(event, address)) }
            }
        }
    }
}

fn is_bad(kind: &str) -> bool {
    ["Failed", "TimedOut", "Aborted"].iter().any(|end| kind.ends_with(end))
}

fn details(event: &Event, address: &Address) -> Markup {
    if event.details.is_empty() {
        return html! {};
    }
    let telling = ["cause", "error", "output", "input", "parameters", "mapRunArn", "resource"];
    let short = telling.iter().find_map(|name| event.detail(name)).unwrap_or("details");
    let whole = format!("{}/events/{}.json", address.path(), event.id);
    html! {
        details id=(format!("x-{}", event.id)) {
            summary.clip { (short.chars().take(160).collect::<String>()) }
            (payload::show_short(&Value::Object(event.details.clone()), Some(&whole), DETAIL_CHARS_MAX))
        }
    }
}
