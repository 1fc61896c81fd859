//! The one writer: drains the queue into one transaction, so that many commits share one flush.

use std::{sync::Arc, thread};

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use tokio::sync::{mpsc, oneshot};

use super::schema::unavailable;
use crate::store::{Commit, Error, Progress, Put};

/// Commits that wait at most; more callers wait for a place.
const QUEUE_MAX: usize = 4_096;
/// Commits that share one transaction at most.
const GROUP_MAX: usize = 512;
/// Commits between two checkpoints of the write-ahead log.
const CHECKPOINT_EVERY: usize = 1_000;

type Answer = Result<Vec<u64>, Error>;
type Job = (Commit, oneshot::Sender<Answer>);

/// A handle of the writer thread; the thread ends when the last handle is gone.
#[derive(Clone, Debug)]
pub struct Writer {
    queue: mpsc::Sender<Job>,
    path: Arc<str>,
}

impl Writer {
    /// Starts the thread that owns `connection`, and one for checkpoints that owns `checkpoints`.
    pub fn start(connection: Connection, checkpoints: Connection, path: &str) -> Result<Self, Error> {
        let (queue, jobs) = mpsc::channel(QUEUE_MAX);
        let path: Arc<str> = path.into();
        let checkpoint = start_checkpoints(checkpoints, &path)?;
        let name = Arc::clone(&path);
        spawn("store-writer", &path, move || run(connection, jobs, &checkpoint, &name))?;
        Ok(Self { queue, path })
    }

