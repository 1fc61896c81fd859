//! Checks that keep the architecture and the documents true. Each is a pure function over the repository's files.

mod dependencies;
mod documents;
mod sources;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

/// A file of the repository: its path from the root, with `/`, and its text.
pub struct File {
    /// Such as `crates/asl/src/lib.rs`.
    pub path: String,
    /// All of it.
    pub text: String,
}

/// A check: its name and what it finds, a line each.
type Check = (&'static str, fn(&[File]) -> Vec<String>);

const CHECKS: &[Check] = &[
    ("crates use only what stands below them", dependencies::edges),
    ("dependencies carry a reason", dependencies::reasons),
    ("no AWS service crates", dependencies::no_service_crates),
    ("files open with their purpose", sources::heads),
    ("no dead files", sources::dead_files),
    ("files hold one idea", sources::sizes),
    ("only the places that may do it touch clock, environment and output", sources::invariants),
    ("links and paths in documents exist", documents::paths),
    ("tests named in documents exist", documents::tests),
    ("commands named in documents exist", documents::commands),
];

/// Runs every check and lists all findings.
pub fn run(root: &Path) -> Result<()> {
    let files = files(root)?;
    let findings: Vec<String> = CHECKS
        .iter()
        .flat_map(|(name, check)| check(&files).into_iter().map(move |finding| format!("{finding} ({name})")))
        .collect();
    for finding in &findings {
        eprintln!("tidy: {finding}");
    }
    if findings.is_empty() { Ok(()) } else { bail!("{} finding(s)", findings.len()) }
}

/// Text files of the repository, sorted; build output and git's own files left out.
fn files(root: &Path) -> Result<Vec<File>> {
    let mut paths = Vec::new();
    collect(root, &mut paths)?;
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let relative = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        // WHY: pictures and other binary files are no text; they are listed with no text so that links to them resolve.
        let text = String::from_utf8(fs::read(&path).with_context(|| format!("cannot read {relative}"))?);
        files.push(File { path: relative, text: text.unwrap_or_default() });
    }
    Ok(files)
}

fn collect(directory: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        if name == "target" || name == ".git" || name == "node_modules" {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            collect(&entry.path(), paths)?;
        } else if kind.is_file() {
            paths.push(entry.path());
        }
    }
    Ok(())
}
