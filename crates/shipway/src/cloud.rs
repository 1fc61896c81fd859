//! What the Step Functions API asks of the world: AWS's service models answer what can be known without a call, and Tasks
//! go where the settings say. Without settings no service is called but Step Functions, which is this server.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;
use shipway_asl::test_state::{FieldValidationMode, Shapes};
use shipway_aws::{
    buckets::S3Buckets,
    client::{Client, Config, DefaultChain, Fixed, Limits, Local, Provider, Unobserved},
    logs::{self, LogGroups},
    mock,
    models::Service,
    tasks::{self, Settings, Tasks},
};
use shipway_engine::{Buckets, Engine, SystemClock, Task, TaskFailure, TaskHandler};
use shipway_server::{
    logging::{Carrier, Line},
    states::{Within, World},
};
use tokio::sync::SetOnce;

use crate::failure::Failure;

/// How long a call may take: a little more than a function can.
const FUNCTION_TIME_MAX: Duration = Duration::from_secs(905);
/// Step Functions, as `aws-sdk` calls it.
const SFN: &str = "sfn";
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

/// Log groups as execution logs are taken there.
struct CloudWatch(LogGroups);

#[async_trait]
impl Carrier for CloudWatch {
    async fn carry(&self, group: &str, machine: &str, lines: Vec<Line>) -> Result<(), String> {
        let lines = lines.into_iter().map(|Line { at, text }| logs::Line { at, text }).collect();
        self.0.write(group, machine, lines).await.map_err(|error| error.to_string())
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
    /// Let tasks act by their machine's role instead of this server's own credentials
    ///
    /// The role is taken on by AssumeRole, at AWS or wherever `sts` is. The role in a state's `Credentials` is taken on
    /// in any case.
    #[arg(long)]
    assume_roles: bool,
}

impl Services {
    /// Who does the Tasks without a handler of their own. `own` is asked for Step Functions, if that is not said to be
    /// elsewhere.
    pub fn handler(&self, region: &str, own: Arc<Own>) -> Result<Arc<dyn TaskHandler>, Failure> {
        let by_service = self.by_service()?;
        let client = self.client(region)?;
        let client = match by_service.contains_key(SFN) {
            true => client,
            false => client.with_local(SFN, own),
        };
        let known = by_service.into_keys().chain([SFN.to_owned()]).collect();
        let settings = Settings { plain_http: !self.aws, assume_roles: self.assume_roles };
        let tasks = Tasks::new(&client, settings);
        Ok(Arc::new(Somewhere { tasks, known: (!self.is_everywhere()).then_some(known) }))
    }

    /// Where Maps read their items and write their results: S3, if it has an address.
    pub fn buckets(&self, region: &str) -> Result<Option<Arc<dyn Buckets>>, Failure> {
        if !self.is_everywhere() && !self.by_service()?.contains_key("s3") {
            return Ok(None);
        }
        Ok(Some(Arc::new(S3Buckets::new(&self.client(region)?))))
    }

    /// Who takes execution logs to log groups: CloudWatch Logs, if it has an address.
    pub fn carrier(&self, region: &str) -> Result<Option<Arc<dyn Carrier>>, Failure> {
        if !self.is_everywhere() && !self.by_service()?.contains_key("cloudwatchlogs") {
            return Ok(None);
        }
        // WHY: nobody waits 15 minutes for a line.
        let client = self.client(region)?.with_limits(Limits::default());
        Ok(Some(Arc::new(CloudWatch(LogGroups::new(&client)))))
    }

    /// Whether every service has an address.
    fn is_everywhere(&self) -> bool {
        self.aws || self.endpoint_url.is_some()
    }

    fn client(&self, region: &str) -> Result<Client, Failure> {
        let by_service = self.by_service()?;
        for url in self.endpoint_url.iter().chain(by_service.values()) {
            check_url(url)?;
        }
        let config = Config {
            endpoint_url: self.endpoint_url.clone(),
            endpoint_urls: by_service,
            // WHY: a function may take 15 minutes; the state's own time-out ends the call earlier.
            limits: Limits { attempt: FUNCTION_TIME_MAX, ..Limits::default() },
            ..Config::new(if region == NO_REGION { DEFAULT_REGION } else { region })
        };
        let client = Client::new(config, self.credentials(), Arc::new(SystemClock), Arc::new(Unobserved));
        client.map_err(|error| Failure::of("tasks cannot call services", &error))
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

impl Somewhere {
    fn check(&self, task: &Task) -> Result<(), TaskFailure> {
        let service = tasks::service(&task.resource);
        let is_known = self
            .known
            .as_ref()
            .is_none_or(|known| service.is_some_and(|service| known.iter().any(|known| known == service)));
        if is_known { Ok(()) } else { Err(nowhere(&task.resource)) }
    }
}

#[async_trait]
impl TaskHandler for Somewhere {
    async fn run(&self, task: Task) -> Result<Value, TaskFailure> {
        self.check(&task)?;
        self.tasks.run(task).await
    }

    async fn finish(&self, task: Task, submitted: Value) -> Result<Value, TaskFailure> {
        self.check(&task)?;
        self.tasks.finish(task, submitted).await
    }
}

/// Step Functions of this same server, from when it has started: Tasks that go on after a restart wait for that.
#[derive(Default)]
pub struct Own(SetOnce<Within>);

impl Own {
    /// The engine of this server runs.
    pub fn start(&self, engine: Engine) {
        let config = shipway_server::states::Config { world: Some(Arc::new(Models)), ..Default::default() };
        // It is started once.
        let _ = self.0.set(Within::new(engine, config));
    }
}

#[async_trait]
impl Local for Own {
    async fn answer(&self, request: http::Request<Bytes>) -> http::Response<Bytes> {
        self.0.wait().await.answer(request).await
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
        services
            .handler("local", Arc::default())
            .err()
            .map(|failure| format!("{failure:?}"))
            .unwrap_or_default()
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
