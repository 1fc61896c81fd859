//! What a page and its stream know of an execution besides its events. Tokens are hidden in all of it.

use std::{collections::HashMap, sync::Arc};

use serde_json::{Value, json};
use shipway_asl::Status;
use shipway_control::{
    app::{Deployment, Error, Step},
    deployer::Deployer,
};
use shipway_engine::Description;

use super::{address::Address, payload, veil::Veil};
use crate::{
    Shared,
    fold::{Fold, Visit},
    wire::Event,
};

/// Events of one read.
const BATCH: usize = 250;
/// Events of an execution at most: AWS allows 25,000, and each redrive some more.
const BATCHES_MAX: usize = 240;

/// Reads one execution.
pub struct Reader {
    shared: Shared,
    /// Where it is.
    pub address: Address,
    veil: Veil,
}

/// An execution as it stands.
pub struct Seen {
    /// Where it is.
    pub address: Address,
    /// The execution.
    pub execution: Description,
    /// The deployment, if it is one.
    pub deployment: Option<Deployment>,
    /// Whether it runs by plan and lock: a machine of a deployer's.
    pub is_planned: bool,
    /// Milliseconds that a deployment's visits waited for its service, by the event that entered them.
    pub waited: HashMap<u64, u64>,
    /// What went wrong, if it failed.
    pub failure: Option<Failure>,
    /// Whether it can be taken up again, where that can be said.
    pub redrive: Option<Redrive>,
    /// The execution whose Map Run it is a child of.
    pub parent: Option<String>,
}

/// Whether an execution can be taken up again, as the API says.
pub struct Redrive {
    /// It can.
    pub is_possible: bool,
    /// Why it cannot.
    pub reason: Option<String>,
    /// How often it was.
    pub count: u64,
}

/// What went wrong.
pub struct Failure {
    /// Error name.
    pub error: String,
    /// Cause.
    pub cause: String,
    /// The visit in which it happened.
    pub visit: Option<Failed>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// The visit in which it happened.
pub struct Failed {
    /// The state.
    pub state: String,
    /// Its type.
    pub kind: String,
    /// The event that entered it, if it is known.
    pub entered_by: Option<u64>,
    /// How often it was tried.
    pub attempts: usize,
    /// The input that it had.
    pub input: Option<Value>,
}

impl Reader {
    /// A reader of the execution at `address`.
    pub fn new(shared: Shared, address: Address) -> Self {
        Self { veil: Veil::new(Arc::clone(&shared.app)), shared, address }
    }

    /// The execution.
    pub async fn execution(&mut self) -> Result<Description, Error> {
        let Address { machine, name } = &self.address;
        let mut execution = self.shared.app.execution_of(machine, name).await?;
        self.veil.over(&mut execution.input).await?;
        if let Some(output) = &mut execution.output {
            self.veil.over(output).await?;
        }
        for text in [&mut execution.error, &mut execution.cause].into_iter().flatten() {
            self.veil.over_text(text).await?;
        }
        Ok(execution)
    }

    /// Events with an id above `after`, in order.
    pub async fn events(&mut self, arn: &str, after: u64, limit: usize) -> Result<Vec<Event>, Error> {
        let mut events = self.shared.app.events(arn, after, limit).await?;
        for event in &mut events {
            self.veil.over_fields(&mut event.details).await?;
        }
        Ok(events)
    }

    /// One event.
    pub async fn event(&mut self, arn: &str, id: u64) -> Result<Option<Event>, Error> {
        Ok(self.events(arn, id.saturating_sub(1), 1).await?.pop().filter(|event| event.id == id))
    }

    /// The whole history folded, and its last events, at most so many.
    pub async fn history(&mut self, arn: &str, kept_max: usize) -> Result<(Fold, Vec<Event>), Error> {
        let (mut fold, mut kept) = (Fold::default(), Vec::new());
        for _ in 0..BATCHES_MAX {
            let events = self.events(arn, fold.last_event_id(), BATCH).await?;
            let is_last = events.len() < BATCH;
            events.iter().for_each(|event| fold.apply(event));
            kept.extend(events);
            kept.drain(..kept.len().saturating_sub(kept_max));
            if is_last {
                break;
            }
        }
        Ok((fold, kept))
    }

