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
mod chromium;
mod crash;
mod demo;
mod deploy;
mod follow;
mod full_disk;
mod fuzz;
mod hostile;
mod machine;
mod machine_guide;
mod promises;
mod races;
mod rig;
mod serve;
mod sfn;
mod tasks;
mod terraform;
mod tools;
mod world;
