//! What runs where, which releases there are, who holds a lock: reads only, but for breaking a lock.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Error, Lock, ReleaseStatus, ServiceStatus, Shipway,
    deploy::{self, scope_of, text},
    of_engine, of_lock, of_record,
    view::{PAGE_MAX, outcome},
};
use crate::{
    deployer::records::{self, Environment, LockBreak, Serving},
    host::{Group, GroupId, Route, ServiceId},
    lock::{self, Holder},
};

/// Releases of one environment that are shown at most.
const RELEASES_MAX: usize = 200;

impl Shipway {
    /// What runs where.
    pub async fn services(&self) -> Result<Vec<ServiceStatus>, Error> {
        let mut environments: BTreeMap<(String, String), Environment> = BTreeMap::new();
        let mut after: Option<String> = None;
        loop {
            let records = self.engine.records("environment/", after.as_deref(), PAGE_MAX).await;
            let records = records.map_err(|error| of_engine("listing environments", &error))?;
            after = records.last().map(|record| record.key.clone());
            let is_last = records.len() < PAGE_MAX;
            for record in records {
                let row: Environment =
                    records::decode(&record.key, record.value).map_err(|error| of_record(&error))?;
                environments.insert((row.project.clone(), row.environment.clone()), row);
            }
            if is_last {
                break;
            }
        }
        let running = self.running_by_scope().await;
        for (project, environment) in running.keys() {
            let row = environments.entry((project.clone(), environment.clone())).or_default();
            (row.project, row.environment) = (project.clone(), environment.clone());
        }
        let mut services = Vec::new();
        for (scope, row) in environments {
            services.extend(self.services_of(&row, running.get(&scope)).await?);
        }
        Ok(services)
    }

    /// One service.
    pub async fn service(
        &self,
        project: &str,
        environment: &str,
        service: &str,
    ) -> Result<ServiceStatus, Error> {
        let row = records::environment(&self.engine, project, environment).await;
        let row = row.map_err(|error| of_record(&error))?;
        let running = self.running_by_scope().await.remove(&(project.to_owned(), environment.to_owned()));
        let services = self.services_of(&row, running.as_ref()).await?;
        services.into_iter().find(|status| status.service == service).ok_or_else(|| Error::NotFound {
            what: "service",
            id: format!("{project}/{environment}/{service}"),
        })
    }

    /// Releases of an environment, newest first.
    pub async fn releases(&self, project: &str, environment: &str) -> Result<Vec<ReleaseStatus>, Error> {
        let row = records::environment(&self.engine, project, environment).await;
        let row = row.map_err(|error| of_record(&error))?;
        let (entries, _) = self.entries(Some(project), Some(environment), None, RELEASES_MAX).await?;
        let mut releases = Vec::new();
        for entry in entries {
            let accepted = self.accepted(&entry.deployment).await?;
            let execution = self.describe(&accepted.execution_arn).await?;
            releases.push(ReleaseStatus {
                release: self.release(project, environment, &entry.release_id).await?,
                deployment: entry.deployment,
                outcome: outcome(&execution),
                is_current: row.good.first().is_some_and(|good| good.release_id == entry.release_id),
                is_kept: row.good.iter().any(|good| good.release_id == entry.release_id),
                ended_at: execution.stopped_at,
            });
        }
        Ok(releases)
    }

    /// The lock of an environment; a lock never taken is free with token 0.
    pub async fn lock(&self, project: &str, environment: &str) -> Result<Lock, Error> {
        let read = self.locks().read(project, environment).await.map_err(|error| of_lock(&error))?;
        let present = match read.hold() {
            None => Holder::Ended,
            Some(hold) => self
                .locks()
                .holder(hold)
                .await
                .map_err(|error| of_engine("reading the lock's holder", &error))?,
        };
        Ok(deploy::show(project, environment, &read, present))
    }

    /// How many locks are held.
    pub async fn locks_held(&self) -> Result<usize, Error> {
        self.locks().held().await.map_err(|error| of_engine("counting the locks", &error))
    }

