//! Files that are replaced as a whole: a reader sees the old or the new content, never a part.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Write},
    os::unix::fs::DirBuilderExt,
    path::Path,
};

use serde::{Serialize, de::DeserializeOwned};

/// Replaces a file; after a crash of the machine it may be the old one or empty.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    write_beside(path, content)?.persist(path)?;
    Ok(())
}

/// Replaces a file; it is on disk when this returns.
pub(crate) fn replace_durably(path: &Path, content: &[u8]) -> io::Result<()> {
    let file = write_beside(path, content)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    sync_directory_of(path)
}

/// Makes a rename or a new file in the directory of `path` last.
pub(crate) fn sync_directory_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

/// Makes a directory and those above it, for their owner only: what runs here may hold secrets.
pub(crate) fn make_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// JSON for a person who looks into the directory.
pub(crate) fn to_json<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    Ok(text)
}

/// Reads JSON; `None` if there is no such file.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the error says that there is nothing at the path.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

fn write_beside(path: &Path, content: &[u8]) -> io::Result<tempfile::NamedTempFile> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(directory)?;
    file.write_all(content)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        assert_eq!(read_json::<Vec<u8>>(&path).unwrap(), None);
        replace(&path, b"[1]").unwrap();
        replace_durably(&path, b"[2]").unwrap();
        assert_eq!(read_json::<Vec<u8>>(&path).unwrap(), Some(vec![2]));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn half_a_file_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        fs::write(&path, "[1").unwrap();
        read_json::<Vec<u8>>(&path).unwrap_err();
    }
}
