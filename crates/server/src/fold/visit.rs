//! What is known of one visit of a state: when, its attempts, its items. Payloads are not kept, only their events.

use shipway_asl::Timestamp;

use super::StateStatus;

/// Characters of a cause that are kept; the event has the rest.
const CAUSE_CHARS_MAX: usize = 2_000;

/// One visit of a state.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The event that entered the state.
    pub entered_by: u64,
    /// The state's name.
    pub state: String,
    /// `Task`, `Map`, ...
    pub kind: String,
    /// What it happens in; none for a state of the machine itself.
    pub place: Option<Place>,
    /// When it was entered.
    pub entered_at: Timestamp,
    /// The event that exited it.
    pub exited_by: Option<u64>,
    /// When it was exited or given up.
    pub ended_at: Option<Timestamp>,
    /// How it stands.
    pub status: StateStatus,
    /// What was tried, in order.
    pub attempts: Vec<Attempt>,
    /// What went wrong last, as long as nothing went right since.
    pub trouble: Option<Trouble>,
    /// The visit that came after it.
    pub next: Option<usize>,
    /// Visits that happen directly in it.
    pub inner: Vec<usize>,
    /// The Map Run that it has started.
    pub map_run: Option<String>,
}

/// The branch or item that a visit belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The visit of the Parallel or Map.
    pub outer: usize,
    /// Which attempt of it.
    pub attempt: usize,
    /// Which branch or item.
    pub index: u32,
}

/// One try of a state's work.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The event that began it.
    pub begun_by: u64,
    /// When.
    pub begun_at: Timestamp,
    /// What does it, as far as the event says.
    pub resource: String,
    /// When a worker began.
    pub started_at: Option<Timestamp>,
    /// When it was handed over to who answers later.
    pub submitted_at: Option<Timestamp>,
    /// The event that ended it, and when.
    pub ended: Option<(u64, Timestamp)>,
    /// What went wrong with it.
    pub trouble: Option<Trouble>,
    /// How many items a Map has.
    pub length: u64,
    /// The items of a Map that were begun, in that order.
    pub items: Vec<Item>,
}

/// One item of a Map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its number, from 0.
    pub index: u32,
    /// How it stands.
    pub status: StateStatus,
    /// When it was begun.
    pub begun_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The first visit in it.
    pub first: Option<usize>,
}

/// An error and its cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The event that tells it whole.
    pub event: u64,
    /// Error name.
    pub error: String,
    /// Cause, its beginning.
    pub cause: String,
}

impl Trouble {
    /// What an event tells.
    pub fn new(event: u64, error: &str, cause: &str) -> Self {
        Self { event, error: error.to_owned(), cause: cause.chars().take(CAUSE_CHARS_MAX).collect() }
    }
}

impl Visit {
    /// How long it took, or has taken until `now`.
    pub fn millis(&self, now: Timestamp) -> u64 {
        self.ended_at.unwrap_or(now).millis_since(self.entered_at)
    }

    /// The last attempt, if it goes on.
    pub fn open_attempt(&self) -> Option<&Attempt> {
        self.attempts.last().filter(|attempt| attempt.ended.is_none() && self.ended_at.is_none())
    }

    /// Whether the last attempt failed and another one is to come.
    pub fn is_between_attempts(&self) -> bool {
        self.ended_at.is_none() && self.trouble.is_some()
    }

    /// Since when somebody with a task token is waited for.
    pub fn waits_for_token_since(&self) -> Option<Timestamp> {
        let attempt = self.open_attempt()?;
        attempt.resource.ends_with(".waitForTaskToken").then_some(attempt.submitted_at)?
    }

    /// How many items a Map has.
    pub fn length(&self) -> u64 {
        self.attempts.last().map_or(0, |attempt| attempt.length)
    }
}

impl Attempt {
    pub(super) fn new(begun_by: u64, begun_at: Timestamp, resource: String, length: u64) -> Self {
        Self {
            begun_by,
            begun_at,
            resource,
            started_at: None,
            submitted_at: None,
            ended: None,
            trouble: None,
            length,
            items: Vec::new(),
        }
    }

    /// How many of the items that have begun stand so.
    pub fn count(&self, status: StateStatus) -> usize {
        self.items.iter().filter(|item| item.status == status).count()
    }
}
