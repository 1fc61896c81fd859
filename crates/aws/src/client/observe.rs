//! What is told of every call, for traces, budgets and audits. Carries no input and no output, so no secret.

use std::time::Duration;

/// A call that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRecord {
    /// As `aws-sdk:<service>:` calls it.
    pub service: String,
    /// As the model writes it, such as `GetObject`.
    pub action: String,
    /// Where it was called.
    pub region: String,
    /// The service's id of the request.
    pub request_id: Option<String>,
    /// The status of the last answer, if one came.
    pub status: Option<u16>,
    /// The error's code, if it failed; empty when no answer came.
    pub code: Option<String>,
    /// How often it was sent.
    pub attempts: u32,
    /// From the first attempt to the last answer.
    pub duration: Duration,
}

/// Is told of every call when it has ended.
pub trait Observer: Send + Sync {
    /// A call has ended.
    fn called(&self, record: &CallRecord);
}

/// Hears nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn called(&self, _: &CallRecord) {}
}
