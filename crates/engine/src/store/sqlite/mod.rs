//! The embedded store: one SQLite file, durable at each commit (WAL, `synchronous=FULL`), readers beside one writer.

mod schema;
mod writer;

use std::{
    fs::{self, File, TryLockError},
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row as SqlRow, ToSql, params};
use serde::de::DeserializeOwned;
use shipway_asl::{Event, Timestamp};
use tokio::sync::Semaphore;

use self::{
    schema::{prepare, unavailable},
    writer::Writer,
};
use super::{Commit, DueTimer, Error, OpenTask, PAGE_MAX, Record, Row, RowFilter, Store, status_text};
use crate::launch::Origin;

/// Connections of readers; a read waits for a free one.
const READERS_MAX: usize = 8;
/// Largest number that SQLite's integers hold.
const INTEGER_MAX: u64 = i64::MAX as u64;

/// A store in a directory that no other process may open meanwhile.
#[derive(Debug)]
pub struct SqliteStore {
    // INVARIANT: dropped first, and with it the last write, before the directory's lock is let go.
    writer: Writer,
    readers: Arc<Readers>,
    _lock: File,
}

#[derive(Debug)]
struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    places: Semaphore,
}

impl SqliteStore {
    /// Opens the store in `directory`, creating both if they are missing.
    pub fn open(directory: &Path) -> Result<Self, Error> {
        fs::create_dir_all(directory).map_err(|source| io("create", directory, &source))?;
        let lock = lock(directory)?;
        let path = directory.join("shipway.db");
        let text = path.display().to_string();
        let mut connection = connect(&path, OpenFlags::default())?;
        prepare(&mut connection, &text)?;
        let checkpoints = connect(&path, OpenFlags::default())?;
        let readers = Arc::new(Readers { path, idle: Mutex::default(), places: Semaphore::new(READERS_MAX) });
        Ok(Self { writer: Writer::start(connection, checkpoints, &text)?, readers, _lock: lock })
    }

    async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let readers = Arc::clone(&self.readers);
        let Ok(_place) = self.readers.places.acquire().await else {
            return Err(Error::Unavailable {
                operation: "read the store".to_owned(),
                reason: "it is closed".to_owned(),
            });
        };
        tokio::task::spawn_blocking(move || readers.read(query)).await.unwrap_or_else(|error| {
            Err(Error::Unavailable { operation: "read the store".to_owned(), reason: error.to_string() })
        })
    }
}

impl Readers {
    fn read<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connect(&self.path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?,
        };
        let result = query(&connection)
            .map_err(|source| unavailable("read", &self.path.display().to_string(), &source));
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < READERS_MAX {
            idle.push(connection);
        }
        result
    }
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, Error> {
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(std::time::Duration::from_secs(10))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        // WHY: checkpoints run in a thread of their own.
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(connection)
    };
    open().map_err(|source| unavailable("open", &path.display().to_string(), &source))
}

/// Two servers on one directory would undo each other's work.
fn lock(directory: &Path) -> Result<File, Error> {
    let path = directory.join("lock");
    let open = File::options().create(true).truncate(false).read(true).write(true).open(&path);
    let mut file = open.map_err(|source| io("open", &path, &source))?;
    match file.try_lock() {
        Ok(()) => {
            let wrote = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
            wrote.map_err(|source| io("write", &path, &source))?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let holder = fs::read_to_string(&path).unwrap_or_default();
            Err(Error::Unavailable {
                operation: format!("open {}", directory.display()),
                reason: format!(
                    "process {} serves this data directory; stop it or give another directory",
                    holder.trim()
                ),
            })
        }
        Err(TryLockError::Error(source)) => Err(io("lock", &path, &source)),
    }
}

fn io(operation: &str, path: &Path, source: &std::io::Error) -> Error {
    let hint = match source.kind() {
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
            "; check that you may write there or give another data directory"
        }
        std::io::ErrorKind::StorageFull => "; make room on that disk",
        _ => "",
    };
    Error::Unavailable {
        operation: format!("{operation} {}", path.display()),
        reason: format!("{source}{hint}"),
    }
}

fn parse<T: DeserializeOwned>(text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, error.into())
    })
}

const ROW: &str = "arn, machine, revision, name, status, started_at, stopped_at, last_event_id, snapshot, origin, redrives, redriven_at FROM executions";
/// WHY: a snapshot may be a quarter of a megabyte, and a page of a list has a thousand rows.
const BARE_ROW: &str = "arn, machine, revision, name, status, started_at, stopped_at, last_event_id, x'' AS snapshot, origin, redrives, redriven_at FROM executions";

