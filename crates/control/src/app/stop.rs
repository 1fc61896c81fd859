//! Stops what is wrong: halts a running deployment, or goes back to an older release.

use super::{
    Deploy, Deployment, Error, Outcome, Shipway,
    deploy::{letters, scope_of, text},
    of_record,
    view::outcome,
};
use crate::{
    deployer::records::{self, Environment, Good, Halt, ROLLBACK_OF},
    release::Release,
};

impl Shipway {
    /// Asks a deployment to stop and clean up; returns at once.
    ///
    /// Refused once the new version is in charge: from then on only a rollback leads back. A deployment that is
    /// already being undone goes on with that.
    pub async fn halt(&self, id: &str, actor: &str, reason: &str) -> Result<Deployment, Error> {
        text("actor", actor)?;
        text("reason", reason)?;
        let accepted = self.accepted(id).await?;
        let ended = outcome(&self.describe(&accepted.execution_arn).await?);
        if ended != Outcome::Running {
            return Err(Error::Refused {
                reason: format!("deployment `{}` has ended: {ended:?}", accepted.id),
                hint: (ended == Outcome::Succeeded)
                    .then(|| rollback_hint(&accepted.project, &accepted.environment)),
            });
        }
        let at = self.engine.clock().now();
        let asked = Halt::Asked { actor: actor.to_owned(), reason: reason.to_owned(), at };
        let standing = records::halt_once(&self.engine, &accepted.id, asked).await;
        match standing.map_err(|error| of_record(&error))? {
            Halt::Asked { .. } => self.deployment(&accepted.id).await,
            Halt::TooLate { at } => Err(Error::Refused {
                reason: format!(
                    "it is too late to halt `{}`: the new version is in charge since {at}",
                    accepted.id
                ),
                hint: Some(rollback_hint(&accepted.project, &accepted.environment)),
            }),
        }
    }

    /// Deploys a kept release again: `to` (release id or version), or the last good one before the current.
    /// A deployment under way is halted instead, since the old version still runs.
    pub async fn rollback(
        &self,
        project: &str,
        environment: &str,
        to: Option<&str>,
        actor: &str,
        reason: Option<&str>,
    ) -> Result<Deployment, Error> {
        if let Some(id) = self.under_way(project, environment).await? {
            return self.halt(&id, actor, reason.unwrap_or("rolled back")).await;
        }
        let row = records::environment(&self.engine, project, environment).await;
        let row = row.map_err(|error| of_record(&error))?;
        let good = choose(&row, to)?;
        let old = self.release(project, environment, &good.release_id).await?;
        let release = self.again(old);
        let deploy = Deploy {
            idempotency_key: release.release_id.clone(),
            release,
            actor: actor.to_owned(),
            reason: reason.map(str::to_owned),
        };
        self.deploy(deploy).await
    }

    /// Id of the deployment that runs for an environment: the one that holds the lock, if there are more.
    async fn under_way(&self, project: &str, environment: &str) -> Result<Option<String>, Error> {
        let running = self.running().await;
        let mut running: Vec<String> = running
            .into_iter()
            .filter(|execution| scope_of(&execution.input) == Some((project, environment)))
            .map(|execution| execution.name)
            .collect();
        let holder = self.lock(project, environment).await?.holder;
        running.sort_by_key(|id| Some(id) != holder.as_ref());
        Ok(running.into_iter().next())
    }

    /// The same release under a new id, all traffic at once.
    fn again(&self, old: Release) -> Release {
        let clock = self.engine.clock();
        let now = clock.now();
        let time = now.to_string().replace([':', '.'], "-");
        let mut release = Release {
            release_id: format!("release-{time}-{}", letters(clock.entropy())),
            created_at: now,
            ..old
        };
        let first = release.metadata.get(ROLLBACK_OF).cloned().unwrap_or(old.release_id);
        release.metadata.insert(ROLLBACK_OF.to_owned(), first);
        for service in release.services.values_mut() {
            service.shift.steps.clear();
        }
        release
    }
}

fn rollback_hint(project: &str, environment: &str) -> String {
    format!("`shipway rollback {environment}` takes `{project}` back to the release before")
}

/// The release to go back to: the one asked for, or the last good one that nobody went back from.
fn choose<'a>(row: &'a Environment, to: Option<&str>) -> Result<&'a Good, Error> {
    let scope = format!("{}/{}", row.project, row.environment);
    let Some(current) = row.good.first() else {
        return Err(Error::Refused {
            reason: format!("nothing was deployed to `{scope}` yet"),
            hint: Some("`shipway deploy` comes first".to_owned()),
        });
    };
    let kept: Vec<&str> = row.good.iter().map(|good| good.version.as_str()).collect();
    let kept = format!("kept are {}", kept.join(", "));
    match to {
        Some(to) => {
            let is_meant = |good: &&Good| good.release_id == to || good.version == to;
            let good = row.good.iter().find(is_meant).ok_or_else(|| Error::Refused {
                reason: format!("release `{to}` of `{scope}` is not kept"),
                hint: Some(kept.clone()),
            })?;
            if good.release_id == current.release_id {
                return Err(Error::Refused {
                    reason: format!("`{to}` serves `{scope}` now"),
                    hint: Some(kept),
                });
            }
            Ok(good)
        }
        None => row
            .good
            .iter()
            .skip(1)
            .find(|good| !good.was_rolled_back && good.version != current.version)
            .ok_or_else(|| Error::Refused {
                reason: format!("`{scope}` has no good release before {}", current.version),
                hint: Some(kept),
            }),
    }
}
