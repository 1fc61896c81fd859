//! `shipway demo-service`: a small web service that the demo deploys. How it behaves stands in a file of the commit.

use std::path::PathBuf;

use clap::Parser;

use super::{Command, Group};
use crate::{context::Context, demo::service, exit::Code, failure::Failure};

/// Serve the demo's web service on 127.0.0.1:$PORT
#[derive(Debug, Parser)]
#[command(name = "demo-service")]
pub struct DemoService {
    /// How it behaves
    file: PathBuf,
    /// Where to listen
    #[arg(long, env = "PORT", hide_env_values = true)]
    port: u16,
}

impl Command for DemoService {
    const GROUP: Option<Group> = None;

    async fn run(self, cx: &Context) -> Result<Code, Failure> {
        service::serve(cx, &self.file, self.port).await?;
        Ok(Code::Ok)
    }
}
