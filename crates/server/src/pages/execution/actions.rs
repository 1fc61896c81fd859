//! What can be done to an execution: stop it, take it up again, start another one with its input. What the API refuses is
//! refused here, in its words. Deployments are stopped by `halt` only, which cleans up.

use axum::{extract::State, response::Response};
use http::StatusCode;
use maud::{Markup, html};
use serde_json::{Map, Value};
use shipway_asl::Status;

use super::{Address, Reader, View, seen::Seen};
use crate::{
    Shared,
    extract::Path,
    guard::Access,
    pages::{
        Failed,
        forms::{Errors, Fields, Filled, Label, again, button, go, sign_in_first},
        parts::{encode, machine_path},
    },
    states::Fault,
    wire::Problem,
};

const ERROR: Label =
    Label { name: "error", words: "Error", hint: "A name, such as Cancelled; may be empty." };
const CAUSE: Label = Label { name: "cause", words: "Cause", hint: "Why, for whoever reads this later." };

/// The buttons.
pub fn actions(seen: &Seen, access: Access) -> Markup {
    html! {
        section #actions.actions {
            @if !seen.is_planned {
                @match sign_in_first(access, &seen.address.path()) {
                    Some(sign_in) => (sign_in),
                    None => (buttons(seen)),
                }
            }
        }
    }
}

fn buttons(seen: &Seen) -> Markup {
    let Seen { address, execution, .. } = seen;
    html! {
        @if execution.status == Status::Running && !seen.is_express() { (stop_form(address)) }
        @if let Some(redrive) = &seen.redrive {
            @if redrive.is_possible {
                (button(&format!("{}/redrive", address.path()), &redrive_words(seen), &[]))
            } @else if execution.status != Status::Running && execution.status != Status::Succeeded {
                span.muted.small { "It cannot be redriven: " (redrive.reason.as_deref().unwrap_or("no reason was given")) }
            }
        }
        @if execution.map_run.is_none() {
            a.button href=(format!("{}/start?from={}", machine_path(&execution.machine), encode(&execution.arn))) {
                "Start new with this input"
            }
        }
    }
}

fn redrive_words(seen: &Seen) -> String {
    let failed = seen.failure.as_ref().and_then(|failure| failure.visit.as_ref());
    match failed {
        Some(visit) => format!("Redrive from {}", visit.state),
        None => "Redrive from where it stopped".to_owned(),
    }
}

/// WHY: what is stopped cannot go on without a redrive, so the button that does it is not the one that is at hand.
fn stop_form(address: &Address) -> Markup {
    let (fields, errors) = (Fields::default(), Errors::default());
    let filled = Filled { fields: &fields, errors: &errors };
    html! {
        details #stop.act {
            summary.button.danger { "Stop…" }
            form.stack method="post" action=(format!("{}/stop", address.path())) {
                p { "Its tasks are called off, and it ends as aborted. What tasks have done stays done." }
                (filled.line(ERROR, false))
                (filled.line(CAUSE, false))
                div { button.danger type="submit" { "Stop this execution" } }
            }
        }
    }
}

/// Stops it.
pub async fn stop(
    State(shared): State<Shared>,
    access: Access,
    path: Result<Path<(String, String)>, Problem>,
    fields: Fields,
) -> Result<Response, Failed> {
    let mut request = Map::new();
    for label in [ERROR, CAUSE] {
        if let Some(text) = fields.given(label.name) {
            request.insert(label.name.to_owned(), text.into());
        }
    }
    perform(shared, access, path, "StopExecution", request).await
}

/// Takes it up again where it failed.
pub async fn redrive(
    State(shared): State<Shared>,
    access: Access,
    path: Result<Path<(String, String)>, Problem>,
    _: Fields,
) -> Result<Response, Failed> {
    perform(shared, access, path, "RedriveExecution", Map::new()).await
}

async fn perform(
    shared: Shared,
    access: Access,
    path: Result<Path<(String, String)>, Problem>,
    action: &str,
    mut request: Map<String, Value>,
) -> Result<Response, Failed> {
    let Path((machine, name)) = path?;
    let mut reader = Reader::new(shared.clone(), Address::of_path(&machine, &name));
    request.insert("executionArn".to_owned(), reader.execution().await?.arn.into());
    match shared.perform(action, request.into()).await {
        Ok(_) => Ok(go(&reader.address.path())),
        Err(fault) => refused(shared, access, reader, &fault).await,
    }
}

/// The page once more, with what was refused.
async fn refused(
    shared: Shared,
    access: Access,
    mut reader: Reader,
    fault: &Fault,
) -> Result<Response, Failed> {
    let errors = Errors::of(fault, &[]);
    let page = super::render(&shared, &mut reader, View::default(), access, &errors).await?;
    Ok(again(StatusCode::CONFLICT, page))
}
