//! One execution's way: load, step, commit, and only then the effects.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
};

use serde_json::json;
use shipway_asl::{
    ChildOf, Effect, Event, Execution, Input, Moment, ScheduledTask, Start, StateMachine, Status, Timestamp,
    map_run::{ExecutionType, MapRunPlan},
    step,
};
use tokio::sync::{Mutex as AsyncMutex, Notify, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    activities::Queues,
    bucket::Buckets,
    clock::Clock,
    dispatch::Underway,
    engine::{Config, Error},
    launch::Origin,
    machines::Machines,
    map_run::{
        Drivers,
        record::{self, Kept},
    },
    notify::Bells,
    observe::Observers,
    redrive::obstacle,
    store::{self, Commit, Expected, Progress, Put, Row, Store},
    task::{TaskHandler, is_job},
};

/// Attempts to apply an input when somebody else moved the same execution on.
const CONFLICTS_MAX: usize = 16;
/// Executions kept in memory between their steps; any other is read again when it is needed.
const SLOTS_MAX: usize = 2_048;

/// What every part of a running engine shares.
pub struct Core {
    pub store: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    pub config: Config,
    pub handlers: HashMap<String, Arc<dyn TaskHandler>>,
    pub fallback: Option<Arc<dyn TaskHandler>>,
    pub machines: Machines,
    pub buckets: Arc<dyn Buckets>,
    /// Map Runs that are driven here.
    pub drivers: Drivers,
    pub activities: Queues,
    pub bells: Bells,
    pub observers: Observers,
    /// Rung when a timer is set that is due before `next_timer`.
    pub timer_set: Notify,
    /// What the timers' loop sleeps for.
    pub next_timer: std::sync::atomic::AtomicI64,
    pub permits: Semaphore,
    /// The last dispatch number given.
    pub dispatches: AtomicU64,
    /// Tasks that run here, by ARN and task.
    pub running: Mutex<HashMap<(String, u64), Underway>>,
    pub supervisor: TaskTracker,
    pub stop: CancellationToken,
    pub slots: Mutex<HashMap<String, Arc<Slot>>>,
}

/// An execution in memory, or none: it is loaded when it is needed.
pub type Slot = AsyncMutex<Option<Loaded>>;

/// An execution in memory: equal to what is durable.
pub struct Loaded {
    machine: Arc<StateMachine>,
    /// [`Queues::changes`] when the machine was read, which knows the activities that are gone.
    activities: u64,
    execution: Execution,
    row: Row,
}

/// What the transitions of one commit ask for.
#[derive(Default)]
struct Gathered {
    events: Vec<Event>,
    tasks: Vec<ScheduledTask>,
    tasks_removed: Vec<u64>,
    timers: Vec<(u64, Timestamp)>,
    timers_removed: Vec<u64>,
    cancelled: Vec<u64>,
    map_runs: Vec<MapRunPlan>,
    map_runs_aborted: Vec<String>,
    /// ARNs, and how often they were redriven.
    map_runs_redriven: Vec<(String, u32)>,
}

/// What an execution is given, in one commit.
#[derive(Clone, Default)]
pub struct Delivery {
    /// Inputs, of which at least one must be taken.
    pub inputs: Vec<Input>,
    /// Records that are written in that commit.
    pub records: Vec<Put>,
    /// When; now, if none is given.
    pub at: Option<Moment>,
}

impl Gathered {
    fn add(&mut self, transition: shipway_asl::Transition) {
        self.events.extend(transition.events);
        for effect in transition.effects {
            match effect {
                Effect::ScheduleTask(task) => self.tasks.push(task),
                Effect::StartTimer { timer, due } => self.timers.push((timer, due)),
                Effect::CancelTimer { timer } => self.remove_timer(timer),
                Effect::CancelTask { task } => {
                    self.remove_task(task);
                    self.cancelled.push(task);
                }
                Effect::StartMapRun(plan) => self.map_runs.push(*plan),
                Effect::AbortMapRun { arn, .. } => self.map_runs_aborted.push(arn),
                Effect::RedriveMapRun { arn, count, .. } => self.map_runs_redriven.push((arn, count)),
                Effect::Complete => {}
            }
        }
    }

    fn remove_timer(&mut self, timer: u64) {
        self.timers.retain(|(id, _)| *id != timer);
        self.timers_removed.push(timer);
    }

    fn remove_task(&mut self, task: u64) {
        self.tasks.retain(|scheduled| scheduled.task != task);
        self.tasks_removed.push(task);
    }

