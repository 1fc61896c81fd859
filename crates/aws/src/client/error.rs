//! Why a call failed, as data: what the service said, and which kind of failure it is.

use serde_json::{Map, Value};

use crate::protocol::Fault;

/// Which kind of failure it is: what decides whether trying again may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The service has no such action, or the input does not fit its model. Nothing was sent.
    Input,
    /// There are no credentials to sign with. Nothing was sent.
    Credentials,
    /// No answer came: no connection, a connection that broke, or a time-out. The call may have had its effect.
    Unreachable,
    /// The service asked for fewer calls.
    Throttled,
    /// The service failed by itself.
    Server,
    /// The service refused the call.
    Refused,
    /// The answer cannot be read, or is too large. The call had its effect.
    Unreadable,
}

impl Class {
    /// Whether the same call may succeed a moment later.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Unreachable | Self::Throttled | Self::Server)
    }
}

/// A call that failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("`{service}:{action}` failed{}: {message}", code_of(.code))]
pub struct CallError {
    /// As `aws-sdk:<service>:` calls it.
    pub service: String,
    /// As the model writes it, such as `GetObject`.
    pub action: String,
    /// The service's code, such as `NoSuchKey`; empty when the service said nothing.
    pub code: String,
    /// The error's shape in the model, when it has one.
    pub shape: Option<String>,
    /// What the service said, or what went wrong before.
    pub message: String,
    /// The members of the error's shape, such as `CancellationReasons`.
    pub details: Map<String, Value>,
    /// The status of the answer, if one came.
    pub status: Option<u16>,
    /// The service's id of the request.
    pub request_id: Option<String>,
    /// S3's second id.
    pub extended_request_id: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// Which kind of failure it is.
    pub class: Class,
}

fn code_of(code: &str) -> String {
    if code.is_empty() { String::new() } else { format!(" with `{code}`") }
}

impl CallError {
    pub(crate) fn new(service: &str, action: &str, class: Class, message: impl Into<String>) -> Self {
        Self {
            service: service.to_owned(),
            action: action.to_owned(),
            code: String::new(),
            shape: None,
            message: message.into(),
            details: Map::new(),
            status: None,
            request_id: None,
            extended_request_id: None,
            attempts: 0,
            class,
        }
    }

    pub(super) fn answered(service: &str, action: &str, status: u16, class: Class, fault: Fault) -> Self {
        Self {
            code: fault.code,
            shape: fault.shape,
            details: fault.details,
            status: Some(status),
            request_id: fault.request_id,
            extended_request_id: fault.extended_request_id,
            ..Self::new(service, action, class, fault.message)
        }
    }

    /// Whether the service gave one of these codes, or the error is of that shape.
    pub fn is(&self, code: &str) -> bool {
        self.code == code || self.shape.as_deref() == Some(code)
    }
}
