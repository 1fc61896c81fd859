//! What the engine tells goes into a queue with a limit; what does not fit is read from the store later. Never waits.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;
use shipway_asl::{Event, Status};
use shipway_engine::{Expected, Observer, Put, observe::Step, store::Row};
use tokio::sync::mpsc;

use super::Logging;

/// Commits that wait to be logged.
pub const QUEUE_MAX: usize = 4_096;
/// Executions of which it is known from where on they must be read; with more, all marks are looked through.
pub const BEHIND_MAX: usize = 16_384;
/// Revisions of machines of which it is known how they log.
const KNOWN_MAX: usize = 4_096;
/// What stands before the ARN in the key of a mark.
const MARK: &str = "log/open/";

/// A machine's name, and which revision of it.
pub type Revision = (String, u64);

/// Some events of an execution.
#[derive(Debug)]
pub struct Item {
    /// The execution.
    pub arn: String,
    /// What it runs.
    pub revision: Revision,
    /// In order.
    pub events: Arc<[Event]>,
    /// How often it was redriven, these events included.
    pub redrives: u32,
    /// Whether it has ended with these.
    pub is_over: bool,
}

/// What did not fit into the queue.
#[derive(Debug, Default)]
pub struct Behind {
    /// Executions, and the first event of each that must be read.
    pub from: BTreeMap<String, u64>,
    /// There were too many to know them all.
    pub is_everything: bool,
}

/// Takes what the engine tells.
#[derive(Debug)]
pub struct Sink {
    queue: mpsc::Sender<Item>,
    behind: Mutex<Behind>,
    behind_max: usize,
    known: Mutex<HashMap<Revision, Option<Arc<Logging>>>>,
}

/// Key of the mark that an execution may have events that are not logged.
pub fn mark_key(arn: &str) -> String {
    format!("{MARK}{arn}")
}

/// The execution that a mark is for.
pub fn marked(key: &str) -> Option<&str> {
    key.strip_prefix(MARK)
}

/// Name and revision of an execution's machine; a Map Run's children log as their parent's machine does.
pub fn revision_of(row: &Row) -> Revision {
    (row.machine.split('/').next().unwrap_or_default().to_owned(), row.revision)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sink {
    /// A sink and the other end of its queue.
    pub fn new(queue_max: usize, behind_max: usize) -> (Self, mpsc::Receiver<Item>) {
        let (queue, items) = mpsc::channel(queue_max);
        (Self { queue, behind: Mutex::default(), behind_max, known: Mutex::default() }, items)
    }

    /// How a revision logs, if that is known.
    pub fn known(&self, revision: &Revision) -> Option<Option<Arc<Logging>>> {
        lock(&self.known).get(revision).cloned()
    }

    /// From now on it is known how a revision logs.
    pub fn learn(&self, revision: Revision, logging: Option<Arc<Logging>>) {
        let mut known = lock(&self.known);
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(revision, logging);
    }

    /// What did not fit, and how many items were in the queue before it; from now on it fits again.
    pub fn take_behind(&self, queue: &mpsc::Receiver<Item>) -> (Behind, usize) {
        let mut behind = lock(&self.behind);
        (std::mem::take(&mut *behind), queue.len())
    }

    fn take(&self, item: Item) {
        let mut behind = lock(&self.behind);
        // INVARIANT: once an event was left out, all later ones of its execution are, or they would come before it.
        if behind.is_everything || behind.from.contains_key(&item.arn) {
            return;
        }
        let Err(refused) = self.queue.try_send(item) else { return };
        let item = refused.into_inner();
        let first = item.events.first().map_or(1, |event| event.id);
        behind.from.insert(item.arn, first);
        if behind.from.len() > self.behind_max {
            *behind = Behind { from: BTreeMap::new(), is_everything: true };
        }
    }
}

impl Observer for Sink {
    fn records(&self, step: Step<'_>) -> Vec<Put> {
        let first = step.events.first().map_or("", Event::type_name);
        let begins = matches!(first, "ExecutionStarted" | "ExecutionRedriven");
        // WHY: one that is not known to log nothing may log.
        if !begins || matches!(self.known(&revision_of(step.row)), Some(None)) {
            return Vec::new();
        }
        vec![Put { key: mark_key(&step.row.arn), expected: Expected::Any, value: Value::Bool(true) }]
    }

    fn committed(&self, step: Step<'_>) {
        let revision = revision_of(step.row);
        let is_over = step.row.status != Status::Running;
        let logging = match self.known(&revision) {
            Some(None) => return,
            Some(Some(logging)) => Some(logging),
            None => None,
        };
        let is_logged =
            |event: &Event| logging.as_ref().is_none_or(|logging| logging.level.logs(event.type_name()));
        if is_over || step.events.iter().any(is_logged) {
            let (arn, events) = (step.row.arn.clone(), Arc::clone(step.events));
            let redrives = step.row.redrives;
            self.take(Item { arn, revision, events, redrives, is_over });
        }
    }
}
