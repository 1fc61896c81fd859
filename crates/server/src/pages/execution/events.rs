//! Events as rows: the last ones on an execution's page, which its stream adds to, and all of them page by page.

use maud::{Markup, html};
use serde_json::Value;

use super::{address::Address, payload};
use crate::{pages::parts::clock, wire::Event};

/// Events that an execution's page shows: the last ones.
pub const RECENT_MAX: usize = 200;
/// Characters of an event's details that a page shows.
const DETAIL_CHARS_MAX: usize = 2_000;

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