fn row(found: &SqlRow<'_>) -> rusqlite::Result<Row> {
    let status: String = found.get(4)?;
    Ok(Row {
        arn: found.get(0)?,
        machine: found.get(1)?,
        revision: found.get(2)?,
        name: found.get(3)?,
        status: parse(&format!("\"{status}\""))?,
        started_at: Timestamp(found.get(5)?),
        stopped_at: found.get::<_, Option<i64>>(6)?.map(Timestamp),
        last_event_id: found.get(7)?,
        redrives: found.get::<_, Option<u32>>(10)?.unwrap_or(0),
        redriven_at: found.get::<_, Option<i64>>(11)?.map(Timestamp),
        snapshot: found.get(8)?,
        origin: found.get::<_, Option<String>>(9)?.map_or(Ok(Origin::default()), |text| parse(&text))?,
    })
}

fn record(found: &SqlRow<'_>) -> rusqlite::Result<Record> {
    let value: String = found.get(2)?;
    Ok(Record { key: found.get(0)?, version: found.get(1)?, value: parse(&value)? })
}

/// The first text after every text that starts with `prefix`, where the last character is not the very last one.
fn after_prefix(prefix: &str) -> String {
    format!("{prefix}\u{10FFFF}")
}

fn page(limit: usize) -> i64 {
    i64::try_from(limit.min(PAGE_MAX)).unwrap_or(i64::MAX)
}

/// WHY: only what is asked for is in the query, so that each question finds its index.
fn conditions(filter: &RowFilter) -> String {
    let all = [
        (filter.machine.is_some(), " AND machine = :machine"),
        (filter.machine.is_none() && filter.map_run.is_none(), " AND instr(machine, '/') = 0"),
        (filter.map_run.is_some(), " AND map_run = :map_run"),
        (filter.status.is_some(), " AND status = :status"),
        // WHY: an ARN holds the name and is in every index that lists use, so that what does not have it is passed over
        // without reading the row.
        (filter.name.is_some(), " AND instr(arn, :name) > 0 AND instr(name, :name) > 0"),
        (filter.version.is_some(), " AND version = :version"),
        (filter.alias.is_some(), " AND alias = :alias"),
        (filter.since.is_some(), " AND started_at >= :since"),
    ];
    all.iter().filter(|(is_asked, _)| *is_asked).map(|(_, condition)| *condition).collect()
}

/// The index that gives the rows in their order. WHY: named, since SQLite, which knows nothing of how many rows a
/// status has, takes another one for as good, and reads a million rows to find the ten that run.
fn index(filter: &RowFilter) -> &'static str {
    let has_status = filter.status.is_some();
    let named = [
        (filter.map_run.is_some(), "executions_by_map_run", "executions_by_map_run_status"),
        (filter.machine.is_none(), "executions_listed", "executions_listed_by_status"),
        (filter.version.is_some(), "executions_by_version", "executions_by_version_status"),
        (filter.alias.is_some(), "executions_by_alias", "executions_by_alias_status"),
    ];
    let found = named.into_iter().find(|(is_asked, ..)| *is_asked);
    let (_, all, by_status) = found.unwrap_or((true, "executions_by_machine", "executions_by_status"));
    if has_status { by_status } else { all }
}

