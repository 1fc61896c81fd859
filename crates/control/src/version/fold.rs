//! From commits to a version: one after another, or all at once. Pure; `version::of_head` brings the commits.

use semver::Version;

use super::{
    bump::{Bump, Rules, Zero},
    message::Message,
};

/// A commit as far as a version depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its id.
    pub sha: String,
    /// Its whole message.
    pub message: String,
}

/// What one commit did to the version: the answer to "why this version".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The commit's id.
    pub sha: String,
    /// The title that was judged.
    pub title: String,
    /// What it did.
    pub bump: Bump,
    /// Why, in words.
    pub reason: String,
    /// The version at this commit.
    pub version: Version,
}

/// What a commit asks for, before the rule for 0.x, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// How far it moves a version.
    pub bump: Bump,
    /// Why, in words.
    pub reason: String,
}

/// What one message asks for.
pub fn judge(message: &Message, rules: &Rules) -> Judgement {
    if message.is_breaking {
        return Judgement { bump: Bump::Major, reason: "breaking change".to_owned() };
    }
    let kind = message.kind.as_deref().or_else(|| message.is_revert().then_some("revert"));
    match kind.map(|kind| (kind, rules.types.get(kind))) {
        Some((kind, Some(bump))) => Judgement { bump: *bump, reason: format!("type `{kind}`") },
        Some((kind, None)) => Judgement {
            bump: rules.default_bump,
            reason: format!("type `{kind}` is not in the table, `default_bump`"),
        },
        None => {
            Judgement { bump: rules.default_bump, reason: "no type in the title, `default_bump`".to_owned() }
        }
    }
}

/// The version at each commit, oldest first, each commit counted after the one before it.
///
/// The same commits give the same versions, wherever and however often this runs: two runs for two commits in a row
/// never claim one version, as long as `default_bump` is not `none`.
pub fn fold(base: &Version, changes: &[Change], rules: &Rules) -> Vec<Step> {
    let mut version = base.clone();
    changes
        .iter()
        .map(|change| {
            let message = Message::parse_merged(&change.message);
            let judgement = judge(&message, rules);
            let bump = rules.zero.limit(judgement.bump, &version);
            let reason = explain(&judgement, bump, rules.zero);
            version = bump.apply(&version);
            Step {
                sha: change.sha.clone(),
                title: title(change, &message),
                bump,
                reason,
                version: version.clone(),
            }
        })
        .collect()
}

fn title(change: &Change, message: &Message) -> String {
    let text = super::message::strip_merge_head(&change.message);
    text.lines().next().unwrap_or(&message.description).trim().to_owned()
}

fn explain(judgement: &Judgement, bump: Bump, zero: Zero) -> String {
    if judgement.bump == bump {
        format!("{}: {bump}", judgement.reason)
    } else {
        format!(
            "{}: {bump} instead of {}, since the version is 0.x and `zero = \"{zero}\"`",
            judgement.reason, judgement.bump
        )
    }
}

/// What all commits since the base ask for together: the highest of them.
///
/// A revert that names a commit among them takes both out of the count.
pub fn batch(base: &Version, changes: &[Change], rules: &Rules) -> (Bump, Version) {
    let messages: Vec<(&str, Message)> =
        changes.iter().map(|change| (change.sha.as_str(), Message::parse_merged(&change.message))).collect();
    let cancelled = cancelled(&messages);
    let bump = messages
        .iter()
        .filter(|(sha, _)| !cancelled.contains(sha))
        .map(|(_, message)| judge(message, rules).bump)
        .max()
        .unwrap_or_default();
    let bump = rules.zero.limit(bump, base);
    (bump, bump.apply(base))
}

/// Newest first, so that a revert that was itself reverted cancels nothing.
fn cancelled<'a>(messages: &[(&'a str, Message)]) -> Vec<&'a str> {
    let mut cancelled: Vec<&str> = Vec::new();
    for (at, (sha, message)) in messages.iter().enumerate().rev() {
        if cancelled.contains(sha) {
            continue;
        }
        let older = messages.get(..at).unwrap_or_default();
        let targets: Vec<&str> = older
            .iter()
            .map(|(sha, _)| *sha)
            .filter(|older| message.reverts.iter().any(|id| is_same_commit(id, older)))
            .collect();
        if !targets.is_empty() {
            cancelled.push(sha);
            cancelled.extend(targets);
        }
    }
    cancelled
}

/// Whether two ids, either of them shortened, are of one commit.
fn is_same_commit(a: &str, b: &str) -> bool {
    a.len().min(b.len()) >= 7 && (a.starts_with(b) || b.starts_with(a))
}

#[cfg(test)]
mod tests;
