//! Forms of the pages: what a browser posts, fields with what is wrong with them, and where to go afterwards. Who may
//! post is decided before (`guard`); what a form does is its page's.

use std::time::Duration;

use axum::{
    Form,
    extract::{FromRequest, Request},
    response::{IntoResponse, Redirect, Response},
};
use http::{StatusCode, header};
use maud::{Markup, html};

use super::{Failed, frame};
use crate::{
    guard::Access,
    problem::{BAD_REQUEST, TIMEOUT, TOO_LARGE, UNSUPPORTED_MEDIA_TYPE},
    states::Fault,
    wire::Problem,
};

/// Bytes of a form: a definition of 1 MiB, of which nearly each character may take three.
pub const FORM_BYTES_MAX: usize = 4 << 20;
/// How long a form may take to arrive.
const FORM_TIME_MAX: Duration = Duration::from_secs(30);
/// Fields of a form.
const FIELDS_MAX: usize = 64;
const URLENCODED: &str = "application/x-www-form-urlencoded";

/// What was posted, in its order. Line ends are `\n`, whatever the browser makes of them.
#[derive(Clone, Debug, Default)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// What a field holds; nothing if it was not sent.
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(given, _)| given == name).map_or("", |(_, text)| text)
    }

    /// As [`Self::text`], without white space around it; none if nothing is left.
    pub fn given(&self, name: &str) -> Option<&str> {
        Some(self.text(name).trim()).filter(|text| !text.is_empty())
    }

    /// Whether a box is ticked.
    pub fn is_ticked(&self, name: &str) -> bool {
        self.0.iter().any(|(given, _)| given == name)
    }

    /// The same with another text in one field.
    #[must_use]
    pub fn with(mut self, name: &str, text: String) -> Self {
        self.0.retain(|(given, _)| given != name);
        self.0.push((name.to_owned(), text));
        self
    }

    /// Fields with these values: what a form shows at first.
    pub fn of(values: &[(&str, &str)]) -> Self {
        Self(values.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect())
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Failed;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failed> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if kind.is_none_or(|kind| kind.split(';').next() != Some(URLENCODED)) {
            return Err(UNSUPPORTED_MEDIA_TYPE.because(format!("a form must be `{URLENCODED}`")).into());
        }
        let form =
            tokio::time::timeout(FORM_TIME_MAX, Form::<Vec<(String, String)>>::from_request(request, state));
        let form = form.await.map_err(|_| TIMEOUT.because("the form did not arrive in time"))?;
        let Form(mut fields) = form.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                TOO_LARGE.because(format!("the form is larger than {FORM_BYTES_MAX} bytes"))
            }
            _ => BAD_REQUEST.because(rejection.body_text()),
        })?;
        if fields.len() > FIELDS_MAX {
            return Err(BAD_REQUEST.because(format!("the form has more than {FIELDS_MAX} fields")).into());
        }
        for (_, text) in &mut fields {
            if text.contains('\r') {
                *text = text.replace("\r\n", "\n").replace('\r', "\n");
            }
        }
        Ok(Self(fields))
    }
}

