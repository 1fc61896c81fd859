//! Does the Tasks that call services: functions by ARN, optimized integrations and `aws-sdk`, all by the one client.
//! Keeps nothing between calls: a job that is waited for (`.sync`) is found again by what its start answered.

mod apigateway;
mod bedrock;
mod emr;
mod http;
mod jobs;
mod lambda;
mod local;
mod metadata;
mod optimized;
mod roles;

pub use self::local::Local;

use async_trait::async_trait;
use serde_json::Value;
use shipway_asl::integration::{self, Pattern, Target};
use shipway_engine::{Task, TaskFailure, TaskHandler};

use self::roles::Roles;
use crate::{
    client::Client,
    task::{self, Failure},
};

/// What an operator decides of Tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Whether HTTP tasks may call addresses of this machine without TLS.
    pub plain_http: bool,
    /// Whether Tasks act by their machine's role.
    pub assume_roles: bool,
}

/// A handler for every resource that names a service's action or a function.
pub struct Tasks {
    roles: Roles,
    settings: Settings,
}

impl Tasks {
    /// Tasks go where `client` calls. A call is sent once: the state's `Retry` says what is tried again.
    pub fn new(client: &Client, settings: Settings) -> Self {
        Self { roles: Roles::new(&client.with_attempts(1), settings.assume_roles), settings }
    }

    async fn call(&self, task: &Task) -> Result<Value, Failure> {
        let (resource, parameters) = (task.resource.as_str(), &task.parameters);
        let client = &self.roles.client(task).await?.with_token(task.uuid());
        match integration::find(resource) {
            Ok(Target::Function) => {
                let there = lambda::region(resource).map(|region| client.in_region(region));
                lambda::function(there.as_ref().unwrap_or(client), resource, parameters).await
            }
            Ok(Target::Optimized { integration, action, .. }) => match (integration.service, action.name) {
                ("apigateway", "invoke") => apigateway::invoke(client, task).await,
                ("bedrock", "invokeModel") => bedrock::invoke(client, parameters).await,
                ("elasticmapreduce", action) => emr::run(client, action, task).await,
                ("http", "invoke") => http::invoke(client, task, self.settings.plain_http).await,
                ("lambda", "invoke") => lambda::invoke(client, parameters).await,
                (service, action) => optimized::run(client, service, action, task).await,
            },
            Ok(Target::Sdk { service, action, .. }) => task::run(client, service, action, parameters).await,
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
            Some(job) => jobs::finish(&self.roles.client(task).await?, job, task, submitted).await,
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
        // Its connection is there.
        Ok(Target::Optimized { integration, .. }) if integration.service == "http" => Some("eventbridge"),
        Ok(Target::Optimized { integration, .. }) => Some(optimized::service(integration.service)),
        Ok(Target::Sdk { service, .. }) => Some(service),
        Ok(Target::Activity) | Err(_) => None,
    }
}

fn unable(cause: String) -> Failure {
    Failure { error: "States.TaskFailed".to_owned(), cause }
}

#[cfg(test)]
mod tests {
    use shipway_asl::integration::INTEGRATIONS;

    use crate::models::Service;

    /// Integrations that are more than one call of an API, and who does them: here, the engine, or nobody.
    const OTHERS: &[(&str, &[&str])] = &[
        ("apigateway", &["invoke"]),
        ("bedrock", &["invokeModel"]),
        ("eks", &["call", "runJob"]),
        (
            "elasticmapreduce",
            &[
                "addStep",
                "cancelStep",
                "createCluster",
                "modifyInstanceFleetByName",
                "modifyInstanceGroupByName",
                "setClusterTerminationProtection",
                "terminateCluster",
            ],
        ),
        ("http", &["invoke"]),
        ("states", &["startExecution"]),
    ];

    #[test]
    fn every_other_optimized_integration_is_an_action_of_its_services_model() {
        for integration in INTEGRATIONS {
            let others = OTHERS.iter().find(|(service, _)| *service == integration.service);
            let others = others.map_or(&[][..], |(_, actions)| actions);
            for action in integration.actions {
                let service = Service::load(super::optimized::service(integration.service));
                let found = service.and_then(|service| service.operation(action.name)).is_ok();
                let is_other = others.contains(&action.name);
                assert_eq!(found, !is_other, "{}:{}", integration.service, action.name);
            }
        }
    }
}
