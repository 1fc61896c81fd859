//! The layer of tasks that runs in production, against the double: calls it for a task, and holds what it sent and what
//! it gave against the recording.

use std::sync::Arc;

use anyhow::Result;
use serde_json::{Value, json};
use shipway_asl::ScheduledTask;
use shipway_aws::client::{Client, Config, Fixed, Unobserved};
use shipway_aws::integrations::{self, Target};
use shipway_aws::models::Service;
use shipway_aws::tasks::{self, Settings, Tasks};
use shipway_engine::{SystemClock, Task, TaskFailure, TaskHandler};
use tokio::runtime::Runtime;

use super::double::{Double, Reply};
use super::{sent, wire};
use crate::conformance::asl::compare::{Bound, difference};
use crate::conformance::asl::world::Answer;

/// Services of which a task is no plain call, and who holds it otherwise.
const OTHERWISE: &[(&str, &str)] = &[
    ("apigateway", "calls no service of AWS: tests of the layer"),
    ("http", "calls no service of AWS: tests of the layer"),
    ("sfn", "calls this server itself: tests of the engine, of the layer and of the real server"),
    ("states", "calls this server itself: tests of the engine, of the layer and of the real server"),
];

/// What a task is to the layer.
enum Call {
    /// A function: its ARN is the resource.
    Function,
    /// Lambda's Invoke API.
    Invoke,
    Service(String),
}

pub struct Layer {
    double: Double,
    runtime: Runtime,
    tasks: Tasks,
}

impl Layer {
    pub fn start() -> Result<Self> {
        let double = Double::start()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let config = Config { endpoint_url: Some(double.url.clone()), ..Config::new("us-east-1") };
        let keys = Box::new(Fixed::new("conformance", "conformance", None));
        let client = Client::new(config, keys, Arc::new(SystemClock), Arc::new(Unobserved))?;
        Ok(Self {
            double,
            runtime,
            tasks: Tasks::new(&client, Settings { plain_http: true, assume_roles: false }),
        })
    }

    /// Why a recorded task cannot be had done; none if it can.
    pub fn aside(resource: &str, recorded: &Value) -> Option<String> {
        if recorded.is_null() {
            return Some("nothing was recorded of a task".to_owned());
        }
        let kind = recorded.pointer("/outcome/type").and_then(Value::as_str).unwrap_or("TimedOut");
        if call(resource).is_none() {
            return Some("asks a worker of an activity: tests of the engine".to_owned());
        }
        if kind.ends_with("TimedOut") && recorded.get("submitted").is_none() {
            return Some("the service never answered".to_owned());
        }
        let service = tasks::service(resource).unwrap_or_default();
        if service == "lambda" && wire::is_broken(&recorded["outcome"]) {
            return Some("the recorder broke the JSON of the function's error".to_owned());
        }
        let known = OTHERWISE.iter().find(|(name, _)| *name == service);
        known.map(|(_, why)| (*why).to_owned())
    }

    /// Has a task done. What the layer gave, in the place of what was recorded.
    pub fn answer(
        &self,
        task: &ScheduledTask,
        recorded: &Value,
        answer: Answer,
        bound: &mut Bound,
    ) -> Result<Answer, String> {
        let call = call(&task.resource).ok_or("no service")?;
        let is_submitted = recorded.get("submitted").is_some();
        let outcome = if is_submitted { &recorded["submitted"] } else { &recorded["outcome"] };
        let outcome = &with_kind(outcome);
        self.double.expect(reply(&call, outcome)?);
        let dispatched = dispatched(task, outcome);
        let given = self.runtime.block_on(self.tasks.run(dispatched.clone()));
        if let Some(asked) = self.double.asked() {
            let Task { resource, parameters, .. } = dispatched;
            let (service, parameters) = match &call {
                Call::Function => ("lambda", json!({"FunctionName": resource, "Payload": parameters})),
                Call::Invoke => ("lambda", parameters),
                Call::Service(_) => ("", parameters),
            };
            sent::check(&asked, service, &parameters)?;
        }
        match (given, outcome["type"].as_str().unwrap_or_default().ends_with("Failed")) {
            (Ok(output), false) => {
                let recorded = lists(&outcome["output"]);
                difference("result", &recorded, &output, bound)?;
                Ok(answer)
            }
            (Ok(output), true) => Ok(Answer { outcome: Some(Ok(output)), ..answer }),
            (Err(TaskFailure { error, cause }), true) => {
                Ok(Answer { outcome: Some(Err((error, Some(cause)))), ..answer })
            }
            (Err(failure), false) => Err(format!("failed: {failure}")),
        }
    }
}

