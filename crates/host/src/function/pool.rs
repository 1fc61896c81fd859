//! The processes of one registration of a function: those that wait for calls, and how many calls may run. What a process is
//! is `environment`'s.

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering},
    },
    time::Duration,
};

use shipway_control::function::{Function, Invocation, Outcome, Use};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use super::{Shared, environment::Environment};

/// Processes of all functions at once.
const PROCESSES_MAX: usize = 200;

/// The processes of one registration.
pub(super) struct Pool {
    /// Whose they are.
    pub(super) function: Function,
    places: Arc<Semaphore>,
    idle: Mutex<Vec<Idle>>,
    /// Another registration has taken this one's place.
    is_retired: AtomicBool,
    next_number: AtomicU16,
}

/// A process that waits for a call.
struct Idle {
    environment: Environment,
    since: Instant,
}

/// The room for processes of all functions.
pub(super) struct Room {
    places: Arc<Semaphore>,
    /// Calls that wait for a place.
    waiting: AtomicUsize,
    /// Rung when a process begins to wait.
    pub(super) idles: Notify,
}

impl Room {
    pub(super) fn new() -> Self {
        let places = Arc::new(Semaphore::new(PROCESSES_MAX));
        Self { places, waiting: AtomicUsize::new(0), idles: Notify::new() }
    }

    /// A place; `evict` ends a process that waits for a call, if there is one.
    async fn take(&self, evict: impl FnOnce()) -> io::Result<OwnedSemaphorePermit> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(place);
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        evict();
        let place = Arc::clone(&self.places).acquire_owned().await;
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        place.map_err(io::Error::other)
    }
}

impl Pool {
    pub(super) fn new(function: Function) -> Self {
        let places = usize::try_from(function.settings.concurrency).unwrap_or(1);
        Self {
            function,
            places: Arc::new(Semaphore::new(places)),
            idle: Mutex::default(),
            is_retired: AtomicBool::new(false),
            next_number: AtomicU16::new(0),
        }
    }

    /// The right to run a call, if one more may run.
    pub(super) fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// Returns when one more call may run.
    pub(super) async fn place_freed(&self) {
        drop(self.places.acquire().await);
    }

    /// Runs a call in a process that waits, or in a new one.
    pub(super) async fn run(
        &self,
        shared: &Arc<Shared>,
        invocation: Invocation,
        _place: OwnedSemaphorePermit,
    ) -> io::Result<Outcome> {
        let mut environment = match self.waiting() {
            Some(environment) => environment,
            None => self.start(shared).await?,
        };
        let init_max =
            shared.config.init_max + Duration::from_secs(self.function.settings.timeout_seconds.into());
        let outcome = environment.call(&self.function, invocation, init_max).await;
        let is_wanted = shared.room.waiting.load(Ordering::Relaxed) == 0;
        if environment.is_ready() && is_wanted {
            self.keep(environment);
            shared.room.idles.notify_one();
        }
        Ok(outcome)
    }

    async fn start(&self, shared: &Arc<Shared>) -> io::Result<Environment> {
        let room = shared.room.take(|| shared.evict()).await?;
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        Environment::start(shared, &self.function, number, room).await
    }

    /// The process that has waited least: the others may end.
    fn waiting(&self) -> Option<Environment> {
        let mut idle = self.idle();
        while let Some(Idle { environment, .. }) = idle.pop() {
            if environment.is_ready() {
                return Some(environment);
            }
        }
        None
    }

    fn keep(&self, environment: Environment) {
        let mut idle = self.idle();
        // WHY: under the lock, so that nothing is kept after `retire` has cleared.
        if !self.is_retired.load(Ordering::Relaxed) {
            idle.push(Idle { environment, since: Instant::now() });
        }
    }

    /// Ends what waits; what has a call ends after it.
    pub(super) fn retire(&self) {
        let mut idle = self.idle();
        self.is_retired.store(true, Ordering::Relaxed);
        idle.clear();
    }

    /// Ends processes that have waited since before `then`, and such as have ended by themselves. Gives since when the one
    /// has waited that is next.
    pub(super) fn expire(&self, then: Instant) -> Option<Instant> {
        let mut idle = self.idle();
        idle.retain(|idle| idle.since > then && idle.environment.is_ready());
        idle.first().map(|idle| idle.since)
    }

    /// Since when the one has waited that has waited longest.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.idle().first().map(|idle| idle.since)
    }

    /// Ends the process that has waited longest.
    pub(super) fn drop_oldest(&self) {
        let mut idle = self.idle();
        if !idle.is_empty() {
            drop(idle.remove(0));
        }
    }

    /// How much of it is in use.
    pub(super) fn usage(&self) -> Use {
        let places = usize::try_from(self.function.settings.concurrency).unwrap_or(1);
        let busy = places.saturating_sub(self.places.available_permits());
        Use { processes: busy + self.idle().len(), busy }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