    /// What taking this input ends by itself.
    fn taken(&mut self, input: &Input) {
        match input {
            Input::TaskSucceeded { task, .. } | Input::TaskFailed { task, .. } => self.remove_task(*task),
            // WHY: a job that is waited for (`.sync`) must be waited for again after a restart.
            Input::TaskSubmitted { task, .. } if !self.is_awaited() => self.remove_task(*task),
            // WHY: a timer that was set anew under its id by this very input stays.
            Input::TimerFired { timer } if !self.timers.iter().any(|(id, _)| id == timer) => {
                self.timers_removed.push(*timer);
            }
            Input::TimerFired { .. }
            | Input::Start
            | Input::TaskSubmitted { .. }
            | Input::TaskStarted { .. }
            | Input::TaskHeartbeat { .. }
            | Input::MapRunEnded { .. }
            | Input::Redrive { .. }
            | Input::Stop { .. } => {}
        }
    }

    /// Whether what was submitted last is a job that the engine waits for.
    fn is_awaited(&self) -> bool {
        self.events.last().and_then(Event::submitted_action).is_some_and(is_job)
    }

    fn token_records(&self, arn: &str) -> impl Iterator<Item = Put> {
        self.tasks.iter().filter_map(move |task| {
            let value = json!({"execution": arn, "task": task.task});
            task.token.as_ref().map(|token| Put { key: token_key(token), expected: Expected::Any, value })
        })
    }
}

/// Key of the record that says which task waits for a token.
pub fn token_key(token: &str) -> String {
    format!("engine/token/{token}")
}

impl Core {
    pub fn moment(&self) -> Moment {
        Moment { now: self.clock.now(), seed: self.clock.entropy() }
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs to its end even if its caller goes away: a commit whose effects are dropped would be durable and yet
    /// stand still until the next start.
    async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        self.supervisor.spawn(work).await.unwrap_or_else(|error| {
            tracing::error!(%error, "broken invariant");
            Err(Error::Store(store::Error::Unavailable {
                operation: "advance an execution".to_owned(),
                reason: error.to_string(),
            }))
        })
    }

    /// Starts an execution; `records` are written in the same commit. Once called, it does not need its caller.
    pub async fn start(
        self: &Arc<Self>,
        start: Start,
        revision: u64,
        origin: Origin,
        records: Vec<Put>,
    ) -> Result<(), Error> {
        self.start_execution(Execution::new(start), revision, origin, vec![Input::Start], records).await
    }

    /// Starts an execution that may be a child of a Map Run; `inputs` begin with the start.
    pub async fn start_execution(
        self: &Arc<Self>,
        execution: Execution,
        revision: u64,
        origin: Origin,
        inputs: Vec<Input>,
        records: Vec<Put>,
    ) -> Result<(), Error> {
        let core = Arc::clone(self);
        self.to_the_end(async move {
            let arn = execution.start().execution_arn.clone();
            let result = core.start_here(execution, revision, origin, inputs, records).await;
            core.forget_idle(&arn);
            result
        })
        .await
    }

    async fn start_here(
        self: &Arc<Self>,
        execution: Execution,
        revision: u64,
        origin: Origin,
        inputs: Vec<Input>,
        records: Vec<Put>,
    ) -> Result<(), Error> {
        let start = execution.start();
        let activities = self.activities.changes();
        let machine = self.machines.parsed(&*self.store, &start.machine_name, revision).await?;
        let at = self.moment();
        let map_run = execution.child_of().map(|child| child.map_run.clone());
        let origin = Origin { map_run, ..origin };
        let row = Row {
            arn: start.execution_arn.clone(),
            machine: start.machine_name.clone(),
            revision,
            name: start.execution_name.clone(),
            status: Status::Running,
            started_at: at.now,
            stopped_at: None,
            last_event_id: 0,
            redrives: 0,
            redriven_at: None,
            origin,
            snapshot: Vec::new(),
        };
        let mut loaded = Loaded { machine, activities, execution, row };
        let slot = self.slot(&loaded.row.arn);
        let mut guard = slot.lock().await;
        let gathered = advance(&mut loaded, inputs, at)?;
        self.commit(&mut loaded, gathered, records).await?;
        *guard = (loaded.row.status == Status::Running).then_some(loaded);
        Ok(())
    }

    /// Gives inputs to an execution: those that are taken become durable together, in one commit.
    ///
    /// `records` are written in that commit. An execution that takes none of the inputs is left as it is. Once called,
    /// it does not need its caller.
    pub async fn deliver(
        self: &Arc<Self>,
        arn: &str,
        inputs: Vec<Input>,
        records: Vec<Put>,
    ) -> Result<(), Error> {
        self.deliver_all(arn, Delivery { inputs, records, at: None }).await
    }

    /// As [`Core::deliver`].
    pub async fn deliver_all(self: &Arc<Self>, arn: &str, delivery: Delivery) -> Result<(), Error> {
        let (core, arn) = (Arc::clone(self), arn.to_owned());
        self.to_the_end(async move {
            let result = core.deliver_here(&arn, &delivery).await;
            core.forget_idle(&arn);
            result
        })
        .await
    }

