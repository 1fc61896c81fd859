//! Machines by name and revision: records of the store, parsed once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shipway_asl::StateMachine;

use crate::{
    engine::Error,
    store::{self, Commit, Expected, Put, Store},
};

/// Parsed machines kept in memory; above that all are parsed anew when needed.
const CACHE_MAX: usize = 512;
/// Attempts to win against somebody who replaces the same machine at the same moment.
const ATTEMPTS_MAX: usize = 8;

/// What the record of a machine holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Machine {
    /// Counts from 1.
    pub revision: u64,
    /// The definition as it was given.
    pub definition: String,
}

/// The parsed machines.
#[derive(Debug, Default)]
pub struct Machines {
    parsed: Mutex<HashMap<(String, u64), Arc<StateMachine>>>,
}

/// Key of the record of a machine.
pub fn machine_key(name: &str) -> String {
    format!("engine/machine/{name}")
}

fn revision_key(name: &str, revision: u64) -> String {
    format!("engine/revision/{name}/{revision}")
}

fn damaged(key: &str) -> Error {
    Error::Store(store::Error::Unavailable {
        operation: format!("read the record {key}"),
        reason: "it is damaged".to_owned(),
    })
}

impl Machines {
    /// Creates or replaces a machine; the same definition again changes nothing.
    pub async fn put(&self, store: &dyn Store, name: &str, definition: &str) -> Result<(), Error> {
        StateMachine::parse(definition).map_err(Error::Definition)?;
        for _ in 0..ATTEMPTS_MAX {
            let key = machine_key(name);
            let found = store.record(&key).await?;
            let current = found.as_ref().map(|record| read(&key, &record.value)).transpose()?;
            if current.as_ref().is_some_and(|machine| machine.definition == definition) {
                return Ok(());
            }
            let revision = current.map_or(0, |machine| machine.revision) + 1;
            let expected = found.map_or(Expected::Absent, |record| Expected::Version(record.version));
            let machine = Machine { revision, definition: definition.to_owned() };
            let value = serde_json::to_value(&machine).map_err(|_| damaged(&key))?;
            let revised = Put {
                key: revision_key(name, revision),
                expected: Expected::Any,
                value: Value::String(definition.to_owned()),
            };
            let records = vec![Put { key, expected, value }, revised];
            match store.commit(Commit { execution: None, records }).await {
                Err(store::Error::Conflict { .. }) => {}
                result => return result.map(drop).map_err(Error::from),
            }
        }
        Err(Error::Store(store::Error::Conflict { key: machine_key(name) }))
    }

    /// A machine as it stands.
    pub async fn current(&self, store: &dyn Store, name: &str) -> Result<Machine, Error> {
        let key = machine_key(name);
        let record = store.record(&key).await?.ok_or_else(|| Error::NoMachine(name.to_owned()))?;
        read(&key, &record.value)
    }

    /// The definition of one revision.
    pub async fn definition(&self, store: &dyn Store, name: &str, revision: u64) -> Result<String, Error> {
        // WHY: the machine of a Map Run's children, `<machine>/<label>`, is a part of the machine.
        let name = name.split('/').next().unwrap_or(name);
        let key = revision_key(name, revision);
        let record = store.record(&key).await?.ok_or_else(|| Error::NoMachine(name.to_owned()))?;
        record.value.as_str().map(str::to_owned).ok_or_else(|| damaged(&key))
    }

    /// One revision, parsed.
    pub async fn parsed(
        &self,
        store: &dyn Store,
        name: &str,
        revision: u64,
    ) -> Result<Arc<StateMachine>, Error> {
        let name = name.split('/').next().unwrap_or(name);
        let key = (name.to_owned(), revision);
        if let Some(machine) = self.cache().get(&key) {
            return Ok(Arc::clone(machine));
        }
        let definition = self.definition(store, name, revision).await?;
        let machine = Arc::new(StateMachine::parse(&definition).map_err(Error::Definition)?);
        let mut cache = self.cache();
        if cache.len() >= CACHE_MAX {
            cache.clear();
        }
        cache.insert(key, Arc::clone(&machine));
        Ok(machine)
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, HashMap<(String, u64), Arc<StateMachine>>> {
        self.parsed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(key: &str, value: &Value) -> Result<Machine, Error> {
    Machine::deserialize(value).map_err(|_| damaged(key))
}
