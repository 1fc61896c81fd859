//! What executions do, counted as the engine tells it: nothing is read from the store for it. Counts since the start.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use shipway_asl::{Event, Status};
use shipway_engine::{Engine, Observer, observe::Step, store::Row};

use super::series::{Counter, Histogram, Metric, Names, gauge, of_millis};

/// Machines and activities that have series of their own.
const NAMES_MAX: usize = 200;
/// Bounds of an execution's duration.
const DURATIONS: &[u64] =
    &[10, 50, 100, 500, 1_000, 5_000, 15_000, 60_000, 300_000, 1_800_000, 3_600_000, 14_400_000, 86_400_000];

const RUNNING: Metric = Metric {
    name: "shipway_executions_running",
    help: "Executions started since the server's start that have not ended.",
    labels: &["machine", "type"],
};
const QUEUES: Metric = Metric {
    name: "shipway_activity_queue_length",
    help: "Tasks that wait for a worker.",
    labels: &["activity"],
};
const TIMER_LAG: Metric = Metric {
    name: "shipway_timer_lag_seconds",
    help: "How late the next timer is; 0 if none is late.",
    labels: &[],
};

/// Counts of executions.
#[derive(Debug)]
pub struct Executions {
    machines: Names,
    activities: Names,
    started: Counter,
    ended: Counter,
    duration: Histogram,
    running: Mutex<BTreeMap<(String, &'static str), i64>>,
    states: Counter,
    tasks_scheduled: Counter,
    tasks_started: Counter,
    tasks_ended: Counter,
    retries: Counter,
    map_runs: Counter,
    /// Executions that were started before are not in `running`.
    since: shipway_asl::Timestamp,
}

impl Executions {
    /// Counts from now on.
    pub fn new(now: shipway_asl::Timestamp) -> Self {
        let counter = |name, help, labels| Counter::new(Metric { name, help, labels });
        Self {
            machines: Names::new(NAMES_MAX),
            activities: Names::new(NAMES_MAX),
            started: counter("shipway_executions_started_total", "Executions started.", &["machine", "type"]),
            ended: counter(
                "shipway_executions_ended_total",
                "Executions that ended, by how they did.",
                &["machine", "type", "status"],
            ),
            duration: Histogram::new(
                Metric {
                    name: "shipway_execution_duration_seconds",
                    help: "From the start of an execution to its end.",
                    labels: &["machine", "type"],
                },
                DURATIONS,
            ),
            running: Mutex::default(),
            states: counter("shipway_states_entered_total", "States entered, by type.", &["type"]),
            tasks_scheduled: counter(
                "shipway_tasks_scheduled_total",
                "Attempts at tasks, by who does them.",
                &["kind"],
            ),
            tasks_started: counter("shipway_tasks_started_total", "Attempts that a worker began.", &["kind"]),
            tasks_ended: counter(
                "shipway_tasks_ended_total",
                "Attempts that ended, by who did them and how.",
                &["kind", "outcome"],
            ),
            retries: counter("shipway_state_retries_total", "States tried again after a failure.", &["type"]),
            map_runs: counter("shipway_map_runs_total", "Map Runs, by what became of them.", &["event"]),
            since: now,
        }
    }

    /// All metrics, with what the engine has waiting.
    pub fn render(&self, text: &mut String, engine: Option<&Engine>) {
        for counter in [&self.started, &self.ended] {
            counter.render(text);
        }
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let running =
            running.into_iter().map(|((machine, kind), count)| (vec![machine, kind.to_owned()], count));
        gauge(text, RUNNING, running.map(|(labels, count)| (labels, whole(count))));
        self.duration.render(text);
        for counter in [
            &self.states,
            &self.tasks_scheduled,
            &self.tasks_started,
            &self.tasks_ended,
            &self.retries,
            &self.map_runs,
        ] {
            counter.render(text);
        }
        if let Some(engine) = engine {
            self.waiting(text, engine);
        }
    }

    fn waiting(&self, text: &mut String, engine: &Engine) {
        let mut lengths: BTreeMap<String, i64> = BTreeMap::new();
        for (activity, length) in engine.activity_queues() {
            let name = activity.rsplit(':').next().unwrap_or_default();
            let sum = lengths.entry(self.activities.label(name)).or_default();
            *sum = sum.saturating_add(i64::try_from(length).unwrap_or(i64::MAX));
        }
        gauge(text, QUEUES, lengths.into_iter().map(|(name, length)| (vec![name], whole(length))));
        gauge(text, TIMER_LAG, [(Vec::new(), of_millis(engine.timer_lag_millis()))]);
    }

