//! Optimized integrations that are one call of an API: its parameters, and its answer with the names of the API and what
//! HTTP told. Those that are more than a call (`http:invoke`, `apigateway:invoke`, `eks:call`) are not done here.

use serde_json::{Map, Value, json};
use shipway_asl::Timestamp;
use shipway_engine::Task;

use super::{metadata, unable};
use crate::{
    client::{Answer, Client},
    models::{Kind, Operation, Service, Shape},
    task::{self, Failure},
};

/// Integrations that are called otherwise than their service's model.
const RENAMED: &[(&str, &str)] = &[
    ("elasticmapreduce", "emr"),
    ("emr-containers", "emrcontainers"),
    ("emr-serverless", "emrserverless"),
    ("events", "eventbridge"),
];

/// Integrations whose output AWS gives without what HTTP told.
const PLAIN: &[&str] = &["events"];

/// Does one Task.
pub(super) async fn run(
    client: &Client,
    integration: &str,
    action: &str,
    task: &Task,
) -> Result<Value, Failure> {
    let operation = Service::load(service(integration)).and_then(|service| service.operation(action));
    let Ok(operation) = operation else {
        return Err(unable(format!("`{integration}:{action}` is not called here")));
    };
    let parameters = prepared(integration, task);
    let parameters = operation.input().map_or(parameters.clone(), |shape| renamed(shape, &parameters));
    let input =
        task::input(operation, &parameters).map_err(|unfit| Failure::unfit(&task.parameters, &unfit))?;
    reachable(integration, &input)?;
    if let Some(error) = task::missing(operation, &input) {
        return Err(task::of_optimized(&error));
    }
    let answer = client.call_operation(operation, &input).await;
    let answer = answer.map_err(|error| task::of_optimized(&error))?;
    refused(integration, &answer)?;
    let output = output(operation, &answer);
    Ok(match PLAIN.contains(&integration) {
        true => Value::Object(output),
        false => metadata::add_of(integration, output, &answer),
    })
}

/// The service of an integration, as `aws-sdk` calls it.
pub(super) fn service(integration: &str) -> &str {
    RENAMED.iter().find(|(known, _)| *known == integration).map_or(integration, |(_, service)| service)
}

/// The parameters with what AWS adds: events tell which execution and machine sent them.
fn prepared(integration: &str, task: &Task) -> Value {
    let mut parameters = task.parameters.clone();
    if integration == "events" {
        let machine = machine_of(&task.execution_arn);
        let entries = parameters.get_mut("Entries").and_then(Value::as_array_mut);
        for entry in entries.into_iter().flatten().filter_map(Value::as_object_mut) {
            let resources = entry.entry("Resources").or_insert_with(|| json!([]));
            if let Some(resources) = resources.as_array_mut() {
                resources.push(json!(task.execution_arn));
                resources.extend(machine.clone().map(Value::from));
            }
        }
    }
    parameters
}

/// Parameters by the names that `aws-sdk` has for them: those of the API are taken too, such as `BOOL`.
fn renamed(shape: Shape<'_>, given: &Value) -> Value {
    match (shape.kind(), given) {
        (Kind::Structure(structure), Value::Object(members)) => {
            let named = members.iter().map(|(name, value)| {
                let by_api = || structure.members().find(|member| capitalised(member.name()) == *name);
                match structure.member(name).or_else(by_api) {
                    Some(member) => (member.step_functions_name(), renamed(member.shape(), value)),
                    None => (name.clone(), value.clone()),
                }
            });
            Value::Object(named.collect())
        }
        (Kind::List(item), Value::Array(items)) => items.iter().map(|value| renamed(item, value)).collect(),
        (Kind::Map { value: of, .. }, Value::Object(entries)) => {
            let entries = entries.iter().map(|(key, value)| (key.clone(), renamed(of, value)));
            Value::Object(entries.collect())
        }
        _ => given.clone(),
    }
}

