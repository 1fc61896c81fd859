//! Activities: tasks that workers outside ask for. Queues hold only the keys of what is open in the store, so a worker
//! is never given what has ended meanwhile, and a restart fills them again.

use std::{
    collections::{HashMap, VecDeque},
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shipway_asl::{Input, Timestamp};
use tokio::sync::Notify;

use crate::{
    engine::{self, Engine, check_name},
    executor::Core,
    machines::{self, Tags},
    store::{self, Commit, Expected, OpenTask, Put, Record, Store},
};

/// Attempts to win against others who change the same activity at the same moment.
const ATTEMPTS_MAX: usize = 16;

/// An activity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Activity {
    /// When it was made.
    pub created_at: Timestamp,
    /// `encryptionConfiguration` as it was given.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub encryption: Value,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Tags,
}

/// A task for a worker.
#[derive(Clone, Debug, PartialEq)]
pub struct ActivityTask {
    /// Names it in the answer.
    pub token: String,
    /// What the worker gets.
    pub input: Value,
}

/// Why something with an activity was refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such activity.
    #[error("activity `{0}` does not exist")]
    NoActivity(String),
    /// There is one of that name, encrypted otherwise.
    #[error("activity `{0}` exists")]
    AlreadyExists(String),
    /// More tags than there can be.
    #[error("there are more tags than {0}")]
    TooManyTags(usize),
    /// The engine could not.
    #[error(transparent)]
    Engine(#[from] engine::Error),
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Engine(error.into())
    }
}

/// Tasks that wait for a worker, by the activity's ARN: as many as are open in the store, and no more of each than
/// its key.
#[derive(Debug, Default)]
pub struct Queues {
    /// How often an activity was made or deleted here: what is in memory of a machine knows which there were.
    changes: AtomicU64,
    queues: Mutex<HashMap<String, Arc<Queue>>>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<VecDeque<(String, u64)>>,
    bell: Notify,
    workers: AtomicUsize,
}

/// A worker that waits, until this is dropped: workers go away in the middle of their wait.
struct Waiting<'q>(&'q AtomicUsize);

impl<'q> Waiting<'q> {
    fn begin(workers: &'q AtomicUsize) -> Self {
        workers.fetch_add(1, Ordering::Relaxed);
        Self(workers)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What waits at an activity, at this moment and on this server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    /// Workers that wait for a task.
    pub workers: usize,
    /// Tasks that wait for a worker, at most as many as were to be counted.
    pub tasks: usize,
}

impl Queues {
    fn queue(&self, activity: &str) -> Arc<Queue> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(queues.entry(activity.to_owned()).or_default())
    }

    /// Activities and how many tasks wait for each.
    pub fn lengths(&self) -> Vec<(String, usize)> {
        let queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.iter().map(|(activity, queue)| (activity.clone(), queue.waiting().len())).collect()
    }

    /// How often an activity was made or deleted.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    /// A task waits for a worker.
    pub fn offer(&self, activity: &str, execution: String, task: u64) {
        let queue = self.queue(activity);
        queue.waiting().push_back((execution, task));
        queue.bell.notify_one();
    }
}

impl Queue {
    fn waiting(&self) -> std::sync::MutexGuard<'_, VecDeque<(String, u64)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(name: &str) -> String {
    format!("engine/activity/{name}")
}

fn damaged(key: &str) -> engine::Error {
    engine::Error::Store(store::Error::Unavailable {
        operation: format!("read the record {key}"),
        reason: "it is damaged".to_owned(),
    })
}

fn read(record: &Record) -> Result<Activity, engine::Error> {
    Activity::deserialize(&record.value).map_err(|_| damaged(&record.key))
}

/// Whether the activity with this ARN is there.
pub async fn exists(store: &dyn Store, arn: &str) -> Result<bool, store::Error> {
    let name = arn.rsplit(':').next().unwrap_or_default();
    Ok(store.record(&key(name)).await?.is_some_and(|record| record.value != Value::Null))
}

impl Engine {
    /// The ARN of an activity, whether it exists or not.
    pub fn activity_arn(&self, name: &str) -> String {
        self.arn("activity", name)
    }

    /// Makes an activity. The same call again gives the one that is; tags do not count in that.
    pub async fn create_activity(
        &self,
        name: &str,
        encryption: &Value,
        tags: &Tags,
    ) -> Result<Activity, Error> {
        check_name(name)?;
        let activity =
            Activity { created_at: self.clock().now(), encryption: encryption.clone(), tags: tags.clone() };
        check_tags(tags)?;
        let made = change_activity(self.store(), name, |found| match found {
            Some(known) if known.encryption == *encryption => Ok((None, known.clone())),
            Some(_) => Err(Error::AlreadyExists(name.to_owned())),
            None => Ok((Some(Some(activity.clone())), activity.clone())),
        })
        .await;
        self.core().activities.changes.fetch_add(1, Ordering::SeqCst);
        made
    }

    /// An activity.
    pub async fn activity(&self, name: &str) -> Result<Activity, Error> {
        let record = self.store().record(&key(name)).await?.filter(|record| record.value != Value::Null);
        Ok(read(&record.ok_or_else(|| Error::NoActivity(name.to_owned()))?)?)
    }

    /// Activities with a name above `after`, in order, at most `limit` and at most 1,000.
    pub async fn activities(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Activity)>, Error> {
        let prefix = key("");
        let after = after.map(key);
        let records = self.store().records(&prefix, after.as_deref(), limit).await?;
        let named = records.iter().filter_map(|record| Some((record.key.strip_prefix(&prefix)?, record)));
        named.map(|(name, record)| Ok((name.to_owned(), read(record)?))).collect()
    }

