//! Jobs that were started before: what the start answered is in the history, so that a restart starts none again.

use serde_json::Value;

use crate::{
    executor::Core,
    store::{self, PAGE_MAX},
};

/// How long to wait before a store that could not be read is asked again.
const AGAIN_MILLIS: u64 = 1_000;

impl Core {
    /// What the start of a task's job answered, if that has been recorded.
    pub async fn submitted(&self, arn: &str, task: u64) -> Option<Value> {
        loop {
            match self.find_submitted(arn, task).await {
                Ok(found) => return found,
                // WHY: not to know is no leave to start it again.
                Err(error) => {
                    tracing::warn!(%error, arn, task, "a job's history could not be read; it is read again");
                    self.clock.sleep_until(self.clock.now().plus_millis(AGAIN_MILLIS)).await;
                }
            }
        }
    }

    async fn find_submitted(&self, arn: &str, task: u64) -> Result<Option<Value>, store::Error> {
        let (mut after, mut last) = (task, task);
        loop {
            let page = self.store.events(arn, after, PAGE_MAX).await?;
            for event in &page {
                // The events of a task are a chain: scheduled, started, submitted.
                if event.previous_event_id != last {
                    continue;
                }
                if let Some(output) = event.submitted_output() {
                    return Ok(Some(output.clone()));
                }
                last = event.id;
            }
            match page.last() {
                Some(event) if page.len() == PAGE_MAX => after = event.id,
                _ => return Ok(None),
            }
        }
    }
}
