//! The port to buckets: what distributed Maps read their items from and write their results to.
//! Does not know what is in an object.

mod folder;

use async_trait::async_trait;
pub use shipway_asl::items::Listed;
use shipway_asl::limits::OBJECT_BYTES_MAX;

pub use folder::FolderBuckets;

/// Objects that one page of a listing has at most.
pub const LISTED_MAX: usize = 1_000;
/// Largest object that is read, in bytes.
pub const READ_BYTES_MAX: usize = OBJECT_BYTES_MAX;
/// Largest object that is written, in bytes: a result file is closed above 16 MiB, after the result that makes it so.
pub const WRITE_BYTES_MAX: usize = 64 << 20;

/// Why a bucket could not be read or written: a message for people, which becomes the cause of the Map's error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Error(pub String);

/// A page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Objects in the order of their keys, at most [`LISTED_MAX`].
    pub objects: Vec<Listed>,
    /// What to ask for the next page with; none: that was all.
    pub next: Option<String>,
}

/// Buckets of objects. Reads see what was written; a write replaces an object whole or not at all.
#[async_trait]
pub trait Buckets: Send + Sync + 'static {
    /// The bytes of an object, at most [`READ_BYTES_MAX`].
    async fn get(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<Vec<u8>, Error>;
    /// Objects whose keys begin with `prefix`, after the page that gave `token`.
    async fn list(&self, bucket: &str, prefix: &str, token: Option<&str>) -> Result<Page, Error>;
    /// Writes an object; durable when this returns. The same bytes may be written again.
    async fn put(&self, bucket: &str, key: &str, bytes: Vec<u8>) -> Result<(), Error>;
}

/// No buckets: says so to whoever asks.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoBuckets;

impl NoBuckets {
    fn refuse<T>(bucket: &str) -> Result<T, Error> {
        Err(Error(format!(
            "The bucket `{bucket}` cannot be reached: this engine was started without buckets."
        )))
    }
}

#[async_trait]
impl Buckets for NoBuckets {
    async fn get(&self, bucket: &str, _key: &str, _version: Option<&str>) -> Result<Vec<u8>, Error> {
        Self::refuse(bucket)
    }

    async fn list(&self, bucket: &str, _prefix: &str, _token: Option<&str>) -> Result<Page, Error> {
        Self::refuse(bucket)
    }

    async fn put(&self, bucket: &str, _key: &str, _bytes: Vec<u8>) -> Result<(), Error> {
        Self::refuse(bucket)
    }
}
