//! One loop for all timers: it sleeps until the next one in the store is due.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use shipway_asl::{Input, Timestamp};

use crate::{
    engine::Error,
    executor::Core,
    store::{self, DueTimer},
};

/// Timers read and fired at once.
const BATCH: usize = 256;
/// Executions moved on at the same time.
const PARALLEL: usize = 32;
/// Wait before a store that could not be read is tried again.
const RETRY: Duration = Duration::from_secs(1);

impl Core {
    /// Fires timers until the engine stops.
    pub async fn run_timers(self: Arc<Self>) {
        let stop = self.stop.clone();
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.timer_loop() => {}
        }
    }

    async fn timer_loop(self: &Arc<Self>) {
        loop {
            // WHY: until the next due time is known, every new timer must ring.
            self.next_timer.store(i64::MAX, Ordering::SeqCst);
            let timers = match self.store.timers(BATCH).await {
                Ok(timers) => timers,
                Err(error) => {
                    tracing::error!(%error, "timers cannot be read; tried again");
                    tokio::time::sleep(RETRY).await;
                    continue;
                }
            };
            let now = self.clock.now();
            let due: Vec<DueTimer> = timers.iter().take_while(|timer| timer.due <= now).cloned().collect();
            if due.is_empty() {
                self.sleep(timers.first().map(|timer| timer.due)).await;
            } else {
                stream::iter(due).for_each_concurrent(PARALLEL, |timer| self.fire(timer)).await;
            }
        }
    }

    async fn sleep(&self, next: Option<Timestamp>) {
        let Some(next) = next else { return self.timer_set.notified().await };
        self.next_timer.store(next.0, Ordering::SeqCst);
        tokio::select! {
            () = self.clock.sleep_until(next) => {}
            () = self.timer_set.notified() => {}
        }
    }

    async fn fire(self: &Arc<Self>, timer: DueTimer) {
        let fired = match self
            .deliver(&timer.arn, vec![Input::TimerFired { timer: timer.timer }], Vec::new())
            .await
        {
            Err(Error::NotWaiting(_) | Error::NoExecution(_)) => {
                self.drop_timer(&timer.arn, timer.timer).await
            }
            other => other,
        };
        match fired {
            Ok(()) | Err(Error::Store(store::Error::Conflict { .. })) => {}
            Err(error) => {
                tracing::error!(%error, arn = timer.arn, "a timer could not be recorded; tried again");
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}
