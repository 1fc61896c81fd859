//! Functions as records of the store. One commit a change; a registration that was leased and not renewed is not there.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use shipway_asl::Timestamp;
use shipway_engine::{
    Clock, Expected, Put, Record, Store,
    store::{self, Commit},
};

use super::{FUNCTIONS_MAX, Function, Settings, check_name};
use crate::app::Error;

/// What the keys of records begin with.
const PREFIX: &str = "function/";
/// Functions of one read.
const PAGE_MAX: usize = 200;
/// Tries of one compare-and-set before giving up.
const TRIES_MAX: usize = 16;
/// How long a leased registration stays without being renewed.
const LEASE_MILLIS: u64 = 15_000;

/// The functions of a store.
#[derive(Clone)]
pub(super) struct Catalogue {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

impl Catalogue {
    pub(super) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Keeps a function for good.
    pub(super) async fn register(
        &self,
        name: &str,
        settings: Settings,
        actor: &str,
    ) -> Result<Function, Error> {
        self.put(name, settings, actor, None).await
    }

    /// Keeps a function until its lease ends. WHY: what is kept for good is not put aside for a try.
    pub(super) async fn lease(&self, name: &str, settings: Settings, actor: &str) -> Result<Function, Error> {
        let until = self.clock.now().plus_millis(LEASE_MILLIS);
        self.put(name, settings, actor, Some(until)).await
    }

    async fn put(
        &self,
        name: &str,
        settings: Settings,
        actor: &str,
        leased_until: Option<Timestamp>,
    ) -> Result<Function, Error> {
        check_name(name)?;
        settings.check()?;
        let function = Function {
            name: name.to_owned(),
            settings,
            revision: format!("{:016x}", self.clock.entropy()),
            actor: actor.to_owned(),
            registered_at: self.clock.now(),
            leased_until,
        };
        for _ in 0..TRIES_MAX {
            let record = self.record(name).await?;
            let expected =
                record.as_ref().map_or(Expected::Absent, |record| Expected::Version(record.version));
            let found = record.filter(|record| !record.value.is_null());
            let found = found.map(|record| self::function(&record)).transpose()?;
            if leased_until.is_some() && found.as_ref().is_some_and(|found| found.leased_until.is_none()) {
                return Err(Error::Refused {
                    reason: format!("`{name}` is registered for good"),
                    hint: Some(format!("choose another name, or `shipway function remove {name}` first")),
                });
            }
            if found.is_none() {
                self.check_room().await?;
            }
            if self.write(name, expected, Some(&function)).await? {
                return Ok(function);
            }
        }
        Err(contended())
    }

    /// Puts the end of a lease off.
    pub(super) async fn renew(&self, name: &str, revision: &str) -> Result<Function, Error> {
        let (version, function) = self.there(name).await?.ok_or_else(|| unknown(name))?;
        if function.revision != revision || function.leased_until.is_none() {
            return Err(Error::Refused {
                reason: format!("`{name}` was registered again by `{}`", function.actor),
                hint: Some("see `shipway function list`".to_owned()),
            });
        }
        let until = self.clock.now().plus_millis(LEASE_MILLIS);
        let renewed = Function { leased_until: Some(until), ..function };
        match self.write(name, Expected::Version(version), Some(&renewed)).await? {
            true => Ok(renewed),
            false => Err(contended()),
        }
    }

    /// All functions that are there, by name.
    pub(super) async fn list(&self) -> Result<Vec<Function>, Error> {
        let (mut functions, now) = (self.all().await?, self.clock.now());
        functions.retain(|function| function.is_there(now));
        Ok(functions)
    }

    /// Functions whose lease has ended.
    pub(super) async fn expired(&self) -> Result<Vec<Function>, Error> {
        let (mut functions, now) = (self.all().await?, self.clock.now());
        functions.retain(|function| !function.is_there(now));
        Ok(functions)
    }

    async fn all(&self) -> Result<Vec<Function>, Error> {
        let mut functions = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.store.records(PREFIX, after.as_deref(), PAGE_MAX).await;
            let page = page.map_err(|error| failed("reading", &error))?;
            after = page.last().map(|record| record.key.clone());
            let is_last = page.len() < PAGE_MAX;
            for record in page {
                functions.push(function(&record)?);
            }
            if is_last {
                return Ok(functions);
            }
        }
    }

    /// A function that is there.
    pub(super) async fn find(&self, name: &str) -> Result<Option<Function>, Error> {
        Ok(self.there(name).await?.map(|(_, function)| function))
    }

    /// Forgets a function; of this revision only, if one is told.
    pub(super) async fn remove(&self, name: &str, revision: Option<&str>) -> Result<Function, Error> {
        for _ in 0..TRIES_MAX {
            let (version, function) = self.read(name).await?.ok_or_else(|| unknown(name))?;
            if revision.is_some_and(|revision| revision != function.revision) {
                return Err(unknown(name));
            }
            if self.write(name, Expected::Version(version), None).await? {
                return Ok(function);
            }
        }
        Err(contended())
    }

    async fn there(&self, name: &str) -> Result<Option<(u64, Function)>, Error> {
        let now = self.clock.now();
        Ok(self.read(name).await?.filter(|(_, function)| function.is_there(now)))
    }

    /// Whether it is there or its lease has ended.
    async fn read(&self, name: &str) -> Result<Option<(u64, Function)>, Error> {
        if check_name(name).is_err() {
            return Ok(None);
        }
        let record = self.record(name).await?.filter(|record| !record.value.is_null());
        record.map(|record| Ok((record.version, function(&record)?))).transpose()
    }

    /// Its record, also of a function that was removed.
    async fn record(&self, name: &str) -> Result<Option<Record>, Error> {
        self.store.record(&key(name)).await.map_err(|error| failed("reading", &error))
    }

    async fn check_room(&self) -> Result<(), Error> {
        if self.list().await?.len() < FUNCTIONS_MAX {
            return Ok(());
        }
        Err(Error::Refused {
            reason: format!("there are {FUNCTIONS_MAX} functions, and no more can be kept"),
            hint: Some("remove those that nobody uses: `shipway function list` shows them".to_owned()),
        })
    }

    /// `false` if somebody else was faster.
    async fn write(
        &self,
        name: &str,
        expected: Expected,
        function: Option<&Function>,
    ) -> Result<bool, Error> {
        let value = serde_json::to_value(function).unwrap_or(Value::Null);
        let put = Put { key: key(name), expected, value };
        match self.store.commit(Commit { execution: None, records: vec![put] }).await {
            Ok(_) => Ok(true),
            Err(store::Error::Conflict { .. }) => Ok(false),
            Err(error) => Err(failed("writing", &error)),
        }
    }
}

fn key(name: &str) -> String {
    format!("{PREFIX}{name}")
}

fn function(record: &Record) -> Result<Function, Error> {
    Function::deserialize(&record.value)
        .map_err(|error| unavailable("reading", format!("record `{}` is damaged: {error}", record.key)))
}

fn unknown(name: &str) -> Error {
    Error::NotFound { what: "function", id: name.to_owned() }
}

fn failed(doing: &str, error: &store::Error) -> Error {
    unavailable(doing, crate::deployer::failure::with_sources(error))
}

fn contended() -> Error {
    unavailable("writing", "changed by others again and again".to_owned())
}

fn unavailable(doing: &str, reason: String) -> Error {
    Error::Unavailable { operation: format!("{doing} functions"), reason }
}
