//! `shipway rollback`: deploys a kept release again.

use std::io::{BufRead, Write};

use clap::Parser;
use shipway_control::app::{Outcome, ReleaseStatus};
use shipway_server::wire::RollbackRequest;

use super::{Command, Group};
use crate::{
    api::Api,
    context::Context,
    exit::Code,
    failure::Failure,
    follow, local,
    target::{self, Scope},
    words::{ago, short},
};

/// Go back to the last good release, or to a named one
///
/// A deployment under way is halted instead, since the old version still runs. Asks on a
/// terminal unless --yes is given; nowhere else.
///
///     $ shipway rollback production --reason "checkout is slow"
#[derive(Debug, Parser)]
#[command(name = "rollback", verbatim_doc_comment)]
pub struct Rollback {
    /// The environment
    #[arg(value_name = "ENV")]
    environment: Option<String>,
    /// A release's version or id [default: the good one before the current]
    #[arg(long, value_name = "RELEASE")]
    to: Option<String>,
    /// Why: it stays in the history
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Do not wait for the end
    #[arg(long)]
    detach: bool,
}

impl Command for Rollback {
    const GROUP: Option<Group> = Some(Group::Ship);

    async fn run(self, cx: &Context) -> Result<Code, Failure> {
        let scope = target::scope(self.environment.as_deref())?;
        let api = local::ensure(cx).await?;
        if cx.may_ask && !self.yes && !confirm(cx, &api, &scope, self.to.as_deref()).await? {
            return Err(Failure::new(Code::Denied, "not confirmed; nothing was changed"));
        }
        let request = RollbackRequest {
            project: scope.project,
            environment: scope.environment,
            to: self.to,
            actor: cx.actor(),
            reason: self.reason,
        };
        let under_way = under_way(&api, &request).await?;
        let deployment = api.rollback(&request).await?;
        cx.out.say(&format!("{} {}", deployment.id, api.page(&deployment.id)));
        if self.detach {
            if cx.out.is_json() {
                cx.out.json(&deployment)?;
            }
            return Ok(Code::Ok);
        }
        let is_halted = under_way.as_ref() == Some(&deployment.id);
        let meaning = |end| match end {
            // A deployment under way was halted: the version before it serves, as asked.
            Code::FailedClean if is_halted => Code::Ok,
            code => code,
        };
        follow::to_end(cx, api, &deployment.id, meaning).await
    }
}

/// The deployment that is halted by this instead.
async fn under_way(api: &Api, request: &RollbackRequest) -> Result<Option<String>, Failure> {
    let newest = api.deployments(Some((&request.project, &request.environment)), 1).await?.into_iter().next();
    Ok(newest.filter(|deployment| deployment.outcome == Outcome::Running).map(|deployment| deployment.id))
}

async fn confirm(cx: &Context, api: &Api, scope: &Scope, to: Option<&str>) -> Result<bool, Failure> {
    let releases = api.releases(&scope.project, &scope.environment).await?;
    let current = releases.iter().find(|status| status.is_current);
    let place = format!("{}/{}", scope.project, scope.environment);
    let now = current.map_or("nothing".to_owned(), |status| status.release.version.clone());
    let target = meant(&releases, to).map_or_else(
        || to.unwrap_or("the release before").to_owned(),
        |status| {
            let release = &status.release;
            let age = ago(release.created_at, cx.now());
            format!("{} ({} \"{}\", {age})", release.version, short(&release.commit), release.subject)
        },
    );
    ask(cx, &format!("roll `{place}` back from {now} to {target}? [y/N] "))
}

/// What the server will probably choose; it decides, this is only shown.
fn meant<'a>(releases: &'a [ReleaseStatus], to: Option<&str>) -> Option<&'a ReleaseStatus> {
    let kept = || releases.iter().filter(|status| status.is_kept && !status.is_current);
    match to {
        Some(to) => kept().find(|status| status.release.version == to || status.release.release_id == to),
        None => {
            let current = releases.iter().find(|status| status.is_current)?;
            kept().find(|status| status.release.version != current.release.version)
        }
    }
}

fn ask(cx: &Context, question: &str) -> Result<bool, Failure> {
    cx.out.clear();
    let failed = |error: std::io::Error| Failure::of("cannot ask", &error);
    let mut stderr = std::io::stderr().lock();
    stderr.write_all(question.as_bytes()).and_then(|()| stderr.flush()).map_err(failed)?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(failed)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
