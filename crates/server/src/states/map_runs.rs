//! Actions on Map Runs.

use serde_json::{Map, Value, json};
use shipway_asl::map_run::Counts;
use shipway_engine::{Error, MapRunDescription, MapRunUpdate};

use super::{
    Api, arn,
    executions::{check_owner, status_name},
    fault::{Fault, of_engine},
    page::{self, Page},
    seconds,
    validate::Request,
};

/// `DescribeMapRun`
pub async fn describe(api: &Api, request: Request) -> Result<Value, Fault> {
    let arn = request.needed("mapRunArn");
    arn::map_run(&api.engine, arn)?;
    let run = api.engine.map_run(arn).await.map_err(of_engine)?;
    let mut answer = Map::new();
    answer.insert("mapRunArn".into(), run.arn.as_str().into());
    answer.insert("executionArn".into(), run.execution_arn.as_str().into());
    answer.insert("status".into(), status_name(run.status).into());
    dates(&mut answer, &run);
    answer.insert("maxConcurrency".into(), run.max_concurrency.into());
    answer.insert("toleratedFailurePercentage".into(), run.tolerated.percentage.unwrap_or(0.0).into());
    answer.insert("toleratedFailureCount".into(), run.tolerated.count.unwrap_or(0).into());
    answer.insert("itemCounts".into(), counts(run.items));
    answer.insert("executionCounts".into(), counts(run.executions));
    answer.insert("redriveCount".into(), run.redrives.into());
    if let Some(at) = run.redriven_at {
        answer.insert("redriveDate".into(), seconds(at));
    }
    Ok(answer.into())
}

fn dates(answer: &mut Map<String, Value>, run: &MapRunDescription) {
    answer.insert("startDate".into(), seconds(run.started_at));
    if let Some(at) = run.stopped_at {
        answer.insert("stopDate".into(), seconds(at));
    }
}

fn counts(counts: Counts) -> Value {
    json!({
        "pending": counts.pending,
        "running": counts.running,
        "succeeded": counts.succeeded,
        "failed": counts.failed,
        "timedOut": counts.timed_out,
        "aborted": counts.aborted,
        "total": counts.total,
        "resultsWritten": counts.results_written,
        "failuresNotRedrivable": counts.failures_not_redrivable,
        "pendingRedrive": counts.pending_redrive,
    })
}

/// `ListMapRuns`
pub async fn list(api: &Api, request: Request) -> Result<Value, Fault> {
    let arn = request.needed("executionArn");
    arn::execution(&api.engine, arn)?;
    let page = Page::of("ListMapRuns", &request)?;
    let fetch = |after: Option<String>, limit| async move {
        let after = after.map(|after| after.parse().map_err(|_| Fault::page())).transpose()?;
        api.engine.map_runs(arn, after, limit).await.map_err(of_engine)
    };
    let (runs, next) = page::read(&page, fetch, |run| run.run.to_string()).await?;
    let items = runs.iter().map(|run| {
        let mut item = Map::new();
        item.insert("executionArn".into(), run.execution_arn.as_str().into());
        item.insert("mapRunArn".into(), run.arn.as_str().into());
        item.insert("stateMachineArn".into(), run.machine_arn.as_str().into());
        dates(&mut item, run);
        item.into()
    });
    Ok(page.answer("mapRuns", items, next))
}

/// `UpdateMapRun`
pub async fn update(api: &Api, request: Request) -> Result<Value, Fault> {
    let arn = request.needed("mapRunArn");
    arn::map_run(&api.engine, arn)?;
    let run = api.engine.map_run(arn).await.map_err(of_engine)?;
    check_owner(api, &api.engine.row(&run.execution_arn).await.map_err(of_engine)?).await?;
    let update = MapRunUpdate {
        // WHY: more than can run at a time is as good as no limit.
        max_concurrency: request.number("maxConcurrency").map(|most| u32::try_from(most).unwrap_or(0)),
        tolerated_count: request.number("toleratedFailureCount"),
        tolerated_percentage: request.get("toleratedFailurePercentage").and_then(Value::as_f64),
    };
    match api.engine.update_map_run(arn, update).await {
        Ok(()) => Ok(json!({})),
        Err(Error::NotWaiting(arn)) => Err(Fault::validation(format!("Map Run '{arn}' is not running"))),
        Err(error) => Err(of_engine(error)),
    }
}
