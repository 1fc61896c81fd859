//! The items of a Map Run and the inputs of its children: read, evaluated and kept. Starts none of them.

use std::sync::Arc;

use shipway_asl::items::{Item, Reading, Reply, Request};
use shipway_asl::map_run::{ChildInput, MapRunInput, Sizes, children};
use shipway_asl::{Execution, MapRunFailure, Moment, StateMachine};

use super::record::{self, Kept};
use crate::{
    bucket::{self, Buckets},
    engine::Error,
    executor::{Core, parse_snapshot},
    store::{self, Commit},
};

/// Records with inputs that one commit writes.
const CHUNKS_PER_COMMIT: usize = 16;

/// Reads the items and keeps the children's inputs. May be done again after a crash: nobody has seen them yet.
pub async fn prepare(core: &Core, kept: &Kept) -> Result<MapRunInput, Error> {
    let row = core.store.execution(&kept.parent).await?;
    let Some(row) = row else { return Ok(MapRunInput::Aborted) };
    let execution = parse_snapshot(&row)?;
    if !execution.waits_for_map_run(kept.plan.run) {
        return Ok(MapRunInput::Aborted);
    }
    let machine = core.machines.parsed(&*core.store, &kept.machine, kept.revision).await?;
    let items = match read(core, kept).await {
        Ok(items) => items,
        Err(failure) => return Ok(MapRunInput::NotPrepared(failure)),
    };
    let at = core.moment();
    let evaluated = evaluate(machine, execution, kept.clone(), items, at).await?;
    let inputs = match evaluated {
        Ok(inputs) => inputs,
        Err(failure) => return Ok(MapRunInput::NotPrepared(failure)),
    };
    let mut sizes = Sizes::default();
    inputs.iter().for_each(|child| sizes.push(child.items));
    for records in record::inputs(&kept.plan.arn, &inputs).chunks(CHUNKS_PER_COMMIT) {
        core.store.commit(Commit { execution: None, records: records.to_vec() }).await?;
    }
    Ok(MapRunInput::Prepared(sizes))
}

/// WHY: a million items are evaluated aside, so that nobody else waits for them.
async fn evaluate(
    machine: Arc<StateMachine>,
    mut execution: Execution,
    kept: Kept,
    items: Option<Vec<Item>>,
    at: Moment,
) -> Result<Result<Vec<ChildInput>, MapRunFailure>, Error> {
    let evaluated = tokio::task::spawn_blocking(move || {
        children(&machine, &mut execution, &kept.plan, items, at)?.collect()
    });
    evaluated.await.map_err(|error| {
        Error::Store(store::Error::Unavailable {
            operation: "evaluate the items of a Map Run".to_owned(),
            reason: error.to_string(),
        })
    })
}

/// The items that the reader reads; none without a reader.
async fn read(core: &Core, kept: &Kept) -> Result<Option<Vec<Item>>, MapRunFailure> {
    let Some(plan) = &kept.plan.reader else { return Ok(None) };
    let mut reading = Reading::new(plan.clone())?;
    while let Some(request) = reading.next().cloned() {
        let reply = ask(&*core.buckets, request)
            .await
            .map_err(|error| MapRunFailure::named("States.ItemReaderFailed", &error.0))?;
        let (given, result) = tokio::task::spawn_blocking(move || {
            let result = reading.give(reply);
            (reading, result)
        })
        .await
        .map_err(|error| MapRunFailure::named("States.ItemReaderFailed", &error.to_string()))?;
        result?;
        reading = given;
    }
    Ok(Some(reading.finish()))
}

async fn ask(buckets: &dyn Buckets, request: Request) -> Result<Reply, bucket::Error> {
    match request {
        Request::Object { bucket, key, version } => {
            buckets.get(&bucket, &key, version.as_deref()).await.map(Reply::Object)
        }
        Request::List { bucket, prefix, token } => {
            let page = buckets.list(&bucket, &prefix, token.as_deref()).await?;
            Ok(Reply::List { objects: page.objects, next: page.next })
        }
    }
}
