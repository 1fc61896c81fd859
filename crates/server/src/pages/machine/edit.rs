//! The editor of definitions: new machines and changes of those that are. What was entered is never lost: not by an
//! error, and not by somebody else who saved in the meantime.

use axum::{
    extract::State,
    response::{Html, IntoResponse, Response},
};
use http::StatusCode;
use maud::{Markup, html};
use serde_json::{Map, Value};
use shipway_asl::MachineKind;

use super::{
    CHECK, NEW, Named, Tab,
    check::{Checked, check, kind},
    laid_out,
};
use crate::{
    Shared,
    extract::Path,
    guard::Access,
    pages::{
        Failed, Page,
        diff::diff,
        forms::{Errors, Fields, Filled, Label, admitted, go, hidden},
        frame,
        machines::kind_name,
        parts::{machine_path, time},
    },
    states::Fault,
    wire::Problem,
};

const NAME: Label =
    Label { name: "name", words: "Name", hint: "1 to 80 characters, no spaces; it stays for ever" };
const TYPE: Label = Label { name: "type", words: "Type", hint: "It stays for ever" };
const ROLE: Label =
    Label { name: "role_arn", words: "Role ARN", hint: "Kept and shown; nobody assumes it here" };
const DEFINITION: Label =
    Label { name: "definition", words: "Definition", hint: "Amazon States Language, at most 1 MiB" };
const PUBLISH: Label = Label { name: "publish", words: "Publish a version", hint: "" };
const DESCRIPTION: Label = Label {
    name: "description",
    words: "Description of the version",
    hint: "Counts only if one is published",
};
const FIRST: &str = include_str!("first.asl.json");
/// Which field is at fault for a refusal.
const PLACES: &[(&str, &str)] = &[
    ("InvalidName", "name"),
    ("StateMachineAlreadyExists", "name"),
    ("InvalidDefinition", "definition"),
    ("InvalidArn", "role_arn"),
];

/// The page of a new machine.
pub async fn blank(State(shared): State<Shared>, access: Access) -> Page {
    admitted(access, NEW)?;
    let account = shared.app.engine().map(|engine| engine.place().1.to_owned()).unwrap_or_default();
    let role = format!("arn:aws:iam::{account}:role/shipway");
    let fields = Fields::of(&[("type", "STANDARD"), ("role_arn", &role), ("definition", FIRST)]);
    let checked = check(MachineKind::Standard, FIRST.to_owned()).await?;
    Ok(new_page(&Filled { fields: &fields, errors: &Errors::default() }, &checked))
}

fn new_page(filled: &Filled<'_>, checked: &Checked) -> Html<String> {
    let types = [
        ("STANDARD".to_owned(), "STANDARD: may take a year, every step is kept".to_owned()),
        ("EXPRESS".to_owned(), "EXPRESS: five minutes at most, many at a time".to_owned()),
    ];
    let content = html! {
        p.crumbs { a href="/machines" { "State machines" } }
        h1 { "Create a state machine" }
        form.editor method="post" action=(NEW) data-check=(CHECK) {
            (filled.errors.summary())
            div.row { (filled.line(NAME, true)) (filled.choice(TYPE, &types)) }
            (body(filled, checked))
            (buttons("Create", "/machines"))
        }
    };
    frame::editor(frame::Section::Machines, "Create a state machine", &content)
}

fn body(filled: &Filled<'_>, checked: &Checked) -> Markup {
    html! {
        div.split {
            div { (filled.area(DEFINITION, 28)) }
            div { (checked.markup()) }
        }
        div.panel.row { (filled.line(ROLE, true)) (filled.line(DESCRIPTION, false)) (filled.tick(PUBLISH)) }
    }
}

/// The first one is what Enter in a field does.
fn buttons(main: &str, back: &str) -> Markup {
    html! {
        div.actions.foot {
            button.main type="submit" name="do" value="save" { (main) }
            button type="submit" name="do" value="check" formnovalidate { "Check" }
            button type="submit" name="do" value="format" formnovalidate { "Lay out" }
            a.button href=(back) { "Cancel" }
        }
    }
}

/// What a button other than the main one makes of the form.
fn looked_at(fields: Fields) -> Result<Fields, Fields> {
    match fields.text("do") {
        "check" => Ok(fields),
        "format" => {
            let value: Option<Value> = serde_json::from_str(fields.text("definition")).ok();
            Ok(match value {
                Some(value) => fields.with("definition", format!("{value:#}")),
                None => fields,
            })
        }
        _ => Err(fields),
    }
}

/// Makes a machine.
pub async fn create(State(shared): State<Shared>, fields: Fields) -> Result<Response, Failed> {
    let fields = match looked_at(fields) {
        Ok(fields) => return Ok(again_new(StatusCode::OK, &fields, &Errors::default()).await?),
        Err(fields) => fields,
    };
    let name = fields.text("name").trim();
    let mut request = settings(&fields, fields.text("definition"));
    request.insert("name".to_owned(), name.into());
    request.insert("type".to_owned(), kind_name(kind(&fields)).into());
    match shared.perform("CreateStateMachine", request.into()).await {
        Ok(_) => Ok(go(&format!("{}?note=created", machine_path(name)))),
        Err(fault) => again_new(fault.status, &fields, &errors(&fault)).await,
    }
}

