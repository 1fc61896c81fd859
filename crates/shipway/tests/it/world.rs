//! A world whose server the test owns: starts it, kills it, and asks it over its API.

use std::{
    fs::{self, File},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::rig::{self, Ran, get, processes_in};

/// No condition of these tests takes longer.
const DEADLINE: Duration = Duration::from_secs(60);

/// A repository, a data directory, and maybe a server.
pub struct World {
    server: Option<Child>,
    /// What everything else is done with.
    pub rig: rig::World,
}

/// Looks until `condition` gives something; panics with `what` after [`DEADLINE`].
#[track_caller]
pub fn wait_for<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(Instant::now() < deadline, "never came: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

impl World {
    /// A repository whose service has these settings besides a command, a port and a health check.
    pub fn new(settings: &str) -> Self {
        let world = Self { server: None, rig: rig::World::new() };
        world.rig.configure(settings);
        world.commit("feat: first", json!({}));
        world
    }

    /// Commits a service that behaves as `service` says.
    pub fn commit(&self, message: &str, mut service: Value) {
        service["greeting"] = json!(message);
        self.rig.write("service.json", &service.to_string());
        self.rig.commit(message);
    }

    /// Runs the command to its end.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.rig.run(arguments)
    }

    /// Deploys to production, which succeeds; gives the deployment.
    #[track_caller]
    pub fn deploy(&self) -> Value {
        self.run(&["deploy", "production"]).ends(0);
        let deployment = self.newest().unwrap();
        assert_eq!(deployment["outcome"], "Succeeded", "{deployment:#}");
        deployment
    }

    /// Starts the server and waits until it answers.
    pub fn start_server(&mut self) {
        self.start_server_at("127.0.0.1:0");
    }

    /// Starts the server at an address and waits until it answers.
    pub fn start_server_at(&mut self, address: &str) {
        let log = File::options().create(true).append(true).open(self.rig.path().join("serve.log")).unwrap();
        let mut command = self.rig.command(&["serve", "--listen", address]);
        let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let pid = u64::from(child.id());
        self.server = Some(child);
        wait_for("the server's answer", || {
            (self.record()?["pid"] == pid).then_some(())?;
            self.get("/v1/health")
        });
    }

    /// Kills the server as a crash would.
    pub fn kill_server(&mut self) {
        let mut server = self.server.take().unwrap();
        server.kill().unwrap();
        server.wait().unwrap();
    }

    fn record(&self) -> Option<Value> {
        serde_json::from_slice(&fs::read(self.rig.data().join("server.json")).ok()?).ok()
    }

    /// The server's URL, without a slash at its end.
    pub fn url(&self) -> String {
        self.record().unwrap()["url"].as_str().unwrap().trim_end_matches('/').to_owned()
    }

    /// The server's token.
    pub fn token(&self) -> String {
        self.record().unwrap()["token"].as_str().unwrap().to_owned()
    }

    /// The server's port.
    pub fn server_port(&self) -> Option<u16> {
        self.record()?["url"].as_str()?.trim_end_matches('/').rsplit(':').next()?.parse().ok()
    }

    /// What the API answers to a GET; none if there is no answer or it is no JSON.
    pub fn get(&self, path: &str) -> Option<Value> {
        let answer = get(self.server_port()?, path)?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    }

    /// The newest deployment.
    pub fn newest(&self) -> Option<Value> {
        self.get("/v1/deployments?limit=1")?["deployments"].get(0).cloned()
    }

    /// Waits until the newest deployment has ended.
    #[track_caller]
    pub fn ended(&self) -> Value {
        wait_for("the deployment's end", || {
            let deployment = self.newest()?;
            (deployment["outcome"] != "Running").then_some(deployment)
        })
    }

    /// The service as the API shows it.
    pub fn service(&self) -> Value {
        self.get("/v1/services/shop/production/web").unwrap()
    }

    /// Whether nobody holds production's lock.
    pub fn lock_is_free(&self) -> bool {
        self.get("/v1/locks/shop/production").is_some_and(|lock| lock["holder"].is_null())
    }

    /// Command lines of all processes of this world but the server.
    pub fn processes(&self) -> Vec<String> {
        let mut lines = processes_in(&self.rig.path());
        lines.retain(|line| !line.contains(" serve "));
        lines
    }

    /// Command lines of the keepers: one for each release that runs.
    pub fn keepers(&self) -> Vec<String> {
        let mut lines = self.processes();
        lines.retain(|line| line.contains(" keeper "));
        lines
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if thread::panicking() {
            let log = fs::read_to_string(self.rig.path().join("serve.log")).unwrap_or_default();
            eprintln!("--- the server's log\n{log}");
        }
        self.rig.run(&["down"]);
        if let Some(server) = &mut self.server {
            // It has ended by itself after `down`, or it ends now.
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}
