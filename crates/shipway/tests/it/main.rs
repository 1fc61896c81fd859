//! Tests from the outside, one binary for the crate: each runs the real command in a directory of its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "tests"
)]

mod bad_input;
mod boto3;
mod browser;
mod browser_executions;
mod chromium;
mod crash;
mod database;
mod demo;
mod deploy;
mod editor;
mod follow;
mod full_disk;
mod functions;
mod fuzz;
mod hostile;
mod machine;
mod machine_guide;
#[path = "../../../engine/tests/it/postgres.rs"]
mod postgres;
mod promises;
mod races;
mod rig;
mod serve;
mod sfn;
mod tasks;
mod telemetry;
mod terraform;
mod tools;
mod world;
