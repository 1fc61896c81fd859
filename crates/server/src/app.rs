//! The seam to the application: what the routes and pages ask of it. Decides nothing.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use shipway_asl::{Outline, StateMachine, Timestamp};
pub use shipway_control::app::Error;
use shipway_control::{
    app::{Deploy, Deployment, Lock, ReleaseStatus, ServiceStatus, Shipway, Step},
    host::{HostError, LogPage, LogQuery},
};
pub use shipway_engine::machines::Machine as MachineRecord;
use shipway_engine::{Description, Engine, Filter};

use crate::wire::Event;

/// Executions that are looked through for names of machines.
const MACHINES_MAX: usize = 1_000;

/// A state machine as it can be drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Machine {
    /// Its name.
    pub name: String,
    /// Its definition, as it was given.
    pub definition: String,
    /// Its states and transitions; none if the definition does not parse any more.
    pub outline: Option<Outline>,
}

/// What the server needs of the application; [`Shipway`] is it, tests have their own.
#[async_trait]
pub trait App: Send + Sync + 'static {
    /// The engine behind the Step Functions API; without one there is no such API.
    fn engine(&self) -> Option<Engine> {
        None
    }
    /// Now.
    fn now(&self) -> Timestamp;
    /// Whether the store can be written.
    async fn check(&self) -> Result<(), Error>;
    /// Accepts a deployment.
    async fn deploy(&self, deploy: Deploy) -> Result<Deployment, Error>;
    /// A deployment by id.
    async fn deployment(&self, id: &str) -> Result<Deployment, Error>;
    /// Deployments, newest first, and the cursor of the next page.
    async fn deployments(
        &self,
        project: Option<&str>,
        environment: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Deployment>, Option<String>), Error>;
    /// The way of a deployment, state by state.
    async fn steps(&self, id: &str) -> Result<Vec<Step>, Error>;
    /// Asks a deployment to stop and clean up.
    async fn halt(&self, id: &str, actor: &str, reason: &str) -> Result<Deployment, Error>;
    /// Deploys a kept release again.
    async fn rollback(
        &self,
        project: &str,
        environment: &str,
        to: Option<&str>,
        actor: &str,
        reason: Option<&str>,
    ) -> Result<Deployment, Error>;
    /// What runs where.
    async fn services(&self) -> Result<Vec<ServiceStatus>, Error>;
    /// One service.
    async fn service(&self, project: &str, environment: &str, service: &str) -> Result<ServiceStatus, Error>;
    /// Releases of an environment, newest first.
    async fn releases(&self, project: &str, environment: &str) -> Result<Vec<ReleaseStatus>, Error>;
    /// The lock of an environment.
    async fn lock(&self, project: &str, environment: &str) -> Result<Lock, Error>;
    /// How many locks are held.
    async fn locks_held(&self) -> Result<usize, Error>;
    /// Frees the lock of a deployment that has ended.
    async fn break_lock(
        &self,
        project: &str,
        environment: &str,
        actor: &str,
        reason: &str,
    ) -> Result<Lock, Error>;
    /// Lines that a service's processes wrote.
    async fn logs(
        &self,
        project: &str,
        environment: &str,
        service: &str,
        release_id: Option<&str>,
        query: &LogQuery,
    ) -> Result<LogPage, Error>;
    /// Whether the artifact is kept, whole.
    async fn has_artifact(&self, sha256: &str) -> Result<bool, Error>;
    /// A new file in which to write an artifact.
    async fn artifact_upload(&self) -> Result<PathBuf, Error>;
    /// Takes an uploaded file in if it has the hash.
    async fn keep_artifact(&self, upload: &Path, sha256: &str) -> Result<(), Error>;
    /// Executions, newest first, and the cursor of the next page.
    async fn executions(&self, filter: &Filter) -> Result<(Vec<Description>, Option<String>), Error>;
    /// An execution by name; of several machines' executions of one name, any of them.
    async fn execution(&self, name: &str) -> Result<Description, Error>;
    /// An execution by its machine and name; that of an Express one is `<name>:<id>`.
    async fn execution_of(&self, machine: &str, name: &str) -> Result<Description, Error>;
    /// Whether a task has, or ever had, this token.
    async fn is_task_token(&self, _text: &str) -> Result<bool, Error> {
        Ok(false)
    }
    /// Events of an execution with an id above `after`, in order, at most `limit`.
    async fn events(&self, arn: &str, after: u64, limit: usize) -> Result<Vec<Event>, Error>;
    /// Returns when the execution has an event with an id above `after`, or has ended.
    async fn changed(&self, arn: &str, after: u64) -> Result<(), Error>;
    /// Names of the machines.
    async fn machines(&self) -> Result<Vec<String>, Error>;
    /// A machine as it stands.
    async fn machine(&self, name: &str) -> Result<Machine, Error>;
    /// The machine that an execution runs.
    async fn machine_of(&self, execution: &Description) -> Result<Machine, Error>;
    /// Machines with a name above `after`, in order, at most `limit`: with their settings, versions and aliases.
    async fn machine_records(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, MachineRecord)>, Error> {
        let Some(engine) = self.engine() else { return Ok(Vec::new()) };
        engine.all_machines(after, limit).await.map_err(|error| machine_error("listing the machines", error))
    }
    /// A machine with its settings, versions and aliases.
    async fn machine_record(&self, name: &str) -> Result<MachineRecord, Error> {
        let missing = || Error::NotFound { what: "machine", id: name.to_owned() };
        let engine = self.engine().ok_or_else(missing)?;
        engine.find_machine(name).await.map_err(|error| machine_error("reading the machine", error))
    }
}

