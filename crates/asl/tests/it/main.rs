//! Tests from the outside, one binary for the crate.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

mod cases;
mod conformance;
mod corpora;
mod fuzz_targets;
mod jsonata;
mod jsonata_functions;
mod properties;
mod steps;
mod test_state;
mod verdicts;
mod world;
