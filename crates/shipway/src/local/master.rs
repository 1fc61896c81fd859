//! `access-keys.master` in the data directory: what the secrets of access keys follow from. For its owner only.

use std::{
    fs,
    io::{ErrorKind, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use shipway_control::access::Master;

use crate::failure::Failure;

/// Bytes of a master.
const MASTER_BYTES: usize = 32;

/// The master of a data directory; made the first time.
pub fn open(data_dir: &Path) -> Result<Master, Failure> {
    let path = path(data_dir);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => make(data_dir, &path)?,
        Err(error) => return Err(Failure::of(format!("cannot read `{}`", path.display()), &error)),
    };
    let bytes = <[u8; MASTER_BYTES]>::try_from(bytes).map_err(|bytes| {
        Failure::failed(format!("`{}` has {} bytes, not {MASTER_BYTES}", path.display(), bytes.len()))
            .hint("put it back from a backup; without it, remove it: then no access key is good any more")
    })?;
    check_mode(&path)?;
    Ok(Master::new(bytes))
}

fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("access-keys.master")
}

fn make(data_dir: &Path, path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| Failure::of(format!("cannot write `{}`", path.display()), &error);
    let mut bytes = vec![0; MASTER_BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::of("no random numbers for the secrets of access keys", &error))?;
    // A temporary file has mode 0600 from its first moment.
    let mut file = tempfile::NamedTempFile::new_in(data_dir).map_err(failed)?;
    file.write_all(&bytes).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    fs::File::open(data_dir).and_then(|directory| directory.sync_all()).map_err(failed)?;
    Ok(bytes)
}

/// WHY: who can read it has every secret.
fn check_mode(path: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::of(format!("cannot read `{}`", path.display()), &error);
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(Failure::failed(format!("`{}` can be read by others (mode {:03o})", path.display(), mode & 0o777))
        .hint(format!("chmod 600 {}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(dir: &Path) -> Vec<u8> {
        fs::read(path(dir)).unwrap()
    }

    #[test]
    fn it_is_made_once_and_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        open(dir.path()).unwrap();
        let made = bytes(dir.path());
        open(dir.path()).unwrap();
        assert_eq!((made.len(), &made), (MASTER_BYTES, &bytes(dir.path())));
        assert_eq!(fs::metadata(path(dir.path())).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn one_that_others_can_read_or_that_is_damaged_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        open(dir.path()).unwrap();
        fs::set_permissions(path(dir.path()), fs::Permissions::from_mode(0o640)).unwrap();
        assert!(open(dir.path()).is_err());
        fs::write(path(dir.path()), b"short").unwrap();
        assert!(open(dir.path()).is_err());
    }
}
