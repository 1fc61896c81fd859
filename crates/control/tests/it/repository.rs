//! A git repository in a temporary directory, for tests.

use std::{path::Path, process::Command};

use shipway_control::source::Repo;

/// A repository with `main` checked out.
pub struct Repository {
    dir: tempfile::TempDir,
}

impl Repository {
    /// An empty one.
    pub fn new() -> Self {
        let repository = Self::bare_directory();
        repository.git(&["init", "--quiet", "-b", "main"]);
        repository
    }

    /// A directory without git.
    pub fn bare_directory() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn open(&self) -> Repo {
        Repo::open(self.path()).unwrap()
    }

    /// Runs git, with a fixed person and time.
    pub fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .arg("-C")
            .arg(self.path())
            .args([
                "-c",
                "user.name=Ana",
                "-c",
                "user.email=ana@example.invalid",
                "-c",
                "protocol.file.allow=always",
            ])
            .args(["-c", "commit.gpgSign=false", "-c", "tag.gpgSign=false"])
            .args(arguments)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_AUTHOR_DATE", "2026-01-02T03:04:05Z")
            .env("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z")
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub fn write(&self, path: &str, text: &str) -> &Self {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// Commits all there is; its id.
    pub fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }
}
