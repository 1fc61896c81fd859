//! What a task handler works with: the host, the records, the time. Every wait has a deadline.

use std::{future::Future, sync::Arc};

use futures_util::future::{Either, select};
use shipway_asl::Timestamp;
use shipway_engine::{Clock, Engine, TaskFailure};

use super::{
    failure,
    progress::Live,
    records::{self, Halt},
};
use crate::{
    Millis,
    host::{Host, HostError},
    lock::records::Locks,
};

/// How often a waiting handler looks whether it is to stop.
const STOP_POLL: Millis = Millis(100);

/// How long a call to the host may take that waits for no process.
pub const CALL_MAX: Millis = Millis::from_seconds(15);

/// One task's surroundings.
#[derive(Clone)]
pub struct Context {
    /// Records and executions.
    pub engine: Engine,
    /// The machine.
    pub host: Arc<dyn Host>,
    /// ARN of the execution.
    pub execution_arn: String,
    /// What people see while it runs.
    pub live: Live,
}

impl Context {
    /// Id of the deployment: the execution's name.
    pub fn deployment(&self) -> &str {
        self.execution_arn.rsplit(':').next().unwrap_or_default()
    }

    /// The engine's clock.
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.engine.clock()
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.engine.clock().now()
    }

    /// The locks.
    pub fn locks(&self) -> Locks {
        Locks::new(self.engine.clone())
    }

    /// Returns after a while.
    pub async fn sleep(&self, span: Millis) {
        let clock = self.clock();
        clock.sleep_until(clock.now().plus_millis(span.0)).await;
    }

    /// Calls the host, for at most `limit`.
    pub async fn call<T>(
        &self,
        operation: &str,
        limit: Millis,
        call: impl Future<Output = Result<T, HostError>>,
    ) -> Result<T, TaskFailure> {
        match select(Box::pin(call), Box::pin(self.sleep(limit))).await {
            Either::Left((result, _)) => result.map_err(|error| failure::of_host(&error)),
            Either::Right(((), _)) => {
                let cause = format!("{operation}: the host did not answer within {limit}");
                Err(failure::failure(failure::HOST, cause))
            }
        }
    }

    /// Fails if the deployment is to stop: halted by a person, or past its `deadline`.
    pub async fn go_on(&self, deadline: Timestamp) -> Result<(), TaskFailure> {
        let halt = records::read::<Halt>(&self.engine, &records::halt_key(self.deployment())).await;
        match halt.map_err(|error| failure::of_record(&error))? {
            Some((Halt::Asked { actor, reason, .. }, _)) => {
                Err(failure::failure(failure::HALT, format!("halted by `{actor}`: {reason}")))
            }
            Some((Halt::TooLate { .. }, _)) => Ok(()),
            None if self.now() >= deadline => {
                let cause = format!("not done by {deadline}, when the release's `timeout` was over");
                Err(failure::failure(failure::TIMEOUT, cause))
            }
            None => Ok(()),
        }
    }

    /// Does `work`, which changes nothing outside, unless the deployment is to stop first.
    pub async fn unless_stopped<T>(
        &self,
        deadline: Timestamp,
        work: impl Future<Output = Result<T, TaskFailure>>,
    ) -> Result<T, TaskFailure> {
        let stopped = async {
            loop {
                if let Err(stop) = self.go_on(deadline).await {
                    return stop;
                }
                self.sleep(STOP_POLL).await;
            }
        };
        match select(Box::pin(stopped), Box::pin(work)).await {
            Either::Left((stop, _)) => Err(stop),
            Either::Right((result, _)) => result,
        }
    }
}
