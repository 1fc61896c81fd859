//! Tests from the outside, one binary for the crate.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

mod corpora;
mod fuzz_targets;
mod items;
mod jsonata;
mod jsonata_functions;
mod map_run_world;
mod map_runs;
mod properties;
mod redrive;
mod rules;
mod steps;
mod test_state;
mod world;
