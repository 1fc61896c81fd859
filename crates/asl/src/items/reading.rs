//! The order in which a reader asks for objects and listings, and what it makes of them.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Format, Item, ReadCall, ReadError, ReadPlan, delimited, json as texts, manifest, unpack};
use crate::limits::{ITEMS_MAX, OBJECTS_MAX};

/// A reader at work: ask for its [`next`](Self::next) request, [`give`](Self::give) the reply, until there is none.
#[derive(Debug)]
pub struct Reading {
    plan: ReadPlan,
    requests: VecDeque<(Request, Purpose)>,
    items: Vec<Item>,
    most: usize,
}

/// What a reader needs from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// The bytes of an object.
    Object {
        /// Its bucket.
        bucket: String,
        /// Its key.
        key: String,
        /// `VersionId`, if given.
        version: Option<String>,
    },
    /// A page of a bucket's listing.
    List {
        /// The bucket.
        bucket: String,
        /// Only keys that begin so.
        prefix: String,
        /// The continuation of the page before.
        token: Option<String>,
    },
}

/// The answer to a [`Request`].
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// An object's bytes.
    Object(Vec<u8>),
    /// A page of a listing.
    List {
        /// The objects, in the order of their keys.
        objects: Vec<Listed>,
        /// The continuation, if there are more.
        next: Option<String>,
    },
}

/// An object in a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its entity tag, with its quotes.
    pub etag: String,
    /// When it was written, in seconds since 1970.
    pub modified: i64,
    /// Its class of storage.
    pub storage_class: String,
}

/// What a reply is for.
#[derive(Clone, Debug)]
enum Purpose {
    Items(Format),
    Inventory,
    Athena,
    List { is_flattened: bool },
}

/// The items of one object, whatever the plan says about where it is.
pub(crate) fn of_object(plan: &ReadPlan, bytes: Vec<u8>) -> Result<Vec<Item>, ReadError> {
    let arguments = json!({"Bucket": "", "Key": ""});
    let mut reading = Reading::new(ReadPlan { call: ReadCall::Object, arguments, ..plan.clone() })?;
    reading.give(Reply::Object(bytes))?;
    Ok(reading.finish())
}

impl Reading {
    /// A reader that has asked for nothing yet.
    pub fn new(plan: ReadPlan) -> Result<Self, ReadError> {
        let text = |field: &str| plan.arguments.get(field).and_then(Value::as_str).map(str::to_owned);
        let required = |field: &str| {
            text(field)
                .ok_or_else(|| ReadError(format!("The field '{field}' of the ItemReader must be a text.")))
        };
        if plan.format == Format::Parquet && plan.call != ReadCall::List {
            return Err(ReadError(
                "Parquet is not read here: write the data as JSONL or CSV, or run the machine on AWS."
                    .to_owned(),
            ));
        }
        let bucket = required("Bucket")?;
        let first = match plan.call {
            ReadCall::List | ReadCall::LoadAndFlatten => {
                Request::List { bucket, prefix: text("Prefix").unwrap_or_default(), token: None }
            }
            ReadCall::Object | ReadCall::Inventory | ReadCall::Athena => {
                Request::Object { bucket, key: required("Key")?, version: text("VersionId") }
            }
        };
        let purpose = match plan.call {
            ReadCall::Object => Purpose::Items(plan.format.clone()),
            ReadCall::Inventory => Purpose::Inventory,
            ReadCall::Athena => Purpose::Athena,
            ReadCall::List => Purpose::List { is_flattened: false },
            ReadCall::LoadAndFlatten => Purpose::List { is_flattened: true },
        };
        let most = match plan.max_items {
            None | Some(0) => usize::MAX,
            Some(most) => {
                usize::try_from(most).map_err(|_| ReadError("field MaxItems must be positive".to_owned()))?
            }
        };
        Ok(Self { plan, requests: VecDeque::from([(first, purpose)]), items: Vec::new(), most })
    }

    /// What it needs next; none once it has all its items.
    pub fn next(&self) -> Option<&Request> {
        let is_full = self.items.len() >= self.most;
        self.requests.front().map(|(request, _)| request).filter(|_| !is_full)
    }

