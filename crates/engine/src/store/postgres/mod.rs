//! The store in PostgreSQL: readers in a pool beside one writer with group commit. One server a database.

mod columns;
mod connect;
mod plan;
mod schema;
mod writer;
mod writing;

use async_trait::async_trait;
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use jiff::Timestamp as Time;
use serde::de::DeserializeOwned;
use shipway_asl::{Event, Status, Timestamp};
use tokio_postgres::{Row as SqlRow, error::SqlState, types::ToSql};

use self::{connect::Place, writer::Writer};
use super::{Commit, DueTimer, Error, OpenTask, PAGE_MAX, Record, Row, RowFilter, Store, status_text};

/// Connections of readers; a read waits for a free one.
const READERS_MAX: usize = 8;

/// A store in a database that no other server uses meanwhile.
#[derive(Debug)]
pub struct PostgresStore {
    writer: Writer,
    readers: Pool,
    place: std::sync::Arc<str>,
}

/// What can go wrong with the database.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    /// It does not answer, or stopped to.
    #[error("{0}; is it running, and can it be reached from here?")]
    Lost(String),
    /// Somebody else was in the way: worth another try.
    #[error("{0}")]
    Passing(String),
    /// It said no.
    #[error("{0}")]
    Refused(String),
}

impl Trouble {
    fn is_passing(&self) -> bool {
        matches!(self, Self::Passing(_) | Self::Lost(_))
    }
}

impl From<tokio_postgres::Error> for Trouble {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(said) = error.as_db_error() else {
            return Self::Lost(causes(&error));
        };
        let text = format!("{} ({})", said.message(), said.code().code());
        match said.code() {
            code if is_passing(code) => Self::Passing(text),
            code if is_shutdown(code) => Self::Lost(text),
            code => Self::Refused(format!("{text}{}", hint(code))),
        }
    }
}

fn is_passing(code: &SqlState) -> bool {
    [
        SqlState::UNIQUE_VIOLATION,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::LOCK_NOT_AVAILABLE,
    ]
    .contains(code)
}

fn is_shutdown(code: &SqlState) -> bool {
    [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW].contains(code)
}

fn hint(code: &SqlState) -> &'static str {
    match code {
        code if *code == SqlState::DISK_FULL => "; make room on the database's disk",
        code if *code == SqlState::INSUFFICIENT_PRIVILEGE => {
            "; the role needs to create the schema `shipway` once, and to read and write its tables"
        }
        code if *code == SqlState::READ_ONLY_SQL_TRANSACTION => "; this is a standby: name the primary",
        code if *code == SqlState::INVALID_PASSWORD
            || *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION =>
        {
            "; check user and password in the database's URL"
        }
        code if *code == SqlState::INVALID_CATALOG_NAME => "; create it with `createdb`",
        _ => "",
    }
}

/// An error with all that lies beneath it.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}

impl PostgresStore {
    /// Opens the store in the database of a URL such as `postgres://shipway@db.internal/shipway`, creating its tables
    /// if they are missing.
    pub async fn open(url: &str) -> Result<Self, Error> {
        let unusable = |trouble: Trouble| Error::Unavailable {
            operation: "open the database".to_owned(),
            reason: trouble.to_string(),
        };
        let place = Place::parse(url).map_err(unusable)?;
        let config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(place.config.clone(), place.tls.clone(), config);
        let readers = Pool::builder(manager).max_size(READERS_MAX).build();
        let readers = readers.map_err(|error| unusable(Trouble::Refused(error.to_string())))?;
        let name = place.name.clone();
        Ok(Self { writer: Writer::start(place).await?, readers, place: name })
    }

