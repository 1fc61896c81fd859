//! The items of a Map that runs them itself: a list by status, what failed first, page by page; and one item.

use axum::extract::State;
use maud::{Markup, html};
use serde::Deserialize;

use super::{
    Address, Reader,
    head::crumbs,
    payload, rows,
    states::{Table, mark},
};
use crate::{
    Shared,
    extract::{Path, Query},
    fold::{Attempt, Fold, Item, Place, StateStatus, Visit},
    pages::{
        Page, frame,
        parts::{clock, number, span, state_status},
    },
    problem::NOT_FOUND,
    wire::Problem,
};

/// Items of a page.
const ITEMS_MAX: usize = 100;
/// Rows of one item.
const ROWS_MAX: usize = 500;

/// In the order in which a person wants to see them.
const STATUSES: [StateStatus; 4] =
    [StateStatus::Failed, StateStatus::Running, StateStatus::Aborted, StateStatus::Succeeded];

/// Which items.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Listing {
    status: String,
    from: usize,
}

/// The items of a Map's last attempt.
struct Items<'t> {
    address: &'t Address,
    fold: &'t Fold,
    visit: &'t Visit,
    /// Its number.
    outer: usize,
    now: shipway_asl::Timestamp,
}

/// The list.
pub async fn page(
    State(shared): State<Shared>,
    path: Result<Path<(String, String, u64)>, Problem>,
    listing: Result<Query<Listing>, Problem>,
) -> Page {
    let (Path((machine, name, entered_by)), Query(listing)) = (path?, listing?);
    let now = shared.app.now();
    let mut reader = Reader::new(shared, Address::of_path(&machine, &name));
    let execution = reader.execution().await?;
    let (fold, _) = reader.history(&execution.arn, 0).await?;
    let (outer, visit) = map(&fold, entered_by)?;
    let items = Items { address: &reader.address, fold: &fold, visit, outer, now };
    let content = items.list(&listing);
    let title = format!("Items of {}", visit.state);
    Ok(frame::page(frame::Section::Executions, &title, None, &content))
}

fn map(fold: &Fold, entered_by: u64) -> Result<(usize, &Visit), Problem> {
    let found = fold.entered_by(entered_by).and_then(|place| Some((place, fold.visits().get(place)?)));
    let found = found.filter(|(_, visit)| visit.kind == "Map");
    found.ok_or_else(|| NOT_FOUND.because(format!("event {entered_by} has entered no Map")))
}

