//! Does the Tasks that call services: functions by ARN, optimized integrations and `aws-sdk`, all by the one client.
//! Waits for no job (`.sync`): who starts it here is told so.

mod lambda;
mod local;
mod metadata;
mod optimized;

pub use self::local::Local;

use async_trait::async_trait;
use serde_json::Value;
use shipway_asl::integration::{self, Pattern, Target};
use shipway_engine::{Task, TaskFailure, TaskHandler};

use crate::{
    client::Client,
    task::{self, Failure},
};

/// A handler for every resource that names a service's action or a function.
pub struct Tasks {
    client: Client,
}

impl Tasks {
    /// Tasks go where `client` calls. A call is sent once: the state's `Retry` says what is tried again.
    pub fn new(client: &Client) -> Self {
        Self { client: client.with_attempts(1) }
    }

    async fn call(&self, task: &Task) -> Result<Value, Failure> {
        let (resource, parameters) = (task.resource.as_str(), &task.parameters);
        match integration::find(resource) {
            Ok(Target::Function) => {
                let there = lambda::region(resource).map(|region| self.client.in_region(region));
                lambda::function(there.as_ref().unwrap_or(&self.client), resource, parameters).await
            }
            Ok(Target::Optimized { pattern: Pattern::Sync | Pattern::Sync2, .. }) => {
                Err(unable(format!("`{resource}`: jobs of this service are not waited for here")))
            }
            Ok(Target::Optimized { integration, action, .. }) => match (integration.service, action.name) {
                ("lambda", "invoke") => lambda::invoke(&self.client, parameters).await,
                (service, action) => optimized::run(&self.client, service, action, task).await,
            },
            Ok(Target::Sdk { service, action, .. }) => {
                task::run(&self.client, service, action, parameters).await
            }
            Ok(Target::Activity) => Err(unable(format!("`{resource}` is for workers"))),
            Err(unknown) => Err(unable(unknown.to_string())),
        }
    }
}

#[async_trait]
impl TaskHandler for Tasks {
    async fn run(&self, task: Task) -> Result<Value, TaskFailure> {
        let result = tokio::select! {
            result = self.call(&task) => result,
            () = task.cancel.cancelled() => Err(unable("nobody waits for the task any more".to_owned())),
        };
        result.map_err(|Failure { error, cause }| TaskFailure { error, cause })
    }
}

/// The service whose action or function a resource names, as `aws-sdk` calls it.
pub fn service(resource: &str) -> Option<&str> {
    match integration::find(resource) {
        Ok(Target::Function) => Some("lambda"),
        Ok(Target::Optimized { integration, .. }) => Some(optimized::service(integration.service)),
        Ok(Target::Sdk { service, .. }) => Some(service),
        Ok(Target::Activity) | Err(_) => None,
    }
}

fn unable(cause: String) -> Failure {
    Failure { error: "States.TaskFailed".to_owned(), cause }
}
