//! A user's world for a test: a data directory, a repository with a small service, a server, and who else runs there.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

/// No condition of these tests takes longer.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// A data directory, a repository, and maybe a server; everything ends with it.
pub struct World {
    root: TempDir,
    server: Option<Child>,
    /// The service's public port in `production`.
    pub port: u16,
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// Looks until `condition` gives something; panics with `what` after [`DEADLINE`].
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
    /// A world with an empty data directory and a repository whose service is configured by `settings`.
    pub fn new(settings: &str) -> Self {
        let world = Self { root: tempfile::tempdir().unwrap(), server: None, port: free_port() };
        fs::create_dir(world.repo()).unwrap();
        world.git(&["init", "-q", "-b", "main"]);
        world.configure(settings);
        world.commit("feat: first", json!({}));
        world
    }

    /// Writes `shipway.toml`: one service with these settings.
    pub fn configure(&self, settings: &str) {
        let toml = format!(
            "project = \"acme/shop\"\n\n[services.web]\ncommand = \"{} demo-service service.json\"\nport = {}\n{settings}",
            env!("CARGO_BIN_EXE_shipway"),
            self.port,
        );
        fs::write(self.repo().join("shipway.toml"), toml).unwrap();
    }

    pub fn data(&self) -> PathBuf {
        self.root.path().join("data")
    }

    pub fn repo(&self) -> PathBuf {
        self.root.path().join("repo")
    }

    fn git(&self, arguments: &[&str]) {
        let identity = ["-c", "user.name=Dana", "-c", "user.email=dana@example.com"];
        let output =
            Command::new("git").arg("-C").arg(self.repo()).args(identity).args(arguments).output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Commits a service that behaves as `service` says.
    pub fn commit(&self, message: &str, mut service: Value) {
        service["greeting"] = json!(message);
        fs::write(self.repo().join("service.json"), service.to_string()).unwrap();
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
    }

    /// The command line in this world.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shipway"));
        command.arg("--data-dir").arg(self.data()).current_dir(self.repo()).stdin(Stdio::null());
        for name in ["SHIPWAY_DATA_DIR", "SHIPWAY_SERVER", "SHIPWAY_LOG"] {
            command.env_remove(name);
        }
        command
    }

    /// Runs `shipway` with `arguments` to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    /// Runs `shipway` and gives its exit code and both outputs together.
    pub fn told(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments);
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned())
    }

    /// Starts the server and waits until it answers.
    pub fn start_server(&mut self) {
        self.start_server_at("127.0.0.1:0");
    }

    /// Starts the server at an address.
    pub fn start_server_at(&mut self, address: &str) {
        let log =
            fs::File::options().create(true).append(true).open(self.root.path().join("serve.log")).unwrap();
        let mut command = self.command();
        command.args(["serve", "--listen", address]).stdout(log.try_clone().unwrap()).stderr(log);
        self.server = Some(command.spawn().unwrap());
        let pid = self.server.as_ref().unwrap().id();
        wait_for("the server's answer", || {
            (self.endpoint()?.1 == pid).then_some(())?;
            self.get("/v1/health")
        });
    }

    /// Kills the server as a crash would.
    pub fn kill_server(&mut self) {
        let mut server = self.server.take().unwrap();
        server.kill().unwrap();
        server.wait().unwrap();
    }

    /// The server's log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.root.path().join("serve.log")).unwrap_or_default()
    }

    fn endpoint(&self) -> Option<(SocketAddr, u32)> {
        let text = fs::read_to_string(self.data().join("server.json")).ok()?;
        let file: Value = serde_json::from_str(&text).ok()?;
        let address =
            file["url"].as_str()?.trim_start_matches("http://").trim_end_matches('/').parse().ok()?;
        Some((address, u32::try_from(file["pid"].as_u64()?).ok()?))
    }

    /// The server's URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.endpoint().unwrap().0)
    }

    /// What the API answers to a GET; none if there is no answer or no success.
    pub fn get(&self, path: &str) -> Option<Value> {
        let body = http_get(self.endpoint()?.0, path)?;
        serde_json::from_str(&body).ok()
    }

    /// The newest deployment.
    pub fn newest(&self) -> Option<Value> {
        self.get("/v1/deployments?limit=1")?["deployments"].get(0).cloned()
    }

    /// Waits until the newest deployment has ended.
    pub fn ended(&self) -> Value {
        wait_for("the deployment's end", || {
            let deployment = self.newest()?;
            (deployment["outcome"] != "Running").then_some(deployment)
        })
    }

    /// What the service says of itself through the edge.
    pub fn served(&self) -> Option<String> {
        http_get(SocketAddr::from(([127, 0, 0, 1], self.port)), "/")
    }

    /// Processes of this world besides the server: `(pid, command line)`.
    pub fn processes(&self) -> Vec<(u32, String)> {
        let server = self.server.as_ref().map(Child::id);
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            let is_here = line.contains(&*self.root.path().to_string_lossy())
                || fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(self.data()));
            if is_here && !line.is_empty() && Some(pid) != server {
                found.push((pid, line));
            }
        }
        found
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.run(&["down"]);
        if let Some(server) = &mut self.server {
            let _ = server.kill();
            let _ = server.wait();
        }
        for (pid, _) in self.processes() {
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
        }
        if thread::panicking() {
            eprintln!("--- server's log\n{}", self.log());
        }
    }
}

fn http_get(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.lines().next()?.contains(" 200 ").then(|| body.to_owned())
}
