//! Unpacks an artifact into a new directory while it hashes it. What does not have the hash, or does not stay inside,
//! is refused, and nothing of it is left.

use std::{
    collections::BTreeMap,
    fs::{self, File, Permissions},
    io::{self, Read, Write},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use shipway_control::host::HostError;
use tar::{Archive, Entry};

use super::{
    Hashing,
    entry::{Kind, Vetted, vet},
    refuse,
};
use crate::fault::During;

/// Size of all files together.
const BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;

/// Number of entries.
const ENTRIES_MAX: usize = 200_000;

/// What is in an artifact, by path.
pub(crate) type Contents = BTreeMap<PathBuf, Kind>;

/// Why an entry is not taken.
enum Refusal {
    /// The artifact is to blame.
    Artifact(String),
    /// The machine is.
    Io(PathBuf, io::Error),
}

/// Checks that the file has the hash and that all of it could be unpacked.
pub(crate) fn list(file: File, sha256: &str) -> Result<Contents, HostError> {
    walk(file, sha256, |_, _| Ok(()))
}

/// Unpacks into `dir`, which must not be there and is there only on success.
pub(crate) fn unpack(file: File, sha256: &str, dir: &Path) -> Result<(), HostError> {
    let parent = dir.parent().unwrap_or(dir);
    let fresh = tempfile::Builder::new()
        .prefix(".unpack-")
        .tempdir_in(parent)
        .during("create a directory in", parent)?;
    walk(file, sha256, |vetted, entry| {
        let path = fresh.path().join(&vetted.path);
        write(fresh.path(), &path, vetted, entry).map_err(|error| Refusal::Io(dir.join(&vetted.path), error))
    })?;
    fs::set_permissions(fresh.path(), Permissions::from_mode(0o755)).during("write", dir)?;
    fs::rename(fresh.path(), dir).during("write", dir)?;
    // Its content has moved away.
    let _ = fresh.keep();
    Ok(())
}

fn walk(
    file: File,
    sha256: &str,
    mut each: impl FnMut(&Vetted, &mut Entry<'_, Hashing<File>>) -> Result<(), Refusal>,
) -> Result<Contents, HostError> {
    let mut archive = Archive::new(Hashing::new(file));
    let walked = walk_entries(&mut archive, &mut each);
    let machine = |error: &io::Error| crate::fault::failure(format!("read artifact {sha256}"), error);
    // WHY: a changed artifact may fail in any way; that it was changed is what to tell.
    let found = archive.into_inner().finish().map_err(|error| machine(&error))?;
    if found != sha256 {
        return Err(refuse(sha256, format!("it was changed on disk: its hash is {found}; upload it again")));
    }
    walked.map_err(|refusal| match refusal {
        Refusal::Artifact(reason) => refuse(sha256, reason),
        Refusal::Io(path, error) => crate::fault::system("write", &path, &error),
    })
}

fn walk_entries(
    archive: &mut Archive<Hashing<File>>,
    each: &mut impl FnMut(&Vetted, &mut Entry<'_, Hashing<File>>) -> Result<(), Refusal>,
) -> Result<Contents, Refusal> {
    let damaged = |error: io::Error| Refusal::Artifact(format!("not a whole tar file: {error}"));
    let mut contents = Contents::new();
    let mut bytes = 0_u64;
    for entry in archive.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let Some(vetted) = vet(&entry).map_err(Refusal::Artifact)? else { continue };
        bytes = bytes.saturating_add(entry.size());
        if bytes > BYTES_MAX || contents.len() >= ENTRIES_MAX {
            return Err(Refusal::Artifact(format!(
                "more than {BYTES_MAX} bytes or {ENTRIES_MAX} entries; leave out what the services do not need"
            )));
        }
        admit(&mut contents, &vetted).map_err(Refusal::Artifact)?;
        each(&vetted, &mut entry)?;
    }
    Ok(contents)
}

/// Nothing is written over or through something else.
fn admit(contents: &mut Contents, vetted: &Vetted) -> Result<(), String> {
    let shown = vetted.path.display();
    for parent in vetted.path.ancestors().skip(1).filter(|path| !path.as_os_str().is_empty()) {
        match contents.get(parent) {
            Some(Kind::Directory) => break,
            Some(_) => return Err(format!("`{shown}` is below something that is no directory")),
            None => contents.insert(parent.to_path_buf(), Kind::Directory),
        };
    }
    match (contents.get(&vetted.path), &vetted.kind) {
        (Some(Kind::Directory), Kind::Directory) => return Ok(()),
        (Some(_), _) => return Err(format!("`{shown}` is there twice")),
        (None, _) => {}
    }
    let kind = match &vetted.kind {
        Kind::Hardlink(to) => match contents.get(to) {
            Some(file @ Kind::File { .. }) => file.clone(),
            _ => return Err(format!("link `{shown}` to `{}`, which is no file before it", to.display())),
        },
        other => other.clone(),
    };
    contents.insert(vetted.path.clone(), kind);
    Ok(())
}

fn write(root: &Path, path: &Path, vetted: &Vetted, entry: &mut impl Read) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    match &vetted.kind {
        Kind::Directory => fs::create_dir_all(path),
        Kind::Symlink(to) => symlink(to, path),
        Kind::Hardlink(to) => fs::hard_link(root.join(to), path),
        Kind::File { is_executable, .. } => {
            let mode = if *is_executable { 0o755 } else { 0o644 };
            let mut file = File::create_new(path)?;
            io::copy(entry, &mut file)?;
            file.flush()?;
            file.set_permissions(Permissions::from_mode(mode))
        }
    }
}

#[cfg(test)]
#[path = "unpack_tests.rs"]
mod tests;
