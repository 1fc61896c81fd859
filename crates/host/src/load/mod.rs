//! A load generator for HTTP/1.1: constant load on services, and a report of what came back. Judges nothing.
//!
//! With a rate it is an open loop: request `k` is due at its own moment, whatever became of the ones before, and its
//! latency counts from that moment, so that a stall shows in every request it held up. Without, each connection
//! sends its next request when the last one is answered.

mod histogram;
mod pace;
mod plan;
mod report;
mod worker;

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinSet, time};
use tokio_util::sync::CancellationToken;

pub use histogram::Histogram;
pub use plan::{BadPlan, PathShare, Plan};
pub use report::{Report, VersionReport};

use pace::Pace;
use plan::Target;
use report::Tally;

/// How often progress is reported.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

/// Runs a plan to its end, or until told to stop; requests under way then are not counted.
pub async fn run(plan: Plan, stop: CancellationToken) -> Result<Report, BadPlan> {
    run_with_progress(plan, None, stop).await
}

/// Like [`run`]; sends what has come back so far a few times a second, and the last report at the end.
pub async fn run_with_progress(
    plan: Plan,
    progress: Option<watch::Sender<Report>>,
    stop: CancellationToken,
) -> Result<Report, BadPlan> {
    let targets = Arc::new(Target::all(&plan)?);
    let pace = Arc::new(Pace::new(&plan));
    // Ends the workers without ending whatever else listens to the caller's token.
    let stop = stop.child_token();
    let tallies: Vec<Arc<Tally>> = (0..plan.connections).map(|_| Arc::new(Tally::default())).collect();
    let mut workers = JoinSet::new();
    for tally in &tallies {
        let worker = worker::Worker::new(&plan, Arc::clone(&targets), Arc::clone(&pace), Arc::clone(tally));
        let stop = stop.clone();
        workers.spawn(async move { stop.run_until_cancelled(worker.work()).await });
    }
    let sum = || report::sum(&tallies, pace.elapsed());
    let mut tick = time::interval(PROGRESS_INTERVAL);
    let end = pace.end();
    loop {
        tokio::select! {
            ended = workers.join_next() => if ended.is_none() { break },
            () = time::sleep_until(end.unwrap_or_else(time::Instant::now)), if end.is_some() && !stop.is_cancelled() => stop.cancel(),
            _ = tick.tick() => if let Some(progress) = &progress { progress.send_replace(sum()); },
        }
    }
    let report = sum();
    if let Some(progress) = progress {
        progress.send_replace(report.clone());
    }
    Ok(report)
}