/// What is wrong: with a field, or (under the empty name) with the whole.
#[derive(Clone, Debug, Default)]
pub struct Errors(Vec<(&'static str, String)>);

impl Errors {
    /// Adds what is wrong with a field.
    pub fn add(&mut self, field: &'static str, what: impl Into<String>) {
        self.0.push((field, what.into()));
    }

    /// One error.
    pub fn one(field: &'static str, what: impl Into<String>) -> Self {
        Self(vec![(field, what.into())])
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A refusal of the Step Functions API; `places` say which field is at fault for which code.
    pub fn of(fault: &Fault, places: &[(&str, &'static str)]) -> Self {
        let place = places.iter().find(|(code, _)| *code == fault.code).map_or("", |(_, field)| field);
        Self::one(place, format!("{}: {}", fault.code, fault.message))
    }

    fn at(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|(place, _)| *place == field).map(|(_, what)| what.as_str())
    }

    /// All of them, for the head of the form.
    pub fn summary(&self) -> Markup {
        html! {
            @if !self.is_empty() {
                div.failure role="alert" {
                    p.strong { "Nothing was changed." }
                    @for (field, what) in &self.0 {
                        p.what {
                            @if field.is_empty() { (what) } @else { a href=(format!("#f-{field}")) { (what) } }
                        }
                    }
                }
            }
        }
    }
}

/// A form that is being filled in.
pub struct Filled<'f> {
    /// What its fields hold.
    pub fields: &'f Fields,
    /// What is wrong with them.
    pub errors: &'f Errors,
}

/// How a field is called.
#[derive(Clone, Copy)]
pub struct Label {
    /// Its name in the form; the control's id is `f-<name>`.
    pub name: &'static str,
    /// For people.
    pub words: &'static str,
    /// What may be entered.
    pub hint: &'static str,
}

impl Filled<'_> {
    /// A label, its control and what is wrong, which screen readers find with the control.
    fn around(&self, label: Label, control: &Markup) -> Markup {
        html! {
            div.field {
                label for=(id(label)) { (label.words) }
                @if !label.hint.is_empty() { p.muted.small id=(format!("h-{}", label.name)) { (label.hint) } }
                (control)
                @if let Some(what) = self.errors.at(label.name) {
                    p.bad id=(format!("e-{}", label.name)) { (what) }
                }
            }
        }
    }

    fn described(&self, label: Label) -> Option<String> {
        let hint = (!label.hint.is_empty()).then(|| format!("h-{}", label.name));
        let error = self.errors.at(label.name).map(|_| format!("e-{}", label.name));
        let ids: Vec<String> = error.into_iter().chain(hint).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }

    fn invalid(&self, label: Label) -> Option<&'static str> {
        self.errors.at(label.name).map(|_| "true")
    }

    /// A line of text.
    pub fn line(&self, label: Label, is_needed: bool) -> Markup {
        self.input(label, "text", is_needed)
    }

    /// A line that is not shown, and not shown again.
    pub fn secret(&self, label: Label) -> Markup {
        self.input(label, "password", true)
    }

    fn input(&self, label: Label, kind: &str, is_needed: bool) -> Markup {
        let value = if kind == "password" { "" } else { self.fields.text(label.name) };
        self.around(
            label,
            &html! {
                input id=(id(label)) name=(label.name) type=(kind) value=(value) required[is_needed]
                    autocomplete=(if kind == "password" { "current-password" } else { "off" }) spellcheck="false"
                    autocapitalize="none" aria-describedby=[self.described(label)] aria-invalid=[self.invalid(label)];
            },
        )
    }

    /// A text of many lines.
    pub fn area(&self, label: Label, rows: usize) -> Markup {
        self.around(
            label,
            &html! {
                textarea id=(id(label)) name=(label.name) rows=(rows) spellcheck="false" autocapitalize="none"
                    autocomplete="off" wrap="off" aria-describedby=[self.described(label)]
                    aria-invalid=[self.invalid(label)] {
                    // WHY: a browser drops one line end behind the tag.
                    "\n" (self.fields.text(label.name))
                }
            },
        )
    }

    /// One of several values, each with its words.
    pub fn choice(&self, label: Label, options: &[(String, String)]) -> Markup {
        let chosen = self.fields.text(label.name);
        self.around(
            label,
            &html! {
                select id=(id(label)) name=(label.name) aria-describedby=[self.described(label)]
                    aria-invalid=[self.invalid(label)] {
                    @for (value, words) in options {
                        option value=(value) selected[value == chosen] { (words) }
                    }
                }
            },
        )
    }

    /// A box to tick.
    pub fn tick(&self, label: Label) -> Markup {
        html! {
            div.field.tick {
                input id=(id(label)) name=(label.name) type="checkbox" value="on"
                    checked[self.fields.is_ticked(label.name)];
                label for=(id(label)) { (label.words) }
                @if !label.hint.is_empty() { span.muted.small { (label.hint) } }
            }
        }
    }
}

fn id(label: Label) -> String {
    format!("f-{}", label.name)
}

/// A field that people do not see.
pub fn hidden(name: &str, value: &str) -> Markup {
    html! { input type="hidden" name=(name) value=(value); }
}

/// A form of one button, and of what it says beside.
pub fn button(action: &str, words: &str, fields: &[(&str, &str)]) -> Markup {
    html! {
        form.inline method="post" action=(action) {
            @for (name, value) in fields { (hidden(name, value)) }
            button type="submit" { (words) }
        }
    }
}

/// After a change: the page that shows it, so that loading that page anew changes nothing again.
pub fn go(path: &str) -> Response {
    Redirect::to(path).into_response()
}

/// A form with errors: as it was filled in, with the status that says so.
pub fn again(status: StatusCode, page: impl IntoResponse) -> Response {
    (status, page).into_response()
}

/// What stands in place of a form for who may not use it.
pub fn sign_in_first(access: Access, path: &str) -> Option<Markup> {
    (!access.may_use_states).then(|| {
        html! {
            p.muted { a href=(sign_in_path(path)) { "Sign in" } " to change anything here." }
        }
    })
}

/// Path of the page that signs in and then leads to `next`.
pub fn sign_in_path(next: &str) -> String {
    format!("/sign-in?next={}", super::parts::encode(next))
}

/// A page on which forms are: who may not use them is led to sign in first, so that nothing is filled in for nothing.
pub fn admitted(access: Access, path: &str) -> Result<(), Failed> {
    if access.may_use_states {
        return Ok(());
    }
    Err(Failed::Elsewhere(sign_in_path(path)))
}

/// A refusal of the Step Functions API, where no form can show it.
impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let detail = format!("{}: {}", fault.code, fault.message);
        let kind = match (fault.status, fault.code) {
            (StatusCode::SERVICE_UNAVAILABLE, _) => crate::problem::UNAVAILABLE,
            (_, code) if code.ends_with("DoesNotExist") || code == "ResourceNotFound" => {
                crate::problem::NOT_FOUND
            }
            (_, "ConflictException" | "AccessDeniedException") => crate::problem::REFUSED,
            _ => BAD_REQUEST,
        };
        kind.because(detail)
    }
}

