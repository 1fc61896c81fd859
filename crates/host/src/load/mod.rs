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

/// Runs a plan to its end, or until told to stop. At the end, requests under way are waited for; at a stop they are
/// given up and not counted.
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
    let tallies: Vec<Arc<Tally>> = (0..plan.connections).map(|_| Arc::new(Tally::default())).collect();
    let mut workers = JoinSet::new();
    for tally in &tallies {
        let worker = worker::Worker::new(&plan, Arc::clone(&targets), Arc::clone(&pace), Arc::clone(tally));
        let stop = stop.clone();
        workers.spawn(async move { stop.run_until_cancelled(worker.work()).await });
    }
    let mut tick = time::interval(PROGRESS_INTERVAL);
    loop {
        tokio::select! {
            ended = workers.join_next() => if ended.is_none() { break },
            _ = tick.tick() => if let Some(progress) = &progress {
                progress.send_replace(report::sum(&tallies, pace.elapsed()));
            },
        }
    }
    let mut report = report::sum(&tallies, pace.elapsed());
    if !stop.is_cancelled() {
        report.miss(pace.missed());
    }
    if let Some(progress) = progress {
        progress.send_replace(report.clone());
    }
    Ok(report)
}
