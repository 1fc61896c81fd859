//! Makes the artifact: a plain tar of a commit, or of what its build made. The same input gives the same bytes.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use sha2::{Digest, Sha256};

use super::{
    Commit, Error, Repo, build, git,
    paths::{Entries, Entry, collect},
};
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
    bytes_max: u64,
}

impl<W: Write> Sink<W> {
    fn new(inner: W, bytes_max: u64) -> Self {
        Self { inner, hash: Sha256::new(), bytes: 0, bytes_max }
    }
}

impl<W: Write> Write for Sink<W> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let bytes = self.inner.write(piece)?;
        self.hash.update(piece.get(..bytes).unwrap_or_default());
        self.bytes = self.bytes.saturating_add(bytes as u64);
        if self.bytes > self.bytes_max {
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
    let mut sink = Sink::new(BufWriter::with_capacity(128 * 1024, file), ARTIFACT_BYTES_MAX);
    fill(&mut sink)?;
    let Sink { inner, hash, bytes, .. } = sink;
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
    fn what_is_too_large_is_refused_where_the_limit_is() {
        let mut sink = Sink::new(Vec::new(), 4);
        sink.write_all(b"1234").unwrap();
        let error = sink.write_all(b"5").unwrap_err();
        assert!(matches!(written(Path::new("x"))(error), Error::TooLarge));
    }
}
