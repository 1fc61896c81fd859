//! Finds what `build.paths` names. Reads no file's content.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{Error, FILES_MAX};

/// What is packed under a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A regular file.
    File,
    /// A directory; what is in it has entries of its own.
    Directory,
    /// A symbolic link and where it points.
    Link(PathBuf),
}

pub(super) type Entries = BTreeMap<PathBuf, Entry>;

/// Everything that the patterns name, by its path from `dir`, sorted.
pub(super) fn collect(dir: &Path, patterns: &[String]) -> Result<Entries, Error> {
    let mut entries = Entries::new();
    for pattern in patterns {
        let found = expand(dir, pattern)?;
        if found.is_empty() {
            return Err(Error::MissingPath { path: pattern.clone() });
        }
        for path in found {
            add(dir, path, &mut entries)?;
        }
    }
    Ok(entries)
}

/// The paths that a pattern names; `*` stands for any part of one name that does not begin with a dot.
fn expand(dir: &Path, pattern: &str) -> Result<Vec<PathBuf>, Error> {
    let outside = || Error::OutsidePath { path: pattern.to_owned() };
    if pattern.starts_with('/') {
        return Err(outside());
    }
    let mut found = vec![PathBuf::new()];
    for segment in pattern.split('/').filter(|segment| !matches!(*segment, "" | ".")) {
        if segment == ".." || segment == ".git" {
            return Err(outside());
        }
        let mut next = Vec::new();
        for path in found {
            match segment.contains('*') {
                true => next.extend(matching(dir, &path, segment)?),
                false => next.push(path.join(segment)),
            }
        }
        found = next;
    }
    found.retain(|path| fs::symlink_metadata(dir.join(path)).is_ok());
    Ok(found)
}

fn matching(dir: &Path, parent: &Path, pattern: &str) -> Result<Vec<PathBuf>, Error> {
    let full = dir.join(parent);
    if !full.is_dir() {
        return Ok(Vec::new());
    }
    Ok(names(&full)?
        .into_iter()
        .filter(|name| name.to_str().is_some_and(|name| is_match(pattern, name)))
        .map(|name| parent.join(name))
        .collect())
}

fn names(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = || Error::io("cannot read the directory", dir);
    let entries = fs::read_dir(dir).map_err(failed())?;
    let mut names = Vec::new();
    for entry in entries {
        names.push(PathBuf::from(entry.map_err(failed())?.file_name()));
    }
    names.retain(|name| name != Path::new(".git"));
    Ok(names)
}

/// Whether a name fits a pattern in which `*` stands for any text.
fn is_match(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match name.split_once(part) {
            Some((_, rest)) => name = rest,
            None => return false,
        }
    }
    name.ends_with(last)
}

/// Adds a path and all below it. Symbolic links are packed as they are and not followed.
fn add(dir: &Path, path: PathBuf, entries: &mut Entries) -> Result<(), Error> {
    let mut open = vec![path];
    while let Some(path) = open.pop() {
        let full = dir.join(&path);
        let metadata = fs::symlink_metadata(&full).map_err(Error::io("cannot read", &full))?;
        let entry = if metadata.is_symlink() {
            Entry::Link(fs::read_link(&full).map_err(Error::io("cannot read the link", &full))?)
        } else if metadata.is_dir() {
            open.extend(names(&full)?.into_iter().map(|name| path.join(name)));
            Entry::Directory
        } else if metadata.is_file() {
            Entry::File
        } else {
            continue;
        };
        if !path.as_os_str().is_empty() {
            entries.insert(path, entry);
        }
        if entries.len() > FILES_MAX {
            return Err(Error::TooManyFiles);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_part_of_a_name() {
        for (pattern, name) in [("*", "a"), ("a*", "a"), ("*.py", "x.py"), ("a*b*c", "a-b-b-c"), (".*", ".x")]
        {
            assert!(is_match(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("*", ".x"), ("a*", "b"), ("*.py", "x.pyc"), ("a*b*c", "a-c"), ("a*a", "a")] {
            assert!(!is_match(pattern, name), "{pattern} {name}");
        }
    }
}
