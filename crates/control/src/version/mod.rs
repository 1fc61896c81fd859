//! The version of a commit, out of the messages since the last version tag. Tags nothing.
//!
//! # The rule
//! The base is the highest version that a tag with the prefix gives to an ancestor of the commit. From there each
//! commit on the way of first parents moves the version of the one before it (`fold`), so that every commit has one
//! version, whoever computes it, when and how often. Without any tag the fold begins at 0.0.0 with the first commit:
//! the first `feat` is 0.1.0 (0.0.x before it). A commit that carries a version tag itself has that version.
//! `batch` is the other rule, for libraries: all commits since the tag make one release.

mod bump;
mod fold;
mod lint;
mod message;

use semver::Version;

pub use self::{
    bump::{Bump, Rules, Zero, is_release, tag_version},
    fold::{Change, Judgement, Step, batch, fold, judge},
    lint::{TITLE_CHARS_MAX, TYPES, TitleError, lint_title},
    message::{Footer, Message, strip_merge_head},
};
use crate::source::{Commit, Error, Repo, Tag};

/// A commit and its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned {
    /// The version.
    pub version: Version,
    /// The tag that was counted from, if there is one.
    pub tag: Option<Tag>,
    /// Whether that tag stands at the commit itself.
    pub is_tagged: bool,
    /// The commit.
    pub commit: Commit,
    /// What each commit since the tag did, oldest first.
    pub trail: Vec<Step>,
}

impl Versioned {
    /// Why this version, for a person: where it was counted from, by which rule, and what each commit did.
    pub fn explain(&self, rules: &Rules) -> String {
        let id = self.commit.sha.get(..10).unwrap_or(&self.commit.sha);
        let from = match &self.tag {
            Some(tag) if self.is_tagged => {
                return format!("{} is the tag `{}` of {id}\n", self.version, tag.name);
            }
            Some(tag) => format!("counted from tag `{}`", tag.name),
            None => format!("counted from 0.0.0: no tag `{}<version>` leads to it", rules.tag_prefix),
        };
        let mut text = format!("{} is the version of {id}, {from}\n", self.version);
        for step in &self.trail {
            let line = format!("  {:<10} {}  [{}]\n", step.version.to_string(), step.title, step.reason);
            text.push_str(&line);
        }
        if self.version.major == 0 {
            text.push_str(&format!("below 1.0.0 the rule is `zero = \"{}\"`\n", rules.zero));
        }
        text
    }
}

/// The version of the commit that is checked out.
pub fn of_head(repo: &Repo, rules: &Rules) -> Result<Versioned, Error> {
    of_commit(repo, repo.head()?, rules)
}

/// The version of a commit.
pub fn of_commit(repo: &Repo, commit: Commit, rules: &Rules) -> Result<Versioned, Error> {
    let tags = repo.tags(&commit.sha, &rules.tag_prefix)?;
    if let Some(tag) = tags.iter().rev().find(|tag| tag.sha == commit.sha).cloned() {
        return Ok(Versioned {
            version: tag.version.clone(),
            tag: Some(tag),
            is_tagged: true,
            commit,
            trail: vec![],
        });
    }
    let tag = tags.into_iter().next_back();
    let commits = repo.first_parents(tag.as_ref().map(|tag| tag.sha.as_str()), &commit.sha)?;
    check_reach(repo, &commits)?;
    let changes: Vec<Change> =
        commits.into_iter().map(|commit| Change { sha: commit.sha, message: commit.message }).collect();
    let base = tag.as_ref().map_or(Version::new(0, 0, 0), |tag| tag.version.clone());
    let trail = fold(&base, &changes, rules);
    let version = trail.last().map_or(base, |step| step.version.clone());
    Ok(Versioned { version, tag, is_tagged: false, commit, trail })
}

/// WHY: where a shallow clone ends, commits seem to have no parents. Reaching such a one means that commits, and
/// perhaps a tag, are missing, and the version would be wrong.
fn check_reach(repo: &Repo, commits: &[Commit]) -> Result<(), Error> {
    let reaches_end = commits.first().is_some_and(|oldest| oldest.parents.is_empty());
    if reaches_end && repo.is_shallow()? { Err(Error::Shallow) } else { Ok(()) }
}
