//! Chores of the repository: `cargo xtask bench|ci|conformance|fuzz|models|tidy`. Does nothing that the product needs at run time.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool for people")]

mod bench;
mod ci;
#[allow(clippy::indexing_slicing, reason = "a member that a JSON value lacks is null, not a panic")]
mod conformance;
mod fuzz;
mod licences;
mod models;
mod tidy;

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, bail};

const USAGE: &str = "usage: cargo xtask <command>

  bench   measure: `cargo xtask bench api|engine|language`
  ci      what CI runs: format, tidy, clippy, build, tests
  conformance
          compare with suites of others: `cargo xtask conformance asl|tasks|api|jsonata [--cases DIR] [--json] [--write]`
  fuzz    look for crashes of the language: `cargo xtask fuzz [--seconds N] [TARGET...]`, or of the Step Functions
          API: `cargo xtask fuzz api [--seconds N] [--seed N]`
  models  make AWS's service models anew: `cargo xtask models [--botocore DIR] [--check]`
  tidy    the checks that keep the architecture and the documents true
";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let root = root()?;
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("bench") => bench::run(&root, arguments.next().as_deref()),
        Some("ci") => ci::run(&root),
        Some("conformance") => conformance::run(&root, arguments),
        Some("models") => models::run(&root, arguments),
        Some("fuzz") => fuzz::run(&root, arguments),
        Some("tidy") => tidy::run(&root),
        Some("--help" | "-h") | None => {
            print!("{USAGE}");
            Ok(())
        }
        Some(other) => bail!("there is no command `{other}`\n{USAGE}"),
    }
}

/// The repository's root: the parent of this crate.
fn root() -> Result<PathBuf> {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map(PathBuf::from)
        .context("xtask has no parent directory")
}