fn call(resource: &str) -> Option<Call> {
    match integrations::find(resource).ok()? {
        Target::Function => Some(Call::Function),
        Target::Optimized { integration, action, .. }
            if (integration.service, action.name) == ("lambda", "invoke") =>
        {
            Some(Call::Invoke)
        }
        Target::Optimized { action, .. } => Some(Call::Service(action.name.to_owned())),
        Target::Sdk { action, .. } => Some(Call::Service(action.to_owned())),
        Target::Activity => None,
    }
    .map(|call| match call {
        Call::Service(action) => {
            Call::Service(format!("{}:{action}", tasks::service(resource).unwrap_or_default()))
        }
        other => other,
    })
}

/// WHY: what a service answered to a task that then waits is recorded without saying that it succeeded.
fn with_kind(outcome: &Value) -> Value {
    let mut outcome = outcome.clone();
    if outcome["type"] == "TaskSubmitted" {
        outcome["type"] = "TaskSucceeded".into();
    }
    outcome
}

fn reply(call: &Call, outcome: &Value) -> Result<Reply, String> {
    match call {
        Call::Function => wire::function(outcome, false),
        Call::Invoke => wire::function(outcome, true),
        Call::Service(named) => {
            let (service, action) = named.split_once(':').unwrap_or_default();
            let operation = Service::load(service).and_then(|service| service.operation(action));
            match wire::service(operation.map_err(|error| error.to_string())?, outcome) {
                // WHY: of a failure without the service's words none was called.
                Err(_) if outcome.get("error").is_some() => Ok(Reply { status: 599, ..Reply::default() }),
                reply => reply,
            }
        }
    }
}

/// The task as the engine hands it out, with the address of a queue where the recorder put a name.
fn dispatched(task: &ScheduledTask, outcome: &Value) -> Task {
    const UNREACHABLE: &str = "Unable to execute HTTP request: ";
    let mut parameters = task.parameters.clone();
    if let Some(Value::String(queue)) = parameters.get_mut("QueueUrl").filter(|_| call_of_queue(task)) {
        let cause = outcome["cause"].as_str().and_then(|cause| cause.strip_prefix(UNREACHABLE));
        *queue = match cause.and_then(|cause| cause.split(':').next()) {
            Some(host) => host.to_owned(),
            None => format!("https://sqs.us-east-1.amazonaws.com/111111111111/{queue}"),
        };
    }
    Task {
        execution_arn: "arn:aws:states:us-east-1:111111111111:execution:machine:run".to_owned(),
        state: task.state.clone(),
        resource: task.resource.clone(),
        parameters,
        key: task.task.to_string(),
        attempt: task.attempt,
        dispatch: 1,
        role_arn: "arn:aws:iam::111111111111:role/machine".to_owned(),
        // WHY: the recordings hold no AssumeRole and no role's ARN; the layer's own tests take roles on.
        credentials: None,
        cancel: tokio_util::sync::CancellationToken::new(),
        stop: tokio_util::sync::CancellationToken::new(),
        trace: None,
    }
}

fn call_of_queue(task: &ScheduledTask) -> bool {
    tasks::service(&task.resource) == Some("sqs")
}

/// WHY: the recorder replaced some lists of headers by one text, and ids of requests by the name of their member.
fn lists(output: &Value) -> Value {
    let mut output = output.clone();
    let id = output.pointer("/SdkHttpMetadata/HttpHeaders/x-amzn-RequestId").cloned();
    if let Some(member) = output.pointer_mut("/SdkResponseMetadata/RequestId").filter(|it| *it == "RequestId")
    {
        *member = id.unwrap_or_default();
    }
    let headers = output.pointer_mut("/SdkHttpMetadata/AllHttpHeaders").and_then(Value::as_object_mut);
    for value in
        headers.into_iter().flat_map(|headers| headers.values_mut()).filter(|value| value.is_string())
    {
        *value = json!([value]);
    }
    output
}
