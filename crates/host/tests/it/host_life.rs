//! Groups from start to stop, with real processes.

use std::{collections::BTreeSet, fs, time::Instant};

use rustix::process::Signal;
use shipway_control::{
    Millis,
    host::{Host, HostError, ProcessState},
    release::HealthCheck,
};

use crate::host_kit::{
    FIXTURE, Machine, SLEEPER, TOKEN, bad_release, id, is_alive, is_running, kill, pid_in, until,
};

#[tokio::test]
async fn a_group_is_started_once_and_stopped_once() {
    let machine = Machine::new();
    let mut start = machine.script("release-1", SLEEPER).await;
    start.processes = 3;
    let group = machine.start(&start).await;
    assert_eq!(group.id, id("release-1"));
    assert_eq!(group.version, "1.2.3");
    assert!(group.processes.iter().all(is_running), "{group:?}");
    let ports: BTreeSet<_> = group.processes.iter().map(|process| process.port.unwrap()).collect();
    assert_eq!(ports.len(), 3);
    assert_eq!(machine.start(&start).await, group, "the same processes");
    machine.stop(&start).await;
    let stopped = machine.group(&start).await;
    for (before, after) in group.processes.iter().zip(&stopped.processes) {
        assert!(!is_alive(before.pid.unwrap()));
        assert_eq!((after.state, after.pid, after.crashes), (ProcessState::Stopped, None, 0));
        assert_eq!(after.last_exit.as_deref(), Some("signal 15"));
    }
    machine.stop(&start).await;
    machine.host.stop_group(&id("release-unknown"), TOKEN).await.unwrap();
    let again = machine.start(&start).await;
    assert!(again.processes.iter().all(is_running));
    machine.stop(&start).await;
}

#[tokio::test]
async fn a_process_gets_its_own_environment_and_nothing_of_the_servers() {
    let machine = Machine::new();
    let mut start =
        machine.script("release-1", "env | sort > env.txt; mv env.txt env.done; exec sleep 1000").await;
    start.env = [("COLOR".to_owned(), "blue green".to_owned()), ("PORT".to_owned(), "1".to_owned())].into();
    let group = machine.start(&start).await;
    let path = machine.app(&start, "env.done");
    until(async || path.exists()).await;
    let text = fs::read_to_string(path).unwrap();
    let port = format!("PORT={}", group.processes[0].port.unwrap());
    for expected in [
        "COLOR=blue green",
        &port,
        "SHIPWAY_ENVIRONMENT=production",
        "SHIPWAY_PROCESS=0",
        "SHIPWAY_PROJECT=acme/shop",
        "SHIPWAY_RELEASE_ID=release-1",
        "SHIPWAY_SERVICE=web",
        "SHIPWAY_VERSION=1.2.3",
    ] {
        assert!(text.lines().any(|line| line == expected), "{expected} in {text}");
    }
    let names: BTreeSet<&str> = text.lines().filter_map(|line| line.split('=').next()).collect();
    assert!(names.contains("PATH") && names.contains("HOME") && names.contains("LANG"));
    assert!(!names.iter().any(|name| name.starts_with("CARGO") || name.starts_with("NEXTEST")), "{names:?}");
}

#[tokio::test]
async fn a_process_may_end_in_its_own_time() {
    let machine = Machine::new();
    let script = "trap 'echo bye; exit 7' TERM; echo up; while :; do sleep 0.02; done";
    let start = machine.script("release-1", script).await;
    machine.start(&start).await;
    machine.has_said(&start, "up").await;
    machine.stop(&start).await;
    assert!(machine.said(&start).await.contains(&"bye".to_owned()), "the last words are kept");
    assert_eq!(machine.process(&start).await.last_exit.as_deref(), Some("exit status 7"));
}

#[tokio::test]
async fn a_process_that_does_not_end_is_killed_after_its_time() {
    let machine = Machine::new();
    let mut start = machine.script("release-1", "trap '' TERM; echo up; while :; do sleep 1000; done").await;
    start.stop_timeout = Millis(300);
    let group = machine.start(&start).await;
    machine.has_said(&start, "up").await;
    let since = Instant::now();
    machine.stop(&start).await;
    assert!(since.elapsed() >= start.stop_timeout.duration());
    assert!(!is_alive(group.processes[0].pid.unwrap()));
    assert_eq!(machine.process(&start).await.last_exit.as_deref(), Some("signal 9"));
}