    /// Rows of a query. A connection that broke while it was idle is no reason to fail.
    async fn read(&self, query: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<SqlRow>, Error> {
        match self.try_read(query, values).await {
            Err(Trouble::Lost(_)) => self.try_read(query, values).await,
            done => done,
        }
        .map_err(|trouble| self.unreadable(&trouble))
    }

    async fn try_read(&self, query: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<SqlRow>, Trouble> {
        let client = self.readers.get().await.map_err(|error| match error {
            deadpool_postgres::PoolError::Backend(error) => error.into(),
            other => Trouble::Lost(causes(&other)),
        })?;
        let statement = client.prepare_cached(query).await?;
        Ok(client.query(&statement, values).await?)
    }

    fn unreadable(&self, trouble: &Trouble) -> Error {
        Error::Unavailable { operation: format!("read {}", self.place), reason: trouble.to_string() }
    }

    /// What each row holds.
    fn all<T>(&self, rows: &[SqlRow], of: impl Fn(&SqlRow) -> Result<T, Trouble>) -> Result<Vec<T>, Error> {
        rows.iter().map(of).collect::<Result<_, _>>().map_err(|trouble| self.unreadable(&trouble))
    }
}

/// As PostgreSQL counts: nothing of ours comes near its end.
fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn number(integer: i64) -> u64 {
    u64::try_from(integer).unwrap_or(0)
}

/// A time; one beyond the year 9999 is the last one there is.
fn time(timestamp: Timestamp) -> Time {
    Time::from_millisecond(timestamp.0).unwrap_or(if timestamp.0 < 0 { Time::MIN } else { Time::MAX })
}

fn timestamp(time: Time) -> Timestamp {
    Timestamp(time.as_millisecond())
}

fn page(limit: usize) -> i64 {
    i64::try_from(limit.min(PAGE_MAX)).unwrap_or(i64::MAX)
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Trouble> {
    serde_json::from_str(text).map_err(|error| Trouble::Refused(format!("a document is damaged: {error}")))
}

const ROW: &str =
    "arn, machine, revision, name, status, started_at, stopped_at, last_event_id, snapshot, origin::text,
     redrives, redriven_at
     FROM shipway.executions";
/// WHY: a snapshot may be a quarter of a megabyte, and a page of a list has a thousand rows.
const BARE_ROW: &str =
    "arn, machine, revision, name, status, started_at, stopped_at, last_event_id, ''::bytea, origin::text,
     redrives, redriven_at
     FROM shipway.executions";

fn row(found: &SqlRow) -> Result<Row, Trouble> {
    let status: &str = found.try_get(4)?;
    Ok(Row {
        arn: found.try_get(0)?,
        machine: found.try_get(1)?,
        revision: number(found.try_get(2)?),
        name: found.try_get(3)?,
        status: parse::<Status>(&format!("\"{status}\""))?,
        started_at: timestamp(found.try_get(5)?),
        stopped_at: found.try_get::<_, Option<Time>>(6)?.map(timestamp),
        last_event_id: number(found.try_get(7)?),
        redrives: u32::try_from(found.try_get::<_, i64>(10)?).unwrap_or(0),
        redriven_at: found.try_get::<_, Option<Time>>(11)?.map(timestamp),
        snapshot: found.try_get(8)?,
        origin: parse(found.try_get(9)?)?,
    })
}

fn record(found: &SqlRow) -> Result<Record, Trouble> {
    Ok(Record {
        key: found.try_get(0)?,
        version: number(found.try_get(1)?),
        value: parse(found.try_get(2)?)?,
    })
}

/// WHY: only what is asked for is in the query, so that each question finds its index.
fn listing<'a>(filter: &'a Asked<'a>) -> (String, Vec<&'a (dyn ToSql + Sync)>) {
    let mut values: Vec<&(dyn ToSql + Sync)> = Vec::new();
    let mut conditions = match (filter.machine, filter.map_run) {
        (None, None) => " AND strpos(machine, '/') = 0".to_owned(),
        (Some(_), _) | (_, Some(_)) => String::new(),
    };
    let mut add = |condition: &str, value: Option<&'a (dyn ToSql + Sync)>| {
        if let Some(value) = value {
            values.push(value);
            conditions.push_str(" AND ");
            conditions.push_str(&condition.replace('?', &format!("${}", values.len())));
        }
    };
    add("machine = ?", filter.machine.as_ref().map(|value| value as _));
    add("map_run = ?", filter.map_run.as_ref().map(|value| value as _));
    add("strpos(name, ?) > 0", filter.name.as_ref().map(|value| value as _));
    add("status = ?", filter.status.as_ref().map(|value| value as _));
    add("version = ?", filter.version.as_ref().map(|value| value as _));
    add("alias = ?", filter.alias.as_ref().map(|value| value as _));
    add("started_at >= ?", filter.since.as_ref().map(|value| value as _));
    if let Some((start, arn)) = &filter.before {
        values.push(start);
        values.push(arn);
        conditions.push_str(&format!(" AND (started_at, arn) < (${}, ${})", values.len() - 1, values.len()));
    }
    values.push(&filter.limit);
    let columns = if filter.is_bare { BARE_ROW } else { ROW };
    let query = format!(
        "SELECT {columns} WHERE true{conditions} ORDER BY started_at DESC, arn DESC LIMIT ${}",
        values.len()
    );
    (query, values)
}

/// A filter in the database's types.
struct Asked<'a> {
    machine: Option<&'a str>,
    status: Option<&'static str>,
    version: Option<i64>,
    alias: Option<&'a str>,
    map_run: Option<&'a str>,
    name: Option<&'a str>,
    is_bare: bool,
    since: Option<Time>,
    before: Option<(Time, &'a str)>,
    limit: i64,
}

impl<'a> From<&'a RowFilter> for Asked<'a> {
    fn from(filter: &'a RowFilter) -> Self {
        Self {
            machine: filter.machine.as_deref(),
            status: filter.status.map(status_text),
            version: filter.version.map(integer),
            alias: filter.alias.as_deref(),
            map_run: filter.map_run.as_deref(),
            name: filter.name.as_deref(),
            is_bare: filter.is_bare,
            since: filter.since.map(time),
            before: filter.before.as_ref().map(|(start, arn)| (time(*start), arn.as_str())),
            limit: page(filter.limit),
        }
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn commit(&self, commit: Commit) -> Result<Vec<u64>, Error> {
        self.writer.commit(commit).await
    }

    async fn execution(&self, arn: &str) -> Result<Option<Row>, Error> {
        let rows = self.read(&format!("SELECT {ROW} WHERE arn = $1"), &[&arn]).await?;
        Ok(self.all(&rows, row)?.pop())
    }

    async fn executions(&self, filter: &RowFilter) -> Result<Vec<Row>, Error> {
        let asked = Asked::from(filter);
        let (query, values) = listing(&asked);
        let rows = self.read(&query, &values).await?;
        self.all(&rows, row)
    }

    async fn events(&self, arn: &str, after: u64, limit: usize) -> Result<Vec<Event>, Error> {
        let query = "SELECT event::text FROM shipway.events
             WHERE execution = (SELECT id FROM shipway.executions WHERE arn = $1) AND id > $2 ORDER BY id LIMIT $3";
        let rows = self.read(query, &[&arn, &integer(after), &page(limit)]).await?;
        self.all(&rows, |row| parse(row.try_get(0)?))
    }

    async fn timers(&self, limit: usize) -> Result<Vec<DueTimer>, Error> {
        let query = "SELECT due, arn, timer FROM shipway.timers ORDER BY due, arn, timer LIMIT $1";
        let rows = self.read(query, &[&page(limit)]).await?;
        self.all(&rows, |row| {
            Ok(DueTimer {
                due: timestamp(row.try_get(0)?),
                arn: row.try_get(1)?,
                timer: number(row.try_get(2)?),
            })
        })
    }

    async fn tasks(&self, after: Option<(&str, u64)>, limit: usize) -> Result<Vec<OpenTask>, Error> {
        let (arn, task) = after.unwrap_or_default();
        let query = "SELECT arn, body::text FROM shipway.tasks WHERE (arn, task) > ($1, $2)
             ORDER BY arn, task LIMIT $3";
        let rows = self.read(query, &[&arn, &integer(task), &page(limit)]).await?;
        self.all(&rows, |row| Ok(OpenTask { arn: row.try_get(0)?, task: parse(row.try_get(1)?)? }))
    }

    async fn record(&self, key: &str) -> Result<Option<Record>, Error> {
        let query = "SELECT key, version, value::text FROM shipway.records WHERE key = $1";
        let rows = self.read(query, &[&key]).await?;
        Ok(self.all(&rows, record)?.pop())
    }

    async fn records(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<Record>, Error> {
        let query = "SELECT key, version, value::text FROM shipway.records
             WHERE key >= $1 AND key < $2 AND ($3::text IS NULL OR key > $3) AND NOT is_deleted
             ORDER BY key LIMIT $4";
        let end = format!("{prefix}\u{10FFFF}");
        let rows = self.read(query, &[&prefix, &end, &after, &page(limit)]).await?;
        self.all(&rows, record)
    }
}
