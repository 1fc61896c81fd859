//! Makes the artifact: a plain tar of a commit, or of what its build made. The same input gives the same bytes.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{Commit, Error, Repo, build, git};
use crate::config::Build;

/// Largest artifact.
pub const ARTIFACT_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;

/// Most files and directories in an artifact.
pub const FILES_MAX: usize = 200_000;

/// An artifact that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// Its SHA-256, 64 hex digits.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
    /// How many files it holds.
    pub files: u64,
}

/// Makes the artifact of a commit in the file `out`, which is replaced only when all is there.
///
/// Without a build it is `git archive` of the commit: the work tree does not matter. With one, the work tree must be
/// that commit unchanged; the command runs, its output goes to `output`, and `paths` are packed.
pub fn pack(
    repo: &Repo,
    commit: &Commit,
    build: &Build,
    out: &Path,
    output: &mut dyn FnMut(&[u8]),
) -> Result<Packed, Error> {
    if build.command.is_none() && build.paths.is_empty() {
        return write(out, |sink| archive_commit(repo, commit, sink));
    }
    check_work_tree(repo, commit)?;
    if let Some(command) = &build.command {
        build::run(repo.dir(), command, output)?;
    }
    let entries = collect(repo.dir(), &build.paths)?;
    let seconds = u64::try_from(commit.time.0 / 1_000).unwrap_or(0);
    write(out, |sink| archive_entries(repo.dir(), &entries, seconds, sink))
}

fn check_work_tree(repo: &Repo, commit: &Commit) -> Result<(), Error> {
    let head = repo.head()?;
    if head.sha != commit.sha {
        return Err(Error::NotCheckedOut { wanted: commit.sha.clone(), head: head.sha });
    }
    repo.check_clean()
}

/// Counts, hashes and limits what is written.
struct Sink<W> {
    inner: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Write for Sink<W> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let bytes = self.inner.write(piece)?;
        self.hash.update(piece.get(..bytes).unwrap_or_default());
        self.bytes = self.bytes.saturating_add(bytes as u64);
        if self.bytes > ARTIFACT_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

type FileSink = Sink<BufWriter<tempfile::NamedTempFile>>;

fn write(out: &Path, fill: impl FnOnce(&mut FileSink) -> Result<(), Error>) -> Result<Packed, Error> {
    let failed = || Error::io("cannot write", out);
    let dir = out.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = tempfile::NamedTempFile::new_in(dir).map_err(failed())?;
    let mut sink = Sink { inner: BufWriter::with_capacity(128 * 1024, file), hash: Sha256::new(), bytes: 0 };
    fill(&mut sink)?;
    let Sink { inner, hash, bytes } = sink;
    let file = inner.into_inner().map_err(|error| failed()(error.into_error()))?;
    let files = count_files(file.path())?;
    file.persist(out).map_err(|error| failed()(error.error))?;
    Ok(Packed { sha256: hex::encode(hash.finalize()), bytes, files })
}

/// Reads the headers back, which also shows that what was written is a tar file.
fn count_files(path: &Path) -> Result<u64, Error> {
    let failed = || Error::io("cannot read back", path);
    let file = File::open(path).map_err(failed())?;
    let mut archive = tar::Archive::new(BufReader::new(file));
    let mut files = 0;
    for entry in archive.entries_with_seek().map_err(failed())? {
        let kind = entry.map_err(failed())?.header().entry_type();
        files += u64::from(kind.is_file() || kind.is_symlink());
    }
    Ok(files)
}

fn written(path: &Path) -> impl Fn(io::Error) -> Error {
    move |error| match error.kind() {
        io::ErrorKind::FileTooLarge => Error::TooLarge,
        _ => Error::io("cannot pack", path)(error),
    }
}

fn archive_commit(repo: &Repo, commit: &Commit, sink: &mut FileSink) -> Result<(), Error> {
    git::stream(repo.dir(), &["archive", "--format=tar", &commit.sha], &mut |stdout| {
        io::copy(stdout, sink).map(drop).map_err(written(repo.dir()))
    })
}

/// What is packed under a path.
#[derive(Debug, PartialEq, Eq)]
enum Entry {
    File,
    Directory,
    Link(PathBuf),
}

type Entries = BTreeMap<PathBuf, Entry>;

/// Everything that the patterns name, by its path from `dir`, sorted.
fn collect(dir: &Path, patterns: &[String]) -> Result<Entries, Error> {
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

fn archive_entries(dir: &Path, entries: &Entries, seconds: u64, sink: &mut FileSink) -> Result<(), Error> {
    let mut builder = tar::Builder::new(sink);
    for (path, entry) in entries {
        append(&mut builder, dir, path, entry, seconds).map_err(written(&dir.join(path)))?;
    }
    builder.into_inner().map(drop).map_err(written(dir))
}

fn append<W: Write>(
    builder: &mut tar::Builder<W>,
    dir: &Path,
    path: &Path,
    entry: &Entry,
    seconds: u64,
) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_mtime(seconds);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    match entry {
        Entry::Directory => {
            header.set_entry_type(tar::EntryType::Directory);
            header.set_mode(0o755);
            builder.append_data(&mut header, path, io::empty())
        }
        Entry::Link(target) => {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_mode(0o755);
            builder.append_link(&mut header, path, target)
        }
        Entry::File => {
            let file = File::open(dir.join(path))?;
            let metadata = file.metadata()?;
            let is_executable = metadata.permissions().mode() & 0o111 != 0;
            header.set_entry_type(tar::EntryType::Regular);
            header.set_mode(if is_executable { 0o755 } else { 0o644 });
            header.set_size(metadata.len());
            append_file(builder, &mut header, path, file)
        }
    }
}

/// Refuses a file that became shorter while it was read, which would make the rest of the tar unreadable.
fn append_file<W: Write>(
    builder: &mut tar::Builder<W>,
    header: &mut tar::Header,
    path: &Path,
    file: File,
) -> io::Result<()> {
    let size = header.size()?;
    let mut reader = file.take(size);
    builder.append_data(header, path, &mut reader)?;
    if reader.limit() == 0 { Ok(()) } else { Err(io::Error::other("it changed while it was packed")) }
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