async fn again_new(status: StatusCode, fields: &Fields, errors: &Errors) -> Result<Response, Failed> {
    let checked = check(kind(fields), fields.text("definition").to_owned()).await?;
    Ok((status, new_page(&Filled { fields, errors }, &checked)).into_response())
}

/// WHY: the findings beside the text say each error with its line; the refusal only that there are some.
fn errors(fault: &Fault) -> Errors {
    if fault.code == "InvalidDefinition" {
        return Errors::one("definition", "The definition is not valid: see the findings.");
    }
    Errors::of(fault, PLACES)
}

fn settings(fields: &Fields, definition: &str) -> Map<String, Value> {
    let mut settings = Map::new();
    settings.insert("definition".to_owned(), definition.into());
    settings.insert("roleArn".to_owned(), fields.text("role_arn").trim().into());
    if fields.is_ticked("publish") {
        settings.insert("publish".to_owned(), true.into());
        if let Some(description) = fields.given("description") {
            settings.insert("versionDescription".to_owned(), description.into());
        }
    }
    settings
}

/// The page of a change.
pub async fn page(State(shared): State<Shared>, access: Access, name: Result<Path<String>, Problem>) -> Page {
    let named = Named::find(&shared, name).await?.users()?;
    admitted(access, &named.path("/edit"))?;
    let settings = &named.machine.settings;
    let fields = Fields::of(&[
        ("definition", &laid_out(&settings.definition)),
        ("role_arn", &settings.role_arn),
        ("revision", &named.machine.revision.to_string()),
    ]);
    let checked = check(named.machine.kind, fields.text("definition").to_owned()).await?;
    Ok(change_page(&named, &Filled { fields: &fields, errors: &Errors::default() }, &checked, None))
}

fn change_page(
    named: &Named,
    filled: &Filled<'_>,
    checked: &Checked,
    conflict: Option<&Markup>,
) -> Html<String> {
    let content = html! {
        (named.head(Tab::None))
        h2.sub { "Edit" }
        form.editor method="post" action=(named.path("/edit")) data-check=(CHECK) {
            (filled.errors.summary())
            @if let Some(conflict) = conflict { (conflict) }
            (hidden("revision", filled.fields.text("revision")))
            (hidden("type", kind_name(named.machine.kind)))
            (body(filled, checked))
            (buttons("Save", &named.path("")))
        }
    };
    frame::editor(frame::Section::Machines, &format!("Edit {}", named.name), &content)
}

/// Saves a change.
pub async fn save(
    State(shared): State<Shared>,
    name: Result<Path<String>, Problem>,
    fields: Fields,
) -> Result<Response, Failed> {
    let named = Named::find(&shared, name).await?.users()?;
    let fields = match looked_at(fields) {
        Ok(fields) => return again(&named, StatusCode::OK, &fields, &Errors::default(), None).await,
        Err(fields) => fields,
    };
    let Some(api) = &shared.states else { return Err(Fault::unavailable(&"there is no engine").into()) };
    let mut request = settings(&fields, &meant(&named, fields.text("definition")));
    request.insert("stateMachineArn".to_owned(), named.arn(&shared).into());
    // A form without a number is one of nobody's pages: 0 is the revision of no machine.
    let revision = fields.text("revision").parse().unwrap_or(0);
    match api.update_from(revision, request.into()).await {
        Ok(_) => Ok(go(&named.path("?note=saved"))),
        Err(fault) if fault.code == "ConflictException" => overtaken(&shared, &named, &fields).await,
        Err(fault) => again(&named, fault.status, &fields, &errors(&fault), None).await,
    }
}

/// WHY: what was laid out for the editor and came back as it was is no change.
fn meant(named: &Named, definition: &str) -> String {
    let current = &named.machine.settings.definition;
    if laid_out(current) == definition { current.clone() } else { definition.to_owned() }
}

/// Somebody saved since the form was loaded: shows what, keeps what was entered, and lets its writer decide.
async fn overtaken(shared: &Shared, named: &Named, fields: &Fields) -> Result<Response, Failed> {
    let named = Named::of(shared, named.name.clone()).await?;
    let theirs = laid_out(&named.machine.settings.definition);
    let conflict = html! {
        div.failure role="alert" {
            p.strong { "Nothing was saved: somebody else changed this machine at " (time(named.machine.updated_at)) ", after you began." }
            p { "Your text is below as you wrote it. From theirs to yours, this is different. " strong { "Saving now replaces theirs by yours." } }
            (diff(&theirs, fields.text("definition")))
        }
    };
    let fields = fields.clone().with("revision", named.machine.revision.to_string());
    again(&named, StatusCode::CONFLICT, &fields, &Errors::default(), Some(&conflict)).await
}

async fn again(
    named: &Named,
    status: StatusCode,
    fields: &Fields,
    errors: &Errors,
    conflict: Option<&Markup>,
) -> Result<Response, Failed> {
    let checked = check(named.machine.kind, fields.text("definition").to_owned()).await?;
    Ok((status, change_page(named, &Filled { fields, errors }, &checked, conflict)).into_response())
}
