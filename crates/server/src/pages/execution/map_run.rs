//! A Map Run: how its items stand, what failures it bears, its children page by page, and a form that changes its limits.

use axum::{extract::State, response::Response};
use http::StatusCode;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use shipway_asl::Timestamp;

use super::{Address, Reader, head::crumbs, path_of};
use crate::{
    Shared,
    extract::{Path, Query},
    guard::Access,
    pages::{
        Failed, Page,
        forms::{Errors, Fields, Filled, Label, again, go, sign_in_first},
        frame,
        parts::{ago, encode, number, span, word_status},
    },
    problem::NOT_FOUND,
    wire::Problem,
};

/// Children of a page.
const CHILDREN_MAX: usize = 100;
/// Statuses of children, as the API has them.
const STATUSES: [(&str, &str); 6] = [
    ("FAILED", "failed"),
    ("TIMED_OUT", "timedOut"),
    ("ABORTED", "aborted"),
    ("RUNNING", "running"),
    ("SUCCEEDED", "succeeded"),
    ("PENDING_REDRIVE", "pendingRedrive"),
];
/// What items and executions are counted by.
const COUNTS: [(&str, &str); 9] = [
    ("total", "All"),
    ("pending", "Waiting"),
    ("running", "Running"),
    ("succeeded", "Succeeded"),
    ("failed", "Failed"),
    ("timedOut", "Timed out"),
    ("aborted", "Aborted"),
    ("pendingRedrive", "To be redriven"),
    ("resultsWritten", "Results written"),
];
const CONCURRENCY: Label =
    Label { name: "maxConcurrency", words: "Children at a time", hint: "0 for as many as there are." };
const COUNT: Label = Label {
    name: "toleratedFailureCount",
    words: "Failures tolerated",
    hint: "Items that may fail before the Map Run fails.",
};
const PERCENTAGE: Label =
    Label { name: "toleratedFailurePercentage", words: "Failures tolerated, in percent", hint: "0 to 100." };

/// Which children.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Listing {
    status: String,
    next: String,
}

/// A Map Run and where it is.
struct Run {
    address: Address,
    state: String,
    entered_by: u64,
    /// As `DescribeMapRun` tells it.
    told: Value,
    now: Timestamp,
}

type Place = Result<Path<(String, String, u64)>, Problem>;

/// The page.
pub async fn page(
    State(shared): State<Shared>,
    access: Access,
    path: Place,
    listing: Result<Query<Listing>, Problem>,
) -> Page {
    let (run, Query(listing)) = (Run::read(&shared, path).await?, listing?);
    run.render(&shared, access, &listing, &run.limits(), &Errors::default()).await
}

/// Changes its limits.
pub async fn update(
    State(shared): State<Shared>,
    access: Access,
    path: Place,
    fields: Fields,
) -> Result<Response, Failed> {
    let run = Run::read(&shared, path).await?;
    let (request, mut errors) = run.request(&fields);
    if errors.is_empty() {
        match shared.perform("UpdateMapRun", request.into()).await {
            Ok(_) => return Ok(go(&run.address.map_run(run.entered_by))),
            Err(fault) => errors = Errors::of(&fault, &[]),
        }
    }
    let page = run.render(&shared, access, &Listing::default(), &fields, &errors).await?;
    Ok(again(StatusCode::BAD_REQUEST, page))
}

impl Run {
    async fn read(shared: &Shared, path: Place) -> Result<Self, Failed> {
        let Path((machine, name, entered_by)) = path?;
        let mut reader = Reader::new(shared.clone(), Address::of_path(&machine, &name));
        let execution = reader.execution().await?;
        let (fold, _) = reader.history(&execution.arn, 0).await?;
        let visit = fold.entered_by(entered_by).and_then(|place| fold.visits().get(place));
        let found = visit.and_then(|visit| Some((visit.state.clone(), visit.map_run.clone()?)));
        let missing = || NOT_FOUND.because(format!("event {entered_by} has entered no distributed Map"));
        let (state, arn) = found.ok_or_else(missing)?;
        let told =
            shared.perform("DescribeMapRun", json!({"mapRunArn": arn})).await.map_err(Problem::from)?;
        Ok(Self { address: reader.address, state, entered_by, told, now: shared.app.now() })
    }

