//! The Step Functions API: JSON 1.0 over `POST /`, one registry of actions. What things mean is in the engine.

mod activities;
pub mod admit;
mod aliases;
mod arn;
mod body;
mod executions;
mod express;
mod fault;
mod history;
mod machines;
mod map_runs;
mod page;
mod redrive;
mod shapes;
mod tags;
mod tasks;
mod test_state;
mod trace;
mod validate;
mod versions;
mod within;

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;
use axum::{
    Router,
    body::Body,
    extract::{Request as HttpRequest, State},
    response::{IntoResponse, Response},
    routing::post,
};
use futures_util::future::BoxFuture;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::Value;
use shipway_asl::{Timestamp, test_state::Shapes};
use shipway_control::{access::Keys, function::Functions};
use shipway_engine::Engine;

use self::validate::{Request, Shape};
pub use self::{
    fault::{Fault, of_activity, of_machine},
    within::Within,
};
use crate::serve::Place;

/// Actions that wait for something to happen: their connections are counted apart.
const WAITING: &[&str] = &["GetActivityTask", "StartSyncExecution"];
/// What stands before the action's name in `X-Amz-Target`.
const SERVICE: &str = "AWSStepFunctions.";

/// What the API asks of the world beside the engine.
#[async_trait]
pub trait World: Send + Sync + 'static {
    /// Whether there is a log group with this ARN to send logs to.
    async fn has_log_group(&self, arn: &str) -> bool;
    /// What services answer, for mocked results of `TestState`.
    fn shapes(&self) -> &(dyn Shapes + Sync);
}

/// Settings of the API.
#[derive(Clone, Default)]
pub struct Config {
    /// Whose calls are answered.
    pub admission: admit::Admission,
    /// Keys that sign calls.
    pub keys: Option<Keys>,
    /// Members that answers leave out: for clients that hold whole answers against older ones.
    pub omitted: Vec<String>,
    /// Logs of executions, to be read.
    pub logs: Option<crate::logging::Logs>,
    /// Where calls are counted.
    pub counts: Option<crate::metrics::Counts>,
    /// The world; without one there is every log group, and any mocked result will do.
    pub world: Option<Arc<dyn World>>,
    /// Functions that run here, and are called as Lambda's are; without them there is no such API.
    pub functions: Option<Functions>,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config").field("admission", &self.admission).field("omitted", &self.omitted).finish()
    }
}

/// What actions share.
pub struct Api {
    engine: Engine,
    config: Config,
}

/// An action of the API.
pub struct Action {
    /// Its name, as in `X-Amz-Target`.
    pub name: &'static str,
    /// What a request must look like.
    shape: &'static Shape,
    run: fn(Arc<Api>, Request) -> BoxFuture<'static, Result<Value, Fault>>,
}

macro_rules! action {
    ($name:literal, $shape:ident, $run:path) => {
        Action {
            name: $name,
            shape: &shapes::$shape,
            run: |api, request| Box::pin(async move { $run(&api, request).await }),
        }
    };
}

