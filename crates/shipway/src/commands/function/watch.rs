//! Whether the files of a directory have changed: a number over their names, sizes and times. Reads no file.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

/// Files and folders that are looked at; a directory with more is watched in part.
const ENTRIES_MAX: usize = 20_000;
/// What tools write beside the code, and what hardly changes.
const IGNORED: &[&str] =
    &[".git", ".mypy_cache", ".pytest_cache", ".venv", "__pycache__", "node_modules", "target"];

/// A number that is another one when a file was changed, made or removed.
pub fn fingerprint(directory: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut folders = vec![directory.to_path_buf()];
    let mut left = ENTRIES_MAX;
    while let Some(folder) = folders.pop() {
        for path in entries(&folder) {
            if left == 0 {
                return hasher.finish();
            }
            left -= 1;
            let Ok(file) = fs::symlink_metadata(&path) else { continue };
            if file.is_dir() {
                folders.push(path);
            } else {
                (path, file.len(), file.modified().ok()).hash(&mut hasher);
            }
        }
    }
    hasher.finish()
}

/// In order, since a folder gives its entries in any.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_ours = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        !IGNORED.contains(&name)
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_ours).collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_is_seen_and_a_cache_is_not() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("lib")).unwrap();
        fs::create_dir(dir.path().join("__pycache__")).unwrap();
        fs::write(dir.path().join("lib/a.py"), "1").unwrap();
        let before = fingerprint(dir.path());
        fs::write(dir.path().join("__pycache__/a.pyc"), "1").unwrap();
        assert_eq!(fingerprint(dir.path()), before);
        fs::write(dir.path().join("lib/a.py"), "12").unwrap();
        assert_ne!(fingerprint(dir.path()), before);
    }
}
