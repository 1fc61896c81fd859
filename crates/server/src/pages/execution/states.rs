//! The table of states: each visit with its time, attempts and error, nested as Parallel and Map are.

use maud::{Markup, html};
use shipway_asl::Timestamp;

use super::{
    address::Address,
    rows::{self, Row},
    seen::Seen,
};
use crate::{
    fold::{Fold, Place, StateStatus, Visit},
    pages::parts::{clock, number, span},
};

/// Rows of one page.
pub const ROWS_MAX: usize = 100;
/// Characters of a cause in a row.
const CAUSE_CHARS_MAX: usize = 240;

/// What a table of visits is drawn with.
pub struct Table<'t> {
    /// Where the execution is.
    pub address: &'t Address,
    /// All visits.
    pub visits: &'t [Visit],
    /// Milliseconds that visits waited for a deployment's service, if it is one.
    pub waited: Option<&'t std::collections::HashMap<u64, u64>>,
    /// When the execution was started.
    pub start: Timestamp,
    /// When it ended, or now.
    pub end: Timestamp,
}

/// The states on the execution's page: the last of them, or those from row `from` on.
pub fn states(seen: &Seen, fold: &Fold, from: Option<usize>, now: Timestamp) -> Markup {
    let rows = rows::all(fold.visits());
    let first = from.unwrap_or_else(|| rows.len().saturating_sub(ROWS_MAX)).min(rows.len());
    let shown = rows.iter().skip(first).take(ROWS_MAX).copied().collect::<Vec<_>>();
    let execution = &seen.execution;
    let table = Table {
        address: &seen.address,
        visits: fold.visits(),
        waited: seen.deployment.is_some().then_some(&seen.waited),
        start: execution.started_at,
        end: execution.stopped_at.unwrap_or(now),
    };
    html! {
        section #way.way {
            h2 { "States" }
            @if rows.is_empty() { p.empty { "No state was entered yet." } }
            @else { (table.draw(&shown)) }
            (paging(&seen.address, first, shown.len(), rows.len()))
        }
    }
}

fn paging(address: &Address, first: usize, count: usize, all: usize) -> Markup {
    if count == all {
        return html! {};
    }
    let path = address.path();
    let end = first.saturating_add(count);
    html! {
        nav.paging aria-label="Pages of states" {
            @if first > 0 { a href=(format!("{path}?rows={}#way", first.saturating_sub(ROWS_MAX))) { "← Earlier" } }
            span.muted { "Rows " (number(first.saturating_add(1) as u64)) " to " (number(end as u64)) " of " (number(all as u64)) }
            @if end < all { a href=(format!("{path}?rows={end}#way")) { "Later →" } }
        }
    }
}

