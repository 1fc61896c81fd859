//! What can be said about a shell command without running it. Pure, except for looking at the server's environment.

use std::ffi::{OsStr, OsString};

/// Where programs are looked for if the server has no `PATH`.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Words that the shell itself understands at the start of a command, and `exec` cannot run.
const SHELL_WORDS: &[&str] = &[
    "!", ".", ":", "[", "{", "alias", "bg", "break", "builtin", "case", "cd", "command", "continue", "do",
    "echo", "eval", "exec", "exit", "export", "false", "fg", "for", "getopts", "hash", "if", "jobs", "kill",
    "local", "printf", "pwd", "read", "readonly", "return", "set", "shift", "test", "time", "times", "trap",
    "true", "type", "ulimit", "umask", "unalias", "unset", "until", "wait", "while",
];

/// The program that a command starts first, as far as can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// A path: in the artifact, or absolute.
    Path(String),
    /// A name that is looked up in `PATH`.
    Name(String),
    /// Only the shell knows.
    Unknown,
}

/// The command for `/bin/sh -c`: the program takes the shell's place where that is possible, so that signals and
/// exit status are the program's own.
pub(crate) fn for_shell(command: &str) -> String {
    let is_simple = !command.contains([';', '&', '|', '(', ')', '{', '}', '\n', '`', '#']);
    let first = command.split_ascii_whitespace().next().unwrap_or_default();
    let is_program = !first.is_empty() && !first.contains(['=', '<', '>']) && !SHELL_WORDS.contains(&first);
    if is_simple && is_program { format!("exec {command}") } else { command.to_owned() }
}

/// Finds the program: the first word, after assignments and a leading `exec`.
pub(crate) fn program(command: &str) -> Program {
    let mut words = command.split_ascii_whitespace();
    let word = words.find(|word| *word != "exec" && !is_assignment(word)).unwrap_or_default();
    let word = word.trim_end_matches([';', '&', '|']);
    let is_plain = !word.is_empty() && !word.contains(|c: char| "$`\"'\\*?[]{}()<>|&;~#!".contains(c));
    match word {
        _ if !is_plain || SHELL_WORDS.contains(&word) => Program::Unknown,
        path if path.contains('/') => Program::Path(path.to_owned()),
        name => Program::Name(name.to_owned()),
    }
}

/// `PATH`, `HOME` and `LANG`: all that a process gets of the server's environment.
pub(crate) fn base_environment() -> Vec<(OsString, OsString)> {
    [("PATH", PATH), ("HOME", "/"), ("LANG", "C.UTF-8")]
        .map(|(name, default)| {
            let value = std::env::var_os(name).filter(|value| !value.is_empty());
            (name.into(), value.unwrap_or_else(|| default.into()))
        })
        .into()
}

/// The `PATH` that a service's processes get.
pub(crate) fn search_path(own: Option<&String>) -> OsString {
    let inherited = || base_environment().into_iter().find(|(name, _)| name == OsStr::new("PATH"));
    own.map(OsString::from).or_else(|| inherited().map(|(_, path)| path)).unwrap_or_default()
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_simple_command_takes_the_shells_place() {
        for (command, expected) in [
            ("./web --port $PORT", "exec ./web --port $PORT"),
            ("python3 -m http.server >log", "exec python3 -m http.server >log"),
            ("A=1 ./web", "A=1 ./web"),
            ("cd app && ./web", "cd app && ./web"),
            ("exec ./web", "exec ./web"),
            ("while true; do ./web; done", "while true; do ./web; done"),
        ] {
            assert_eq!(for_shell(command), expected);
        }
    }

    #[test]
    fn the_program_is_found_where_it_can_be() {
        for (command, expected) in [
            ("./bin/web --port $PORT", Program::Path("./bin/web".into())),
            ("A=1 B_2=x exec /usr/bin/env x", Program::Path("/usr/bin/env".into())),
            ("python3 app.py", Program::Name("python3".into())),
            ("cd app && ./web", Program::Unknown),
            ("$BIN/web", Program::Unknown),
            ("\"./my web\"", Program::Unknown),
            ("", Program::Unknown),
        ] {
            assert_eq!(program(command), expected, "{command}");
        }
    }
}
