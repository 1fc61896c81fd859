//! The only door to durability: one commit verb, reads, and a scan of what is due.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A versioned document. A key's version only grows, also over a deletion, so it serves as fencing token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its key; `/` separates parts.
    pub key: String,
    /// 1 for the first write.
    pub version: u64,
    /// Its value; `null` is a deleted record.
    pub value: Value,
}

/// A record to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Put {
    /// Its key.
    pub key: String,
    /// What must be there, or the whole commit is refused.
    pub expected: Expected,
    /// The new value.
    pub value: Value,
}

/// What a [`Put`] expects to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Anything.
    Any,
    /// Nothing was ever written.
    Absent,
    /// Exactly this version.
    Version(u64),
}

/// Why a store refused or could not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A record or execution is not at the version that was expected; nothing was written.
    #[error("`{key}` was changed by somebody else")]
    Conflict {
        /// The key.
        key: String,
    },
    /// The store cannot be opened, read or written: full disk, read-only directory, damaged file.
    #[error("{operation} failed: {reason}")]
    Unavailable {
        /// What was tried, with the path.
        operation: String,
        /// What the system said.
        reason: String,
    },
}

/// A store. The engine's helper completes this port (at most about 8 verbs).
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// A record, if it was ever written.
    async fn record(&self, key: &str) -> Result<Option<Record>, Error>;
}
