//! Starting a machine: the form. What becomes of it is on the page of the execution, of an Express one too.

use axum::{
    extract::State,
    response::{Html, IntoResponse, Response},
};
use http::StatusCode;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Map, Value};
use shipway_asl::{MachineKind, StateMachine, json as json_text};
use shipway_engine::Filter;

use super::{Named, Tab};
use crate::{
    Shared,
    extract::{Path, Query},
    fold::Statuses,
    graph::draw,
    guard::Access,
    pages::{
        Failed, Page,
        execution::{Address, path_of},
        forms::{Errors, Fields, Filled, Label, admitted, go},
        frame,
        parts::encode,
    },
    problem::NOT_FOUND,
    wire::Problem,
};

const NAME: Label = Label {
    name: "name",
    words: "Name of the execution",
    hint: "1 to 80 characters, no spaces; a random one if it is empty. The same name and input again start nothing new",
};
const INPUT: Label = Label { name: "input", words: "Input", hint: "JSON, at most 256 KiB" };
const BY: Label = Label { name: "by", words: "What runs", hint: "" };
/// Versions that can be chosen; any other one by its address.
const VERSIONS_MAX: usize = 100;
/// Bytes of a former input that is offered again.
const OFFERED_BYTES_MAX: usize = 16 << 10;
/// Which field is at fault for a refusal.
const PLACES: &[(&str, &str)] = &[
    ("InvalidName", "name"),
    ("ExecutionAlreadyExists", "name"),
    ("InvalidExecutionInput", "input"),
    ("StateMachineDoesNotExist", "by"),
];

/// How the form is filled in at first.
#[derive(Deserialize)]
pub struct First {
    /// A version or alias.
    #[serde(default)]
    by: String,
    /// ARN of an execution whose input is taken.
    #[serde(default)]
    from: String,
}

/// The page.
pub async fn page(
    State(shared): State<Shared>,
    access: Access,
    name: Result<Path<String>, Problem>,
    first: Result<Query<First>, Problem>,
) -> Page {
    let named = Named::find(&shared, name).await?.users()?;
    let Query(First { by, from }) = first?;
    let query = format!("/start?by={}&from={}", encode(&by), encode(&from));
    admitted(access, &named.path(&query))?;
    let input = offered(&shared, &named, &from).await?;
    let fields = Fields::of(&[("by", &by), ("input", &input)]);
    Ok(form(&named, &Filled { fields: &fields, errors: &Errors::default() }))
}

/// The input of an execution of this machine: the one that is named, or else the last one.
async fn offered(shared: &Shared, named: &Named, from: &str) -> Result<String, Failed> {
    let found = if from.is_empty() {
        let filter = Filter { machine: Some(named.name.clone()), limit: 1, ..Filter::default() };
        shared.app.executions(&filter).await?.0.into_iter().next()
    } else {
        let address = Address::of_arn(from).filter(|address| address.machine == named.name);
        let missing = || NOT_FOUND.because(format!("`{from}` is no execution of `{}`", named.name));
        Some(shared.app.execution_of(&named.name, &address.ok_or_else(missing)?.name).await?)
    };
    let text = found.map(|execution| format!("{:#}", execution.input));
    Ok(text.filter(|text| text.len() <= OFFERED_BYTES_MAX).unwrap_or_else(|| "{}".to_owned()))
}

fn form(named: &Named, filled: &Filled<'_>) -> Html<String> {
    let is_express = named.machine.kind == MachineKind::Express;
    let content = html! {
        (named.head(Tab::None))
        h2.sub { "Start an execution" }
        div.split.start {
            form.stack method="post" action=(named.path("/start")) {
                (filled.errors.summary())
                (filled.choice(BY, &choices(named, filled.fields.text("by"))))
                (filled.line(NAME, false))
                (filled.area(INPUT, 14))
                div.actions {
                    button.main type="submit" { @if is_express { "Run and wait" } @else { "Start" } }
                    a.button href=(named.path("")) { "Cancel" }
                }
                @if is_express {
                    p.muted.small { "An Express machine is run at once; this page waits for its end, at most five minutes." }
                }
            }
            section.graph { h2 { "What it does" } (canvas(named)) }
        }
    };
    frame::page(frame::Section::Machines, &format!("Start {}", named.name), None, &content)
}