#[async_trait]
impl App for Shipway {
    fn engine(&self) -> Option<Engine> {
        Some(Self::engine(self).clone())
    }

    fn now(&self) -> Timestamp {
        self.engine().clock().now()
    }

    async fn check(&self) -> Result<(), Error> {
        self.check_store().await
    }

    async fn deploy(&self, deploy: Deploy) -> Result<Deployment, Error> {
        Self::deploy(self, deploy).await
    }

    async fn deployment(&self, id: &str) -> Result<Deployment, Error> {
        Self::deployment(self, id).await
    }

    async fn deployments(
        &self,
        project: Option<&str>,
        environment: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Deployment>, Option<String>), Error> {
        Self::deployments(self, project, environment, after, limit).await
    }

    async fn steps(&self, id: &str) -> Result<Vec<Step>, Error> {
        Self::steps(self, id).await
    }

    async fn halt(&self, id: &str, actor: &str, reason: &str) -> Result<Deployment, Error> {
        Self::halt(self, id, actor, reason).await
    }

    async fn rollback(
        &self,
        project: &str,
        environment: &str,
        to: Option<&str>,
        actor: &str,
        reason: Option<&str>,
    ) -> Result<Deployment, Error> {
        Self::rollback(self, project, environment, to, actor, reason).await
    }

    async fn services(&self) -> Result<Vec<ServiceStatus>, Error> {
        Self::services(self).await
    }

    async fn service(&self, project: &str, environment: &str, service: &str) -> Result<ServiceStatus, Error> {
        Self::service(self, project, environment, service).await
    }

    async fn releases(&self, project: &str, environment: &str) -> Result<Vec<ReleaseStatus>, Error> {
        Self::releases(self, project, environment).await
    }

    async fn lock(&self, project: &str, environment: &str) -> Result<Lock, Error> {
        Self::lock(self, project, environment).await
    }

    async fn locks_held(&self) -> Result<usize, Error> {
        Self::locks_held(self).await
    }

    async fn break_lock(
        &self,
        project: &str,
        environment: &str,
        actor: &str,
        reason: &str,
    ) -> Result<Lock, Error> {
        Self::break_lock(self, project, environment, actor, reason).await
    }

    async fn logs(
        &self,
        project: &str,
        environment: &str,
        service: &str,
        release_id: Option<&str>,
        query: &LogQuery,
    ) -> Result<LogPage, Error> {
        Self::logs(self, project, environment, service, release_id, query).await
    }

    async fn has_artifact(&self, sha256: &str) -> Result<bool, Error> {
        self.host().has_artifact(sha256).await.map_err(host_error)
    }

    async fn artifact_upload(&self) -> Result<PathBuf, Error> {
        self.host().artifact_upload().await.map_err(host_error)
    }

    async fn keep_artifact(&self, upload: &Path, sha256: &str) -> Result<(), Error> {
        self.host().keep_artifact(upload, sha256).await.map_err(host_error)
    }

    async fn executions(&self, filter: &Filter) -> Result<(Vec<Description>, Option<String>), Error> {
        self.engine().list(filter).await.map_err(|error| engine_error("listing executions", error))
    }

    async fn execution(&self, name: &str) -> Result<Description, Error> {
        match Self::deployment(self, name).await {
            Ok(deployment) => self
                .engine()
                .describe(&deployment.execution_arn)
                .await
                .map_err(|error| engine_error("reading the execution", error)),
            Err(Error::NotFound { .. }) => find_execution(self, name).await,
            Err(error) => Err(error),
        }
    }

