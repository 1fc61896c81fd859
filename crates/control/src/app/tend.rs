//! Looks after the host while the server runs: what should run and does not is started again.

use futures_util::future::{Either, select};
use tokio_util::sync::CancellationToken;

use super::Shipway;
use crate::Millis;

/// Time between two looks: a group whose keeper was killed stands still that long at most.
const ROUND: Millis = Millis(2_000);

impl Shipway {
    /// Reconciles the host again and again until `stop` is cancelled.
    pub(super) async fn tend_host(self, stop: CancellationToken) {
        let clock = self.engine.clock();
        loop {
            let due = clock.now().plus_millis(ROUND.0);
            match select(Box::pin(stop.cancelled()), clock.sleep_until(due)).await {
                Either::Left(_) => break,
                Either::Right(_) => self.reconcile().await,
            }
        }
    }

    /// Starts again what should run and does not.
    pub(super) async fn reconcile(&self) {
        match self.host.reconcile().await {
            Ok(started) => started.iter().for_each(|what| tracing::info!(what, "reconciled")),
            Err(error) => tracing::error!(%error, "the host could not be reconciled"),
        }
    }
}