    async fn deliver_here(self: &Arc<Self>, arn: &str, delivery: &Delivery) -> Result<(), Error> {
        for _ in 0..CONFLICTS_MAX {
            let slot = self.slot(arn);
            let mut guard = slot.lock().await;
            // WHY: taken out, so that an error or a dropped future leaves nothing half done in memory.
            let mut loaded = match guard.take() {
                Some(loaded) if loaded.activities == self.activities.changes() => loaded,
                Some(Loaded { execution, row, .. }) => self.with_machine(execution, row).await?,
                None => self.load(arn, &delivery.inputs).await?,
            };
            let at = delivery.at.unwrap_or_else(|| self.moment());
            let gathered = match advance(&mut loaded, delivery.inputs.clone(), at) {
                Ok(gathered) => gathered,
                Err(error) => {
                    *guard = (loaded.row.status == Status::Running).then_some(loaded);
                    return Err(error);
                }
            };
            let redriven: Vec<String> =
                gathered.map_runs_redriven.iter().map(|(arn, _)| record::key(arn)).collect();
            match self.commit(&mut loaded, gathered, delivery.records.clone()).await {
                Ok(()) => {
                    *guard = (loaded.row.status == Status::Running).then_some(loaded);
                    return Ok(());
                }
                // WHY: a Map Run that is redriven may still be ending, and its driver have written meanwhile.
                Err(store::Error::Conflict { key }) if key == arn || redriven.contains(&key) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Store(store::Error::Conflict { key: arn.to_owned() }))
    }

    /// Removes a timer that nobody waits for.
    pub async fn drop_timer(&self, arn: &str, timer: u64) -> Result<(), Error> {
        self.drop_open(arn, Vec::new(), vec![timer]).await
    }

    /// Removes a task that nobody waits for, or it would be dispatched again after each start.
    pub async fn drop_task(&self, arn: &str, task: u64) -> Result<(), Error> {
        self.drop_open(arn, vec![task], Vec::new()).await
    }

    async fn drop_open(&self, arn: &str, tasks: Vec<u64>, timers: Vec<u64>) -> Result<(), Error> {
        let Some(row) = self.store.execution(arn).await? else { return Ok(()) };
        let progress = Progress {
            expected_event_id: row.last_event_id,
            row,
            events: Vec::new(),
            tasks_added: Vec::new(),
            tasks_removed: tasks,
            timers_added: Vec::new(),
            timers_removed: timers,
        };
        self.store.commit(Commit { execution: Some(progress), records: Vec::new() }).await?;
        Ok(())
    }

    fn slot(&self, arn: &str) -> Arc<Slot> {
        let mut slots = self.slots();
        if slots.len() >= SLOTS_MAX && !slots.contains_key(arn) {
            forget_some(&mut slots);
        }
        Arc::clone(slots.entry(arn.to_owned()).or_default())
    }

    /// Forgets a slot that holds nothing: its execution has ended, failed to load or does not exist.
    fn forget_idle(&self, arn: &str) {
        let mut slots = self.slots();
        let is_idle = slots.get(arn).is_some_and(|slot| {
            Arc::strong_count(slot) == 1 && slot.try_lock().is_ok_and(|loaded| loaded.is_none())
        });
        if is_idle {
            slots.remove(arn);
        }
    }

    async fn load(&self, arn: &str, inputs: &[Input]) -> Result<Loaded, Error> {
        let row = self.store.execution(arn).await?.ok_or_else(|| Error::NoExecution(arn.to_owned()))?;
        let is_redrive = inputs.iter().any(|input| matches!(input, Input::Redrive { .. }));
        let execution = match is_redrive && obstacle(&row, self.clock.now()).is_none() {
            true => self.refold(&row).await?,
            false => parse_snapshot(&row)?,
        };
        self.with_machine(execution, row).await
    }

    async fn with_machine(&self, execution: Execution, row: Row) -> Result<Loaded, Error> {
        // WHY: counted before the look, so that a change after it is noticed by the next one.
        let activities = self.activities.changes();
        let machine = self.machines.parsed(&*self.store, &row.machine, row.revision).await?;
        Ok(Loaded { machine, activities, execution, row })
    }

    /// INVARIANT: effects leave only after the commit that recorded them has returned.
    async fn commit(
        self: &Arc<Self>,
        loaded: &mut Loaded,
        gathered: Gathered,
        mut records: Vec<Put>,
    ) -> Result<(), store::Error> {
        let expected_event_id = loaded.row.last_event_id;
        refresh_row(loaded, gathered.events.last())?;
        records.extend(gathered.token_records(&loaded.row.arn));
        let now = self.clock.now();
        let started = gathered.map_runs.iter().map(|plan| Kept::new(&loaded.row, plan.clone(), now));
        records.extend(started.flat_map(|kept| kept.first_puts()));
        for (arn, count) in &gathered.map_runs_redriven {
            records.extend(record::redriven(&*self.store, arn, *count, now).await?);
        }
        let observed = self.observers.before(&loaded.row, &gathered.events, &mut records);
        let progress = Progress {
            row: loaded.row.clone(),
            expected_event_id,
            events: gathered.events,
            tasks_added: gathered.tasks.clone(),
            tasks_removed: gathered.tasks_removed,
            timers_added: gathered.timers.clone(),
            timers_removed: gathered.timers_removed,
        };
        self.store.commit(Commit { execution: Some(progress), records }).await?;
        let arn = &loaded.row.arn;
        self.bells.ring(arn);
        self.observers.after(&loaded.row, observed);
        for task in gathered.cancelled {
            self.cancel_task(arn, task);
        }
        self.announce_timers(&gathered.timers);
        for task in gathered.tasks {
            self.dispatch(arn.clone(), task);
        }
        for plan in gathered.map_runs {
            self.drive_map_run(plan.arn);
        }
        gathered.map_runs_aborted.iter().for_each(|arn| self.abort_map_run(arn));
        for (arn, _) in gathered.map_runs_redriven {
            self.redrive_map_run(arn);
        }
        if let (Some(ChildOf { map_run, child, .. }), true) =
            (loaded.execution.child_of(), loaded.row.status != Status::Running)
        {
            self.child_ended(map_run, *child, loaded.row.status);
        }
        Ok(())
    }

    fn announce_timers(&self, timers: &[(u64, Timestamp)]) {
        let next = self.next_timer.load(std::sync::atomic::Ordering::SeqCst);
        if timers.iter().any(|(_, due)| due.0 < next) {
            self.timer_set.notify_one();
        }
    }
}

/// Forgets half of the slots that nobody uses.
// INVARIANT: a slot in use stays, or an answer could be refused by a state that is not the newest.
fn forget_some(slots: &mut HashMap<String, Arc<Slot>>) {
    let mut unused = 0;
    slots.retain(|_, slot| {
        let is_used = Arc::strong_count(slot) > 1;
        unused += usize::from(!is_used);
        is_used || unused % 2 == 0
    });
}

/// The execution that a row holds.
pub fn parse_snapshot(row: &Row) -> Result<Execution, store::Error> {
    serde_json::from_slice(&row.snapshot).map_err(|error| store::Error::Unavailable {
        operation: format!("read the snapshot of `{}`", row.arn),
        reason: error.to_string(),
    })
}

fn refresh_row(loaded: &mut Loaded, last: Option<&Event>) -> Result<(), store::Error> {
    let status = loaded.execution.status();
    loaded.row.status = status;
    loaded.row.last_event_id = loaded.execution.last_event_id();
    let is_express =
        loaded.execution.child_of().is_some_and(|child| child.execution_type == ExecutionType::Express);
    let redriven = loaded.execution.redriven();
    loaded.row.redrives = redriven.map_or(0, |redriven| redriven.count);
    loaded.row.redriven_at = redriven.filter(|_| !is_express).map(|redriven| redriven.at);
    loaded.row.stopped_at = last.filter(|_| status != Status::Running).map(|event| event.timestamp);
    loaded.row.snapshot =
        serde_json::to_vec(&loaded.execution).map_err(|error| store::Error::Unavailable {
            operation: format!("write the snapshot of `{}`", loaded.row.arn),
            reason: error.to_string(),
        })?;
    Ok(())
}

/// Steps through the inputs; refuses if none of them is taken.
fn advance(loaded: &mut Loaded, inputs: Vec<Input>, at: Moment) -> Result<Gathered, Error> {
    let before = cfg!(debug_assertions).then(|| loaded.execution.clone());
    let mut gathered = Gathered::default();
    let mut is_taken = false;
    for input in inputs {
        if let Ok(transition) = step(&loaded.machine, &mut loaded.execution, input.clone(), at) {
            gathered.add(transition);
            gathered.taken(&input);
            is_taken = true;
        }
    }
    if let Some(mut fold) = before {
        for event in &gathered.events {
            fold.apply(event);
        }
        debug_assert_eq!(fold, loaded.execution, "INVARIANT: a snapshot is the fold of its events");
    }
    if !is_taken {
        return Err(Error::NotWaiting(loaded.row.arn.clone()));
    }
    Ok(gathered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_in_use_is_never_forgotten() {
        let mut slots: HashMap<String, Arc<Slot>> = HashMap::new();
        let used = Arc::clone(slots.entry("used".to_owned()).or_default());
        for number in 0..100 {
            slots.entry(number.to_string()).or_default();
        }
        for _ in 0..10 {
            forget_some(&mut slots);
        }
        assert!(slots.len() < 3 && Arc::ptr_eq(&slots["used"], &used), "{}", slots.len());
    }
}
