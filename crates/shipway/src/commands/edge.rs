//! `shipway edge`: the proxy's process, started and watched by the server.

use clap::Parser;

use super::{Command, Group};
use crate::{commands::serve::logging, context::Context, exit::Code, failure::Failure};

/// Serve the routes of the data directory (started by `shipway serve`)
#[derive(Debug, Parser)]
#[command(name = "edge")]
pub struct Edge {}

impl Command for Edge {
    const GROUP: Option<Group> = None;

    async fn run(self, cx: &Context) -> Result<Code, Failure> {
        logging(cx);
        let config = shipway_host::edge::Config::new(&cx.data_dir);
        let served = shipway_host::edge::run(config).await;
        served.map_err(|error| Failure::of("the edge ended", &error))?;
        Ok(Code::Ok)
    }
}
