//! Machines by name and revision: records of the store, parsed once. What users do with them is in the files beside.

mod aliases;
mod deletion;
mod record;
mod registry;
mod tags;
mod versions;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde::Deserialize;
use serde_json::Value;
use shipway_asl::{MachineKind, StateMachine, Timestamp};

pub use self::{
    aliases::AliasChange,
    record::{Alias, Machine, Owner, Revision, Route, Settings, Tags, Version},
    registry::{CreateMachine, Published, UpdateMachine},
    tags::{TAGS_MAX, add_tags},
};
use crate::{
    activities, engine,
    store::{self, Commit, Expected, Put, Record, Store},
};

/// Parsed machines kept in memory; above that all are parsed anew when needed.
const CACHE_MAX: usize = 512;
/// Attempts to win against others who change the same machine at the same moment.
const ATTEMPTS_MAX: usize = 64;
/// Versions of one machine, as AWS has it.
pub const VERSIONS_MAX: usize = 1_000;
/// Aliases of one machine, as AWS has it.
pub const ALIASES_MAX: usize = 100;
/// Seconds that an Express execution may take, as AWS has it.
const EXPRESS_SECONDS_MAX: u64 = 300;

/// Why a change of a machine, or of what belongs to it, was refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such machine.
    #[error("state machine `{0}` does not exist")]
    NoMachine(String),
    /// There is one of that name, and it is another.
    #[error("state machine `{0}` exists")]
    AlreadyExists(String),
    /// It is to go as soon as nothing of it runs any more.
    #[error("state machine `{0}` is being deleted")]
    Deleting(String),
    /// It is Shipway's own.
    #[error("state machine `{0}` belongs to Shipway")]
    Owned(String),
    /// No such version or alias.
    #[error("`{0}` of the state machine does not exist")]
    NotFound(String),
    /// The machine has moved on.
    #[error("the revision is `{current}`, not `{given}`")]
    OtherRevision {
        /// The revision that was meant.
        given: String,
        /// The one that is.
        current: String,
    },
    /// Aliases still lead to the version.
    #[error("aliases lead to the version: {}", .0.join(", "))]
    VersionInUse(Vec<String>),
    /// There is an alias of that name, and it is another.
    #[error("alias `{0}` exists")]
    AliasExists(String),
    /// As many as there can be.
    #[error("there are {most} {what} already")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there can be.
        most: usize,
    },
    /// The engine could not.
    #[error(transparent)]
    Engine(#[from] engine::Error),
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Engine(error.into())
    }
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

fn damaged(key: &str) -> engine::Error {
    engine::Error::Store(store::Error::Unavailable {
        operation: format!("read the record {key}"),
        reason: "it is damaged".to_owned(),
    })
}

impl Machines {
    /// Creates or replaces a machine of Shipway's own; the same definition again changes nothing.
    pub async fn put(
        &self,
        store: &dyn Store,
        name: &str,
        definition: &str,
        now: Timestamp,
    ) -> Result<(), engine::Error> {
        StateMachine::parse(definition).map_err(engine::Error::Definition)?;
        let changed = change(store, name, |found| {
            let settings = Settings { definition: definition.to_owned(), ..Settings::default() };
            match found {
                Some(machine)
                    if machine.settings.definition == definition && machine.owner == Owner::Shipway =>
                {
                    Ok(Change::keep(()))
                }
                // WHY: a user's machine of that name is taken over, or its user could change what deploys.
                Some(machine) => {
                    machine.settings = settings;
                    machine.owner = Owner::Shipway;
                    machine.is_deleting = false;
                    machine.kind = MachineKind::Standard;
                    machine.updated_at = now;
                    Ok(Change::revise(()))
                }
                None => Ok(Change::create(new_machine(settings, Owner::Shipway, now), ())),
            }
        });
        match changed.await {
            Err(Error::Engine(error)) => Err(error),
            Err(error) => Err(engine::Error::Invalid(error.to_string(), "machine")),
            Ok(()) => Ok(()),
        }
    }

    /// A machine as it stands.
    pub async fn current(&self, store: &dyn Store, name: &str) -> Result<Machine, engine::Error> {
        let key = machine_key(name);
        let record = store.record(&key).await?.filter(|record| record.value != Value::Null);
        read(&record.ok_or_else(|| engine::Error::NoMachine(name.to_owned()))?)
    }

    /// One revision.
    pub async fn revision(
        &self,
        store: &dyn Store,
        name: &str,
        revision: u64,
    ) -> Result<Revision, engine::Error> {
        let name = whole(name);
        let key = revision_key(name, revision);
        let record = store.record(&key).await?.ok_or_else(|| engine::Error::NoMachine(name.to_owned()))?;
        Revision::deserialize(&record.value).map_err(|_| damaged(&key))
    }

    /// One revision, parsed.
    pub async fn parsed(
        &self,
        store: &dyn Store,
        name: &str,
        revision: u64,
    ) -> Result<Arc<StateMachine>, engine::Error> {
        let name = whole(name);
        let key = (name.to_owned(), revision);
        let cached = self.cache().get(&key).cloned();
        let machine = match cached {
            Some(machine) => machine,
            None => {
                let revision = self.revision(store, name, revision).await?;
                let machine = Arc::new(parse(&revision)?);
                self.keep(key, &machine);
                machine
            }
        };
        without_lost_activities(store, machine).await
    }

