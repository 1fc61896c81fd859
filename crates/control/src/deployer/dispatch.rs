//! One task handler for the machines of all deployers. Knows no deployer by name.

use std::{panic::AssertUnwindSafe, sync::Arc};

use async_trait::async_trait;
use futures_util::FutureExt;
use serde::Deserialize;
use serde_json::Value;
use shipway_engine::{Engine, Task, TaskFailure, TaskHandler};
use tokio::sync::watch;

use super::{Context, Deployer, failure, progress::Live};
use crate::host::Host;

/// Brings tasks to the handlers in the registry.
///
/// It is registered before the engine exists that it works with, and waits for [`Dispatcher::connect`].
pub struct Dispatcher {
    host: Arc<dyn Host>,
    live: Live,
    engine: watch::Sender<Option<Engine>>,
}

/// What the machines' `Parameters` give.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Call {
    deployer: String,
    task: String,
    execution: String,
    input: Value,
}

impl Dispatcher {
    /// A dispatcher for tasks that change `host`.
    pub fn new(host: Arc<dyn Host>, live: Live) -> Self {
        Self { host, live, engine: watch::Sender::new(None) }
    }

    /// Gives the engine whose records the tasks use.
    pub fn connect(&self, engine: Engine) {
        self.engine.send_replace(Some(engine));
    }

    /// Lets the engine go, so that it can be dropped.
    pub fn disconnect(&self) {
        self.engine.send_replace(None);
    }

    async fn engine(&self) -> Result<Engine, TaskFailure> {
        let mut engine = self.engine.subscribe();
        let connected = engine.wait_for(Option::is_some).await;
        connected
            .ok()
            .and_then(|engine| engine.clone())
            .ok_or_else(|| failure::failure(failure::STORE, "the engine has stopped"))
    }
}

#[async_trait]
impl TaskHandler for Dispatcher {
    async fn run(&self, task: Task) -> Result<Value, TaskFailure> {
        let call: Call = failure::decode(task.parameters)?;
        if call.execution != task.execution_arn {
            let cause = format!("`Execution` is `{}`, not the execution itself", call.execution);
            return Err(failure::failure(failure::BAD_INPUT, cause));
        }
        let handler = Deployer::named(&call.deployer)
            .and_then(|deployer| deployer.task(&call.task))
            .ok_or_else(|| {
                let cause = format!("deployer `{}` has no task `{}`", call.deployer, call.task);
                failure::failure(failure::BAD_INPUT, cause)
            })?;
        let cx = Context {
            engine: self.engine().await?,
            host: Arc::clone(&self.host),
            execution_arn: call.execution,
            live: self.live.clone(),
        };
        let done = AssertUnwindSafe((handler.run)(&cx, call.input)).catch_unwind().await;
        done.unwrap_or_else(|panic| Err(failure::failure(failure::PANIC, panic_message(&*panic))))
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "the handler panicked".to_owned())
}
