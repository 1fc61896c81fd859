//! Pages of one state machine. What they change they change as the Step Functions API does, by its actions.

mod aliases;
mod check;
mod delete;
mod edit;
mod show;
mod start;
mod versions;

use axum::{
    Router,
    routing::{get, post},
};
use maud::{Markup, html};
use shipway_engine::machines::Owner;

use super::{
    Failed,
    machines::{kind_name, marks},
    parts::{encode, machine_path},
};
use crate::{Shared, app::MachineRecord, extract::Path, problem::REFUSED, wire::Problem};

/// Path of the page that makes a machine. WHY: no name has a `~`, so it is the page of no machine.
pub const NEW: &str = "/machines/~new";
/// Where the editor asks what is wrong.
const CHECK: &str = "/machines/~check";

/// The pages.
pub fn router() -> Router<Shared> {
    Router::new()
        .route(NEW, get(edit::blank).post(edit::create))
        .route(CHECK, post(check::answer))
        .route("/machines/{name}", get(show::page))
        .route("/machines/{name}/edit", get(edit::page).post(edit::save))
        .route("/machines/{name}/start", get(start::page).post(start::start))
        .route("/machines/{name}/delete", get(delete::page).post(delete::delete))
        .route("/machines/{name}/versions", get(versions::page).post(versions::publish))
        .route("/machines/{name}/versions/{number}", get(versions::one))
        .route("/machines/{name}/versions/{number}/delete", post(versions::delete))
        .route("/machines/{name}/aliases", post(aliases::create))
        .route("/machines/{name}/aliases/{alias}", get(aliases::page).post(aliases::update))
        .route("/machines/{name}/aliases/{alias}/delete", post(aliases::delete))
}

/// A machine and its name.
struct Named {
    name: String,
    machine: MachineRecord,
}

impl Named {
    async fn find(shared: &Shared, name: Result<Path<String>, Problem>) -> Result<Self, Failed> {
        let Path(name) = name?;
        Self::of(shared, name).await
    }

    async fn of(shared: &Shared, name: String) -> Result<Self, Failed> {
        let machine = shared.app.machine_record(&name).await?;
        Ok(Self { name, machine })
    }

    /// Only what users may change and start.
    fn users(self) -> Result<Self, Failed> {
        if self.is_users() {
            return Ok(self);
        }
        Err(REFUSED
            .because(format!("`{}` belongs to Shipway: it runs by plan and lock only", self.name))
            .hint("`shipway deploy ENVIRONMENT` starts it; what is deployed is on the overview")
            .into())
    }

    fn is_users(&self) -> bool {
        self.machine.owner == Owner::User
    }

    fn path(&self, place: &str) -> String {
        format!("{}{place}", machine_path(&self.name))
    }

    fn arn(&self, shared: &Shared) -> String {
        shared.app.engine().map(|engine| engine.machine_arn(&self.name)).unwrap_or_default()
    }

    /// What stands above each page of the machine.
    fn head(&self, tab: Tab) -> Markup {
        html! {
            p.crumbs { a href="/machines" { "State machines" } }
            div.title {
                h1 { (self.name) }
                span.tag.quiet { (kind_name(self.machine.kind)) } (marks(&self.machine))
                @if self.is_users() {
                    div.actions.end {
                        a.button.main href=(self.path("/start")) { "Start" }
                        a.button href=(self.path("/edit")) { "Edit" }
                        a.button.danger href=(self.path("/delete")) { "Delete" }
                    }
                }
            }
            nav.tabs aria-label="Of this machine" {
                @for (place, path, words) in [
                    (Tab::Overview, machine_path(&self.name), "Overview"),
                    (Tab::Versions, self.path("/versions"), "Versions and aliases"),
                    (Tab::Executions, format!("/executions?machine={}", encode(&self.name)), "Executions"),
                ] {
                    a href=(path) aria-current=[(place == tab).then_some("page")] { (words) }
                }
            }
        }
    }
}

/// Where a page belongs among those of its machine.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tab {
    Overview,
    Versions,
    Executions,
    None,
}

/// A definition for people: what is written on one line is laid out.
fn laid_out(definition: &str) -> String {
    let text = definition.replace("\r\n", "\n");
    if text.trim_end().contains('\n') {
        return text;
    }
    let value: Option<serde_json::Value> = serde_json::from_str(&text).ok();
    value.map_or(text, |value| format!("{value:#}"))
}
