//! Creating, changing, deleting and listing machines. Does not run them.

use serde_json::Value;
use shipway_asl::{MachineKind, StateMachine, Timestamp};

use super::{
    Change, Error, Machine, Machines, Owner, Revision, Settings, Tags, Version, change, machine_key,
    new_machine, read, tags, versions,
};
use crate::{
    engine::{self, Engine, check_name},
    ids,
    store::PAGE_MAX,
};

/// A machine to be made.
#[derive(Clone, Debug, Default)]
pub struct CreateMachine {
    /// Its name.
    pub name: String,
    /// Standard or Express.
    pub kind: MachineKind,
    /// Its settings.
    pub settings: Settings,
    /// Publish a version at once, described so.
    pub publish: Option<Option<String>>,
    /// Its tags.
    pub tags: Tags,
}

/// Settings to be replaced; what is not given stays.
#[derive(Clone, Debug, Default)]
pub struct UpdateMachine {
    /// A new definition.
    pub definition: Option<String>,
    /// A new role.
    pub role_arn: Option<String>,
    /// A new `loggingConfiguration`.
    pub logging: Option<Value>,
    /// A new `tracingConfiguration`.
    pub tracing: Option<Value>,
    /// A new `encryptionConfiguration`.
    pub encryption: Option<Value>,
    /// Publish a version at once, described so.
    pub publish: Option<Option<String>>,
    /// Only if the settings that are replaced have this number still.
    pub revision: Option<u64>,
}

/// A machine after a change, and the version that the call published.
#[derive(Clone, Debug)]
pub struct Published {
    /// The machine.
    pub machine: Machine,
    /// The version.
    pub version: Option<Version>,
}

impl UpdateMachine {
    fn over(&self, old: &Settings) -> Settings {
        let text = |new: &Option<String>, old: &String| new.clone().unwrap_or_else(|| old.clone());
        let value = |new: &Option<Value>, old: &Value| new.clone().unwrap_or_else(|| old.clone());
        Settings {
            definition: text(&self.definition, &old.definition),
            role_arn: text(&self.role_arn, &old.role_arn),
            logging: value(&self.logging, &old.logging),
            tracing: value(&self.tracing, &old.tracing),
            encryption: value(&self.encryption, &old.encryption),
        }
    }
}

impl Engine {
    /// Makes a machine of a user's. The same call again changes nothing and gives the machine that is; role and tags
    /// do not count in that.
    pub async fn create_machine(&self, create: CreateMachine) -> Result<Published, Error> {
        check_name(&create.name)?;
        StateMachine::parse_as(create.kind, &create.settings.definition)
            .map_err(engine::Error::Definition)?;
        tags::check(&create.tags)?;
        let now = self.now();
        change(self.store(), &create.name, |found| match found {
            Some(machine) => existing(machine, &create).map(Change::keep),
            None => {
                let mut machine = new_machine(create.settings.clone(), Owner::User, now);
                machine.kind = create.kind;
                machine.tags = create.tags.clone();
                machine.published_at_birth = create.publish.clone();
                let version =
                    create.publish.clone().map(|description| versions::add(&mut machine, description, now));
                let version = version.transpose()?;
                Ok(Change::create(machine.clone(), Published { machine, version }))
            }
        })
        .await
    }

    /// Replaces settings of a user's machine. Settings that are there already change nothing.
    pub async fn update_machine(&self, name: &str, update: &UpdateMachine) -> Result<Published, Error> {
        let (now, revision_id) = (self.now(), ids::uuid(&*self.clock()));
        change(self.store(), name, |found| {
            let machine = users(found, name)?;
            if let Some(given) = update.revision.filter(|given| *given != machine.revision) {
                let (given, current) = (given.to_string(), machine.revision.to_string());
                return Err(Error::OtherRevision { given, current });
            }
            let settings = update.over(&machine.settings);
            StateMachine::parse_as(machine.kind, &settings.definition).map_err(engine::Error::Definition)?;
            let is_new = settings != machine.settings;
            if is_new {
                machine.settings = settings;
                machine.revision = 0;
                machine.revision_id = Some(revision_id.clone());
                machine.updated_at = now;
            }
            let publish = update.publish.clone();
            let version =
                publish.map(|description| versions::publish(machine, description, now)).transpose()?;
            let answer = Published { machine: machine.clone(), version };
            Ok(if is_new { Change::revise(answer) } else { Change::write(answer) })
        })
        .await
    }

    /// A machine as it stands.
    pub async fn find_machine(&self, name: &str) -> Result<Machine, Error> {
        match self.registry().current(self.store(), name).await {
            Err(engine::Error::NoMachine(name)) => Err(Error::NoMachine(name)),
            found => Ok(found?),
        }
    }

    /// The settings of one revision of a machine, which may be deleted.
    pub async fn machine_revision(&self, name: &str, revision: u64) -> Result<Revision, Error> {
        Ok(self.registry().revision(self.store(), name, revision).await?)
    }

    /// Machines of users with a name above `after`, in order, at most `limit` and at most 1,000.
    pub async fn list_machines(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Machine)>, Error> {
        let limit = limit.min(PAGE_MAX);
        let mut after = after.map(str::to_owned);
        let mut found = Vec::new();
        while found.len() < limit {
            let machines = self.all_machines(after.as_deref(), limit - found.len()).await?;
            let Some((last, _)) = machines.last() else { break };
            after = Some(last.clone());
            found.extend(machines.into_iter().filter(|(_, machine)| machine.owner == Owner::User));
        }
        Ok(found)
    }

    /// Machines of users and of Shipway with a name above `after`, in order, at most `limit` and at most 1,000.
    pub async fn all_machines(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Machine)>, Error> {
        let prefix = machine_key("");
        let after = after.map(machine_key);
        let records = self.store().records(&prefix, after.as_deref(), limit.min(PAGE_MAX)).await?;
        let named = records.iter().filter_map(|record| Some((record.key.strip_prefix(&prefix)?, record)));
        named.map(|(name, record)| Ok((name.to_owned(), read(record)?))).collect()
    }

    fn now(&self) -> Timestamp {
        self.clock().now()
    }

    fn registry(&self) -> &Machines {
        &self.core().machines
    }
}

fn existing(machine: &Machine, create: &CreateMachine) -> Result<Published, Error> {
    if machine.is_deleting {
        return Err(Error::Deleting(create.name.clone()));
    }
    let settings = Settings { role_arn: machine.settings.role_arn.clone(), ..create.settings.clone() };
    let is_same = machine.settings == settings
        && machine.kind == create.kind
        && machine.published_at_birth == create.publish;
    if !is_same || machine.owner == Owner::Shipway {
        return Err(Error::AlreadyExists(create.name.clone()));
    }
    let version = create.publish.as_ref().and_then(|_| machine.versions.first().cloned());
    Ok(Published { machine: machine.clone(), version })
}

/// A machine that is not about to go: to calls for which AWS knows no such state, one that is has gone.
pub(super) fn standing(found: Option<&mut Machine>) -> Option<&mut Machine> {
    found.filter(|machine| !machine.is_deleting)
}

/// A machine that its user may change.
pub(super) fn users<'m>(found: Option<&'m mut Machine>, name: &str) -> Result<&'m mut Machine, Error> {
    match found {
        None => Err(Error::NoMachine(name.to_owned())),
        Some(machine) if machine.owner == Owner::Shipway => Err(Error::Owned(name.to_owned())),
        Some(machine) if machine.is_deleting => Err(Error::Deleting(name.to_owned())),
        Some(machine) => Ok(machine),
    }
}
