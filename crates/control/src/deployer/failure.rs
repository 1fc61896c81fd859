//! Names of the errors that deployers raise, and how other errors become them. The names are API: machines catch them.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use shipway_engine::TaskFailure;

use super::records;
use crate::{host::HostError, lock, release::Release};

/// What is known of an error by its name.
#[derive(Clone, Copy, Debug)]
pub struct ErrorEntry {
    /// The name that machines catch and people see.
    pub name: &'static str,
    /// What it means.
    pub summary: &'static str,
    /// What to do about it.
    pub hint: &'static str,
}

/// The release asks for what cannot be done.
pub const BAD_RELEASE: &str = "BadReleaseError";
/// The state's input is not what the handler understands.
pub const BAD_INPUT: &str = "BadInputError";
/// The machine or its proxy failed or did not answer.
pub const HOST: &str = "HostError";
/// The store failed.
pub const STORE: &str = "StoreError";
/// Another deployment holds the lock.
pub const LOCK_EXISTS: &str = "LockExistsError";
/// The lock went to another deployment.
pub const LOCK_LOST: &str = "LockLostError";
/// A person stopped the deployment.
pub const HALT: &str = "HaltError";
/// The deployment took too long.
pub const TIMEOUT: &str = "TimeoutError";
/// The new processes are not healthy.
pub const HEALTH: &str = "HealthError";
/// The new version's traffic is not good enough.
pub const GATE: &str = "GateError";
/// Removing the old version failed after the new one was in charge.
pub const CLEAN_UP: &str = "CleanUpError";
/// A handler broke.
pub const PANIC: &str = "PanicError";

/// All errors, with what to do about each.
pub const ERRORS: &[ErrorEntry] = &[
    ErrorEntry {
        name: BAD_RELEASE,
        summary: "the release asks for what cannot be done here; nothing was started",
        hint: "correct the named field in `shipway.toml` and deploy again",
    },
    ErrorEntry {
        name: BAD_INPUT,
        summary: "the state's input is not a release that was accepted",
        hint: "start deployments with `shipway deploy`, not by starting the machine yourself",
    },
    ErrorEntry {
        name: HOST,
        summary: "the machine or its proxy failed or did not answer",
        hint: "look at the disk, the permissions and `edge/edge.log` in the data directory, then deploy again",
    },
    ErrorEntry {
        name: STORE,
        summary: "the store failed",
        hint: "look at the disk of the data directory, then deploy again",
    },
    ErrorEntry {
        name: LOCK_EXISTS,
        summary: "another deployment holds the lock",
        hint: "`shipway lock show` tells who; wait for it, or halt it",
    },
    ErrorEntry {
        name: LOCK_LOST,
        summary: "the lock went to another deployment, which is in charge now",
        hint: "look at the deployment that holds the lock now",
    },
    ErrorEntry {
        name: HALT,
        summary: "a person stopped the deployment",
        hint: "deploy again when the reason is gone",
    },
    ErrorEntry {
        name: TIMEOUT,
        summary: "the deployment took longer than the release's `timeout`",
        hint: "raise `timeout`, or find out what takes so long with `shipway why`",
    },
    ErrorEntry {
        name: HEALTH,
        summary: "the new processes did not become or stay healthy",
        hint: "read what they wrote with `shipway logs`; `health.grace` and `crashes_max` say what is tolerated",
    },
    ErrorEntry {
        name: GATE,
        summary: "the new version answered worse than its gate allows",
        hint: "read what it wrote with `shipway logs`; `gate` says what is tolerated",
    },
    ErrorEntry {
        name: CLEAN_UP,
        summary: "the new version serves, but the old one could not be removed",
        hint: "stop what is left of the old version, then `shipway lock break`",
    },
    ErrorEntry {
        name: PANIC,
        summary: "a handler of Shipway broke",
        hint: "this is a fault of Shipway; please report it with the server's log",
    },
];

/// What to do about an error of a release's deployment: commands are whole, so that they can be copied.
pub fn hint(error: &str, cause: &str, release: &Release) -> Option<String> {
    let entry = ERRORS.iter().find(|entry| entry.name == error)?;
    let environment = &release.config_name;
    let service = service_of(cause).map(|(service, _)| format!(" {service}")).unwrap_or_default();
    let logs =
        format!("`shipway logs{service} --environment {environment} --release {}`", release.release_id);
    let hint = entry.hint.replace("`shipway logs`", &logs);
    let hint = hint.replace("`shipway lock show`", &format!("`shipway lock show {environment}`"));
    Some(hint.replace("`shipway lock break`", &format!("`shipway lock break {environment} --reason TEXT`")))
}

/// The service that a cause names, and what it says of that.
pub fn service_of(cause: &str) -> Option<(&str, &str)> {
    let (service, rest) = cause.strip_prefix("service `")?.split_once('`')?;
    Some((service, rest.split_once(": ")?.1))
}

/// A failure of that name.
pub fn failure(error: &str, cause: impl Into<String>) -> TaskFailure {
    TaskFailure { error: error.to_owned(), cause: cause.into() }
}

/// The release is wrong at `field`.
pub fn bad_release(field: &str, reason: &str) -> TaskFailure {
    failure(BAD_RELEASE, format!("`{field}`: {reason}"))
}

/// The failure that an error of the host is.
pub fn of_host(error: &HostError) -> TaskFailure {
    let name = match error {
        HostError::BadRelease { .. } | HostError::Artifact { .. } => BAD_RELEASE,
        HostError::Stale { .. } => LOCK_LOST,
        HostError::Edge(_) | HostError::Io { .. } => HOST,
    };
    failure(name, error.to_string())
}

/// The failure that an error of the lock is.
pub fn of_lock(error: &lock::records::Error) -> TaskFailure {
    use lock::{Refusal, records::Error};
    let name = match error {
        Error::Refused { refusal, .. } => match **refusal {
            Refusal::Held(_) => LOCK_EXISTS,
            Refusal::Lost { .. } => LOCK_LOST,
        },
        Error::Store { .. } | Error::Damaged { .. } => STORE,
    };
    failure(name, with_sources(error))
}

/// The failure that an error of a record is.
pub fn of_record(error: &records::Error) -> TaskFailure {
    failure(STORE, with_sources(error))
}

/// An error and what caused it, in one line.
pub fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// A state's input as the handler's type.
pub fn decode<T: DeserializeOwned>(input: Value) -> Result<T, TaskFailure> {
    serde_json::from_value(input).map_err(|error| failure(BAD_INPUT, format!("the state's input: {error}")))
}

/// The handler's result as the state's output.
pub fn encode<T: Serialize>(output: &T) -> Result<Value, TaskFailure> {
    serde_json::to_value(output).map_err(|error| failure(BAD_INPUT, format!("the state's output: {error}")))
}
