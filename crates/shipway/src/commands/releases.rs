//! `shipway releases`: what was released to an environment and what can be gone back to.

use clap::Parser;

use super::{Command, Group};
use crate::{
    context::Context,
    exit::Code,
    failure::Failure,
    known, local, target,
    words::{ago, clean, row, short, table},
};

/// List the releases of an environment
///
/// `*` marks the one that serves. Kept ones can be gone back to.
///
///     $ shipway releases production
#[derive(Debug, Parser)]
#[command(name = "releases", verbatim_doc_comment)]
pub struct Releases {
    /// The environment
    #[arg(value_name = "ENV")]
    environment: Option<String>,
}

impl Command for Releases {
    const GROUP: Option<Group> = Some(Group::Operate);

    async fn run(self, cx: &Context) -> Result<Code, Failure> {
        let scope = target::scope(self.environment.as_deref())?;
        let api = local::expect(cx).await?;
        known::named(&api, self.environment.as_deref(), &scope).await?;
        let releases = api.releases(&scope.project, &scope.environment).await?;
        if cx.out.is_json() {
            cx.out.json(&releases)?;
            return Ok(Code::Ok);
        }
        let now = cx.now();
        let mut rows = vec![row(["", "VERSION", "COMMIT", "MADE", "AUTHOR", "OUTCOME", "KEPT", "SUBJECT"])];
        rows.extend(releases.iter().map(|status| {
            let release = &status.release;
            row([
                if status.is_current { "*" } else { "" },
                &release.version,
                short(&release.commit),
                &ago(release.created_at, now),
                &clean(&release.author, 24),
                &format!("{:?}", status.outcome),
                if status.is_kept { "yes" } else { "" },
                &clean(&release.subject, 60),
            ])
        }));
        cx.out.text(&table(&rows))?;
        Ok(Code::Ok)
    }
}