    async fn execution_of(&self, machine: &str, name: &str) -> Result<Description, Error> {
        let arn = self.engine().execution_arn(machine, name);
        let arn = if name.contains(':') { arn.replacen(":execution:", ":express:", 1) } else { arn };
        let execution = self.engine().describe(&arn).await;
        execution.map_err(|error| engine_error("reading the execution", error))
    }

    async fn is_task_token(&self, text: &str) -> Result<bool, Error> {
        let found = self.engine().is_token(text).await;
        found.map_err(|error| engine_error("looking for a task token", error))
    }

    async fn events(&self, arn: &str, after: u64, limit: usize) -> Result<Vec<Event>, Error> {
        let events = self.engine().history(arn, after, limit).await;
        let events = events.map_err(|error| engine_error("reading the history", error))?;
        Ok(events.iter().map(Event::from_history).collect())
    }

    async fn changed(&self, arn: &str, after: u64) -> Result<(), Error> {
        self.engine().changed(arn, after).await.map_err(|error| engine_error("watching the execution", error))
    }

    async fn machines(&self) -> Result<Vec<String>, Error> {
        let machines = self.engine().machines(None, MACHINES_MAX).await;
        machines.map_err(|error| engine_error("listing the machines", error))
    }

    async fn machine(&self, name: &str) -> Result<Machine, Error> {
        let definition = self.engine().machine(name).await;
        let definition = definition.map_err(|error| engine_error("reading the machine", error))?;
        Ok(machine(name, definition))
    }

    async fn machine_of(&self, execution: &Description) -> Result<Machine, Error> {
        let definition = self.engine().definition_of(&execution.arn).await;
        let definition = definition.map_err(|error| engine_error("reading the definition", error))?;
        Ok(machine(&execution.machine, definition))
    }
}

fn machine(name: &str, definition: String) -> Machine {
    let outline = StateMachine::parse(&definition).ok().map(|machine| machine.outline());
    Machine { name: name.to_owned(), definition, outline }
}

/// An execution that is no deployment: a name is unique within its machine only, so each is asked.
async fn find_execution(shipway: &Shipway, name: &str) -> Result<Description, Error> {
    let machines = shipway.engine().machines(None, MACHINES_MAX).await;
    for machine in machines.map_err(|error| engine_error("listing the machines", error))? {
        let arn = shipway.engine().execution_arn(&machine, name);
        match shipway.engine().describe(&arn).await {
            Ok(description) => return Ok(description),
            Err(shipway_engine::Error::NoExecution(_)) => {}
            Err(error) => return Err(engine_error("reading the execution", error)),
        }
    }
    Err(Error::NotFound { what: "execution", id: name.to_owned() })
}

fn machine_error(operation: &str, error: shipway_engine::machines::Error) -> Error {
    use shipway_engine::machines::Error as E;
    match error {
        E::NoMachine(id) => Error::NotFound { what: "machine", id },
        E::Engine(error) => engine_error(operation, error),
        other => Error::Refused { reason: other.to_string(), hint: None },
    }
}

fn engine_error(operation: &str, error: shipway_engine::Error) -> Error {
    use shipway_engine::Error as E;
    match error {
        E::NoMachine(id) => Error::NotFound { what: "machine", id },
        E::NoExecution(id) => Error::NotFound { what: "execution", id },
        E::NoMapRun(id) => Error::NotFound { what: "map run", id },
        E::Store(source) => {
            Error::Unavailable { operation: operation.to_owned(), reason: source.to_string() }
        }
        E::Invalid(_, what) => Error::Bad { field: what.to_owned(), reason: error.to_string(), hint: None },
        other @ (E::Definition(_) | E::ExecutionAlreadyExists(_) | E::NotWaiting(_)) => {
            Error::Refused { reason: other.to_string(), hint: None }
        }
    }
}

fn host_error(error: HostError) -> Error {
    match error {
        HostError::BadRelease { field, reason } => Error::Bad { field, reason, hint: None },
        HostError::Artifact { reason, .. } => Error::Bad { field: "sha256".to_owned(), reason, hint: None },
        HostError::Stale { .. } => Error::Refused { reason: error.to_string(), hint: None },
        HostError::Edge(_) => {
            Error::Unavailable { operation: "asking the edge proxy".to_owned(), reason: error.to_string() }
        }
        HostError::Io { operation, reason } => Error::Unavailable { operation, reason },
    }
}
