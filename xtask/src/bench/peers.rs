//! The language against the best implementations in Rust and JavaScript, in one run: a table for BENCHMARKS.md.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// One measurement, as the programs in `peers/` print it.
#[derive(Deserialize)]
struct Measured {
    what: String,
    who: String,
    /// Median time of one turn.
    ns: f64,
}

/// Builds the peers, runs them one after the other, and prints the medians side by side.
pub fn run(root: &Path) -> Result<()> {
    let peers = root.join("peers");
    let target = root.join("target/peers");
    let build = super::cargo(root)
        .args(["build", "--quiet", "--release", "--locked", "--manifest-path", "peers/Cargo.toml"])
        .env("CARGO_TARGET_DIR", &target)
        .status();
    if !build.context("cannot run `cargo`")?.success() {
        bail!("the peers could not be built");
    }
    let binary = target.join("release/shipway-peers");
    let workloads = target.join("workloads.json");
    fs::write(&workloads, output(Command::new(&binary).arg("--workloads"))?)?;
    let mut measured = lines(&output(&mut Command::new(&binary))?)?;
    match javascript(&peers, &workloads) {
        Ok(more) => measured.extend(more),
        Err(error) => eprintln!("without the peers in JavaScript: {error:#}"),
    }
    print!("{}", table(&measured));
    Ok(())
}

fn javascript(peers: &Path, workloads: &Path) -> Result<Vec<Measured>> {
    let install =
        Command::new("npm").args(["ci", "--silent"]).current_dir(peers).stdout(Stdio::null()).status();
    if !install.context("cannot run `npm`")?.success() {
        bail!("`npm ci` failed");
    }
    lines(&output(Command::new("node").arg("peers.mjs").arg(workloads).current_dir(peers))?)
}

fn output(command: &mut Command) -> Result<String> {
    let output =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} ended with {}", output.status);
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn lines(text: &str) -> Result<Vec<Measured>> {
    text.lines()
        .map(|line| serde_json::from_str(line).with_context(|| format!("no measurement: {line}")))
        .collect()
}

/// Markdown: one row for what is measured, ours first, then each peer.
fn table(measured: &[Measured]) -> String {
    let mut rows: Vec<(&str, Vec<String>)> = Vec::new();
    for one in measured {
        let cell = format!("{} {}", one.who, time(one.ns));
        match rows.iter_mut().find(|(what, _)| *what == one.what) {
            Some((_, cells)) => cells.push(cell),
            None => rows.push((&one.what, vec![cell])),
        }
    }
    let mut text = "| what | shipway | peers |\n|---|---|---|\n".to_owned();
    for (what, cells) in rows {
        let (ours, peers): (Vec<&String>, Vec<&String>) =
            cells.iter().partition(|cell| cell.starts_with("shipway "));
        let ours: Vec<&str> = ours.iter().map(|cell| cell.trim_start_matches("shipway ")).collect();
        let peers: Vec<&str> = peers.iter().map(|cell| cell.as_str()).collect();
        text.push_str(&format!("| {what} | {} | {} |\n", ours.join(", "), peers.join("; ")));
    }
    text
}

fn time(ns: f64) -> String {
    if ns < 1_000.0 { format!("{ns:.0} ns") } else { format!("{:.1} us", ns / 1_000.0) }
}