fn canvas(named: &Named) -> Markup {
    let machine = StateMachine::parse_as(named.machine.kind, &named.machine.settings.definition);
    html! {
        div.scroll.canvas tabindex="0" role="region" aria-label="State graph" {
            @match machine {
                Ok(machine) => (draw(&machine.outline(), &Statuses::new())),
                Err(_) => p.muted { "The definition is not valid any more." },
            }
        }
    }
}

fn choices(named: &Named, chosen: &str) -> Vec<(String, String)> {
    let machine = &named.machine;
    let mut choices = vec![(String::new(), "the machine as it stands".to_owned())];
    choices.extend(machine.aliases.iter().map(|alias| (alias.name.clone(), format!("alias {}", alias.name))));
    let versions = machine.versions.iter().rev().take(VERSIONS_MAX).map(|version| version.number.to_string());
    choices.extend(versions.map(|number| (number.clone(), format!("version {number}"))));
    if !choices.iter().any(|(value, _)| value == chosen) {
        choices.push((chosen.to_owned(), chosen.to_owned()));
    }
    choices
}

/// Starts it.
pub async fn start(
    State(shared): State<Shared>,
    name: Result<Path<String>, Problem>,
    fields: Fields,
) -> Result<Response, Failed> {
    let named = Named::find(&shared, name).await?.users()?;
    let outcome = match unreadable(fields.text("input")) {
        Some(errors) => Err((StatusCode::BAD_REQUEST, errors)),
        None => {
            let is_express = named.machine.kind == MachineKind::Express;
            let action = if is_express { "StartSyncExecution" } else { "StartExecution" };
            let started = shared.perform(action, request(&shared, &named, &fields)).await;
            started.map_err(|fault| (fault.status, Errors::of(&fault, PLACES)))
        }
    };
    match outcome {
        Ok(started) => {
            Ok(go(&path_of(started.get("executionArn").and_then(Value::as_str).unwrap_or_default())))
        }
        Err((status, errors)) => {
            Ok((status, form(&named, &Filled { fields: &fields, errors: &errors })).into_response())
        }
    }
}

/// What keeps an input from being read, with its place.
fn unreadable(input: &str) -> Option<Errors> {
    let text = if input.trim().is_empty() { "{}" } else { input };
    let error = serde_json::from_str::<Value>(text).err()?;
    Some(match json_text::first_error(text) {
        Some(found) => {
            Errors::one("input", format!("Line {}, column {}: {}", found.line, found.column, found.message))
        }
        None => Errors::one("input", format!("The input is no JSON: {error}")),
    })
}

fn request(shared: &Shared, named: &Named, fields: &Fields) -> Value {
    let arn = named.arn(shared);
    let arn = fields.given("by").map_or_else(|| arn.clone(), |by| format!("{arn}:{by}"));
    let mut request = Map::new();
    request.insert("stateMachineArn".to_owned(), arn.into());
    request.insert("input".to_owned(), fields.given("input").unwrap_or("{}").into());
    if let Some(name) = fields.given("name") {
        request.insert("name".to_owned(), name.into());
    }
    request.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_that_is_no_json_is_refused_with_its_place() {
        assert!(unreadable("").is_none() && unreadable(" {\"a\": 1} ").is_none());
        let fields = Fields::default();
        let errors = unreadable("{\n  \"a\": 1,\n}").unwrap();
        let html = Filled { fields: &fields, errors: &errors }.area(INPUT, 3).into_string();
        assert!(html.contains("Line 3, column 2: "), "{html}");
    }
}
