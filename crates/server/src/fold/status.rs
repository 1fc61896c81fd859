//! How a state stands: one visit of it, and all its visits together.

use std::collections::BTreeMap;

/// How one state of an execution stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StateStatus {
    /// Not entered.
    Waiting,
    /// Entered and not exited.
    Running,
    /// Exited as planned.
    Succeeded,
    /// Nothing took the error that it came to.
    Failed,
    /// It failed, and a catcher took over.
    Caught,
    /// It was given up since something else failed, or the execution was stopped.
    Aborted,
}

impl StateStatus {
    /// The word for it, for people and for styles.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Caught => "caught",
            Self::Aborted => "aborted",
        }
    }
}

/// How each state stands; states that are not named wait.
pub type Statuses = BTreeMap<String, StateStatus>;

/// Visits of one state, counted.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    counts: BTreeMap<StateStatus, usize>,
    last: Option<StateStatus>,
}

impl Tally {
    /// One visit stands otherwise than before.
    pub fn turn(&mut self, before: Option<StateStatus>, now: StateStatus) {
        if let Some(count) = before.and_then(|before| self.counts.get_mut(&before)) {
            *count = count.saturating_sub(1);
        }
        let count = self.counts.entry(now).or_default();
        *count = count.saturating_add(1);
        self.last = Some(now);
    }

    /// What is said of the state as a whole: it runs, or something is wrong with it, or how it stood last.
    pub fn whole(&self) -> StateStatus {
        let has = |status| self.counts.get(&status).is_some_and(|count| *count > 0);
        match self.last {
            _ if has(StateStatus::Running) => StateStatus::Running,
            _ if has(StateStatus::Failed) => StateStatus::Failed,
            Some(last) => last,
            None => StateStatus::Waiting,
        }
    }
}