    /// Frees a lock whose deployment has ended without giving it back, as one that ended dirty does.
    /// Refused while the deployment runs: halt it instead.
    pub async fn break_lock(
        &self,
        project: &str,
        environment: &str,
        actor: &str,
        reason: &str,
    ) -> Result<Lock, Error> {
        text("actor", actor)?;
        text("reason", reason)?;
        let now = self.engine.clock().now();
        let holder = self.lock(project, environment).await?.holder;
        let by = LockBreak { actor: actor.to_owned(), reason: reason.to_owned(), at: now };
        match self.locks().break_lock(project, environment, &by, now).await {
            Ok(()) => {
                tracing::warn!(project, environment, actor, reason, "lock broken");
                if let Some(holder) = holder {
                    self.ended.forget(&holder);
                }
                self.lock(project, environment).await
            }
            Err(lock::records::Error::Refused { .. }) => {
                Err(Error::Locked(Box::new(self.lock(project, environment).await?)))
            }
            Err(error) => Err(of_lock(&error)),
        }
    }

    /// Running deployments: project and environment to id and services.
    async fn running_by_scope(&self) -> BTreeMap<(String, String), (String, BTreeSet<String>)> {
        let mut running = BTreeMap::new();
        for execution in self.running().await {
            let Some((project, environment)) = scope_of(&execution.input) else { continue };
            let services =
                execution.input.pointer("/release/services").and_then(|services| services.as_object());
            let services = services.into_iter().flat_map(|services| services.keys().cloned()).collect();
            running.insert((project.to_owned(), environment.to_owned()), (execution.name, services));
        }
        running
    }

    async fn services_of(
        &self,
        row: &Environment,
        running: Option<&(String, BTreeSet<String>)>,
    ) -> Result<Vec<ServiceStatus>, Error> {
        let groups = self.host.groups(&row.project, &row.environment);
        let groups = self.ask("asking the machine", groups).await?;
        let mut names: BTreeSet<&String> = row.services.keys().collect();
        names.extend(running.iter().flat_map(|(_, services)| services));
        let mut services = Vec::new();
        for name in names {
            let deployment =
                running.filter(|(_, services)| services.contains(name)).map(|(id, _)| id.clone());
            let id = ServiceId {
                project: row.project.clone(),
                environment: row.environment.clone(),
                service: name.clone(),
            };
            services.push(self.service_status(id, row.services.get(name), &groups, deployment).await?);
        }
        Ok(services)
    }

    async fn service_status(
        &self,
        id: ServiceId,
        serving: Option<&Serving>,
        groups: &[Group],
        deployment: Option<String>,
    ) -> Result<ServiceStatus, Error> {
        let route = self.ask("asking the edge", self.host.route(&id)).await?;
        let traffic = self.ask("asking the edge", self.host.traffic(&id)).await?;
        let problem = serving.and_then(|serving| self.problem(&id, serving));
        let groups = groups.iter().filter(|group| group.id.service == id.service);
        let groups = groups.map(|group| (group.id.release_id.clone(), group.processes.clone())).collect();
        let address = route.as_ref().map(|route| records::address(&route.listen, route.port));
        Ok(ServiceStatus {
            project: id.project,
            environment: id.environment,
            service: id.service,
            address: address.or_else(|| serving.and_then(|serving| serving.address.clone())),
            release_id: serving.map(|serving| serving.release_id.clone()),
            version: serving.map(|serving| serving.version.clone()),
            commit: serving.map(|serving| serving.commit.clone()),
            author: serving.map(|serving| serving.author.clone()),
            since: serving.map(|serving| serving.since),
            groups,
            percent: route.as_ref().map(percent).unwrap_or_default(),
            traffic: traffic.releases,
            deployment,
            problem,
        })
    }

    /// Why the release that should serve does not run.
    fn problem(&self, id: &ServiceId, serving: &Serving) -> Option<String> {
        let group = GroupId {
            project: id.project.clone(),
            environment: id.environment.clone(),
            service: id.service.clone(),
            release_id: serving.release_id.clone(),
        };
        let reason = self.troubles.of(&group)?;
        Some(format!("{} is down and cannot be started again: {reason}", serving.version))
    }
}

/// Shares of new requests by release.
fn percent(route: &Route) -> BTreeMap<String, u8> {
    let sum = route.targets.iter().map(|target| u64::from(target.weight)).sum::<u64>().max(1);
    let share = |weight: u32| u8::try_from(u64::from(weight).saturating_mul(100) / sum).unwrap_or(100);
    route.targets.iter().map(|target| (target.release_id.clone(), share(target.weight))).collect()
}
