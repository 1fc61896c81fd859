//! Tasks that start executions of this same engine: `states:startExecution` in all of its forms. Knows no protocol: what
//! AWS's integration shows of the call beneath it is shown here as that call would have looked.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use shipway_asl::{
    Status,
    integration::{self, Pattern, Target},
    json as json_text,
    limits::DATA_BYTES_MAX,
};

use crate::{
    engine::{self, Description, Engine},
    executor::Core,
    launch::{Error, Launch, Launched, Qualifier},
    machines,
    task::{Task, TaskFailure, TaskHandler},
};

/// Does the tasks.
pub struct Nested {
    engine: Engine,
    pattern: Pattern,
}

impl Nested {
    /// A handler, if the resource is one of these.
    pub fn find(core: &Arc<Core>, resource: &str) -> Option<Arc<dyn TaskHandler>> {
        let Ok(Target::Optimized { integration, pattern, .. }) = integration::find(resource) else {
            return None;
        };
        let is_own = integration.service == "states";
        is_own.then(|| Arc::new(Self { engine: Engine { core: Arc::clone(core) }, pattern }) as _)
    }

    /// The child as it ended. None if the engine stops.
    async fn end_of(&self, arn: &str, task: &Task) -> Result<Option<Description>, engine::Error> {
        loop {
            let child = self.engine.describe(arn).await?;
            if child.status != Status::Running {
                return Ok(Some(child));
            }
            tokio::select! {
                changed = self.engine.changed(arn, child.last_event_id) => changed?,
                () = task.cancel.cancelled() => {
                    if !task.is_postponed() {
                        self.give_up(arn).await?;
                    }
                    return Ok(None);
                }
            }
        }
    }

    /// Nobody waits for the child any more, so it is stopped, as AWS does.
    async fn give_up(&self, arn: &str) -> Result<(), engine::Error> {
        match self.engine.stop(arn, None, None).await {
            Err(engine::Error::NotWaiting(_) | engine::Error::NoExecution(_)) => Ok(()),
            stopped => stopped,
        }
    }
}

#[async_trait]
impl TaskHandler for Nested {
    async fn run(&self, task: Task) -> Result<Value, TaskFailure> {
        let given = task.parameters.as_object().ok_or_else(|| unusable(&task.parameters, "STRUCTURE"))?;
        let arn = text(given, "StateMachineArn")
            .ok_or_else(|| unusable(&task.parameters, "StateMachineArn is missing"))?;
        let (machine, qualifier) = machine_of(&self.engine, arn)?;
        let launch = Launch {
            machine,
            qualifier,
            name: Some(text(given, "Name").map_or_else(|| task.uuid(), str::to_owned)),
            input: input_of(given.get("Input"))?,
            trace_header: text(given, "TraceHeader").map(str::to_owned),
            parent: Some(task.key.clone()),
        };
        let name = launch.name.clone().unwrap_or_default();
        match self.engine.launch(launch).await {
            Ok(launched) => Ok(answer(&launched, &self.engine.new_id())),
            Err(error) => Err(refused(arn, &name, &error)),
        }
    }

    async fn finish(&self, task: Task, submitted: Value) -> Result<Value, TaskFailure> {
        let arn = submitted.get("ExecutionArn").and_then(Value::as_str).unwrap_or_default();
        let child = self.end_of(arn, &task).await.map_err(|error| failure(error.to_string()))?;
        let Some(child) = child else { return Err(failure("the execution was stopped".to_owned())) };
        let row = self.engine.row(arn).await.map_err(|error| failure(error.to_string()))?;
        let machine = self.engine.machine_arn(&row.machine);
        let shown = shown(&child, &machine, self.pattern == Pattern::Sync2);
        match child.status {
            Status::Succeeded => Ok(shown),
            _ => Err(failure(shown.to_string())),
        }
    }
}

fn failure(cause: String) -> TaskFailure {
    TaskFailure { error: "States.TaskFailed".to_owned(), cause }
}

fn text<'a>(given: &'a Map<String, Value>, field: &str) -> Option<&'a str> {
    given.get(field).and_then(Value::as_str)
}

fn unusable(parameters: &Value, why: &str) -> TaskFailure {
    TaskFailure {
        error: "States.Runtime".to_owned(),
        cause: format!("The Parameters '{parameters}' could not be used to start the Task: [{why}]"),
    }
}

/// What Step Functions refuses, as its integration with itself says it.
fn fault(code: &str, message: &str, id: &str) -> TaskFailure {
    TaskFailure {
        error: format!("StepFunctions.{code}Exception"),
        cause: format!(
            "{message} (Service: AWSStepFunctions; Status Code: 400; Error Code: {code}; Request ID: {id}; Proxy: null)"
        ),
    }
}

