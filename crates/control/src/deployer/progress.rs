//! How a running deployment stands, for people. Kept in memory only; what is durable stands in the history.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

/// How one service of a deployment stands: what Odin's dots show.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Processes that are to run.
    pub wanted: u16,
    /// How many of them must be healthy.
    pub needed: u16,
    /// Healthy ones.
    pub healthy: u16,
    /// Started and not healthy yet.
    pub starting: u16,
    /// Ended or being stopped.
    pub stopped: u16,
    /// Share of new requests that the new version gets, 0 to 100.
    pub percent: u8,
    /// Last evidence: the last probe or count that was judged.
    pub evidence: Option<String>,
}

/// What handlers saw last, by deployment and service. An entry lives as long as its deployment runs.
#[derive(Clone, Debug, Default)]
pub struct Live(Arc<Mutex<BTreeMap<String, BTreeMap<String, Progress>>>>);

impl Live {
    /// Replaces what is known of a deployment.
    pub fn report(&self, deployment: &str, progress: &BTreeMap<String, Progress>) {
        let mut live = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        live.insert(deployment.to_owned(), progress.clone());
    }

    /// Forgets an ended deployment.
    pub fn forget(&self, deployment: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(deployment);
    }

    /// What is known of a deployment.
    pub fn of(&self, deployment: &str) -> Option<BTreeMap<String, Progress>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(deployment).cloned()
    }
}
