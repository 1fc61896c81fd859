//! Lines of control and what they wait for. Their changes are the fold's (`execution`).

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::definition::StateKind;
use crate::event::Purpose;
use crate::timestamp::Timestamp;

/// One line of control: the machine, a branch or an iteration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Frame {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<u64>,
    /// Which branch or item of the parent.
    pub index: u32,
    /// `previousEventId` of its next event.
    pub previous: u64,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub variables: Map<String, Value>,
    /// The variables' size as JSON.
    #[serde(default)]
    pub variable_bytes: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<Active>,
    /// The state that it would have entered next, and with what, if it was given up between two states.
    #[serde(skip)]
    pub next: Option<(String, Arc<Value>)>,
}

/// The state that a frame is in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Active {
    pub name: String,
    pub kind: StateKind,
    /// The event that entered it.
    pub entered: u64,
    /// The event before that one.
    #[serde(default)]
    pub before: u64,
    pub entered_at: Timestamp,
    pub input: Arc<Value>,
    /// `$$.State.RetryCount`
    #[serde(default)]
    pub retries: u32,
    /// Retries by retrier.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timers: Vec<u64>,
    pub work: Work,
}

/// What the state is at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Work {
    None,
    Task { task: u64, started: bool, submitted: bool },
    Fork(Fork),
    MapRun(Run),
}

/// A Map Run that a state waits for, or has waited for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    /// Id of the event that started it.
    pub run: u64,
    pub arn: String,
    /// The items that came with the state's data.
    pub items: Arc<Value>,
    pub is_over: bool,
    /// The event before the one that started it.
    #[serde(default)]
    pub before: u64,
    /// How often it was redriven.
    #[serde(default)]
    pub redrives: u32,
    /// Whether a redrive starts another one in its place.
    #[serde(default)]
    pub is_spent: bool,
}

/// Branches or iterations that a state waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Fork {
    /// The items of a Map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Arc<Value>>,
    pub results: Vec<Option<Arc<Value>>>,
    /// How many have been started.
    pub started: u32,
    /// How many have ended.
    pub ended: u32,
    /// Most that run at a time; 0 for all.
    pub concurrency: u32,
}

/// A running timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Timer {
    pub frame: u64,
    pub purpose: Purpose,
    #[serde(default)]
    pub due: Timestamp,
}

impl Fork {
    pub(super) fn new(length: usize, concurrency: u32, items: Option<Arc<Value>>) -> Self {
        Self { items, results: vec![None; length], started: 0, ended: 0, concurrency }
    }

    /// Whether all have ended.
    pub fn is_done(&self) -> bool {
        self.ended as usize == self.results.len()
    }

    /// Whether another one may be started now.
    pub fn may_start(&self) -> bool {
        let running = self.started.saturating_sub(self.ended);
        (self.started as usize) < self.results.len() && (self.concurrency == 0 || running < self.concurrency)
    }

    /// The results in the order of the branches or items.
    pub fn output(&self) -> Value {
        self.results.iter().map(|result| result.as_deref().cloned().unwrap_or_default()).collect()
    }
}
