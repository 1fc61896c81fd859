//! `shipway down`: stops the server, the proxy and all services of a data directory.

use std::time::Duration;

use clap::Parser;

use super::{Command, Group};
use crate::{
    context::Context,
    exit::Code,
    failure::Failure,
    local::{
        lock,
        processes::{self, Found, Kind},
    },
    words::count,
};

/// How long the server may take to end.
const SERVER_TIMEOUT: Duration = Duration::from_secs(20);
/// How long the proxy may take to end its requests: its own limit and a little more.
const EDGE_TIMEOUT: Duration = Duration::from_secs(35);
/// How long services may take to stop. A keeper kills what does not end within its service's `stop_timeout`.
const KEEPERS_TIMEOUT: Duration = Duration::from_secs(120);
/// How long the system may take to end what was killed.
const KILL_TIMEOUT: Duration = Duration::from_secs(10);
/// What who may not stop it can do.
const OWNER_HINT: &str = "run `shipway down` as the user who started the server, or as root";

/// Stop everything that runs for the data directory
///
/// Server, proxy and all services, in this order. Nothing is forgotten: the next `shipway
/// serve` starts the services again.
///
///     $ shipway down
#[derive(Debug, Parser)]
#[command(name = "down", verbatim_doc_comment)]
pub struct Down {}

impl Command for Down {
    const GROUP: Option<Group> = Some(Group::Serve);

    async fn run(self, cx: &Context) -> Result<Code, Failure> {
        let stopped = stop_all(cx).await?;
        if cx.out.is_json() {
            cx.out.json(&serde_json::json!({"stopped": stopped}))?;
        }
        Ok(Code::Ok)
    }
}

/// Stops everything of the data directory; how many processes of Shipway's own that were.
pub async fn stop_all(cx: &Context) -> Result<usize, Failure> {
    check_owner(cx)?;
    let mut stopped = stop_server(cx).await?;
    for (kind, wait) in [(Kind::Edge, EDGE_TIMEOUT), (Kind::Keeper, KEEPERS_TIMEOUT)] {
        let found = of_kind(cx, kind);
        if found.is_empty() {
            continue;
        }
        stop(cx, &found, wait).await?;
        match kind {
            Kind::Edge => cx.out.say("stopped the proxy"),
            Kind::Keeper | Kind::Service => {
                cx.out.say(&format!("stopped {}", count(found.len() as u64, "service")))
            }
        }
        stopped = stopped.saturating_add(found.len());
    }
    let left = processes::of(&cx.data_dir);
    kill(&left.iter().map(|found| found.pid).collect::<Vec<_>>()).await?;
    if stopped == 0 {
        cx.out.say("nothing runs");
    }
    Ok(stopped)
}

/// Who may not stop all of it stops nothing, and does not wait for an end that cannot come.
fn check_owner(cx: &Context) -> Result<(), Failure> {
    if let Err(error) = std::fs::read_dir(&cx.data_dir)
        && error.kind() == std::io::ErrorKind::PermissionDenied
    {
        let what = format!("cannot read the data directory `{}`", cx.data_dir.display());
        return Err(Failure { code: Code::Denied, ..Failure::of(what, &error) }.hint(OWNER_HINT));
    }
    let found = processes::of(&cx.data_dir).into_iter().map(|found| found.pid);
    let pids: Vec<u32> = lock::holder(&cx.data_dir).into_iter().chain(found).collect();
    refuse_foreign(&pids, processes::is_foreign)
}

fn refuse_foreign(pids: &[u32], is_foreign: impl Fn(u32) -> bool) -> Result<(), Failure> {
    let foreign: Vec<String> =
        pids.iter().filter(|pid| is_foreign(**pid)).map(|pid| format!("pid {pid}")).collect();
    if foreign.is_empty() {
        return Ok(());
    }
    let what =
        format!("what runs here belongs to another user ({}); nothing was stopped", foreign.join(", "));
    Err(Failure::new(Code::Denied, what).hint(OWNER_HINT))
}

async fn stop_server(cx: &Context) -> Result<usize, Failure> {
    // WHY: not the pid in `server.json`, which may be stale and belong to anybody by now.
    let Some(pid) = lock::holder(&cx.data_dir).filter(|pid| *pid != std::process::id()) else { return Ok(0) };
    processes::terminate(pid);
    if !processes::ended(vec![pid], SERVER_TIMEOUT).await.is_empty() {
        cx.out.warn(&format!("the server (pid {pid}) does not end; killing it"));
        kill(&[pid]).await?;
    }
    cx.out.say("stopped the server");
    Ok(1)
}

fn of_kind(cx: &Context, kind: Kind) -> Vec<Found> {
    processes::of(&cx.data_dir).into_iter().filter(|found| found.kind == kind).collect()
}

async fn stop(cx: &Context, found: &[Found], wait: Duration) -> Result<(), Failure> {
    let pids: Vec<u32> = found.iter().map(|found| found.pid).collect();
    pids.iter().for_each(|pid| {
        processes::terminate(*pid);
    });
    let left = processes::ended(pids, wait).await;
    if !left.is_empty() {
        cx.out.warn(&format!("{left:?} did not end in time; killing them"));
    }
    kill(&left).await
}

async fn kill(pids: &[u32]) -> Result<(), Failure> {
    pids.iter().for_each(|pid| {
        processes::kill(*pid);
    });
    match processes::ended(pids.to_vec(), KILL_TIMEOUT).await.as_slice() {
        [] => Ok(()),
        left => Err(Failure::failed(format!("these processes do not end: {left:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_user_runs_is_refused_at_once_and_whole() {
        assert_eq!(refuse_foreign(&[1, 2], |_| false), Ok(()));
        assert_eq!(refuse_foreign(&[], |_| true), Ok(()));
        let refused = refuse_foreign(&[1, 2, 3], |pid| pid != 2).unwrap_err();
        assert_eq!(refused.code, Code::Denied);
        let message = "what runs here belongs to another user (pid 1, pid 3); nothing was stopped";
        assert_eq!(refused.complaints[0].message, message);
        assert!(refused.complaints[0].hint.as_deref().unwrap().contains("as the user who started"));
    }
}
