//! A store in memory, for tests and dry runs: keeps nothing over the process's end.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use serde_json::Value;
use shipway_asl::{Event, ScheduledTask, Timestamp};

use super::{Commit, DueTimer, Error, OpenTask, PAGE_MAX, Progress, Put, Record, Row, RowFilter, Store};

/// A store that lives as long as this value.
#[derive(Debug, Default)]
pub struct MemoryStore {
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    executions: BTreeMap<String, Row>,
    by_start: BTreeSet<(Timestamp, String)>,
    events: BTreeMap<String, Vec<Event>>,
    tasks: BTreeMap<(String, u64), ScheduledTask>,
    timers: BTreeSet<DueTimer>,
    records: BTreeMap<String, Record>,
}

impl MemoryStore {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn check(&self, commit: &Commit) -> Result<(), Error> {
        if let Some(progress) = &commit.execution {
            let last = self.executions.get(&progress.row.arn).map_or(0, |row| row.last_event_id);
            if last != progress.expected_event_id {
                return Err(Error::Conflict { key: progress.row.arn.clone() });
            }
        }
        let mut written: BTreeMap<&str, u64> = BTreeMap::new();
        for put in &commit.records {
            let stored = || self.records.get(&put.key).map(|record| record.version);
            let version = written.get(put.key.as_str()).copied().or_else(stored);
            if !put.expected.holds(version) {
                return Err(Error::Conflict { key: put.key.clone() });
            }
            written.insert(&put.key, version.unwrap_or(0) + 1);
        }
        Ok(())
    }

    fn write_progress(&mut self, progress: Progress) {
        let arn = progress.row.arn.clone();
        self.by_start.insert((progress.row.started_at, arn.clone()));
        self.events.entry(arn.clone()).or_default().extend(progress.events);
        for task in progress.tasks_removed {
            self.tasks.remove(&(arn.clone(), task));
        }
        for task in progress.tasks_added {
            self.tasks.insert((arn.clone(), task.task), task);
        }
        let mut gone = progress.timers_removed;
        gone.extend(progress.timers_added.iter().map(|(timer, _)| *timer));
        if !gone.is_empty() {
            self.timers.retain(|timer| timer.arn != arn || !gone.contains(&timer.timer));
        }
        for (timer, due) in progress.timers_added {
            self.timers.insert(DueTimer { due, arn: arn.clone(), timer });
        }
        self.executions.insert(arn, progress.row);
    }

    fn write_record(&mut self, put: Put) -> u64 {
        let version = self.records.get(&put.key).map_or(0, |record| record.version) + 1;
        self.records.insert(put.key.clone(), Record { key: put.key, version, value: put.value });
        version
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn commit(&self, commit: Commit) -> Result<Vec<u64>, Error> {
        let mut tables = self.tables();
        tables.check(&commit)?;
        if let Some(progress) = commit.execution {
            tables.write_progress(progress);
        }
        Ok(commit.records.into_iter().map(|put| tables.write_record(put)).collect())
    }

    async fn execution(&self, arn: &str) -> Result<Option<Row>, Error> {
        Ok(self.tables().executions.get(arn).cloned())
    }

    async fn executions(&self, filter: &RowFilter) -> Result<Vec<Row>, Error> {
        let tables = self.tables();
        let is_wanted = |row: &&Row| {
            let is_child = row.machine.contains('/');
            filter
                .machine
                .as_ref()
                .map_or(filter.map_run.is_some() || !is_child, |machine| *machine == row.machine)
                && filter.map_run.as_ref().is_none_or(|run| row.origin.map_run.as_ref() == Some(run))
                && filter.status.is_none_or(|status| status == row.status)
                && filter.name.as_ref().is_none_or(|name| row.name.contains(name.as_str()))
                && filter.version.is_none_or(|version| row.origin.version == Some(version))
                && filter.alias.as_ref().is_none_or(|alias| row.origin.alias.as_ref() == Some(alias))
                && filter.since.is_none_or(|since| row.started_at >= since)
        };
        let rows = tables
            .by_start
            .iter()
            .rev()
            .filter(|key| filter.before.as_ref().is_none_or(|before| *key < before))
            .filter_map(|(_, arn)| tables.executions.get(arn))
            .filter(is_wanted)
            .take(filter.limit.min(PAGE_MAX));
        let shown = |row: &Row| match filter.is_bare {
            true => Row { snapshot: Vec::new(), ..row.clone() },
            false => row.clone(),
        };
        Ok(rows.map(shown).collect())
    }

    async fn events(&self, arn: &str, after: u64, limit: usize) -> Result<Vec<Event>, Error> {
        let tables = self.tables();
        let events = tables.events.get(arn).map_or(&[][..], Vec::as_slice);
        let first = events.partition_point(|event| event.id <= after);
        Ok(events.iter().skip(first).take(limit.min(PAGE_MAX)).cloned().collect())
    }

    async fn timers(&self, limit: usize) -> Result<Vec<DueTimer>, Error> {
        Ok(self.tables().timers.iter().take(limit.min(PAGE_MAX)).cloned().collect())
    }

    async fn tasks(&self, after: Option<(&str, u64)>, limit: usize) -> Result<Vec<OpenTask>, Error> {
        let is_after = |arn: &str, task: u64| after.is_none_or(|after| (arn, task) > after);
        let tables = self.tables();
        let open = tables.tasks.iter().filter(|((arn, task), _)| is_after(arn, *task));
        Ok(open
            .take(limit.min(PAGE_MAX))
            .map(|((arn, _), task)| OpenTask { arn: arn.clone(), task: task.clone() })
            .collect())
    }

    async fn record(&self, key: &str) -> Result<Option<Record>, Error> {
        Ok(self.tables().records.get(key).cloned())
    }

    async fn records(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Record>, Error> {
        let tables = self.tables();
        let records =
            tables.records.range(prefix.to_owned()..).take_while(|(key, _)| key.starts_with(prefix)).filter(
                |(key, record)| after.is_none_or(|after| key.as_str() > after) && record.value != Value::Null,
            );
        Ok(records.take(limit.min(PAGE_MAX)).map(|(_, record)| record.clone()).collect())
    }
}
