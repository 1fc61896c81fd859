//! From an accepted release to started processes: Validate, Lock, ValidateResources, Deploy. Sets no route.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use shipway_engine::TaskFailure;

use super::run::{Previous, Run, Watched, is_alive};
use crate::{
    Millis,
    deployer::{
        Context,
        context::CALL_MAX,
        failure::{self, bad_release},
        records::{self, Accepted},
    },
    host::{Group, Route, StartGroup},
    lock::Claim,
    release::Release,
};

/// How long unpacking an artifact and starting its processes may take.
const START_MAX: Millis = Millis::from_seconds(120);

/// The release is the one that was accepted under this deployment's id; everything else in the input is forgotten.
pub async fn validate(cx: &Context, run: Run) -> Result<Run, TaskFailure> {
    let run = Run::new(run.deployment, run.release);
    cx.go_on(run.deadline()).await?;
    let (project, environment) = (&run.release.project_name, &run.release.config_name);
    let key = records::accepted_key(cx.deployment());
    let accepted = read::<Accepted>(cx, &key).await?;
    let is_accepted = accepted.is_some_and(|accepted| {
        accepted.execution_arn == cx.execution_arn && accepted.release_id == run.release.release_id
    });
    let key = records::release_key(project, environment, &run.release.release_id);
    let release = read::<Release>(cx, &key).await?;
    if is_accepted && release.as_ref() == Some(&run.release) {
        return Ok(run);
    }
    let reason = format!("`{}` is not what was accepted for this deployment", run.release.release_id);
    Err(bad_release("release", &reason))
}

async fn read<T: serde::de::DeserializeOwned>(cx: &Context, key: &str) -> Result<Option<T>, TaskFailure> {
    let read = records::read(&cx.engine, key).await;
    Ok(read.map_err(|error| failure::of_record(&error))?.map(|(document, _)| document))
}

/// Takes the environment's lock and makes its token the lowest that the machine accepts.
pub async fn lock(cx: &Context, mut run: Run) -> Result<Run, TaskFailure> {
    cx.go_on(run.deadline()).await?;
    let (project, environment) = (&run.release.project_name, &run.release.config_name);
    let claim = Claim {
        holder: cx.deployment().to_owned(),
        execution_arn: cx.execution_arn.clone(),
        actor: run.deployment.actor.clone(),
        reason: run.deployment.reason.clone(),
    };
    let hold = cx.locks().acquire(project, environment, &claim, cx.now()).await;
    let hold = hold.map_err(|error| failure::of_lock(&error))?;
    cx.call("fence", CALL_MAX, cx.host.fence(project, environment, hold.token)).await?;
    run.found.token = Some(hold.token);
    run.waited_millis = 0;
    Ok(run)
}

/// Asks the machine whether it can run the release, and notes what runs now: the way back.
pub async fn validate_resources(cx: &Context, mut run: Run) -> Result<Run, TaskFailure> {
    cx.go_on(run.deadline()).await?;
    cx.call("check", START_MAX, cx.host.check(&run.release)).await?;
    let groups = groups(cx, &run).await?;
    let mut previous: BTreeMap<String, Previous> = BTreeMap::new();
    for group in groups.iter().filter(|group| is_alive(group) && !run.is_ours(&group.id)) {
        let service = previous.entry(group.id.service.clone()).or_default();
        service.release_ids.insert(group.id.release_id.clone());
    }
    for service in known_services(cx, &run, &groups).await? {
        let id = run.service_id(&service);
        if let Some(route) = cx.call("route", CALL_MAX, cx.host.route(&id)).await? {
            previous.entry(service).or_default().route = Some(route);
        }
    }
    ports_are_free(&run, &previous)?;
    run.found.previous = previous;
    run.waited_millis = 0;
    Ok(run)
}

/// Services that the release has, that run, or that ran.
async fn known_services(cx: &Context, run: &Run, groups: &[Group]) -> Result<Vec<String>, TaskFailure> {
    let (project, environment) = (&run.release.project_name, &run.release.config_name);
    let row = records::environment(&cx.engine, project, environment).await;
    let row = row.map_err(|error| failure::of_record(&error))?;
    let mut services: Vec<String> = run
        .release
        .services
        .keys()
        .chain(row.services.keys())
        .chain(groups.iter().map(|group| &group.id.service))
        .cloned()
        .collect();
    services.sort_unstable();
    services.dedup();
    Ok(services)
}

/// Refuses an address that another service of the release serves now: two services cannot swap at once.
fn ports_are_free(run: &Run, previous: &BTreeMap<String, Previous>) -> Result<(), TaskFailure> {
    for (name, _, port) in run.routed() {
        let other = previous.iter().find(|(other, previous)| {
            *other != name
                && run.release.services.contains_key(*other)
                && previous.route.as_ref().is_some_and(|route: &Route| route.port == port)
        });
        if let Some((other, _)) = other {
            let reason = format!(
                "{port} is served by `{other}` now; give `{other}` another port in a deployment before this one"
            );
            return Err(bad_release(&format!("services.{name}.port"), &reason));
        }
    }
    Ok(())
}

/// Starts the new processes beside the old ones.
pub async fn deploy(cx: &Context, mut run: Run) -> Result<Run, TaskFailure> {
    cx.go_on(run.deadline()).await?;
    let token = run.token()?;
    let starts: Vec<StartGroup> = run.release.services.keys().filter_map(|name| start(&run, name)).collect();
    let started = starts.iter().map(|start| {
        cx.call("start_group", START_MAX, async move { cx.host.start_group(start, token).await.map(drop) })
    });
    for started in join_all(started).await {
        started?;
    }
    run.found.deployed_at = Some(cx.now());
    run.found.watched = run.release.services.keys().map(|name| (name.clone(), Watched::default())).collect();
    run.waited_millis = 0;
    Ok(run)
}

fn start(run: &Run, name: &str) -> Option<StartGroup> {
    let service = run.release.services.get(name)?;
    Some(StartGroup {
        group: run.group(name),
        version: run.release.version.clone(),
        artifact_sha256: run.release.artifact_sha256.clone(),
        command: service.command.clone(),
        env: service.env.clone(),
        processes: service.processes,
        needs_port: service.port.is_some(),
        stop_timeout: service.stop_timeout,
    })
}

/// All groups of the environment, from the machine itself.
pub async fn groups(cx: &Context, run: &Run) -> Result<Vec<Group>, TaskFailure> {
    let (project, environment) = (&run.release.project_name, &run.release.config_name);
    cx.call("groups", CALL_MAX, cx.host.groups(project, environment)).await
}
