//! The end of a good deployment, and of every deployment: CleanUpSuccess and ReleaseLock.

use futures_util::future::join_all;
use serde_json::Value;
use shipway_asl::Timestamp;
use shipway_engine::TaskFailure;

use super::{
    prepare::groups,
    route,
    run::{Run, is_alive},
    shift::is_still_whole,
};
use crate::{
    Millis,
    deployer::{
        Context,
        context::CALL_MAX,
        failure,
        records::{self, Environment, Halt},
    },
    host::{FencingToken, GroupId},
    release::Release,
};

/// How often requests in flight are counted while they drain.
const DRAIN_POLL: Millis = Millis(50);

/// Makes the new version the one in charge, then drains and stops what is older.
///
/// Its first act decides the race with a halt: afterwards a halt comes too late.
pub async fn clean_up_success(cx: &Context, mut run: Run) -> Result<Run, TaskFailure> {
    let is_closed = records::read::<Halt>(&cx.engine, &records::halt_key(cx.deployment())).await;
    match is_closed.map_err(|error| failure::of_record(&error))? {
        Some((Halt::TooLate { .. }, _)) => {}
        Some((Halt::Asked { .. }, _)) => cx.go_on(run.deadline()).await?,
        None => {
            is_still_whole(cx, &mut run).await?;
            close(cx, &run).await?;
        }
    }
    take_over(cx, &mut run).await.map_err(|failed| TaskFailure {
        error: if failed.error == failure::LOCK_LOST { failed.error } else { failure::CLEAN_UP.to_owned() },
        cause: failed.cause,
    })?;
    Ok(run)
}

/// Closes the door for a halt, unless one has come in.
async fn close(cx: &Context, run: &Run) -> Result<(), TaskFailure> {
    let closed = records::halt_once(&cx.engine, cx.deployment(), Halt::TooLate { at: cx.now() }).await;
    match closed.map_err(|error| failure::of_record(&error))? {
        Halt::TooLate { .. } => Ok(()),
        Halt::Asked { .. } => cx.go_on(run.deadline()).await,
    }
}

async fn take_over(cx: &Context, run: &mut Run) -> Result<(), TaskFailure> {
    let token = run.token()?;
    let row = promote(cx, run).await?;
    let began = cx.now();
    let groups = groups(cx, run).await?;
    retire_routes(cx, run, token).await?;
    let drained = cx.now();
    narrow_routes(cx, run, token).await?;
    let narrowed = cx.now();
    let old = groups.iter().filter(|group| is_alive(group) && !run.is_ours(&group.id));
    stop_all(cx, run, old.map(|group| &group.id), token).await?;
    run.waited_millis = drained.millis_since(began).saturating_add(cx.now().millis_since(narrowed));
    prune(cx, &row, run).await
}

async fn promote(cx: &Context, run: &Run) -> Result<Environment, TaskFailure> {
    let (project, environment) = (&run.release.project_name, &run.release.config_name);
    let since = run.found.shifted_at.unwrap_or(cx.now());
    let promote = |row: &mut Environment| {
        row.promote(&run.release, cx.deployment(), &run.deployment.actor, since);
    };
    let changed = records::change_environment(&cx.engine, project, environment, promote).await;
    changed.map_err(|error| failure::of_record(&error))
}

/// Takes services off the edge that have no port any more, then waits until all old requests have ended.
async fn retire_routes(cx: &Context, run: &Run, token: FencingToken) -> Result<(), TaskFailure> {
    for name in run.all_services() {
        if run.release.services.get(&name).is_none_or(|service| service.port.is_none()) {
            let id = run.service_id(&name);
            cx.call("remove_route", CALL_MAX, cx.host.remove_route(&id, token)).await?;
        }
    }
    let services: Vec<String> = run.found.previous.keys().cloned().collect();
    let drains =
        services.iter().map(|name| drain(cx, run, name, |release_id| release_id != run.release.release_id));
    for drained in join_all(drains).await {
        drained?;
    }
    Ok(())
}

