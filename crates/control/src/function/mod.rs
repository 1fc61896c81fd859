//! Functions: users' Lambda code on this machine. What a function is, where it is kept, who runs it (a port), and how it is
//! called. Runs nothing itself.

mod call;
mod catalogue;
mod check;
mod reference;
mod refusal;
mod runner;

use std::{collections::BTreeMap, fmt, path::PathBuf};

use serde::{Deserialize, Serialize};
use shipway_asl::Timestamp;

pub use self::{
    call::{Call, Done, Functions, Place},
    check::{CONCURRENCY_MAX, HANDLER_CHARS_MAX, TIMEOUT_SECONDS_MAX, VARIABLES_BYTES_MAX, check_name},
    reference::Reference,
    refusal::{EVENT_BYTES_MAX, REQUEST_BYTES_MAX, Refusal},
    runner::{Invocation, Outcome, Runner, Unfinished, Use},
};

/// Functions at most.
pub const FUNCTIONS_MAX: usize = 1_000;

/// What starts a function's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Runtime {
    /// `python3`, with a handler `module.function`.
    Python,
    /// `node`, with a handler `file.export`.
    Node,
    /// The directory's own `bootstrap`, which speaks the Lambda Runtime API.
    Provided,
}

impl Runtime {
    /// As settings name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Node => "node",
            Self::Provided => "provided",
        }
    }
}

/// Variables of a function's environment. WHY: a type of its own, so that no debug output shows the values.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Variables(pub BTreeMap<String, String>);

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What whoever registers a function says of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What starts it.
    pub runtime: Runtime,
    /// Which of the code is called; a custom runtime may do without.
    #[serde(default)]
    pub handler: String,
    /// Where the code is: an absolute path on the server's machine.
    pub directory: PathBuf,
    /// How long a call may take.
    #[serde(default = "default_timeout_seconds")]
    pub timeout_seconds: u32,
    /// How many calls may run at once.
    #[serde(default = "default_concurrency")]
    pub concurrency: u32,
    /// What the function is told of its memory; nobody enforces it.
    #[serde(default = "default_memory_mb")]
    pub memory_mb: u32,
    /// Its variables.
    #[serde(default)]
    pub env: Variables,
}

const fn default_timeout_seconds() -> u32 {
    3
}

const fn default_concurrency() -> u32 {
    10
}

const fn default_memory_mb() -> u32 {
    128
}

/// A function as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// What it is.
    pub settings: Settings,
    /// Changes with each registration: processes of another one are not used any more.
    pub revision: String,
    /// Who registered it.
    pub actor: String,
    /// When.
    pub registered_at: Timestamp,
    /// Until when it is there, if whoever registered it must say again and again that it shall stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leased_until: Option<Timestamp>,
}

impl Function {
    /// Whether it is there at this time.
    pub fn is_there(&self, now: Timestamp) -> bool {
        self.leased_until.is_none_or(|until| now < until)
    }
}

/// A function as people see it: of its variables the names only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionStatus {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// What starts it.
    pub runtime: Runtime,
    /// Which of the code is called.
    pub handler: String,
    /// Where the code is.
    pub directory: PathBuf,
    /// How long a call may take.
    pub timeout_seconds: u32,
    /// How many calls may run at once.
    pub concurrency: u32,
    /// What the function is told of its memory.
    pub memory_mb: u32,
    /// Names of its variables.
    pub env_names: Vec<String>,
    /// Changes with each registration.
    pub revision: String,
    /// Who registered it.
    pub actor: String,
    /// When.
    pub registered_at: Timestamp,
    /// Until when it is there, if it is not there for good.
    pub leased_until: Option<Timestamp>,
    /// Processes that run.
    pub processes: usize,
    /// Calls that run.
    pub busy: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_names_variables_and_shows_no_value() {
        let env = Variables([("TOKEN".to_owned(), "hidden".to_owned())].into());
        let text = format!("{env:?}");
        assert!(text.contains("TOKEN") && !text.contains("hidden"), "{text}");
    }

    #[test]
    fn settings_have_lambdas_defaults() {
        let settings: Settings =
            serde_json::from_str(r#"{"runtime": "python", "handler": "a.b", "directory": "/x"}"#).unwrap();
        assert_eq!((settings.timeout_seconds, settings.concurrency, settings.memory_mb), (3, 10, 128));
    }
}