#[tokio::test]
async fn whatever_a_process_has_started_ends_with_it() {
    let machine = Machine::new();
    // In its group; in a session of its own, with a parent that has gone.
    let script = "sleep 1000 & echo $! > child; setsid sh -c 'sleep 1000 & echo $! > far; wait' & wait";
    let mut start = machine.script("release-1", script).await;
    start.stop_timeout = Millis(500);
    machine.start(&start).await;
    let child = pid_in(&machine.app(&start, "child")).await;
    let far = pid_in(&machine.app(&start, "far")).await;
    assert!(is_alive(child) && is_alive(far));
    machine.stop(&start).await;
    assert!(!is_alive(child));
    assert!(!is_alive(far));
}

#[tokio::test]
async fn a_crashed_process_is_counted_and_started_again_later_and_later() {
    let machine = Machine::new();
    let start = machine.script("release-1", "echo started; exit 3").await;
    machine.start(&start).await;
    let since = Instant::now();
    until(async || machine.process(&start).await.crashes >= 4).await;
    assert!(since.elapsed().as_millis() >= 500, "pauses of 100, 200 and 400 ms");
    let process = machine.process(&start).await;
    assert_eq!(process.last_exit.as_deref(), Some("exit status 3"));
    assert_eq!(process.state, ProcessState::BackOff);
    let probes = machine.host.probe(&start.group, &HealthCheck::default()).await.unwrap();
    assert!(!probes[0].is_healthy);
    assert!(probes[0].evidence.starts_with("not running: exit status 3"), "{}", probes[0].evidence);
    machine.stop(&start).await;
    let said = machine.said(&start).await;
    assert!(
        said.contains(&"[shipway] ended by itself: exit status 3; is started again in 100 ms".to_owned())
    );
}

#[tokio::test]
async fn a_crash_takes_with_it_what_holds_the_port() {
    let machine = Machine::new();
    let script = "test -e child || { sleep 1000 & echo $! > child; kill -9 $$; }; exec sleep 1000";
    let start = machine.script("release-1", script).await;
    machine.start(&start).await;
    let child = pid_in(&machine.app(&start, "child")).await;
    until(async || machine.process(&start).await.crashes == 1).await;
    until(async || !is_alive(child)).await;
    until(async || is_running(&machine.process(&start).await)).await;
    assert_eq!(machine.process(&start).await.last_exit.as_deref(), Some("signal 9"));
}

#[tokio::test]
async fn a_killed_process_is_started_again_on_its_port() {
    let machine = Machine::new();
    let mut start = machine.script("release-1", "").await;
    start.command = format!("{FIXTURE} serve");
    start.processes = 2;
    let group = machine.start(&start).await;
    let health = HealthCheck { path: Some("/".into()), ..HealthCheck::default() };
    let is_healthy = async || {
        let probes = machine.host.probe(&start.group, &health).await.unwrap();
        probes.len() == 2
            && probes.iter().all(|probe| probe.is_healthy && probe.evidence.starts_with("200 in "))
    };
    until(is_healthy).await;
    kill(group.processes[0].pid.unwrap(), Signal::KILL);
    until(async || machine.process(&start).await.crashes == 1).await;
    until(is_healthy).await;
    let process = machine.process(&start).await;
    assert_ne!(process.pid, group.processes[0].pid);
    assert_eq!(process.port, group.processes[0].port);
}

#[tokio::test]
async fn a_worker_has_no_port() {
    let machine = Machine::new();
    let mut start = machine.script("release-1", "echo port=${PORT-none}; exec sleep 1000").await;
    start.needs_port = false;
    assert_eq!(machine.start(&start).await.processes[0].port, None);
    machine.has_said(&start, "port=none").await;
    let probes = machine.host.probe(&start.group, &HealthCheck::default()).await.unwrap();
    assert_eq!((probes[0].is_healthy, probes[0].evidence.as_str()), (true, "running"));
}

#[tokio::test]
async fn groups_do_not_share_ports() {
    let machine = Machine::new();
    let mut ports = BTreeSet::new();
    for release in ["release-1", "release-2", "release-3"] {
        let mut start = machine.script(release, SLEEPER).await;
        start.processes = 4;
        ports.extend(machine.start(&start).await.processes.iter().map(|process| process.port.unwrap()));
    }
    assert_eq!(ports.len(), 12);
}