/// The ARN of the machine that an execution runs.
fn machine_of(execution: &str) -> Option<String> {
    let mut parts = execution.split(':');
    let place: Vec<&str> = parts.by_ref().take(5).collect();
    parts.next().filter(|kind| matches!(*kind, "execution" | "express"))?;
    Some(format!("{}:stateMachine:{}", place.join(":"), parts.next()?))
}

/// AWS's integration with queues sends to the host in the queue's address. An address without one is taken for a host.
fn reachable(integration: &str, input: &Value) -> Result<(), Failure> {
    let queue = input.get("QueueUrl").and_then(Value::as_str).filter(|_| integration == "sqs");
    let Some(host) = queue.filter(|url| !url.contains("://") && !url.is_empty()) else { return Ok(()) };
    let host = host.split('/').find(|part| !part.is_empty()).unwrap_or(host);
    Err(Failure {
        error: "SQS.SdkClientException".to_owned(),
        cause: format!("Unable to execute HTTP request: {host}: Name or service not known"),
    })
}

/// Events are refused one by one in an answer of success; a single one fails the state.
fn refused(integration: &str, answer: &Answer) -> Result<(), Failure> {
    let count = answer.output.get("FailedEntryCount").and_then(Value::as_u64).unwrap_or(0);
    if integration != "events" || count == 0 {
        return Ok(());
    }
    Err(Failure { error: "EventBridge.FailedEntry".to_owned(), cause: answer.output.to_string() })
}

pub(super) fn output(operation: Operation<'_>, answer: &Answer) -> Map<String, Value> {
    let shown = operation.output().map(|shape| convert(shape, &answer.output));
    match shown {
        Some(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

/// Names as the API has them, with a capital letter.
fn convert(shape: Shape<'_>, value: &Value) -> Value {
    match (shape.kind(), value) {
        (Kind::Structure(structure), Value::Object(members)) => {
            let named = members.iter().map(|(name, value)| {
                let value =
                    structure.named(name).map_or_else(|| value.clone(), |m| convert(m.shape(), value));
                (capitalised(name), value)
            });
            Value::Object(named.collect())
        }
        (Kind::List(item), Value::Array(items)) => items.iter().map(|value| convert(item, value)).collect(),
        (Kind::Map { value: of, .. }, Value::Object(entries)) => {
            let entries = entries.iter().map(|(key, value)| (key.clone(), convert(of, value)));
            Value::Object(entries.collect())
        }
        (Kind::Timestamp { .. }, Value::String(text)) => milliseconds(text),
        _ => value.clone(),
    }
}

/// A date as version 1 of the Java SDK writes it into JSON.
fn milliseconds(text: &str) -> Value {
    Timestamp::parse(text).map_or_else(|| text.into(), |at| at.0.into())
}

/// A word with a capital letter.
pub(super) fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execution_tells_its_machine() {
        let machine = Some("arn:aws:states:r:1:stateMachine:m".to_owned());
        assert_eq!(machine_of("arn:aws:states:r:1:execution:m:e"), machine);
        assert_eq!(machine_of("arn:aws:states:r:1:express:m:e:id"), machine);
        assert_eq!(machine_of("test/1"), None);
    }

    #[test]
    fn names_of_the_api_are_taken() {
        let put = Service::load("dynamodb").unwrap().operation("putItem").unwrap();
        let given =
            json!({"TableName": "t", "Item": {"a": {"BOOL": true}, "b": {"M": {"c": {"NULL": true}}}}});
        let input = task::input(put, &renamed(put.input().unwrap(), &given)).unwrap();
        assert_eq!(input, given);
    }

    #[test]
    fn a_queue_without_an_address_is_a_host_that_is_not_there() {
        let failure = reachable("sqs", &json!({"QueueUrl": "none"})).unwrap_err();
        assert_eq!(failure.error, "SQS.SdkClientException");
        assert_eq!(failure.cause, "Unable to execute HTTP request: none: Name or service not known");
        assert_eq!(reachable("sqs", &json!({"QueueUrl": "http://host/1/q"})), Ok(()));
    }
}
