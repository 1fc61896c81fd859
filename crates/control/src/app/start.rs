//! Brings the application up over its engine and host.

use std::sync::Arc;

use shipway_engine::{Builder, TaskHandler};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Error, Shipway, of_engine, tend::Troubles, view::Ended, vital::Vital};
use crate::{
    deployer::{DEPLOYERS, Dispatcher, FUNCTION_ARN, progress::Live},
    host::Host,
};

impl Shipway {
    /// Registers the deployers' machines and handlers with `builder`, starts the engine, renews leases of running
    /// deployments and reconciles the host.
    pub async fn start(
        builder: Builder,
        host: Arc<dyn Host>,
        stop: CancellationToken,
    ) -> Result<Self, Error> {
        Self::start_with(builder, host, stop, |handler| handler).await
    }

    /// [`Shipway::start`] with the deployers' task handler wrapped: to measure tasks, or to disturb them.
    pub async fn start_with(
        builder: Builder,
        host: Arc<dyn Host>,
        stop: CancellationToken,
        wrap: impl FnOnce(Arc<dyn TaskHandler>) -> Arc<dyn TaskHandler>,
    ) -> Result<Self, Error> {
        let live = Live::default();
        let dispatcher = Arc::new(Dispatcher::new(Arc::clone(&host), live.clone()));
        let handler: Arc<dyn TaskHandler> = Arc::<Dispatcher>::clone(&dispatcher);
        let engine = builder.handler(FUNCTION_ARN, wrap(handler)).start(stop.clone()).await;
        let engine = engine.map_err(|error| of_engine("starting the engine", &error))?;
        for deployer in DEPLOYERS {
            let put = engine.put_machine(deployer.name, &deployer.definition(FUNCTION_ARN)).await;
            put.map_err(|error| of_engine("registering the deployers", &error))?;
        }
        let tasks = TaskTracker::new();
        let shipway = Self {
            engine,
            host,
            live,
            dispatcher,
            ended: Ended::default(),
            troubles: Troubles::default(),
            vital: Vital::default(),
            tasks,
        };
        shipway.renew_leases().await;
        // WHY: tasks that were interrupted wait for `connect`, so that they find the machine as it should be.
        shipway.reconcile().await;
        shipway.dispatcher.connect(shipway.engine.clone());
        shipway.tasks.spawn(shipway.clone().tend_host(stop.clone()));
        shipway.tasks.spawn(shipway.clone().keep_leases(stop));
        shipway.tasks.close();
        Ok(shipway)
    }

    /// Returns when nothing runs in the background any more, after `stop` was cancelled.
    pub async fn stopped(&self) {
        self.tasks.wait().await;
    }
}
