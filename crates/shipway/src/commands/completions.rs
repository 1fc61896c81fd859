//! `shipway completions`: completions for shells, from the definition of the command line.

use clap::{Parser, ValueEnum};
use clap_complete::Shell;

use super::{Command, Group};
use crate::{context::Context, exit::Code, failure::Failure};

/// Write shell completions to stdout
///
/// Source them where your shell reads its settings.
///
///     $ shipway completions bash > ~/.local/share/bash-completion/completions/shipway
#[derive(Debug, Parser)]
#[command(name = "completions", verbatim_doc_comment)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Command for Completions {
    const GROUP: Option<Group> = Some(Group::Tools);

    async fn run(self, cx: &Context) -> Result<Code, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut crate::cli::definition(), "shipway", &mut script);
        cx.out.detail(&format!("completions for {}", name(self.shell)));
        cx.out.text(&String::from_utf8_lossy(&script))?;
        Ok(Code::Ok)
    }
}

fn name(shell: Shell) -> String {
    shell.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}
