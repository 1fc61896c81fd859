//! Renews the leases of running deployments. Takes none and releases none.

use futures_util::future::{Either, select};
use shipway_asl::Status;
use shipway_engine::{Description, Filter};
use tokio_util::sync::CancellationToken;

use super::Shipway;
use crate::{
    Millis,
    deployer::DEPLOYERS,
    lock::{LEASE_MILLIS, Refusal, records::Error},
};

/// Time between two rounds; several fit into a lease.
const ROUND: Millis = Millis(LEASE_MILLIS / 6);

/// A lease is renewed when less than this is left.
const LEFT_MIN: u64 = LEASE_MILLIS / 3 * 2;

/// Running deployments of one deployer that are looked at in one round.
const RUNNING_MAX: usize = 1_000;

impl Shipway {
    /// Renews until `stop` is cancelled; then lets the engine go.
    pub(super) async fn keep_leases(self, stop: CancellationToken) {
        let clock = self.engine.clock();
        loop {
            let due = clock.now().plus_millis(ROUND.0);
            match select(Box::pin(stop.cancelled()), clock.sleep_until(due)).await {
                Either::Left(_) => break,
                Either::Right(_) => self.renew_leases().await,
            }
        }
        self.dispatcher.disconnect();
    }

    /// Renews the leases of all running deployments once.
    pub(super) async fn renew_leases(&self) {
        for execution in self.running().await {
            if let Err(error) = self.renew(&execution).await {
                tracing::error!(deployment = execution.name, %error, "lease not renewed");
            }
        }
    }

    /// Executions of deployers that have not ended.
    pub(super) async fn running(&self) -> Vec<Description> {
        let mut running = Vec::new();
        for deployer in DEPLOYERS {
            let filter = Filter {
                machine: Some(deployer.name.to_owned()),
                status: Some(Status::Running),
                limit: RUNNING_MAX,
                ..Filter::default()
            };
            match self.engine.list(&filter).await {
                Ok((executions, _)) => running.extend(executions),
                Err(error) => tracing::error!(%error, "running deployments cannot be listed"),
            }
        }
        running
    }

    async fn renew(&self, execution: &Description) -> Result<(), Error> {
        let Some((project, environment)) = super::deploy::scope_of(&execution.input) else { return Ok(()) };
        let now = self.engine.clock().now();
        let read = self.locks().read(project, environment).await?;
        match read.hold() {
            Some(hold) if hold.holder == execution.name && hold.expires_at.millis_since(now) < LEFT_MIN => {}
            Some(_) | None => return Ok(()),
        }
        match self.locks().renew(project, environment, &execution.name, now).await {
            // WHY: it was released between the look and the write; that is no fault.
            Err(Error::Refused { refusal, .. }) if matches!(*refusal, Refusal::Lost { .. }) => Ok(()),
            renewed => renewed,
        }
    }
}
