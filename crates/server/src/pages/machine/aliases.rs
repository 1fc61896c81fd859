//! Aliases of a machine: where each leads and in which shares, and the forms that make, change and delete one.

use axum::{
    extract::State,
    response::{Html, IntoResponse, Response},
};
use http::StatusCode;
use maud::{Markup, html};
use serde_json::{Map, Value, json};
use shipway_asl::Timestamp;
use shipway_engine::machines::Alias;

use super::{Named, Tab, versions};
use crate::{
    Shared,
    extract::Path,
    guard::Access,
    pages::{
        Failed, Page,
        forms::{Errors, Fields, Filled, Label, admitted, confirmed, go},
        frame,
        parts::{ago, encode},
    },
    problem::NOT_FOUND,
    wire::Problem,
};

const NAME: Label =
    Label { name: "name", words: "Name", hint: "Letters, digits, _ - and ., not only digits: live" };
const DESCRIPTION: Label = Label { name: "description", words: "Description", hint: "" };
const VERSION: Label = Label { name: "version", words: "Leads to", hint: "" };
const SECOND: Label = Label { name: "second", words: "and to", hint: "" };
const SHARE: Label = Label {
    name: "share",
    words: "Share of the second one in percent",
    hint: "0 to 100; counts only if there is a second one",
};
/// Which field is at fault for a refusal.
const PLACES: &[(&str, &str)] = &[("ConflictException", "name"), ("ValidationException", "name")];

/// All aliases as a table.
pub fn list(named: &Named, may_change: bool, now: Timestamp) -> Markup {
    let aliases = &named.machine.aliases;
    if aliases.is_empty() {
        return html! {
            div.empty { p { "There is no alias. An alias is a name such as " code { "live" } " that leads to one version, or by shares to two: \
                callers keep its ARN, and you decide what runs." } }
        };
    }
    html! {
        div.scroll tabindex="0" role="region" aria-label="Aliases" {
            table {
                thead { tr {
                    th scope="col" { "Alias" } th scope="col" { "Leads to" } th scope="col" { "Description" }
                    th scope="col" { "Changed" } th scope="col" aria-label="What can be done" {}
                } }
                tbody { @for alias in aliases { (row(named, alias, may_change, now)) } }
            }
        }
    }
}

fn row(named: &Named, alias: &Alias, may_change: bool, now: Timestamp) -> Markup {
    let place = format!("/aliases/{}", encode(&alias.name));
    html! {
        tr {
            th scope="row" { @if may_change { a href=(named.path(&place)) { (alias.name) } } @else { (alias.name) } }
            td { @for route in &alias.routes {
                span.route { meter min="0" max="100" value=(route.weight) {} " " (route.weight) " % "
                    a href=(named.path(&format!("/versions/{}", route.version))) { "version " (route.version) } }
            } }
            td { (alias.description.as_deref().unwrap_or_default()) }
            td { (ago(alias.updated_at, now)) }
            td.act { @if may_change {
                a href=(named.path(&format!("/start?by={}", encode(&alias.name)))) { "Start" }
                (confirmed("Delete", &format!("Delete alias {} for good", alias.name), &named.path(&format!("{place}/delete"))))
            } }
        }
    }
}

/// The form of a new alias.
pub fn create_form(named: &Named, filled: &Filled<'_>) -> Markup {
    html! {
        details.panel open[!filled.errors.is_empty()] {
            summary { "Create an alias" }
            form.stack method="post" action=(named.path("/aliases")) {
                (filled.errors.summary())
                (filled.line(NAME, true))
                (routes(named, filled))
                div.actions { button.main type="submit" { "Create the alias" } }
            }
        }
    }
}

fn routes(named: &Named, filled: &Filled<'_>) -> Markup {
    let versions = named.machine.versions.iter().rev();
    let options: Vec<(String, String)> =
        versions.map(|version| (version.number.to_string(), format!("version {}", version.number))).collect();
    let mut seconds = vec![(String::new(), "no second version".to_owned())];
    seconds.extend(options.clone());
    html! {
        (filled.choice(VERSION, &options))
        (filled.choice(SECOND, &seconds))
        (filled.line(SHARE, false))
        (filled.line(DESCRIPTION, false))
    }
}

/// What the form says of routes and description, as the API has it.
fn request(named: &Named, shared: &Shared, fields: &Fields) -> Result<Map<String, Value>, Errors> {
    let arn = named.arn(shared);
    let route = |version: &str, weight: u64| json!({"stateMachineVersionArn": format!("{arn}:{version}"), "weight": weight});
    let routes = match fields.given("second") {
        None => vec![route(fields.text("version"), 100)],
        Some(second) => {
            let share = fields.text("share").trim().parse().ok().filter(|share| *share <= 100);
            let share: u64 = share.ok_or_else(|| Errors::one("share", "A whole number from 0 to 100."))?;
            vec![route(fields.text("version"), 100 - share), route(second, share)]
        }
    };
    let mut request = Map::new();
    request.insert("routingConfiguration".to_owned(), routes.into());
    request.insert("description".to_owned(), fields.text("description").trim().into());
    Ok(request)
}

