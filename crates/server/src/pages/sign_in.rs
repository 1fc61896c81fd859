//! Signing in on the pages: the server's token once, then a session. What a session may do is the guard's.

use axum::{
    extract::State,
    response::{Html, IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, Uri, header};
use maud::html;
use serde::Deserialize;

use super::{
    Failed, Page,
    forms::{Errors, Fields, Filled, Label, go, hidden, sign_in_path},
    frame,
};
use crate::{Shared, extract::Query, guard::Access, problem::UNAVAILABLE, session::SetCookie, wire::Problem};

const TOKEN: Label = Label { name: "token", words: "The server's token", hint: "" };

/// Where to go afterwards.
#[derive(Deserialize)]
pub struct Way {
    #[serde(default)]
    next: String,
}

/// The page.
pub async fn page(access: Access, way: Result<Query<Way>, Problem>) -> Page {
    let next = own_path(&way?.0.next).to_owned();
    Ok(if access.is_signed_in { signed_in(&next) } else { form(&next, &Errors::default()) })
}

/// The token in exchange for a session.
pub async fn enter(
    State(shared): State<Shared>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response, Failed> {
    let next = own_path(fields.text("next"));
    if !shared.guard.is_token(fields.text("token").trim()) {
        let errors = Errors::one("token", "This is not the server's token.");
        return Ok((StatusCode::UNAUTHORIZED, form(next, &errors)).into_response());
    }
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    let is_secure = origin.is_some_and(|origin| origin.starts_with("https://"));
    let session = shared.guard.sessions().begin(is_secure);
    let SetCookie(cookie) =
        session.ok_or_else(|| UNAVAILABLE.because("the system gave no random numbers"))?;
    Ok(([(header::SET_COOKIE, cookie)], go(next)).into_response())
}

/// Ends the session.
pub async fn leave(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    let SetCookie(cookie) = shared.guard.sessions().end(&headers);
    ([(header::SET_COOKIE, cookie)], go("/sign-in")).into_response()
}

/// To the sign-in page, and from there back to where somebody wanted to go.
pub fn to_sign_in(uri: &Uri) -> Response {
    let next = uri.path_and_query().map_or("/", |path| path.as_str());
    go(&sign_in_path(own_path(next)))
}

/// A path of this server, or the overview: nobody is led elsewhere.
fn own_path(text: &str) -> &str {
    let is_own = text.starts_with('/') && !text.starts_with("//") && !text.contains(['\\', '#']);
    if is_own && !text.contains(|c: char| c.is_control() || !c.is_ascii()) { text } else { "/" }
}

fn form(next: &str, errors: &Errors) -> Html<String> {
    let fields = Fields::default();
    let filled = Filled { fields: &fields, errors };
    let content = html! {
        section.notice {
            h1 { "Sign in" }
            p { "Show once that you may change things here: with the server's token." }
            form.stack method="post" action="/sign-in" {
                (hidden("next", next))
                (filled.secret(TOKEN))
                div.actions { button.main type="submit" { "Sign in" } }
            }
            details {
                summary { "Where do I find the token?" }
                p { "On the machine that the server runs on, as its user:" }
                pre { "grep -o '\"token\": *\"[^\"]*\"' DATA_DIR/server.json" }
                p.muted { "The data directory is the one that " code { "shipway serve" } " logs when it starts. \
                    A token of your own comes from " code { "SHIPWAY_TOKEN" } "." }
            }
        }
    };
    frame::page(frame::Section::None, "Sign in", None, &content)
}

fn signed_in(next: &str) -> Html<String> {
    let content = html! {
        section.notice {
            h1 { "You are signed in" }
            p { "A session ends after 12 hours and when the server stops." }
            form.stack method="post" action="/sign-out" {
                div.actions {
                    a.button.main href=(next) { "Go on" }
                    button type="submit" { "Sign out" }
                }
            }
        }
    };
    frame::page(frame::Section::None, "Signed in", None, &content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_to_another_site() {
        for own in ["/", "/machines/a%2Fb?x=1&y=%2F%2F"] {
            assert_eq!(own_path(own), own);
        }
        for foreign in [
            "",
            "evil.example",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/\n/evil.example",
            "/ü",
        ] {
            assert_eq!(own_path(foreign), "/", "{foreign}");
        }
    }
}
