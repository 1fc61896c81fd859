//! Why a command failed: a code, a message, and what to do about it. Printing it is the output's part.

use std::error::Error;

use serde::Serialize;
use shipway_control::{app::Lock, config::ConfigError, source};
use shipway_server::wire::Problem;

use crate::exit::Code;

/// Why a command failed.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The exit code.
    pub code: Code,
    /// What is wrong, most important first; never empty.
    pub complaints: Vec<Complaint>,
    /// What kind of thing it is, finer than the exit code: `locked`, `not_found`, ...
    pub kind: Option<String>,
    /// The lock that stands in the way.
    pub lock: Option<Box<Lock>>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Complaint {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Place in the configuration or the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

/// A failure as `--json` shows it.
#[derive(Serialize)]
pub struct Report<'a> {
    code: &'static str,
    exit_code: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    errors: &'a [Complaint],
    #[serde(skip_serializing_if = "Option::is_none")]
    lock: Option<&'a Lock>,
}

impl Failure {
    /// A failure with this code.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let complaint = Complaint { message: message.into(), ..Complaint::default() };
        Self { code, complaints: vec![complaint], kind: None, lock: None }
    }

    /// Nothing more particular is known.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Code::Failed, message)
    }

    /// The user has to write something else.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Code::Usage, message)
    }

    /// Something was tried and an error came of it.
    pub fn of(operation: impl Into<String>, error: &dyn Error) -> Self {
        Self::failed(format!("{}: {}", operation.into(), with_sources(error)))
    }

    /// Ends the command without a word: nobody reads its output any more.
    pub fn closed_pipe() -> Self {
        Self { code: Code::Ok, complaints: Vec::new(), kind: None, lock: None }
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Some(first) = self.complaints.first_mut() {
            first.hint = Some(hint.into());
        }
        self
    }

    /// For `--json`.
    pub fn report(&self) -> Report<'_> {
        Report {
            code: self.code.name(),
            exit_code: self.code.number(),
            kind: self.kind.as_deref(),
            errors: &self.complaints,
            lock: self.lock.as_deref(),
        }
    }
}

/// An error and what caused it, in one line.
pub fn with_sources(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

impl From<Vec<ConfigError>> for Failure {
    fn from(errors: Vec<ConfigError>) -> Self {
        let complaints = errors.into_iter().map(complaint).collect();
        Self { code: Code::Usage, complaints, kind: Some("bad_config".to_owned()), lock: None }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        vec![error].into()
    }
}

fn complaint(error: ConfigError) -> Complaint {
    let field = (!error.key.is_empty()).then(|| error.key.clone());
    Complaint { message: error.to_string(), hint: error.hint, field }
}

impl From<source::Error> for Failure {
    fn from(error: source::Error) -> Self {
        let code = match error {
            source::Error::Git { .. } | source::Error::Io { .. } | source::Error::Build { .. } => {
                Code::Failed
            }
            _ => Code::Usage,
        };
        let failure = Self::new(code, with_sources(&error));
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let code = match problem.code.as_str() {
            "bad_request" | "too_large" | "unsupported_media_type" => Code::Usage,
            "locked" | "refused" | "unauthorized" | "forbidden_origin" => Code::Denied,
            _ => Code::Failed,
        };
        let hint = match problem.code.as_str() {
            "unauthorized" => Some("put the server's token into SHIPWAY_TOKEN".to_owned()),
            _ => problem.hint.or_else(|| problem.lock.as_deref().map(lock_hint)),
        };
        let complaint = Complaint { message: problem.detail, hint, field: problem.field };
        Self { code, complaints: vec![complaint], kind: Some(problem.code), lock: problem.lock }
    }
}

fn lock_hint(lock: &Lock) -> String {
    match &lock.holder {
        Some(holder) => format!("`shipway watch {holder}` shows it, `shipway halt {holder}` stops it"),
        None => format!("`shipway lock show {}` shows it", lock.key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(code: &str, lock: Option<Lock>) -> Problem {
        Problem {
            kind: "about:blank".to_owned(),
            title: "Title".to_owned(),
            status: 409,
            detail: "what happened".to_owned(),
            code: code.to_owned(),
            field: None,
            hint: None,
            lock: lock.map(Box::new),
        }
    }

    #[test]
    fn problems_have_documented_codes() {
        let cases = [
            ("bad_request", 2),
            ("locked", 5),
            ("refused", 5),
            ("unauthorized", 5),
            ("not_found", 1),
            ("unavailable", 1),
        ];
        for (code, number) in cases {
            assert_eq!(Failure::from(problem(code, None)).code.number(), number, "{code}");
        }
    }

    #[test]
    fn a_lock_tells_how_to_see_its_holder() {
        let lock = Lock {
            key: "acme/shop/production".to_owned(),
            holder: Some("shop-1".to_owned()),
            actor: Some("ana".to_owned()),
            reason: None,
            since: None,
            expires_at: None,
            token: 3,
        };
        let failure = Failure::from(problem("locked", Some(lock)));
        let hint = failure.complaints[0].hint.clone().unwrap();
        assert_eq!(hint, "`shipway watch shop-1` shows it, `shipway halt shop-1` stops it");
        let json = serde_json::to_value(failure.report()).unwrap();
        assert_eq!(
            (&json["code"], &json["exit_code"], &json["kind"]),
            (&"denied".into(), &5.into(), &"locked".into())
        );
        assert_eq!(json["lock"]["token"], 3);
    }
}