fn query(filter: &RowFilter) -> String {
    let columns = if filter.is_bare { BARE_ROW } else { ROW };
    format!(
        "SELECT {columns} INDEXED BY {} WHERE (started_at, arn) < (:start, :arn){} \
         ORDER BY started_at DESC, arn DESC LIMIT :limit",
        index(filter),
        conditions(filter)
    )
}

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, commit: Commit) -> Result<Vec<u64>, Error> {
        self.writer.commit(commit).await
    }

    async fn execution(&self, arn: &str) -> Result<Option<Row>, Error> {
        let arn = arn.to_owned();
        self.read(move |connection| {
            connection
                .prepare_cached(&format!("SELECT {ROW} WHERE arn = ?1"))?
                .query_row([arn], row)
                .optional()
        })
        .await
    }

    async fn executions(&self, filter: &RowFilter) -> Result<Vec<Row>, Error> {
        let filter = filter.clone();
        self.read(move |connection| {
            let (start, arn) = filter.before.clone().unwrap_or((Timestamp(i64::MAX), after_prefix("")));
            let query = query(&filter);
            let since = filter.since.map(|since| since.0);
            let (status, limit) = (filter.status.map(status_text), page(filter.limit));
            let values: [(&str, &dyn ToSql); 10] = [
                (":start", &start.0),
                (":arn", &arn),
                (":limit", &limit),
                (":machine", &filter.machine),
                (":status", &status),
                (":name", &filter.name),
                (":version", &filter.version),
                (":alias", &filter.alias),
                (":since", &since),
                (":map_run", &filter.map_run),
            ];
            let mut statement = connection.prepare_cached(&query)?;
            for (name, value) in values {
                if let Some(index) = statement.parameter_index(name)? {
                    statement.raw_bind_parameter(index, value)?;
                }
            }
            statement.raw_query().mapped(row).collect()
        })
        .await
    }

    async fn events(&self, arn: &str, after: u64, limit: usize) -> Result<Vec<Event>, Error> {
        let arn = arn.to_owned();
        self.read(move |connection| {
            connection
                .prepare_cached(
                    "SELECT event FROM events WHERE execution = (SELECT id FROM executions WHERE arn = ?1)
                     AND id > ?2 ORDER BY id LIMIT ?3",
                )?
                .query_map(params![arn, after.min(INTEGER_MAX), page(limit)], |found| {
                    parse(&found.get::<_, String>(0)?)
                })?
                .collect()
        })
        .await
    }

    async fn timers(&self, limit: usize) -> Result<Vec<DueTimer>, Error> {
        self.read(move |connection| {
            connection
                .prepare_cached("SELECT due, arn, timer FROM timers ORDER BY due, arn, timer LIMIT ?1")?
                .query_map([page(limit)], |found| {
                    Ok(DueTimer { due: Timestamp(found.get(0)?), arn: found.get(1)?, timer: found.get(2)? })
                })?
                .collect()
        })
        .await
    }

    async fn tasks(&self, after: Option<(&str, u64)>, limit: usize) -> Result<Vec<OpenTask>, Error> {
        let (arn, task) = after.map_or((String::new(), 0), |(arn, task)| (arn.to_owned(), task));
        self.read(move |connection| {
            connection
                .prepare_cached(
                    "SELECT arn, body FROM tasks WHERE (arn, task) > (?1, ?2) ORDER BY arn, task LIMIT ?3",
                )?
                .query_map(params![arn, task.min(INTEGER_MAX), page(limit)], |found| {
                    Ok(OpenTask { arn: found.get(0)?, task: parse(&found.get::<_, String>(1)?)? })
                })?
                .collect()
        })
        .await
    }

    async fn record(&self, key: &str) -> Result<Option<Record>, Error> {
        let key = key.to_owned();
        self.read(move |connection| {
            connection
                .prepare_cached("SELECT key, version, value FROM records WHERE key = ?1")?
                .query_row([key], record)
                .optional()
        })
        .await
    }

    async fn records(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Record>, Error> {
        let prefix = prefix.to_owned();
        let after = after.map(str::to_owned);
        self.read(move |connection| {
            connection
                .prepare_cached(
                    "SELECT key, version, value FROM records
                     WHERE key >= ?1 AND key < ?2 AND (?3 IS NULL OR key > ?3) AND value <> 'null'
                     ORDER BY key LIMIT ?4",
                )?
                .query_map(params![prefix, after_prefix(&prefix), after, page(limit)], record)?
                .collect()
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use shipway_asl::Status;

    use super::*;

    #[test]
    fn every_list_reads_its_rows_in_order_out_of_an_index() {
        let mut connection = Connection::open_in_memory().unwrap();
        prepare(&mut connection, "").unwrap();
        let name = || Some("m".to_owned());
        let scopes = [
            RowFilter::default(),
            RowFilter { map_run: name(), ..RowFilter::default() },
            RowFilter { machine: name(), ..RowFilter::default() },
            RowFilter { machine: name(), version: Some(1), ..RowFilter::default() },
            RowFilter { machine: name(), alias: name(), ..RowFilter::default() },
        ];
        for scope in scopes {
            for (status, equal_min) in [(None, 0), (Some(Status::Running), 1)] {
                let filter = RowFilter { status, since: Some(Timestamp(1)), ..scope.clone() };
                let explain = format!("EXPLAIN QUERY PLAN {}", query(&filter));
                let mut statement = connection.prepare(&explain).unwrap();
                let lines = statement.raw_query().mapped(|row| row.get::<_, String>(3));
                let plan: Vec<String> = lines.map(Result::unwrap).collect();
                let is_whole = filter.machine.is_none() && filter.map_run.is_none();
                let equal = plan.concat().matches("=?").count();
                let wanted = equal_min
                    + usize::from(!is_whole)
                    + usize::from(filter.version.is_some() || filter.alias.is_some());
                assert!(plan.len() == 1 && plan[0].contains(index(&filter)) && equal == wanted, "{plan:?}");
            }
        }
    }
}
