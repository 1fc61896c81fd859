//! Tests from the outside, one binary for the crate: the router over an application of fixed, rich data.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests"
)]

mod api;
mod drawings;
mod executions;
mod fixture;
mod guarded;
mod live;
mod machine_pages;
mod pages;
mod sign_in;
mod socket;
mod states;
mod support;
