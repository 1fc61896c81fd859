//! Shipway over the engine in memory, a machine in memory and a clock that moves by itself.

use std::{future::Future, sync::Arc};

use async_trait::async_trait;
use futures_util::future::{Either, select};
use serde_json::{Value, json};
use shipway_asl::Timestamp;
use shipway_control::{
    app::{Deploy, Deployment, Error, Outcome, Shipway},
    release::Release,
};
use shipway_engine::{Builder, Config, Store, Task, TaskFailure, TaskHandler, VirtualClock};
use tokio_util::sync::CancellationToken;

use crate::deployer_world::World;

/// Everything a test needs.
pub struct Rig {
    pub world: World,
    pub shipway: Shipway,
    store: Arc<dyn Store>,
    stop: CancellationToken,
}

/// Dispatches a task again when Shipway was "killed" in it.
struct Mortal {
    world: World,
    handler: Arc<dyn TaskHandler>,
    /// Every task is done so often.
    times: usize,
}

#[async_trait]
impl TaskHandler for Mortal {
    async fn run(&self, task: Task) -> Result<Value, TaskFailure> {
        let mut result = None;
        for _ in 0..self.times {
            result = Some(loop {
                let run = self.handler.run(task.clone());
                match select(run, Box::pin(self.world.until_killed())).await {
                    Either::Left((result, _)) => break result,
                    Either::Right(_) => {}
                }
            });
        }
        result.unwrap()
    }
}

/// Runs a test in paused time: waits take no time, and nothing depends on how fast the machine is.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(test)
}

impl Rig {
    pub async fn new() -> Self {
        Self::repeating(1).await
    }

    /// Every task is done `times` times.
    pub async fn repeating(times: usize) -> Self {
        Self::over(shipway_engine::memory_store(), World::default(), Timestamp(1_764_000_000_000), times)
            .await
    }

    pub async fn with_store(store: Arc<dyn Store>) -> Self {
        Self::over(store, World::default(), Timestamp(1_764_000_000_000), 1).await
    }

    /// Kills Shipway and starts it again over the same store and machine.
    pub async fn restart(self) -> Self {
        self.stop.cancel();
        self.shipway.engine().stopped().await;
        self.shipway.stopped().await;
        Self::over(Arc::clone(&self.store), self.world.clone(), self.now(), 1).await
    }

    async fn over(store: Arc<dyn Store>, world: World, now: Timestamp, times: usize) -> Self {
        let stop = CancellationToken::new();
        let clock = Arc::new(VirtualClock::new(now, u64::try_from(now.0).unwrap()));
        let builder = Builder::new(Arc::clone(&store), clock, Config::default());
        let wrapped = world.clone();
        let shipway = Shipway::start_with(builder, Arc::new(world.clone()), stop.clone(), |handler| {
            Arc::new(Mortal { world: wrapped, handler, times })
        })
        .await
        .unwrap();
        Self { world, shipway, store, stop }
    }

    pub fn now(&self) -> Timestamp {
        self.shipway.engine().clock().now()
    }

    pub async fn start(&self, release: Release) -> Result<Deployment, Error> {
        let deploy = Deploy {
            idempotency_key: release.release_id.clone(),
            release,
            actor: "ana".to_owned(),
            reason: None,
        };
        self.shipway.deploy(deploy).await
    }

    /// Deploys and waits for the end.
    pub async fn deploy(&self, release: Release) -> Deployment {
        let deployment = self.start(release).await.unwrap();
        self.end_of(&deployment.id).await
    }

    pub async fn end_of(&self, id: &str) -> Deployment {
        let deployment = self.shipway.deployment(id).await.unwrap();
        self.shipway.engine().changed(&deployment.execution_arn, u64::MAX).await.unwrap();
        self.shipway.deployment(id).await.unwrap()
    }

    /// Waits until a deployment is in a state.
    pub async fn until_in(&self, id: &str, state: &str) {
        loop {
            let deployment = self.shipway.deployment(id).await.unwrap();
            if deployment.state.as_deref() == Some(state) {
                return;
            }
            assert_eq!(deployment.outcome, Outcome::Running, "never was in {state}");
            let after = deployment.last_event_id;
            self.shipway.engine().changed(&deployment.execution_arn, after).await.unwrap();
        }
    }

    pub async fn holder(&self) -> Option<String> {
        self.shipway.lock("acme/shop", "production").await.unwrap().holder
    }

    pub async fn states(&self, id: &str) -> Vec<String> {
        self.shipway.steps(id).await.unwrap().into_iter().map(|step| step.state).collect()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A release with a service `web` in two processes and a worker.
pub fn release(version: &str) -> Release {
    release_of(
        version,
        &json!({
            "web": {"command": "./web", "port": 8080, "processes": 2, "health": {"path": "/health", "grace": "5s"}},
            "worker": {"command": "./worker"}
        }),
    )
}

pub fn release_of(version: &str, services: &Value) -> Release {
    serde_json::from_value(json!({
        "release_id": format!("release-{}", version.replace('.', "-")),
        "project_name": "acme/shop", "config_name": "production",
        "version": version, "commit": "c0ffee".repeat(7)[..40], "subject": "feat: more", "author": "Ana <ana@acme.test>",
        "artifact_sha256": "a".repeat(64), "created_at": 1_764_000_000_000_i64, "timeout": "10m",
        "services": services
    }))
    .unwrap()
}

/// As [`release`], with a step of 10 % and a bake.
pub fn careful(version: &str) -> Release {
    watched_for(version, "1s")
}

/// As [`release`], with a step of 10 % that is held and a bake that lasts `span`.
pub fn watched_for(version: &str, span: &str) -> Release {
    release_of(
        version,
        &json!({
            "web": {
                "command": "./web", "port": 8080, "processes": 2,
                "health": {"path": "/health", "grace": "5s"},
                "shift": {"steps": [{"percent": 10, "hold": span}]}, "bake": span
            },
            "worker": {"command": "./worker"}
        }),
    )
}
