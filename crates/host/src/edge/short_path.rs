//! Unix socket addresses hold 107 bytes; a data directory may lie deeper than that.

use std::{
    fs::File,
    io,
    os::fd::AsRawFd,
    path::{Path, PathBuf},
};

const ADDRESS_BYTES_MAX: usize = 107;

/// A path that a socket address can hold, and what keeps it valid.
#[derive(Debug)]
pub(super) struct ShortPath {
    pub(super) path: PathBuf,
    _directory: Option<File>,
}

/// The path itself, or one through an open descriptor of its directory.
pub(super) fn short_path(path: &Path) -> io::Result<ShortPath> {
    if path.as_os_str().len() <= ADDRESS_BYTES_MAX {
        return Ok(ShortPath { path: path.to_path_buf(), _directory: None });
    }
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the socket's path has no directory"));
    };
    let directory = File::open(parent)?;
    let path = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd())).join(name);
    Ok(ShortPath { path, _directory: Some(directory) })
}
