//! The server is killed in each state of a deployment, under load: no request fails, nothing is lost or left.

use std::thread::JoinHandle;

use rustix::process::Signal;
use shipway_host::load::{PathShare, Plan, Report, run};
use tokio_util::sync::CancellationToken;

use crate::rig::{World, signal_to};

/// Where the server is killed.
const STATES: &[&str] = &[
    "Validate",
    "Lock",
    "ValidateResources",
    "Deploy",
    "CheckHealthy",
    "Shift",
    "Bake",
    "CleanUpSuccess",
    "ReleaseLock",
];

/// Constant load in the background.
struct Load {
    stop: CancellationToken,
    running: JoinHandle<Report>,
}

impl Load {
    fn start(port: u16) -> Self {
        let stop = CancellationToken::new();
        let share = |path: &str, weight| PathShare { path: path.to_owned(), weight };
        let plan = Plan {
            connections: 16,
            rate: Some(100.0),
            paths: vec![share("/", 9), share("/slow", 1)],
            ..Plan::new(format!("http://127.0.0.1:{port}"))
        };
        let stopped = stop.clone();
        let running = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(run(plan, stopped)).unwrap()
        });
        Self { stop, running }
    }

    fn stop(self) -> Report {
        self.stop.cancel();
        self.running.join().unwrap()
    }
}

#[test]
fn a_killed_server_costs_no_request_and_no_deployment() {
    let world = World::new();
    world.run(&["deploy"]).ends(0);
    let load = Load::start(world.port);
    world.configure("shift = [{ percent = 50, hold = \"300ms\" }]\nbake = \"300ms\"\n");
    for (round, state) in STATES.iter().enumerate() {
        world.write("service.json", &format!("{{\"greeting\": \"{state}\"}}"));
        world.commit(&format!("feat: survive {state}"));
        let mut deploy = world.start(&["deploy"]);
        deploy.hear(&format!("Z {state}\n"));
        signal_to(world.server(), Signal::KILL);
        let mut server = world.start(&["serve", "--background"]);
        server.hear("serving");
        deploy.end().ends(0);
        assert_eq!(world.serving(), Some(format!("0.{}.0", round + 2)), "after {state}");
        let lock = world.run(&["lock", "show", "--json"]).ends(0).json();
        assert_eq!(lock["holder"], serde_json::Value::Null, "after {state}");
        let status = world.run(&["status", "--json"]).ends(0).json();
        let running = status[0]["groups"].as_object().unwrap().values();
        let processes = running.flat_map(|group| group.as_array().unwrap());
        assert_eq!(processes.filter(|process| process["state"] == "running").count(), 1, "after {state}");
        server.detach();
    }
    let report = load.stop();
    assert_eq!(report.failed, std::collections::BTreeMap::new());
    assert!(report.requests > 100 && report.by_version.len() == STATES.len() + 1, "{:?}", report.by_version);
}
