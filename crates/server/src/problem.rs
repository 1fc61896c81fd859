//! Kinds of problems and the one mapping from the application's errors to them.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use shipway_control::app::Error;

use crate::wire::{PROBLEM_JSON, Problem};

/// Where the kinds are explained.
const ERRORS: &str = "https://shipway.dev/errors/";

/// A kind of problem.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Its name: `code` and the end of `type`.
    pub code: &'static str,
    /// The HTTP status.
    pub status: StatusCode,
    /// What it is.
    pub title: &'static str,
}

macro_rules! kinds {
    ($($name:ident = $code:literal, $status:ident, $title:literal;)+) => {
        $(#[doc = $title] pub const $name: Kind = Kind { code: $code, status: StatusCode::$status, title: $title };)+
        /// All kinds, for the API document.
        pub const KINDS: &[Kind] = &[$($name),+];
    };
}

kinds! {
    BAD_REQUEST = "bad_request", BAD_REQUEST, "The request is not valid";
    UNAUTHORIZED = "unauthorized", UNAUTHORIZED, "A token is needed";
    FORBIDDEN_ORIGIN = "forbidden_origin", FORBIDDEN, "Another site may not do this";
    NOT_FOUND = "not_found", NOT_FOUND, "There is no such thing";
    METHOD_NOT_ALLOWED = "method_not_allowed", METHOD_NOT_ALLOWED, "The path does not know this method";
    LOCKED = "locked", CONFLICT, "The lock is held";
    REFUSED = "refused", CONFLICT, "The state of things does not allow it";
    TOO_LARGE = "too_large", PAYLOAD_TOO_LARGE, "The body is too large";
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The body has another media type";
    WRONG_HOST = "wrong_host", MISDIRECTED_REQUEST, "The server does not answer to this name";
    TOO_MANY_STREAMS = "too_many_streams", SERVICE_UNAVAILABLE, "There are too many event streams";
    UNAVAILABLE = "unavailable", SERVICE_UNAVAILABLE, "The store or host does not answer";
    TIMEOUT = "timeout", GATEWAY_TIMEOUT, "The request took too long";
}

impl Kind {
    /// A problem of this kind.
    pub fn because(self, detail: impl Into<String>) -> Problem {
        Problem {
            kind: format!("{ERRORS}{}", self.code),
            title: self.title.to_owned(),
            status: self.status.as_u16(),
            detail: detail.into(),
            code: self.code.to_owned(),
            field: None,
            hint: None,
            lock: None,
        }
    }
}

impl Problem {
    /// Names the place in the request.
    #[must_use]
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::Bad { field, hint, .. } => {
                Self { hint, field: Some(field), ..BAD_REQUEST.because(detail) }
            }
            Error::NotFound { .. } => NOT_FOUND.because(detail),
            Error::Locked(lock) => Self { lock: Some(lock), ..LOCKED.because(detail) },
            Error::Refused { hint, .. } => Self { hint, ..REFUSED.because(detail) },
            Error::Unavailable { .. } => UNAVAILABLE.because(detail),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let media_type = HeaderValue::from_static(PROBLEM_JSON);
        let mut response = (status, [(header::CONTENT_TYPE, media_type)], body).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