/// Leaves only the new version behind each address.
async fn narrow_routes(cx: &Context, run: &Run, token: FencingToken) -> Result<(), TaskFailure> {
    for (name, _, _) in run.routed() {
        let route = cx.call("route", CALL_MAX, cx.host.route(&run.service_id(name))).await?;
        let Some(route) = route else { continue };
        let wanted = route::only(&route, &run.release.release_id);
        if !wanted.targets.is_empty() && wanted != route {
            cx.call("set_route", CALL_MAX, cx.host.set_route(&wanted, token)).await?;
        }
    }
    Ok(())
}

/// Waits until no request of the chosen releases is under way, at most for the service's `drain`.
pub async fn drain(
    cx: &Context,
    run: &Run,
    service: &str,
    is_leaving: impl Fn(&str) -> bool,
) -> Result<(), TaskFailure> {
    let id = run.service_id(service);
    let until = cx.now().plus_millis(run.drain(service).0);
    loop {
        let traffic = cx.call("traffic", CALL_MAX, cx.host.traffic(&id)).await?;
        let leaving = traffic.releases.iter().filter(|(release_id, _)| is_leaving(release_id));
        if leaving.map(|(_, counts)| counts.in_flight).all(|in_flight| in_flight == 0) || cx.now() >= until {
            return Ok(());
        }
        cx.sleep(DRAIN_POLL).await;
    }
}

/// Stops groups side by side; their output stays.
pub async fn stop_all<'a>(
    cx: &Context,
    run: &Run,
    groups: impl Iterator<Item = &'a GroupId>,
    token: FencingToken,
) -> Result<(), TaskFailure> {
    let stops = groups.map(|group| async move {
        let limit = Millis(stop_timeout(cx, run, group).await?.0.saturating_add(STOP_MARGIN.0));
        cx.call("stop_group", limit, cx.host.stop_group(group, token)).await
    });
    for stopped in join_all(stops).await {
        stopped?;
    }
    Ok(())
}

/// How long a group may take to stop, as its own release says.
async fn stop_timeout(cx: &Context, run: &Run, group: &GroupId) -> Result<Millis, TaskFailure> {
    let of = |release: &Release| release.services.get(&group.service).map(|service| service.stop_timeout);
    if run.is_ours(group) {
        return Ok(of(&run.release).unwrap_or(STOP_UNKNOWN));
    }
    let key = records::release_key(&group.project, &group.environment, &group.release_id);
    let release = records::read::<Release>(&cx.engine, &key).await;
    let release = release.map_err(|error| failure::of_record(&error))?;
    Ok(release.and_then(|(release, _)| of(&release)).unwrap_or(STOP_UNKNOWN))
}

/// What a host may need beyond `stop_timeout`: to finish a start that is under way, to kill, to clean up.
const STOP_MARGIN: Millis = Millis::from_seconds(60);

/// How long a group may take to stop whose release nobody knows.
const STOP_UNKNOWN: Millis = Millis::from_seconds(300);

/// Forgets what no rollback and nobody who looks for a cause needs any more.
async fn prune(cx: &Context, row: &Environment, run: &Run) -> Result<(), TaskFailure> {
    let good = row.good.iter();
    let keep: Vec<String> = good.map(|good| good.release_id.clone()).chain(row.failed.clone()).collect();
    let artifacts: Vec<String> = row.good.iter().map(|good| good.artifact_sha256.clone()).collect();
    let (project, environment) = (&run.release.project_name, &run.release.config_name);
    cx.call("prune", CALL_MAX, cx.host.prune(project, environment, &keep, &artifacts, run.token()?)).await
}

/// Gives the lock back if this deployment holds it. Takes any input, since every way ends here.
pub async fn release_lock(cx: &Context, mut input: Value) -> Result<Value, TaskFailure> {
    let text = |name: &str| input.pointer(&format!("/release/{name}")).and_then(Value::as_str);
    if let (Some(project), Some(environment)) = (text("project_name"), text("config_name")) {
        let now: Timestamp = cx.now();
        let released = cx.locks().release(project, environment, cx.deployment(), now).await;
        released.map_err(|error| failure::of_lock(&error))?;
    }
    cx.live.forget(cx.deployment());
    if let Some(input) = input.as_object_mut() {
        input.insert("waited_millis".to_owned(), Value::from(0));
        if let Some(error) = input.get_mut("error").and_then(Value::as_object_mut) {
            error.entry("Cause").or_insert_with(|| Value::from("no cause was given"));
        }
    }
    Ok(input)
}
