//! `server.json` in the data directory: where its server is and the token that it wants. For its owner only.

use std::{
    fs,
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::lock;
use crate::failure::Failure;

/// How often a server looks whether its record is there.
const KEEP_ROUND: Duration = Duration::from_secs(1);

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerRecord {
    /// Its address.
    pub url: String,
    /// The bearer token it wants.
    pub token: String,
    /// Its process.
    pub pid: u32,
    /// Its version.
    pub version: String,
}

/// The file of a data directory.
pub fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("server.json")
}

/// The record, if there is one. A damaged one counts as none: the next server writes it anew.
pub fn read(data_dir: &Path) -> Result<Option<ServerRecord>, Failure> {
    match fs::read(path(data_dir)) {
        Ok(text) => Ok(serde_json::from_slice(&text).ok()),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(Failure::of(format!("cannot read `{}`", path(data_dir).display()), &error)),
    }
}

/// Puts the record in place as a whole, readable for its owner only.
pub fn write(data_dir: &Path, record: &ServerRecord) -> Result<(), Failure> {
    let path = path(data_dir);
    let failed = |error: std::io::Error| Failure::of(format!("cannot write `{}`", path.display()), &error);
    // A temporary file has mode 0600 from its first moment.
    let mut file = tempfile::NamedTempFile::new_in(data_dir).map_err(failed)?;
    let text = serde_json::to_vec_pretty(record).map_err(|error| failed(error.into()))?;
    file.write_all(&text).map_err(failed)?;
    file.persist(&path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Writes the record again whenever it is lost while this process is the server, so that it is found.
pub async fn keep(data_dir: PathBuf, own: ServerRecord, stop: CancellationToken) {
    let mut has_failed = false;
    while stop.run_until_cancelled(sleep(KEEP_ROUND)).await.is_some() {
        // WHY: not over that of another server, should somebody have made the directory anew under it.
        let is_lost = matches!(read(&data_dir), Ok(None)) && lock::holder(&data_dir) == Some(own.pid);
        if !is_lost {
            has_failed = false;
            continue;
        }
        match write(&data_dir, &own) {
            Ok(()) => tracing::warn!(path = %path(&data_dir).display(), "it was lost and is written again"),
            Err(failure) if !has_failed => {
                has_failed = true;
                let reason = failure.complaints.first().map(|first| first.message.as_str());
                tracing::error!(reason, "clients cannot find the server");
            }
            Err(_) => {}
        }
    }
}

/// Removes the record of a server that is no more. To be called under the lock only.
pub fn remove_stale(data_dir: &Path) -> Result<(), Failure> {
    match fs::remove_file(path(data_dir)) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(Failure::of(format!("cannot remove `{}`", path(data_dir).display()), &error))
        }
        _ => Ok(()),
    }
}

/// Removes the record if it is this process's own.
pub fn remove_own(data_dir: &Path) {
    if let Ok(Some(record)) = read(data_dir)
        && record.pid == std::process::id()
    {
        // A record that stays is found to be stale.
        let _ = fs::remove_file(path(data_dir));
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn record(pid: u32) -> ServerRecord {
        let (url, token) = ("http://127.0.0.1:1".to_owned(), "secret".to_owned());
        ServerRecord { url, token, pid, version: "0.1.0".to_owned() }
    }

    #[test]
    fn only_its_owner_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()).unwrap(), None);
        write(dir.path(), &record(1)).unwrap();
        assert_eq!(read(dir.path()).unwrap(), Some(record(1)));
        assert_eq!(fs::metadata(path(dir.path())).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_server_removes_only_its_own() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &record(1)).unwrap();
        remove_own(dir.path());
        assert!(path(dir.path()).exists());
        write(dir.path(), &record(std::process::id())).unwrap();
        remove_own(dir.path());
        assert!(!path(dir.path()).exists());
    }

    #[test]
    fn a_damaged_record_is_none() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(path(dir.path()), "{").unwrap();
        assert_eq!(read(dir.path()).unwrap(), None);
    }
}
