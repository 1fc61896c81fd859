//! Makes a release of a commit: its configuration, version and artifact. Talks to no server.

use std::path::Path;

use shipway_control::{
    config::{Config, FILE_NAME},
    release::Release,
    source::{self, Packed, Repo},
    version,
};
use shipway_engine::{Clock, SystemClock};

use crate::{
    context::Context,
    failure::Failure,
    words::{clean, count, short},
};

/// What to make a release of.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The project's directory.
    pub dir: &'a Path,
    /// The environment, if one was named.
    pub environment: Option<&'a str>,
    /// Whether a work tree with changes is no reason to refuse.
    pub may_be_dirty: bool,
}

/// A release and the file that holds its artifact; the file goes when this does.
#[derive(Debug)]
pub struct Made {
    /// The release.
    pub release: Release,
    /// Its artifact.
    pub artifact: tempfile::TempPath,
    /// The artifact's size.
    pub bytes: u64,
}

/// Makes a release of the commit that is checked out.
pub fn make(cx: &Context, wanted: Wanted<'_>) -> Result<Made, Failure> {
    let repo = Repo::open(wanted.dir)?;
    let head = repo.head()?;
    check_clean(cx, &repo, wanted.may_be_dirty)?;
    let config = config_of(cx, &repo, &head.sha)?;
    let environment = config.environment(wanted.environment)?.to_owned();
    let procfile = match config.needs_procfile(&environment)? {
        true => repo.file(&head.sha, "Procfile")?,
        false => None,
    };
    let services = config.release_services_with(&environment, procfile.as_deref())?;
    let timeout = config.timeout(&environment)?;
    let versioned = version::of_head(&repo, &config.rules)?;
    let (artifact, packed) = pack(cx, &repo, &config, &versioned.commit)?;
    let commit = versioned.commit;
    cx.out.say(&format!(
        "{}/{environment} {} {} \"{}\" ({}, {} KiB)",
        config.project,
        versioned.version,
        short(&commit.sha),
        clean(&commit.subject, 60),
        count(packed.files, "file"),
        packed.bytes.div_ceil(1024),
    ));
    let created_at = cx.now();
    let release = Release {
        release_id: release_id(created_at),
        project_name: config.project,
        config_name: environment,
        version: versioned.version.to_string(),
        commit: commit.sha,
        subject: clean(&commit.subject, 1_000),
        author: clean(&commit.author, 200),
        artifact_sha256: packed.sha256,
        created_at,
        timeout,
        metadata: std::collections::BTreeMap::new(),
        services,
    };
    Ok(Made { release, artifact, bytes: packed.bytes })
}

/// Only what is committed is deployed; whoever has changed something since is told so.
fn check_clean(cx: &Context, repo: &Repo, may_be_dirty: bool) -> Result<(), Failure> {
    match repo.check_clean() {
        Ok(()) => Ok(()),
        Err(error @ source::Error::Dirty { .. }) if may_be_dirty => {
            cx.out.warn(&format!("{error}; only the commit is deployed"));
            Ok(())
        }
        Err(error @ source::Error::Dirty { .. }) => Err(Failure::usage(error.to_string())
            .hint("commit or stash the changes; --allow-dirty deploys the commit without them")),
        Err(error) => Err(error.into()),
    }
}

/// The configuration of the commit; that of the work tree as long as none is committed.
fn config_of(cx: &Context, repo: &Repo, commit: &str) -> Result<Config, Failure> {
    match repo.file(commit, FILE_NAME)? {
        Some(text) => Ok(Config::parse(&text, &repo.dir().join(FILE_NAME))?),
        None => {
            cx.out.warn(&format!("`{FILE_NAME}` is not committed yet; the one in the work tree is used"));
            Ok(Config::load(repo.dir())?)
        }
    }
}

fn pack(
    cx: &Context,
    repo: &Repo,
    config: &Config,
    commit: &source::Commit,
) -> Result<(tempfile::TempPath, Packed), Failure> {
    let failed = |error: std::io::Error| Failure::of("cannot make a temporary file", &error);
    let file = tempfile::Builder::new().prefix("shipway-").suffix(".tar").tempfile().map_err(failed)?;
    let artifact = file.into_temp_path();
    let packed = source::pack(repo, commit, &config.build, &artifact, &mut |bytes| cx.out.pass_on(bytes))?;
    Ok((artifact, packed))
}

/// `release-<time>-<7 random letters>`.
fn release_id(created_at: shipway_asl::Timestamp) -> String {
    let time = created_at.to_string().replace([':', '.'], "-");
    format!("release-{time}-{}", letters(SystemClock.entropy()))
}

/// Seven letters out of a random number.
fn letters(entropy: u64) -> String {
    let letter = |place: u32| {
        let digit = entropy / 26_u64.pow(place) % 26;
        char::from(b'a'.saturating_add(u8::try_from(digit).unwrap_or(0)))
    };
    (0..7).map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_id_has_time_and_letters() {
        let id = release_id(shipway_asl::Timestamp(0));
        let (time, letters) = id.rsplit_once('-').unwrap();
        assert_eq!(time, "release-1970-01-01T00-00-00-000Z");
        assert!(letters.len() == 7 && letters.bytes().all(|byte| byte.is_ascii_lowercase()));
    }

    #[test]
    fn letters_follow_the_number() {
        assert_eq!(letters(0), "aaaaaaa");
        assert_eq!(letters(27), "bbaaaaa");
        assert_eq!(letters(u64::MAX).len(), 7);
    }
}
