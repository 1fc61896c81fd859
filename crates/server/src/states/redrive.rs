//! `RedriveExecution`, and what other actions tell of redriving.

use serde_json::{Map, Value, json};
use shipway_engine::{
    redrive::{Error, Obstacle},
    store::Row,
};

use super::{
    Api, arn,
    executions::check_owner,
    fault::{Fault, of_engine},
    seconds,
    validate::Request,
};

/// The status of a child that waits for its Map Run to redrive it.
pub const PENDING: &str = "PENDING_REDRIVE";

/// `RedriveExecution`
pub async fn redrive(api: &Api, request: Request) -> Result<Value, Fault> {
    let arn = request.needed("executionArn");
    arn::execution(&api.engine, arn)?;
    let row = api.engine.row(arn).await.map_err(of_engine)?;
    check_owner(api, &row).await?;
    match api.engine.redrive(arn, request.text("clientToken")).await {
        Ok(at) => Ok(json!({"redriveDate": seconds(at)})),
        Err(Error::NotRedrivable(arn, obstacle)) => Err(Fault::new(
            "ExecutionNotRedrivable",
            format!("Execution {arn} invalid for redrive as: {obstacle}"),
        )),
        Err(Error::Child(_)) => {
            Err(Fault::validation("Labeled Execution ARNs are not supported for this API"))
        }
        Err(Error::Engine(error)) => Err(of_engine(error)),
    }
}

/// `redriveStatus` and its reason. A child of a Map Run is redriven by that.
pub async fn tell_status(answer: &mut Map<String, Value>, api: &Api, row: &Row) -> Result<(), Fault> {
    let is_pending = api.engine.is_pending_redrive(row).await.map_err(of_engine)?;
    if is_pending {
        answer.insert("status".into(), PENDING.into());
    }
    let obstacle = match is_pending {
        true => Some(Obstacle::Running),
        false => api.engine.obstacle(row).await.map_err(of_engine)?,
    };
    let status = match obstacle {
        Some(_) => "NOT_REDRIVABLE",
        None if row.machine.contains('/') => "REDRIVABLE_BY_MAP_RUN",
        None => "REDRIVABLE",
    };
    answer.insert("redriveStatus".into(), status.into());
    if let Some(obstacle) = obstacle {
        answer.insert("redriveStatusReason".into(), obstacle.to_string().into());
    }
    Ok(())
}

/// Refuses filters that only a Map Run's children can be listed by.
pub fn check_filters(status: Option<&str>, redriven: Option<&str>) -> Result<(), Fault> {
    let refused = match (status, redriven) {
        (_, Some(_)) => "RedriveFilter",
        (Some(PENDING), None) => "PENDING_REDRIVE StatusFilter",
        (_, None) => return Ok(()),
    };
    Err(Fault::validation(format!(
        "{refused} cannot be applied to ListExecutions call with StateMachine ARN"
    )))
}
