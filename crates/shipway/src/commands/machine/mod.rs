//! `shipway machine`: checks, runs, tests, draws and compares state machines without a server, and shows what a server
//! logs of one.

mod diff;
mod lint;
mod logs;
mod mock;
mod render;
mod run;
mod source;
mod stage;
mod test;
mod view;

use std::path::Path;

use clap::{Parser, Subcommand};

use super::{Command, Group};
use crate::{context::Context, exit::Code, failure::Failure};

/// Check, run, test, draw and compare state machines
///
/// Machines are written in the Amazon States Language, as JSON or YAML. No server (but for `logs`)
/// and no AWS account is needed: machines run in virtual time, where a wait of a year takes no
/// time, and their tasks are answered by mocks.
///
///     $ shipway machine lint order.asl.json
///     $ shipway machine run order.asl.json --input '{"n": 1}' --mock order.mock.yaml
///     $ shipway machine test --coverage
///     $ shipway machine render order.asl.json -o order.svg
///     $ shipway machine diff old.asl.json new.asl.json
#[derive(Debug, Parser)]
#[command(name = "machine", verbatim_doc_comment)]
pub struct Machine {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Lint(lint::Lint),
    Run(run::Run),
    Test(test::Test),
    Render(render::Render),
    Diff(diff::Diff),
    Logs(logs::Logs),
}

impl Command for Machine {
    const GROUP: Option<Group> = Some(Group::Tools);

    async fn run(self, cx: &Context) -> Result<Code, Failure> {
        match self.verb {
            Verb::Lint(lint) => lint.run(cx),
            Verb::Run(run) => run.run(cx),
            Verb::Test(test) => test.run(cx),
            Verb::Render(render) => render.run(cx),
            Verb::Diff(diff) => diff.run(cx),
            Verb::Logs(logs) => logs.run(cx).await,
        }
    }
}

/// Writes a file, and makes the folder that it goes to.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::of(format!("cannot write `{}`", path.display()), &error);
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    std::fs::write(path, text).map_err(failed)
}
