//! Deleting machines: marked durably at first, gone when nothing of them runs any more. A server that is killed
//! meanwhile goes on with it when it starts again.

use std::sync::Arc;

use serde_json::Value;
use shipway_asl::{Input, Status};

use super::{ATTEMPTS_MAX, Error, Machine, Owner, expected, machine_key, puts, read};
use crate::{
    engine::{self, Engine},
    executor::Core,
    store::{self, Commit, Expected, PAGE_MAX, Put, Record, RowFilter, Store},
};

/// Keys of the records that say which machines are being deleted.
const OPEN: &str = "engine/deleting/";
/// Wait before what the store refused is tried again.
const RETRY_MILLIS: u64 = 1_000;

impl Engine {
    /// Deletes a user's machine with its versions, aliases and tags, and ends its executions: at once if there are
    /// none, else beside the caller, and the machine is there, as one that is being deleted, until they have ended.
    /// One that does not exist is deleted already.
    pub async fn delete_machine(&self, name: &str) -> Result<(), Error> {
        if !mark(self.store(), name).await? {
            return Ok(());
        }
        match self.store().executions(&running(name, 1)).await?.is_empty() {
            true => remove(self.store(), name).await,
            false => {
                self.core().delete_beside(name.to_owned());
                Ok(())
            }
        }
    }
}

impl Core {
    /// Goes on with deletions that an earlier engine has begun.
    pub async fn recover_deletions(self: &Arc<Self>) -> Result<usize, engine::Error> {
        let mut after: Option<String> = None;
        let mut count = 0;
        loop {
            let page = self.store.records(OPEN, after.as_deref(), PAGE_MAX).await?;
            let Some(last) = page.last() else { return Ok(count) };
            after = Some(last.key.clone());
            count += page.len();
            for record in page {
                let name = record.key.strip_prefix(OPEN).unwrap_or_default();
                self.delete_beside(name.to_owned());
            }
        }
    }

    fn delete_beside(self: &Arc<Self>, name: String) {
        let core = Arc::clone(self);
        self.supervisor.spawn(async move {
            tokio::select! {
                () = core.stop.cancelled() => {}
                () = core.delete_surely(&name) => {}
            }
        });
    }

    /// Tries until it is done.
    async fn delete_surely(self: &Arc<Self>, name: &str) {
        while let Err(error) = self.abort_and_remove(name).await {
            tracing::error!(%error, machine = name, "a machine is not deleted yet; tried again");
            self.clock.sleep_until(self.clock.now().plus_millis(RETRY_MILLIS)).await;
        }
    }

    async fn abort_and_remove(self: &Arc<Self>, name: &str) -> Result<(), Error> {
        let mut filter = running(name, PAGE_MAX);
        loop {
            let rows = self.store.executions(&filter).await?;
            let Some(last) = rows.last() else { break };
            filter.before = Some((last.started_at, last.arn.clone()));
            for row in rows {
                self.abort(&row.arn).await?;
            }
        }
        remove(&*self.store, name).await
    }

    /// Ends an execution that may have ended.
    pub async fn abort(self: &Arc<Self>, arn: &str) -> Result<(), engine::Error> {
        let stop = Input::Stop { error: None, cause: None };
        match self.deliver(arn, vec![stop], Vec::new()).await {
            Ok(()) | Err(engine::Error::NotWaiting(_) | engine::Error::NoExecution(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn running(machine: &str, limit: usize) -> RowFilter {
    RowFilter {
        machine: Some(machine.to_owned()),
        status: Some(Status::Running),
        is_bare: true,
        limit,
        ..RowFilter::default()
    }
}

/// Writes down that a machine is to go, unless it is gone, or going already.
async fn mark(store: &dyn Store, name: &str) -> Result<bool, Error> {
    rewrite(store, name, |found, machine| match machine {
        None => Ok(None),
        Some(machine) if machine.owner == Owner::Shipway => Err(Error::Owned(name.to_owned())),
        Some(machine) if machine.is_deleting => Ok(None),
        Some(machine) => {
            let mut records = puts(name, Machine { is_deleting: true, ..machine }, found, false)?;
            records.push(Put { key: open_key(name), expected: Expected::Any, value: Value::Bool(true) });
            Ok(Some(records))
        }
    })
    .await
}

/// Removes a machine that is to go.
async fn remove(store: &dyn Store, name: &str) -> Result<(), Error> {
    rewrite(store, name, |found, machine| {
        let mut records = vec![Put { key: open_key(name), expected: Expected::Any, value: Value::Null }];
        if machine.is_some_and(|machine| machine.is_deleting) {
            records.push(Put { key: machine_key(name), expected: expected(found), value: Value::Null });
        }
        Ok(Some(records))
    })
    .await
    .map(drop)
}

/// Writes what `decide` makes of a machine's record; whoever loses a race decides again. Whether anything was written.
async fn rewrite(
    store: &dyn Store,
    name: &str,
    decide: impl Fn(Option<&Record>, Option<Machine>) -> Result<Option<Vec<Put>>, Error>,
) -> Result<bool, Error> {
    let key = machine_key(name);
    for _ in 0..ATTEMPTS_MAX {
        let found = store.record(&key).await?;
        let standing = found.as_ref().filter(|record| record.value != Value::Null);
        let machine = standing.map(read).transpose()?;
        let Some(records) = decide(found.as_ref(), machine)? else { return Ok(false) };
        match store.commit(Commit { execution: None, records }).await {
            Err(store::Error::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return Ok(true),
        }
    }
    Err(store::Error::Conflict { key }.into())
}

fn open_key(name: &str) -> String {
    format!("{OPEN}{name}")
}
