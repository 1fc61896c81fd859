//! Claims about health: k good probes in a row, a crash budget over all processes, and evidence in every error.

use expect_test::expect;

use super::*;
use crate::{Millis, host::GroupId};

fn probe(is_healthy: bool) -> Probe {
    Probe {
        index: 0,
        is_healthy,
        evidence: if is_healthy { "200 in 1 ms" } else { "connection refused" }.to_owned(),
    }
}

fn service() -> Service {
    serde_json::from_value(serde_json::json!({
        "command": "run", "port": 8080, "processes": 1,
        "health": {"path": "/health", "healthy_after": 2, "unhealthy_after": 2, "grace": "5s"}
    }))
    .unwrap()
}

fn process(index: u16, state: ProcessState, crashes: u32) -> Process {
    Process {
        index,
        pid: Some(1),
        port: Some(1),
        state,
        crashes,
        started_at: Some(Timestamp(0)),
        last_exit: (crashes > 0).then(|| "exit status 1".to_owned()),
    }
}

fn group(processes: Vec<Process>) -> Group {
    let id = GroupId {
        project: "p".to_owned(),
        environment: "e".to_owned(),
        service: "web".to_owned(),
        release_id: "r".to_owned(),
    };
    Group { id, version: "1.0.0".to_owned(), processes }
}

fn after(probes: &[bool]) -> BTreeMap<u16, Streak> {
    let mut streak = Streak { started_at: Some(Timestamp(0)), ..Streak::default() };
    for is_healthy in probes {
        streak.add(&probe(*is_healthy), &service().health);
    }
    [(0, streak)].into()
}

fn judged(processes: Vec<Process>, probes: &[bool], is_serving: bool, now: i64) -> String {
    match judge(
        "web",
        &service(),
        &group(processes),
        &after(probes),
        is_serving,
        Timestamp(0),
        Timestamp(now),
    ) {
        Ok(()) => "good".to_owned(),
        Err(failed) => failed.to_string(),
    }
}

#[test]
fn a_process_is_healthy_after_enough_good_probes_in_a_row() {
    for (probes, is_healthy) in [
        (&[true][..], false),
        (&[true, true], true),
        (&[true, false, true], false),
        (&[true, true, false], true),
        (&[true, true, false, false], false),
        (&[true, true, false, false, true], false),
    ] {
        assert_eq!(after(probes)[&0].is_healthy, is_healthy, "{probes:?}");
    }
}

#[test]
fn another_process_under_the_same_index_begins_anew() {
    let mut streak = after(&[true, true]).remove(&0).unwrap();
    streak.follow(&process(0, ProcessState::Running, 0));
    assert!(streak.is_healthy);
    streak.follow(&Process { started_at: Some(Timestamp(9)), ..process(0, ProcessState::Running, 1) });
    assert!(!streak.is_healthy && streak.good == 0);
}

#[test]
fn crashes_of_all_processes_add_up() {
    let crashed = |n| vec![process(0, ProcessState::Running, n), process(1, ProcessState::Running, 1)];
    let mut service = service();
    service.processes = 2;
    service.crashes_max = 2;
    crashes("web", &service, &group(crashed(1))).unwrap();
    expect![
        "service `web`: 3 crash(es) of new processes, 2 tolerated; process 0 ended last with exit status 1"
    ]
    .assert_eq(&crashes("web", &service, &group(crashed(2))).unwrap_err().to_string());
}

#[test]
fn the_grace_period_ends_with_the_probe_and_its_last_evidence() {
    let running = || vec![process(0, ProcessState::Running, 0)];
    assert_eq!(judged(running(), &[false], false, 4_999), "good");
    expect![
        "service `web`: process 0 is not healthy 5s after its start; GET /health gave: connection refused"
    ]
    .assert_eq(&judged(running(), &[true, false], false, 5_000));
    assert_eq!(judged(running(), &[true, true], false, 99_000), "good");
}

#[test]
fn a_process_that_becomes_unhealthy_while_it_serves_fails_at_once() {
    let running = || vec![process(0, ProcessState::Running, 0)];
    assert_eq!(judged(running(), &[true, true, false], true, 9), "good");
    expect!["service `web`: process 0 became unhealthy; GET /health gave: connection refused"]
        .assert_eq(&judged(running(), &[true, true, false, false], true, 9));
}

#[test]
fn processes_that_are_gone_are_missed() {
    expect!["service `web`: 0 of 1 new processes are there"].assert_eq(&judged(Vec::new(), &[], false, 0));
    expect!["service `web`: 0 of 1 new processes are there"].assert_eq(&judged(
        vec![process(0, ProcessState::Stopped, 0)],
        &[],
        false,
        0,
    ));
}

#[test]
fn progress_counts_each_process_once() {
    let group = group(vec![
        process(0, ProcessState::Running, 0),
        process(1, ProcessState::BackOff, 1),
        process(2, ProcessState::Stopping, 0),
    ]);
    let progress = progress(&service(), Some(&group), &after(&[true, true]));
    assert_eq!((progress.healthy, progress.starting, progress.stopped), (1, 1, 1));
    assert!(is_whole(&progress));
    assert_eq!(Millis(5_000), service().health.grace);
}
