//! `shipway history`: deployments, newest first.

use clap::Parser;
use shipway_asl::Timestamp;
use shipway_control::app::Deployment;

use super::{Command, Group};
use crate::{
    api::PAGE_MAX,
    context::Context,
    exit::Code,
    failure::Failure,
    known, local,
    target::{self, Scope},
    words::{ago, clean, row, short, span, table},
};

/// List deployments, newest first
///
/// Within a project those of its environment, elsewhere all of them.
///
///     $ shipway history production --limit 5
#[derive(Debug, Parser)]
#[command(name = "history", verbatim_doc_comment)]
pub struct History {
    /// The environment
    #[arg(value_name = "ENV")]
    environment: Option<String>,
    /// Deployments of all projects, also within a project
    #[arg(short, long, conflicts_with = "environment")]
    all: bool,
    /// At most so many, up to 500
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=500))]
    limit: u16,
}

impl Command for History {
    const GROUP: Option<Group> = Some(Group::Operate);

    async fn run(self, cx: &Context) -> Result<Code, Failure> {
        let scope = self.scope()?;
        let api = local::expect(cx).await?;
        if let Some(scope) = &scope {
            known::named(&api, self.environment.as_deref(), scope).await?;
        }
        let place = scope.as_ref().map(|scope| (scope.project.as_str(), scope.environment.as_str()));
        let deployments = api.deployments(place, usize::from(self.limit).min(PAGE_MAX)).await?;
        if cx.out.is_json() {
            cx.out.json(&deployments)?;
            return Ok(Code::Ok);
        }
        if deployments.is_empty() {
            cx.out.say("nothing was deployed yet");
            return Ok(Code::Ok);
        }
        let mut rows = vec![row(["DEPLOYMENT", "VERSION", "OUTCOME", "STARTED", "TOOK", "BY", "COMMIT"])];
        rows.extend(deployments.iter().flat_map(|deployment| deployment_rows(deployment, cx.now())));
        cx.out.text(&table(&rows))?;
        Ok(Code::Ok)
    }
}

impl History {
    fn scope(&self) -> Result<Option<Scope>, Failure> {
        let is_in_project = target::project_dir(&target::current_dir()?).is_some();
        if self.all || (self.environment.is_none() && !is_in_project) {
            return Ok(None);
        }
        target::scope(self.environment.as_deref()).map(Some)
    }
}

/// A deployment, and above it who broke the lock that it kept.
fn deployment_rows(deployment: &Deployment, now: Timestamp) -> Vec<Vec<String>> {
    let release = &deployment.release;
    let took = deployment.ended_at.unwrap_or(now).millis_since(deployment.started_at);
    let state = deployment.state.as_ref().map(|state| format!(" ({state})")).unwrap_or_default();
    let broken = deployment.lock_break.as_ref().map(|by| {
        let reason = clean(&by.reason, 60);
        row([&deployment.id, "", "LockBroken", &ago(by.at, now), "", &clean(&by.actor, 24), &reason])
    });
    let deployed = row([
        &deployment.id,
        &release.version,
        &format!("{:?}{state}", deployment.outcome),
        &ago(deployment.started_at, now),
        &span(took),
        &clean(&deployment.actor, 24),
        &format!("{} {}", short(&release.commit), clean(&release.subject, 50)),
    ]);
    broken.into_iter().chain([deployed]).collect()
}

#[cfg(test)]
mod tests {
    use shipway_control::app::LockBreak;

    use super::*;

    #[test]
    fn who_broke_a_lock_stands_above_the_deployment_that_kept_it() {
        let mut deployment = crate::sample::deployment();
        let now = Timestamp(61_000);
        assert_eq!(deployment_rows(&deployment, now).len(), 1);
        let (actor, reason) = ("bo".to_owned(), "stopped by hand".to_owned());
        deployment.lock_break = Some(LockBreak { actor, reason, at: Timestamp(59_000) });
        let rows = deployment_rows(&deployment, now);
        assert_eq!(rows[0], row(["shop-1", "", "LockBroken", "2.0 s ago", "", "bo", "stopped by hand"]));
        assert_eq!(rows[1][..3], ["shop-1", "0.3.0", "Running (Bake)"]);
    }
}
