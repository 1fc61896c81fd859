//! `shipway demo`: shows on this machine what Shipway does.

use clap::Parser;

use super::{Command, Group};
use crate::{context::Context, exit::Code, failure::Failure};

/// Watch a service go to production and a bad release come back, on this machine
///
/// Starts a server in a temporary directory, deploys three commits of a small web service under
/// constant load, and shows what each version and state did. Needs git and nothing else. Exit
/// code 0 only if all promises were kept.
///
///     $ shipway demo --keep
#[derive(Debug, Parser)]
#[command(name = "demo", verbatim_doc_comment)]
pub struct Demo {
    /// Stay up to look at, until Ctrl-C
    #[arg(long)]
    keep: bool,
}

impl Command for Demo {
    const GROUP: Option<Group> = Some(Group::Tools);

    async fn run(self, cx: &Context) -> Result<Code, Failure> {
        crate::demo::run(cx, self.keep).await
    }
}
