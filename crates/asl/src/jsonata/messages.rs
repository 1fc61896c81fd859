//! The wording of errors: the language's own, where the library says it otherwise.

use std::borrow::Cow;

/// A message in the language's words.
pub(super) fn worded(message: &str) -> Cow<'_, str> {
    match coded(message) {
        Some(("T1006", _)) => Cow::Borrowed("T1006: Attempted to invoke a non-function"),
        _ => Cow::Borrowed(message),
    }
}

/// The code and the rest of `T1006: Attempted to invoke a non-function`.
pub(super) fn coded(message: &str) -> Option<(&str, &str)> {
    let (code, rest) = message.split_once(": ")?;
    let mut bytes = code.bytes();
    let is_code = bytes.next().is_some_and(|first| first.is_ascii_uppercase())
        && bytes.len() == 4
        && bytes.all(|byte| byte.is_ascii_digit());
    is_code.then_some((code, rest))
}
