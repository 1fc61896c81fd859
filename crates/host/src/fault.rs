//! System errors as the host port reports them: what was tried, on which path, and what to do about it.

use std::{fmt::Display, io, path::Path};

use shipway_control::host::HostError;

/// Says what was being done when the system refused.
pub(crate) trait During<T> {
    /// `what` is a verb such as `write`; the path follows it.
    fn during(self, what: &str, path: &Path) -> Result<T, HostError>;
}

impl<T> During<T> for io::Result<T> {
    fn during(self, what: &str, path: &Path) -> Result<T, HostError> {
        self.map_err(|error| system(what, path, &error))
    }
}

impl<T> During<T> for rustix::io::Result<T> {
    fn during(self, what: &str, path: &Path) -> Result<T, HostError> {
        self.map_err(|error| system(what, path, &error.into()))
    }
}

/// A failure of the machine, with a hint where the system's words do not say what to do.
pub(crate) fn system(what: &str, path: &Path, error: &io::Error) -> HostError {
    let hint = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; free some space there or choose another data directory"
        }
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            "; the user that runs Shipway must be able to write there"
        }
        _ => "",
    };
    failure(format!("{what} {}", path.display()), format!("{error}{hint}"))
}

/// A failure of the machine in words of ours.
pub(crate) fn failure(operation: impl Into<String>, reason: impl Display) -> HostError {
    HostError::Io { operation: operation.into(), reason: reason.to_string() }
}

/// The release asks for something that cannot be.
pub(crate) fn bad_release(field: impl Into<String>, reason: impl Display) -> HostError {
    HostError::BadRelease { field: field.into(), reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_operation_and_path_and_says_what_to_do() {
        let check = |kind: io::ErrorKind, hint: &str| {
            let told = system("write", Path::new("/data/x"), &kind.into()).to_string();
            assert!(told.starts_with("write /data/x: ") && told.ends_with(hint), "{told}");
        };
        check(io::ErrorKind::StorageFull, "; free some space there or choose another data directory");
        check(io::ErrorKind::ReadOnlyFilesystem, "; the user that runs Shipway must be able to write there");
        check(io::ErrorKind::NotFound, "entity not found");
    }
}
