//! Reads cases from a folder: which files are cases, and of which kind. Does not run them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// Bytes of a case that are read at most.
const BYTES_MAX: u64 = 64 * 1024 * 1024;
/// How deep folders are looked into.
const DEPTH_MAX: usize = 4;

/// One case.
pub struct Case {
    /// The file's path within the folder.
    pub file: String,
    /// `execution`, `validate`, ...: what the case says of itself, else the name of its folder.
    pub kind: String,
    /// What the file holds, or why it cannot be read.
    pub data: Result<Value, String>,
}

impl Case {
    /// What the case calls itself.
    pub fn id(&self) -> &str {
        let id = self.data.as_ref().ok().and_then(|data| data.get("id")?.as_str());
        id.unwrap_or(&self.file)
    }
}

/// All cases below a folder, in the order of their paths.
pub fn read(folder: &Path) -> Result<Vec<Case>> {
    let mut files = Vec::new();
    find(folder, DEPTH_MAX, &mut files)?;
    files.sort();
    ensure!(!files.is_empty(), "there are no cases (`*.json`) in {}", folder.display());
    Ok(files.iter().map(|file| case(folder, file)).collect())
}

fn find(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry.with_context(|| format!("cannot read {}", folder.display()))?.path();
        if path.is_dir() {
            ensure!(depth > 0, "{} is deeper than {DEPTH_MAX} folders", path.display());
            find(&path, depth - 1, files)?;
        } else if path.extension().is_some_and(|end| end == "json") {
            files.push(path);
        }
    }
    Ok(())
}

fn case(folder: &Path, file: &Path) -> Case {
    let data = data(file);
    let said = data.as_ref().ok().and_then(|data| data.get("kind")?.as_str().map(str::to_owned));
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let within = file.strip_prefix(folder).unwrap_or(file);
    let kind = said.unwrap_or_else(|| file.parent().map(name).unwrap_or_default());
    Case { file: within.to_string_lossy().into_owned(), kind, data }
}

fn data(file: &Path) -> Result<Value, String> {
    let bytes = fs::metadata(file).map_err(|error| format!("cannot be read: {error}"))?.len();
    if bytes > BYTES_MAX {
        return Err(format!("holds {bytes} bytes; at most {BYTES_MAX} are read"));
    }
    let text = fs::read_to_string(file).map_err(|error| format!("cannot be read: {error}"))?;
    let data: Value = serde_json::from_str(&text).map_err(|error| format!("is no JSON: {error}"))?;
    if data.is_object() { Ok(data) } else { Err("is no JSON object".to_owned()) }
}

/// A field that the case must have; the error names it.
pub fn field<'d>(data: &'d Value, name: &str) -> Result<&'d Value, String> {
    data.get(name).ok_or_else(|| format!("the case has no field `{name}`"))
}

/// The case's text of a definition, which may be given as JSON.
pub fn text(definition: &Value) -> String {
    definition.as_str().map_or_else(|| definition.to_string(), str::to_owned)
}
