//! Versions of a machine: their list beside the aliases, publishing and deleting, and one with what it changed.

use axum::{
    extract::State,
    response::{Html, IntoResponse, Response},
};
use http::StatusCode;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;
use shipway_asl::{StateMachine, Timestamp};
use shipway_engine::machines::Version;

use super::{Named, Tab, aliases, laid_out, show::picture};
use crate::{
    Shared,
    extract::{Path, Query},
    guard::Access,
    pages::{
        Failed, Page,
        diff::diff,
        forms::{Errors, Fields, Filled, Label, confirmed, go, hidden, note, sign_in_first},
        frame,
        parts::ago,
    },
    problem::NOT_FOUND,
    wire::Problem,
};

const DESCRIPTION: Label =
    Label { name: "description", words: "Description", hint: "What changed, in a few words" };

/// What was done last.
#[derive(Deserialize)]
pub struct Done {
    #[serde(default)]
    note: String,
}

/// The page.
pub async fn page(
    State(shared): State<Shared>,
    access: Access,
    name: Result<Path<String>, Problem>,
    done: Result<Query<Done>, Problem>,
) -> Page {
    let named = Named::find(&shared, name).await?;
    let fields = Fields::of(&[("share", "10")]);
    Ok(whole(&shared, &named, access, &done?.0.note, &Filled { fields: &fields, errors: &Errors::default() }))
}

/// The page as it stands, with a form for a new alias as it was filled in.
pub fn whole(shared: &Shared, named: &Named, access: Access, done: &str, alias: &Filled<'_>) -> Html<String> {
    let may_change = access.may_use_states && named.is_users();
    let now = shared.app.now();
    let content = html! {
        (note(done))
        (named.head(Tab::Versions))
        section {
            h2 { "Versions" }
            @if named.machine.versions.is_empty() { (no_versions(shared, named)) }
            @else { (table(named, may_change, now)) }
            @if may_change { (publish_form(named)) }
            @else if named.is_users() { (sign_in_first(access, &named.path("/versions")).unwrap_or_default()) }
        }
        section {
            h2 { "Aliases" }
            (aliases::list(named, may_change, now))
            @if may_change && !named.machine.versions.is_empty() { (aliases::create_form(named, alias)) }
        }
    };
    frame::page(frame::Section::Machines, &format!("Versions of {}", named.name), None, &content)
}

fn no_versions(shared: &Shared, named: &Named) -> Markup {
    html! {
        div.empty {
            p { "No version is published. A version is a revision with a number that stays: executions can be started by it, and aliases lead to it." }
            @if named.is_users() {
                pre { "aws stepfunctions publish-state-machine-version --state-machine-arn " (named.arn(shared)) }
            }
        }
    }
}

fn table(named: &Named, may_change: bool, now: Timestamp) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Versions" {
            table {
                thead { tr {
                    th scope="col" { "Version" } th scope="col" { "Description" } th scope="col" { "Aliases" }
                    th scope="col" { "Published" } th scope="col" aria-label="What can be done" {}
                } }
                tbody { @for version in named.machine.versions.iter().rev() { (row(named, version, may_change, now)) } }
            }
        }
    }
}

fn row(named: &Named, version: &Version, may_change: bool, now: Timestamp) -> Markup {
    let place = format!("/versions/{}", version.number);
    let leads = |route: &shipway_engine::machines::Route| route.version == version.number;
    let aliases = named.machine.aliases.iter().filter(|alias| alias.routes.iter().any(leads));
    html! {
        tr {
            th scope="row" {
                a href=(named.path(&place)) { "Version " (version.number) }
                @if version.revision == named.machine.revision { " " span.tag { "as it stands" } }
            }
            td { (version.description.as_deref().unwrap_or_default()) }
            td { @for alias in aliases { span.tag.quiet { (alias.name) } " " } }
            td { (ago(version.created_at, now)) }
            td.act { @if may_change {
                a href=(named.path(&format!("/start?by={}", version.number))) { "Start" }
                (confirmed("Delete", &format!("Delete version {} for good", version.number), &named.path(&format!("{place}/delete"))))
            } }
        }
    }
}

fn publish_form(named: &Named) -> Markup {
    let machine = &named.machine;
    if let Some(version) = machine.versions.iter().find(|version| version.revision == machine.revision) {
        return html! { p.muted.after { "The machine as it stands is version " (version.number) ". Change it to publish another one." } };
    }
    let (fields, errors) = (Fields::default(), Errors::default());
    let filled = Filled { fields: &fields, errors: &errors };
    html! {
        details.panel {
            summary { "Publish the machine as it stands" }
            form.stack method="post" action=(named.path("/versions")) {
                (hidden("revision_id", machine.revision_id.as_deref().unwrap_or("INITIAL")))
                (filled.line(DESCRIPTION, false))
                div.actions { button.main type="submit" { "Publish version " (machine.last_version.saturating_add(1)) } }
            }
        }
    }
}

