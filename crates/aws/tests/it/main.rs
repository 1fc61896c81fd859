//! Tests from the outside, one binary for the crate.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

mod buckets;
mod calls;
mod double;
mod faults;
mod jobs;
mod logs;
mod mocks;
mod services;
mod support;
mod vectors;
