//! Activities: work that programs outside ask for. Their list, each with what waits there, making and deleting them.

use axum::{
    Router,
    extract::State,
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use http::StatusCode;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;
use shipway_asl::Timestamp;
use shipway_engine::activities::{Activity, Waits};

use super::{
    Failed, Page,
    forms::{Errors, Fields, Filled, Label, confirmed, go, note, sign_in_first},
    frame,
    parts::{ago, encode},
};
use crate::{
    Shared,
    extract::{Path, Query},
    guard::Access,
    problem::NOT_FOUND,
    states::of_activity,
    wire::Problem,
};

/// Activities of a page.
const PAGE: usize = 50;
/// Waiting tasks that are counted for a list, and for the page of one.
const TASKS_MAX: (usize, usize) = (10, 1_000);
const NAME: Label = Label { name: "name", words: "Name", hint: "1 to 80 characters, no spaces" };
/// Which field is at fault for a refusal.
const PLACES: &[(&str, &str)] =
    &[("InvalidName", "name"), ("ActivityAlreadyExists", "name"), ("ValidationException", "name")];

/// The pages.
pub fn router() -> Router<Shared> {
    Router::new()
        .route("/activities", get(list).post(create))
        .route("/activities/{name}", get(page))
        .route("/activities/{name}/delete", post(delete))
}

/// Which activities.
#[derive(Default, Deserialize)]
pub struct Listing {
    #[serde(default)]
    after: String,
    #[serde(default)]
    note: String,
}

struct Found {
    name: String,
    activity: Activity,
    waits: Waits,
}

async fn list(
    State(shared): State<Shared>,
    access: Access,
    listing: Result<Query<Listing>, Problem>,
) -> Page {
    let fields = Fields::default();
    whole(&shared, access, &listing?.0, &Filled { fields: &fields, errors: &Errors::default() }).await
}

async fn whole(shared: &Shared, access: Access, listing: &Listing, filled: &Filled<'_>) -> Page {
    let (found, next) = read(shared, &listing.after).await?;
    let content = html! {
        (note(&listing.note))
        h1 { "Activities" }
        p.lead { "An activity is work that a program of yours asks for, does, and answers: on any machine that reaches this server." }
        @if found.is_empty() { (nothing()) } @else { (table(&found, shared.app.now())) }
        nav.paging aria-label="Pages" {
            @if listing.after.is_empty() { span {} } @else { a href="/activities" { "← First" } }
            @if let Some(next) = next { a href=(format!("/activities?after={}", encode(&next))) { "Next →" } }
        }
        @match sign_in_first(access, "/activities") {
            Some(words) => (words),
            None => (create_form(filled, found.is_empty())),
        }
    };
    Ok::<Html<String>, Failed>(frame::page(frame::Section::Activities, "Activities", None, &content))
}

async fn read(shared: &Shared, after: &str) -> Result<(Vec<Found>, Option<String>), Failed> {
    let Some(engine) = shared.app.engine() else { return Ok((Vec::new(), None)) };
    let after = Some(after).filter(|after| !after.is_empty());
    let mut activities = engine.activities(after, PAGE + 1).await.map_err(of_activity(""))?;
    let has_more = activities.len() > PAGE;
    activities.truncate(PAGE);
    let next = activities.last().filter(|_| has_more).map(|(name, _)| name.clone());
    let mut found = Vec::with_capacity(activities.len());
    for (name, activity) in activities {
        let waits = engine.activity_waits(&name, TASKS_MAX.0).await.map_err(of_activity(""))?;
        found.push(Found { name, activity, waits });
    }
    Ok((found, next))
}

fn table(found: &[Found], now: Timestamp) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Activities" {
            table {
                thead { tr {
                    th scope="col" { "Name" } th.num scope="col" { "Tasks waiting" }
                    th.num scope="col" { "Workers waiting" } th scope="col" { "Created" }
                } }
                tbody { @for one in found {
                    tr {
                        th scope="row" { a href=(path(&one.name)) { (one.name) } }
                        td.num { (count(one.waits.tasks, TASKS_MAX.0)) }
                        td.num { (count(one.waits.workers, usize::MAX)) }
                        td { (ago(one.activity.created_at, now)) }
                    }
                } }
            }
        }
    }
}

fn count(count: usize, most: usize) -> Markup {
    html! { span.muted[count == 0] { (count) @if count >= most { "+" } } }
}

fn path(name: &str) -> String {
    format!("/activities/{}", encode(name))
}