/// Publishes what the page showed.
pub async fn publish(
    State(shared): State<Shared>,
    name: Result<Path<String>, Problem>,
    fields: Fields,
) -> Result<Response, Failed> {
    let named = Named::find(&shared, name).await?;
    let mut request =
        json!({"stateMachineArn": named.arn(&shared), "revisionId": fields.text("revision_id")});
    if let (Some(description), Some(members)) = (fields.given("description"), request.as_object_mut()) {
        members.insert("description".to_owned(), description.into());
    }
    shared.perform("PublishStateMachineVersion", request).await?;
    Ok(go(&named.path("/versions?note=published")))
}

/// Deletes a version.
pub async fn delete(
    State(shared): State<Shared>,
    path: Result<Path<(String, u64)>, Problem>,
) -> Result<Response, Failed> {
    let Path((name, number)) = path?;
    let named = Named::of(&shared, name).await?;
    let arn = format!("{}:{number}", named.arn(&shared));
    shared.perform("DeleteStateMachineVersion", json!({"stateMachineVersionArn": arn})).await?;
    Ok(go(&named.path("/versions?note=version-deleted")))
}

/// What a version is compared with.
#[derive(Deserialize)]
pub struct Comparison {
    /// A version's number, or nothing: the machine as it stands.
    #[serde(default)]
    with: String,
}

/// One version: its definition, and what is different in another one.
pub async fn one(
    State(shared): State<Shared>,
    path: Result<Path<(String, u64)>, Problem>,
    comparison: Result<Query<Comparison>, Problem>,
) -> Result<Response, Failed> {
    let Path((name, number)) = path?;
    let Query(Comparison { with }) = comparison?;
    let named = Named::of(&shared, name).await?;
    let version = find(&named, number)?;
    let definition = definition(&shared, &named, version.revision).await?;
    let (other, words) = match with.parse() {
        Ok(other) => (find(&named, other)?.revision, format!("version {other}")),
        Err(_) => (named.machine.revision, "the machine as it stands".to_owned()),
    };
    let other = self::definition(&shared, &named, other).await?;
    let outline =
        StateMachine::parse_as(named.machine.kind, &definition).ok().map(|machine| machine.outline());
    let content = html! {
        (named.head(Tab::Versions))
        h2.sub { a href=(named.path("/versions")) { "Versions" } span.sep { " / " } "Version " (number) }
        dl.facts {
            div { dt { "Published" } dd { (ago(version.created_at, shared.app.now())) } }
            @if let Some(description) = &version.description { div { dt { "Description" } dd { (description) } } }
            div { dt { "ARN" } dd.arn { code { (named.arn(&shared)) ":" (number) } } }
        }
        section {
            div.title { h2 { "From version " (number) " to " (words) } (compare_form(&named, number, &with)) }
            (diff(&laid_out(&definition), &laid_out(&other)))
        }
        (picture(outline.as_ref(), &definition))
    };
    let title = format!("{} version {number}", named.name);
    Ok((StatusCode::OK, frame::page(frame::Section::Machines, &title, None, &content)).into_response())
}

fn compare_form(named: &Named, number: u64, with: &str) -> Markup {
    let others = named.machine.versions.iter().rev().filter(|version| version.number != number);
    html! {
        form.filter method="get" action=(named.path(&format!("/versions/{number}"))) {
            label { span { "Compare with" }
                select name="with" {
                    option value="" { "the machine as it stands" }
                    @for other in others {
                        option value=(other.number) selected[other.number.to_string() == with] { "version " (other.number) }
                    }
                }
            }
            button type="submit" { "Compare" }
        }
    }
}

fn find(named: &Named, number: u64) -> Result<&Version, Failed> {
    let missing = || NOT_FOUND.because(format!("`{}` has no version {number}", named.name)).into();
    named.machine.version(number).ok_or_else(missing)
}

async fn definition(shared: &Shared, named: &Named, revision: u64) -> Result<String, Failed> {
    let engine = shared.app.engine().filter(|_| revision != named.machine.revision);
    let Some(engine) = engine else { return Ok(named.machine.settings.definition.clone()) };
    let found = engine.machine_revision(&named.name, revision).await;
    Ok(found.map_err(crate::states::of_machine(&named.arn(shared)))?.settings.definition)
}
