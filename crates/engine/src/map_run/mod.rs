//! Has Map Runs done: each has a driver that prepares its children, starts them as executions of their own, hears of
//! their ends and tells the parent. What a driver knows is in the store; one that is lost is started anew.

mod drive;
mod prepare;
pub mod record;
mod write;

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use shipway_asl::{Status, map_run::MapRunInput};
use tokio::sync::{Notify, oneshot};

use crate::{engine::Error, executor::Core};

/// Updates that wait for a driver.
const UPDATES_MAX: usize = 64;

/// Map Runs that are driven here, by ARN.
#[derive(Debug, Default)]
pub struct Drivers(Mutex<HashMap<String, Arc<Desk>>>);

/// Where a driver finds what has happened.
#[derive(Debug, Default)]
pub struct Desk {
    post: Mutex<Post>,
    bell: Notify,
}

/// What a driver has not looked at.
#[derive(Debug, Default)]
struct Post {
    /// Children that have ended: at most as many as run at a time.
    ended: Vec<(u32, Status)>,
    is_aborted: bool,
    updates: VecDeque<Update>,
    /// The parent has been redriven, durably, and the Map Run with it.
    is_redriven: bool,
    /// The driver has gone.
    is_closed: bool,
}

/// An `UpdateMapRun` and who waits for it.
#[derive(Debug)]
struct Update {
    input: MapRunInput,
    done: oneshot::Sender<Result<(), Error>>,
}

impl Desk {
    fn post(&self) -> MutexGuard<'_, Post> {
        self.post.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A child has ended.
    fn child_ended(&self, child: u32, status: Status) {
        self.post().ended.push((child, status));
        self.bell.notify_one();
    }

    fn abort(&self) {
        self.post().is_aborted = true;
        self.bell.notify_one();
    }

    fn redrive(&self) {
        self.post().is_redriven = true;
        self.bell.notify_one();
    }

    fn take(&self) -> Post {
        std::mem::take(&mut *self.post())
    }
}

impl Drivers {
    fn desks(&self) -> MutexGuard<'_, HashMap<String, Arc<Desk>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The driver goes, unless the Map Run was redriven while it was about to.
    fn close(&self, arn: &str, desk: &Desk) -> bool {
        let mut desks = self.desks();
        let mut post = desk.post();
        if post.is_redriven {
            return false;
        }
        desks.remove(arn);
        // WHY: dropping an update answers it.
        *post = Post { is_closed: true, ..Post::default() };
        true
    }

    fn desk(&self, arn: &str) -> Option<Arc<Desk>> {
        self.desks().get(arn).cloned()
    }
}

impl Core {
    /// Drives again what was not over when the engine stopped.
    pub async fn recover_map_runs(self: &Arc<Self>) -> Result<usize, Error> {
        let mut after: Option<String> = None;
        let mut count = 0;
        loop {
            let page = record::open(&*self.store, after.as_deref()).await?;
            let Some(last) = page.last() else { return Ok(count) };
            after = Some(last.clone());
            count += page.len();
            for arn in page {
                self.drive_map_run(arn);
            }
        }
    }

    /// Starts the driver of a Map Run whose record is durable.
    pub fn drive_map_run(self: &Arc<Self>, arn: String) {
        let desk = Arc::new(Desk::default());
        self.drivers.desks().insert(arn.clone(), Arc::clone(&desk));
        self.spawn_driver(arn, desk);
    }

    fn spawn_driver(self: &Arc<Self>, arn: String, desk: Arc<Desk>) {
        let core = Arc::clone(self);
        self.supervisor.spawn(async move {
            loop {
                tokio::select! {
                    () = core.stop.cancelled() => {}
                    () = core.drive_surely(&arn, &desk) => {}
                }
                if core.stop.is_cancelled() {
                    desk.post().is_redriven = false;
                }
                if core.drivers.close(&arn, &desk) {
                    return;
                }
            }
        });
    }

    /// Has a Map Run driven whose redrive is durable: by the driver that it has still, or by a new one.
    pub fn redrive_map_run(self: &Arc<Self>, arn: String) {
        let desk = {
            let mut desks = self.drivers.desks();
            if let Some(desk) = desks.get(&arn) {
                return desk.redrive();
            }
            let desk = Arc::new(Desk::default());
            desks.insert(arn.clone(), Arc::clone(&desk));
            desk
        };
        self.spawn_driver(arn, desk);
    }

    /// Tells a Map Run that one of its children has ended, durably.
    pub fn child_ended(&self, map_run: &str, child: u32, status: Status) {
        if let Some(desk) = self.drivers.desk(map_run) {
            desk.child_ended(child, status);
        }
    }

    /// Tells a Map Run that its parent does not wait any more, durably.
    pub fn abort_map_run(&self, arn: &str) {
        if let Some(desk) = self.drivers.desk(arn) {
            desk.abort();
        }
    }

    /// Changes a Map Run that is not over; durable when this returns.
    pub async fn update_map_run(&self, arn: &str, input: MapRunInput) -> Result<(), Error> {
        let ended = || Error::NotWaiting(arn.to_owned());
        let desk = self.drivers.desk(arn).ok_or_else(ended)?;
        let (done, answer) = oneshot::channel();
        {
            let mut post = desk.post();
            if post.is_closed {
                return Err(ended());
            }
            if post.updates.len() >= UPDATES_MAX {
                return Err(Error::Invalid(arn.to_owned(), "map run to update now: too many updates wait"));
            }
            post.updates.push_back(Update { input, done });
        }
        desk.bell.notify_one();
        // WHY: a driver that ends drops what it has not looked at.
        answer.await.unwrap_or_else(|_| Err(ended()))
    }
}
