//! A data directory with a host on it, and small artifacts to run. What still runs at the end of a test is
//! stopped.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use sha2::{Digest, Sha256};
use shipway_control::{
    Millis,
    host::{FencingToken, Group, GroupId, Host, HostError, LogQuery, Process, ProcessState, StartGroup},
};
use shipway_host::{Config, LocalHost};

pub use crate::edge_kit::until;

/// Keeper, trampoline and service.
pub const FIXTURE: &str = env!("CARGO_BIN_EXE_shipway-host-fixture");

pub const TOKEN: FencingToken = FencingToken(1);

/// A service that lives until it is told to stop.
pub const SLEEPER: &str = "exec sleep 1000";

/// A host on a data directory.
pub struct Machine {
    pub dir: Arc<tempfile::TempDir>,
    pub host: LocalHost,
}

impl Machine {
    pub fn new() -> Self {
        Self::on(Arc::new(tempfile::tempdir().unwrap()))
    }

    /// As after a restart of the server.
    pub fn on(dir: Arc<tempfile::TempDir>) -> Self {
        let mut config = Config::new(dir.path(), FIXTURE);
        config.artifact_grace = Duration::ZERO;
        let host = LocalHost::new(config).unwrap();
        Self { dir, host }
    }

    pub fn again(&self) -> Self {
        Self::on(Arc::clone(&self.dir))
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Takes in an artifact with these files; `run` and whatever starts with `bin/` is executable.
    pub async fn artifact(&self, files: &[(&str, &str)]) -> String {
        let tar = tar(files);
        let sha256 = hex::encode(Sha256::digest(&tar));
        let upload = self.host.artifact_upload().await.unwrap();
        fs::write(&upload, &tar).unwrap();
        self.host.keep_artifact(&upload, &sha256).await.unwrap();
        sha256
    }

    /// What to start so that `./run` is this script.
    pub async fn script(&self, release: &str, script: &str) -> StartGroup {
        let script = format!("#!/bin/sh\n{script}\n");
        let artifact_sha256 = self.artifact(&[("run", &script)]).await;
        StartGroup {
            group: id(release),
            version: "1.2.3".into(),
            artifact_sha256,
            command: "./run".into(),
            env: BTreeMap::new(),
            processes: 1,
            needs_port: true,
            stop_timeout: Millis(5_000),
        }
    }

    pub async fn start(&self, start: &StartGroup) -> Group {
        self.host.start_group(start, TOKEN).await.unwrap()
    }

    pub async fn stop(&self, start: &StartGroup) {
        self.host.stop_group(&start.group, TOKEN).await.unwrap();
    }

    pub async fn group(&self, start: &StartGroup) -> Group {
        let groups = self.host.groups(&start.group.project, &start.group.environment).await.unwrap();
        groups.into_iter().find(|group| group.id == start.group).unwrap()
    }

    /// The first process of a group.
    pub async fn process(&self, start: &StartGroup) -> Process {
        self.group(start).await.processes.remove(0)
    }

    /// All that a group has said.
    pub async fn said(&self, start: &StartGroup) -> Vec<String> {
        let query = LogQuery { lines: 10_000, ..LogQuery::default() };
        let page = self.host.logs(&start.group, &query).await.unwrap();
        page.lines.into_iter().map(|line| line.text).collect()
    }

    pub async fn has_said(&self, start: &StartGroup, text: &str) {
        until(async || self.said(start).await.iter().any(|line| line == text)).await;
    }

    /// A file in the directory that the processes run in.
    pub fn app(&self, start: &StartGroup, name: &str) -> PathBuf {
        self.group_dir(start).join("app").join(name)
    }

    pub fn group_dir(&self, start: &StartGroup) -> PathBuf {
        let id = &start.group;
        self.path()
            .join("groups")
            .join(id.project.replace('/', "~"))
            .join(&id.environment)
            .join(&id.service)
            .join(&id.release_id)
    }

    pub fn keeper(&self, start: &StartGroup) -> u32 {
        keeper_of(&self.group_dir(start)).unwrap()
    }

    /// Kills a group's keeper, and returns when it is gone.
    pub async fn kill_keeper(&self, start: &StartGroup) {
        let keeper = self.keeper(start);
        kill(keeper, Signal::KILL);
        until(async || !is_alive(keeper)).await;
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if Arc::strong_count(&self.dir) > 1 {
            return;
        }
        let mut level = vec![self.path().join("groups")];
        for _ in 0..4 {
            level = level
                .iter()
                .filter_map(|dir| fs::read_dir(dir).ok())
                .flatten()
                .map(|e| e.unwrap().path())
                .collect();
        }
        for keeper in level.iter().filter_map(|dir| keeper_of(dir)) {
            // It stops all that it has started, with or without its directory.
            let _ = kill_process(pid(keeper), Signal::TERM);
        }
    }
}

fn keeper_of(dir: &Path) -> Option<u32> {
    let state: serde_json::Value = serde_json::from_slice(&fs::read(dir.join("state.json")).ok()?).ok()?;
    u32::try_from(state["keeper"]["pid"].as_u64()?).ok()
}

pub fn id(release: &str) -> GroupId {
    GroupId {
        project: "acme/shop".into(),
        environment: "production".into(),
        service: "web".into(),
        release_id: release.into(),
    }
}

pub fn tar(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(if *name == "run" || name.starts_with("bin/") { 0o755 } else { 0o644 });
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, name, content.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}

pub fn pid(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
}

pub fn kill(process: u32, signal: Signal) {
    kill_process(pid(process), signal).unwrap();
}

/// Dead ones that nobody has reaped do not count.
pub fn is_alive(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    test_kill_process(pid(process)).is_ok() && state.is_some_and(|state| state != 'Z' && state != 'X')
}

/// The pid that a script has written to a file.
pub async fn pid_in(path: &Path) -> u32 {
    let read = || fs::read_to_string(path).ok()?.strip_suffix('\n')?.parse::<u32>().ok();
    until(async || read().is_some()).await;
    read().unwrap()
}

pub fn is_running(process: &Process) -> bool {
    process.state == ProcessState::Running && process.pid.is_some_and(is_alive)
}

/// The field and the reason of a refusal.
pub fn bad_release<T: std::fmt::Debug>(result: Result<T, HostError>) -> (String, String) {
    match result.unwrap_err() {
        HostError::BadRelease { field, reason } => (field, reason),
        other => panic!("{other}"),
    }
}
