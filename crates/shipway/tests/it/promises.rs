//! The promises, shown from the outside: real processes, real load, real `kill -9`.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use shipway_host::load::{self, PathShare, Plan, Report};
use tokio_util::sync::CancellationToken;

use crate::{
    rig::free_port,
    world::{World, wait_for},
};

const QUICK: &str = "drain = \"5s\"\nstop_timeout = \"5s\"\n";

/// Load on a service for as long as it is wanted: kept-alive connections, and a share of long requests.
struct Load {
    stop: CancellationToken,
    thread: thread::JoinHandle<Report>,
}

impl Load {
    fn start(port: u16, rate: Option<f64>) -> Self {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let thread = thread::spawn(move || {
            let mut plan = Plan::new(format!("http://127.0.0.1:{port}"));
            plan.connections = 16;
            plan.rate = rate;
            plan.paths = vec![
                PathShare { path: "/".to_owned(), weight: 400 },
                PathShare { path: "/slow".to_owned(), weight: 1 },
            ];
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(load::run(plan, stopped)).unwrap()
        });
        Self { stop, thread }
    }

    fn end(self) -> Report {
        self.stop.cancel();
        self.thread.join().unwrap()
    }
}

#[test]
fn twenty_switches_under_load_lose_no_request() {
    let mut world = World::new(QUICK);
    world.start_server();
    world.deploy();
    let load = Load::start(world.rig.port, None);
    for n in 2..=21 {
        world.commit(&format!("feat: version {n}"), json!({}));
        world.deploy();
    }
    let deadline = Instant::now() + Duration::from_secs(60);
    let wanted = 50_000;
    while requests(&world) < wanted {
        assert!(Instant::now() < deadline, "only {} requests in time", requests(&world));
        thread::sleep(Duration::from_millis(100));
    }
    let report = load.end();
    assert_eq!(report.failures(), 0, "{report:#?}");
    assert!(report.requests >= wanted, "{report:#?}");
    assert_eq!(world.keepers().len(), 1, "{:#?}", world.processes());
}

/// Requests that the edge has counted for the service, over the versions that it remembers.
fn requests(world: &World) -> u64 {
    let service = world.service();
    let traffic = service["traffic"].as_object().unwrap();
    traffic.values().filter_map(|counts| counts["requests"].as_u64()).sum()
}

#[test]
fn a_server_killed_at_fifty_moments_loses_no_request_and_leaves_nothing_behind() {
    let mut world = World::new(&format!("{QUICK}bake = \"100ms\"\n"));
    world.start_server();
    world.deploy();
    let started = Instant::now();
    world.commit("feat: how long one takes", json!({}));
    world.deploy();
    let usual = started.elapsed();
    let load = Load::start(world.rig.port, Some(500.0));
    let mut moments = Moments(20_261_121);
    for n in 0..50 {
        world.commit(&format!("feat: round {n}"), json!({}));
        let mut client = world.rig.command(&["deploy", "production", "--detach"]).spawn().unwrap();
        // WHY: the moment is drawn, it waits for nothing.
        thread::sleep(usual.mul_f64(moments.next_fraction()));
        // WHY: first, since a client that finds no server starts one. What was accepted is what counts.
        client.kill().unwrap();
        client.wait().unwrap();
        world.kill_server();
        world.start_server();
        let deployment = world.ended();
        let outcome = deployment["outcome"].as_str().unwrap();
        assert!(["Succeeded", "FailedClean"].contains(&outcome), "round {n}: {deployment:#}");
        wait_for("the lock to be free", || world.lock_is_free().then_some(()));
        assert!(world.rig.serving().is_some(), "round {n}: nothing serves");
        wait_for("one release's processes", || (world.keepers().len() == 1).then_some(()));
    }
    let report = load.end();
    assert_eq!(report.failures(), 0, "{report:#?}");
    let lines = world.processes();
    // One edge, one keeper, and the service's one process.
    assert_eq!(lines.len(), 3, "{lines:#?}");
}

/// Fractions of the usual time, drawn from a seed.
struct Moments(u64);

impl Moments {
    fn next_fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(self.0 >> 32).unwrap()) / f64::from(u32::MAX)
    }
}

