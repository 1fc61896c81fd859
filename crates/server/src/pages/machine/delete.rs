//! Deleting a machine: what it takes along, and its name typed as the word that it is meant.

use axum::{
    extract::State,
    response::{Html, IntoResponse, Response},
};
use http::StatusCode;
use maud::{Markup, html};
use serde_json::json;
use shipway_asl::Status;
use shipway_engine::Filter;

use super::{Named, Tab};
use crate::{
    Shared,
    extract::Path,
    guard::Access,
    pages::{
        Failed, Page,
        forms::{Errors, Fields, Filled, Label, admitted, go},
        frame,
    },
    wire::Problem,
};

/// Running executions that are counted.
const RUNNING_MAX: usize = 100;
const NAME: Label = Label { name: "name", words: "Type the machine's name", hint: "" };

/// The page.
pub async fn page(State(shared): State<Shared>, access: Access, name: Result<Path<String>, Problem>) -> Page {
    let named = Named::find(&shared, name).await?.users()?;
    admitted(access, &named.path("/delete"))?;
    form(&shared, &named, &Filled { fields: &Fields::default(), errors: &Errors::default() }).await
}

async fn form(shared: &Shared, named: &Named, filled: &Filled<'_>) -> Page {
    let filter = Filter {
        machine: Some(named.name.clone()),
        status: Some(Status::Running),
        limit: RUNNING_MAX,
        ..Filter::default()
    };
    let running = shared.app.executions(&filter).await?.0.len();
    let content = html! {
        (named.head(Tab::None))
        h2.sub { "Delete this machine" }
        form.stack.narrow method="post" action=(named.path("/delete")) {
            (filled.errors.summary())
            (consequences(named, running))
            (filled.line(NAME, true))
            div.actions {
                button.danger type="submit" { "Delete " (named.name) " for good" }
                a.button href=(named.path("")) { "Cancel" }
            }
        }
    };
    Ok::<Html<String>, Failed>(frame::page(
        frame::Section::Machines,
        &format!("Delete {}", named.name),
        None,
        &content,
    ))
}

fn consequences(named: &Named, running: usize) -> Markup {
    let (versions, aliases) = (named.machine.versions.len(), named.machine.aliases.len());
    html! {
        div.failure {
            @match running {
                0 => p { "None of its executions runs." },
                1 => p.strong { "1 execution runs. It is ended as ABORTED." },
                many => p.strong { (many) @if many >= RUNNING_MAX { " or more" } " executions run. They are ended as ABORTED." },
            }
            p { "Gone for good: the machine, "
                (versions) @if versions == 1 { " version" } @else { " versions" } " and "
                (aliases) @if aliases == 1 { " alias" } @else { " aliases" } ". Callers of their ARNs are refused from then on." }
            p { "What has ended stays in the list of executions." }
        }
    }
}

/// Deletes it.
pub async fn delete(
    State(shared): State<Shared>,
    name: Result<Path<String>, Problem>,
    fields: Fields,
) -> Result<Response, Failed> {
    let named = Named::find(&shared, name).await?.users()?;
    if fields.text("name").trim() != named.name {
        let errors = Errors::one("name", format!("This is not its name: {}", named.name));
        let page = form(&shared, &named, &Filled { fields: &fields, errors: &errors }).await?;
        return Ok((StatusCode::BAD_REQUEST, page).into_response());
    }
    shared.perform("DeleteStateMachine", json!({"stateMachineArn": named.arn(&shared)})).await?;
    Ok(go("/machines?note=deleted"))
}
