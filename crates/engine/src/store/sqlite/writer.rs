//! The one writer: drains the queue into one transaction, so that many commits share one flush.

use std::{
    fs,
    path::PathBuf,
    sync::Arc,
    thread::{self, JoinHandle},
};

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use tokio::sync::{mpsc, oneshot};

use super::schema::unavailable;
use crate::store::{Commit, Error, Progress, Put, status_text};

/// Commits that wait at most; more callers wait for a place.
const QUEUE_MAX: usize = 4_096;
/// Commits that share one transaction at most.
const GROUP_MAX: usize = 512;
/// Commits between two checkpoints of the write-ahead log.
const CHECKPOINT_EVERY: usize = 1_000;
/// A log above this never came to rest beside the writer: the writer itself waits for it to be emptied.
const LOG_BYTES_MAX: u64 = 64 << 20;

type Answer = Result<Vec<u64>, Error>;
type Job = (Commit, oneshot::Sender<Answer>);

/// The handle of the writer thread. Dropping it waits until the thread has written what was queued: nothing of this
/// store writes after that.
#[derive(Debug)]
pub struct Writer {
    queue: Option<mpsc::Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
    path: Arc<str>,
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            // WHY: a panic there has been reported by its hook.
            let _ = thread.join();
        }
    }
}

impl Writer {
    /// Starts the thread that owns `connection`, and one for checkpoints that owns `checkpoints`.
    pub fn start(connection: Connection, checkpoints: Connection, path: &str) -> Result<Self, Error> {
        let (queue, jobs) = mpsc::channel(QUEUE_MAX);
        let path: Arc<str> = path.into();
        let (wanted, checkpoints) = start_checkpoints(checkpoints, &path)?;
        let name = Arc::clone(&path);
        let writer = spawn("store-writer", &path, move || run(connection, jobs, &wanted, &name))?;
        Ok(Self { queue: Some(queue), threads: vec![writer, checkpoints], path })
    }

    /// Queues a commit and waits until it is durable or refused.
    pub async fn commit(&self, commit: Commit) -> Answer {
        let (answer, answered) = oneshot::channel();
        let gone = || Error::Unavailable {
            operation: format!("write {}", self.path),
            reason: "the writer has stopped".to_owned(),
        };
        let queue = self.queue.as_ref().ok_or_else(gone)?;
        queue.send((commit, answer)).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

fn spawn(name: &str, path: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    thread::Builder::new().name(name.to_owned()).spawn(run).map_err(|source| Error::Unavailable {
        operation: format!("start the {name} of {path}"),
        reason: source.to_string(),
    })
}

/// Checkpoints run beside the writer: they would make some commits wait for milliseconds.
fn start_checkpoints(
    connection: Connection,
    path: &Arc<str>,
) -> Result<(std::sync::mpsc::SyncSender<()>, JoinHandle<()>), Error> {
    let (wanted, signals) = std::sync::mpsc::sync_channel::<()>(1);
    let name = Arc::clone(path);
    let thread = spawn("store-checkpoint", path, move || {
        while signals.recv().is_ok() {
            if let Err(error) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
                tracing::warn!(%error, path = %name, "checkpoint failed; the log grows until one succeeds");
            }
        }
    })?;
    Ok((wanted, thread))
}

/// Empties a log that has grown too long while the writer never paused.
fn shorten_log(connection: &Connection, path: &str) {
    let log = PathBuf::from(format!("{path}-wal"));
    if fs::metadata(log).is_ok_and(|log| log.len() > LOG_BYTES_MAX)
        && let Err(error) = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    {
        tracing::warn!(%error, path, "the log could not be shortened; tried again later");
    }
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
            shorten_log(&connection, path);
            // WHY: a full channel means that a checkpoint is already asked for.
            let _ = checkpoint.try_send(());
        }
    }
}

