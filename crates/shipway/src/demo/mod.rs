//! The demo: a real service goes from commit to production on this machine, under load, and a bad release is undone.
//! Everything it makes is in one temporary directory.

mod load;
mod repo;
mod report;
pub mod service;

use std::{net::TcpListener, time::Duration};

use shipway_control::app::{Deployment, Outcome, Step};
use tokio::time::sleep;

use crate::{
    api::Api,
    commands::{hand_over, stop_all},
    context::Context,
    exit::Code,
    failure::Failure,
    follow,
    local::{self, processes},
    output::{BOLD, Paint},
    release::{self, Wanted},
};

use self::{
    load::Load,
    repo::{ENVIRONMENT, PROJECT, Repo},
    report::{Facts, Promise},
};

/// How long the load goes on between two deployments.
const PAUSE: Duration = Duration::from_millis(1_500);
/// How long what was stopped may take to be gone.
const GONE_MAX: Duration = Duration::from_secs(5);

/// One deployment of the demo.
struct Act {
    deployment: Deployment,
    steps: Vec<Step>,
}

/// Runs the demo. With `keeps_up` it stays until it is interrupted. Cleans up in any case.
pub async fn run(cx: &Context, keeps_up: bool) -> Result<Code, Failure> {
    let directory = tempfile::Builder::new().prefix("shipway-demo-").tempdir();
    let directory = directory.map_err(|error| Failure::of("cannot make a temporary directory", &error))?;
    // WHY: processes are found by their directories as the system names them.
    let root = directory.path().canonicalize();
    let root = root.map_err(|error| Failure::of("cannot find the temporary directory", &error))?;
    let there = cx.elsewhere(root.join("data"));
    let shop = root.join("shop");
    let played = tokio::select! {
        played = play(&there, &shop) => played,
        () = interrupted() => Err(Failure::new(Code::Interrupted, "interrupted")),
    };
    if keeps_up && let Ok(facts) = &played {
        show(cx, facts, None)?;
        cx.out.say(&format!(
            "it stays up: the page is {}, the service {}\nCtrl-C ends it and removes everything",
            facts.page, facts.address
        ));
        interrupted().await;
    }
    let left = clean_up(&there).await;
    let removed = directory.close();
    let mut facts = played?;
    removed.map_err(|error| Failure::of("cannot remove the temporary directory", &error))?;
    facts.promises.push(Promise::new("no process and no file is left", left.is_empty(), left.join(", ")));
    if !keeps_up {
        show(
            cx,
            &facts,
            Some("everything was removed again; `shipway demo --keep` leaves it up to look at"),
        )?;
    }
    let is_good = facts.promises.iter().all(|promise| promise.is_kept);
    if is_good { Ok(Code::Ok) } else { Err(Failure::new(Code::Failed, "not all promises were kept")) }
}

/// Returns when the user or the system wants an end.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

/// Stops everything; what is left, if anything is.
async fn clean_up(cx: &Context) -> Vec<String> {
    cx.out.clear();
    let mut left: Vec<String> = match stop_all(cx).await {
        Ok(_) => Vec::new(),
        Err(failure) => failure.complaints.into_iter().map(|complaint| complaint.message).collect(),
    };
    let pids = processes::of(&cx.data_dir).iter().map(|found| found.pid).collect();
    left.extend(processes::ended(pids, GONE_MAX).await.iter().map(|pid| format!("process {pid}")));
    left
}

async fn play(cx: &Context, dir: &std::path::Path) -> Result<Facts, Failure> {
    let say = |text: &str| cx.out.say(&headline(cx.out.talk(), text));
    let port = free_port()?;
    let repo = Repo::new(dir, port)?;
    say("a server, a repository, a first version");
    let api = local::ensure(cx).await?;
    say(&format!("watch it at {}", api.url()));
    repo.first()?;
    let first = deploy(cx, &api, &repo).await?;
    expect(&first, Outcome::Succeeded)?;
    say("constant load from here on");
    let load = Load::start(port);
    sleep(PAUSE).await;
    say("a feature: all at once, while the load goes on");
    repo.second()?;
    let second = deploy(cx, &api, &repo).await?;
    sleep(PAUSE).await;
    say("a bad fix: a canary gets 20 % of the requests, its gate sees errors");
    repo.third()?;
    let before_third = load.report();
    let third = deploy(cx, &api, &repo).await?;
    let after_third = load.settled().await;
    sleep(PAUSE).await;
    let report = load.stop().await?;
    let lock = api.lock(PROJECT, ENVIRONMENT).await?;
    let page = api.page(&third.deployment.id);
    let acts = [first, second, third];
    let promises = report::promises(&acts, &before_third, &after_third, &report, lock.holder.is_none());
    let address = format!("http://127.0.0.1:{port}");
    Ok(Facts { acts: acts.into(), report, promises, page, address })
}

fn headline(paint: Paint, text: &str) -> String {
    paint.paint(BOLD, &format!("== {text}"))
}

fn free_port() -> Result<u16, Failure> {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    port.map(|address| address.port()).map_err(|error| Failure::of("there is no free port", &error))
}

/// Deploys the commit that is checked out, and follows it to its end.
async fn deploy(cx: &Context, api: &Api, repo: &Repo) -> Result<Act, Failure> {
    let wanted = Wanted { dir: repo.dir(), environment: Some(ENVIRONMENT), may_be_dirty: false };
    let made = tokio::task::block_in_place(|| release::make(cx, wanted))?;
    let accepted = hand_over(cx, api, made, Some("demo".to_owned())).await?;
    let deployment = follow::quietly(cx, api, &accepted.id).await?;
    let steps = api.steps(&deployment.id).await?;
    cx.out.say(&follow::summary(&deployment, &steps, &api.page(&deployment.id), cx.out.talk()));
    Ok(Act { deployment, steps })
}

/// Without this outcome the rest makes no sense.
fn expect(act: &Act, outcome: Outcome) -> Result<(), Failure> {
    if act.deployment.outcome == outcome {
        return Ok(());
    }
    let error = act.deployment.error.as_ref();
    let cause = error.map(|error| format!("{}: {}", error.error, error.cause)).unwrap_or_default();
    Err(Failure::failed(format!(
        "version {} ended {:?}: {cause}",
        act.deployment.release.version, act.deployment.outcome
    )))
}

fn show(cx: &Context, facts: &Facts, last: Option<&str>) -> Result<(), Failure> {
    if cx.out.is_json() {
        return cx.out.json(&facts.document());
    }
    cx.out.text(&facts.text(cx.out.data()))?;
    if let Some(last) = last {
        cx.out.say(last);
    }
    Ok(())
}
