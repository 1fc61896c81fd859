//! `shipway schema`: the JSON Schema of `shipway.toml`.

use clap::Parser;

use super::{Command, Group};
use crate::{context::Context, exit::Code, failure::Failure};

/// Print the JSON Schema of shipway.toml
///
/// Editors that know the schema complete and check the file while it is written.
///
///     $ shipway schema > shipway.schema.json
#[derive(Debug, Parser)]
#[command(name = "schema", verbatim_doc_comment)]
pub struct Schema {}

impl Command for Schema {
    const GROUP: Option<Group> = Some(Group::Tools);

    async fn run(self, cx: &Context) -> Result<Code, Failure> {
        cx.out.json(&shipway_control::config::schema())?;
        Ok(Code::Ok)
    }
}
