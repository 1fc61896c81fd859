//! `.sync`: waits until a job that was started has ended, by asking for it again and again, and stops it when nobody
//! waits any more. Starts none, and keeps nothing: what was answered to the start is all that it needs.

mod table;

use std::time::Duration;

use serde_json::{Map, Value, json};
use shipway_engine::Task;
pub use table::find;
use table::{Call, End, Job, Shown, Source};

use super::optimized;
use crate::{
    client::{Answer, CallError, Class, Client},
    models::{Kind, Operation, Service},
    task::{self, Failure},
};

/// First and longest wait between two looks at a job.
const WAIT: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(20));
/// Looks in a row that a service may refuse: it may not know yet what it has just started.
const REFUSED_MAX: u32 = 5;

/// Waits for the end of a job. `submitted` is what its start answered.
pub(super) async fn finish(
    client: &Client,
    job: &Job,
    task: &Task,
    submitted: &Value,
) -> Result<Value, Failure> {
    let place = (&task.parameters, submitted);
    tokio::select! {
        biased;
        () = task.cancel.cancelled() => {
            if !task.is_postponed() {
                stop(client, job, place).await;
            }
            Err(super::unable("nobody waits for the job any more".to_owned()))
        }
        ended = ended(client, job, place) => ended,
    }
}

async fn ended(client: &Client, job: &Job, place: (&Value, &Value)) -> Result<Value, Failure> {
    let look = prepared(job, &job.look, place)?;
    let (mut wait, mut refused, mut last) = (WAIT.0, 0, Value::Null);
    loop {
        match client.call_operation(look.0, &look.1).await {
            Ok(answer) => {
                refused = 0;
                last = described(look.0, &answer);
                if let Some(end) = verdict(job, &last) {
                    let shown = shown(job, last, place.1);
                    return if end { Ok(shown) } else { Err(failed(&shown)) };
                }
            }
            Err(error) if is_gone(job, &error) => return Ok(shown(job, last, place.1)),
            // WHY: the job goes on while the service cannot tell of it; how long that may take is the state's affair.
            Err(error) if error.class.is_transient() => {}
            Err(error) => {
                refused += 1;
                if refused >= REFUSED_MAX || error.class != Class::Refused {
                    return Err(task::of_optimized(&error));
                }
            }
        }
        client.pause(wait).await;
        wait = (wait * 3 / 2).min(WAIT.1);
    }
}

/// Best effort: a job that cannot be stopped goes on, as with AWS.
async fn stop(client: &Client, job: &Job, place: (&Value, &Value)) {
    let Some(call) = &job.stop else { return };
    if let Ok((operation, input)) = prepared(job, call, place) {
        // The caller has nobody left to tell.
        let _ = client.call_operation(operation, &input).await;
    }
}

/// The call with its arguments.
fn prepared(
    job: &Job,
    call: &Call,
    (given, submitted): (&Value, &Value),
) -> Result<(Operation<'static>, Value), Failure> {
    let service = Service::load(optimized::service(job.service));
    let operation = service.and_then(|service| service.operation(call.action));
    let operation = operation.map_err(|error| super::unable(error.to_string()))?;
    let mut input = Map::new();
    for (name, from) in call.input {
        let value = match from {
            Source::Answer(place) => submitted.pointer(place),
            Source::Given(place) => member(given, place.trim_start_matches('/')),
        };
        let value = value.filter(|value| !value.is_null()).cloned();
        // WHY: ECS answers a start that it has no room for with success, and says so in the answer.
        let value = value.ok_or_else(|| failed(&Value::Object(told(submitted))))?;
        input.insert((*name).to_owned(), if is_list(operation, name) { json!([value]) } else { value });
    }
    with_reason(operation, &mut input);
    Ok((operation, Value::Object(input)))
}

/// A parameter; the API's own spelling is taken too.
fn member<'a>(given: &'a Value, name: &str) -> Option<&'a Value> {
    let mut members = given.as_object()?.iter();
    members.find(|(known, _)| optimized::capitalised(known) == name).map(|(_, value)| value)
}

/// What the start of the job answered, without what HTTP told.
fn told(submitted: &Value) -> Map<String, Value> {
    let mut members = submitted.as_object().cloned().unwrap_or_default();
    members.retain(|name, _| !name.starts_with("Sdk"));
    members
}

/// Services that ask why a job is stopped are told.
fn with_reason(operation: Operation<'_>, input: &mut Map<String, Value>) {
    if has(operation, "reason") {
        input.insert("reason".to_owned(), json!("The task in Step Functions that waited for it has ended."));
    }
}

fn has(operation: Operation<'_>, name: &str) -> bool {
    matches!(operation.input().map(|shape| shape.kind()), Some(Kind::Structure(it)) if it.named(name).is_some())
}

fn is_list(operation: Operation<'_>, name: &str) -> bool {
    let Some(Kind::Structure(structure)) = operation.input().map(|shape| shape.kind()) else { return false };
    structure.named(name).is_some_and(|member| matches!(member.shape().kind(), Kind::List(_)))
}

fn described(operation: Operation<'_>, answer: &Answer) -> Value {
    Value::Object(optimized::output(operation, answer))
}

/// Whether the job is over, and if so whether it did well.
fn verdict(job: &Job, described: &Value) -> Option<bool> {
    let state = described.pointer(job.state)?.as_str()?;
    match job.end {
        End::States(done, failed) => {
            let is_done = done.contains(&state);
            (is_done || failed.contains(&state)).then_some(is_done)
        }
        End::Gone(failed) => failed.contains(&state).then_some(false),
        End::Containers(end) => (state == end).then(|| is_clean(described)),
    }
}

/// Whether a task's containers were started, and each ended well.
fn is_clean(described: &Value) -> bool {
    let started = described.pointer("/Tasks/0/StopCode").is_none_or(|code| code != "TaskFailedToStart");
    let containers = described.pointer("/Tasks/0/Containers").and_then(Value::as_array);
    started && containers.into_iter().flatten().all(|container| container.get("ExitCode") == Some(&json!(0)))
}

fn is_gone(job: &Job, error: &CallError) -> bool {
    matches!(job.end, End::Gone(_)) && error.is("ResourceNotFoundException")
}

fn shown(job: &Job, described: Value, submitted: &Value) -> Value {
    match job.shown {
        Shown::Whole => described,
        Shown::Part(place) => described.pointer(place).cloned().unwrap_or_default(),
        Shown::Named(name, place) => json!({name: described.pointer(place)}),
        Shown::Joined => {
            let mut joined = told(submitted);
            joined.extend(described.as_object().cloned().unwrap_or_default());
            joined.sort_keys();
            Value::Object(joined)
        }
    }
}

fn failed(shown: &Value) -> Failure {
    Failure { error: "States.TaskFailed".to_owned(), cause: shown.to_string() }
}

#[cfg(test)]
mod tests;
