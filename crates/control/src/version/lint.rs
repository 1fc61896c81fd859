//! The strict rule for titles, for a required check on pull requests. Reading a merged message is never this strict.

use super::message::{Message, strip_merge_head};

/// Longest title that is accepted, in characters.
pub const TITLE_CHARS_MAX: usize = 100;

/// Why a title is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TitleError {
    /// There is none.
    #[error("the title is empty; write `type: what changed`, such as `fix: refuse an empty name`")]
    Empty,
    /// It has no `type:`.
    #[error(
        "the title `{title}` does not begin with a type; write it as `fix: ...`, `feat: ...` or `chore: ...`"
    )]
    NoType {
        /// The title.
        title: String,
    },
    /// The type is none that is known.
    #[error("`{kind}` is not a known type; known are {known}")]
    UnknownType {
        /// The type.
        kind: String,
        /// Those known, as text.
        known: String,
    },
    /// The blank after the colon is missing, or there is more than one.
    #[error("put exactly one blank after the colon of `{title}`")]
    NoBlank {
        /// The title.
        title: String,
    },
    /// The type has capitals.
    #[error("write the type in lower case: `{kind}`")]
    UpperCase {
        /// The type in lower case.
        kind: String,
    },
    /// It ends with a full stop.
    #[error("leave out the full stop at the end")]
    FullStop,
    /// It is too long.
    #[error("the title has {chars} characters; {TITLE_CHARS_MAX} are allowed")]
    TooLong {
        /// How many it has.
        chars: usize,
    },
}

/// Types that a title may have, besides those of the rules' table.
pub const TYPES: &[&str] =
    &["build", "chore", "ci", "docs", "feat", "fix", "perf", "refactor", "revert", "style", "test"];

/// Checks a title. `more` are further types, those of the configured table.
pub fn lint_title<'a>(title: &str, more: impl IntoIterator<Item = &'a str>) -> Result<Message, TitleError> {
    let title = strip_merge_head(title).lines().next().unwrap_or_default().trim();
    if title.is_empty() {
        return Err(TitleError::Empty);
    }
    let message = Message::parse(title);
    let Some(kind) = message.kind.clone() else {
        return Err(TitleError::NoType { title: title.to_owned() });
    };
    check_kind(&kind, more)?;
    check_form(title, &kind)?;
    Ok(message)
}

fn check_kind<'a>(kind: &str, more: impl IntoIterator<Item = &'a str>) -> Result<(), TitleError> {
    let mut known: Vec<&str> = TYPES.iter().copied().chain(more).collect();
    if known.contains(&kind) {
        return Ok(());
    }
    known.sort_unstable();
    known.dedup();
    let known = known.iter().map(|kind| format!("`{kind}`")).collect::<Vec<_>>().join(", ");
    Err(TitleError::UnknownType { kind: kind.to_owned(), known })
}

fn check_form(title: &str, kind: &str) -> Result<(), TitleError> {
    if !title.starts_with(kind) {
        return Err(TitleError::UpperCase { kind: kind.to_owned() });
    }
    let after_scope = title.find(')').filter(|_| title[kind.len()..].starts_with('(')).unwrap_or(0);
    let after_colon =
        title.get(after_scope..).and_then(|rest| rest.split_once(':')).map_or("", |(_, rest)| rest);
    if !after_colon.starts_with(' ') || after_colon.starts_with("  ") {
        return Err(TitleError::NoBlank { title: title.to_owned() });
    }
    if title.ends_with('.') && !title.ends_with("...") {
        return Err(TitleError::FullStop);
    }
    match title.chars().count() {
        chars if chars > TITLE_CHARS_MAX => Err(TitleError::TooLong { chars }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[test]
    fn good_titles_pass() {
        for title in [
            "fix: a",
            "feat(web)!: drop v1",
            "revert: feat: x",
            "chore(deps): bump a:b to 2",
            "docs(a:b): c",
            "sec: patch it",
        ] {
            lint_title(title, ["sec"]).unwrap();
        }
    }

    #[track_caller]
    fn check(title: &str, expect: &Expect) {
        expect.assert_eq(&lint_title(title, []).unwrap_err().to_string());
    }

    #[test]
    fn a_refused_title_is_told_why() {
        check(
            " ",
            &expect!["the title is empty; write `type: what changed`, such as `fix: refuse an empty name`"],
        );
        check(
            "Fixed the thing",
            &expect![
                "the title `Fixed the thing` does not begin with a type; write it as `fix: ...`, `feat: ...` or `chore: ...`"
            ],
        );
        check(
            "fixx: a",
            &expect![
                "`fixx` is not a known type; known are `build`, `chore`, `ci`, `docs`, `feat`, `fix`, `perf`, `refactor`, `revert`, `style`, `test`"
            ],
        );
        check("fix:a", &expect!["put exactly one blank after the colon of `fix:a`"]);
        check("Fix: a", &expect!["write the type in lower case: `fix`"]);
        check("fix: a.", &expect!["leave out the full stop at the end"]);
        check(&format!("fix: {}", "a".repeat(96)), &expect!["the title has 101 characters; 100 are allowed"]);
    }
}
