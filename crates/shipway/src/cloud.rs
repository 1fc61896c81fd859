//! What the Step Functions API asks of the world: AWS's service models answer what can be known without a call, and Tasks
//! go where the settings say. Without settings no service is called.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::Value;
use shipway_asl::test_state::{FieldValidationMode, Shapes};
use shipway_aws::{
    client::{Client, Config, DefaultChain, Fixed, Limits, Provider, Unobserved},
    mock,
    models::Service,
    tasks::{self, Tasks},
};
use shipway_engine::{SystemClock, Task, TaskFailure, TaskHandler};
use shipway_server::states::World;

use crate::failure::Failure;

/// How long a call may take: a little more than a function can.
const FUNCTION_TIME_MAX: Duration = Duration::from_secs(905);
/// The region of ARNs that name none of AWS's.
const NO_REGION: &str = "local";
/// The region that requests are signed for then.
const DEFAULT_REGION: &str = "us-east-1";

/// The world as far as AWS's models tell of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Models;

impl Shapes for Models {
    fn check(&self, resource: &str, result: &Value, mode: FieldValidationMode) -> Result<(), String> {
        let mode = match mode {
            FieldValidationMode::Strict => mock::FieldValidationMode::Strict,
            FieldValidationMode::Present => mock::FieldValidationMode::Present,
            FieldValidationMode::None => mock::FieldValidationMode::None,
        };
        mock::validate(resource, result, mode)
    }
}

#[async_trait]
impl World for Models {
    // WHY: nothing is sent to log groups, so none can be missing.
    async fn has_log_group(&self, _: &str) -> bool {
        true
    }

    fn shapes(&self) -> &(dyn Shapes + Sync) {
        self
    }
}

/// Where Tasks go that call services and functions.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Services {
    /// Send the calls of all tasks here, such as http://127.0.0.1:5000
    ///
    /// Every service is then expected behind this one address, Lambda's Invoke API included. Without it, and without
    /// --endpoint or --aws, no service is called and such tasks fail.
    #[arg(long, value_name = "URL", env = "SHIPWAY_ENDPOINT_URL", hide_env_values = true)]
    endpoint_url: Option<String>,
    /// Send the calls to one service here; may be given several times
    ///
    /// Services are named as in `aws-sdk:<service>:<action>`, such as `lambda=http://127.0.0.1:9001`.
    #[arg(long, value_name = "SERVICE=URL")]
    endpoint: Vec<String>,
    /// Let tasks call AWS itself, with the credentials of this environment
    #[arg(long)]
    aws: bool,
}

impl Services {
    /// Who does the Tasks without a handler of their own.
    pub fn handler(&self, region: &str) -> Result<Arc<dyn TaskHandler>, Failure> {
        let by_service = self.by_service()?;
        if !self.aws && self.endpoint_url.is_none() && by_service.is_empty() {
            return Ok(Arc::new(Nowhere));
        }
        for url in self.endpoint_url.iter().chain(by_service.values()) {
            check_url(url)?;
        }
        let config = Config {
            endpoint_url: self.endpoint_url.clone(),
            endpoint_urls: by_service.clone(),
            // WHY: a function may take 15 minutes; the state's own time-out ends the call earlier.
            limits: Limits { attempt: FUNCTION_TIME_MAX, ..Limits::default() },
            ..Config::new(if region == NO_REGION { DEFAULT_REGION } else { region })
        };
        let client = Client::new(config, self.credentials(), Arc::new(SystemClock), Arc::new(Unobserved));
        let client = client.map_err(|error| Failure::of("tasks cannot call services", &error))?;
        let is_everywhere = self.aws || self.endpoint_url.is_some();
        let known = (!is_everywhere).then(|| by_service.into_keys().collect());
        Ok(Arc::new(Somewhere { tasks: Tasks::new(&client), known }))
    }

    /// Where the calls of all services go, if it was told.
    pub fn endpoint_url(&self) -> Option<&str> {
        self.endpoint_url.as_deref()
    }

    fn by_service(&self) -> Result<BTreeMap<String, String>, Failure> {
        let pairs = self.endpoint.iter().map(|pair| {
            let (service, url) = pair.split_once('=').ok_or_else(|| {
                Failure::usage(format!("`{pair}` is no endpoint"))
                    .hint("write it as SERVICE=URL, such as lambda=http://127.0.0.1:9001")
            })?;
            let service = Service::load(service).map_err(|error| {
                Failure::usage(format!("`{pair}` is no endpoint: {error}"))
                    .hint("services are named as in `aws-sdk:<service>:<action>`, such as sqs")
            })?;
            Ok((service.name().to_owned(), url.to_owned()))
        });
        pairs.collect()
    }

    /// AWS's default chain; but whoever has no keys can still call an endpoint of their own, which asks for none.
    fn credentials(&self) -> Box<dyn Provider> {
        let has_keys =
            ["AWS_ACCESS_KEY_ID", "AWS_PROFILE"].iter().any(|name| std::env::var_os(name).is_some());
        match self.aws || has_keys {
            true => Box::new(DefaultChain::new()),
            false => Box::new(Fixed::new("shipway", "shipway", None)),
        }
    }
}

fn check_url(url: &str) -> Result<(), Failure> {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    match rest.is_some_and(|rest| {
        !rest.is_empty() && !rest.starts_with('/') && !rest.contains(['?', '#', ' ', '@'])
    }) {
        true => Ok(()),
        false => Err(Failure::usage(format!("the endpoint `{url}` is no address"))
            .hint("write it as http://127.0.0.1:5000")),
    }
}

/// Calls services that have an address.
struct Somewhere {
    tasks: Tasks,
    /// Services that have one; all, if it is not said.
    known: Option<Vec<String>>,
}

#[async_trait]
impl TaskHandler for Somewhere {
    async fn run(&self, task: Task) -> Result<Value, TaskFailure> {
        let is_known = match &self.known {
            None => true,
            Some(known) => tasks::service(&task.resource).is_some_and(|name| known.iter().any(|k| k == name)),
        };
        match is_known {
            true => self.tasks.run(task).await,
            false => Err(nowhere(&task.resource)),
        }
    }
}

/// Calls nobody.
struct Nowhere;

#[async_trait]
impl TaskHandler for Nowhere {
    async fn run(&self, task: Task) -> Result<Value, TaskFailure> {
        Err(nowhere(&task.resource))
    }
}

fn nowhere(resource: &str) -> TaskFailure {
    TaskFailure {
        error: "States.TaskFailed".to_owned(),
        cause: format!(
            "The resource `{resource}` needs a service, and this server was not told where it is. Start it with \
             --endpoint-url URL, --endpoint SERVICE=URL or --aws."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(services: &Services) -> String {
        services.handler("local").err().map(|failure| format!("{failure:?}")).unwrap_or_default()
    }

    #[test]
    fn endpoints_that_are_none_are_refused() {
        let one = |pair: &str| Services { endpoint: vec![pair.to_owned()], ..Services::default() };
        for (pair, word) in
            [("lambda", "SERVICE=URL"), ("lamda=http://x", "lamda"), ("lambda=x:1", "is no address")]
        {
            assert!(refused(&one(pair)).contains(word), "{pair}");
        }
        let everywhere = Services { endpoint_url: Some("localhost".to_owned()), ..Services::default() };
        assert!(refused(&everywhere).contains("is no address"));
        assert_eq!(refused(&one("lambda=http://127.0.0.1:1")), "");
    }
}
