//! One thing that lint has to say. Does not know how it is written.

use serde_json::{Value, json};
use shipway_asl::{
    Diagnostic, Severity,
    locate::{self, Span},
};

use crate::commands::machine::source::Unreadable;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The definition is refused, or the rule is denied.
    Error,
    /// Likely to go wrong.
    Warning,
    /// Worth knowing.
    Note,
}

impl Level {
    /// The level of what AWS finds.
    pub const fn of(severity: Severity) -> Self {
        match severity {
            Severity::Error => Self::Error,
            Severity::Warning => Self::Warning,
        }
    }

    /// The word for it, the same as in SARIF.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }

    /// The name by which all findings of the level are allowed or denied.
    pub const fn group(self) -> Option<&'static str> {
        match self {
            Self::Error => None,
            Self::Warning => Some("warnings"),
            Self::Note => Some("notes"),
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// A rule's id, or AWS's code.
    pub code: String,
    /// How bad it is.
    pub level: Level,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// JSON pointer.
    pub pointer: String,
    /// The place in the text.
    pub span: Option<Span>,
}

impl Finding {
    /// A finding of AWS's.
    pub fn aws(diagnostic: &Diagnostic) -> Self {
        Self {
            code: diagnostic.code.clone(),
            level: Level::of(diagnostic.severity),
            message: diagnostic.message.clone(),
            hint: None,
            pointer: diagnostic.pointer.clone(),
            span: None,
        }
    }

    /// The text is no JSON or YAML.
    pub fn unreadable(unreadable: &Unreadable) -> Self {
        let at = |offset| locate::position(&unreadable.text, offset);
        let start = at(unreadable.offset);
        let end = at(start.offset.saturating_add(1));
        Self {
            code: "INVALID_JSON_DESCRIPTION".to_owned(),
            level: Level::Error,
            message: unreadable.message.clone(),
            hint: None,
            pointer: String::new(),
            span: Some(Span { start, end }),
        }
    }

    /// Line, column, and the line and column behind its end; the start of the file if it has no place.
    pub fn region(&self) -> [usize; 4] {
        self.span
            .map_or([1, 1, 1, 1], |span| [span.start.line, span.start.column, span.end.line, span.end.column])
    }

    /// The finding for `--json`.
    pub fn document(&self, file: &str) -> Value {
        let [line, column, end_line, end_column] = self.region();
        json!({
            "file": file,
            "line": line,
            "column": column,
            "end_line": end_line,
            "end_column": end_column,
            "severity": self.level.word(),
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "location": self.pointer,
        })
    }
}
