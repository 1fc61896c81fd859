//! Finds test files, and the machine that each is about.

use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Test files of one call.
const FILES_MAX: usize = 10_000;
/// Directories inside directories.
const DEPTH_MAX: usize = 32;
/// Endings of test files.
const ENDINGS: &[&str] = &[".test.yaml", ".test.yml", ".test.json"];
/// Endings of machines, in the order in which they are looked for.
const MACHINES: &[&str] = &[".asl.json", ".asl.yaml", ".asl.yml", ".json"];

/// The test files that were named, and those in the directories that were named, in order.
pub fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let here = [PathBuf::from(".")];
    let paths = if paths.is_empty() { &here } else { paths };
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let before = files.len();
            look(path, 0, &mut files)?;
            if files.len() == before {
                return Err(Failure::usage(format!("`{}` has no test files", path.display()))
                    .hint("test files end in .test.yaml; `shipway machine test --help` says more"));
            }
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn look(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::of(format!("cannot read `{}`", folder.display()), &error);
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        entries.push(entry.map_err(failed)?);
    }
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder == Path::new(".") { PathBuf::from(&name) } else { entry.path() };
        // A link is not followed: it may lead round in circles.
        let kind = entry.file_type().map_err(failed)?;
        let is_left_out = name.starts_with('.') || matches!(name.as_str(), "target" | "node_modules");
        if kind.is_dir() && !is_left_out && depth < DEPTH_MAX {
            look(&path, depth.saturating_add(1), files)?;
        } else if !kind.is_dir() && ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            files.push(path);
        }
        if files.len() > FILES_MAX {
            return Err(Failure::usage(format!("more than {FILES_MAX} test files")));
        }
    }
    Ok(())
}

/// The machine of a test file: the one it names, or the one beside it.
pub fn machine(file: &Path, named: Option<&Path>) -> Result<PathBuf, Failure> {
    let folder = file.parent().unwrap_or(Path::new(""));
    if let Some(named) = named {
        return Ok(folder.join(named));
    }
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let stem = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending));
    let stem = stem.unwrap_or_else(|| name.split('.').next().unwrap_or_default());
    let candidates: Vec<PathBuf> =
        MACHINES.iter().map(|ending| folder.join(format!("{stem}{ending}"))).collect();
    candidates.iter().find(|path| path.is_file()).cloned().ok_or_else(|| {
        let first = candidates.first().map(|path| path.display().to_string()).unwrap_or_default();
        Failure::usage(format!("`{}` has no machine beside it: `{first}` is not there", file.display()))
            .hint("name it with `machine:`")
    })
}
