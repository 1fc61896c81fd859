//! Who may call the Step Functions API: the one seam for authentication. Today there is only "nobody" and, on the
//! loopback and at the operator's word, "everybody".

use std::net::SocketAddr;

use axum::extract::Request;
use http::{Method, StatusCode};

use super::fault::Fault;

/// The header that names the action.
pub const TARGET: &str = "x-amz-target";

/// Whose calls are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Admission {
    /// Nobody's: what cannot be checked is refused.
    #[default]
    Nobody,
    /// Everybody's who reaches the loopback.
    Everybody,
}

/// Whether a request is a call of this API.
pub fn is_call(request: &Request) -> bool {
    request.method() == Method::POST && request.uri().path() == "/" && request.headers().contains_key(TARGET)
}

/// Whether a call may go on.
pub fn admit(admission: Admission, listen: SocketAddr) -> Result<(), Fault> {
    match admission {
        Admission::Everybody if listen.ip().is_loopback() => Ok(()),
        Admission::Everybody | Admission::Nobody => Err(Fault {
            code: "MissingAuthenticationTokenException",
            message: "Missing Authentication Token".to_owned(),
            status: StatusCode::FORBIDDEN,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsigned_calls_are_taken_on_the_loopback_at_the_operators_word_only() {
        let loopback = ([127, 0, 0, 1], 1).into();
        assert!(admit(Admission::Everybody, loopback).is_ok());
        assert!(admit(Admission::Nobody, loopback).is_err());
        assert!(admit(Admission::Everybody, ([10, 0, 0, 1], 1).into()).is_err());
    }
}
