//! What a group of commits comes to, decided before anything is written. Pure: what the database holds is given.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use shipway_asl::{Event, ScheduledTask, Timestamp};

use crate::store::{Commit, Error, Progress, Put, Row};

/// What becomes of one commit.
pub type Answer = Result<Vec<u64>, Error>;

/// What the database holds of that which a group names.
#[derive(Debug, Default)]
pub struct Found {
    /// Versions of records.
    pub records: HashMap<String, u64>,
    /// Number and last event of executions.
    pub executions: HashMap<String, (i64, u64)>,
    /// Numbers for new executions, as many as may be needed.
    pub fresh: Vec<i64>,
}

/// A record as the group leaves it.
#[derive(Debug, PartialEq)]
pub struct PlannedRecord<'a> {
    pub is_new: bool,
    pub version: u64,
    pub value: &'a Value,
}

/// An execution as the group leaves it.
#[derive(Debug, PartialEq)]
pub struct PlannedRow<'a> {
    pub is_new: bool,
    pub id: i64,
    pub row: &'a Row,
}

/// What is to be written, each thing once however many commits touch it, and what each commit is answered.
#[derive(Debug, Default)]
pub struct Plan<'a> {
    pub answers: Vec<Answer>,
    pub records: BTreeMap<&'a str, PlannedRecord<'a>>,
    pub executions: BTreeMap<&'a str, PlannedRow<'a>>,
    /// Events by the number of their execution.
    pub events: Vec<(i64, &'a Event)>,
    /// None: done or not wanted any more.
    pub tasks: BTreeMap<(&'a str, u64), Option<&'a ScheduledTask>>,
    /// None: fired or not wanted any more.
    pub timers: BTreeMap<(&'a str, u64), Option<Timestamp>>,
}

impl<'a> Plan<'a> {
    /// Takes the commits in their order; each sees what those before it leave.
    pub fn of(commits: &'a [Commit], mut found: Found) -> Self {
        let mut plan = Self::default();
        for commit in commits {
            let answer = plan.take(commit, &mut found);
            plan.answers.push(answer);
        }
        plan
    }

    /// Whether nothing is to be written.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.executions.is_empty()
    }

    /// Checks all of a commit first, so that a refused one leaves nothing.
    fn take(&mut self, commit: &'a Commit, found: &mut Found) -> Answer {
        let versions = self.versions(&commit.records, found)?;
        if let Some(progress) = &commit.execution {
            self.take_progress(progress, found)?;
        }
        for (put, version) in commit.records.iter().zip(&versions) {
            let is_new = !found.records.contains_key(&put.key);
            let record = PlannedRecord { is_new, version: *version, value: &put.value };
            self.records.insert(&put.key, record);
        }
        Ok(versions)
    }

    /// The versions that the records of a commit get; within it, a later one sees an earlier one.
    fn versions(&self, puts: &'a [Put], found: &Found) -> Answer {
        let mut own: HashMap<&str, u64> = HashMap::new();
        let mut versions = Vec::with_capacity(puts.len());
        for put in puts {
            let key = put.key.as_str();
            let planned = || self.records.get(key).map(|record| record.version);
            let stored = || found.records.get(key).copied();
            let version = own.get(key).copied().or_else(planned).or_else(stored);
            if !put.expected.holds(version) {
                return Err(Error::Conflict { key: put.key.clone() });
            }
            let next = version.unwrap_or(0) + 1;
            own.insert(key, next);
            versions.push(next);
        }
        Ok(versions)
    }

    fn take_progress(&mut self, progress: &'a Progress, found: &mut Found) -> Result<(), Error> {
        let arn = progress.row.arn.as_str();
        let conflict = || Error::Conflict { key: arn.to_owned() };
        let stored = found.executions.get(arn).copied();
        let planned = self.executions.get(arn).map(|planned| (planned.id, planned.row.last_event_id));
        let standing = planned.or(stored);
        if standing.map_or(0, |(_, last)| last) != progress.expected_event_id {
            return Err(conflict());
        }
        let id = match standing {
            Some((id, _)) => id,
            None => found.fresh.pop().ok_or_else(conflict)?,
        };
        let row = PlannedRow { is_new: stored.is_none(), id, row: &progress.row };
        self.executions.insert(arn, row);
        self.events.extend(progress.events.iter().map(|event| (id, event)));
        self.tasks.extend(progress.tasks_removed.iter().map(|task| ((arn, *task), None)));
        self.tasks.extend(progress.tasks_added.iter().map(|task| ((arn, task.task), Some(task))));
        self.timers.extend(progress.timers_removed.iter().map(|timer| ((arn, *timer), None)));
        self.timers.extend(progress.timers_added.iter().map(|(timer, due)| ((arn, *timer), Some(*due))));
        Ok(())
    }
}
