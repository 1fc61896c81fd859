//! The demo's load: constant, over kept-alive connections, with slow requests among them.

use std::time::Duration;

use shipway_host::load::{BadPlan, PathShare, Plan, Report, run_with_progress};
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::repo::BROKEN;
use crate::failure::Failure;

/// Requests per second.
pub const RATE: f64 = 200.0;
/// Connections at once: most wait for a slow answer.
const CONNECTIONS: usize = 24;
/// Time for a request.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A load that goes on until it is stopped.
pub struct Load {
    stop: CancellationToken,
    progress: watch::Receiver<Report>,
    running: JoinHandle<Result<Report, BadPlan>>,
}

impl Load {
    /// Starts it.
    pub fn start(port: u16) -> Self {
        let share = |path: &str, weight| PathShare { path: path.to_owned(), weight };
        let plan = Plan {
            connections: CONNECTIONS,
            rate: Some(RATE),
            // WHY: the paths come in turn, and the canary gets each fifth request. Eleven and five have no common
            // factor, so the canary sees all paths; of ten it could see the same two for ever.
            paths: vec![share("/", 7), share(BROKEN, 3), share("/slow", 1)],
            timeout: TIMEOUT,
            ..Plan::new(format!("http://127.0.0.1:{port}"))
        };
        let stop = CancellationToken::new();
        let (sender, progress) = watch::channel(Report::default());
        let running = tokio::spawn(run_with_progress(plan, Some(sender), stop.clone()));
        Self { stop, progress, running }
    }

    /// What has come back so far.
    pub fn report(&self) -> Report {
        self.progress.borrow().clone()
    }

    /// The same once all that was under way at this moment has come back.
    pub async fn settled(&self) -> Report {
        let mut progress = self.progress.clone();
        progress.mark_unchanged();
        // WHY: three reports are longer apart than a slow request takes.
        for _ in 0..4 {
            if progress.changed().await.is_err() {
                break;
            }
        }
        progress.borrow().clone()
    }

    /// Ends it.
    pub async fn stop(mut self) -> Result<Report, Failure> {
        self.stop.cancel();
        match (&mut self.running).await {
            Ok(Ok(report)) => Ok(report),
            Ok(Err(error)) => Err(Failure::of("the load", &error)),
            Err(error) => Err(Failure::of("the load broke", &error)),
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
