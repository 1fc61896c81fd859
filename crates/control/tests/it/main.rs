//! Tests from the outside, one binary for the crate.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests"
)]

mod app;
mod config;
mod deployer_garbage;
mod deployer_harness;
mod deployer_rig;
mod deployer_world;
mod full_store;
mod functions;
mod lock;
mod repository;
mod source;
mod version;
