//! Runs the `git` program. Knows nothing of what its answers mean.

use std::{
    io::{ErrorKind, Read},
    path::Path,
    process::{Command, Stdio},
};

use super::Error;

/// Most that is read of one answer.
const ANSWER_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Variables that would make git read another repository than that of the directory: what
/// `git rev-parse --local-env-vars` names, and those that change what it prints.
const VARIABLES: &[&str] = &[
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_ATTR_SOURCE",
    "GIT_CEILING_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DIFF_OPTS",
    "GIT_DIR",
    "GIT_EXTERNAL_DIFF",
    "GIT_GLOB_PATHSPECS",
    "GIT_GRAFT_FILE",
    "GIT_ICASE_PATHSPECS",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_LITERAL_PATHSPECS",
    "GIT_NAMESPACE",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_TRACE",
    "GIT_WORK_TREE",
];

/// Settings of a user that would change the answers, or run programs.
const SETTINGS: &[&str] = &[
    "core.attributesFile=/dev/null",
    "core.autocrlf=false",
    "core.eol=lf",
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.quotePath=false",
    "i18n.logOutputEncoding=UTF-8",
    "log.showSignature=false",
    "tar.umask=0022",
];

/// Takes the variables away that a surrounding git would have set.
pub(super) fn without_git_variables(command: &mut Command) -> &mut Command {
    for variable in VARIABLES {
        command.env_remove(variable);
    }
    command
}

/// A git command in `dir`, ready to be run.
pub(super) fn command(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(dir).args(["--no-pager", "--no-replace-objects"]);
    for setting in SETTINGS {
        command.args(["-c", setting]);
    }
    without_git_variables(&mut command)
        .args(arguments)
        .env("GIT_ATTR_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command
}

/// How a git command that ended badly is told.
pub(super) fn failure(arguments: &[&str], stderr: &[u8]) -> Error {
    let text = String::from_utf8_lossy(stderr);
    let message = text.trim().trim_start_matches("fatal: ").to_owned();
    Error::Git { command: arguments.first().copied().unwrap_or_default().to_owned(), message }
}

/// Runs git, gives each piece of its output to `sink`, and waits for it.
pub(super) fn stream(
    dir: &Path,
    arguments: &[&str],
    sink: &mut dyn FnMut(&mut dyn Read) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut stderr = tempfile::tempfile().map_err(Error::io("cannot make a temporary file in", "/tmp"))?;
    let target = stderr.try_clone().map_err(Error::io("cannot use a temporary file in", "/tmp"))?;
    let mut child = command(dir, arguments).stderr(target).spawn().map_err(not_started)?;
    let result = match child.stdout.take() {
        Some(mut stdout) => sink(&mut stdout),
        None => Ok(()),
    };
    if result.is_err() {
        // WHY: nobody reads on, so it would end by itself only at its next write.
        child.kill().ok();
    }
    let status = child.wait().map_err(not_started)?;
    result?;
    if status.success() {
        return Ok(());
    }
    let mut message = Vec::new();
    std::io::Seek::rewind(&mut stderr).ok();
    stderr.take(64 * 1024).read_to_end(&mut message).ok();
    Err(failure(arguments, &message))
}

/// Runs git and gives what it printed.
pub(super) fn run(dir: &Path, arguments: &[&str]) -> Result<Vec<u8>, Error> {
    let mut answer = Vec::new();
    stream(dir, arguments, &mut |stdout| {
        let bytes = stdout.take(ANSWER_BYTES_MAX + 1).read_to_end(&mut answer).map_err(not_started)?;
        if bytes as u64 > ANSWER_BYTES_MAX {
            Err(failure(arguments, b"its answer is too long"))
        } else {
            Ok(())
        }
    })?;
    Ok(answer)
}

/// Runs git and gives what it printed, as text without the last line end.
pub(super) fn text(dir: &Path, arguments: &[&str]) -> Result<String, Error> {
    run(dir, arguments).map(|bytes| String::from_utf8_lossy(&bytes).trim_end().to_owned())
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn not_started(error: std::io::Error) -> Error {
    if error.kind() == ErrorKind::NotFound {
        Error::NoGit
    } else {
        Error::Git { command: String::new(), message: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variables_of_a_surrounding_git_are_taken_away() {
        let command = command(Path::new("/x"), &["log"]);
        let environment: Vec<_> = command.get_envs().collect();
        for variable in VARIABLES {
            assert!(environment.contains(&(std::ffi::OsStr::new(variable), None)), "{variable}");
        }
        assert!(environment.contains(&("GIT_TERMINAL_PROMPT".as_ref(), Some("0".as_ref()))));
    }

    #[test]
    fn a_missing_git_is_told_apart() {
        assert!(matches!(not_started(ErrorKind::NotFound.into()), Error::NoGit));
        assert!(matches!(not_started(ErrorKind::PermissionDenied.into()), Error::Git { .. }));
    }

    #[test]
    fn what_git_says_is_told_without_its_prefix() {
        let error = failure(&["log", "-z"], b"fatal: bad object x\n");
        assert_eq!(error.to_string(), "`git log` failed: bad object x");
    }

    #[test]
    fn git_knows_no_variable_of_a_repository_that_stays() {
        let local = text(Path::new("."), &["rev-parse", "--local-env-vars"]).unwrap();
        let kept: Vec<&str> = local.lines().filter(|name| !VARIABLES.contains(name)).collect();
        assert!(kept.is_empty(), "{kept:?}");
    }
}
