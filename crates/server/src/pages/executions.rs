//! The list of executions: by machine, name, status, time, version and alias, page by page.

use std::collections::BTreeMap;

use axum::extract::State;
use maud::{Markup, html};
use serde::{Deserialize, Serialize};
use shipway_asl::{Status, Timestamp};
use shipway_engine::{Description, Filter};

use super::{
    Page,
    execution::path_of,
    frame,
    parts::{ago, encode, machine_path, span, status},
};
use crate::{Shared, extract::Query, problem::BAD_REQUEST, wire::Problem};

/// Executions of a page.
const PAGE: usize = 50;

const STATUSES: [(&str, Status, &str); 5] = [
    ("RUNNING", Status::Running, "Running"),
    ("SUCCEEDED", Status::Succeeded, "Succeeded"),
    ("FAILED", Status::Failed, "Failed"),
    ("TIMED_OUT", Status::TimedOut, "Timed out"),
    ("ABORTED", Status::Aborted, "Aborted"),
];

/// Which executions; what is empty asks for nothing.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Listing {
    machine: String,
    name: String,
    status: String,
    /// Started at this time or later: `2026-11-21` or `2026-11-21T14:05`, in UTC.
    from: String,
    /// Started before this time.
    to: String,
    /// A version's number or an alias.
    qualifier: String,
    after: String,
}

/// The page.
pub async fn page(State(shared): State<Shared>, listing: Result<Query<Listing>, Problem>) -> Page {
    let Query(listing) = listing?;
    let filter = listing.filter()?;
    let (executions, next) = shared.app.executions(&filter).await?;
    let machines = shared.app.machines().await?;
    let content = html! {
        div.title { h1 { "Executions" } }
        (form(&listing, &machines))
        @if executions.is_empty() {
            div.empty {
                p { @if listing.is_whole() { "There is no execution yet." } @else { "There is no such execution." } }
                @if !listing.is_whole() { p { a href="/executions" { "Show all" } } }
            }
        } @else { (table(&executions, shared.app.now())) }
        (paging(&listing, next.as_deref()))
    };
    Ok(frame::page(frame::Section::Executions, "Executions", None, &content))
}

impl Listing {
    fn filter(&self) -> Result<Filter, Problem> {
        let given = |text: &str| Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned);
        let (version, alias) = match self.qualifier.trim() {
            "" => (None, None),
            text => match text.parse() {
                Ok(version) => (Some(version), None),
                Err(_) => (None, Some(text.to_owned())),
            },
        };
        if (version.is_some() || alias.is_some()) && self.machine.is_empty() {
            return Err(BAD_REQUEST
                .because("a version or alias is one of a machine")
                .at("machine")
                .hint("choose the machine too"));
        }
        let wanted = STATUSES.iter().find(|(word, ..)| *word == self.status);
        Ok(Filter {
            machine: given(&self.machine),
            name: given(&self.name),
            status: wanted.map(|(_, status, _)| *status),
            version,
            alias,
            since: time_of(&self.from, "from")?,
            until: time_of(&self.to, "to")?,
            after: given(&self.after),
            limit: PAGE,
        })
    }

    /// Whether nothing is filtered.
    fn is_whole(&self) -> bool {
        self.query("").is_empty()
    }

    /// The query that asks for the same, from `after` on.
    fn query(&self, after: &str) -> String {
        let asked = Self { after: after.to_owned(), ..self.clone() };
        let fields = serde_json::to_value(&asked).unwrap_or_default();
        let fields: BTreeMap<String, String> = serde_json::from_value(fields).unwrap_or_default();
        let fields = fields.iter().filter(|(_, text)| !text.is_empty());
        fields.map(|(name, text)| format!("{name}={}", encode(text))).collect::<Vec<_>>().join("&")
    }
}

/// A day, or a minute as browsers write it; UTC.
fn time_of(text: &str, field: &str) -> Result<Option<Timestamp>, Problem> {
    let text = text.trim();
    let full = match text.len() {
        0 => return Ok(None),
        10 => format!("{text}T00:00:00Z"),
        16 => format!("{text}:00Z"),
        _ if text.ends_with('Z') => text.to_owned(),
        _ => format!("{text}Z"),
    };
    let wrong = || {
        let detail = format!("`{text}` is no time");
        BAD_REQUEST.because(detail).at(field).hint("write it as 2026-11-21 or 2026-11-21T14:05, in UTC")
    };
    Timestamp::parse(&full).map(Some).ok_or_else(wrong)
}

fn form(listing: &Listing, machines: &[String]) -> Markup {
    html! {
        form.filter.wide method="get" action="/executions" {
            label { span { "Name has" } input type="search" name="name" value=(listing.name) spellcheck="false" autocapitalize="none"; }
            label { span { "Machine" }
                select name="machine" {
                    option value="" { "any" }
                    @if !listing.machine.is_empty() && !machines.contains(&listing.machine) {
                        option value=(listing.machine) selected { (listing.machine) }
                    }
                    @for machine in machines {
                        option value=(machine) selected[*machine == listing.machine] { (machine) }
                    }
                }
            }
            label { span { "Status" }
                select name="status" {
                    option value="" { "any" }
                    @for (word, _, name) in STATUSES {
                        option value=(word) selected[word == listing.status] { (name) }
                    }
                }
            }
            label { span { "Version or alias" } input.short type="text" name="qualifier" value=(listing.qualifier) spellcheck="false" autocapitalize="none"; }
            label { span { "Started from (UTC)" } input type="datetime-local" name="from" value=(listing.from); }
            label { span { "and before" } input type="datetime-local" name="to" value=(listing.to); }
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
                    th scope="col" { "State or error" } th scope="col" { "Started" } th.num scope="col" { "Took" }
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
            th scope="row" { a href=(path_of(&execution.arn)) { code { (execution.name) } } }
            td { a.quiet href=(machine_path(execution.machine.split('/').next().unwrap_or_default())) { (execution.machine) }
                @if let Some(alias) = &execution.origin.alias { div.small.muted { "alias " (alias) } }
                @else if let Some(version) = execution.origin.version { div.small.muted { "version " (version) } } }
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
    html! {
        nav.paging aria-label="Pages" {
            @if !listing.after.is_empty() { a href=(format!("/executions?{}", listing.query(""))) { "← Newest" } }
            @if let Some(next) = next { a href=(format!("/executions?{}", listing.query(next))) { "Older →" } }
        }
    }
}
