//! An API over an engine in memory, in virtual time. Must be made inside a paused runtime.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::{Router, body::Body};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use shipway_asl::{Timestamp, test_state::Shapes};
use shipway_engine::{
    Builder, Config as EngineConfig, Engine, Task, TaskFailure, TaskHandler, VirtualClock, memory_store,
};
use shipway_server::states::{self, Config, World};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

pub const ACCOUNT: &str = "111111111111";
pub const REGION: &str = "us-east-1";
/// Time between two calls.
const STEP: Duration = Duration::from_millis(10);

/// A service for one test.
pub struct Service {
    pub engine: Engine,
    router: Router,
    stop: CancellationToken,
}

/// An answer: its status and body.
pub type Answer = (StatusCode, Value);

impl Drop for Service {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

struct Echo;

#[async_trait]
impl TaskHandler for Echo {
    async fn run(&self, task: Task) -> Result<Value, TaskFailure> {
        Ok(task.parameters)
    }
}

/// A world in which log groups are there or not.
struct Logs {
    are_there: bool,
}

impl Shapes for Logs {
    fn check(
        &self,
        _: &str,
        _: &Value,
        _: shipway_asl::test_state::FieldValidationMode,
    ) -> Result<(), String> {
        Ok(())
    }
}

#[async_trait]
impl World for Logs {
    async fn has_log_group(&self, _: &str) -> bool {
        self.are_there
    }

    fn shapes(&self) -> &(dyn Shapes + Sync) {
        self
    }
}

impl Service {
    /// A service whose tasks of these resources give their parameters back.
    pub async fn new(resources: &[String], has_logs: bool) -> Self {
        let stop = CancellationToken::new();
        let clock = Arc::new(VirtualClock::new(Timestamp(1_700_000_000_000), 7));
        let config = EngineConfig {
            region: REGION.to_owned(),
            account: ACCOUNT.to_owned(),
            ..EngineConfig::default()
        };
        let mut builder = Builder::new(memory_store(), clock, config);
        for resource in resources {
            builder = builder.handler(resource, Arc::new(Echo));
        }
        let engine = builder.start(stop.clone()).await.unwrap();
        let config = Config { world: Some(Arc::new(Logs { are_there: has_logs })), ..Config::default() };
        Self { router: states::router(engine.clone(), config), engine, stop }
    }

    /// Calls an action, some time after the call before.
    pub async fn call(&self, action: &str, request: &Value) -> Answer {
        tokio::time::sleep(STEP).await;
        let request = Request::post("/")
            .header("x-amz-target", format!("AWSStepFunctions.{action}"))
            .header("content-type", "application/x-amz-json-1.0")
            .body(Body::from(request.to_string()))
            .unwrap();
        self.ask(request).await
    }

    pub async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        assert!(response.headers().contains_key("x-amzn-requestid"));
        assert_eq!(response.headers()["content-type"], "application/x-amz-json-1.0");
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }

    /// Calls an action that must succeed.
    pub async fn good(&self, action: &str, request: Value) -> Value {
        let (status, answer) = self.call(action, &request).await;
        assert_eq!(status, StatusCode::OK, "{action} {request}: {answer}");
        answer
    }

    /// Calls an action that must be refused; its code and message.
    pub async fn bad(&self, action: &str, request: Value) -> String {
        let (status, answer) = self.call(action, &request).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{action} {request}: {answer}");
        format!("{}: {}", answer["__type"].as_str().unwrap(), answer["message"].as_str().unwrap())
    }

    /// Makes a machine; its ARN.
    pub async fn machine(&self, name: &str, definition: &Value, kind: &str) -> String {
        let request = json!({
            "name": name,
            "definition": definition.to_string(),
            "roleArn": format!("arn:aws:iam::{ACCOUNT}:role/r"),
            "type": kind,
        });
        let answer = self.good("CreateStateMachine", request).await;
        answer["stateMachineArn"].as_str().unwrap().to_owned()
    }
}