#[tokio::test]
async fn a_release_that_runs_does_not_change() {
    let machine = Machine::new();
    let mut start = machine.script("release-1", SLEEPER).await;
    let group = machine.start(&start).await;
    start.command = "./run other".into();
    let (field, reason) = bad_release(machine.host.start_group(&start, TOKEN).await);
    assert_eq!(field, "services.web");
    assert!(reason.contains("does not change"), "{reason}");
    assert_eq!(machine.group(&start).await, group);
}

#[tokio::test]
async fn what_cannot_be_started_is_refused_by_its_field() {
    let machine = Machine::new();
    let good = machine.script("release-1", SLEEPER).await;
    let check = async |change: &dyn Fn(&mut shipway_control::host::StartGroup), expected: &str| {
        let mut start = good.clone();
        change(&mut start);
        assert_eq!(bad_release(machine.host.start_group(&start, TOKEN).await).0, expected);
    };
    check(&|start| start.processes = 0, "services.web.processes").await;
    check(&|start| start.processes = 65, "services.web.processes").await;
    check(&|start| start.command = " ".into(), "services.web.command").await;
    check(&|start| start.env = [("A=B".into(), String::new())].into(), "services.web.env.A=B").await;
    check(&|start| start.env = [("A".into(), "\0".into())].into(), "services.web.env.A").await;
    check(&|start| start.group.release_id = "../x".into(), "release_id").await;
    assert!(machine.host.groups("acme/shop", "production").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_keeper_that_cannot_be_started_is_told_with_its_path() {
    let machine = Machine::new();
    let start = machine.script("release-1", SLEEPER).await;
    for (exe, expected) in
        [("/nowhere/shipway", "start a keeper with /nowhere/shipway"), ("/bin/false", "ended at once")]
    {
        let host = shipway_host::LocalHost::new(shipway_host::Config::new(machine.path(), exe)).unwrap();
        let refused = host.start_group(&start, TOKEN).await.unwrap_err();
        assert!(matches!(refused, HostError::Io { .. }), "{refused}");
        assert!(refused.to_string().contains(expected), "{refused}");
        assert!(host.reconcile().await.unwrap().is_empty(), "it is not wanted any more");
    }
    assert!(is_running(&machine.start(&start).await.processes[0]));
}

#[tokio::test]
async fn two_servers_that_start_one_group_start_it_once() {
    let machine = Machine::new();
    let other = machine.again();
    let start = machine.script("release-1", SLEEPER).await;
    let (first, second) = tokio::join!(machine.start(&start), other.start(&start));
    assert!(first.processes.iter().all(is_running), "{first:?}");
    assert_eq!(first, second);
}

#[tokio::test]
async fn a_time_to_stop_has_a_limit() {
    let machine = Machine::new();
    let mut start = machine.script("release-1", SLEEPER).await;
    start.stop_timeout = Millis(u64::MAX);
    let (field, reason) = bad_release(machine.host.start_group(&start, TOKEN).await);
    assert_eq!(field, "services.web.stop_timeout");
    assert!(reason.ends_with("is longer than 1h"), "{reason}");
}

#[test]
fn keepers_and_trampolines_are_not_for_people() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("keeper.lock"), "").unwrap();
    let check = |args: &[&str], code: i32, expected: &str| {
        let output = std::process::Command::new(FIXTURE)
            .args(args)
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert!(text.contains(expected), "{text}");
    };
    check(&["keeper", dir.path().to_str().unwrap()], 1, "keeper.lock; `shipway serve` starts keepers");
    check(&["exec", "--parent", "1", "--", "true"], 127, "the keeper has ended");
    let me = std::process::id().to_string();
    check(&["exec", "--parent", &me, "--", "/nowhere"], 127, "cannot run `/nowhere`");
    check(&["exec", "--parent", &me, "--"], 127, "no program to become");
    check(&["exec", "--parent", &me, "--", "true"], 0, "");
}

#[tokio::test]
async fn nobody_else_may_read_what_runs() {
    use std::os::unix::fs::PermissionsExt;
    let machine = Machine::new();
    let start = machine.script("release-1", SLEEPER).await;
    machine.start(&start).await;
    for name in ["groups", "artifacts", "uploads", "fences"] {
        let mode = fs::metadata(machine.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}");
    }
}
