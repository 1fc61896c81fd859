//! What went wrong between the edge and a process: whether it may be tried again, and what the client is told. Pure.

use std::{error::Error as _, io};

use http::{Method, StatusCode};
use hyper_util::client::legacy;

/// Why a process gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// No connection: nothing was sent.
    Refused,
    /// No connection in time: nothing was sent.
    TimedOut,
    /// The connection broke before an answer; the process may have seen the request.
    Broken,
}

impl Failure {
    pub(super) fn of(error: &legacy::Error) -> Self {
        if !error.is_connect() {
            return Self::Broken;
        }
        let mut source = error.source();
        while let Some(error) = source {
            if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
            {
                return Self::TimedOut;
            }
            source = error.source();
        }
        Self::Refused
    }

    /// Whether the request may be sent to another process: never twice if it could have an effect twice.
    pub(super) fn may_retry(self, method: &Method) -> bool {
        match self {
            Self::Refused | Self::TimedOut => true,
            Self::Broken => method.is_idempotent(),
        }
    }

    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Refused | Self::Broken => StatusCode::BAD_GATEWAY,
            Self::TimedOut => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// For the client; names no process.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Refused => "the service refuses connections\n",
            Self::TimedOut => "the service does not accept connections in time\n",
            Self::Broken => "the service closed the connection before it answered\n",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_been_seen_is_repeated_only_if_idempotent() {
        for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::OPTIONS] {
            assert!(Failure::Broken.may_retry(&method), "{method}");
        }
        assert!(!Failure::Broken.may_retry(&Method::POST));
        assert!(!Failure::Broken.may_retry(&Method::PATCH));
        assert!(Failure::Refused.may_retry(&Method::POST));
    }
}
