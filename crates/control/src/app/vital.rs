//! Whether the store can be written: found out by a small write, at most one each second. Repairs nothing.

use std::sync::Arc;

use futures_util::future::{Either, select};
use serde_json::json;
use shipway_asl::Timestamp;
use shipway_engine::{Expected, Put};
use tokio::sync::Mutex;

use super::{Error, Shipway};
use crate::Millis;

/// The record that is written.
const KEY: &str = "health";
/// Bytes of it: a page of a disk, so that a full one shows.
const BYTES: usize = 4_096;
/// How long an answer is good for.
const GOOD_FOR: Millis = Millis(1_000);
/// How long the write may take.
const WRITE_MAX: Millis = Millis(3_000);

/// The last answer, and when it was had.
#[derive(Clone, Debug, Default)]
pub(super) struct Vital(Arc<Mutex<Option<Look>>>);

/// When the store was written, and why it could not be.
#[derive(Clone, Debug)]
struct Look {
    at: Timestamp,
    trouble: Option<String>,
}

impl Shipway {
    /// Writes to the store what says nothing, to know whether it can be written.
    pub async fn check_store(&self) -> Result<(), Error> {
        match self.store_trouble().await {
            None => Ok(()),
            Some(reason) => Err(Error::Unavailable { operation: "writing the store".to_owned(), reason }),
        }
    }

    /// Why the store cannot be written. Who asks meanwhile waits for the same answer.
    pub(super) async fn store_trouble(&self) -> Option<String> {
        let mut last = self.vital.0.lock().await;
        let now = self.engine.clock().now();
        if let Some(look) = last.as_ref().filter(|look| now.millis_since(look.at) < GOOD_FOR.0) {
            return look.trouble.clone();
        }
        let trouble = self.write_nothing().await;
        *last = Some(Look { at: self.engine.clock().now(), trouble: trouble.clone() });
        trouble
    }

    async fn write_nothing(&self) -> Option<String> {
        let clock = self.engine.clock();
        let late = clock.sleep_until(clock.now().plus_millis(WRITE_MAX.0));
        let put = Put { key: KEY.to_owned(), expected: Expected::Any, value: json!("-".repeat(BYTES)) };
        match select(Box::pin(self.engine.put(vec![put])), late).await {
            Either::Left((Ok(_), _)) => None,
            Either::Left((Err(error), _)) => Some(error.to_string()),
            Either::Right(_) => Some(format!("a write did not end within {WRITE_MAX}")),
        }
    }
}
