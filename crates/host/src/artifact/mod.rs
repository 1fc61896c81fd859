//! Artifacts on disk: plain tar files named by their SHA-256. A file is never believed to have its hash; whoever
//! uses one computes it.

mod entry;
mod unpack;

use std::{
    fs::{self, File, Permissions},
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use sha2::{Digest, Sha256};
use shipway_control::host::HostError;

pub(crate) use entry::Kind;
pub(crate) use unpack::{Contents, list, unpack};

use crate::{
    fault::{During, failure},
    file::{is_absent, make_directory, sync_directory_of},
    layout::Layout,
};

/// Uploads that nobody has taken in after this time are removed.
const UPLOAD_AGE_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Reads and hashes what it reads.
pub(crate) struct Hashing<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Hashing<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, hash: Sha256::new() }
    }

    /// Reads what is left; the hash of everything.
    pub(crate) fn finish(mut self) -> io::Result<String> {
        let mut buffer = vec![0; 256 * 1024];
        while self.read(&mut buffer)? > 0 {}
        Ok(hex::encode(self.hash.finalize()))
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}

/// Opens an artifact.
pub(crate) fn open(layout: &Layout, sha256: &str) -> Result<File, HostError> {
    let path = layout.artifact(sha256)?;
    match File::open(&path) {
        Err(error) if is_absent(&error) => {
            Err(refuse(sha256, "not on this machine; `shipway deploy` uploads it"))
        }
        other => other.during("read", &path),
    }
}

/// Whether the artifact is there, whole.
pub(crate) fn is_whole(layout: &Layout, sha256: &str) -> Result<bool, HostError> {
    let path = layout.artifact(sha256)?;
    match File::open(&path) {
        Ok(file) => Ok(Hashing::new(file).finish().during("read", &path)? == sha256),
        Err(error) if is_absent(&error) => Ok(false),
        Err(error) => Err(error).during("read", &path),
    }
}

/// A new empty file for an upload.
pub(crate) fn new_upload(layout: &Layout) -> Result<PathBuf, HostError> {
    let dir = layout.uploads();
    make_directory(&dir).during("create", &dir)?;
    let file =
        tempfile::Builder::new().prefix("upload-").tempfile_in(&dir).during("create a file in", &dir)?;
    let (_, path) = file.keep().map_err(|error| error.error).during("create a file in", &dir)?;
    Ok(path)
}

/// Takes an upload in if it has the hash, and removes it otherwise.
pub(crate) fn keep(layout: &Layout, upload: &Path, sha256: &str) -> Result<(), HostError> {
    let path = layout.artifact(sha256)?;
    if upload.parent() != Some(layout.uploads().as_path()) {
        let operation = format!("take in {}", upload.display());
        return Err(failure(operation, format!("not a file in {}", layout.uploads().display())));
    }
    let kept = take_in(layout, upload, sha256, &path);
    if kept.is_err() {
        // The reason above is the one to tell; what stays is removed with age.
        let _ = fs::remove_file(upload);
    }
    kept
}

fn take_in(layout: &Layout, upload: &Path, sha256: &str, path: &Path) -> Result<(), HostError> {
    let file = File::open(upload).during("read", upload)?;
    let found = Hashing::new(&file).finish().during("read", upload)?;
    if found != sha256 {
        return Err(refuse(sha256, format!("the upload has the hash {found}; upload it again")));
    }
    let dir = layout.artifacts();
    make_directory(&dir).during("create", &dir)?;
    file.set_permissions(Permissions::from_mode(0o444)).during("protect", upload)?;
    file.sync_all().during("write", upload)?;
    fs::rename(upload, path).during("write", path)?;
    sync_directory_of(path).during("write", path)
}

/// Removes artifacts that `is_named` does not know and that are older than `age_min`, and forgotten uploads.
pub(crate) fn prune(
    layout: &Layout,
    age_min: Duration,
    is_named: impl Fn(&str) -> bool,
) -> Result<(), HostError> {
    remove_old(&layout.artifacts(), age_min, |name| {
        name.strip_suffix(".tar").is_some_and(|sha| !is_named(sha))
    })?;
    remove_old(&layout.uploads(), UPLOAD_AGE_MAX, |_| true)
}

fn remove_old(dir: &Path, age_min: Duration, may_go: impl Fn(&str) -> bool) -> Result<(), HostError> {
    let entries = match fs::read_dir(dir) {
        Err(error) if is_absent(&error) => return Ok(()),
        other => other.during("list", dir)?,
    };
    for entry in entries {
        let entry = entry.during("list", dir)?;
        let name = entry.file_name();
        let age =
            entry.metadata().and_then(|data| data.modified()).map(|time| time.elapsed().unwrap_or_default());
        let is_old = age.is_ok_and(|age| age >= age_min);
        if is_old && name.to_str().is_some_and(&may_go) {
            fs::remove_file(entry.path()).during("remove", &entry.path())?;
        }
    }
    Ok(())
}

/// The artifact cannot be used.
pub(crate) fn refuse(sha256: &str, reason: impl Into<String>) -> HostError {
    HostError::Artifact { sha256: sha256.to_owned(), reason: reason.into() }
}
