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

/// What some tests need, which say so and skip without it.
struct Tool {
    package: &'static str,
    is_there: fn() -> bool,
    tests: &'static str,
}

const TOOLS: [Tool; 2] = [
    Tool {
        package: "chromium",
        is_there: || answers("chromium", &["--version"]),
        tests: "the browser tests",
    },
    Tool {
        package: "postgresql",
        is_there: || Path::new("/usr/lib/postgresql").exists(),
        tests: "the tests on PostgreSQL",
    },
];

/// Installs what is missing where that can be done.
fn install_tools() -> Result<()> {
    let missing: Vec<_> = TOOLS.iter().filter(|tool| !(tool.is_there)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let is_root = env::var("USER").is_ok_and(|user| user == "root")
        || env::var("HOME").is_ok_and(|home| home == "/root");
    let can_install = is_root && quiet("apt-get", &["update", "-qq"]).is_ok();
    for Tool { package, tests, .. } in missing {
        let install = ["install", "-y", "-qq", "--no-install-recommends", package];
        if !can_install || quiet("apt-get", &install).is_err() {
            eprintln!("{package} is not installed: {tests} will be skipped");
        }
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
