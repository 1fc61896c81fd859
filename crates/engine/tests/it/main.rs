//! Tests from the outside, one binary for the crate.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

mod executions;
mod jobs;
mod kill;
mod map_run_crashes;
mod map_runs;
mod nested;
mod observers;
mod postgres;
mod postgres_trouble;
mod redrive;
mod redrive_kill;
mod store_kit;
mod support;
mod tokens;
mod trouble;
mod troubled;