    /// Takes the answer to the request that [`next`](Self::next) gives.
    pub fn give(&mut self, reply: Reply) -> Result<(), ReadError> {
        let Some((request, purpose)) = self.requests.pop_front() else { return Ok(()) };
        match (request, purpose, reply) {
            (Request::Object { bucket, key, .. }, purpose, Reply::Object(bytes)) => {
                let source = format!("s3://{bucket}/{key}");
                let text = unpack::text(bytes, &key, &source)?;
                self.object(&text, &source, purpose)
            }
            (
                Request::List { bucket, prefix, .. },
                Purpose::List { is_flattened },
                Reply::List { objects, next },
            ) => {
                self.page(&bucket, objects, is_flattened)?;
                let further = next.map(|token| Request::List { bucket, prefix, token: Some(token) });
                // WHY: objects that wait are read after the whole listing, still in its order.
                let purpose = Purpose::List { is_flattened };
                self.requests.extend(further.map(|request| (request, purpose)));
                Ok(())
            }
            (request, ..) => Err(ReadError(format!("{request:?} got an answer of another kind."))),
        }
    }

    /// The items that were read, in order.
    pub fn finish(self) -> Vec<Item> {
        self.items
    }

    fn object(&mut self, text: &str, source: &str, purpose: Purpose) -> Result<(), ReadError> {
        match purpose {
            Purpose::Items(format) => self.read(text, source, &format),
            Purpose::Inventory => {
                let manifest::Inventory { bucket, keys, columns } = manifest::inventory(text, source)?;
                let format = Format::Delimited { headers: Some(columns), delimiter: ',' };
                keys.into_iter().try_for_each(|key| self.ask(bucket.clone(), key, format.clone()))
            }
            Purpose::Athena => {
                let format = self.plan.format.clone();
                manifest::athena(text, source)?
                    .into_iter()
                    .try_for_each(|(bucket, key)| self.ask(bucket, key, format.clone()))
            }
            Purpose::List { .. } => Ok(()),
        }
    }

    fn ask(&mut self, bucket: String, key: String, format: Format) -> Result<(), ReadError> {
        if self.requests.len() >= OBJECTS_MAX {
            return Err(ReadError(format!("More than {OBJECTS_MAX} objects are to be read.")));
        }
        self.requests.push_back((Request::Object { bucket, key, version: None }, Purpose::Items(format)));
        Ok(())
    }

    fn read(&mut self, text: &str, source: &str, format: &Format) -> Result<(), ReadError> {
        let left = self.most.saturating_sub(self.items.len());
        let most = left.min(ITEMS_MAX.saturating_sub(self.items.len()) + 1);
        let from: Arc<str> = source.into();
        let plain = |value| Item { key: None, value, source: Arc::clone(&from) };
        match format {
            Format::Json => self.items.extend(texts::read(text, self.plan.pointer.as_deref(), &from, most)?),
            Format::JsonLines => {
                self.items.extend(texts::lines(text, source, most)?.into_iter().map(plain));
            }
            Format::Delimited { headers, delimiter } => {
                let read = delimited::read(text, headers.as_deref(), *delimiter, most);
                self.items.extend(read.into_iter().map(plain));
            }
            Format::Parquet => {}
        }
        self.within_limit()
    }

    fn page(&mut self, bucket: &str, objects: Vec<Listed>, is_flattened: bool) -> Result<(), ReadError> {
        if is_flattened {
            let format = self.plan.format.clone();
            // WHY: what consoles make as a folder is an object without content.
            let files = objects.into_iter().filter(|object| !object.key.ends_with('/'));
            return files
                .into_iter()
                .try_for_each(|file| self.ask(bucket.to_owned(), file.key, format.clone()));
        }
        let left = self.most.saturating_sub(self.items.len());
        let source: Arc<str> = format!("s3://{bucket}").into();
        let item = |object: Listed| Item {
            key: None,
            value: json!({
                "Etag": object.etag,
                "Key": object.key,
                "LastModified": object.modified,
                "Size": object.size,
                "StorageClass": object.storage_class,
            }),
            source: Arc::clone(&source),
        };
        self.items.extend(objects.into_iter().take(left).map(item));
        self.within_limit()
    }

    fn within_limit(&self) -> Result<(), ReadError> {
        if self.items.len() <= ITEMS_MAX {
            return Ok(());
        }
        Err(ReadError(format!("More than {ITEMS_MAX} items were read: set MaxItems, or split the data.")))
    }
}