    /// All that a page shows beside the events.
    pub async fn seen(&mut self, fold: &Fold) -> Result<Seen, Error> {
        let execution = self.execution().await?;
        let is_planned = Deployer::named(&execution.machine).is_some();
        let deployment = match is_planned {
            true => optional(self.shared.app.deployment(&execution.name).await)?,
            false => None,
        };
        let waited = match &deployment {
            Some(deployment) => {
                let steps = optional(self.shared.app.steps(&deployment.id).await)?;
                waited(fold.visits(), &steps.unwrap_or_default())
            }
            None => HashMap::new(),
        };
        let failure = self.failure(&execution, deployment.as_ref(), fold).await?;
        let address = self.address.clone();
        let redrive = self.redrive(&execution).await;
        let parent = self.parent(&execution).await;
        Ok(Seen { address, execution, deployment, is_planned, waited, failure, redrive, parent })
    }

    async fn redrive(&self, execution: &Description) -> Option<Redrive> {
        let request = json!({"executionArn": execution.arn, "includedData": "METADATA_ONLY"});
        let told = self.shared.perform("DescribeExecution", request).await.ok()?;
        Some(Redrive {
            is_possible: told.get("redriveStatus")?.as_str()? == "REDRIVABLE",
            reason: told.get("redriveStatusReason").and_then(Value::as_str).map(str::to_owned),
            count: told.get("redriveCount").and_then(Value::as_u64).unwrap_or(0),
        })
    }

    async fn parent(&self, execution: &Description) -> Option<String> {
        let map_run = execution.map_run.as_ref()?;
        let told = self.shared.perform("DescribeMapRun", json!({"mapRunArn": map_run})).await.ok()?;
        Some(told.get("executionArn")?.as_str()?.to_owned())
    }

    async fn failure(
        &mut self,
        execution: &Description,
        deployment: Option<&Deployment>,
        fold: &Fold,
    ) -> Result<Option<Failure>, Error> {
        if let Some(error) = deployment.and_then(|deployment| deployment.error.clone()) {
            let visit = fold.last_of(&error.state);
            let mut failed = self.failed(&execution.arn, visit).await?;
            if visit.is_none() && !error.state.is_empty() {
                failed = Some(Failed::named(error.state));
            }
            let (error, cause, hint) = (error.error, error.cause, error.hint);
            return Ok(Some(Failure { error, cause, visit: failed, hint }));
        }
        let error = match (execution.status, &execution.error) {
            (Status::Failed | Status::Aborted, error) => error.clone().unwrap_or_default(),
            (Status::TimedOut, _) => "States.Timeout".to_owned(),
            (Status::Running | Status::Succeeded, _) => return Ok(None),
        };
        let cause = execution.cause.clone().unwrap_or_default();
        let visit = self.failed(&execution.arn, fold.failed()).await?;
        Ok(Some(Failure { error, cause, visit, hint: None }))
    }

    async fn failed(&mut self, arn: &str, visit: Option<&Visit>) -> Result<Option<Failed>, Error> {
        let Some(visit) = visit else { return Ok(None) };
        let entered = self.event(arn, visit.entered_by).await?;
        Ok(Some(Failed {
            state: visit.state.clone(),
            kind: visit.kind.clone(),
            entered_by: Some(visit.entered_by),
            attempts: visit.attempts.len(),
            input: entered.as_ref().and_then(|event| event.detail("input")).map(payload::parse),
        }))
    }
}

impl Seen {
    /// Whether it is of an Express machine: the API tells no history of it, and stops none.
    pub fn is_express(&self) -> bool {
        self.execution.arn.contains(":express:")
    }
}

impl Failed {
    fn named(state: String) -> Self {
        Self { state, kind: String::new(), entered_by: None, attempts: 0, input: None }
    }
}

/// An execution need not be a deployment.
fn optional<T>(found: Result<T, Error>) -> Result<Option<T>, Error> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a deployment's steps waited, where they are the visits of the history.
fn waited(visits: &[Visit], steps: &[Step]) -> HashMap<u64, u64> {
    let pairs = visits.iter().zip(steps).filter(|(visit, step)| visit.state == step.state);
    pairs.map(|(visit, step)| (visit.entered_by, step.waited_millis)).collect()
}
