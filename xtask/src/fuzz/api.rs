//! Random calls of the Step Functions API: `cargo xtask fuzz api`. The tests of the binary play and judge them, within
//! the process and against a real server; this starts them for as long as one likes.

use std::{env, path::Path, process::Command};

use anyhow::{Context, Result, bail};

/// `cargo xtask fuzz api [--seconds N] [--seed N]`
pub fn run(root: &Path, mut arguments: impl Iterator<Item = String>) -> Result<()> {
    let (mut seconds, mut seed) = (600, 0);
    while let Some(argument) = arguments.next() {
        let place = match argument.as_str() {
            "--seconds" => &mut seconds,
            "--seed" => &mut seed,
            other => bail!("there is no `{other}`: `cargo xtask fuzz api [--seconds N] [--seed N]`"),
        };
        let given = arguments.next().with_context(|| format!("{argument} needs a number"))?;
        *place = given.parse::<u64>().with_context(|| format!("`{given}` is no number"))?;
    }
    let status = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["test", "--quiet", "--test", "it", "--", "fuzz::random_calls", "--nocapture"])
        .env("SHIPWAY_FUZZ_SECONDS", seconds.to_string())
        .env("SHIPWAY_FUZZ_SEED", seed.to_string())
        .current_dir(root)
        .status()
        .context("cannot run `cargo test`")?;
    if status.success() { Ok(()) } else { bail!("a call broke something: see above for the seed") }
}
