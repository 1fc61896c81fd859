//! The results of a Map Run: collected from its children in their order, for the parent or for files.

use futures_util::{StreamExt, stream};
use serde_json::Value;
use shipway_asl::map_run::{ChildOutcome, Collected, MapRunInput, Output, ResultFile, ResultFiles};
use shipway_asl::{MapRunFailure, MapRunResult};

use super::record::{Inputs, Kept};
use crate::{
    engine::Error,
    executor::{Core, parse_snapshot},
};

/// Children that are read at a time.
const READ_AT_ONCE: usize = 16;

/// Collects or writes the results. Done again after a crash, it writes the same files.
pub async fn write(core: &Core, kept: &Kept) -> Result<(MapRunInput, Option<MapRunResult>), Error> {
    match Output::new(&kept.plan, &kept.map_run) {
        Err(failure) => Ok((MapRunInput::NotWritten(failure), None)),
        // WHY: without a bucket, nobody asks for the results of what has failed.
        Ok(Output::State(_)) if kept.map_run.failure().is_some() => Ok((nothing_written(), None)),
        Ok(Output::State(collected)) => Ok((nothing_written(), Some(collect(core, kept, collected).await?))),
        Ok(Output::Files(files)) => match write_files(core, kept, *files).await? {
            Ok((result, succeeded)) => Ok((MapRunInput::Written { succeeded }, Some(result))),
            Err(failure) => Ok((MapRunInput::NotWritten(failure), None)),
        },
    }
}

fn nothing_written() -> MapRunInput {
    MapRunInput::Written { succeeded: Vec::new() }
}

fn outcomes(core: &Core, kept: &Kept) -> impl stream::Stream<Item = Result<ChildOutcome, Error>> {
    let load = move |child: u32| {
        let arn = kept.plan.child_arn(child);
        async move {
            let row = core.store.execution(&arn).await?.ok_or(Error::NoExecution(arn))?;
            Ok(ChildOutcome::new(&parse_snapshot(&row)?, row.stopped_at.unwrap_or(row.started_at)))
        }
    };
    stream::iter(0..kept.map_run.next_child()).map(load).buffered(READ_AT_ONCE)
}

async fn collect(core: &Core, kept: &Kept, mut collected: Collected) -> Result<MapRunResult, Error> {
    let mut outcomes = std::pin::pin!(outcomes(core, kept));
    while let Some(outcome) = outcomes.next().await {
        if !collected.push(outcome?) {
            break;
        }
    }
    Ok(collected.finish())
}

async fn write_files(
    core: &Core,
    kept: &Kept,
    mut files: ResultFiles,
) -> Result<Result<(MapRunResult, Vec<Value>), MapRunFailure>, Error> {
    let bucket = files.bucket().to_owned();
    let mut outcomes = std::pin::pin!(outcomes(core, kept));
    while let Some(outcome) = outcomes.next().await {
        if let Some(file) = files.push(outcome?)
            && let Err(failure) = put(core, &bucket, file).await
        {
            return Ok(Err(failure));
        }
    }
    let mut inputs = Inputs::default();
    for child in kept.map_run.next_child()..kept.map_run.children() {
        let input = inputs.get(&*core.store, &kept.plan.arn, child).await?;
        if let Some(file) = files.push_pending(&input)
            && let Err(failure) = put(core, &bucket, file).await
        {
            return Ok(Err(failure));
        }
    }
    let (rest, result, succeeded) = files.finish();
    for file in rest {
        if let Err(failure) = put(core, &bucket, file).await {
            return Ok(Err(failure));
        }
    }
    Ok(Ok((result, succeeded)))
}

async fn put(core: &Core, bucket: &str, file: ResultFile) -> Result<(), MapRunFailure> {
    let written = core.buckets.put(bucket, &file.key, file.bytes).await;
    written.map_err(|error| MapRunFailure::named("States.ResultWriterFailed", &error.0))
}
