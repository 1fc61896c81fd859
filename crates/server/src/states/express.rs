//! `StartSyncExecution`: an Express execution whose answer is waited for.

use serde_json::{Map, Value, json};
use shipway_asl::{MachineKind, Status};
use shipway_engine::Description;

use super::{
    Api,
    executions::{launch_of, status_name},
    fault::{Fault, of_engine, of_launch, of_machine},
    seconds,
    validate::Request,
};

/// Memory is billed in steps of so many megabytes; an execution here takes less than one.
const BILLED_MEGABYTES: u64 = 64;
/// Time is billed in steps of so many milliseconds.
const BILLED_MILLIS: u64 = 100;

/// `StartSyncExecution`
pub async fn start(api: &Api, request: Request) -> Result<Value, Fault> {
    let launch = launch_of(api, &request)?;
    let arn = request.needed("stateMachineArn");
    let machine = api.engine.find_machine(&launch.machine).await.map_err(of_machine(arn))?;
    if machine.kind != MachineKind::Express {
        return Err(Fault::kind());
    }
    let launched = api.engine.launch(launch).await.map_err(of_launch(arn))?;
    let ended = ended(api, &launched.arn).await?;
    Ok(told(arn, &ended, &request))
}

/// WHY: this ends, since an Express execution ends within its five minutes.
async fn ended(api: &Api, arn: &str) -> Result<Description, Fault> {
    loop {
        let execution = api.engine.describe(arn).await.map_err(of_engine)?;
        if execution.status != Status::Running {
            return Ok(execution);
        }
        api.engine.changed(arn, execution.last_event_id).await.map_err(of_engine)?;
    }
}

fn told(machine_arn: &str, execution: &Description, request: &Request) -> Value {
    let is_whole = request.text("includedData") != Some("METADATA_ONLY");
    let stopped_at = execution.stopped_at.unwrap_or(execution.started_at);
    let mut answer = Map::new();
    answer.insert("executionArn".into(), execution.arn.as_str().into());
    answer.insert("stateMachineArn".into(), machine_arn.into());
    answer.insert("name".into(), execution.name.as_str().into());
    answer.insert("startDate".into(), seconds(execution.started_at));
    answer.insert("stopDate".into(), seconds(stopped_at));
    answer.insert("status".into(), status_name(execution.status).into());
    for (name, value) in [("input", Some(&execution.input)), ("output", execution.output.as_ref())] {
        if let Some(value) = value {
            if is_whole {
                answer.insert(name.into(), value.to_string().into());
            }
            answer.insert(format!("{name}Details"), json!({"included": is_whole}));
        }
    }
    for (name, text) in [("error", &execution.error), ("cause", &execution.cause)] {
        if let Some(text) = text.as_ref().filter(|_| is_whole) {
            answer.insert(name.into(), text.as_str().into());
        }
    }
    if let Some(header) = request.text("traceHeader") {
        answer.insert("traceHeader".into(), header.into());
    }
    let millis = stopped_at.millis_since(execution.started_at);
    let billing = json!({
        "billedDurationInMilliseconds": millis.max(1).next_multiple_of(BILLED_MILLIS),
        "billedMemoryUsedInMB": BILLED_MEGABYTES,
    });
    answer.insert("billingDetails".into(), billing);
    answer.into()
}
