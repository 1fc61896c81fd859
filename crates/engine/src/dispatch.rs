//! Tasks on their way to handlers and their results on the way back. At least once: a handler may see a task again.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Duration,
};

use futures_util::FutureExt;
use serde_json::Value;
use shipway_asl::{Input, ScheduledTask};
use tokio_util::sync::CancellationToken;

use crate::{
    engine::Error,
    executor::Core,
    nested::Nested,
    store::PAGE_MAX,
    task::{Task, TaskFailure, TaskHandler, Trace, is_callback, is_job},
};

/// Characters of a cause that are kept, as AWS keeps them.
const CAUSE_MAX: usize = 32_768;
/// Characters of an error name that are kept, as AWS keeps them.
const ERROR_MAX: usize = 256;
/// How long a task whose result is not wanted any more may take to clean up.
const CANCEL_GRACE_MILLIS: u64 = 30_000;
/// How long an answer by token waits for the service's own answer, which comes first in the history. Not longer: a
/// function may use its token before it returns.
const SUBMIT_GRACE_MILLIS: u64 = 500;
/// First and longest wait before a result is offered again to a store that could not take it.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// A task whose handler is at work.
pub struct Underway {
    /// Tells the handler that nobody wants its result.
    cancel: CancellationToken,
    /// Cancelled when the handler's result is in the history.
    recorded: CancellationToken,
    /// Whether its result is only the first: the end comes by token.
    is_callback: bool,
}

impl Core {
    /// Dispatches again what was not done when the engine stopped. The data directory's lock guarantees that no
    /// earlier engine still works on it.
    pub async fn recover_tasks(self: &Arc<Self>) -> Result<usize, Error> {
        let mut after: Option<(String, u64)> = None;
        let mut count = 0;
        loop {
            let position = after.as_ref().map(|(arn, task)| (arn.as_str(), *task));
            let page = self.store.tasks(position, PAGE_MAX).await?;
            let Some(last) = page.last() else { return Ok(count) };
            after = Some((last.arn.clone(), last.task.task));
            count += page.len();
            for open in page {
                self.dispatch(open.arn, open.task);
            }
        }
    }

    /// Hands a task to its handler, in a task of its own, as soon as there is room.
    pub fn dispatch(self: &Arc<Self>, arn: String, task: ScheduledTask) {
        if task.resource.contains(":activity:") {
            // WHY: a worker outside asks for it by GetActivityTask; it stays open in the store until then.
            self.activities.offer(&task.resource, arn, task.task);
            return;
        }
        let (cancel, recorded) = (self.stop.child_token(), CancellationToken::new());
        let is_callback = is_callback(&task.resource);
        let underway = Underway { cancel: cancel.clone(), recorded: recorded.clone(), is_callback };
        self.running().insert((arn.clone(), task.task), underway);
        let core = Arc::clone(self);
        self.supervisor.spawn(async move {
            let id = task.task;
            tokio::select! {
                biased;
                () = core.stop.cancelled() => {}
                () = core.perform(&arn, task, &cancel) => {}
            }
            core.running().remove(&(arn, id));
            recorded.cancel();
        });
    }

    /// Tells a handler that nobody wants its result.
    pub fn cancel_task(&self, arn: &str, task: u64) {
        if let Some(underway) = self.running().get(&(arn.to_owned(), task)) {
            underway.cancel.cancel();
        }
    }

    /// Waits until the service that a token was sent to has answered, and not long.
    pub async fn submission(&self, arn: &str, task: u64) {
        let recorded = match self.running().get(&(arn.to_owned(), task)) {
            Some(underway) if underway.is_callback => underway.recorded.clone(),
            Some(_) | None => return,
        };
        tokio::select! {
            () = recorded.cancelled() => {}
            () = self.clock.sleep_until(self.clock.now().plus_millis(SUBMIT_GRACE_MILLIS)) => {}
        }
    }

