//! The items of a distributed Map: reads them out of the bytes of objects. Fetches nothing itself: whoever
//! drives a [`Reading`] answers its requests.

mod delimited;
mod json;
mod manifest;
mod reading;
mod unpack;

use std::sync::Arc;

pub(crate) use json::items as of;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use reading::of_object;
pub use reading::{Listed, Reading, Reply, Request};

/// `$$.Map.Item.Source` of items that come with the state's data.
pub const STATE_DATA: &str = "STATE_DATA";

/// One item, before `ItemSelector`.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Its name, where the items are the fields of an object.
    pub key: Option<String>,
    /// Its value.
    pub value: Value,
    /// Where it was read: an URI, or [`STATE_DATA`].
    pub source: Arc<str>,
}

/// Where a distributed Map reads its items, with every field evaluated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReadPlan {
    /// What is called.
    pub call: ReadCall,
    /// The evaluated `Parameters` or `Arguments`.
    pub arguments: Value,
    /// How the bytes of objects are read.
    pub format: Format,
    /// `ItemsPointer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// `MaxItems`; none and 0 read all, less is refused by the reader.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_items: Option<i64>,
}

/// What a reader calls, and what it makes of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReadCall {
    /// `s3:getObject`: the items of one object.
    Object,
    /// `s3:getObject` of a manifest that Amazon S3 Inventory wrote: the objects that it lists.
    Inventory,
    /// `s3:getObject` of a manifest that Athena wrote: the items of the objects that it lists.
    Athena,
    /// `s3:listObjectsV2`: one item an object.
    List,
    /// `s3:listObjectsV2` with `LOAD_AND_FLATTEN`: the items of all objects.
    LoadAndFlatten,
}

/// `InputType` with what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// One JSON text: an array or an object.
    Json,
    /// One JSON text a line.
    JsonLines,
    /// Delimited text.
    Delimited {
        /// The names of the columns; none: the first line has them.
        headers: Option<Vec<String>>,
        /// What stands between two fields.
        delimiter: char,
    },
    /// Parquet, which is not read here.
    Parquet,
}

/// Why items could not be read: the cause of `States.ItemReaderFailed`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ReadError(pub String);