    /// Queues a commit and waits until it is durable or refused.
    pub async fn commit(&self, commit: Commit) -> Answer {
        let (answer, answered) = oneshot::channel();
        let gone = || Error::Unavailable {
            operation: format!("write {}", self.path),
            reason: "the writer has stopped".to_owned(),
        };
        self.queue.send((commit, answer)).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

fn spawn(name: &str, path: &str, run: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    thread::Builder::new().name(name.to_owned()).spawn(run).map(drop).map_err(|source| Error::Unavailable {
        operation: format!("start the {name} of {path}"),
        reason: source.to_string(),
    })
}

/// Checkpoints run beside the writer: they would make some commits wait for milliseconds.
fn start_checkpoints(
    connection: Connection,
    path: &Arc<str>,
) -> Result<std::sync::mpsc::SyncSender<()>, Error> {
    let (wanted, signals) = std::sync::mpsc::sync_channel::<()>(1);
    let name = Arc::clone(path);
    spawn("store-checkpoint", path, move || {
        while signals.recv().is_ok() {
            if let Err(error) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
                tracing::warn!(%error, path = %name, "checkpoint failed; the log grows until one succeeds");
            }
        }
    })?;
    Ok(wanted)
}

fn run(
    mut connection: Connection,
    mut jobs: mpsc::Receiver<Job>,
    checkpoint: &std::sync::mpsc::SyncSender<()>,
    path: &str,
) {
    let mut since_checkpoint = 0;
    while let Some(first) = jobs.blocking_recv() {
        let mut group = vec![first];
        while group.len() < GROUP_MAX {
            match jobs.try_recv() {
                Ok(job) => group.push(job),
                Err(_) => break,
            }
        }
        since_checkpoint += group.len();
        let (commits, answers): (Vec<_>, Vec<_>) = group.into_iter().unzip();
        let results = write_group(&mut connection, &commits, path);
        for (answer, result) in answers.into_iter().zip(results) {
            // WHY: who does not wait any more does not need the answer.
            let _ = answer.send(result);
        }
        if since_checkpoint >= CHECKPOINT_EVERY {
            since_checkpoint = 0;
            // WHY: a full channel means that a checkpoint is already asked for.
            let _ = checkpoint.try_send(());
        }
    }
}

/// One transaction for all; a conflict refuses only its own commit, a failure of the disk refuses all.
fn write_group(connection: &mut Connection, commits: &[Commit], path: &str) -> Vec<Answer> {
    match try_group(connection, commits) {
        Ok(answers) => answers,
        Err(source) => {
            let error = unavailable("write", path, &source);
            tracing::error!(%error, commits = commits.len(), "nothing of the group was written");
            commits.iter().map(|_| Err(error.clone())).collect()
        }
    }
}

fn try_group(connection: &mut Connection, commits: &[Commit]) -> rusqlite::Result<Vec<Answer>> {
    let transaction = connection.transaction()?;
    let mut answers = Vec::with_capacity(commits.len());
    for commit in commits {
        answers.push(write(&transaction, commit)?);
    }
    transaction.commit()?;
    Ok(answers)
}

/// Checks everything first, so that a refused commit has written nothing.
fn write(transaction: &Transaction<'_>, commit: &Commit) -> rusqlite::Result<Answer> {
    let mut current = Vec::with_capacity(commit.records.len());
    for put in &commit.records {
        let version = record_version(transaction, &put.key)?;
        if !put.expected.holds(version) {
            return Ok(Err(Error::Conflict { key: put.key.clone() }));
        }
        current.push(version.unwrap_or(0));
    }
    if let Some(progress) = &commit.execution {
        if !write_progress(transaction, progress)? {
            return Ok(Err(Error::Conflict { key: progress.row.arn.clone() }));
        }
    }
    let mut versions = Vec::with_capacity(current.len());
    for (put, version) in commit.records.iter().zip(current) {
        write_record(transaction, put, version + 1)?;
        versions.push(version + 1);
    }
    Ok(Ok(versions))
}

fn record_version(transaction: &Transaction<'_>, key: &str) -> rusqlite::Result<Option<u64>> {
    transaction
        .prepare_cached("SELECT version FROM records WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()
}

fn write_record(transaction: &Transaction<'_>, put: &Put, version: u64) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO records (key, version, value) VALUES (?1, ?2, ?3)
             ON CONFLICT (key) DO UPDATE SET version = ?2, value = ?3",
        )?
        .execute(params![put.key, version, put.value.to_string()])
        .map(drop)
}

fn write_progress(transaction: &Transaction<'_>, progress: &Progress) -> rusqlite::Result<bool> {
    let row = &progress.row;
    let known: Option<(i64, u64)> = transaction
        .prepare_cached("SELECT id, last_event_id FROM executions WHERE arn = ?1")?
        .query_row([&row.arn], |found| Ok((found.get(0)?, found.get(1)?)))
        .optional()?;
    if known.map_or(0, |(_, last)| last) != progress.expected_event_id {
        return Ok(false);
    }
    let id = match known {
        Some((id, _)) => update_row(transaction, id, progress)?,
        None => insert_row(transaction, progress)?,
    };
    let mut insert =
        transaction.prepare_cached("INSERT INTO events (execution, id, event) VALUES (?1, ?2, ?3)")?;
    for event in &progress.events {
        insert.execute(params![id, event.id, json(event)?])?;
    }
    write_tasks(transaction, progress)?;
    write_timers(transaction, progress)?;
    Ok(true)
}

fn update_row(transaction: &Transaction<'_>, id: i64, progress: &Progress) -> rusqlite::Result<i64> {
    let row = &progress.row;
    transaction
        .prepare_cached(
            "UPDATE executions SET status = ?2, stopped_at = ?3, last_event_id = ?4, snapshot = ?5 WHERE id = ?1",
        )?
        .execute(params![
            id,
            super::status_text(row.status),
            row.stopped_at.map(|at| at.0),
            row.last_event_id,
            row.snapshot
        ])?;
    Ok(id)
}

fn insert_row(transaction: &Transaction<'_>, progress: &Progress) -> rusqlite::Result<i64> {
    let row = &progress.row;
    transaction
        .prepare_cached(
            "INSERT INTO executions
                 (arn, machine, revision, name, status, started_at, stopped_at, last_event_id, snapshot)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            row.arn,
            row.machine,
            row.revision,
            row.name,
            super::status_text(row.status),
            row.started_at.0,
            row.stopped_at.map(|at| at.0),
            row.last_event_id,
            row.snapshot
        ])?;
    Ok(transaction.last_insert_rowid())
}

fn write_tasks(transaction: &Transaction<'_>, progress: &Progress) -> rusqlite::Result<()> {
    let arn = &progress.row.arn;
    for task in &progress.tasks_removed {
        transaction
            .prepare_cached("DELETE FROM tasks WHERE arn = ?1 AND task = ?2")?
            .execute(params![arn, task])?;
    }
    for task in &progress.tasks_added {
        transaction
            .prepare_cached("INSERT INTO tasks (arn, task, body) VALUES (?1, ?2, ?3)")?
            .execute(params![arn, task.task, json(task)?])?;
    }
    Ok(())
}

fn write_timers(transaction: &Transaction<'_>, progress: &Progress) -> rusqlite::Result<()> {
    let arn = &progress.row.arn;
    for timer in &progress.timers_removed {
        transaction
            .prepare_cached("DELETE FROM timers WHERE arn = ?1 AND timer = ?2")?
            .execute(params![arn, timer])?;
    }
    for (timer, due) in &progress.timers_added {
        transaction
            .prepare_cached("INSERT OR REPLACE INTO timers (arn, timer, due) VALUES (?1, ?2, ?3)")?
            .execute(params![arn, timer, due.0])?;
    }
    Ok(())
}

fn json(value: &impl serde::Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}
