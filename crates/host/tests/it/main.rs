//! Tests from the outside, one binary for the crate.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod edge_control;
mod edge_http;
mod edge_kit;
mod edge_stream;
mod edge_switch;
mod edge_watch;
mod edge_weights;
mod functions;
mod host_artifacts;
mod host_check;
mod host_fence;
mod host_kit;
mod host_life;
mod host_logs;
mod host_recovery;
mod load;
