//! A directory with a repository and a data directory of its own, and the command run in it.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// The command under test.
pub const EXE: &str = env!("CARGO_BIN_EXE_shipway");

/// Looks for something that must come; far more than it ever takes.
const LOOKS_MAX: usize = 500;

/// A directory of its own. What was started in it is stopped when it goes.
pub struct World {
    dir: tempfile::TempDir,
    /// Public port of the service.
    pub port: u16,
}

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    #[track_caller]
    pub fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.stderr.contains(word), "`{word}` is not in:\n{}", self.stderr);
        }
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

impl World {
    /// A repository with one commit of a service that works.
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("sw-").tempdir().unwrap();
        let world = Self { dir, port: free_port() };
        fs::create_dir_all(world.repo()).unwrap();
        world.git(&["init", "--quiet", "--initial-branch=main"]);
        world.write("service.json", r#"{"greeting": "one"}"#);
        world.write("run.sh", &format!("#!/bin/sh\nexec '{EXE}' demo-service service.json\n"));
        world.set_mode("run.sh", 0o755);
        world.configure("");
        world.commit("feat: one");
        world
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap()
    }

    pub fn repo(&self) -> PathBuf {
        self.path().join("repo")
    }

    pub fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// Writes `shipway.toml` with more keys of the service.
    pub fn configure(&self, more: &str) {
        let port = self.port;
        self.write(
            "shipway.toml",
            &format!(
                "project = \"shop\"\n\n[services.web]\ncommand = \"./run.sh\"\nport = {port}\n\
             health = {{ path = \"/health\", interval = \"50ms\", grace = \"5s\" }}\n{more}\n\
             [environments.production]\n"
            ),
        );
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.repo().join(name), text).unwrap();
    }

    pub fn set_mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.repo().join(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    pub fn commit(&self, title: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", title]);
    }

    pub fn git(&self, arguments: &[&str]) {
        let mut git = Command::new("git");
        self.environment(&mut git);
        git.args(["-c", "user.name=Ada", "-c", "user.email=ada@example.invalid"]);
        let output = git.args(arguments).current_dir(self.repo()).output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Nothing of the user's environment but where programs are.
    fn environment(&self, command: &mut Command) {
        let path = std::env::var_os("PATH").unwrap();
        command.env_clear().env("PATH", path).env("HOME", self.path()).env("TMPDIR", self.path());
        command.env("SHIPWAY_DATA_DIR", self.data()).env("SHIPWAY_ACTOR", "ana").env("NO_COLOR", "1");
        command.env("SHIPWAY_LISTEN", "127.0.0.1:0");
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    }

    /// The command, not run yet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(EXE);
        self.environment(&mut command);
        command.args(arguments).current_dir(self.repo()).stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    pub fn start(&self, arguments: &[&str]) -> Running {
        self.start_with(arguments, &[])
    }

    /// The same with more of an environment.
    pub fn start_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Running {
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied());
        Self::spawn(command)
    }

    /// Starts the command as a shell would after `first`, such as a limit.
    pub fn start_after(&self, first: &str, arguments: &[&str]) -> Running {
        let mut command = Command::new("sh");
        self.environment(&mut command);
        command.args(["-c", &format!("{first} && exec \"$@\""), "sh", EXE]).args(arguments);
        command.current_dir(self.repo()).stdin(Stdio::null());
        Self::spawn(command)
    }

    fn spawn(mut command: Command) -> Running {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Running { child, stderr, said: String::new() }
    }

    /// What can be seen of the environment: what serves, and how often it was deployed.
    pub fn seen(&self) -> (Option<String>, usize) {
        let history = self.run(&["history", "production", "--json"]).ends(0).json();
        (self.serving(), history.as_array().unwrap().len())
    }

    /// The version that answers.
    pub fn serving(&self) -> Option<String> {
        get(self.port, "/").and_then(|answer| {
            let line = answer.lines().find(|line| line.starts_with("x-shipway-version:"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        })
    }

    /// The pid of the server.
    pub fn server(&self) -> u32 {
        let record: Value =
            serde_json::from_slice(&fs::read(self.data().join("server.json")).unwrap()).unwrap();
        u32::try_from(record["pid"].as_u64().unwrap()).unwrap()
    }

    /// Asks again and again until the answer is what must come.
    #[track_caller]
    pub fn until(&self, arguments: &[&str], is_there: impl Fn(&Ran) -> bool) -> Ran {
        for _ in 0..LOOKS_MAX {
            let ran = self.run(arguments);
            if is_there(&ran) {
                return ran;
            }
        }
        panic!("{arguments:?} never says what it should: {:?}", self.run(arguments));
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.run(&["down"]);
        if std::thread::panicking() {
            return;
        }
        // WHY: a server that found another one at work may still be on its way out.
        let is_empty = (0..LOOKS_MAX).any(|_| {
            std::thread::yield_now();
            processes_in(&self.path()).is_empty()
        });
        assert!(is_empty, "left running: {:?}", processes_in(&self.path()));
    }
}

/// A command under way.
pub struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
    said: String,
}

impl Running {
    /// Reads its talk up to a line that has this.
    #[track_caller]
    pub fn hear(&mut self, word: &str) {
        let mut line = String::new();
        while self.stderr.read_line(&mut line).unwrap() > 0 {
            self.said.push_str(&line);
            if line.contains(word) {
                return;
            }
            line.clear();
        }
        panic!("it never said `{word}`:\n{}", self.said);
    }

    pub fn signal(&self, signal: Signal) {
        signal_to(self.child.id(), signal);
    }

    /// Lets it go on alone; what it says from here on is read and forgotten.
    pub fn detach(self) {
        let Self { mut child, mut stderr, .. } = self;
        std::thread::spawn(move || {
            std::io::copy(&mut stderr, &mut std::io::sink()).ok();
            child.wait().ok();
        });
    }

    pub fn end(mut self) -> Ran {
        self.stderr.read_to_string(&mut self.said).unwrap();
        let mut stdout = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        Ran { code, stdout, stderr: self.said }
    }
}

pub fn signal_to(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), signal).unwrap();
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The whole answer to a request, if somebody answers.
pub fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// Command lines of processes that have to do with a directory.
pub fn processes_in(dir: &Path) -> Vec<String> {
    let found = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let path = entry.ok()?.path();
        let stat = fs::read_to_string(path.join("stat")).ok()?;
        let cmdline = String::from_utf8_lossy(&fs::read(path.join("cmdline")).ok()?).replace('\0', " ");
        let cwd = fs::read_link(path.join("cwd")).unwrap_or_default();
        let is_over = stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z'));
        let is_there = cwd.starts_with(dir) || cmdline.contains(dir.to_str()?);
        (is_there && !is_over).then_some(cmdline)
    });
    found.collect()
}
