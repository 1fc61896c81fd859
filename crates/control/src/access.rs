//! Access keys: who signs calls, since when, until when. Knows nothing of signatures, and keeps no secret in the store.

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::Sha256;
use shipway_asl::Timestamp;
use shipway_engine::{Engine, Expected, Put, Record, store};

use crate::app::Error;

/// Access keys at most.
pub const KEYS_MAX: usize = 1_000;

/// How exactly it is known when a key was used last: not each use is worth a commit.
const USE_MILLIS: u64 = 60_000;

/// Tries of one compare-and-set before giving up.
const TRIES_MAX: usize = 16;

/// Keys of one read.
const PAGE_MAX: usize = 200;

/// What the keys of records begin with.
const PREFIX: &str = "access-key/";

/// What the ids of access keys begin with.
const ID_PREFIX: &str = "SWAK";

/// Characters of a secret.
const SECRET_CHARS: usize = 40;

/// An access key without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKey {
    /// Its id, which signatures name.
    pub id: String,
    /// Who made it.
    pub actor: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was used last, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// Who disabled it, if somebody did.
    pub disabled_by: Option<String>,
    /// When it was disabled.
    pub disabled_at: Option<Timestamp>,
}

/// The one secret that all secrets follow from. It must stay the same as long as the keys are to be good.
#[derive(Clone)]
pub struct Master([u8; 32]);

impl Master {
    /// A master of random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The secret of the key with this id: nobody can tell it without the master.
    fn secret(&self, id: &str) -> String {
        let mut mac = Hmac::<Sha256>::new(&self.block().into());
        mac.update(b"shipway access key 1\n");
        mac.update(id.as_bytes());
        let mut secret = hex::encode(mac.finalize().into_bytes());
        secret.truncate(SECRET_CHARS);
        secret
    }

    /// The key of an HMAC fills a block.
    fn block(&self) -> [u8; 64] {
        let mut block = [0; 64];
        block.iter_mut().zip(self.0).for_each(|(to, from)| *to = from);
        block
    }
}

/// The access keys of an engine.
#[derive(Clone)]
pub struct Keys {
    engine: Engine,
    master: Arc<Master>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

impl Keys {
    /// The keys in the records of `engine`.
    pub fn new(engine: Engine, master: Master) -> Self {
        Self { engine, master: Arc::new(master) }
    }

    /// The engine that they are for.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Makes a key, and gives it with its secret.
    pub async fn create(&self, actor: &str) -> Result<(AccessKey, String), Error> {
        if self.list().await?.len() >= KEYS_MAX {
            return Err(Error::Refused {
                reason: format!("there are {KEYS_MAX} access keys, and no more can be kept"),
                hint: Some("delete those that nobody uses: `shipway key list` shows them".to_owned()),
            });
        }
        let key = AccessKey {
            id: self.new_id(),
            actor: actor.to_owned(),
            created_at: self.engine.clock().now(),
            last_used_at: None,
            disabled_by: None,
            disabled_at: None,
        };
        self.write(&key.id, Expected::Absent, Some(&key)).await.map_err(|error| failed("keeping", &error))?;
        tracing::info!(id = key.id, actor, "an access key was made");
        let secret = self.secret(&key.id);
        Ok((key, secret))
    }

    /// All keys, in the order of their ids.
    pub async fn list(&self) -> Result<Vec<AccessKey>, Error> {
        let mut keys = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.engine.records(PREFIX, after.as_deref(), PAGE_MAX).await;
            let page = page.map_err(|error| failed("reading", &error))?;
            after = page.last().map(|record| record.key.clone());
            let is_last = page.len() < PAGE_MAX;
            for record in page {
                keys.push(read(&record)?);
            }
            if is_last {
                return Ok(keys);
            }
        }
    }

    /// A key that may be used: none if there is none or it was disabled.
    pub async fn usable(&self, id: &str) -> Result<Option<AccessKey>, Error> {
        let found = self.find(id).await?;
        Ok(found.map(|(_, key)| key).filter(|key| key.disabled_at.is_none()))
    }

    /// The secret that a key of this id has or would have: there need not be one, so that finding out whether there
    /// is one takes no other way than checking a signature.
    pub fn secret(&self, id: &str) -> String {
        self.master.secret(id)
    }

    /// Notes that a key was used. What cannot be noted is not worth a refusal.
    pub async fn used(&self, key: &AccessKey) {
        let now = self.engine.clock().now();
        if key.last_used_at.is_some_and(|last| now.millis_since(last) < USE_MILLIS) {
            return;
        }
        let noted = self.change(&key.id, |key| AccessKey { last_used_at: Some(now), ..key }).await;
        if let Err(error) = noted {
            tracing::warn!(%error, id = key.id, "the use of an access key could not be noted");
        }
    }

