//! What users of the engine see of Map Runs: which an execution has started, how one stands, its children.

use shipway_asl::map_run::{Counts, ExecutionType, MapRunInput, Tolerated};
use shipway_asl::{ChildOf, Status, Timestamp};

use crate::{
    engine::{Engine, Error},
    executor::parse_snapshot,
    map_run::record::{self, Kept},
    store::{PAGE_MAX, Row, RowFilter},
};

/// A Map Run as it can be shown.
#[derive(Clone, Debug, PartialEq)]
pub struct MapRunDescription {
    /// `...:mapRun:<machine>/<label>:<id>`.
    pub arn: String,
    /// ARN of the execution that has started it.
    pub execution_arn: String,
    /// `...:stateMachine:<machine>/<label>`.
    pub machine_arn: String,
    /// The Map state's name.
    pub state: String,
    /// Id of the event that started it.
    pub run: u64,
    /// How it stands.
    pub status: Status,
    /// What its children are.
    pub execution_type: ExecutionType,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it ended.
    pub stopped_at: Option<Timestamp>,
    /// `maxConcurrency`; 0 for no limit.
    pub max_concurrency: u32,
    /// What failures it bears.
    pub tolerated: Tolerated,
    /// `itemCounts`.
    pub items: Counts,
    /// `executionCounts`.
    pub executions: Counts,
    /// How often it was redriven.
    pub redrives: u32,
    /// When it was redriven last.
    pub redriven_at: Option<Timestamp>,
}

/// A child of a Map Run.
#[derive(Clone, Debug, PartialEq)]
pub struct MapRunChild {
    /// Its number among the children.
    pub number: u32,
    /// The execution.
    pub row: Row,
    /// How many items it stands for.
    pub items: u64,
    /// Whether it waits to be redriven.
    pub is_pending_redrive: bool,
}

/// What `UpdateMapRun` changes; none is left as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MapRunUpdate {
    /// `maxConcurrency`.
    pub max_concurrency: Option<u32>,
    /// `toleratedFailureCount`.
    pub tolerated_count: Option<u64>,
    /// `toleratedFailurePercentage`, 0 to 100.
    pub tolerated_percentage: Option<f64>,
}

impl Engine {
    /// A Map Run as it stands.
    pub async fn map_run(&self, arn: &str) -> Result<MapRunDescription, Error> {
        Ok(shown(&self.kept(arn).await?))
    }

    /// The Map Runs that an execution has started, in that order, after the one that event `after` started; at most
    /// `limit` and at most 1,000.
    pub async fn map_runs(
        &self,
        execution: &str,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Vec<MapRunDescription>, Error> {
        self.row(execution).await?;
        let mut found = Vec::new();
        for arn in record::started_by(&*self.core.store, execution, after, limit).await? {
            found.push(self.map_run(&arn).await?);
        }
        Ok(found)
    }

    /// The children of a Map Run from number `from` on, in the order of their items; at most `limit` and at most
    /// 1,000. The last number plus one is where the next page begins.
    pub async fn map_run_children(
        &self,
        arn: &str,
        from: u32,
        limit: usize,
    ) -> Result<Vec<MapRunChild>, Error> {
        let Kept { plan, map_run, .. } = self.kept(arn).await?;
        let mut found = Vec::new();
        for number in (from..map_run.next_child()).take(limit.min(PAGE_MAX)) {
            // WHY: what is written down to run may not have been started yet.
            if let Some(row) = self.core.store.execution(&plan.child_arn(number)).await? {
                let (items, is_pending_redrive) =
                    (map_run.child_items(number), map_run.is_pending_redrive(number));
                found.push(MapRunChild { number, row, items, is_pending_redrive });
            }
        }
        Ok(found)
    }

    /// The children of a Map Run as `filter` wants them, newest first.
    pub async fn map_run_rows(&self, arn: &str, filter: &RowFilter) -> Result<Vec<MapRunChild>, Error> {
        let Kept { map_run, .. } = self.kept(arn).await?;
        let filter = RowFilter { map_run: Some(arn.to_owned()), ..filter.clone() };
        let mut found = Vec::new();
        for row in self.core.store.executions(&filter).await? {
            if let Some(&ChildOf { child: number, .. }) = parse_snapshot(&row)?.child_of() {
                let (items, is_pending_redrive) =
                    (map_run.child_items(number), map_run.is_pending_redrive(number));
                found.push(MapRunChild { number, row, items, is_pending_redrive });
            }
        }
        Ok(found)
    }

    /// Whether an execution is a child that waits for its Map Run to redrive it.
    pub async fn is_pending_redrive(&self, row: &Row) -> Result<bool, Error> {
        let execution = parse_snapshot(row)?;
        let Some(ChildOf { map_run, child, .. }) = execution.child_of() else { return Ok(false) };
        Ok(self.kept(map_run).await?.map_run.is_pending_redrive(*child))
    }

    /// Changes a Map Run that is not over; durable when this returns. One that is over is [`Error::NotWaiting`].
    pub async fn update_map_run(&self, arn: &str, update: MapRunUpdate) -> Result<(), Error> {
        if update.tolerated_percentage.is_some_and(|percentage| !(0.0..=100.0).contains(&percentage)) {
            return Err(Error::Invalid(
                "toleratedFailurePercentage".to_owned(),
                "number: it is from 0 to 100",
            ));
        }
        self.kept(arn).await?;
        let MapRunUpdate { max_concurrency, tolerated_count, tolerated_percentage } = update;
        let input = MapRunInput::Updated { max_concurrency, tolerated_count, tolerated_percentage };
        self.core.update_map_run(arn, input).await
    }

    async fn kept(&self, arn: &str) -> Result<Kept, Error> {
        let kept = record::load(&*self.core.store, arn).await?;
        kept.map(|(kept, _)| kept).ok_or_else(|| Error::NoMapRun(arn.to_owned()))
    }
}

fn shown(kept: &Kept) -> MapRunDescription {
    let Kept { parent, plan, map_run, .. } = kept;
    MapRunDescription {
        arn: plan.arn.clone(),
        execution_arn: parent.clone(),
        machine_arn: plan.machine_arn(),
        state: plan.state.clone(),
        run: plan.run,
        status: map_run.status(),
        execution_type: plan.execution_type,
        started_at: map_run.started_at(),
        stopped_at: map_run.stopped_at(),
        max_concurrency: map_run.max_concurrency(),
        tolerated: map_run.tolerated(),
        items: map_run.item_counts(),
        executions: map_run.execution_counts(),
        redrives: map_run.redrives(),
        redriven_at: map_run.redriven_at(),
    }
}
