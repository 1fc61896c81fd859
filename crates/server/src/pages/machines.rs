//! The list of state machines: users' and deployers', by name, page by page.

use axum::extract::State;
use maud::{Markup, html};
use serde::Deserialize;
use shipway_asl::{MachineKind, Status, Timestamp};
use shipway_control::app::Error;
use shipway_engine::{Description, Filter, machines::Owner};

use super::{
    Page,
    execution::path_of,
    forms::note,
    frame,
    machine::NEW,
    parts::{ago, encode, machine_path, status},
};
use crate::{
    Shared,
    app::{App, MachineRecord},
    extract::Query,
    wire::Problem,
};

/// Machines of a page.
const PAGE: usize = 50;
/// Machines that are looked through at once for a name.
const SCAN: usize = 500;
/// Looks that one page takes; a search goes on from there.
const SCANS_MAX: usize = 4;
/// Running executions that are counted.
const RUNNING_MAX: usize = 10;

/// Which machines.
#[derive(Deserialize)]
pub struct Listing {
    #[serde(default)]
    name: String,
    #[serde(default)]
    after: String,
    #[serde(default)]
    note: String,
}

struct Found {
    name: String,
    machine: MachineRecord,
    running: usize,
    last: Option<Description>,
}

/// The page.
pub async fn page(State(shared): State<Shared>, listing: Result<Query<Listing>, Problem>) -> Page {
    let Query(listing) = listing?;
    let (machines, next) = search(&*shared.app, &listing).await?;
    let mut found = Vec::with_capacity(machines.len());
    for (name, machine) in machines {
        found.push(look(&*shared.app, name, machine).await?);
    }
    let content = html! {
        (note(&listing.note))
        div.title {
            h1 { "State machines" }
            a.button.main href=(NEW) { "Create a machine" }
            form.filter method="get" action="/machines" role="search" {
                label { span { "Name" } input type="search" name="name" value=(listing.name) maxlength="80"; }
                button type="submit" { "Find" }
            }
        }
        @if found.is_empty() { (nothing(&listing, next.is_some())) }
        @else { (table(&found, shared.app.now())) }
        (paging(&listing, next.as_deref()))
    };
    Ok(frame::page(frame::Section::Machines, "State machines", None, &content))
}

/// Machines whose names hold what is looked for, and where to look on.
async fn search(
    app: &dyn App,
    listing: &Listing,
) -> Result<(Vec<(String, MachineRecord)>, Option<String>), Error> {
    let wanted = listing.name.trim().to_lowercase();
    let (size, looks) = if wanted.is_empty() { (PAGE, 1) } else { (SCAN, SCANS_MAX) };
    let mut after = Some(listing.after.clone()).filter(|after| !after.is_empty());
    let mut found = Vec::new();
    for _ in 0..looks {
        let machines = app.machine_records(after.as_deref(), size).await?;
        let is_last = machines.len() < size;
        for (name, machine) in machines {
            after = Some(name.clone());
            if name.to_lowercase().contains(&wanted) {
                found.push((name, machine));
            }
            if found.len() >= PAGE {
                return Ok((found, after));
            }
        }
        if is_last {
            return Ok((found, None));
        }
    }
    Ok((found, after))
}

async fn look(app: &dyn App, name: String, machine: MachineRecord) -> Result<Found, Error> {
    let filter = |status, limit| Filter { machine: Some(name.clone()), status, limit, ..Filter::default() };
    let (running, _) = app.executions(&filter(Some(Status::Running), RUNNING_MAX)).await?;
    let (last, _) = app.executions(&filter(None, 1)).await?;
    Ok(Found { running: running.len(), last: last.into_iter().next(), name, machine })
}

fn table(found: &[Found], now: Timestamp) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="State machines" {
            table {
                thead { tr {
                    th scope="col" { "Name" } th scope="col" { "Type" } th.num scope="col" { "Running" }
                    th scope="col" { "Last execution" } th scope="col" { "Changed" } th scope="col" { "Created" }
                } }
                tbody { @for one in found { (row(one, now)) } }
            }
        }
    }
}

fn row(found: &Found, now: Timestamp) -> Markup {
    let Found { name, machine, running, last } = found;
    let filtered = format!("/executions?machine={}", encode(name));
    html! {
        tr {
            th scope="row" { a href=(machine_path(name)) { (name) } " " (marks(machine)) }
            td { (kind_name(machine.kind)) }
            td.num {
                @match *running {
                    0 => span.muted { "0" },
                    many => a.running href=(format!("{filtered}&status=RUNNING")) {
                        (many) @if many >= RUNNING_MAX { "+" }
                    },
                }
            }
            td {
                @match last {
                    None => span.muted { "none yet" },
                    Some(last) => a.plain href=(path_of(&last.arn)) { (status(last.status)) },
                }
            }
            td { (when(machine.updated_at, now)) }
            td { (when(machine.created_at, now)) }
        }
    }
}

/// WHY: stores of an older Shipway do not say when.
fn when(at: Timestamp, now: Timestamp) -> Markup {
    if at == Timestamp::default() {
        html! { span.muted { "–" } }
    } else {
        ago(at, now)
    }
}

/// `STANDARD` or `EXPRESS`.
pub fn kind_name(kind: MachineKind) -> &'static str {
    match kind {
        MachineKind::Standard => "STANDARD",
        MachineKind::Express => "EXPRESS",
    }
}

/// What else there is to say of a machine beside its name.
pub fn marks(machine: &MachineRecord) -> Markup {
    html! {
        @if machine.owner == Owner::Shipway { span.tag.quiet title="Belongs to Shipway: runs by plan and lock only" { "deployer" } " " }
        @if machine.last_version > 0 && !machine.versions.is_empty() {
            span.tag.quiet { (machine.versions.len()) " " @if machine.versions.len() == 1 { "version" } @else { "versions" } }
        }
    }
}

fn nothing(listing: &Listing, goes_on: bool) -> Markup {
    html! {
        div.empty {
            @if goes_on { p { "No machine with this name so far; there are more to look through." } }
            @else if !listing.name.is_empty() {
                p { "No machine's name holds “" (listing.name) "”. " a href="/machines" { "Show all" } }
            } @else {
                p { "There is no state machine yet. " a href=(NEW) { "Create one here" } ", or with any tool that knows AWS Step Functions:" }
                pre { "aws stepfunctions create-state-machine --name hello --definition file://hello.asl.json \\\n    --role-arn arn:aws:iam::000000000000:role/shipway" }
            }
        }
    }
}

fn paging(listing: &Listing, next: Option<&str>) -> Markup {
    let name = encode(&listing.name);
    html! {
        nav.paging aria-label="Pages" {
            @if listing.after.is_empty() { span {} } @else { a href=(format!("/machines?name={name}")) { "← First" } }
            @if let Some(next) = next {
                a href=(format!("/machines?name={name}&after={}", encode(next))) { "Next →" }
            }
        }
    }
}
