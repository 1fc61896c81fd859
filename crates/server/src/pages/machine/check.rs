//! What is wrong with a definition, and its picture: for the editor, whole or as a fragment for its script.

use axum::response::{Html, IntoResponse, Response};
use maud::{Markup, html};
use shipway_asl::{Diagnostic, MachineKind, Severity, StateMachine, Validation, json, locate};

use crate::{
    fold::Statuses,
    graph::draw,
    pages::{Failed, forms::Fields},
    problem::{TOO_LARGE, UNAVAILABLE},
};

/// Bytes of a definition, as AWS has it.
const DEFINITION_BYTES_MAX: usize = 1 << 20;
/// Findings that are shown.
const FINDINGS_MAX: usize = 100;

/// Findings and picture of one text.
pub struct Checked {
    findings: Markup,
    /// None while there are errors.
    picture: Option<Markup>,
}

/// Checks a definition beside the requests that are answered meanwhile.
pub async fn check(kind: MachineKind, definition: String) -> Result<Checked, Failed> {
    if definition.len() > DEFINITION_BYTES_MAX {
        let bytes = definition.len();
        let detail = format!("the definition has {bytes} bytes, at most {DEFINITION_BYTES_MAX} are taken");
        return Err(TOO_LARGE.because(detail).at("definition").into());
    }
    let checked = tokio::task::spawn_blocking(move || now(kind, &definition)).await;
    Ok(checked.map_err(|_| UNAVAILABLE.because("the definition could not be checked"))?)
}

fn now(kind: MachineKind, definition: &str) -> Checked {
    let found = StateMachine::validate(kind, definition, Severity::Warning, FINDINGS_MAX);
    let machine = StateMachine::parse_as(kind, definition).ok();
    Checked {
        findings: findings(definition, &found),
        picture: machine.map(|machine| draw(&machine.outline(), &Statuses::new())),
    }
}

impl Checked {
    /// Both, as the script finds them by their ids.
    pub fn markup(&self) -> Markup {
        html! {
            section #findings aria-live="polite" { h2 { "Findings" } (self.findings) }
            section #picture data-fresh[self.picture.is_some()] {
                h2 { "Preview" }
                div.scroll.canvas tabindex="0" role="region" aria-label="Preview of the state graph" {
                    @match &self.picture {
                        Some(picture) => (picture),
                        None => p.muted { "The graph is drawn once there are no errors." },
                    }
                }
            }
        }
    }
}

fn findings(definition: &str, found: &Validation) -> Markup {
    if found.diagnostics.is_empty() {
        return html! { p.fine { "✓ No errors and no warnings." } };
    }
    html! {
        ol.findings { @for one in &found.diagnostics { (finding(definition, one)) } }
        @if found.truncated { p.muted { "There are more." } }
    }
}

fn finding(definition: &str, found: &Diagnostic) -> Markup {
    let line = line(definition, found);
    let (status, mark, word) = match found.severity {
        Severity::Error => ("failed", "✕", "Error"),
        Severity::Warning => ("caught", "⚠", "Warning"),
    };
    html! {
        li {
            span.badge data-s=(status) { span.mark aria-hidden="true" { (mark) } (word) }
            @if let Some(line) = line { " " a.line href="#f-definition" data-line=(line) { "line " (line) } }
            " " code { (found.code) }
            p { (found.message) }
            @if !found.location.is_empty() { p.muted.small { "at " code { (found.location) } } }
        }
    }
}

fn line(definition: &str, found: &Diagnostic) -> Option<usize> {
    if let Some(error) = json::first_error(definition) {
        return Some(error.line);
    }
    let place = locate::locate(definition, &found.pointer)?;
    Some(place.key.unwrap_or(place.value).start.line)
}

/// The kind that a form names.
pub fn kind(fields: &Fields) -> MachineKind {
    if fields.text("type") == "EXPRESS" { MachineKind::Express } else { MachineKind::Standard }
}

/// The fragment that the editor's script asks for as somebody types.
pub async fn answer(fields: Fields) -> Result<Response, Failed> {
    let checked = check(kind(&fields), fields.text("definition").to_owned()).await?;
    Ok(Html(checked.markup().into_string()).into_response())
}