    fn keep(&self, key: (String, u64), machine: &Arc<StateMachine>) {
        let mut cache = self.cache();
        if cache.len() >= CACHE_MAX {
            cache.clear();
        }
        cache.insert(key, Arc::clone(machine));
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, HashMap<(String, u64), Arc<StateMachine>>> {
        self.parsed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The machine of a Map Run's children, `<machine>/<label>`, is a part of the machine.
fn whole(name: &str) -> &str {
    name.split('/').next().unwrap_or(name)
}

fn parse(revision: &Revision) -> Result<StateMachine, engine::Error> {
    let machine = StateMachine::parse_as(revision.kind, &revision.settings.definition);
    let mut machine = machine.map_err(engine::Error::Definition)?;
    if revision.kind == MachineKind::Express {
        machine.limit_seconds(EXPRESS_SECONDS_MAX);
    }
    Ok(machine)
}

/// A task of an activity that was deleted fails before it is scheduled.
async fn without_lost_activities(
    store: &dyn Store,
    machine: Arc<StateMachine>,
) -> Result<Arc<StateMachine>, engine::Error> {
    let mut lost = Vec::new();
    for arn in machine.activities() {
        if !activities::exists(store, arn).await? {
            lost.push(arn.to_owned());
        }
    }
    if lost.is_empty() {
        return Ok(machine);
    }
    let mut without = StateMachine::clone(&machine);
    for arn in lost {
        without.lose_activity(&arn);
    }
    Ok(Arc::new(without))
}

fn read(record: &Record) -> Result<Machine, engine::Error> {
    Machine::deserialize(&record.value).map_err(|_| damaged(&record.key))
}

fn new_machine(settings: Settings, owner: Owner, now: Timestamp) -> Machine {
    Machine {
        // WHY: the number is given when it is written.
        revision: 0,
        settings,
        kind: MachineKind::default(),
        revision_id: None,
        owner,
        is_deleting: false,
        created_at: now,
        updated_at: now,
        published_at_birth: None,
        last_version: 0,
        versions: Vec::new(),
        aliases: Vec::new(),
        tags: Vec::new(),
    }
}

/// What becomes of a machine's record.
enum Verdict {
    Keep,
    Write,
    /// With settings that need a new number.
    Revise,
    Create(Box<Machine>),
}

/// A verdict and what its caller is told.
struct Change<T> {
    verdict: Verdict,
    answer: T,
}

impl<T> Change<T> {
    fn keep(answer: T) -> Self {
        Self { verdict: Verdict::Keep, answer }
    }

    fn write(answer: T) -> Self {
        Self { verdict: Verdict::Write, answer }
    }

    fn revise(answer: T) -> Self {
        Self { verdict: Verdict::Revise, answer }
    }

    fn create(machine: Machine, answer: T) -> Self {
        Self { verdict: Verdict::Create(Box::new(machine)), answer }
    }
}

/// The number that the machine's settings get if they are written over this record.
fn next_revision(found: Option<&Record>) -> u64 {
    // INVARIANT: a record's version only grows, also over a deletion, so that no two revisions share a number.
    found.map_or(0, |record| record.version) + 1
}

/// Changes a machine in one commit; whoever loses a race decides again.
///
/// INVARIANT: a version that `decide` publishes of settings that it has just changed has revision 0; it gets their
/// number when they are written.
async fn change<T>(
    store: &dyn Store,
    name: &str,
    decide: impl Fn(Option<&mut Machine>) -> Result<Change<T>, Error>,
) -> Result<T, Error> {
    let key = machine_key(name);
    for _ in 0..ATTEMPTS_MAX {
        let found = store.record(&key).await?;
        let standing = found.as_ref().filter(|record| record.value != Value::Null);
        let mut machine = standing.map(read).transpose()?;
        let Change { verdict, answer } = decide(machine.as_mut())?;
        let records = match (verdict, machine) {
            (Verdict::Keep, _) => return Ok(answer),
            (Verdict::Create(machine), _) => puts(name, *machine, found.as_ref(), true)?,
            (Verdict::Revise, Some(machine)) => puts(name, machine, found.as_ref(), true)?,
            (Verdict::Write, Some(machine)) => puts(name, machine, found.as_ref(), false)?,
            (Verdict::Revise | Verdict::Write, None) => return Err(Error::NoMachine(name.to_owned())),
        };
        match store.commit(Commit { execution: None, records }).await {
            Err(store::Error::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return Ok(answer),
        }
    }
    Err(store::Error::Conflict { key }.into())
}

fn expected(found: Option<&Record>) -> Expected {
    found.map_or(Expected::Absent, |record| Expected::Version(record.version))
}

fn puts(
    name: &str,
    mut machine: Machine,
    found: Option<&Record>,
    is_revised: bool,
) -> Result<Vec<Put>, engine::Error> {
    let key = machine_key(name);
    let mut puts = Vec::with_capacity(2);
    if is_revised {
        let number = next_revision(found);
        for version in machine.versions.iter_mut().filter(|version| version.revision == 0) {
            version.revision = number;
        }
        machine.revision = number;
        let value = serde_json::to_value(machine.current()).map_err(|_| damaged(&key))?;
        puts.push(Put { key: revision_key(name, number), expected: Expected::Any, value });
    }
    let value = serde_json::to_value(&machine).map_err(|_| damaged(&key))?;
    puts.push(Put { key, expected: expected(found), value });
    Ok(puts)
}
