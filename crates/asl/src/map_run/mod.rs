//! A Map Run: the children of one distributed Map, from its items to its results, as a fold of what happens to them.
//! Starts and reads nothing itself: whoever drives it looks at its [`phase`](MapRun::phase), does what that asks for,
//! and tells it what came of it. It holds no item and no result, so that it stays small however many there are.

mod children;
mod indexes;
mod plan;
mod redrive;
mod results;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::children::{Children, NoInput, children};
use self::indexes::Indexes;
pub use self::indexes::Sizes;
pub use self::plan::{Batch, ChildInput, ExecutionType, MapRunPlan, Tolerated, Transformation, WritePlan};
pub use self::redrive::Unsuccessful;
pub use self::results::{ChildOutcome, Collected, Output, ResultFile, ResultFiles};
use crate::limits::CHILDREN_RUNNING_MAX;
use crate::moment::{MapRunFailure, Rejected, Status};
use crate::timestamp::Timestamp;

/// A Map Run as it stands. Serialises as what a store keeps of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapRun {
    phase: Phase,
    max_concurrency: u32,
    tolerated: Tolerated,
    started_at: Timestamp,
    stopped_at: Option<Timestamp>,
    sizes: Sizes,
    /// Children from this one on have not been started.
    next: u32,
    running: Indexes,
    executions: Ended,
    items: Ended,
    /// Whether a `ResultWriter` writes the results to a bucket.
    has_writer: bool,
    /// Whether the results have been written or handed on.
    has_results: bool,
    failure: Option<MapRunFailure>,
    is_aborted: bool,
    #[serde(default, skip_serializing_if = "redrive::State::is_none")]
    redrive: redrive::State,
}

/// What is to be done for a Map Run now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Read the items and prepare the children, then give [`MapRunInput::Prepared`] or `NotPrepared`.
    Preparing,
    /// Look which children of before a redrive have not succeeded, and give [`MapRunInput::Found`].
    Redriving,
    /// Have every child of [`MapRun::running`] run, and give [`MapRunInput::ChildEnded`] for each that has ended.
    Running,
    /// Stop every child of [`MapRun::running`], and give [`MapRunInput::ChildEnded`] for each.
    Stopping,
    /// Collect or write the results, then give [`MapRunInput::Written`] or `NotWritten`.
    Writing,
    /// Tell the parent, if it still waits: [`MapRun::failure`] says how it ended.
    Over,
}

/// What happened to a Map Run.
#[derive(Clone, Debug, PartialEq)]
pub enum MapRunInput {
    /// The children are known; their inputs are kept elsewhere.
    Prepared(Sizes),
    /// There are no children: reading or `ItemSelector` failed.
    NotPrepared(MapRunFailure),
    /// A child has ended.
    ChildEnded {
        /// Its number.
        child: u32,
        /// How.
        status: Status,
    },
    /// `UpdateMapRun`: what is given takes the place of what was.
    Updated {
        /// `maxConcurrency`.
        max_concurrency: Option<u32>,
        /// `toleratedFailureCount`.
        tolerated_count: Option<u64>,
        /// `toleratedFailurePercentage`.
        tolerated_percentage: Option<f64>,
    },
    /// The parent has been stopped, or does not wait any more.
    Aborted,
    /// The parent has been redriven, and with it the Map Run, which begins again once it is over.
    Redriven {
        /// How often it was redriven.
        count: u32,
    },
    /// What there is to be redriven.
    Found(Unsuccessful),
    /// The results have been written or handed on.
    Written {
        /// The files that hold results of children that have succeeded.
        succeeded: Vec<Value>,
    },
    /// The results could not be written.
    NotWritten(MapRunFailure),
}

/// How many have ended, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Ended {
    succeeded: u64,
    failed: u64,
    timed_out: u64,
    aborted: u64,
}

/// `executionCounts` and `itemCounts` of `DescribeMapRun`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Not started.
    pub pending: u64,
    /// Started and not ended.
    pub running: u64,
    /// Ended well.
    pub succeeded: u64,
    /// Ended by an error.
    pub failed: u64,
    /// Ended by a time-out.
    pub timed_out: u64,
    /// Stopped.
    pub aborted: u64,
    /// All.
    pub total: u64,
    /// Those whose results a `ResultWriter` has written.
    pub results_written: u64,
    /// Those that did not succeed and cannot be redriven.
    pub failures_not_redrivable: u64,
    /// Those that wait to be redriven. They are counted nowhere else but in `total`.
    pub pending_redrive: u64,
}

