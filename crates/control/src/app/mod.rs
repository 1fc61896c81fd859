//! What a user can do: deploy, look, halt, roll back. The server and the tests call this and nothing below it.

mod catalogue;
mod deploy;
mod history;
mod lease;
mod logs;
mod start;
mod stop;
mod tend;
mod types;
mod view;
mod vital;

use std::sync::Arc;

use futures_util::future::{Either, select};
use shipway_engine::Engine;
use tokio_util::task::TaskTracker;

pub use self::types::{
    Deploy, Deployment, Error, Failure, Lock, Outcome, ReleaseStatus, ServiceStatus, Step,
};
pub use crate::deployer::{Progress, records::LockBreak};
use crate::{
    deployer::{Dispatcher, context::CALL_MAX, progress::Live, records},
    host::{Host, HostError},
    lock::records::Locks,
};

/// The application over an engine and a host.
#[derive(Clone)]
pub struct Shipway {
    engine: Engine,
    host: Arc<dyn Host>,
    live: Live,
    dispatcher: Arc<Dispatcher>,
    /// Ended deployments, which do not change any more.
    ended: view::Ended,
    /// What the machine could not mend.
    troubles: tend::Troubles,
    /// Whether the store can be written.
    vital: vital::Vital,
    /// Owns what runs in the background.
    tasks: TaskTracker,
}

impl Shipway {
    /// The engine below.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The host below.
    pub fn host(&self) -> &Arc<dyn Host> {
        &self.host
    }

    /// Asks the host something that must not keep a person waiting.
    async fn ask<T>(
        &self,
        operation: &str,
        call: impl Future<Output = Result<T, HostError>>,
    ) -> Result<T, Error> {
        let clock = self.engine.clock();
        let late = clock.sleep_until(clock.now().plus_millis(CALL_MAX.0));
        match select(Box::pin(call), late).await {
            Either::Left((answer, _)) => answer.map_err(|error| of_host(operation, error)),
            Either::Right(_) => Err(Error::Unavailable {
                operation: operation.to_owned(),
                reason: format!("the host did not answer within {CALL_MAX}"),
            }),
        }
    }

    fn locks(&self) -> Locks {
        Locks::new(self.engine.clone())
    }
}

fn of_record(error: &records::Error) -> Error {
    unavailable("reading the store", error)
}

fn of_engine(operation: &str, error: &shipway_engine::Error) -> Error {
    unavailable(operation, error)
}

fn of_lock(error: &crate::lock::records::Error) -> Error {
    unavailable("reading the lock", error)
}

fn of_host(operation: &str, error: HostError) -> Error {
    match error {
        HostError::BadRelease { field, reason } => Error::Bad { field, reason, hint: None },
        HostError::Artifact { sha256, reason } => Error::Bad {
            field: "artifact_sha256".to_owned(),
            reason: format!("artifact {sha256}: {reason}"),
            hint: Some("deploy again from the repository; the artifact is uploaded anew".to_owned()),
        },
        HostError::Stale { .. } | HostError::Edge(_) | HostError::Io { .. } => unavailable(operation, &error),
    }
}

fn unavailable(operation: &str, error: &dyn std::error::Error) -> Error {
    Error::Unavailable {
        operation: operation.to_owned(),
        reason: crate::deployer::failure::with_sources(error),
    }
}