impl Items<'_> {
    fn attempt(&self) -> Option<&Attempt> {
        self.visit.attempts.last()
    }

    fn list(&self, listing: &Listing) -> Markup {
        let wanted = STATUSES.into_iter().find(|status| status.word() == listing.status);
        let all = self.attempt().map(|attempt| attempt.items.as_slice()).unwrap_or_default();
        let mut items: Vec<&Item> =
            all.iter().filter(|item| wanted.is_none_or(|wanted| item.status == wanted)).collect();
        items.sort_by_key(|item| (STATUSES.iter().position(|status| *status == item.status), item.index));
        let shown: Vec<&Item> = items.iter().skip(listing.from).take(ITEMS_MAX).copied().collect();
        html! {
            section.head {
                (crumbs(self.address, Some("Items")))
                div.title {
                    h1 { "Items of " a href=(self.address.visit(self.visit.entered_by)) { (self.visit.state) } }
                    (state_status(self.visit.status))
                }
            }
            (self.filter(wanted, all.len()))
            @if shown.is_empty() { p.empty { @if all.is_empty() { "No item was begun." } @else { "There is no such item." } } }
            @else { (self.table(&shown)) }
            (self.paging(wanted, listing.from, shown.len(), items.len()))
        }
    }

    fn query(&self, status: Option<StateStatus>, from: usize) -> String {
        let status = status.map(|status| format!("status={}&", status.word())).unwrap_or_default();
        format!("{}?{status}from={from}", self.address.items(self.visit.entered_by))
    }

    fn filter(&self, wanted: Option<StateStatus>, begun: usize) -> Markup {
        let length = usize::try_from(self.visit.length()).unwrap_or(usize::MAX);
        html! {
            nav.choices aria-label="Items by status" {
                a href=(self.query(None, 0)) aria-current=[wanted.is_none().then_some("true")] { "All " (number(begun as u64)) }
                @for status in STATUSES {
                    @let count = self.attempt().map_or(0, |attempt| attempt.count(status));
                    @if count > 0 || wanted == Some(status) {
                        a href=(self.query(Some(status), 0)) aria-current=[(wanted == Some(status)).then_some("true")] {
                            (mark(status)) " " (number(count as u64)) " " (status.word())
                        }
                    }
                }
                @if length > begun { span.muted { (number(length.saturating_sub(begun) as u64)) " not begun" } }
            }
        }
    }

    fn table(&self, items: &[&Item]) -> Markup {
        html! {
            div.scroll tabindex="0" role="region" aria-label="Items" {
                table {
                    thead { tr {
                        th.num scope="col" { "Item" } th scope="col" { "Status" } th scope="col" { "Begun" }
                        th.num scope="col" { "Took" } th scope="col" { "In" } th scope="col" { "Error" }
                    } }
                    tbody { @for item in items { (self.row(item)) } }
                }
            }
        }
    }

    fn row(&self, item: &Item) -> Markup {
        let last = self.last_in(item);
        let trouble =
            last.and_then(|visit| visit.trouble.as_ref()).filter(|_| item.status == StateStatus::Failed);
        html! {
            tr {
                th.num scope="row" { a href=(format!("{}/{}", self.address.items(self.visit.entered_by), item.index)) { (item.index) } }
                td { (state_status(item.status)) }
                td { (clock(item.begun_at)) }
                td.num { (span(item.ended_at.or(self.visit.ended_at).unwrap_or(self.now).millis_since(item.begun_at))) }
                td { @if let Some(visit) = last { a.quiet href=(self.address.visit(visit.entered_by)) { (visit.state) } } }
                td {
                    @if let Some(trouble) = trouble {
                        span.bad { (trouble.error) }
                        div.clip.small title=(trouble.cause) { (trouble.cause.chars().take(120).collect::<String>()) }
                    }
                }
            }
        }
    }

    /// The state that an item came to last.
    fn last_in(&self, item: &Item) -> Option<&Visit> {
        let mut last = self.fold.visits().get(item.first?)?;
        // WHY: this ends, since what comes next was entered later.
        while let Some(next) = last.next.and_then(|next| self.fold.visits().get(next)) {
            last = next;
        }
        Some(last)
    }

    fn paging(&self, wanted: Option<StateStatus>, from: usize, count: usize, all: usize) -> Markup {
        let end = from.saturating_add(count);
        html! {
            @if count < all {
                nav.paging aria-label="Pages of items" {
                    @if from > 0 { a href=(self.query(wanted, from.saturating_sub(ITEMS_MAX))) { "← Before" } }
                    span.muted { (number(from.saturating_add(1) as u64)) " to " (number(end as u64)) " of " (number(all as u64)) }
                    @if end < all { a href=(self.query(wanted, end)) { "Next →" } }
                }
            }
        }
    }

    fn place(&self, index: u32) -> Place {
        let attempt = self.visit.attempts.len().saturating_sub(1);
        Place { outer: self.outer, attempt, index }
    }
}

/// One item.
pub async fn item(
    State(shared): State<Shared>,
    path: Result<Path<(String, String, u64, u32)>, Problem>,
) -> Page {
    let Path((machine, name, entered_by, index)) = path?;
    let now = shared.app.now();
    let mut reader = Reader::new(shared, Address::of_path(&machine, &name));
    let execution = reader.execution().await?;
    let (fold, _) = reader.history(&execution.arn, 0).await?;
    let (outer, visit) = map(&fold, entered_by)?;
    let found =
        visit.attempts.last().and_then(|attempt| attempt.items.iter().find(|item| item.index == index));
    let found = *found.ok_or_else(|| NOT_FOUND.because(format!("item {index} was not begun")))?;
    let first = found.first.and_then(|first| fold.visits().get(first)).map(|visit| visit.entered_by);
    let first = match first {
        Some(id) => reader.event(&execution.arn, id).await?,
        None => None,
    };
    let items = Items { address: &reader.address, fold: &fold, visit, outer, now };
    let rows = rows::of_place(fold.visits(), items.place(index));
    let shown = rows.get(..rows.len().min(ROWS_MAX)).unwrap_or_default();
    let end = found.ended_at.or(execution.stopped_at).unwrap_or(now);
    let table =
        Table { address: items.address, visits: fold.visits(), waited: None, start: found.begun_at, end };
    let content = html! {
        section.head {
            (crumbs(items.address, Some(&format!("Item {index}"))))
            div.title {
                h1 { "Item " (index) " of " a href=(items.address.items(entered_by)) { (visit.state) } }
                (state_status(found.status))
            }
            dl.facts {
                div { dt { "Begun" } dd { (clock(found.begun_at)) } }
                div { dt { "Took" } dd { (span(end.millis_since(found.begun_at))) } }
            }
        }
        section { h2 { "States" } @if shown.is_empty() { p.muted { "None was entered." } } @else { (table.draw(shown)) } }
        @if let Some((event, input)) = first.as_ref().and_then(|event| Some((event, event.detail("input")?))) {
            section { h2 { "Input" } (payload::show(&payload::parse(input), Some(&items.address.payload(event.id, "input")))) }
        }
    };
    let title = format!("Item {index} of {}", visit.state);
    Ok(frame::page(frame::Section::Executions, &title, None, &content))
}