fn nothing() -> Markup {
    html! {
        div.empty {
            p { "There is no activity yet. Create one below, or:" }
            pre { "aws stepfunctions create-activity --name review" }
        }
    }
}

fn create_form(filled: &Filled<'_>, is_open: bool) -> Markup {
    html! {
        details.panel open[is_open || !filled.errors.is_empty()] {
            summary { "Create an activity" }
            form.stack.narrow method="post" action="/activities" {
                (filled.errors.summary())
                (filled.line(NAME, true))
                div.actions { button.main type="submit" { "Create" } }
            }
        }
    }
}

async fn create(State(shared): State<Shared>, access: Access, fields: Fields) -> Result<Response, Failed> {
    let name = fields.text("name").trim();
    match shared.perform("CreateActivity", json!({"name": name})).await {
        Ok(_) => Ok(go(&format!("{}?note=created", path(name)))),
        Err(fault) => {
            let errors = Errors::of(&fault, PLACES);
            let filled = Filled { fields: &fields, errors: &errors };
            Ok((StatusCode::BAD_REQUEST, whole(&shared, access, &Listing::default(), &filled).await?)
                .into_response())
        }
    }
}

async fn page(
    State(shared): State<Shared>,
    access: Access,
    name: Result<Path<String>, Problem>,
    listing: Result<Query<Listing>, Problem>,
) -> Page {
    let Path(name) = name?;
    let missing = || NOT_FOUND.because(format!("there is no activity `{name}`"));
    let engine = shared.app.engine().ok_or_else(missing)?;
    let arn = engine.activity_arn(&name);
    let activity = engine.activity(&name).await.map_err(of_activity(&arn))?;
    let waits = engine.activity_waits(&name, TASKS_MAX.1).await.map_err(of_activity(&arn))?;
    let content = html! {
        (note(&listing?.0.note))
        p.crumbs { a href="/activities" { "Activities" } }
        h1 { (name) }
        dl.facts {
            div { dt { "Tasks waiting for a worker" } dd { (count(waits.tasks, TASKS_MAX.1)) } }
            div { dt { "Workers waiting for a task" } dd { (count(waits.workers, usize::MAX)) } }
            div { dt { "Created" } dd { (ago(activity.created_at, shared.app.now())) } }
            div { dt { "ARN" } dd.arn { code { (arn) } } }
            @if !activity.tags.is_empty() {
                div { dt { "Tags" } dd.tags { @for (key, value) in &activity.tags { span.tag.quiet { (key) " = " (value) } " " } } }
            }
        }
        @if waits.tasks > 0 && waits.workers == 0 {
            p.hint { strong { "Tasks wait and nobody asks for them." } " Start a worker, such as the one below." }
        }
        (recipe(&arn))
        @match sign_in_first(access, &path(&name)) {
            Some(words) => (words),
            None => (delete_form(&name, waits)),
        }
    };
    Ok(frame::page(frame::Section::Activities, &name, None, &content))
}

fn recipe(arn: &str) -> Markup {
    html! {
        section {
            h2 { "How to use it" }
            p { "In a state machine, a Task with this ARN as its " code { "Resource" } ". A worker in Python:" }
            pre { "import json, boto3\n\nsfn = boto3.client(\"stepfunctions\")\nwhile True:\n    task = sfn.get_activity_task(activityArn=\""
                (arn) "\", workerName=\"me\")\n    if \"taskToken\" in task:\n        result = {\"done\": json.loads(task[\"input\"])}\n        \
                sfn.send_task_success(taskToken=task[\"taskToken\"], output=json.dumps(result))" }
        }
    }
}

fn delete_form(name: &str, waits: Waits) -> Markup {
    html! {
        section {
            h2 { "Delete it" }
            p {
                @match waits.tasks {
                    0 => "No task waits for a worker.",
                    1 => "1 task waits for a worker; nobody can take it then, and it fails when its time is over.",
                    many => { (many) " tasks wait for a worker; nobody can take them then, and they fail when their time is over." },
                }
                " Tasks that come later fail at once."
            }
            (confirmed("Delete", &format!("Delete {name} for good"), &format!("{}/delete", path(name))))
        }
    }
}

async fn delete(
    State(shared): State<Shared>,
    name: Result<Path<String>, Problem>,
) -> Result<Response, Failed> {
    let Path(name) = name?;
    let missing = || NOT_FOUND.because(format!("there is no activity `{name}`"));
    let arn = shared.app.engine().ok_or_else(missing)?.activity_arn(&name);
    shared.perform("DeleteActivity", json!({"activityArn": arn})).await?;
    Ok(go("/activities?note=activity-deleted"))
}