    fn running(&self) -> std::sync::MutexGuard<'_, std::collections::HashMap<(String, u64), Underway>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn perform(self: &Arc<Self>, arn: &str, task: ScheduledTask, cancel: &CancellationToken) {
        let Ok(permit) = self.permits.acquire().await else { return };
        if cancel.is_cancelled() {
            // WHY: its result was given up while it waited for its turn; the commit that did so removed it.
            return;
        }
        let id = task.task;
        let is_submitted_only = is_callback(&task.resource);
        let job = is_job(&task.resource).then(|| task.clone());
        if let Some(job) = &job
            && let Some(submitted) = self.submitted(arn, id).await
        {
            drop(permit);
            return self.finish(arn, job.clone(), submitted, cancel).await;
        }
        let result = self.within_grace(arn, id, cancel, self.handle(arn, task, cancel, None)).await;
        drop(permit);
        let Some(result) = result else { return };
        let started = Input::TaskStarted { task: id, worker: None };
        let end = match (result, job) {
            (Ok(output), Some(job)) => return self.finish(arn, job, output, cancel).await,
            (Ok(output), None) if is_submitted_only => Input::TaskSubmitted { task: id, output },
            (result, _) => end_of(id, result),
        };
        self.deliver_surely(arn, id, vec![started, end]).await;
    }

    /// Says that a job was started, and waits for its end.
    // INVARIANT: the task stays open in the store until then, so a restart waits for it again.
    async fn finish(
        self: &Arc<Self>,
        arn: &str,
        job: ScheduledTask,
        submitted: Value,
        cancel: &CancellationToken,
    ) {
        let id = job.task;
        let started = Input::TaskStarted { task: id, worker: None };
        let first = Input::TaskSubmitted { task: id, output: submitted.clone() };
        self.offer(arn, vec![started, first], None).await;
        let Some(handler) = self.handler(&job.resource) else { return };
        let task = self.lease(arn, job, cancel);
        let key = task.key.clone();
        let finishing = guarded(key, async move { handler.finish(task, submitted).await });
        if let Some(result) = self.within_grace(arn, id, cancel, finishing).await {
            self.deliver_surely(arn, id, vec![end_of(id, result)]).await;
        }
    }

    /// The handler's answer. None if it was cancelled and gave up, or did not end in time: it must not keep its place
    /// for ever.
    async fn within_grace(
        &self,
        arn: &str,
        task: u64,
        cancel: &CancellationToken,
        handling: impl Future<Output = Result<Value, TaskFailure>>,
    ) -> Option<Result<Value, TaskFailure>> {
        let grace = async {
            cancel.cancelled().await;
            self.clock.sleep_until(self.clock.now().plus_millis(CANCEL_GRACE_MILLIS)).await;
        };
        tokio::select! {
            biased;
            // WHY: a handler that gave up since the engine stops has not failed: the task is dispatched again.
            result = handling => Some(result).filter(|result| result.is_ok() || !cancel.is_cancelled()),
            () = grace => {
                tracing::warn!(arn, task, "a cancelled task did not end in time and was dropped");
                None
            }
        }
    }

    /// The handler's answer.
    pub async fn handle(
        self: &Arc<Self>,
        arn: &str,
        task: ScheduledTask,
        cancel: &CancellationToken,
        trace: Option<Arc<Trace>>,
    ) -> Result<Value, TaskFailure> {
        let Some(handler) = self.handler(&task.resource) else {
            return Err(TaskFailure {
                error: "States.TaskFailed".to_owned(),
                cause: format!("nothing here handles the resource `{}`", task.resource),
            });
        };
        let task = Task { trace, ..self.lease(arn, task, cancel) };
        guarded(task.key.clone(), async move { handler.run(task).await }).await
    }

    /// Who does tasks with that resource.
    fn handler(self: &Arc<Self>, resource: &str) -> Option<Arc<dyn TaskHandler>> {
        let own = self.handlers.get(resource).cloned();
        own.or_else(|| Nested::find(self, resource)).or_else(|| self.fallback.clone())
    }

    fn lease(&self, arn: &str, task: ScheduledTask, cancel: &CancellationToken) -> Task {
        Task {
            key: format!("{arn}/{}/{}", task.state, task.task),
            execution_arn: arn.to_owned(),
            state: task.state,
            resource: task.resource,
            parameters: task.parameters,
            attempt: task.attempt,
            dispatch: self.dispatches.fetch_add(1, Ordering::Relaxed),
            role_arn: task.actor.role_arn,
            credentials: task.actor.credentials,
            cancel: cancel.clone(),
            stop: self.stop.clone(),
            trace: None,
        }
    }

    /// Delivers a task's result, however long the store cannot take it: the execution pauses and loses nothing.
    async fn deliver_surely(self: &Arc<Self>, arn: &str, task: u64, inputs: Vec<Input>) {
        self.offer(arn, inputs, Some(task)).await;
    }

    /// Delivers inputs; if nobody waits for them, the task that they tell of is dropped.
    async fn offer(self: &Arc<Self>, arn: &str, inputs: Vec<Input>, task: Option<u64>) {
        let mut wait = BACKOFF.0;
        loop {
            let delivered = match self.deliver(arn, inputs.clone(), Vec::new()).await {
                Err(Error::NotWaiting(_) | Error::NoExecution(_)) => {
                    tracing::debug!(arn, task, "nobody waits for that result any more");
                    match task {
                        Some(task) => self.drop_task(arn, task).await,
                        None => Ok(()),
                    }
                }
                delivered => delivered,
            };
            match delivered {
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(%error, arn, "a task's result could not be recorded; it is offered again");
                    let due = self.clock.now().plus_millis(u64::try_from(wait.as_millis()).unwrap_or(0));
                    self.clock.sleep_until(due).await;
                    wait = (wait * 2).min(BACKOFF.1);
                }
            }
        }
    }
}

fn end_of(task: u64, result: Result<Value, TaskFailure>) -> Input {
    match result {
        Ok(output) => Input::TaskSucceeded { task, output },
        Err(TaskFailure { error, cause }) => {
            Input::TaskFailed { task, error: cut(error, ERROR_MAX), cause: Some(cut(cause, CAUSE_MAX)) }
        }
    }
}

/// The handler's answer, also if it panics: even before it gives its own future.
async fn guarded(
    key: String,
    handling: impl Future<Output = Result<Value, TaskFailure>>,
) -> Result<Value, TaskFailure> {
    AssertUnwindSafe(handling).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!(key, "a task handler panicked");
        Err(TaskFailure {
            error: "States.TaskFailed".to_owned(),
            cause: "the task's handler panicked; the server's log says where".to_owned(),
        })
    })
}

fn cut(mut text: String, characters_max: usize) -> String {
    if let Some((index, _)) = text.char_indices().nth(characters_max) {
        text.truncate(index);
    }
    text
}
