//! What is in the repository: commits, tags, files, and the artifact made of them. Changes nothing in it.
//!
//! Git is read through the `git` program that the user has, so that worktrees, sparse checkouts, partial clones and
//! settings behave as they know them. It never runs through a shell, never asks for a password, and does not see the
//! `GIT_*` variables of a hook that may have started us.

mod archive;
mod build;
mod detect;
mod git;
mod init;
mod paths;
mod repo;

use std::path::PathBuf;

pub use self::{
    archive::{ARTIFACT_BYTES_MAX, FILES_MAX, Packed, pack},
    detect::{Detected, DetectedService, Kind, detect},
    init::init_text,
    repo::{COMMITS_MAX, Commit, Repo, Tag},
};

/// Why the repository could not be read, or the artifact not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no `git` to run.
    #[error("the program `git` was not found")]
    NoGit,
    /// The directory lies in no repository.
    #[error("`{}` is not in a git repository", .0.display())]
    NotARepository(PathBuf),
    /// Nothing was committed yet.
    #[error("the repository in `{}` has no commit", .0.display())]
    NoCommit(PathBuf),
    /// There is no such commit.
    #[error("`{0}` names no commit of this repository")]
    UnknownCommit(String),
    /// Git said no.
    #[error("`git {command}` failed: {message}")]
    Git {
        /// What was asked.
        command: String,
        /// What it answered.
        message: String,
    },
    /// The clone does not reach far enough back.
    #[error("this clone is shallow: its history ends before the last version tag")]
    Shallow,
    /// There are more commits since the last tag than are read.
    #[error("more than {COMMITS_MAX} commits since the last version tag")]
    TooManyCommits,
    /// A build is only made of what is committed.
    #[error("{} from the commit, such as `{first}`", if *count == 1 { "1 tracked file differs".to_owned() } else { format!("{count} tracked files differ") })]
    Dirty {
        /// How many files.
        count: usize,
        /// One of them.
        first: String,
    },
    /// A build is made in the work tree, which holds another commit.
    #[error("commit `{wanted}` is to be built, but `{head}` is checked out")]
    NotCheckedOut {
        /// The commit asked for.
        wanted: String,
        /// The one that is there.
        head: String,
    },
    /// The build command failed.
    #[error("the build command `{command}` failed: {status}")]
    Build {
        /// The command.
        command: String,
        /// How it ended.
        status: String,
    },
    /// A path of `[build] paths` names nothing.
    #[error("`{path}` of `build.paths` does not exist")]
    MissingPath {
        /// The path as written.
        path: String,
    },
    /// A path of `[build] paths` leads out of the project.
    #[error("`{path}` of `build.paths` is not a path inside the project")]
    OutsidePath {
        /// The path as written.
        path: String,
    },
    /// The artifact would be too large.
    #[error("the artifact is larger than {} MiB", ARTIFACT_BYTES_MAX / 1024 / 1024)]
    TooLarge,
    /// The artifact would hold too many files.
    #[error("the artifact would hold more than {FILES_MAX} files")]
    TooManyFiles,
    /// Reading or writing a file failed.
    #[error("{operation} `{}`", .path.display())]
    Io {
        /// What was tried, such as `cannot read`.
        operation: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoGit => "install git, or put it on the PATH",
            Self::NotARepository(_) => "git init && git add . && git commit -m \"feat: first version\"",
            Self::NoCommit(_) => "git add . && git commit -m \"feat: first version\"",
            Self::Shallow => "git fetch --unshallow --tags",
            Self::TooManyCommits => "tag the version that runs now, such as: git tag v1.0.0 <commit>",
            Self::Dirty { .. } => "commit or stash the changes: what is deployed is what is committed",
            Self::NotCheckedOut { .. } => "check the commit out first, or deploy HEAD",
            Self::Build { .. } => {
                "its output is above; it runs with `sh -c` in the directory of shipway.toml"
            }
            Self::MissingPath { .. } => "does `build.command` make it? paths are relative to shipway.toml",
            Self::OutsidePath { .. } => "write a relative path without `..`",
            Self::TooLarge | Self::TooManyFiles => "name only what runs in `build.paths`",
            Self::UnknownCommit(_) => "git fetch, or check the id",
            Self::Git { .. } | Self::Io { .. } => return None,
        })
    }

    fn io(operation: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { operation, path, source }
    }
}
