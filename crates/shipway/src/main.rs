//! The `shipway` command: reads arguments and environment, prints, wires the crates together. Decides nothing else.

#![allow(
    rustdoc::invalid_rust_codeblocks,
    reason = "the examples are of the command line, shown in the help"
)]

mod api;
mod cli;
mod cloud;
mod commands;
mod context;
mod demo;
mod exit;
mod failure;
mod follow;
mod functions;
mod known;
mod local;
mod log_groups;
mod output;
mod release;
#[cfg(test)]
mod sample;
mod target;
mod telemetry;
mod usage;
mod words;

use std::process::ExitCode;

fn main() -> ExitCode {
    // WHY: a keeper must be the main thread of a process without a runtime, so this comes before all else.
    match shipway_host::keeper::dispatch(std::env::args_os()) {
        Some(code) => code,
        None => cli::main(),
    }
}
