//! What is around each page: head, navigation, foot.

use axum::response::Html;
use maud::{DOCTYPE, Markup, html};

use crate::{
    assets::{EDITOR, ICON, SCRIPT, STYLE},
    wire::Problem,
};

/// Where a page belongs in the navigation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Overview,
    Executions,
    Machines,
    Activities,
    None,
}

const NAVIGATION: [(Section, &str, &str); 4] = [
    (Section::Overview, "/", "Overview"),
    (Section::Executions, "/executions", "Executions"),
    (Section::Machines, "/machines", "Machines"),
    (Section::Activities, "/activities", "Activities"),
];

/// A page; `live` is the address of the stream that keeps it fresh.
pub fn page(section: Section, title: &str, live: Option<&str>, content: &Markup) -> Html<String> {
    let script = live.map(|_| SCRIPT.path.as_str());
    document(section, title, live, script, content)
}

/// A page with the definition editor, whose script asks the server as somebody types.
pub fn editor(section: Section, title: &str, content: &Markup) -> Html<String> {
    document(section, title, None, Some(&EDITOR.path), content)
}

fn document(
    section: Section,
    title: &str,
    live: Option<&str>,
    script: Option<&str>,
    content: &Markup,
) -> Html<String> {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) " · Shipway" }
                link rel="icon" type="image/svg+xml" href=(ICON.path);
                link rel="stylesheet" href=(STYLE.path);
                @if let Some(script) = script { script src=(script) defer {} }
            }
            body data-live=[live] {
                a.skip href="#main" { "Skip to content" }
                (header(section, live.is_some()))
                main #main tabindex="-1" { (content) }
                footer {
                    span { "Shipway " (env!("CARGO_PKG_VERSION")) }
                    span { "Times are UTC" }
                    a href="/v1/openapi.json" { "API" }
                    a href="/metrics" { "Metrics" }
                    a href="/sign-in" { "Sign in or out" }
                }
            }
        }
    };
    Html(page.into_string())
}

fn header(section: Section, is_live: bool) -> Markup {
    html! {
        header.top {
            a.brand href="/" aria-label="Shipway, overview" {
                svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true" {
                    path d="M3 21h26l-3.6 6.2a2 2 0 0 1-1.7 1H8.3a2 2 0 0 1-1.7-1z" {}
                    path d="M15 3.5v15H4.5z" {}
                    path.second d="M17.5 8v10.5h9z" {}
                }
                span { "Shipway" }
            }
            nav aria-label="Main" {
                @for (place, href, name) in NAVIGATION {
                    a href=(href) aria-current=[(place == section).then_some("page")] { (name) }
                }
            }
            @if is_live { span #live role="status" data-s="off" hidden { "connecting" } }
        }
    }
}

/// A page that says what went wrong.
pub fn problem(problem: &Problem) -> Html<String> {
    let content = html! {
        section.notice {
            p.number { (problem.status) }
            h1 { (problem.title) }
            p { (problem.detail) }
            @if let Some(hint) = &problem.hint { p.muted { (hint) } }
            p { a href="/" { "Back to the overview" } }
        }
    };
    page(Section::None, &problem.title, None, &content)
}
