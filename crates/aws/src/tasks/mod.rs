//! Does the Tasks that call services: functions by ARN, optimized integrations and `aws-sdk`, all by the one client.
//! Keeps nothing between calls: a job that is waited for (`.sync`) is found again by what its start answered.

mod emr;
mod jobs;
mod lambda;
mod metadata;
mod optimized;

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
            Ok(Target::Function) => lambda::function(&self.client, resource, parameters).await,
            Ok(Target::Optimized { integration, action, .. }) => match (integration.service, action.name) {
                ("lambda", "invoke") => lambda::invoke(&self.client, parameters).await,
                ("elasticmapreduce", action) => emr::run(&self.client, action, task).await,
                (service, action) => optimized::run(&self.client, service, action, task).await,
            },
            Ok(Target::Sdk { service, action, .. }) => {
                task::run(&self.client, service, action, parameters).await
            }
            Ok(Target::Activity) => Err(unable(format!("`{resource}` is for workers"))),
            Err(unknown) => Err(unable(unknown.to_string())),
        }
    }

    async fn wait(&self, task: &Task, submitted: &Value) -> Result<Value, Failure> {
        let job = match integration::find(&task.resource) {
            Ok(Target::Optimized { integration, action, .. }) => jobs::find(integration.service, action.name),
            Ok(Target::Function | Target::Activity | Target::Sdk { .. }) | Err(_) => None,
        };
        match job {
            Some(job) => jobs::finish(&self.client, job, task, submitted).await,
            None => Err(unable(format!("`{}`: jobs of this service are not waited for here", task.resource))),
        }
    }
}

#[async_trait]
impl TaskHandler for Tasks {
    async fn run(&self, task: Task) -> Result<Value, TaskFailure> {
        let is_job = integration::find(&task.resource).is_ok_and(|target| target.pattern() == Pattern::Sync);
        let result = tokio::select! {
            result = self.call(&task) => result,
            // WHY: a job that is being started when nobody waits any more must be known to be stopped.
            () = task.cancel.cancelled(), if !is_job => Err(unable("nobody waits for the task any more".to_owned())),
        };
        result.map_err(|Failure { error, cause }| TaskFailure { error, cause })
    }

    async fn finish(&self, task: Task, submitted: Value) -> Result<Value, TaskFailure> {
        let result = self.wait(&task, &submitted).await;
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