impl Ended {
    fn add(&mut self, status: Status, count: u64) {
        match status {
            Status::Succeeded => self.succeeded += count,
            Status::Failed => self.failed += count,
            Status::TimedOut => self.timed_out += count,
            Status::Aborted => self.aborted += count,
            Status::Running => {}
        }
    }

    fn subtract(&mut self, status: Status, count: u64) {
        match status {
            Status::Failed => self.failed = self.failed.saturating_sub(count),
            Status::TimedOut => self.timed_out = self.timed_out.saturating_sub(count),
            Status::Aborted => self.aborted = self.aborted.saturating_sub(count),
            Status::Running | Status::Succeeded => {}
        }
    }

    fn all(self) -> u64 {
        self.succeeded + self.failed + self.timed_out + self.aborted
    }

    /// Those that count against what is tolerated.
    fn bad(self) -> u64 {
        self.failed + self.timed_out
    }
}

impl MapRun {
    /// A Map Run that has just been started.
    pub fn new(plan: &MapRunPlan, now: Timestamp) -> Self {
        Self {
            phase: Phase::Preparing,
            max_concurrency: plan.max_concurrency,
            tolerated: plan.tolerated,
            started_at: now,
            stopped_at: None,
            sizes: Sizes::default(),
            next: 0,
            running: Indexes::default(),
            executions: Ended::default(),
            items: Ended::default(),
            has_writer: plan.writer.arguments.is_some(),
            has_results: false,
            failure: None,
            is_aborted: false,
            redrive: redrive::State::default(),
        }
    }

    /// What is to be done now.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// `RUNNING`, `SUCCEEDED`, `FAILED` or `ABORTED`.
    pub fn status(&self) -> Status {
        match (self.phase, self.is_aborted, &self.failure) {
            (Phase::Over, true, _) => Status::Aborted,
            (Phase::Over, false, Some(_)) => Status::Failed,
            (Phase::Over, false, None) => Status::Succeeded,
            (Phase::Preparing | Phase::Redriving | Phase::Running | Phase::Stopping | Phase::Writing, ..) => {
                Status::Running
            }
        }
    }

    /// Children that have been started and not been told to have ended.
    pub fn running(&self) -> impl Iterator<Item = u32> {
        self.running.iter()
    }

    /// Children from this number on have not been started.
    pub fn next_child(&self) -> u32 {
        self.next
    }

    /// All children.
    pub fn children(&self) -> u32 {
        self.sizes.len()
    }

    /// How many items a child stands for.
    pub fn child_items(&self, child: u32) -> u64 {
        self.sizes.of(child)
    }

    /// Why it fails or has failed.
    pub fn failure(&self) -> Option<&MapRunFailure> {
        self.failure.as_ref()
    }

    /// When it was started.
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// When it ended.
    pub fn stopped_at(&self) -> Option<Timestamp> {
        self.stopped_at
    }

    /// `maxConcurrency`; 0 for as many as there may be.
    pub fn max_concurrency(&self) -> u32 {
        self.max_concurrency
    }

    /// What failures it bears.
    pub fn tolerated(&self) -> Tolerated {
        self.tolerated
    }

    /// `executionCounts`.
    pub fn execution_counts(&self) -> Counts {
        let running = u64::from(self.running.len());
        let (waiting, lost) = (self.redrive.waiting.executions(), self.redrive.lost_executions);
        self.counts(self.executions, [running, waiting, lost], u64::from(self.sizes.len()))
    }

    /// `itemCounts`.
    pub fn item_counts(&self) -> Counts {
        let running = self.running.iter().map(|child| self.sizes.of(child)).sum();
        let (waiting, lost) = (self.redrive.waiting.items(&self.sizes), self.redrive.lost_items);
        self.counts(self.items, [running, waiting, lost], self.sizes.before(u32::MAX))
    }

    fn counts(&self, ended: Ended, [running, waiting, lost]: [u64; 3], total: u64) -> Counts {
        Counts {
            pending: total - ended.all() - running - waiting,
            running,
            succeeded: ended.succeeded,
            failed: ended.failed,
            timed_out: ended.timed_out,
            aborted: ended.aborted,
            total,
            results_written: if self.has_results && self.has_writer { ended.all() } else { 0 },
            failures_not_redrivable: lost,
            pending_redrive: waiting,
        }
    }

