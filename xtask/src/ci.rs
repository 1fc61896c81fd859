//! What CI runs, the same on every machine: each step in its order, the first failure ends it.

use std::{
    env,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context, Result, bail};

use crate::{licences, tidy};

/// Runs every step; the test runner's own summary comes last.
pub fn run(root: &Path) -> Result<()> {
    step("fmt", || cargo(root, &["fmt", "--all", "--check"]))?;
    step("tidy", || tidy::run(root))?;
    step("licences", || licences::run(root))?;
    step("clippy", || {
        cargo(root, &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])
    })?;
    step("doc", || {
        cargo_with(root, &["doc", "--workspace", "--no-deps", "--locked"], &[("RUSTDOCFLAGS", "-D warnings")])
    })?;
    step("tools", install_tools)?;
    // WHY: nothing is said after it, so that the output closes on the test runner's own summary.
    eprintln!("== tests");
    tests(root).context("step `tests` failed")
}

fn step(name: &str, run: impl FnOnce() -> Result<()>) -> Result<()> {
    let started = Instant::now();
    eprintln!("== {name}");
    run().with_context(|| format!("step `{name}` failed"))?;
    eprintln!("== {name}: ok in {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}

/// nextest where it is installed, else cargo's own runner: both end with their summary.
fn tests(root: &Path) -> Result<()> {
    if answers("cargo", &["nextest", "--version"]) {
        cargo(root, &["nextest", "run", "--workspace", "--locked"])
    } else {
        eprintln!("cargo-nextest is not installed: running `cargo test` (slower, same tests)");
        cargo(root, &["test", "--workspace", "--locked"])
    }
}

/// The browser of the page tests, where it can be had: those tests say so and skip without it.
fn install_tools() -> Result<()> {
    if answers("chromium", &["--version"]) {
        return Ok(());
    }
    let is_root = env::var("USER").is_ok_and(|user| user == "root")
        || env::var("HOME").is_ok_and(|home| home == "/root");
    if !is_root || !answers("apt-get", &["--version"]) {
        eprintln!("chromium is not installed: the browser tests will be skipped");
        return Ok(());
    }
    let installed = quiet("apt-get", &["update", "-qq"]).is_ok()
        && quiet("apt-get", &["install", "-y", "-qq", "--no-install-recommends", "chromium"]).is_ok();
    if !installed {
        eprintln!("chromium could not be installed: the browser tests will be skipped");
    }
    Ok(())
}

fn answers(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn quiet(program: &str, arguments: &[&str]) -> Result<()> {
    let status = Command::new(program)
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdout(Stdio::null())
        .status()
        .with_context(|| format!("cannot run `{program}`"))?;
    if status.success() { Ok(()) } else { bail!("`{program} {}` ended with {status}", arguments.join(" ")) }
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<()> {
    cargo_with(root, arguments, &[])
}

fn cargo_with(root: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Result<()> {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(program)
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(root)
        .status()
        .context("cannot run `cargo`")?;
    if status.success() { Ok(()) } else { bail!("`cargo {}` ended with {status}", arguments.join(" ")) }
}
