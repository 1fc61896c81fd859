//! The list of executions, by status and machine, page by page.

use axum::extract::State;
use maud::{Markup, html};
use serde::Deserialize;
use shipway_asl::{Status, Timestamp};
use shipway_engine::{Description, Filter};

use super::{
    Page, frame,
    parts::{ago, encode, execution_path, machine_path, span, status},
};
use crate::{Shared, extract::Query, wire::Problem};

/// Executions of a page.
const PAGE: usize = 50;

const STATUSES: [(&str, Status, &str); 5] = [
    ("RUNNING", Status::Running, "Running"),
    ("SUCCEEDED", Status::Succeeded, "Succeeded"),
    ("FAILED", Status::Failed, "Failed"),
    ("TIMED_OUT", Status::TimedOut, "Timed out"),
    ("ABORTED", Status::Aborted, "Aborted"),
];

/// Which executions.
#[derive(Deserialize)]
pub struct Listing {
    #[serde(default)]
    status: String,
    #[serde(default)]
    machine: String,
    #[serde(default)]
    after: String,
}

/// The page.
pub async fn page(State(shared): State<Shared>, listing: Result<Query<Listing>, Problem>) -> Page {
    let Query(listing) = listing?;
    let wanted = STATUSES.iter().find(|(word, ..)| *word == listing.status);
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let filter = Filter {
        machine: given(&listing.machine),
        status: wanted.map(|(_, status, _)| *status),
        after: given(&listing.after),
        limit: PAGE,
    };
    let ((executions, next), machines) =
        tokio::try_join!(shared.app.executions(&filter), shared.app.machines())?;
    let content = html! {
        div.title { h1 { "Executions" } (form(&listing, &machines)) }
        @if executions.is_empty() { p.empty { "There is no such execution." } }
        @else { (table(&executions, shared.app.now())) }
        (paging(&listing, next.as_deref()))
    };
    Ok(frame::page(frame::Section::Executions, "Executions", None, &content))
}

fn form(listing: &Listing, machines: &[String]) -> Markup {
    html! {
        form.filter method="get" action="/executions" {
            label { span { "Status" }
                select name="status" {
                    option value="" { "any" }
                    @for (word, _, name) in STATUSES {
                        option value=(word) selected[word == listing.status] { (name) }
                    }
                }
            }
            label { span { "Machine" }
                select name="machine" {
                    option value="" { "any" }
                    @for machine in machines {
                        option value=(machine) selected[*machine == listing.machine] { (machine) }
                    }
                }
            }
            button type="submit" { "Show" }
        }
    }
}

/// Executions as a table.
pub fn table(executions: &[Description], now: Timestamp) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Executions" {
            table {
                thead { tr {
                    th scope="col" { "Status" } th scope="col" { "Name" } th scope="col" { "Machine" }
                    th scope="col" { "State" } th scope="col" { "Started" } th.num scope="col" { "Took" }
                    th.num scope="col" { "Events" }
                } }
                tbody { @for execution in executions { (row(execution, now)) } }
            }
        }
    }
}

fn row(execution: &Description, now: Timestamp) -> Markup {
    html! {
        tr {
            td { (status(execution.status)) }
            th scope="row" { a href=(execution_path(&execution.name)) { code { (execution.name) } } }
            td { a.quiet href=(machine_path(&execution.machine)) { (execution.machine) } }
            td {
                @match &execution.error {
                    Some(error) => span.bad { (error) },
                    None => (execution.active_states.join(", ")),
                }
            }
            td { (ago(execution.started_at, now)) }
            td.num { (span(execution.stopped_at.unwrap_or(now).millis_since(execution.started_at))) }
            td.num { (execution.last_event_id) }
        }
    }
}

fn paging(listing: &Listing, next: Option<&str>) -> Markup {
    let filter = format!("status={}&machine={}", encode(&listing.status), encode(&listing.machine));
    html! {
        nav.paging aria-label="Pages" {
            @if !listing.after.is_empty() { a href=(format!("/executions?{filter}")) { "← Newest" } }
            @if let Some(next) = next {
                a href=(format!("/executions?{filter}&after={}", encode(next))) { "Older →" }
            }
        }
    }
}
