//! What is said to the database to find what a group of commits names, and to write what it comes to: a statement a
//! table however many commits there are.

use tokio_postgres::{Client, Statement, types::ToSql};

use super::{
    Trouble,
    columns::{self, Columns},
    number,
    plan::{Found, Plan},
};
use crate::store::Commit;

/// A connection that has its statements ready.
pub struct Session {
    client: Client,
    statements: Statements,
}

macro_rules! statements {
    ($($name:ident = $text:expr;)*) => {
        struct Statements { $($name: Statement),* }

        impl Statements {
            async fn prepare(client: &Client) -> Result<Self, tokio_postgres::Error> {
                Ok(Self { $($name: client.prepare($text).await?),* })
            }
        }
    };
}

// WHY `FOR UPDATE` in the order of keys: two servers that touch the same things wait for each other and never cross.
statements! {
    mark = "UPDATE shipway.writer SET mark = $1";
    last_mark = "SELECT mark FROM shipway.writer";
    records = "SELECT key, version FROM shipway.records WHERE key = ANY($1) ORDER BY key FOR UPDATE";
    executions = "SELECT arn, id, last_event_id FROM shipway.executions WHERE arn = ANY($1) ORDER BY arn FOR UPDATE";
    fresh = "SELECT nextval(pg_get_serial_sequence('shipway.executions', 'id')) FROM generate_series(1, $1::bigint)";
    insert_records = "INSERT INTO shipway.records (key, version, value, is_deleted)
        SELECT key, version, value::json, is_deleted
        FROM unnest($1::text[], $2::bigint[], $3::text[], $4::boolean[]) AS new (key, version, value, is_deleted)";
    update_records = "UPDATE shipway.records AS old
        SET version = new.version, value = new.value::json, is_deleted = new.is_deleted
        FROM unnest($1::text[], $2::bigint[], $3::text[], $4::boolean[]) AS new (key, version, value, is_deleted)
        WHERE old.key = new.key";
    insert_executions = "INSERT INTO shipway.executions
            (id, arn, machine, revision, name, status, started_at, stopped_at, last_event_id, version, alias, origin,
             snapshot, redrives, redriven_at, map_run)
        SELECT id, arn, machine, revision, name, status, started_at, stopped_at, last_event_id, version, alias,
               origin::json, snapshot, redrives, redriven_at, map_run
        FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::timestamptz[],
                    $8::timestamptz[], $9::bigint[], $10::bigint[], $11::text[], $12::text[], $13::bytea[],
                    $14::bigint[], $15::timestamptz[], $16::text[])
             AS new (id, arn, machine, revision, name, status, started_at, stopped_at, last_event_id, version, alias,
                     origin, snapshot, redrives, redriven_at, map_run)";
    update_executions = "UPDATE shipway.executions AS old
        SET status = new.status, stopped_at = new.stopped_at, last_event_id = new.last_event_id,
            snapshot = new.snapshot, redrives = new.redrives, redriven_at = new.redriven_at
        FROM unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::bigint[], $5::bytea[], $6::bigint[],
                    $7::timestamptz[])
             AS new (id, status, stopped_at, last_event_id, snapshot, redrives, redriven_at)
        WHERE old.id = new.id";
    events = "INSERT INTO shipway.events (execution, id, at, type, event)
        SELECT execution, id, at, type, event::json
        FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::text[], $5::text[])
             AS new (execution, id, at, type, event)";
    remove_tasks = "DELETE FROM shipway.tasks AS old
        USING unnest($1::text[], $2::bigint[]) AS gone (arn, task)
        WHERE old.arn = gone.arn AND old.task = gone.task";
    put_tasks = "INSERT INTO shipway.tasks (arn, task, body)
        SELECT arn, task, body::json FROM unnest($1::text[], $2::bigint[], $3::text[]) AS new (arn, task, body)
        ON CONFLICT (arn, task) DO UPDATE SET body = excluded.body";
    remove_timers = "DELETE FROM shipway.timers AS old
        USING unnest($1::text[], $2::bigint[]) AS gone (arn, timer)
        WHERE old.arn = gone.arn AND old.timer = gone.timer";
    put_timers = "INSERT INTO shipway.timers (arn, timer, due)
        SELECT arn, timer, due FROM unnest($1::text[], $2::bigint[], $3::timestamptz[]) AS new (arn, timer, due)
        ON CONFLICT (arn, timer) DO UPDATE SET due = excluded.due";
}