/// One transaction for all; a conflict refuses only its own commit. If the transaction fails, each commit is tried
/// alone, so that one that cannot be written takes no other with it.
fn write_group(connection: &mut Connection, commits: &[Commit], path: &str) -> Vec<Answer> {
    match try_group(connection, commits) {
        Ok(answers) => answers,
        Err(source) if commits.len() <= 1 => {
            let error = unavailable("write", path, &source);
            tracing::error!(%error, "a commit was not written");
            commits.iter().map(|_| Err(error.clone())).collect()
        }
        Err(_) => {
            commits.iter().flat_map(|one| write_group(connection, std::slice::from_ref(one), path)).collect()
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
    let mut versions: Vec<u64> = Vec::with_capacity(commit.records.len());
    for put in &commit.records {
        let mut earlier = commit.records.iter().zip(&versions).rev();
        let version = match earlier.find(|(other, _)| other.key == put.key) {
            Some((_, version)) => Some(*version),
            None => record_version(transaction, &put.key)?,
        };
        if !put.expected.holds(version) {
            return Ok(Err(Error::Conflict { key: put.key.clone() }));
        }
        versions.push(version.unwrap_or(0) + 1);
    }
    if let Some(progress) = &commit.execution
        && !write_progress(transaction, progress)?
    {
        return Ok(Err(Error::Conflict { key: progress.row.arn.clone() }));
    }
    for (put, version) in commit.records.iter().zip(&versions) {
        write_record(transaction, put, *version)?;
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
            "UPDATE executions SET status = ?2, stopped_at = ?3, last_event_id = ?4, snapshot = ?5, redrives = ?6,
                 redriven_at = ?7
             WHERE id = ?1",
        )?
        .execute(params![
            id,
            status_text(row.status),
            row.stopped_at.map(|at| at.0),
            row.last_event_id,
            row.snapshot,
            row.redrives,
            row.redriven_at.map(|at| at.0)
        ])?;
    Ok(id)
}

fn insert_row(transaction: &Transaction<'_>, progress: &Progress) -> rusqlite::Result<i64> {
    let row = &progress.row;
    transaction
        .prepare_cached(
            "INSERT INTO executions
                 (arn, machine, revision, name, status, started_at, stopped_at, last_event_id, snapshot,
                  version, alias, origin, map_run)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?
        .execute(params![
            row.arn,
            row.machine,
            row.revision,
            row.name,
            status_text(row.status),
            row.started_at.0,
            row.stopped_at.map(|at| at.0),
            row.last_event_id,
            row.snapshot,
            row.origin.version,
            row.origin.alias,
            json(&row.origin)?,
            row.origin.map_run
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::Expected;

    const PATH: &str = "the-file";

    fn connection() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        crate::store::sqlite::schema::prepare(&mut connection, PATH).unwrap();
        connection
    }

    fn put(key: &str, expected: Expected, bytes: usize) -> Commit {
        let put = Put { key: key.to_owned(), expected, value: json!("x".repeat(bytes)) };
        Commit { execution: None, records: vec![put] }
    }

    #[test]
    fn a_full_disk_refuses_clearly_and_the_writer_goes_on() {
        let mut connection = connection();
        let pages: u32 = connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        connection.pragma_update(None, "max_page_count", pages).unwrap();
        let large = [put("large", Expected::Absent, 100_000)];
        let refused = write_group(&mut connection, &large, PATH).remove(0).unwrap_err().to_string();
        assert!(refused.contains(PATH) && refused.contains("full") && refused.contains("room"), "{refused}");
        connection.pragma_update(None, "max_page_count", pages + 1_000).unwrap();
        assert_eq!(write_group(&mut connection, &large, PATH), [Ok(vec![1])]);
    }

    /// A connection that cannot write the record `bad`.
    fn picky() -> Connection {
        let connection = connection();
        connection
            .execute_batch(
                "CREATE TRIGGER picky BEFORE INSERT ON records WHEN NEW.key = 'bad'
                 BEGIN SELECT RAISE(ABORT, 'no'); END",
            )
            .unwrap();
        connection
    }

    fn records(connection: &Connection) -> u32 {
        connection.query_row("SELECT count(*) FROM records", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_group_is_one_transaction() {
        let mut connection = picky();
        let mut group: Vec<Commit> = (0..100).map(|n| put(&n.to_string(), Expected::Absent, 1)).collect();
        group.push(put("bad", Expected::Absent, 1));
        assert!(try_group(&mut connection, &group).is_err());
        assert_eq!(records(&connection), 0);
        group.pop();
        assert!(try_group(&mut connection, &group).unwrap().iter().all(Result::is_ok));
        assert_eq!(records(&connection), 100);
    }

    #[test]
    fn a_commit_that_cannot_be_written_takes_no_other_with_it() {
        let mut connection = picky();
        let group = ["a", "bad", "a", "c"].map(|key| put(key, Expected::Absent, 1));
        let answers = write_group(&mut connection, &group, PATH);
        assert_eq!((&answers[0], &answers[3]), (&Ok(vec![1]), &Ok(vec![1])));
        assert!(matches!(answers[1], Err(Error::Unavailable { .. })));
        assert_eq!(answers[2], Err(Error::Conflict { key: "a".to_owned() }));
        assert_eq!(records(&connection), 2);
    }
}
