//! Measurements: builds in release mode, runs, prints what was seen. Judges nothing.

mod peers;

use std::{env, fs, path::Path, process::Command};

use anyhow::{Context, Result, bail};

/// A measurement: its name and what runs it.
type Bench = (&'static str, fn(&Path) -> Result<()>);

/// What can be measured.
const BENCHES: &[Bench] = &[("api", api), ("engine", engine), ("language", peers::run)];

/// Runs one bench.
pub fn run(root: &Path, name: Option<&str>) -> Result<()> {
    let known: Vec<&str> = BENCHES.iter().map(|(name, _)| *name).collect();
    let Some((_, bench)) = BENCHES.iter().find(|(known, _)| Some(*known) == name) else {
        bail!("name what to measure: {}", known.join(", "));
    };
    bench(root)
}

/// The engine's numbers go to stdout as JSON.
fn engine(root: &Path) -> Result<()> {
    let status = cargo(root)
        .args(["run", "--quiet", "--release", "--locked", "--example", "bench_engine", "--", "target"])
        .status()
        .context("cannot run `cargo`")?;
    if status.success() { Ok(()) } else { bail!("the bench ended with {status}") }
}

/// A real server over a store with a million executions, in a directory that is removed afterwards.
fn api(root: &Path) -> Result<()> {
    let built = cargo(root).args(["build", "--quiet", "--release", "--locked", "--bin", "shipway"]).status();
    if !built.context("cannot run `cargo`")?.success() {
        bail!("the server could not be built");
    }
    let directory = root.join("target/bench-api");
    if directory.exists() {
        fs::remove_dir_all(&directory).with_context(|| format!("cannot remove {}", directory.display()))?;
    }
    let status = cargo(root)
        .args(["run", "--quiet", "--release", "--locked", "--example", "bench_api", "--"])
        .args([root.join("target/release/shipway"), directory.clone()])
        .status()
        .context("cannot run `cargo`")?;
    fs::remove_dir_all(&directory).with_context(|| format!("cannot remove {}", directory.display()))?;
    if status.success() { Ok(()) } else { bail!("the bench ended with {status}") }
}

fn cargo(root: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}