type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

impl Session {
    /// Prepares the statements.
    pub async fn new(client: Client) -> Result<Self, Trouble> {
        let statements = Statements::prepare(&client).await?;
        Ok(Self { client, statements })
    }

    /// The connection.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Opens a transaction, locks what the commits name and tells how it stands.
    pub async fn begin(&self, commits: &[Commit]) -> Result<Found, Trouble> {
        let keys = sorted(commits.iter().flat_map(|commit| &commit.records).map(|put| put.key.as_str()));
        let progress = || commits.iter().filter_map(|commit| commit.execution.as_ref());
        let arns = sorted(progress().map(|progress| progress.row.arn.as_str()));
        let new = progress().filter(|progress| progress.expected_event_id == 0).count();
        let new = i64::try_from(new).unwrap_or(i64::MAX);
        let (ready, client) = (&self.statements, &self.client);
        let (keys, arns, new): (Parameters<'_>, Parameters<'_>, Parameters<'_>) =
            (&[&keys], &[&arns], &[&new]);
        // WHY: all are sent at once, in this order, and cost one way there and back.
        let (_, records, executions, fresh) = futures_util::try_join!(
            client.batch_execute("BEGIN"),
            client.query(&ready.records, keys),
            client.query(&ready.executions, arns),
            client.query(&ready.fresh, new),
        )?;
        let mut found = Found::default();
        for row in &records {
            found.records.insert(row.try_get(0)?, number(row.try_get(1)?));
        }
        for row in &executions {
            found.executions.insert(row.try_get(0)?, (row.try_get(1)?, number(row.try_get(2)?)));
        }
        for row in &fresh {
            found.fresh.push(row.try_get(0)?);
        }
        Ok(found)
    }

    /// Writes the plan and commits, and leaves a mark by which the outcome can be told on another connection.
    pub async fn finish(&self, plan: &Plan<'_>, mark: i64) -> Result<(), Trouble> {
        let ready = &self.statements;
        let (new_records, old_records) = (columns::records(plan, true), columns::records(plan, false));
        let (new_rows, old_rows) = (columns::new_executions(plan)?, columns::old_executions(plan));
        let events = columns::events(plan)?;
        let (tasks_gone, tasks) = (columns::tasks_gone(plan), columns::tasks(plan)?);
        let (timers_gone, timers) = (columns::timers_gone(plan), columns::timers(plan));
        let marks: Parameters<'_> = &[&mark];
        // WHY: all are sent at once, in this order. After one that fails, the commit is a rollback.
        let (marked, a, b, c, d, e, f, g, h, i, committed) = futures_util::join!(
            self.client.execute(&ready.mark, marks),
            self.write(&ready.insert_records, &new_records),
            self.write(&ready.update_records, &old_records),
            self.write(&ready.insert_executions, &new_rows),
            self.write(&ready.update_executions, &old_rows),
            self.write(&ready.events, &events),
            self.write(&ready.remove_tasks, &tasks_gone),
            self.write(&ready.put_tasks, &tasks),
            self.write(&ready.remove_timers, &timers_gone),
            self.write(&ready.put_timers, &timers),
            self.client.batch_execute("COMMIT"),
        );
        marked?;
        [a, b, c, d, e, f, g, h, i].into_iter().collect::<Result<(), _>>()?;
        Ok(committed?)
    }

    /// The mark of the last transaction that was committed.
    pub async fn last_mark(&self) -> Result<i64, Trouble> {
        Ok(self.client.query_one(&self.statements.last_mark, &[]).await?.try_get(0)?)
    }

    /// Gives a transaction up.
    pub async fn give_up(&self) -> Result<(), Trouble> {
        Ok(self.client.batch_execute("ROLLBACK").await?)
    }

    async fn write(&self, statement: &Statement, columns: &Columns<'_>) -> Result<(), tokio_postgres::Error> {
        if columns.rows == 0 {
            return Ok(());
        }
        let columns: Vec<&(dyn ToSql + Sync)> = columns.values.iter().map(|column| &**column as _).collect();
        self.client.execute(statement, &columns).await.map(drop)
    }
}

fn sorted<'a>(keys: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut keys: Vec<&str> = keys.collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}
