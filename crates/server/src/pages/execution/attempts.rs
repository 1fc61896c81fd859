//! The attempts of a visit: what was sent, what came back, how long each part took, and the wait before the next one.

use maud::{Markup, html};

use super::{payload, state::Told};
use crate::{
    fold::Attempt,
    pages::parts::{clock, span},
    wire::Event,
};

/// Attempts that are shown: the last ones.
const ATTEMPTS_MAX: usize = 100;
/// Characters of what an attempt was sent or gave.
const CHARS_MAX: usize = 4_000;

/// The attempts.
pub fn section(told: &Told<'_>) -> Markup {
    let attempts = &told.visit.attempts;
    let hidden = attempts.len().saturating_sub(ATTEMPTS_MAX);
    let shown = attempts.get(hidden..).unwrap_or_default();
    html! {
        @if !shown.is_empty() {
            section {
                h2 { @if attempts.len() == 1 { "Attempt" } @else { "Attempts" } }
                @if hidden > 0 { p.muted.small { (hidden) " earlier ones are not shown." } }
                div.scroll tabindex="0" role="region" aria-label="Attempts" {
                    table.attempts {
                        thead { tr {
                            th.num scope="col" { "#" } th scope="col" { "Scheduled" } th.num scope="col" { "Until start" }
                            th.num scope="col" { "Handed over" } th.num scope="col" { "Took" } th scope="col" { "Outcome" }
                            th.num scope="col" { "Then waited" }
                        } }
                        tbody {
                            @for (place, attempt) in shown.iter().enumerate() {
                                (row(told, place.saturating_add(hidden), attempt, shown.get(place.saturating_add(1))))
                            }
                        }
                    }
                }
                @if let Some(last) = shown.last() { (data(told, last)) }
            }
        }
    }
}

fn row(told: &Told<'_>, place: usize, attempt: &Attempt, next: Option<&Attempt>) -> Markup {
    let begun = attempt.begun_at;
    let ended = attempt.ended.map(|(_, at)| at);
    let after = |at: Option<shipway_asl::Timestamp>| at.map(|at| span(at.millis_since(begun)));
    let wait = ended.zip(next).map(|(ended, next)| span(next.begun_at.millis_since(ended)));
    let took = ended.or(told.visit.ended_at).unwrap_or(told.now).millis_since(begun);
    html! {
        tr {
            td.num { (place.saturating_add(1)) }
            td { (clock(begun)) }
            td.num { (after(attempt.started_at).unwrap_or_else(|| "–".to_owned())) }
            td.num { (after(attempt.submitted_at).unwrap_or_else(|| "–".to_owned())) }
            td.num { (span(took)) }
            td { (outcome(told, attempt)) }
            td.num { (wait.unwrap_or_else(|| "–".to_owned())) }
        }
    }
}

fn outcome(told: &Told<'_>, attempt: &Attempt) -> Markup {
    match (&attempt.trouble, attempt.ended) {
        (Some(trouble), _) => html! {
            strong.bad { @if trouble.error.is_empty() { "failed" } @else { (trouble.error) } }
            @if !trouble.cause.is_empty() { div.small { (trouble.cause.chars().take(300).collect::<String>()) } }
        },
        (None, Some(_)) => html! { "succeeded" },
        (None, None) if told.visit.ended_at.is_some() => html! { span.muted { "did not end" } },
        (None, None) => html! { "goes on" },
    }
}

/// What the last attempt was sent, and what it gave.
fn data(told: &Told<'_>, attempt: &Attempt) -> Markup {
    let find = |id: u64| told.events.iter().find(|event| event.id == id);
    let sent = find(attempt.begun_by).and_then(|event| detail(event, &["parameters", "input"]));
    let given = attempt.ended.and_then(|(id, _)| find(id)).and_then(|event| detail(event, &["output"]));
    html! {
        @if sent.is_some() || given.is_some() {
            div.payloads {
                @for (words, found) in [("Sent to the task", sent), ("Result", given)] {
                    @if let Some((event, field, text)) = found {
                        div {
                            h3 { (words) }
                            (payload::show_short(&payload::parse(text), Some(&told.address.payload(event, field)), CHARS_MAX))
                        }
                    }
                }
            }
        }
    }
}

fn detail<'e>(event: &'e Event, names: &[&'static str]) -> Option<(u64, &'static str, &'e str)> {
    names.iter().find_map(|name| Some((event.id, *name, event.detail(name)?)))
}
