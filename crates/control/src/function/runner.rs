//! The port to whoever runs functions' code: one call, what became of it, and what was written meanwhile.

use async_trait::async_trait;

use super::{Function, Refusal, Settings};
use crate::{
    app::Error,
    host::{LogPage, LogQuery},
};

/// One call, as the code sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// The call's id.
    pub request_id: String,
    /// JSON.
    pub payload: Vec<u8>,
    /// JSON that the caller tells of itself.
    pub client_context: Option<String>,
    /// The ARN that was called.
    pub arn: String,
    /// As X-Ray writes it.
    pub trace_id: String,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What the code answered, or the error as JSON.
    pub payload: Vec<u8>,
    /// Whether it failed.
    pub is_failure: bool,
    /// The end of what was written meanwhile.
    pub log_tail: Vec<u8>,
}

/// Why there is no outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfinished {
    /// As many calls run as may.
    #[error("as many calls run as may")]
    Busy,
    /// The machine refuses, or stops.
    #[error("{0}")]
    Machine(String),
}

impl From<Unfinished> for Refusal {
    fn from(unfinished: Unfinished) -> Self {
        match unfinished {
            Unfinished::Busy => Self::Throttled,
            Unfinished::Machine(reason) => Self::Unavailable(reason),
        }
    }
}

/// How much of a function is in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Use {
    /// Processes that run.
    pub processes: usize,
    /// Calls that run.
    pub busy: usize,
}

/// Runs functions' code.
#[async_trait]
pub trait Runner: Send + Sync + 'static {
    /// Whether the code can be started as far as can be told: directory, interpreter, `bootstrap`.
    fn check(&self, settings: &Settings) -> Result<(), Error>;
    /// Runs a call to its end, also when nobody waits for it any more.
    async fn invoke(&self, function: &Function, invocation: Invocation) -> Result<Outcome, Unfinished>;
    /// Returns when a call may find a place again.
    async fn place_freed(&self, name: &str);
    /// Ends processes of the function but those of the revision `keep`; calls under way end first.
    fn retire(&self, name: &str, keep: Option<&str>);
    /// Takes the function's log off the disk.
    async fn forget(&self, name: &str);
    /// How much of it is in use.
    fn usage(&self, name: &str) -> Use;
    /// Lines that the function wrote.
    async fn logs(&self, name: &str, query: &LogQuery) -> Result<LogPage, Error>;
}