    /// Deletes an activity. One that does not exist is deleted already. Its open tasks wait for their time-outs; a task
    /// that would be scheduled from now on fails, also of an execution that runs already.
    pub async fn delete_activity(&self, name: &str) -> Result<(), Error> {
        change_activity(self.store(), name, |found| Ok((found.map(|_| None), ()))).await?;
        let activities = &self.core().activities;
        activities.changes.fetch_add(1, Ordering::SeqCst);
        activities.queue(&self.activity_arn(name)).bell.notify_waiters();
        Ok(())
    }

    /// Adds tags to an activity; a key that is there gets the new value.
    pub async fn tag_activity(&self, name: &str, tags: &Tags) -> Result<(), Error> {
        change_activity(self.store(), name, |found| {
            let mut activity = found.cloned().ok_or_else(|| Error::NoActivity(name.to_owned()))?;
            machines::add_tags(&mut activity.tags, tags);
            check_tags(&activity.tags)?;
            Ok((Some(Some(activity)), ()))
        })
        .await
    }

    /// Takes tags from an activity; a key that is not there is passed over.
    pub async fn untag_activity(&self, name: &str, keys: &[String]) -> Result<(), Error> {
        change_activity(self.store(), name, |found| {
            let mut activity = found.cloned().ok_or_else(|| Error::NoActivity(name.to_owned()))?;
            activity.tags.retain(|(key, _)| !keys.contains(key));
            Ok((Some(Some(activity)), ()))
        })
        .await
    }

    /// What waits at an activity; at most `most` tasks are counted.
    pub async fn activity_waits(&self, name: &str, most: usize) -> Result<Waits, Error> {
        let queue = self.core().activities.queue(&self.activity_arn(name));
        let keys: Vec<(String, u64)> = queue.waiting().iter().take(most).cloned().collect();
        let mut tasks = 0;
        for (execution, task) in keys {
            // WHY: what has ended meanwhile leaves the queue when a worker comes to it.
            tasks += usize::from(self.core().open(&execution, task).await?.is_some());
        }
        Ok(Waits { workers: queue.workers.load(Ordering::Relaxed), tasks })
    }

    /// The oldest task that waits for a worker of this activity; durably started when this returns. None if there was
    /// none until `deadline`.
    pub async fn activity_task(
        &self,
        name: &str,
        worker: Option<&str>,
        deadline: Timestamp,
    ) -> Result<Option<ActivityTask>, Error> {
        let queue = self.core().activities.queue(&self.activity_arn(name));
        let clock = self.clock();
        let mut end = pin!(clock.sleep_until(deadline));
        let _waiting = Waiting::begin(&queue.workers);
        loop {
            let mut bell = pin!(queue.bell.notified());
            // WHY: enabled before the look, so that a task between look and wait still rings.
            bell.as_mut().enable();
            self.activity(name).await?;
            let next = queue.waiting().pop_front();
            match next {
                Some((execution, task)) => {
                    if let Some(found) = self.core().take(&execution, task, worker).await? {
                        return Ok(Some(found));
                    }
                }
                None => tokio::select! {
                    () = &mut bell => {}
                    () = &mut end => return Ok(None),
                },
            }
        }
    }
}

impl Core {
    async fn open(&self, execution: &str, task: u64) -> Result<Option<OpenTask>, store::Error> {
        let open = self.store.tasks(Some((execution, task.saturating_sub(1))), 1).await?;
        Ok(open.into_iter().find(|open| open.arn == execution && open.task.task == task))
    }

    /// Starts an open task for a worker. None if it has ended or was started before.
    async fn take(
        self: &Arc<Self>,
        execution: &str,
        task: u64,
        worker: Option<&str>,
    ) -> Result<Option<ActivityTask>, Error> {
        let open = self.open(execution, task).await?;
        let Some((token, input)) = open.and_then(|open| Some((open.task.token?, open.task.parameters)))
        else {
            return Ok(None);
        };
        let started = Input::TaskStarted { task, worker: worker.map(str::to_owned) };
        match self.deliver(execution, vec![started], Vec::new()).await {
            Ok(()) => Ok(Some(ActivityTask { token, input })),
            Err(engine::Error::NotWaiting(_) | engine::Error::NoExecution(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

fn check_tags(tags: &Tags) -> Result<(), Error> {
    match tags.len() > machines::TAGS_MAX {
        true => Err(Error::TooManyTags(machines::TAGS_MAX)),
        false => Ok(()),
    }
}

/// What is to be written, if anything: an activity or its end; and what the caller is told.
type Change<T> = (Option<Option<Activity>>, T);

async fn change_activity<T>(
    store: &dyn Store,
    name: &str,
    decide: impl Fn(Option<&Activity>) -> Result<Change<T>, Error>,
) -> Result<T, Error> {
    let key = key(name);
    for _ in 0..ATTEMPTS_MAX {
        let found = store.record(&key).await?;
        let standing = found.as_ref().filter(|record| record.value != Value::Null);
        let activity = standing.map(read).transpose()?;
        let (change, answer) = decide(activity.as_ref())?;
        let Some(change) = change else { return Ok(answer) };
        let expected = found.map_or(Expected::Absent, |record| Expected::Version(record.version));
        let value = serde_json::to_value(change).map_err(|_| damaged(&key))?;
        let records = vec![Put { key: key.clone(), expected, value }];
        match store.commit(Commit { execution: None, records }).await {
            Err(store::Error::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return Ok(answer),
        }
    }
    Err(store::Error::Conflict { key }.into())
}