    /// Makes a key good for nothing, for ever.
    pub async fn disable(&self, id: &str, actor: &str) -> Result<AccessKey, Error> {
        let now = self.engine.clock().now();
        let key = self.change(id, |key| match key.disabled_at {
            Some(_) => key,
            None => AccessKey { disabled_by: Some(actor.to_owned()), disabled_at: Some(now), ..key },
        });
        let key = key.await?;
        tracing::info!(id, actor, "an access key was disabled");
        Ok(key)
    }

    /// Forgets a key; it is good for nothing from then on.
    pub async fn delete(&self, id: &str, actor: &str) -> Result<AccessKey, Error> {
        let (_, key) = self.find(id).await?.ok_or_else(|| unknown(id))?;
        let written = self.write(id, Expected::Any, None).await;
        written.map_err(|error| failed("deleting", &error))?;
        tracing::info!(id, actor, "an access key was deleted");
        Ok(key)
    }

    async fn find(&self, id: &str) -> Result<Option<(u64, AccessKey)>, Error> {
        if !is_id(id) {
            return Ok(None);
        }
        let record = self.engine.record(&record_key(id)).await.map_err(|error| failed("reading", &error))?;
        let record = record.filter(|record| !record.value.is_null());
        record.map(|record| Ok((record.version, read(&record)?))).transpose()
    }

    async fn change(&self, id: &str, change: impl Fn(AccessKey) -> AccessKey) -> Result<AccessKey, Error> {
        for _ in 0..TRIES_MAX {
            let (version, key) = self.find(id).await?.ok_or_else(|| unknown(id))?;
            let changed = change(key);
            match self.write(id, Expected::Version(version), Some(&changed)).await {
                Ok(()) => return Ok(changed),
                Err(shipway_engine::Error::Store(store::Error::Conflict { .. })) => {}
                Err(error) => return Err(failed("changing", &error)),
            }
        }
        Err(unavailable("changing", format!("changed by others {TRIES_MAX} times in a row")))
    }

    async fn write(
        &self,
        id: &str,
        expected: Expected,
        key: Option<&AccessKey>,
    ) -> Result<(), shipway_engine::Error> {
        let value = serde_json::to_value(key).unwrap_or(Value::Null);
        self.engine.put(vec![Put { key: record_key(id), expected, value }]).await.map(drop)
    }

    fn new_id(&self) -> String {
        const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let clock = self.engine.clock();
        let mut id = ID_PREFIX.to_owned();
        for word in [clock.entropy(), clock.entropy()] {
            let letter = |place: u32| usize::try_from((word >> (place * 5)) & 31).unwrap_or_default();
            let letters = (0..8).filter_map(|place| LETTERS.get(letter(place)));
            id.extend(letters.map(|letter| char::from(*letter)));
        }
        id
    }
}

/// WHY: what is no id is not looked for, so nothing else of the store can be asked for by that way.
fn is_id(id: &str) -> bool {
    id.len() == ID_PREFIX.len() + 16
        && id.starts_with(ID_PREFIX)
        && id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

fn record_key(id: &str) -> String {
    format!("{PREFIX}{id}")
}

fn read(record: &Record) -> Result<AccessKey, Error> {
    AccessKey::deserialize(&record.value)
        .map_err(|error| unavailable("reading", format!("record `{}` is damaged: {error}", record.key)))
}

fn unknown(id: &str) -> Error {
    Error::NotFound { what: "access key", id: id.to_owned() }
}

fn failed(doing: &str, error: &shipway_engine::Error) -> Error {
    unavailable(doing, crate::deployer::failure::with_sources(error))
}

fn unavailable(doing: &str, reason: String) -> Error {
    Error::Unavailable { operation: format!("{doing} access keys"), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_follow_from_master_and_id() {
        let (one, two) = (Master::new([1; 32]), Master::new([2; 32]));
        assert_eq!(one.secret("A"), one.secret("A"));
        assert_ne!(one.secret("A"), one.secret("B"));
        assert_ne!(one.secret("A"), two.secret("A"));
        assert_eq!(one.secret("A").len(), SECRET_CHARS);
    }

    #[test]
    fn only_ids_are_looked_for() {
        assert!(is_id("SWAKABCDEFGHIJKLMNOP"));
        for other in ["", "SWAK", "SWAK/../../lock/abcd", "AKIAABCDEFGHIJKLMNOP", "SWAKabcdefghijklmnop"] {
            assert!(!is_id(other), "{other}");
        }
    }
}
