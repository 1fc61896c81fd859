//! Data as people read it: JSON with line ends and indents, shortened where it is large, with a way to the whole.

use maud::{Markup, html};
use serde_json::Value;

/// Characters of a payload that a page shows.
pub const CHARS_MAX: usize = 12_000;
/// How deep JSON in texts is looked for.
const UNPACK_DEPTH_MAX: usize = 4;

/// A payload; `whole` is where all of it is.
pub fn show(value: &Value, whole: Option<&str>) -> Markup {
    show_text(&pretty(value), whole, CHARS_MAX)
}

/// A payload of which a page shows at most so many characters.
pub fn show_short(value: &Value, whole: Option<&str>, chars_max: usize) -> Markup {
    show_text(&pretty(value), whole, chars_max)
}

fn show_text(text: &str, whole: Option<&str>, chars_max: usize) -> Markup {
    let end = text.char_indices().nth(chars_max).map(|(end, _)| end);
    let shown = end.and_then(|end| text.get(..end)).unwrap_or(text);
    html! {
        pre tabindex="0" { (shown) @if end.is_some() { "…" } }
        @if end.is_some() {
            p.muted.small {
                "Cut after " (chars_max) " of " (text.chars().count()) " characters."
                @if let Some(whole) = whole { " " a href=(whole) { "All of it" } }
            }
        }
    }
}

/// JSON for people.
pub fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// What a text of AWS's history holds: JSON, or itself.
pub fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// A document in which texts that are JSON documents have become such.
pub fn unpacked(value: Value) -> Value {
    unpack(value, UNPACK_DEPTH_MAX)
}

fn unpack(value: Value, depth: usize) -> Value {
    match value {
        Value::String(text) if depth > 0 && text.trim_start().starts_with(['{', '[']) => {
            match serde_json::from_str(&text) {
                Ok(inner) => unpack(inner, depth.saturating_sub(1)),
                Err(_) => Value::String(text),
            }
        }
        Value::Array(items) => items.into_iter().map(|item| unpack(item, depth)).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name, unpack(value, depth))).collect()
        }
        other => other,
    }
}

/// A cause: a message if it has one, and what else it tells.
pub fn cause(text: &str, whole: Option<&str>, chars_max: usize) -> Markup {
    let value = unpacked(Value::String(text.to_owned()));
    let message = ["errorMessage", "Message", "message", "Cause"]
        .iter()
        .find_map(|name| value.get(name).and_then(Value::as_str))
        .filter(|message| !message.is_empty());
    match &value {
        Value::String(text) if text.is_empty() => html! {},
        Value::String(text) => html! { p.cause { (text) } },
        value => html! {
            @if let Some(message) = message { p.cause { (message) } }
            (show_short(value, whole, chars_max))
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_in_texts_is_unpacked() {
        let cause = json!({"Error": "E", "Cause": "{\"errorMessage\":\"no\",\"a\":\"[1]\"}"}).to_string();
        let told = json!({"Error": "E", "Cause": {"errorMessage": "no", "a": [1]}});
        assert_eq!(unpacked(Value::String(cause)), told);
        for text in ["{", "plain", "12", "{\"a\""] {
            assert_eq!(unpacked(json!(text)), json!(text));
        }
    }

    #[test]
    fn what_is_cut_is_cut_between_characters() {
        let html = show_short(&json!("üüüü"), Some("/whole"), 3).into_string();
        assert!(html.contains("\u{22}üü…") || html.contains("&quot;üü…"), "{html}");
        assert!(html.contains("href=\"/whole\""));
    }
}