impl Table<'_> {
    /// The table of these rows.
    pub fn draw(&self, rows: &[Row]) -> Markup {
        html! {
            div.scroll tabindex="0" role="region" aria-label="States and their time" {
                table.gantt {
                    thead { tr {
                        th scope="col" { "State" } th scope="col" { "Entered" } th.num scope="col" { "Took" }
                        @if self.waited.is_some() {
                            th.num scope="col" { "Own" } th.num scope="col" { "Waited" } th.bars scope="col" { (key()) }
                        } @else {
                            th.num scope="col" { "Tries" } th.bars scope="col" { "When" }
                        }
                    } }
                    tbody { @for row in rows { (self.row(*row)) } }
                    @if let Some(waited) = self.waited { tfoot { (self.total(waited)) } }
                }
            }
        }
    }

    fn columns(&self) -> &'static str {
        if self.waited.is_some() { "6" } else { "5" }
    }

    fn row(&self, row: Row) -> Markup {
        match row {
            Row::Visit { visit, depth } => match self.visits.get(visit) {
                Some(visit) => self.visit(visit, depth),
                None => html! {},
            },
            Row::Place { place, depth } => self.place(place, depth),
            Row::Items { visit, depth } => match self.visits.get(visit) {
                Some(visit) => self.items(visit, depth),
                None => html! {},
            },
        }
    }

    fn visit(&self, visit: &Visit, depth: usize) -> Markup {
        let took = visit.millis(self.end);
        html! {
            tr data-s=(visit.status.word()) {
                th scope="row" {
                    span.step data-depth=(depth.min(8)) {
                        (mark(visit.status))
                        span {
                            a href=(self.address.visit(visit.entered_by)) { (visit.state) }
                            span.kind { (visit.kind) @if let Some(resource) = resource(visit) { " · " (resource) } }
                        }
                    }
                }
                td { (clock(visit.entered_at)) }
                td.num { (span(took)) }
                @match self.waited { Some(waited) => (self.shares(visit, took, waited)), None => (self.tries(visit, took)) }
            }
            @if let Some(trouble) = &visit.trouble {
                tr.why { td colspan=(self.columns()) {
                    strong { (trouble.error) } " "
                    span { (trouble.cause.chars().take(CAUSE_CHARS_MAX).collect::<String>()) }
                } }
            }
        }
    }

    fn tries(&self, visit: &Visit, took: u64) -> Markup {
        let offset = visit.entered_at.millis_since(self.start);
        html! {
            td.num { @if visit.kind == "Task" { (visit.attempts.len()) } @else { span.muted { "–" } } }
            td.bars { (bar(offset, took, 0, self.whole())) }
        }
    }

    fn shares(&self, visit: &Visit, took: u64, waited: &std::collections::HashMap<u64, u64>) -> Markup {
        let offset = visit.entered_at.millis_since(self.start);
        let known = waited.get(&visit.entered_by).copied().unwrap_or(0).min(took);
        // WHY: what a state waited for is known when it has ended.
        let waited = if visit.ended_at.is_some() { known } else { took };
        html! {
            @if visit.ended_at.is_some() {
                td.num { (span(took.saturating_sub(waited))) } td.num.muted { (span(waited)) }
            } @else {
                td.num.muted { "–" } td.num.muted { "–" }
            }
            td.bars { (bar(offset, took, waited, self.whole())) }
        }
    }

    fn whole(&self) -> u64 {
        self.end.millis_since(self.start)
    }

    fn place(&self, place: Place, depth: usize) -> Markup {
        let outer = self.visits.get(place.outer);
        let is_map = outer.is_some_and(|outer| outer.kind == "Map");
        let again = outer.is_some_and(|outer| outer.attempts.len() > 1);
        html! {
            tr.place {
                th scope="rowgroup" colspan=(self.columns()) {
                    span.step data-depth=(depth.min(8)) {
                        @if is_map { "item " (place.index) } @else { "branch " (place.index.saturating_add(1)) }
                        @if again { ", attempt " (place.attempt.saturating_add(1)) }
                    }
                }
            }
        }
    }

    fn items(&self, visit: &Visit, depth: usize) -> Markup {
        let Some(attempt) = visit.attempts.last() else { return html! {} };
        let statuses =
            [StateStatus::Failed, StateStatus::Running, StateStatus::Succeeded, StateStatus::Aborted];
        html! {
            tr.place {
                th scope="rowgroup" colspan=(self.columns()) {
                    span.step data-depth=(depth.min(8)) {
                        a href=(self.address.items(visit.entered_by)) { (number(attempt.length)) " items" }
                        @for status in statuses {
                            @let count = attempt.count(status);
                            @if count > 0 {
                                span.nowrap { (mark(status)) " " (number(count as u64)) " " (status.word()) }
                            }
                        }
                    }
                }
            }
        }
    }

    fn total(&self, waited: &std::collections::HashMap<u64, u64>) -> Markup {
        let ended = self.visits.iter().filter(|visit| visit.ended_at.is_some());
        let (mut all, mut idle) = (0_u64, 0_u64);
        for visit in ended {
            let took = visit.millis(self.end);
            all = all.saturating_add(took);
            idle = idle.saturating_add(waited.get(&visit.entered_by).copied().unwrap_or(0).min(took));
        }
        html! {
            tr {
                th scope="row" { "Sum of ended states" } td {} td.num { (span(all)) }
                td.num { (span(all.saturating_sub(idle))) } td.num { (span(idle)) } td {}
            }
        }
    }
}

/// Who does the work: the service's action, or the function's or activity's name.
pub fn resource(visit: &Visit) -> Option<&str> {
    let resource = visit.attempts.last()?.resource.as_str();
    let name = if resource.starts_with("arn:") { resource.rsplit(':').next()? } else { resource };
    Some(name).filter(|name| !name.is_empty())
}

/// What the two shades of a bar mean.
fn key() -> Markup {
    html! {
        svg width="10" height="10" aria-hidden="true" { rect.own width="10" height="10" rx="2" {} } " own "
        svg width="10" height="10" aria-hidden="true" { rect.waited width="10" height="10" rx="2" {} }
        " waiting for the service"
    }
}

/// How a visit stands, by a mark that differs in shape and not in colour only.
pub fn mark(status: StateStatus) -> Markup {
    let mark = match status {
        StateStatus::Waiting => "○",
        StateStatus::Running => "●",
        StateStatus::Succeeded => "✓",
        StateStatus::Failed => "✕",
        StateStatus::Caught => "↷",
        StateStatus::Aborted => "■",
    };
    html! { span.mark data-s=(status.word()) role="img" aria-label=(status.word()) { (mark) } }
}

/// A bar on the time of the whole execution: own time first, then what it waited.
fn bar(offset: u64, took: u64, waited: u64, whole: u64) -> Markup {
    let percent = |millis: u64| {
        let hundredths = millis.saturating_mul(10_000) / whole.max(1);
        format!("{}.{:02}%", hundredths / 100, hundredths % 100)
    };
    let own = took.saturating_sub(waited);
    html! {
        svg width="100%" height="14" aria-hidden="true" {
            line.track x1="0" x2="100%" y1="7" y2="7" {}
            @if waited > 0 { rect.waited x=(percent(offset)) y="2" width=(percent(took)) height="10" rx="2" {} }
            @if own > 0 || waited == 0 { rect.tick x=(percent(offset)) y="2" width="2" height="10" {} }
            @if own > 0 { rect.own x=(percent(offset)) y="2" width=(percent(own)) height="10" rx="2" {} }
        }
    }
}