    fn text(&self, name: &str) -> &str {
        self.told.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn count(&self, of: &str, name: &str) -> u64 {
        self.told.get(of).and_then(|counts| counts.get(name)).and_then(Value::as_u64).unwrap_or(0)
    }

    fn path(&self) -> String {
        self.address.map_run(self.entered_by)
    }

    fn is_running(&self) -> bool {
        self.text("status") == "RUNNING"
    }

    async fn render(
        &self,
        shared: &Shared,
        access: Access,
        listing: &Listing,
        fields: &Fields,
        errors: &Errors,
    ) -> Page {
        let mut request = self.named();
        request.insert("maxResults".to_owned(), CHILDREN_MAX.into());
        if !listing.status.is_empty() {
            request.insert("statusFilter".to_owned(), listing.status.as_str().into());
        }
        if !listing.next.is_empty() {
            request.insert("nextToken".to_owned(), listing.next.as_str().into());
        }
        let children = shared.perform("ListExecutions", request.into()).await.map_err(Problem::from)?;
        let content = html! {
            (self.head())
            (errors.summary())
            (self.counts())
            @if self.is_running() {
                @match sign_in_first(access, &self.path()) {
                    Some(sign_in) => (sign_in),
                    None => (self.form(fields, errors)),
                }
            }
            (self.children(&children, listing))
        };
        let title = format!("Map Run of {}", self.state);
        Ok(frame::page(frame::Section::Executions, &title, None, &content))
    }

    fn head(&self) -> Markup {
        let started = date(&self.told, "startDate");
        let stopped = date(&self.told, "stopDate");
        let percentage = self.told.get("toleratedFailurePercentage").and_then(Value::as_f64).unwrap_or(0.0);
        let (concurrency, count) =
            (number_of(&self.told, "maxConcurrency"), number_of(&self.told, "toleratedFailureCount"));
        html! {
            section.head {
                (crumbs(&self.address, Some("Map Run")))
                div.title {
                    h1 { "Map Run of " a href=(self.address.visit(self.entered_by)) { (self.state) } }
                    (word_status(self.text("status")))
                }
                dl.facts {
                    @if let Some(at) = started {
                        div { dt { "Started" } dd { (ago(at, self.now)) } }
                        div { dt { "Took" } dd { (span(stopped.unwrap_or(self.now).millis_since(at))) } }
                    }
                    div { dt { "Children at a time" } dd { @if concurrency == 0 { "no limit" } @else { (number(concurrency)) } } }
                    div { dt { "Failures tolerated" } dd { (number(count)) " or " (percentage) " %" } }
                    div.wide { dt { "ARN" } dd { code.copy { (self.text("mapRunArn")) } } }
                }
            }
        }
    }

    fn counts(&self) -> Markup {
        html! {
            section {
                div.scroll tabindex="0" role="region" aria-label="Counts" {
                    table {
                        thead { tr { th scope="col" { "" } @for (_, words) in COUNTS { th.num scope="col" { (words) } } } }
                        tbody {
                            @for (of, words) in [("itemCounts", "Items"), ("executionCounts", "Children")] {
                                tr { th scope="row" { (words) } @for (name, _) in COUNTS { td.num { (number(self.count(of, name))) } } }
                            }
                        }
                    }
                }
            }
        }
    }

    /// What its limits are.
    fn limits(&self) -> Fields {
        let shown = |name| self.told.get(name).map(Value::to_string).unwrap_or_default();
        let [concurrency, count, percentage] =
            [CONCURRENCY, COUNT, PERCENTAGE].map(|label| (label.name, shown(label.name)));
        Fields::of(&[(concurrency.0, &concurrency.1), (count.0, &count.1), (percentage.0, &percentage.1)])
    }

    /// A request that names it.
    fn named(&self) -> Map<String, Value> {
        Map::from_iter([("mapRunArn".to_owned(), self.text("mapRunArn").into())])
    }

    fn request(&self, fields: &Fields) -> (Map<String, Value>, Errors) {
        let mut request = self.named();
        let mut errors = Errors::default();
        for label in [CONCURRENCY, COUNT, PERCENTAGE] {
            let Some(text) = fields.given(label.name) else { continue };
            match serde_json::from_str::<Value>(text) {
                Ok(number) if number.is_number() => {
                    request.insert(label.name.to_owned(), number);
                }
                _ => errors.add(label.name, format!("`{text}` is no number")),
            }
        }
        (request, errors)
    }

    fn form(&self, fields: &Fields, errors: &Errors) -> Markup {
        let filled = Filled { fields, errors };
        html! {
            section {
                details.act open[!errors.is_empty()] {
                    summary.button { "Change its limits…" }
                    form.stack method="post" action=(self.path()) {
                        (filled.line(CONCURRENCY, false))
                        (filled.line(COUNT, false))
                        (filled.line(PERCENTAGE, false))
                        div { button type="submit" { "Change" } }
                    }
                }
            }
        }
    }

    fn children(&self, children: &Value, listing: &Listing) -> Markup {
        let executions =
            children.get("executions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let next = children.get("nextToken").and_then(Value::as_str);
        let query =
            |status: &str, next: &str| format!("{}?status={status}&next={}", self.path(), encode(next));
        html! {
            section {
                h2 { "Children" }
                nav.choices aria-label="Children by status" {
                    a href=(self.path()) aria-current=[listing.status.is_empty().then_some("true")] { "All " (number(self.count("executionCounts", "total"))) }
                    @for (status, name) in STATUSES {
                        @let count = self.count("executionCounts", name);
                        @if count > 0 || status == listing.status {
                            a href=(query(status, "")) aria-current=[(status == listing.status).then_some("true")] {
                                (word_status(status)) " " (number(count))
                            }
                        }
                    }
                }
                @if executions.is_empty() {
                    p.empty { @if next.is_some() { "None of these. There are more." } @else { "There is no such child." } }
                } @else { (self.table(executions)) }
                nav.paging aria-label="Pages of children" {
                    @if !listing.next.is_empty() { a href=(query(&listing.status, "")) { "← First" } }
                    @if let Some(next) = next { a href=(query(&listing.status, next)) { "Next →" } }
                }
            }
        }
    }

    fn table(&self, executions: &[Value]) -> Markup {
        html! {
            div.scroll tabindex="0" role="region" aria-label="Children" {
                table {
                    thead { tr {
                        th scope="col" { "Status" } th scope="col" { "Name" } th scope="col" { "Started" } th.num scope="col" { "Took" }
                    } }
                    tbody { @for child in executions { (self.child(child)) } }
                }
            }
        }
    }

    fn child(&self, child: &Value) -> Markup {
        let text = |name: &str| child.get(name).and_then(Value::as_str).unwrap_or_default();
        html! {
            tr {
                td { (word_status(text("status"))) }
                th scope="row" { a href=(path_of(text("executionArn"))) { code { (text("name")) } } }
                @if let Some(started) = date(child, "startDate") {
                    td { (ago(started, self.now)) }
                    td.num { (span(date(child, "stopDate").unwrap_or(self.now).millis_since(started))) }
                }
            }
        }
    }
}

fn number_of(told: &Value, name: &str) -> u64 {
    told.get(name).and_then(Value::as_u64).unwrap_or(0)
}

/// A point in time as the protocol has it: seconds with their fraction.
#[expect(clippy::cast_possible_truncation, reason = "milliseconds of any date fit")]
fn date(told: &Value, name: &str) -> Option<Timestamp> {
    let seconds = told.get(name)?.as_f64()?;
    Some(Timestamp((seconds * 1_000.0).round() as i64))
}
