//! Measurements: builds in release mode, runs, prints what was seen. Judges nothing.

use std::{env, path::Path, process::Command};

use anyhow::{Context, Result, bail};

/// What can be measured, and the example that does it.
const BENCHES: &[(&str, &str)] = &[("engine", "bench_engine")];

/// Runs one bench; its numbers go to stdout as JSON.
pub fn run(root: &Path, name: Option<&str>) -> Result<()> {
    let known: Vec<&str> = BENCHES.iter().map(|(name, _)| *name).collect();
    let Some((_, example)) = BENCHES.iter().find(|(known, _)| Some(*known) == name) else {
        bail!("name what to measure: {}", known.join(", "));
    };
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(program)
        .args(["run", "--quiet", "--release", "--locked", "--example", example, "--", "target"])
        .current_dir(root)
        .status()
        .context("cannot run `cargo`")?;
    if status.success() { Ok(()) } else { bail!("the bench ended with {status}") }
}