/// Every action, by name.
pub const ACTIONS: &[Action] = &[
    action!("CreateActivity", CREATE_ACTIVITY, activities::create),
    action!("CreateStateMachine", CREATE_STATE_MACHINE, machines::create),
    action!("CreateStateMachineAlias", CREATE_STATE_MACHINE_ALIAS, aliases::create),
    action!("DeleteActivity", DELETE_ACTIVITY, activities::delete),
    action!("DeleteStateMachine", DELETE_STATE_MACHINE, machines::delete),
    action!("DeleteStateMachineAlias", DELETE_STATE_MACHINE_ALIAS, aliases::delete),
    action!("DeleteStateMachineVersion", DELETE_STATE_MACHINE_VERSION, versions::delete),
    action!("DescribeActivity", DESCRIBE_ACTIVITY, activities::describe),
    action!("DescribeExecution", DESCRIBE_EXECUTION, executions::describe),
    action!("DescribeMapRun", DESCRIBE_MAP_RUN, map_runs::describe),
    action!("DescribeStateMachine", DESCRIBE_STATE_MACHINE, machines::describe),
    action!("DescribeStateMachineAlias", DESCRIBE_STATE_MACHINE_ALIAS, aliases::describe),
    action!(
        "DescribeStateMachineForExecution",
        DESCRIBE_STATE_MACHINE_FOR_EXECUTION,
        machines::describe_for_execution
    ),
    action!("GetActivityTask", GET_ACTIVITY_TASK, activities::task),
    action!("GetExecutionHistory", GET_EXECUTION_HISTORY, history::get),
    action!("ListActivities", LIST_ACTIVITIES, activities::list),
    action!("ListExecutions", LIST_EXECUTIONS, executions::list),
    action!("ListMapRuns", LIST_MAP_RUNS, map_runs::list),
    action!("ListStateMachineAliases", LIST_STATE_MACHINE_ALIASES, aliases::list),
    action!("ListStateMachineVersions", LIST_STATE_MACHINE_VERSIONS, versions::list),
    action!("ListStateMachines", LIST_STATE_MACHINES, machines::list),
    action!("ListTagsForResource", LIST_TAGS_FOR_RESOURCE, tags::list),
    action!("PublishStateMachineVersion", PUBLISH_STATE_MACHINE_VERSION, versions::publish),
    action!("RedriveExecution", REDRIVE_EXECUTION, redrive::redrive),
    action!("SendTaskFailure", SEND_TASK_FAILURE, tasks::failure),
    action!("SendTaskHeartbeat", SEND_TASK_HEARTBEAT, tasks::heartbeat),
    action!("SendTaskSuccess", SEND_TASK_SUCCESS, tasks::success),
    action!("StartExecution", START_EXECUTION, executions::start),
    action!("StartSyncExecution", START_SYNC_EXECUTION, express::start),
    action!("StopExecution", STOP_EXECUTION, executions::stop),
    action!("TagResource", TAG_RESOURCE, tags::tag),
    action!("TestState", TEST_STATE, test_state::run),
    action!("UntagResource", UNTAG_RESOURCE, tags::untag),
    action!("UpdateMapRun", UPDATE_MAP_RUN, map_runs::update),
    action!("UpdateStateMachine", UPDATE_STATE_MACHINE, machines::update),
    action!("UpdateStateMachineAlias", UPDATE_STATE_MACHINE_ALIAS, aliases::update),
    action!("ValidateStateMachineDefinition", VALIDATE_STATE_MACHINE_DEFINITION, machines::validate),
];

/// The route of the API over an engine.
pub fn router(engine: Engine, config: Config) -> Router {
    route(Arc::new(Api::new(engine, config)))
}

/// The route of an API.
pub fn route(api: Arc<Api>) -> Router {
    Router::new().route("/", post(call)).with_state(api)
}

async fn call(State(api): State<Arc<Api>>, request: HttpRequest) -> Response {
    let id = api.engine.new_id();
    let (action, began) = (action_of(&request), Instant::now());
    let answer = Box::pin(perform(&api, action, request)).await;
    if let Some(counts) = &api.config.counts {
        let (name, code) = (action.map_or("Unknown", |action| action.name), answer.as_ref().err());
        counts.requests.answered(name, code.map_or("OK", |fault| fault.code), began.elapsed());
    }
    let mut response = match answer {
        Ok(answer) => self::answer(StatusCode::OK, &api.without_omitted(answer)),
        Err(fault) => fault.into_response(),
    };
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert(HeaderName::from_static("x-amzn-requestid"), id);
    }
    response
}

fn action_of(request: &HttpRequest) -> Option<&'static Action> {
    let target = request.headers().get(admit::TARGET).and_then(|target| target.to_str().ok());
    action(target.and_then(|target| target.strip_prefix(SERVICE)).unwrap_or_default()).ok()
}

