//! Deployments as they can be shown: what was accepted, how the execution stands, and what the machine says now.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use shipway_asl::Status;
use shipway_engine::Description;

use super::{
    Deployment, Error, Failure, Outcome, Shipway, Step,
    deploy::{ALL, Entry, of_scope},
    history, of_engine, of_record,
};
use crate::{
    deployer::{
        Progress, failure,
        records::{self, Accepted, LockBreak},
    },
    lock,
    release::Release,
};

/// Most deployments of one page.
pub(super) const PAGE_MAX: usize = 1_000;

/// Entries that one page looks through at most, when a project is asked for without its environment.
const LOOKED_AT_MAX: usize = 20_000;

impl Shipway {
    /// A deployment by id, or by the last one of `project/environment`.
    pub async fn deployment(&self, id: &str) -> Result<Deployment, Error> {
        let accepted = self.accepted(id).await?;
        self.show(accepted).await
    }

    /// Deployments, newest first; of a project and environment if given.
    pub async fn deployments(
        &self,
        project: Option<&str>,
        environment: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Deployment>, Option<String>), Error> {
        let limit = if limit == 0 { 100 } else { limit.min(PAGE_MAX) };
        let (entries, next) = self.entries(project, environment, after, limit).await?;
        let mut deployments = Vec::new();
        for entry in entries {
            deployments.push(self.deployment(&entry.deployment).await?);
        }
        Ok((deployments, next))
    }

    /// The way of a deployment, state by state.
    pub async fn steps(&self, id: &str) -> Result<Vec<Step>, Error> {
        let accepted = self.accepted(id).await?;
        self.way(&accepted.execution_arn).await
    }

    /// Entries of the timeline and the cursor of the next page.
    pub(super) async fn entries(
        &self,
        project: Option<&str>,
        environment: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Entry>, Option<String>), Error> {
        let prefix = match (project, environment) {
            (Some(project), Some(environment)) => of_scope(project, environment),
            _ => ALL.to_owned(),
        };
        let mut cursor = after.map(|after| format!("{prefix}{after}"));
        let mut entries = Vec::new();
        for _ in 0..LOOKED_AT_MAX / PAGE_MAX {
            let records = self.engine.records(&prefix, cursor.as_deref(), PAGE_MAX).await;
            let records = records.map_err(|error| of_engine("listing deployments", &error))?;
            let is_last = records.len() < PAGE_MAX;
            for record in records {
                if entries.len() == limit {
                    return Ok((entries, cursor.as_deref().and_then(|key| place_of(&prefix, key))));
                }
                let entry: Entry =
                    records::decode(&record.key, record.value).map_err(|error| of_record(&error))?;
                if project.is_none_or(|project| project == entry.project)
                    && environment.is_none_or(|environment| environment == entry.environment)
                {
                    entries.push(entry);
                }
                cursor = Some(record.key);
            }
            if is_last {
                return Ok((entries, None));
            }
        }
        Ok((entries, cursor.as_deref().and_then(|key| place_of(&prefix, key))))
    }

    /// What was accepted under an id, or last for `project/environment`.
    pub(super) async fn accepted(&self, id: &str) -> Result<Accepted, Error> {
        if let Some((project, environment)) = id.rsplit_once('/') {
            let (entries, _) = self.entries(Some(project), Some(environment), None, 1).await?;
            let last = entries.first().ok_or_else(|| not_found(id))?;
            return self.accepted_by_id(&last.deployment).await;
        }
        self.accepted_by_id(id).await
    }

    async fn accepted_by_id(&self, id: &str) -> Result<Accepted, Error> {
        let accepted = records::read::<Accepted>(&self.engine, &records::accepted_key(id)).await;
        let accepted = accepted.map_err(|error| of_record(&error))?;
        accepted.map(|(accepted, _)| accepted).ok_or_else(|| not_found(id))
    }

    /// A release's document.
    pub(super) async fn release(
        &self,
        project: &str,
        environment: &str,
        release_id: &str,
    ) -> Result<Release, Error> {
        let key = records::release_key(project, environment, release_id);
        let release = records::read::<Release>(&self.engine, &key).await;
        let release = release.map_err(|error| of_record(&error))?.map(|(release, _)| release);
        release.ok_or_else(|| Error::NotFound { what: "release", id: release_id.to_owned() })
    }

    /// How an execution stands.
    pub(super) async fn describe(&self, execution_arn: &str) -> Result<Description, Error> {
        let description = self.engine.describe(execution_arn).await;
        description.map_err(|error| of_engine("reading the deployment", &error))
    }

