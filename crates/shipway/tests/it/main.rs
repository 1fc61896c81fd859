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

mod browser;
mod chromium;
mod promises;
mod world;