#[test]
fn a_second_deployment_is_refused_while_one_runs_and_another_environment_proceeds() {
    let mut world = World::new(QUICK);
    world.start_server();
    let bake = "[environments.production.services.web]\nbake = \"60s\"\n";
    let staging = format!("[environments.staging.services.web]\nport = {}\n", free_port());
    world.rig.configure(&format!("{QUICK}{bake}{staging}"));
    world.commit("feat: watched for a minute", json!({}));
    world.run(&["deploy", "production", "--detach"]).ends(0);
    let first = world.newest().unwrap()["id"].as_str().unwrap().to_owned();
    world.commit("feat: second", json!({}));
    world.run(&["deploy", "production"]).ends(5).says(&["locked", &first, "since", "hint:", "shipway"]);
    let broken = ["lock", "break", "production", "--reason", "out of the way"];
    world.run(&broken).ends(5).says(&["locked", &first]);
    world.run(&["deploy", "staging"]).ends(0);
    world.run(&["halt", &first, "--reason", "the test is over"]).ends(0);
}

/// Deploys a first version, starts a second one and halts it in `state`.
fn halt_in(state: &str) {
    let mut world = World::new(QUICK);
    world.start_server();
    let first = world.deploy();
    let span = |here: &str| if state == here { "60s" } else { "10ms" };
    world.rig.configure(&format!(
        "{QUICK}bake = \"{}\"\nshift = [{{ percent = 10, hold = \"{}\" }}]\n",
        span("Bake"),
        span("Shift"),
    ));
    world.commit("feat: second", json!({"start_millis": if state == "CheckHealthy" { 60_000 } else { 0 }}));
    let mut client = world.rig.command(&["deploy", "production"]).spawn().unwrap();
    let id = wait_for(state, || {
        let deployment = world.newest()?;
        let is_there = deployment["id"] != first["id"] && deployment["state"] == state;
        is_there.then(|| deployment["id"].as_str().map(str::to_owned))?
    });
    let asked = Instant::now();
    world.run(&["halt", &id, "--reason", "a test"]).ends(0);
    let deployment = world.ended();
    assert_eq!(deployment["outcome"], "Halted", "{deployment:#}");
    // The promise: 5 s, and what the service asks for: drain and stop_timeout, 5 s each.
    assert!(asked.elapsed() < Duration::from_secs(15), "{deployment:#}");
    assert_eq!(client.wait().unwrap().code(), Some(6));
    assert!(world.lock_is_free());
    let served = world.service();
    assert_eq!(served["version"], first["release"]["version"], "{served:#}");
    assert!(world.rig.serving().is_some());
    assert_eq!(world.keepers().len(), 1, "{:#?}", world.processes());
}

#[test]
fn a_halt_while_it_becomes_healthy_ends_halted_and_clean() {
    halt_in("CheckHealthy");
}

#[test]
fn a_halt_while_traffic_moves_ends_halted_and_clean() {
    halt_in("Shift");
}

#[test]
fn a_halt_while_it_is_watched_ends_halted_and_clean() {
    halt_in("Bake");
}

#[test]
fn a_bad_release_is_rolled_back_by_itself_and_harms_only_its_share() {
    let mut world =
        World::new(&format!("{QUICK}bake = \"5s\"\nshift = [{{ percent = 10, hold = \"5s\" }}]\n"));
    world.start_server();
    world.deploy();
    let load = Load::start(world.rig.port, Some(400.0));
    world.commit("fix: breaks a path", json!({"broken": ["/"]}));
    let bad = world.run(&["deploy", "production"]);
    let report = load.end();
    bad.ends(6).says(&["GateError"]);
    let deployment = world.newest().unwrap();
    assert_eq!(deployment["outcome"], "FailedClean");
    assert!(world.lock_is_free());
    assert_eq!(world.keepers().len(), 1);
    let failed = report.failures();
    assert!(failed > 0 && failed * 5 < report.requests, "{report:#?}");
    let why = world.run(&["why"]).ends(0).stdout;
    assert!(why.contains("Shift") && why.contains("GateError"), "{why}");
}

#[test]
fn a_rollback_brings_the_version_before_back() {
    let mut world = World::new(QUICK);
    world.start_server();
    let first = world.deploy();
    world.commit("feat: second", json!({}));
    let second = world.deploy();
    assert_ne!(first["release"]["version"], second["release"]["version"]);
    world.run(&["rollback", "production", "--reason", "a test", "--yes"]).ends(0);
    let service = world.service();
    assert_eq!(service["version"], first["release"]["version"], "{service:#}");
}
