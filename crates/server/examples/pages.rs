//! Serves the pages over fixed data, to be looked at: `cargo run -p shipway-server --example pages [-- PORT]`.
//! The deployment that runs goes on by one event each second.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    dead_code,
    unused_imports,
    reason = "shares its data with the tests"
)]

#[path = "../tests/it/fixture/mod.rs"]
mod fixture;

use std::time::Duration;

use shipway_server::{Config, serve};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() {
    let port = std::env::args().nth(1).map_or(7070, |port| port.parse().expect("a port"));
    let uploads = std::env::temp_dir();
    let app = fixture::Fixture::new(&uploads);
    let config = Config {
        listen: ([127, 0, 0, 1], port).into(),
        token: "token".to_owned(),
        allowed_hosts: Vec::new(),
        states: shipway_server::states::Config::default(),
    };
    let (address, done) = serve(config, app.clone(), CancellationToken::new()).await.expect("a free port");
    println!("http://{address}/");
    let story = async {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            app.advance(1);
        }
    };
    tokio::select! {
        () = done => {}
        () = story => {}
    }
}
