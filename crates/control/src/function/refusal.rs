//! Why a call of a function is refused before its code runs: Lambda's names, statuses and, where they are known, words.

use crate::app::Error;

/// Bytes of a payload that is waited for, as Lambda has it.
pub const REQUEST_BYTES_MAX: usize = 6 * 1024 * 1024;
/// Bytes of a payload that is not waited for, as Lambda has it.
pub const EVENT_BYTES_MAX: usize = 1024 * 1024;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such function.
    #[error("Function not found: {arn}")]
    NotFound {
        /// As the caller named it.
        arn: String,
    },
    /// As many calls run as may, or as many wait.
    #[error("Rate Exceeded.")]
    Throttled,
    /// The payload is too large.
    #[error("{bytes} byte payload is too large for the {kind} invocation type (limit {limit} bytes)")]
    TooLarge {
        /// How large it is.
        bytes: usize,
        /// `RequestResponse` or `Event`.
        kind: &'static str,
        /// How large it may be.
        limit: usize,
    },
    /// The payload is no JSON.
    #[error("Could not parse request body into json: {reason}")]
    Content {
        /// What is wrong with it.
        reason: String,
    },
    /// A parameter that cannot be.
    #[error("{0}")]
    Parameter(String),
    /// The store or the machine failed.
    #[error("{0}")]
    Unavailable(String),
}

impl Refusal {
    /// Lambda's name of it.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "ResourceNotFoundException",
            Self::Throttled => "TooManyRequestsException",
            Self::TooLarge { .. } => "RequestTooLargeException",
            Self::Content { .. } => "InvalidRequestContentException",
            Self::Parameter(_) => "InvalidParameterValueException",
            Self::Unavailable(_) => "ServiceException",
        }
    }

    /// The status that Lambda answers with.
    pub const fn status(&self) -> u16 {
        match self {
            Self::NotFound { .. } => 404,
            Self::Throttled => 429,
            Self::TooLarge { .. } => 413,
            Self::Content { .. } | Self::Parameter(_) => 400,
            Self::Unavailable(_) => 500,
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}