    fn count(&self, row: &Row, event: &Event, is_retry: bool) {
        let kind = event.type_name();
        if let Some(state) = kind.strip_suffix("StateEntered") {
            return self.states.add(&[state]);
        }
        if is_retry && let Some(state) = attempt(kind) {
            self.retries.add(&[state]);
        }
        if let Some(what) = kind.strip_prefix("MapRun") {
            return self.map_runs.add(&[&what.to_lowercase()]);
        }
        match task(kind) {
            Some((kind, "Scheduled")) => self.tasks_scheduled.add(&[kind]),
            Some((kind, "Started")) => self.tasks_started.add(&[kind]),
            Some((kind, "Succeeded")) => self.tasks_ended.add(&[kind, "succeeded"]),
            Some((kind, "Failed")) => self.tasks_ended.add(&[kind, "failed"]),
            Some((kind, "TimedOut")) => self.tasks_ended.add(&[kind, "timed_out"]),
            _ if kind == "ExecutionStarted" => self.begin(row),
            _ if kind == "ExecutionRedriven" && row.started_at >= self.since => {
                let (machine, kind) = self.labels(row);
                self.run(machine, kind, 1);
            }
            _ => {}
        }
    }

    fn labels(&self, row: &Row) -> (String, &'static str) {
        let machine = row.machine.split('/').next().unwrap_or_default();
        let kind = if row.machine.contains('/') {
            "map_run_child"
        } else if row.arn.split(':').nth(5) == Some("express") {
            "express"
        } else {
            "standard"
        };
        (self.machines.label(machine), kind)
    }

    fn begin(&self, row: &Row) {
        let (machine, kind) = self.labels(row);
        self.started.add(&[&machine, kind]);
        self.run(machine, kind, 1);
    }

    fn end(&self, row: &Row, status: &str) {
        let (machine, kind) = self.labels(row);
        self.ended.add(&[&machine, kind, status]);
        let millis = row.stopped_at.unwrap_or(row.started_at).millis_since(row.started_at);
        self.duration.observe(&[&machine, kind], of_millis(millis));
        if row.started_at >= self.since {
            self.run(machine, kind, -1);
        }
    }

    fn run(&self, machine: String, kind: &'static str, change: i64) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let count = running.entry((machine, kind)).or_default();
        *count = count.saturating_add(change);
    }
}

impl Observer for Executions {
    fn committed(&self, step: Step<'_>) {
        let first = step.events.first().map_or(0, |event| event.id);
        for event in step.events.iter() {
            // WHY: a state is entered and first tried in one commit, so what tries it and has not the entry before it
            // in its own commit tries it again.
            let place =
                event.previous_event_id.checked_sub(first).and_then(|place| usize::try_from(place).ok());
            let before = place.and_then(|place| step.events.get(place));
            let is_retry = before.is_none_or(|before| !before.type_name().ends_with("Entered"));
            self.count(step.row, event, is_retry);
        }
        match step.row.status {
            Status::Running => {}
            Status::Succeeded => self.end(step.row, "succeeded"),
            Status::Failed => self.end(step.row, "failed"),
            Status::TimedOut => self.end(step.row, "timed_out"),
            Status::Aborted => self.end(step.row, "aborted"),
        }
    }
}

/// What an event's type says of a task: who does it, and what.
fn task(kind: &str) -> Option<(&'static str, &str)> {
    let kinds = [("LambdaFunction", "lambda"), ("Activity", "activity"), ("Task", "service")];
    kinds.into_iter().find_map(|(start, name)| Some((name, kind.strip_prefix(start)?)))
}

/// The type of the state that an event begins to try, if it does.
fn attempt(kind: &str) -> Option<&'static str> {
    match kind {
        "LambdaFunctionScheduled" | "ActivityScheduled" | "TaskScheduled" => Some("Task"),
        "ParallelStateStarted" => Some("Parallel"),
        "MapStateStarted" => Some("Map"),
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a metric; exact up to 2^53")]
fn whole(count: i64) -> f64 {
    count as f64
}
