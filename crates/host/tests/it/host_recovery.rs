//! What is left after a server, a keeper or a machine has gone, and how it is found again.

use std::{fs, net::TcpListener, time::Duration};

use rustix::process::Signal;
use shipway_control::{
    host::{Host, Mended, ProcessState, Route, Target},
    release::HealthCheck,
};

use crate::{
    edge_kit::{Edge, free_port},
    host_kit::{FIXTURE, Machine, SLEEPER, is_alive, is_running, kill, pid_in, until},
};

fn told(reports: &[Mended]) -> Vec<String> {
    reports.iter().map(Mended::to_string).collect()
}

#[tokio::test]
async fn a_new_server_finds_the_groups_of_the_one_before() {
    let machine = Machine::new();
    let start = machine.script("release-1", SLEEPER).await;
    let group = machine.start(&start).await;
    let after = machine.again();
    drop(machine);
    assert_eq!(after.group(&start).await, group);
    assert!(after.host.reconcile().await.unwrap().is_empty(), "nothing to do");
    assert_eq!(after.start(&start).await, group);
    after.stop(&start).await;
    assert!(!is_alive(group.processes[0].pid.unwrap()));
}

#[tokio::test]
async fn processes_die_with_a_killed_keeper_and_are_started_again() {
    let machine = Machine::new();
    let mut start = machine.script("release-1", SLEEPER).await;
    start.processes = 2;
    let group = machine.start(&start).await;
    machine.kill_keeper(&start).await;
    for process in &group.processes {
        until(async || !is_alive(process.pid.unwrap())).await;
    }
    let dead = machine.process(&start).await;
    assert_eq!((dead.state, dead.pid), (ProcessState::Stopped, None));
    assert_eq!(dead.last_exit.as_deref(), Some("ended with its keeper"));
    let reports = told(&machine.host.reconcile().await.unwrap());
    assert_eq!(reports, ["acme/shop/production/web/release-1: started again, its keeper had ended"]);
    let revived = machine.group(&start).await;
    assert!(revived.processes.iter().all(is_running));
    for (before, after) in group.processes.iter().zip(&revived.processes) {
        assert_eq!(before.port, after.port);
        assert_eq!(after.crashes, 0);
    }
    assert!(machine.host.reconcile().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_a_killed_keeper_left_is_killed_and_strangers_are_not() {
    let machine = Machine::new();
    let start = machine.script("release-1", "sleep 1000 & echo $! > child; wait").await;
    machine.start(&start).await;
    let child = pid_in(&machine.app(&start, "child")).await;
    let mut stranger = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
    machine.kill_keeper(&start).await;
    assert!(is_alive(child), "only children die with the keeper");
    let reports = told(&machine.host.reconcile().await.unwrap());
    // The shell dies with its keeper, in its own time: it may still be counted.
    let ends = ["one process was left over and is gone", "2 processes were left over and are gone"];
    assert!(ends.iter().any(|end| reports[0].ends_with(end)), "{reports:?}");
    assert!(!is_alive(child));
    assert!(is_alive(stranger.id()));
    machine.kill_keeper(&start).await;
    machine.stop(&start).await;
    assert_eq!(machine.process(&start).await.state, ProcessState::Stopped);
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[tokio::test]
async fn pids_of_another_boot_mean_nothing() {
    let machine = Machine::new();
    let start = machine.script("release-1", SLEEPER).await;
    machine.start(&start).await;
    machine.kill_keeper(&start).await;
    let mut stranger = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
    let path = machine.group_dir(&start).join("state.json");
    let mut state: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let stat = fs::read_to_string(format!("/proc/{}/stat", stranger.id())).unwrap();
    let started: u64 = stat.rsplit_once(") ").unwrap().1.split(' ').nth(19).unwrap().parse().unwrap();
    state["boot_id"] = "another".into();
    state["processes"][0]["pid"] = stranger.id().into();
    state["processes"][0]["start"] = started.into();
    fs::write(&path, state.to_string()).unwrap();
    machine.host.reconcile().await.unwrap();
    assert!(is_alive(stranger.id()));
    assert!(is_running(&machine.process(&start).await));
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[tokio::test]
async fn a_damaged_state_is_as_none() {
    let machine = Machine::new();
    let start = machine.script("release-1", SLEEPER).await;
    machine.start(&start).await;
    machine.kill_keeper(&start).await;
    fs::write(machine.group_dir(&start).join("state.json"), "").unwrap();
    assert_eq!(machine.process(&start).await.state, ProcessState::Stopped);
    machine.host.reconcile().await.unwrap();
    assert!(is_running(&machine.process(&start).await));
}

#[tokio::test]
async fn a_stop_that_was_cut_short_is_ended() {
    let machine = Machine::new();
    let start = machine.script("release-1", SLEEPER).await;
    let group = machine.start(&start).await;
    let path = machine.group_dir(&start).join("spec.json");
    let spec = fs::read_to_string(&path).unwrap();
    fs::write(&path, spec.replace("\"desired\": \"running\"", "\"desired\": \"stopped\"")).unwrap();
    let reports = told(&machine.host.reconcile().await.unwrap());
    assert_eq!(reports, ["acme/shop/production/web/release-1: stopped, as it had been told to"]);
    assert!(!is_alive(group.processes[0].pid.unwrap()));
}

#[tokio::test]
async fn a_stopped_group_stays_stopped() {
    let machine = Machine::new();
    let start = machine.script("release-1", SLEEPER).await;
    machine.start(&start).await;
    machine.stop(&start).await;
    assert!(machine.again().host.reconcile().await.unwrap().is_empty());
    assert_eq!(machine.process(&start).await.state, ProcessState::Stopped);
}

#[tokio::test]
async fn one_group_that_cannot_be_started_does_not_keep_the_others_from_it() {
    let machine = Machine::new();
    let first = machine.script("release-1", SLEEPER).await;
    let second = machine.script("release-2", "exec sleep 2000").await;
    for start in [&first, &second] {
        machine.start(start).await;
        machine.kill_keeper(start).await;
    }
    fs::remove_file(machine.path().join(format!("artifacts/{}.tar", first.artifact_sha256))).unwrap();
    let reports = told(&machine.host.reconcile().await.unwrap());
    assert!(
        reports[0].contains("cannot be started again") && reports[0].contains("not on this machine"),
        "{reports:?}"
    );
    assert!(reports[1].contains("release-2: started again"), "{reports:?}");
    assert!(is_running(&machine.process(&second).await));
}

#[tokio::test]
async fn the_edge_follows_when_a_port_was_taken_meanwhile() {
    let machine = Machine::new();
    let edge =
        Edge::start_in(std::sync::Arc::clone(&machine.dir), shipway_host::edge::Limits::default()).await;
    let start = machine.script("release-1", SLEEPER).await;
    let before = machine.start(&start).await.processes[0].port.unwrap();
    let target = Target {
        release_id: "release-1".into(),
        version: "1.2.3".into(),
        weight: 1,
        ports: vec![before],
        health: HealthCheck::default(),
    };
    let service = start.group.service_id();
    let route = Route {
        service: service.clone(),
        listen: "127.0.0.1".into(),
        port: free_port(),
        targets: vec![target],
    };
    machine.host.set_route(&route, crate::host_kit::TOKEN).await.unwrap();
    machine.kill_keeper(&start).await;
    let _stranger = TcpListener::bind(("127.0.0.1", before)).unwrap();
    machine.host.reconcile().await.unwrap();
    let after = machine.process(&start).await.port.unwrap();
    assert_ne!(after, before);
    let route = machine.host.route(&service).await.unwrap().unwrap();
    assert_eq!(route.targets[0].ports, [after]);
    edge.stopped().await;
}

#[tokio::test]
async fn keepers_are_reaped() {
    let machine = Machine::new();
    let start = machine.script("release-1", SLEEPER).await;
    machine.start(&start).await;
    let keeper = machine.keeper(&start);
    kill(keeper, Signal::KILL);
    until(async || !std::path::Path::new(&format!("/proc/{keeper}")).exists()).await;
}

/// Living processes that were started for a version.
fn of_version(version: &str) -> Vec<String> {
    let mark = format!("SHIPWAY_VERSION={version}");
    let pids =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    pids.filter(|pid| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|&byte| byte == 0).any(|entry| entry == mark.as_bytes())
    })
    .filter(|pid| pid.parse().is_ok_and(is_alive))
    .collect()
}

#[tokio::test]
async fn a_server_killed_at_any_moment_leaves_what_the_next_can_put_right() {
    let machine = Machine::new();
    // One process that is the shell's place, one that is its child and survives a killed keeper.
    let mut start = machine.script("release-1", "sleep 1000 & exec sleep 1000").await;
    start.version = format!("churn-{}", std::process::id());
    start.processes = 2;
    let description = machine.path().join("start.json");
    fs::write(&description, serde_json::to_vec(&start).unwrap()).unwrap();
    for round in 0..30_u64 {
        let mut server = std::process::Command::new(FIXTURE)
            .args(["churn".as_ref(), machine.path().as_os_str(), description.as_os_str()])
            .spawn()
            .unwrap();
        // The moment of the kill, not a wait for something.
        tokio::time::sleep(Duration::from_millis(5 + round * 17 % 90)).await;
        assert_eq!(
            server.try_wait().unwrap(),
            None,
            "round {round}: the server found what was left in order"
        );
        server.kill().unwrap();
        server.wait().unwrap();
        let host = machine.again();
        if round % 3 == 0 {
            host.host.reconcile().await.unwrap();
        }
        let group = host.start(&start).await;
        assert!(group.processes.iter().all(is_running), "round {round}: {group:?}");
        // Each of the two has its child, and nothing is left of the group before.
        until(async || of_version(&start.version).len() == 4).await;
        if round % 2 == 0 {
            host.stop(&start).await;
            assert_eq!(of_version(&start.version), [] as [String; 0], "round {round}");
        }
    }
    machine.stop(&start).await;
    assert_eq!(of_version(&start.version), [] as [String; 0]);
}
