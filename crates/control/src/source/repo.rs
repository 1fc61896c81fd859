//! Commits, tags and files of a repository, read only.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use semver::Version;
use shipway_asl::Timestamp;

use super::{Error, git};
use crate::version::tag_version;

/// Most commits that are read between a tag and the commit that gets a version.
pub const COMMITS_MAX: usize = 50_000;

/// Largest file that is read out of a commit.
const FILE_BYTES_MAX: usize = 1024 * 1024;

/// A directory in the work tree of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repo {
    dir: PathBuf,
}

/// A commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its full id.
    pub sha: String,
    /// Ids of its parents; none for the first one, and where a shallow clone ends.
    pub parents: Vec<String>,
    /// Name of who made it.
    pub author: String,
    /// When it was committed.
    pub time: Timestamp,
    /// First line of its message.
    pub subject: String,
    /// The whole message.
    pub message: String,
}

/// A tag that names a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Its name.
    pub name: String,
    /// The version it names.
    pub version: Version,
    /// Id of the commit it points at.
    pub sha: String,
}

impl Repo {
    /// The repository of a directory. The directory itself is the project: what lies beside it in the repository is
    /// not packed.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        if !dir.is_dir() {
            return Err(Error::NotARepository(dir.to_owned()));
        }
        match git::text(dir, &["rev-parse", "--is-inside-work-tree"]) {
            Ok(answer) if answer == "true" => Ok(Self { dir: dir.to_owned() }),
            Err(Error::Git { message, .. }) if !message.contains("not a git repository") => {
                Err(Error::Git { command: "rev-parse".to_owned(), message })
            }
            Ok(_) | Err(Error::Git { .. }) => Err(Error::NotARepository(dir.to_owned())),
            Err(error) => Err(error),
        }
    }

    /// The directory it was opened with.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The commit that is checked out.
    pub fn head(&self) -> Result<Commit, Error> {
        match self.commit("HEAD") {
            Err(Error::UnknownCommit(_)) => Err(Error::NoCommit(self.dir.clone())),
            other => other,
        }
    }

    /// The commit that a branch, tag or id names.
    pub fn commit(&self, name: &str) -> Result<Commit, Error> {
        let unknown = || Error::UnknownCommit(name.to_owned());
        let wanted = format!("{name}^{{commit}}");
        let sha =
            match git::text(&self.dir, &["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted]) {
                Ok(sha) => sha,
                Err(Error::Git { .. }) => return Err(unknown()),
                Err(error) => return Err(error),
            };
        self.log(&["--max-count=1", &sha])?.pop().ok_or_else(unknown)
    }

    /// Whether a commit comes before another one in its history, or is it; none if the repository lacks one of them.
    pub fn is_ancestor(&self, older: &str, newer: &str) -> Result<Option<bool>, Error> {
        for name in [older, newer] {
            match self.commit(name) {
                Ok(_) => {}
                Err(Error::UnknownCommit(_)) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        let count =
            git::text(&self.dir, &["rev-list", "--count", "--max-count=1", older, &format!("^{newer}")])?;
        Ok(Some(count == "0"))
    }

    /// Tracked files that differ from the commit, staged or not.
    pub fn changed_files(&self) -> Result<Vec<String>, Error> {
        let status =
            git::run(&self.dir, &["status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=no"])?;
        let names = status.split(|byte| *byte == 0).filter_map(|entry| entry.get(3..));
        Ok(names.map(|name| String::from_utf8_lossy(name).into_owned()).collect())
    }

    /// Refuses a work tree whose tracked files differ from the commit.
    pub fn check_clean(&self) -> Result<(), Error> {
        let changed = self.changed_files()?;
        match changed.first() {
            Some(first) => Err(Error::Dirty { count: changed.len(), first: first.clone() }),
            None => Ok(()),
        }
    }

    /// Whether the clone holds only a part of the history.
    pub fn is_shallow(&self) -> Result<bool, Error> {
        git::text(&self.dir, &["rev-parse", "--is-shallow-repository"]).map(|answer| answer == "true")
    }

    /// Tags with the prefix that name a version and lead to `commit` or an ancestor of it, lowest version first.
    pub fn tags(&self, commit: &str, prefix: &str) -> Result<Vec<Tag>, Error> {
        let merged = format!("--merged={commit}");
        let format = "--format=%(refname:strip=2)%00%(objectname)%00%(*objectname)";
        let answer = git::text(&self.dir, &["for-each-ref", &merged, format, "refs/tags"])?;
        let mut tags: Vec<Tag> = answer.lines().filter_map(|line| parse_tag(line, prefix)).collect();
        tags.sort_by(|a, b| a.version.cmp(&b.version));
        Ok(tags)
    }

    /// The commits that lead to `commit` by first parents and that `base` does not hold, oldest first.
    pub fn first_parents(&self, base: Option<&str>, commit: &str) -> Result<Vec<Commit>, Error> {
        let limit = format!("--max-count={}", COMMITS_MAX + 1);
        let mut arguments = vec!["--first-parent", &limit, commit];
        let without = base.map(|base| format!("^{base}"));
        arguments.extend(without.as_deref());
        let mut commits = self.log(&arguments)?;
        if commits.len() > COMMITS_MAX {
            return Err(Error::TooManyCommits);
        }
        commits.reverse();
        Ok(commits)
    }

    /// A file of a commit, by its path from the directory; none if the commit does not have it.
    pub fn file(&self, commit: &str, path: &str) -> Result<Option<String>, Error> {
        if git::run(&self.dir, &["ls-tree", "-z", commit, "--", path])?.is_empty() {
            return Ok(None);
        }
        let name = format!("{commit}:./{path}");
        let bytes = git::run(&self.dir, &["cat-file", "blob", &name])?;
        if bytes.len() > FILE_BYTES_MAX {
            let message = format!("`{path}` is larger than {FILE_BYTES_MAX} bytes");
            return Err(Error::Git { command: "cat-file".to_owned(), message });
        }
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Address of the remote `origin`, if there is one. May hold a password: not to be shown.
    pub(super) fn origin(&self) -> Option<String> {
        git::text(&self.dir, &["config", "--get", "remote.origin.url"]).ok().filter(|url| !url.is_empty())
    }

    fn log(&self, arguments: &[&str]) -> Result<Vec<Commit>, Error> {
        let mut all = vec!["log", "-z", "--no-color", "--no-notes", "--format=%H%x00%P%x00%an%x00%ct%x00%B"];
        all.extend_from_slice(arguments);
        all.push("--");
        let answer = git::run(&self.dir, &all)?;
        let fields: Vec<&[u8]> = answer.split(|byte| *byte == 0).collect();
        Ok(fields.chunks_exact(5).filter_map(parse_commit).collect())
    }
}

/// `name NUL object NUL peeled object`; the last is empty for a tag without a message.
fn parse_tag(line: &str, prefix: &str) -> Option<Tag> {
    let mut fields = line.split('\0');
    let (name, object, peeled) = (fields.next()?, fields.next()?, fields.next()?);
    let sha = if peeled.is_empty() { object } else { peeled };
    Some(Tag { name: name.to_owned(), version: tag_version(name, prefix)?, sha: sha.to_owned() })
}

fn parse_commit(fields: &[&[u8]]) -> Option<Commit> {
    let [sha, parents, author, time, message] = fields else { return None };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let message = text(message);
    Some(Commit {
        sha: text(sha),
        parents: text(parents).split_whitespace().map(str::to_owned).collect(),
        author: text(author),
        time: Timestamp(text(time).parse::<i64>().ok()?.saturating_mul(1_000)),
        subject: message.trim().lines().next().unwrap_or_default().to_owned(),
        message,
    })
}

/// A directory's own name.
pub(super) fn directory_name(dir: &Path) -> Option<String> {
    let full = std::fs::canonicalize(dir).ok()?;
    full.file_name().and_then(OsStr::to_str).map(str::to_owned)
}
