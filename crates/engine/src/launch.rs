//! Starting executions by machine, version or alias, and what is kept of how that was asked.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shipway_asl::{MachineKind, Start, Status, Timestamp};

use crate::{
    engine::{self, Engine, check_name},
    ids,
    machines::{self, Machine, Owner, Revision},
    store,
};

/// How an execution came to be, as far as its events do not say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The version that it was started by, itself or through the alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// The alias that it was started by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// X-Ray's header, kept as it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_header: Option<String>,
    /// Key of the task that started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// ARN of the Map Run that it is a child of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map_run: Option<String>,
}

/// Which settings of a machine to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Qualifier {
    /// A version.
    Version(u64),
    /// Whatever version the alias leads to.
    Alias(String),
}

/// An execution to be started.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The machine's name.
    pub machine: String,
    /// The machine as it stands if there is none.
    pub qualifier: Option<Qualifier>,
    /// A random one if there is none.
    pub name: Option<String>,
    /// Its input.
    pub input: Value,
    /// X-Ray's header.
    pub trace_header: Option<String>,
    /// Key of the task that starts it: what that task started before is what it starts now, however that stands.
    pub parent: Option<String>,
}

/// An execution that was started, or that the same call had started before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launched {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// When it was started.
    pub started_at: Timestamp,
}

/// Why an execution was not started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The machine, version or alias is not there, or not for everybody.
    #[error(transparent)]
    Machine(#[from] machines::Error),
    /// There is one of that name, which has ended or has another input.
    #[error("execution `{0}` exists")]
    AlreadyExists(String),
}

impl From<engine::Error> for Error {
    fn from(error: engine::Error) -> Self {
        Self::Machine(error.into())
    }
}

impl Engine {
    /// The ARN of a machine, whether it exists or not.
    pub fn machine_arn(&self, name: &str) -> String {
        self.arn("stateMachine", name)
    }

    /// Starts an execution; durable when this returns. A Standard execution that runs under the same name with the
    /// same input is this one.
    pub async fn launch(&self, launch: Launch) -> Result<Launched, Error> {
        let machine = self.find_machine(&launch.machine).await?;
        if machine.owner == Owner::Shipway {
            return Err(machines::Error::Owned(launch.machine).into());
        }
        if machine.is_deleting {
            return Err(machines::Error::Deleting(launch.machine).into());
        }
        let (number, origin) = self.route(&machine, &launch)?;
        let revision = match number == machine.revision {
            true => machine.current(),
            false => self.machine_revision(&launch.machine, number).await?,
        };
        let name = launch.name.clone().unwrap_or_else(|| ids::uuid(&*self.clock()));
        check_name(&name)?;
        let start = self.start_of(&launch, &name, &revision);
        let arn = start.execution_arn.clone();
        match self.core().start(start, number, origin, Vec::new()).await {
            Ok(()) => {}
            Err(engine::Error::Store(store::Error::Conflict { key })) if key == arn => {
                return self.started_already(arn, name, &launch).await;
            }
            Err(error) => return Err(error.into()),
        }
        // WHY: who deletes the machine may have looked for what runs before this was there.
        if !self.find_machine(&launch.machine).await.is_ok_and(|now| now.is_same(&machine)) {
            self.core().abort(&arn).await?;
        }
        let started_at = self.row(&arn).await?.started_at;
        Ok(Launched { arn, name, started_at })
    }

    fn route(&self, machine: &Machine, launch: &Launch) -> Result<(u64, Origin), Error> {
        let (trace_header, parent) = (launch.trace_header.clone(), launch.parent.clone());
        let (version, alias) = match &launch.qualifier {
            None => return Ok((machine.revision, Origin { trace_header, parent, ..Origin::default() })),
            Some(Qualifier::Version(number)) => (Some(*number), None),
            Some(Qualifier::Alias(name)) => {
                let alias = machine.alias(name).ok_or_else(|| machines::Error::NotFound(name.clone()))?;
                (alias.version(self.clock().entropy()), Some(name.clone()))
            }
        };
        let number = version.unwrap_or_default();
        let found = machine.version(number).ok_or_else(|| machines::Error::NotFound(number.to_string()))?;
        Ok((found.revision, Origin { version, alias, trace_header, parent, map_run: None }))
    }

    fn start_of(&self, launch: &Launch, name: &str, revision: &Revision) -> Start {
        let execution_arn = match revision.kind {
            MachineKind::Standard => self.execution_arn(&launch.machine, name),
            // WHY: names of Express executions may come again, so their ARNs carry an id.
            MachineKind::Express => {
                let id = ids::uuid(&*self.clock());
                self.arn("express", &format!("{}:{name}:{id}", launch.machine))
            }
        };
        Start {
            execution_arn,
            execution_name: name.to_owned(),
            machine_arn: self.machine_arn(&launch.machine),
            machine_name: launch.machine.clone(),
            role_arn: revision.settings.role_arn.clone(),
            input: launch.input.clone(),
        }
    }

    async fn started_already(&self, arn: String, name: String, launch: &Launch) -> Result<Launched, Error> {
        let row = self.row(&arn).await?;
        let is_own = launch.parent.is_some() && row.origin.parent == launch.parent;
        let is_same = row.status == Status::Running && self.describe(&arn).await?.input == launch.input;
        match is_own || is_same {
            true => Ok(Launched { arn, name, started_at: row.started_at }),
            false => Err(Error::AlreadyExists(arn)),
        }
    }
}
