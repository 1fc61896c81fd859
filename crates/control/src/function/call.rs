//! What can be done with functions: register, look, call and wait, call and not wait. Decides; the runner acts.

use std::sync::Arc;

use shipway_engine::{Clock, Store};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    EVENT_BYTES_MAX, Function, FunctionStatus, Invocation, Outcome, REQUEST_BYTES_MAX, Reference, Refusal,
    Runner, Settings, Unfinished, catalogue::Catalogue,
};
use crate::{
    app::Error,
    host::{LogPage, LogQuery},
};

/// Calls that nobody waits for, at most: those that run and those that wait.
const EVENTS_MAX: usize = 1_000;
/// Pauses before such a call is tried again after it failed, as Lambda has them.
const EVENT_PAUSES_MILLIS: &[u64] = &[60_000, 120_000];

/// The region and account that functions are in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Such as `us-east-1`.
    pub region: String,
    /// Twelve digits.
    pub account: String,
}

/// A call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Which function.
    pub function: Reference,
    /// JSON.
    pub payload: Vec<u8>,
    /// JSON that the caller tells of itself.
    pub client_context: Option<String>,
}

/// A call that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// Its id.
    pub request_id: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// The functions of a server; clones share them.
#[derive(Clone)]
pub struct Functions {
    catalogue: Catalogue,
    runner: Arc<dyn Runner>,
    place: Arc<Place>,
    events: Arc<Semaphore>,
    supervisor: TaskTracker,
    stop: CancellationToken,
}

impl std::fmt::Debug for Functions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Functions").field("place", &self.place).finish_non_exhaustive()
    }
}