/// Shown where a form came without a session: the browser still holds what was entered.
pub fn not_signed_in() -> Response {
    let content = html! {
        section.notice {
            h1 { "You are not signed in, or no more" }
            p { "Nothing was changed, and nothing is lost:" }
            ol.steps {
                li { a href="/sign-in" target="_blank" { "Sign in in another tab" } ". A session ends after 12 hours \
                    and when the server stops." }
                li { "Come back and load this page anew. The browser asks whether to send the form again: say yes." }
            }
        }
    };
    let page = frame::page(frame::Section::None, "Not signed in", None, &content);
    (StatusCode::UNAUTHORIZED, page).into_response()
}

/// What can be said of a change that was just made, by the word in the address: never words of others.
const NOTES: &[(&str, &str)] = &[
    ("created", "Created."),
    ("saved", "Saved. Executions that run go on as they began."),
    ("deleted", "The machine is deleted. What ran of it is being ended."),
    ("published", "The version is published."),
    ("version-deleted", "The version is deleted."),
    ("alias-created", "The alias is created."),
    ("alias-changed", "The alias is changed."),
    ("alias-deleted", "The alias is deleted."),
    ("activity-deleted", "The activity is deleted."),
];

/// The sentence of a note, if there is one of that name.
pub fn note(name: &str) -> Markup {
    let found = NOTES.iter().find(|(known, _)| *known == name);
    html! { @if let Some((_, words)) = found { p.done role="status" { "✓ " (words) } } }
}

/// A button that has to be opened first: what it does cannot be undone.
pub fn confirmed(words: &str, sure: &str, action: &str) -> Markup {
    html! {
        details.confirm {
            summary { (words) }
            form.inline method="post" action=(action) { button.danger type="submit" { (sure) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    async fn read(kind: &str, body: &str) -> Result<Fields, Failed> {
        let request =
            Request::post("/").header("content-type", kind).body(Body::from(body.to_owned())).unwrap();
        Fields::from_request(request, &()).await
    }

    #[tokio::test]
    async fn line_ends_are_those_of_the_text() {
        let fields =
            read("application/x-www-form-urlencoded; charset=utf-8", "a=1%0D%0A2%0D3&b=+x+&on=").await;
        let fields = fields.ok().unwrap();
        assert_eq!(fields.text("a"), "1\n2\n3");
        assert_eq!((fields.given("b"), fields.given("on"), fields.given("c")), (Some("x"), None, None));
        assert!(fields.is_ticked("on") && !fields.is_ticked("c"));
    }

    #[tokio::test]
    async fn other_media_types_and_too_many_fields_are_refused() {
        assert!(read("text/plain", "a=1").await.is_err());
        assert!(read("multipart/form-data; boundary=x", "a=1").await.is_err());
        assert!(read(URLENCODED, &"a=1&".repeat(FIELDS_MAX + 1)).await.is_err());
    }
}