    async fn show(&self, accepted: Accepted) -> Result<Deployment, Error> {
        if let Some(deployment) = self.ended.get(&accepted.id) {
            return Ok(deployment);
        }
        let deployment = self.look(accepted).await?;
        if deployment.outcome != Outcome::Running {
            self.live.forget(&deployment.id);
            self.ended.keep(&deployment);
        }
        Ok(deployment)
    }

    async fn lock_break(&self, id: &str) -> Result<Option<LockBreak>, Error> {
        let key = lock::records::break_key(id);
        let found = records::read::<LockBreak>(&self.engine, &key).await;
        Ok(found.map_err(|error| of_record(&error))?.map(|(found, _)| found))
    }

    async fn look(&self, accepted: Accepted) -> Result<Deployment, Error> {
        let release = self.release(&accepted.project, &accepted.environment, &accepted.release_id).await?;
        let execution = self.describe(&accepted.execution_arn).await?;
        let outcome = outcome(&execution);
        let steps = self.way(&accepted.execution_arn).await?;
        let is_running = outcome == Outcome::Running;
        let live = if is_running { self.live.of(&accepted.id) } else { None };
        let error = history::root_cause(&steps, &release);
        let error = error.or_else(|| of_execution(&execution, outcome, &steps, &release));
        let mut recorded = with_all(&release, history::last_progress(&steps));
        history::add_last_look(&mut recorded, error.as_ref());
        let lock_break = if is_running { None } else { self.lock_break(&accepted.id).await? };
        Ok(Deployment {
            services: live.unwrap_or(recorded),
            id: accepted.id,
            execution_arn: accepted.execution_arn,
            deployer: accepted.deployer,
            release,
            previous_version: accepted.previous_version,
            actor: accepted.actor,
            reason: accepted.reason,
            outcome,
            state: history::current(&steps).filter(|_| is_running),
            error,
            started_at: accepted.accepted_at,
            ended_at: execution.stopped_at,
            last_event_id: execution.last_event_id,
            lock_break,
            stalled: if is_running { self.store_trouble().await.as_deref().map(stalled) } else { None },
        })
    }
}

fn stalled(reason: &str) -> String {
    format!("it stands still until the store can be written: {reason}")
}

/// Ended deployments that were shown; reading their histories again would give the same. Only a broken lock is news.
#[derive(Clone, Debug, Default)]
pub(super) struct Ended(Arc<Mutex<BTreeMap<String, Deployment>>>);

/// Ended deployments that are remembered.
const ENDED_MAX: usize = 1_000;

impl Ended {
    fn get(&self, id: &str) -> Option<Deployment> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// To be read again: its lock was broken.
    pub(super) fn forget(&self, id: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    fn keep(&self, deployment: &Deployment) {
        let mut ended = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ended.len() >= ENDED_MAX {
            ended.clear();
        }
        ended.insert(deployment.id.clone(), deployment.clone());
    }
}

fn not_found(id: &str) -> Error {
    Error::NotFound { what: "deployment", id: id.to_owned() }
}

fn place_of(prefix: &str, key: &str) -> Option<String> {
    key.strip_prefix(prefix).map(str::to_owned)
}

/// How an execution's end is called. An end that no machine of ours has leaves things as they were: dirty.
pub(super) fn outcome(execution: &Description) -> Outcome {
    match (execution.status, execution.error.as_deref()) {
        (Status::Running, _) => Outcome::Running,
        (Status::Succeeded, _) => Outcome::Succeeded,
        (Status::Failed, Some("FailedClean")) => Outcome::FailedClean,
        (Status::Failed, Some("Halted")) => Outcome::Halted,
        (Status::Failed | Status::TimedOut | Status::Aborted, _) => Outcome::FailedDirty,
    }
}

/// The error of an execution that no task of it had: stopped from outside.
fn of_execution(
    execution: &Description,
    outcome: Outcome,
    steps: &[Step],
    release: &Release,
) -> Option<Failure> {
    let error = execution.error.clone().filter(|_| outcome == Outcome::FailedDirty)?;
    let cause = execution.cause.clone().unwrap_or_default();
    Some(Failure {
        hint: failure::hint(&error, &cause, release),
        error,
        cause,
        state: steps.last().map(|step| step.state.clone()).unwrap_or_default(),
    })
}

/// Each service of the release has a row, also before anything was seen of it.
fn with_all(release: &Release, mut progress: BTreeMap<String, Progress>) -> BTreeMap<String, Progress> {
    for (name, service) in &release.services {
        progress.entry(name.clone()).or_insert_with(|| Progress {
            wanted: service.processes,
            needed: service.processes,
            ..Progress::default()
        });
    }
    progress
}
