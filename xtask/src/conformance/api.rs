//! The Step Functions cases that need the API: `cargo xtask conformance api`. The server's own tests replay them, in
//! virtual time, which no program may have; this starts them with the folder and reads what they say.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::Suite;
use super::report::Report;

pub const SUITE: Suite =
    Suite { name: "api", about: ABOUT, cases: "../shared/asl", bar: 100.0, floor: 165, run: replay };

const ABOUT: &str = "\
Conversations with the Step Functions API recorded against AWS, and calls that it refused, replayed call by call over \
HTTP against the server's API and a real engine in virtual time. Placeholders are bound as they are met and stand for \
one value throughout a case; members that AWS added to answers after a recording may be there.";

/// What the tests print before each outcome.
const MARK: &str = "CASE ";

/// One outcome, as the tests print it.
#[derive(Deserialize)]
struct Outcome {
    kind: String,
    case: String,
    /// What differs; none if nothing does.
    why: Option<String>,
}

fn replay(folder: &Path) -> Result<Report> {
    let folder = folder.canonicalize().with_context(|| format!("cannot find {}", folder.display()))?;
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["test", "--quiet", "--test", "it", "--", "states::cases::", "--nocapture", "--test-threads=1"])
        .env("SHIPWAY_CASES", &folder)
        .current_dir(root.parent().unwrap_or(&root))
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run `cargo test`")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let mut report = Report::default();
    for line in said.lines().filter_map(|line| line.split_once(MARK)).map(|(_, outcome)| outcome) {
        let Outcome { kind, case, why } = serde_json::from_str(line).context("a test said something else")?;
        report.add(&kind, &case, why.map_or(Ok(()), Err));
    }
    if report.total().total == 0 {
        bail!("the tests of the server have judged nothing: {}", said.trim());
    }
    Ok(report)
}