    /// Takes what happened; refuses what it does not wait for, and is then unchanged.
    pub fn take(&mut self, input: MapRunInput, now: Timestamp) -> Result<(), Rejected> {
        match (self.phase, input) {
            (_, MapRunInput::Redriven { count }) => self.redriven(count, now),
            (Phase::Over, _) => return Err(Rejected::Ended),
            (Phase::Redriving, MapRunInput::Found(unsuccessful)) => self.found(unsuccessful),
            (Phase::Preparing, MapRunInput::Prepared(sizes)) => {
                self.sizes = sizes;
                self.phase = Phase::Running;
            }
            (Phase::Preparing, MapRunInput::NotPrepared(failure)) => {
                self.failure = Some(failure);
                self.phase = Phase::Over;
            }
            (Phase::Preparing, MapRunInput::Aborted) => {
                self.is_aborted = true;
                self.phase = Phase::Over;
            }
            (Phase::Running | Phase::Stopping, MapRunInput::ChildEnded { child, status }) => {
                self.child_ended(child, status)?;
            }
            (Phase::Redriving | Phase::Running, MapRunInput::Aborted) => {
                self.is_aborted = true;
                self.phase = Phase::Stopping;
            }
            (Phase::Stopping | Phase::Writing, MapRunInput::Aborted) => self.is_aborted = true,
            (
                Phase::Preparing | Phase::Redriving | Phase::Running,
                MapRunInput::Updated { max_concurrency, tolerated_count, tolerated_percentage },
            ) => {
                self.max_concurrency = max_concurrency.unwrap_or(self.max_concurrency);
                self.tolerated.count = tolerated_count.or(self.tolerated.count);
                self.tolerated.percentage = tolerated_percentage.or(self.tolerated.percentage);
            }
            (Phase::Writing, MapRunInput::Written { succeeded }) => {
                self.has_results = true;
                self.redrive.has_written(succeeded);
                self.phase = Phase::Over;
            }
            (Phase::Writing, MapRunInput::NotWritten(failure)) => {
                self.failure.get_or_insert(failure);
                self.phase = Phase::Over;
            }
            (
                Phase::Preparing | Phase::Redriving | Phase::Running | Phase::Stopping | Phase::Writing,
                MapRunInput::Prepared(_)
                | MapRunInput::NotPrepared(_)
                | MapRunInput::ChildEnded { .. }
                | MapRunInput::Updated { .. }
                | MapRunInput::Found(_)
                | MapRunInput::Written { .. }
                | MapRunInput::NotWritten(_),
            ) => return Err(Rejected::NotWaiting { id: 0 }),
        }
        self.go_on(now);
        Ok(())
    }

    fn child_ended(&mut self, child: u32, status: Status) -> Result<(), Rejected> {
        if status == Status::Running || !self.running.remove(child) {
            return Err(Rejected::NotWaiting { id: u64::from(child) });
        }
        self.executions.add(status, 1);
        self.items.add(status, self.sizes.of(child));
        Ok(())
    }

    /// Goes on as far as it can without the outside.
    fn go_on(&mut self, now: Timestamp) {
        if self.phase == Phase::Running && self.is_beyond_tolerance() {
            self.failure = Some(MapRunFailure::named(
                "States.ExceedToleratedFailureThreshold",
                "The specified tolerated failure threshold was exceeded",
            ));
            self.phase = Phase::Stopping;
        }
        if self.phase == Phase::Running {
            let most = match self.max_concurrency {
                0 => CHILDREN_RUNNING_MAX,
                most => most.min(CHILDREN_RUNNING_MAX),
            };
            let room = most.saturating_sub(self.running.len());
            let room = room - self.run_waiting(room);
            let to = self.next.saturating_add(room).min(self.sizes.len());
            self.running.push(self.next, to);
            self.next = self.next.max(to);
        }
        if self.phase == Phase::Stopping {
            self.give_up_waiting();
        }
        if matches!(self.phase, Phase::Running | Phase::Stopping) && self.running.is_empty() {
            // WHY: nobody waits for the results of what was aborted.
            self.phase = if self.is_aborted { Phase::Over } else { Phase::Writing };
        }
        if self.phase == Phase::Over {
            self.stopped_at.get_or_insert(now);
            self.begin_due_redrive(now);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    fn is_beyond_tolerance(&self) -> bool {
        let (bad, total) = (self.items.bad(), self.sizes.before(u32::MAX));
        match (self.tolerated.count, self.tolerated.percentage) {
            (None, None) => bad > 0,
            (count, percentage) => {
                count.is_some_and(|most| bad > most)
                    || percentage.is_some_and(|most| bad as f64 * 100.0 > most * total as f64)
            }
        }
    }
}
