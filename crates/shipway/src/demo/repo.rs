//! The demo's repository: a web service in three commits. Written with the user's git, under a name of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::service::Behaviour;
use crate::failure::Failure;

/// The project.
pub const PROJECT: &str = "demo/shop";
/// The environment.
pub const ENVIRONMENT: &str = "production";
/// The path that the third commit breaks.
pub const BROKEN: &str = "/checkout";
/// Share of requests that the canary gets.
pub const CANARY_PERCENT: u64 = 20;

/// The repository.
#[derive(Debug)]
pub struct Repo {
    dir: PathBuf,
    port: u16,
    exe: String,
}

impl Repo {
    /// An empty repository for a service with this public port.
    pub fn new(dir: &Path, port: u16) -> Result<Self, Failure> {
        let exe = std::env::current_exe().map_err(|error| Failure::of("cannot find this program", &error))?;
        fs::create_dir_all(dir).map_err(|error| Failure::of("cannot make the demo's repository", &error))?;
        let exe = exe.to_string_lossy().replace('\'', r"'\''");
        let repo = Self { dir: dir.to_owned(), port, exe };
        repo.git(&["init", "--quiet", "--initial-branch=main"])?;
        Ok(repo)
    }

    /// Where it is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A service that works.
    pub fn first(&self) -> Result<(), Failure> {
        self.commit("feat: a shop that says hello", "hello", &[], "")
    }

    /// A feature, blue/green.
    pub fn second(&self) -> Result<(), Failure> {
        self.commit("feat: say good morning", "good morning", &[], "bake = \"1s\"\n")
    }

    /// A fix that breaks a path, with a canary.
    pub fn third(&self) -> Result<(), Failure> {
        let canary = format!("shift = [{{ percent = {CANARY_PERCENT}, hold = \"5s\" }}]\nbake = \"1s\"\n");
        self.commit("fix: count the money again", "good morning", &[BROKEN], &canary)
    }

    fn commit(&self, title: &str, greeting: &str, broken: &[&str], more: &str) -> Result<(), Failure> {
        let broken = broken.iter().map(|path| (*path).to_owned()).collect();
        let behaviour = Behaviour { greeting: greeting.to_owned(), broken, start_millis: 0 };
        let behaviour = serde_json::to_string_pretty(&behaviour)
            .map_err(|error| Failure::of("cannot write the service's file", &error))?;
        self.write("service.json", &behaviour)?;
        self.write("shipway.toml", &self.config(more))?;
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--no-gpg-sign", "--no-verify", "--message", title])
    }

    fn config(&self, more: &str) -> String {
        let (port, exe) = (self.port, &self.exe);
        format!(
            "project = \"{PROJECT}\"\n\n[services.web]\n\
             command = \"\"\"exec '{exe}' demo-service service.json\"\"\"\n\
             port = {port}\nprocesses = 2\nhealth = {{ path = \"/health\", interval = \"50ms\" }}\n\n\
             [environments.{ENVIRONMENT}]\n{more}"
        )
    }

    fn write(&self, name: &str, text: &str) -> Result<(), Failure> {
        let path = self.dir.join(name);
        fs::write(&path, text)
            .map_err(|error| Failure::of(format!("cannot write `{}`", path.display()), &error))
    }

    /// Settings of the user and variables of a hook must not reach in.
    fn git(&self, arguments: &[&str]) -> Result<(), Failure> {
        let mut git = Command::new("git");
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX"] {
            git.env_remove(name);
        }
        git.envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_SYSTEM", "/dev/null")]);
        git.args(["-c", "user.name=Ada Demo", "-c", "user.email=ada@demo.invalid"]);
        let output = git.args(arguments).current_dir(&self.dir).stdin(Stdio::null()).output();
        let output = output.map_err(|error| Failure::of("cannot run git", &error).hint("install git"))?;
        if output.status.success() {
            return Ok(());
        }
        let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(Failure::failed(format!("`git {}` failed: {words}", arguments.join(" "))))
    }
}