/// Makes an alias.
pub async fn create(
    State(shared): State<Shared>,
    access: Access,
    name: Result<Path<String>, Problem>,
    fields: Fields,
) -> Result<Response, Failed> {
    let named = Named::find(&shared, name).await?.users()?;
    let outcome = match request(&named, &shared, &fields) {
        Err(errors) => Err(errors),
        Ok(mut request) => {
            request.insert("name".to_owned(), fields.text("name").trim().into());
            let made = shared.perform("CreateStateMachineAlias", request.into()).await;
            made.map_err(|fault| Errors::of(&fault, PLACES))
        }
    };
    match outcome {
        Ok(_) => Ok(go(&named.path("/versions?note=alias-created"))),
        Err(errors) => {
            let filled = Filled { fields: &fields, errors: &errors };
            Ok((StatusCode::BAD_REQUEST, versions::whole(&shared, &named, access, "", &filled))
                .into_response())
        }
    }
}

/// The form that changes an alias.
pub async fn page(
    State(shared): State<Shared>,
    access: Access,
    path: Result<Path<(String, String)>, Problem>,
) -> Page {
    let (named, alias) = find(&shared, path).await?;
    admitted(access, &named.path(&format!("/aliases/{}", encode(&alias.name))))?;
    let number = |at: usize| alias.routes.get(at).map(|route| route.version.to_string()).unwrap_or_default();
    let share = alias.routes.get(1).map_or(10, |route| route.weight).to_string();
    let fields = Fields::of(&[
        ("version", &number(0)),
        ("second", &number(1)),
        ("share", &share),
        ("description", alias.description.as_deref().unwrap_or_default()),
    ]);
    Ok(change_form(&named, &alias, &Filled { fields: &fields, errors: &Errors::default() }))
}

fn change_form(named: &Named, alias: &Alias, filled: &Filled<'_>) -> Html<String> {
    let action = named.path(&format!("/aliases/{}", encode(&alias.name)));
    let content = html! {
        (named.head(Tab::Versions))
        h2.sub { a href=(named.path("/versions")) { "Versions and aliases" } span.sep { " / " } "Alias " (alias.name) }
        form.stack.narrow method="post" action=(action) {
            (filled.errors.summary())
            (routes(named, filled))
            div.actions {
                button.main type="submit" { "Save" }
                a.button href=(named.path("/versions")) { "Cancel" }
            }
            p.muted.small { "It takes effect with the next execution that is started by this alias." }
        }
    };
    frame::page(frame::Section::Machines, &format!("Alias {} of {}", alias.name, named.name), None, &content)
}

/// Changes an alias.
pub async fn update(
    State(shared): State<Shared>,
    path: Result<Path<(String, String)>, Problem>,
    fields: Fields,
) -> Result<Response, Failed> {
    let (named, alias) = find(&shared, path).await?;
    let outcome = match request(&named, &shared, &fields) {
        Err(errors) => Err(errors),
        Ok(mut request) => {
            let arn = format!("{}:{}", named.arn(&shared), alias.name);
            request.insert("stateMachineAliasArn".to_owned(), arn.into());
            let changed = shared.perform("UpdateStateMachineAlias", request.into()).await;
            changed.map_err(|fault| Errors::of(&fault, &[]))
        }
    };
    match outcome {
        Ok(_) => Ok(go(&named.path("/versions?note=alias-changed"))),
        Err(errors) => {
            let filled = Filled { fields: &fields, errors: &errors };
            Ok((StatusCode::BAD_REQUEST, change_form(&named, &alias, &filled)).into_response())
        }
    }
}

/// Deletes an alias.
pub async fn delete(
    State(shared): State<Shared>,
    path: Result<Path<(String, String)>, Problem>,
) -> Result<Response, Failed> {
    let (named, alias) = find(&shared, path).await?;
    let arn = format!("{}:{}", named.arn(&shared), alias.name);
    shared.perform("DeleteStateMachineAlias", json!({"stateMachineAliasArn": arn})).await?;
    Ok(go(&named.path("/versions?note=alias-deleted")))
}

async fn find(
    shared: &Shared,
    path: Result<Path<(String, String)>, Problem>,
) -> Result<(Named, Alias), Failed> {
    let Path((name, alias)) = path?;
    let named = Named::of(shared, name).await?.users()?;
    let found = named.machine.alias(&alias).cloned();
    let missing = || NOT_FOUND.because(format!("`{}` has no alias `{alias}`", named.name));
    let found = found.ok_or_else(missing)?;
    Ok((named, found))
}
