//! The tables, and the format version that guards them.

use rusqlite::Connection;

use crate::store::Error;

/// Format of the file; a file with a higher one was written by a newer Shipway.
pub const FORMAT: i64 = 4;

const TABLES: &str = "
CREATE TABLE executions (
    id            INTEGER PRIMARY KEY,
    arn           TEXT NOT NULL UNIQUE,
    machine       TEXT NOT NULL,
    revision      INTEGER NOT NULL,
    name          TEXT NOT NULL,
    status        TEXT NOT NULL,
    started_at    INTEGER NOT NULL,
    stopped_at    INTEGER,
    last_event_id INTEGER NOT NULL,
    snapshot      BLOB NOT NULL,
    version       INTEGER,
    alias         TEXT,
    origin        TEXT,
    redrives      INTEGER,
    redriven_at   INTEGER,
    map_run       TEXT
);
CREATE INDEX executions_by_machine ON executions (machine, started_at, arn);
CREATE INDEX executions_by_status ON executions (machine, status, started_at, arn);
CREATE INDEX executions_by_version ON executions (machine, version, started_at, arn) WHERE version IS NOT NULL;
CREATE INDEX executions_by_alias ON executions (machine, alias, started_at, arn) WHERE alias IS NOT NULL;
CREATE TABLE events (
    execution INTEGER NOT NULL,
    id        INTEGER NOT NULL,
    event     TEXT NOT NULL,
    PRIMARY KEY (execution, id)
) WITHOUT ROWID;
CREATE TABLE tasks (
    arn  TEXT NOT NULL,
    task INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (arn, task)
) WITHOUT ROWID;
CREATE TABLE timers (
    arn   TEXT NOT NULL,
    timer INTEGER NOT NULL,
    due   INTEGER NOT NULL,
    PRIMARY KEY (arn, timer)
) WITHOUT ROWID;
CREATE INDEX timers_by_due ON timers (due, arn, timer);
CREATE TABLE records (
    key     TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    value   TEXT NOT NULL
) WITHOUT ROWID;
";

/// From format 1: executions say how they came to be.
const FROM_1: &str = "
ALTER TABLE executions ADD COLUMN version INTEGER;
ALTER TABLE executions ADD COLUMN alias TEXT;
ALTER TABLE executions ADD COLUMN origin TEXT;
CREATE INDEX executions_by_status ON executions (machine, status, started_at, arn);
CREATE INDEX executions_by_version ON executions (machine, version, started_at, arn) WHERE version IS NOT NULL;
CREATE INDEX executions_by_alias ON executions (machine, alias, started_at, arn) WHERE alias IS NOT NULL;
";

/// From format 2: executions say how often they were redriven, and when last.
const FROM_2: &str = "
ALTER TABLE executions ADD COLUMN redrives INTEGER;
ALTER TABLE executions ADD COLUMN redriven_at INTEGER;
";

/// From format 3, and in a new file: every question that lists ask has an index that gives its rows in their order, so
/// that a page costs what is on it, however many executions there are.
const LISTS: &str = "
CREATE INDEX executions_listed ON executions (started_at, arn) WHERE instr(machine, '/') = 0;
CREATE INDEX executions_listed_by_status ON executions (status, started_at, arn) WHERE instr(machine, '/') = 0;
CREATE INDEX executions_by_version_status ON executions (machine, version, status, started_at, arn) WHERE version IS NOT NULL;
CREATE INDEX executions_by_alias_status ON executions (machine, alias, status, started_at, arn) WHERE alias IS NOT NULL;
CREATE INDEX executions_by_map_run ON executions (map_run, started_at, arn) WHERE map_run IS NOT NULL;
CREATE INDEX executions_by_map_run_status ON executions (map_run, status, started_at, arn) WHERE map_run IS NOT NULL;
";

/// From format 3: executions say which Map Run they are children of.
const FROM_3: &str = "
DROP INDEX executions_by_start;
ALTER TABLE executions ADD COLUMN map_run TEXT;
UPDATE executions
   SET map_run = json_extract(CAST(snapshot AS TEXT), '$.child_of.map_run'),
       origin = json_set(coalesce(origin, '{}'), '$.map_run', json_extract(CAST(snapshot AS TEXT), '$.child_of.map_run'))
 WHERE instr(machine, '/') > 0;
";

/// What makes a new file.
const NEW: &[&str] = &[TABLES, LISTS];
/// What leads from format 1 to this one. Each later format begins further on.
const STEPS: &[&str] = &[FROM_1, FROM_2, FROM_3, LISTS];

/// What makes a file of an older format one of this format. None: it is of a newer one.
fn steps(found: i64) -> Option<&'static [&'static str]> {
    match found {
        0 => Some(NEW),
        FORMAT => Some(&[]),
        1..FORMAT => STEPS.get(usize::try_from(found - 1).ok()?..),
        _ => None,
    }
}

/// Creates the tables in a new file, brings an older file up to date, and refuses a file of a newer format.
pub fn prepare(connection: &mut Connection, path: &str) -> Result<(), Error> {
    let failed = |source: rusqlite::Error| unavailable("open", path, &source);
    connection.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
    let Some(steps) = steps(found) else {
        return Err(Error::Unavailable {
            operation: format!("open {path}"),
            reason: format!(
                "it has format {found} and this Shipway reads format {FORMAT}; run the newer Shipway that wrote it"
            ),
        });
    };
    if steps.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction().map_err(failed)?;
    for step in steps {
        transaction.execute_batch(step).map_err(failed)?;
    }
    transaction.pragma_update(None, "user_version", FORMAT).map_err(failed)?;
    transaction.commit().map_err(failed)
}

/// An error of SQLite with what was tried, where, and what to do.
pub fn unavailable(operation: &str, path: &str, source: &rusqlite::Error) -> Error {
    let hint = match source.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => "; make room on that disk",
        Some(rusqlite::ErrorCode::ReadOnly | rusqlite::ErrorCode::CannotOpen) => {
            "; check that the directory exists and is writable"
        }
        Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
            "; the file is damaged: restore it from a backup"
        }
        _ => "",
    };
    Error::Unavailable { operation: format!("{operation} {path}"), reason: format!("{source}{hint}") }
}