/// The machine, and which settings of it.
fn machine_of(engine: &Engine, arn: &str) -> Result<(String, Option<Qualifier>), TaskFailure> {
    let parts: Vec<&str> = arn.split(':').collect();
    let ["arn", _, "states", region, account, "stateMachine", name, qualifier @ ..] = parts.as_slice() else {
        let message = format!("Invalid Arn: 'Invalid ARN: {arn}'");
        return Err(fault("InvalidArn", &message, &engine.new_id()));
    };
    if engine.place() != (*region, *account) || name.contains('/') {
        return Err(no_machine(arn, &engine.new_id()));
    }
    let qualifier = qualifier.first().map(|text| match text.parse() {
        Ok(number) => Qualifier::Version(number),
        Err(_) => Qualifier::Alias((*text).to_owned()),
    });
    Ok(((*name).to_owned(), qualifier))
}

fn no_machine(arn: &str, id: &str) -> TaskFailure {
    fault("StateMachineDoesNotExist", &format!("State Machine Does Not Exist: '{arn}'"), id)
}

/// A text is JSON; any other value is the input itself.
fn input_of(given: Option<&Value>) -> Result<Value, TaskFailure> {
    let wrong = |why: &str| {
        let message = format!("Invalid State Machine Execution Input: '{why}'");
        fault("InvalidExecutionInput", &message, "null")
    };
    let input = match given {
        None | Some(Value::Null) => return Ok(Value::Object(Map::new())),
        Some(Value::String(text)) => serde_json::from_str(text).map_err(|error| {
            wrong(&json_text::first_error(text).map_or_else(|| error.to_string(), |found| found.message))
        })?,
        Some(other) => other.clone(),
    };
    match input.to_string().len() > DATA_BYTES_MAX {
        true => Err(wrong("The input is larger than 262144 bytes.")),
        false => Ok(input),
    }
}

fn refused(arn: &str, name: &str, error: &Error) -> TaskFailure {
    match error {
        Error::AlreadyExists(execution) => {
            fault("ExecutionAlreadyExists", &format!("Execution Already Exists: '{execution}'"), "null")
        }
        Error::Machine(
            machines::Error::NoMachine(_) | machines::Error::NotFound(_) | machines::Error::Owned(_),
        ) => no_machine(arn, "null"),
        Error::Machine(machines::Error::Engine(engine::Error::Invalid(_, "name"))) => {
            fault("InvalidName", &format!("Invalid Name: '{name}'"), "null")
        }
        Error::Machine(error) => TaskFailure {
            error: "StepFunctions.AWSStepFunctionsException".to_owned(),
            cause: error.to_string(),
        },
    }
}

/// The first answer, with what its HTTP call would have shown.
fn answer(launched: &Launched, id: &str) -> Value {
    let seconds = format!("{}.{:03}", launched.started_at.0 / 1000, launched.started_at.0 % 1000);
    let seconds = seconds.trim_end_matches('0').trim_end_matches('.');
    let body = format!(r#"{{"executionArn":"{}","startDate":{seconds}}}"#, launched.arn);
    let headers = [
        ("Content-Length", body.len().to_string()),
        ("Content-Type", "application/x-amz-json-1.0".to_owned()),
        ("connection", "keep-alive".to_owned()),
        ("x-amzn-RequestId", id.to_owned()),
    ];
    let all: Map<String, Value> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), json!([value]))).collect();
    let plain: Map<String, Value> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    json!({
        "ExecutionArn": launched.arn,
        "SdkHttpMetadata": {"AllHttpHeaders": all, "HttpHeaders": plain, "HttpStatusCode": 200},
        "SdkResponseMetadata": {"RequestId": id},
        "StartDate": launched.started_at.0,
    })
}

/// The child as `.sync` shows it: input and output as text, or as they are.
fn shown(child: &Description, machine: &str, is_json: bool) -> Value {
    let data = |value: &Value| if is_json { value.clone() } else { value.to_string().into() };
    let included = json!({"Included": true});
    let fields = [
        ("Cause", child.cause.clone().map(Value::from)),
        ("Error", child.error.clone().map(Value::from)),
        ("ExecutionArn", Some(json!(child.arn))),
        ("Input", Some(data(&child.input))),
        ("InputDetails", Some(included.clone())),
        ("Name", Some(json!(child.name))),
        ("Output", child.output.as_ref().map(data)),
        ("OutputDetails", child.output.as_ref().map(|_| included)),
        ("StartDate", Some(json!(child.started_at.0))),
        ("StateMachineArn", Some(json!(machine))),
        ("Status", Some(json!(child.status.name()))),
        ("StopDate", child.stopped_at.map(|at| json!(at.0))),
    ];
    let fields = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(fields.collect())
}