impl Functions {
    /// The functions in the records of `store`. Calls that nobody waits for end when `stop` is cancelled.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        runner: Arc<dyn Runner>,
        place: Place,
        stop: CancellationToken,
    ) -> Self {
        Self {
            catalogue: Catalogue::new(store, clock),
            runner,
            place: Arc::new(place),
            events: Arc::new(Semaphore::new(EVENTS_MAX)),
            supervisor: TaskTracker::new(),
            stop,
        }
    }

    /// Where they are.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Returns when no call is under way that nobody waits for, after `stop` was cancelled.
    pub async fn stopped(&self) {
        self.supervisor.close();
        self.supervisor.wait().await;
    }

    /// Keeps a function for good, in place of one of the same name; processes of that one are not used any more.
    pub async fn register(
        &self,
        name: &str,
        settings: Settings,
        actor: &str,
    ) -> Result<FunctionStatus, Error> {
        settings.check()?;
        self.runner.check(&settings)?;
        self.forget_expired().await?;
        let function = self.catalogue.register(name, settings, actor).await?;
        Ok(self.took(function))
    }

    /// Keeps a function until nobody renews its lease.
    pub async fn lease(&self, name: &str, settings: Settings, actor: &str) -> Result<FunctionStatus, Error> {
        settings.check()?;
        self.runner.check(&settings)?;
        self.forget_expired().await?;
        let function = self.catalogue.lease(name, settings, actor).await?;
        Ok(self.took(function))
    }

    /// Takes away what a lease that nobody renewed has left.
    async fn forget_expired(&self) -> Result<(), Error> {
        for Function { name, revision, .. } in self.catalogue.expired().await? {
            // WHY: somebody else may have been faster, or have registered it again.
            if self.catalogue.remove(&name, Some(&revision)).await.is_ok() {
                self.runner.retire(&name, None);
                self.runner.forget(&name).await;
            }
        }
        Ok(())
    }

    fn took(&self, function: Function) -> FunctionStatus {
        let (name, revision, actor) = (&function.name, &function.revision, &function.actor);
        tracing::info!(name, revision, actor, "a function was registered");
        self.runner.retire(name, Some(revision));
        self.status(function)
    }

    /// Says that a leased function of this revision shall stay.
    pub async fn renew(&self, name: &str, revision: &str) -> Result<FunctionStatus, Error> {
        self.catalogue.renew(name, revision).await.map(|function| self.status(function))
    }

    /// All functions, by name.
    pub async fn list(&self) -> Result<Vec<FunctionStatus>, Error> {
        let functions = self.catalogue.list().await?;
        Ok(functions.into_iter().map(|function| self.status(function)).collect())
    }

    /// One function.
    pub async fn describe(&self, name: &str) -> Result<FunctionStatus, Error> {
        match self.catalogue.find(name).await? {
            Some(function) => Ok(self.status(function)),
            None => Err(Error::NotFound { what: "function", id: name.to_owned() }),
        }
    }

    /// Forgets a function and its log; of this revision only, if one is told. Calls under way end first.
    pub async fn remove(
        &self,
        name: &str,
        revision: Option<&str>,
        actor: &str,
    ) -> Result<FunctionStatus, Error> {
        let function = self.catalogue.remove(name, revision).await?;
        tracing::info!(name, actor, "a function was removed");
        let status = self.status(function);
        self.runner.retire(name, None);
        self.runner.forget(name).await;
        Ok(status)
    }

    /// Lines that the function wrote.
    pub async fn logs(&self, name: &str, query: &LogQuery) -> Result<LogPage, Error> {
        self.describe(name).await?;
        self.runner.logs(name, query).await
    }

    /// Whether there is a function of this name.
    pub async fn has(&self, function: &Reference) -> Result<bool, Error> {
        Ok(self.catalogue.find(&function.name).await?.is_some())
    }

    /// Checks a call without making it.
    pub async fn check(&self, mut call: Call) -> Result<(), Refusal> {
        self.find(&mut call, "RequestResponse", REQUEST_BYTES_MAX).await.map(|_| ())
    }

    /// Calls a function and waits.
    pub async fn invoke(&self, mut call: Call) -> Result<Done, Refusal> {
        let function = self.find(&mut call, "RequestResponse", REQUEST_BYTES_MAX).await?;
        let invocation = self.invocation(call);
        let request_id = invocation.request_id.clone();
        let outcome = self.runner.invoke(&function, invocation).await?;
        Ok(Done { request_id, outcome })
    }

    /// Calls a function and does not wait: gives the call's id. It is not kept over a restart of the server.
    pub async fn enqueue(&self, mut call: Call) -> Result<String, Refusal> {
        self.find(&mut call, "Event", EVENT_BYTES_MAX).await?;
        let place = Arc::clone(&self.events).try_acquire_owned().map_err(|_| Refusal::Throttled)?;
        let name = call.function.name.clone();
        let invocation = self.invocation(call);
        let request_id = invocation.request_id.clone();
        let functions = self.clone();
        self.supervisor.spawn(async move {
            let stop = functions.stop.clone();
            stop.run_until_cancelled(functions.run_event(&name, invocation, place)).await;
        });
        Ok(request_id)
    }

    /// Waits for a place, runs, and tries again after failures.
    async fn run_event(&self, name: &str, invocation: Invocation, _place: OwnedSemaphorePermit) {
        let mut pauses = EVENT_PAUSES_MILLIS.iter();
        loop {
            let Ok(Some(function)) = self.catalogue.find(name).await else { return };
            let id = &invocation.request_id;
            match self.runner.invoke(&function, invocation.clone()).await {
                Err(Unfinished::Busy) => {
                    self.runner.place_freed(name).await;
                    continue;
                }
                Ok(outcome) if !outcome.is_failure => return,
                Ok(_) => tracing::warn!(name, id, "a call that nobody waits for failed"),
                Err(error) => tracing::warn!(name, id, %error, "a call that nobody waits for did not run"),
            }
            let Some(pause) = pauses.next() else { return };
            let clock = self.catalogue.clock();
            clock.sleep_until(clock.now().plus_millis(*pause)).await;
        }
    }

    async fn find(&self, call: &mut Call, kind: &'static str, limit: usize) -> Result<Function, Refusal> {
        // WHY: Lambda takes a call without a payload for one with an empty object.
        if call.payload.is_empty() {
            call.payload = b"{}".to_vec();
        }
        let bytes = call.payload.len();
        if bytes > limit {
            return Err(Refusal::TooLarge { bytes, kind, limit });
        }
        let found = self.catalogue.find(&call.function.name).await?;
        let function = found.ok_or_else(|| Refusal::NotFound { arn: self.arn(&call.function) })?;
        match serde_json::from_slice::<serde::de::IgnoredAny>(&call.payload) {
            Ok(_) => Ok(function),
            Err(error) => Err(Refusal::Content { reason: error.to_string() }),
        }
    }

    /// The ARN that a caller means.
    pub fn arn(&self, function: &Reference) -> String {
        function.arn(&self.place.region, &self.place.account)
    }

    fn invocation(&self, call: Call) -> Invocation {
        let clock = self.catalogue.clock();
        let (high, low) = (clock.entropy(), clock.entropy());
        Invocation {
            arn: self.arn(&call.function),
            request_id: uuid(high, low),
            trace_id: trace_id(clock.now().0, clock.entropy(), clock.entropy()),
            payload: call.payload,
            client_context: call.client_context,
        }
    }

    fn status(&self, function: Function) -> FunctionStatus {
        let used = self.runner.usage(&function.name);
        let Place { region, account } = &*self.place;
        let settings = function.settings;
        FunctionStatus {
            arn: format!("arn:aws:lambda:{region}:{account}:function:{}", function.name),
            name: function.name,
            runtime: settings.runtime,
            handler: settings.handler,
            directory: settings.directory,
            timeout_seconds: settings.timeout_seconds,
            concurrency: settings.concurrency,
            memory_mb: settings.memory_mb,
            env_names: settings.env.0.into_keys().collect(),
            revision: function.revision,
            actor: function.actor,
            registered_at: function.registered_at,
            leased_until: function.leased_until,
            processes: used.processes,
            busy: used.busy,
        }
    }
}

/// A random UUID out of 128 random bits.
fn uuid(high: u64, low: u64) -> String {
    let (high, low) = ((high & !0xF000) | 0x4000, (low & !(0b11 << 62)) | (0b10 << 62));
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xFFFF,
        high & 0xFFFF,
        low >> 48,
        low & 0xFFFF_FFFF_FFFF
    )
}

/// As X-Ray writes it, and not sampled: nobody collects it.
fn trace_id(millis: i64, first: u64, second: u64) -> String {
    let (seconds, rest) = (millis / 1_000, first >> 32);
    format!("Root=1-{seconds:08x}-{rest:08x}{second:016x};Parent={first:016x};Sampled=0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuids_of_version_four() {
        assert_eq!(uuid(u64::MAX, u64::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(uuid(0, 0), "00000000-0000-4000-8000-000000000000");
    }

    #[test]
    fn trace_ids_are_x_rays() {
        let id = trace_id(1_700_000_000_000, 0x0123_4567_89ab_cdef, 1);
        assert_eq!(id, "Root=1-6553f100-012345670000000000000001;Parent=0123456789abcdef;Sampled=0");
    }
}
