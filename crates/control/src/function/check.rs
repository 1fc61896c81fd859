//! What settings of a function must keep. Pure: whether the code is there is the runner's to say.

use super::{Runtime, Settings, Variables};
use crate::app::Error;

/// The longest time-out of a call, as Lambda has it.
pub const TIMEOUT_SECONDS_MAX: u32 = 900;
/// Calls of one function at once.
pub const CONCURRENCY_MAX: u32 = 100;
/// The longest handler, as Lambda has it.
pub const HANDLER_CHARS_MAX: usize = 128;
/// Names and values of all variables together. Lambda takes 4 KiB; certificates are longer.
pub const VARIABLES_BYTES_MAX: usize = 64 * 1024;
/// What a function may be told of its memory, as Lambda has it.
const MEMORY_MB: (u32, u32) = (128, 10_240);
/// Characters of a name.
const NAME_CHARS_MAX: usize = 64;
/// Variables that are the runtime's.
const RESERVED: &[&str] =
    &["_HANDLER", "_X_AMZN_TRACE_ID", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "SHIPWAY_FUNCTION_PROCESS"];
/// What such variables begin with.
const RESERVED_PREFIX: &str = "AWS_LAMBDA_";

/// Checks a function's name: `[a-zA-Z0-9_-]{1,64}`.
pub fn check_name(name: &str) -> Result<(), Error> {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if is_plain && (1..=NAME_CHARS_MAX).contains(&name.len()) {
        return Ok(());
    }
    let reason = format!("`{name}` is no name of a function");
    Err(bad("name", reason, "use letters, digits, `-` and `_`, 64 characters at most"))
}

impl Settings {
    /// Checks everything but the code.
    pub fn check(&self) -> Result<(), Error> {
        if !self.directory.is_absolute() {
            let reason = format!("`{}` is no absolute path", self.directory.display());
            return Err(bad("directory", reason, "name the directory from the root on"));
        }
        within("timeout_seconds", self.timeout_seconds, (1, TIMEOUT_SECONDS_MAX))?;
        within("concurrency", self.concurrency, (1, CONCURRENCY_MAX))?;
        within("memory_mb", self.memory_mb, MEMORY_MB)?;
        self.check_handler()?;
        self.env.check()
    }

    fn check_handler(&self) -> Result<(), Error> {
        let handler = &self.handler;
        if handler.len() > HANDLER_CHARS_MAX
            || handler.contains(|c: char| c.is_whitespace() || c.is_control())
        {
            let reason = format!("`{handler}` is no handler");
            let hint = format!("{HANDLER_CHARS_MAX} characters at most, without spaces");
            return Err(bad("handler", reason, &hint));
        }
        let parts = handler.rsplit_once('.');
        let is_whole = parts.is_some_and(|(file, name)| !file.is_empty() && !name.is_empty());
        let hint = match self.runtime {
            Runtime::Provided => return Ok(()),
            Runtime::Python => "write it as module.function, such as app.handler",
            Runtime::Node => "write it as file.export, such as index.handler",
        };
        if is_whole { Ok(()) } else { Err(bad("handler", format!("`{handler}` is no handler"), hint)) }
    }
}

impl Variables {
    fn check(&self) -> Result<(), Error> {
        for (name, value) in &self.0 {
            let field = format!("env.{name}");
            let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if RESERVED.contains(&name.as_str()) || name.starts_with(RESERVED_PREFIX) {
                return Err(bad(&field, format!("`{name}` is the runtime's own"), "choose another name"));
            }
            if !is_name {
                let reason = format!("`{name}` is no name of a variable");
                return Err(bad(&field, reason, "use letters, digits and `_`, not beginning with a digit"));
            }
            if value.contains('\0') {
                return Err(bad(&field, "the value has a NUL character".to_owned(), "leave it out"));
            }
        }
        let bytes: usize = self.0.iter().map(|(name, value)| name.len() + value.len()).sum();
        if bytes <= VARIABLES_BYTES_MAX {
            return Ok(());
        }
        let reason = format!("the variables have {bytes} bytes, at most {VARIABLES_BYTES_MAX} are taken");
        Err(bad("env", reason, "let the function read what is long from a file"))
    }
}

fn within(field: &str, value: u32, (least, most): (u32, u32)) -> Result<(), Error> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(bad(field, format!("{value} is out of range"), &format!("{least} to {most}")))
}

fn bad(field: &str, reason: String, hint: &str) -> Error {
    Error::Bad { field: field.to_owned(), reason, hint: Some(hint.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            runtime: Runtime::Python,
            handler: "app.handler".to_owned(),
            directory: "/srv/app".into(),
            timeout_seconds: 3,
            concurrency: 1,
            memory_mb: 128,
            env: Variables::default(),
        }
    }

    fn field(settings: &Settings) -> Option<String> {
        match settings.check() {
            Ok(()) => None,
            Err(Error::Bad { field, hint, .. }) => {
                assert!(hint.is_some(), "{field} has a hint");
                Some(field)
            }
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let with = |change: fn(&mut Settings)| {
            let mut settings = settings();
            change(&mut settings);
            field(&settings)
        };
        assert_eq!(field(&settings()), None);
        for (change, expected) in [
            ((|s| s.directory = "app".into()) as fn(&mut Settings), "directory"),
            (|s| s.timeout_seconds = 0, "timeout_seconds"),
            (|s| s.timeout_seconds = 901, "timeout_seconds"),
            (|s| s.concurrency = 0, "concurrency"),
            (|s| s.memory_mb = 64, "memory_mb"),
            (|s| s.handler = "app".into(), "handler"),
            (|s| s.handler = "app.".into(), "handler"),
            (|s| s.handler = "a b.c".into(), "handler"),
            (|s| drop(s.env.0.insert("AWS_LAMBDA_X".into(), String::new())), "env.AWS_LAMBDA_X"),
            (|s| drop(s.env.0.insert("_HANDLER".into(), String::new())), "env._HANDLER"),
            (|s| drop(s.env.0.insert("A-B".into(), String::new())), "env.A-B"),
            (|s| drop(s.env.0.insert("A".into(), "\0".into())), "env.A"),
            (|s| drop(s.env.0.insert("A".into(), "x".repeat(VARIABLES_BYTES_MAX))), "env"),
        ] {
            assert_eq!(with(change).as_deref(), Some(expected));
        }
        assert_eq!(with(|s| (s.runtime, s.handler) = (Runtime::Provided, String::new())), None);
        assert_eq!(with(|s| s.handler = "src/lib.app.handler".into()), None);
    }

    #[test]
    fn names_are_lambdas() {
        for good in ["a", "A_b-9", &"x".repeat(64)] {
            check_name(good).unwrap();
        }
        for bad in ["", "a.b", "a/b", "..", "ä", &"x".repeat(65)] {
            check_name(bad).unwrap_err();
        }
    }
}