async fn perform(
    api: &Arc<Api>,
    action: Option<&'static Action>,
    request: HttpRequest,
) -> Result<Value, Fault> {
    let place = request.extensions().get::<Arc<Place>>().cloned();
    let (head, body) = request.into_parts();
    // WHY: read before anything is refused, so that the connection can be used again.
    let body = body::read(body, body::BYTES_MAX).await?;
    let action = action.ok_or_else(unknown)?;
    if WAITING.contains(&action.name) && place.is_some_and(|place| !place.parks()) {
        return Err(Fault::new("ThrottlingException", "Rate exceeded"));
    }
    let body = if body.is_empty() { b"{}".as_slice() } else { &body };
    let mut body = serde_json::from_slice(body).map_err(|error| Fault::serialization(error.to_string()))?;
    trace::adopt(action.name, &head.headers, &mut body);
    let request = Request::new(body, action.shape)?.at(api.engine.clock().now());
    (action.run)(Arc::clone(api), request).await
}

fn action(name: &str) -> Result<&'static Action, Fault> {
    ACTIONS.iter().find(|action| action.name == name).ok_or_else(unknown)
}

fn unknown() -> Fault {
    Fault::new("UnknownOperationException", "Unknown operation")
}

/// A whole answer.
fn answer(status: StatusCode, body: &Value) -> Response {
    let mut response = (status, Body::from(body.to_string())).into_response();
    let kind = HeaderValue::from_static("application/x-amz-json-1.0");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

impl Api {
    /// An API over an engine.
    pub fn new(engine: Engine, config: Config) -> Self {
        Self { engine, config }
    }

    /// Performs an action as a call does once it was admitted.
    pub async fn perform(self: &Arc<Self>, name: &str, request: Value) -> Result<Value, Fault> {
        let action = action(name)?;
        (action.run)(Arc::clone(self), Request::new(request, action.shape)?).await
    }

    /// `UpdateStateMachine` of a machine that is at this revision still; a `ConflictException` if it is not.
    pub async fn update_from(&self, revision: u64, request: Value) -> Result<Value, Fault> {
        let request = Request::new(request, &shapes::UPDATE_STATE_MACHINE)?;
        machines::update_from(self, request, Some(revision)).await
    }

    fn without_omitted(&self, mut answer: Value) -> Value {
        if !self.config.omitted.is_empty() {
            omit(&mut answer, &self.config.omitted);
        }
        answer
    }

    async fn has_log_group(&self, arn: &str) -> bool {
        match &self.config.world {
            Some(world) => world.has_log_group(arn).await,
            None => true,
        }
    }
}

/// WHY: it goes no deeper than answers do; documents of users are texts in them.
fn omit(value: &mut Value, names: &[String]) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !names.contains(name));
            fields.values_mut().for_each(|value| omit(value, names));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| omit(item, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A point in time as the protocol has it: seconds since 1970 with their fraction.
#[allow(clippy::cast_precision_loss, reason = "milliseconds of any date fit")]
fn seconds(at: Timestamp) -> Value {
    Value::from(at.0 as f64 / 1_000.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn actions_are_in_order_and_told_apart() {
        assert!(ACTIONS.is_sorted_by(|a, b| a.name < b.name));
        assert_eq!(ACTIONS.len(), 37);
    }

    #[test]
    fn dates_are_seconds_with_milliseconds() {
        assert_eq!(seconds(Timestamp(1_700_000_000_123)).to_string(), "1700000000.123");
    }

    #[test]
    fn members_are_left_out_at_every_depth() {
        let mut answer = json!({"a": 1, "list": [{"a": 2, "b": 3}]});
        omit(&mut answer, &["a".to_owned()]);
        assert_eq!(answer, json!({"list": [{"b": 3}]}));
    }
}
