//! `shipway watch`: follows a deployment to its end.

use std::convert;

use clap::Parser;

use super::{Command, Group};
use crate::{context::Context, exit::Code, failure::Failure, follow, local, target};

/// Follow a deployment to its end
///
/// Shows the newest deployment of the environment unless an id is given. Survives a restart of
/// the server. Ctrl-C only stops watching. The exit code says how the deployment ended.
///
///     $ shipway watch production
#[derive(Debug, Parser)]
#[command(name = "watch", verbatim_doc_comment)]
pub struct Watch {
    /// A deployment's id, or an environment
    #[arg(value_name = "ID|ENV")]
    target: Option<String>,
}

impl Command for Watch {
    const GROUP: Option<Group> = Some(Group::Operate);

    async fn run(self, cx: &Context) -> Result<Code, Failure> {
        let api = local::expect(cx).await?;
        let deployment = target::deployment(&api, self.target.as_deref()).await?;
        follow::to_end(cx, api, &deployment.id, convert::identity).await
    }
}
