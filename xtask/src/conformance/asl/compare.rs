//! Compares what came out with what was recorded: exactly, but for the places that the recorder replaced. Knows
//! nothing of executions or tests of states.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::template;

/// What placeholders with a number stood for so far: the same one stands for the same text throughout.
#[derive(Clone, Default)]
pub struct Bound(BTreeMap<String, String>);

impl Bound {
    /// Whether the placeholder can stand for the text, and from now on does.
    pub fn stands_for(&mut self, placeholder: &str, text: &str) -> bool {
        // WHY: one without a number stands for every value of its kind.
        if !placeholder.contains(':') {
            return true;
        }
        self.0.entry(placeholder.to_owned()).or_insert_with(|| text.to_owned()) == text
    }
}

/// Where two values differ first, as `place: expected .., got ..`.
pub fn difference(at: &str, expected: &Value, actual: &Value, bound: &mut Bound) -> Result<(), String> {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => fields(at, expected, actual, bound),
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            left.iter().zip(right).enumerate().try_for_each(|(index, (left, right))| {
                difference(&format!("{at}/{index}"), left, right, bound)
            })
        }
        _ if expected == actual => Ok(()),
        (Value::String(text), _) if stands_for_value(at, text, actual) => Ok(()),
        (Value::String(left), Value::String(right)) if template::fits(left, right, bound) => Ok(()),
        _ => match payloads(at, expected, actual) {
            Some((expected, actual)) => difference(at, &expected, &actual, bound),
            None => Err(format!("{at}: expected {expected}, got {actual}")),
        },
    }
}

/// Both sides as JSON, at the places where a recording does not tell how JSON was written: spaces in the text of an
/// input or output (a case holds its input parsed) and in an error's cause (the recorder parsed what the task said).
fn payloads(at: &str, expected: &Value, actual: &Value) -> Option<(Value, Value)> {
    let is_payload = ["/input", "/output", "/Cause"].iter().any(|end| at.ends_with(end));
    let text = actual.as_str().filter(|_| is_payload)?;
    let actual: Value = serde_json::from_str(text).ok()?;
    let expected = match expected {
        Value::String(text) => serde_json::from_str(text).ok()?,
        parsed => parsed.clone(),
    };
    // WHY: a text within the text would be taken for the text itself.
    let is_text = expected.is_string() || actual.is_string();
    (!is_text).then_some((expected, actual))
}

fn fields(
    at: &str,
    expected: &Map<String, Value>,
    actual: &Map<String, Value>,
    bound: &mut Bound,
) -> Result<(), String> {
    for (name, expected) in expected {
        let Some(actual) = actual.get(name) else {
            return Err(format!("{at}/{name}: expected {expected}, got nothing"));
        };
        difference(&format!("{at}/{name}"), expected, actual, bound)?;
    }
    match actual.iter().find(|(name, _)| !expected.contains_key(*name)) {
        Some((name, actual)) => Err(format!("{at}/{name}: expected nothing, got {actual}")),
        None => Ok(()),
    }
}

/// Words that the recorder put in the place of a whole value that is no text, or of a whole output.
fn stands_for_value(at: &str, text: &str, actual: &Value) -> bool {
    match text {
        "RandomNumberGenerated" => actual.is_number(),
        "timestamp" => at.ends_with("/timestamp"),
        "map_run_arn" => {
            actual.as_str().is_some_and(|arn| arn.starts_with("arn:") && arn.contains(":mapRun:"))
        }
        // WHY: the recorder replaces an output that differs from run to run by the name of its place.
        _ => text.strip_suffix(".output").is_some_and(|parent| {
            parent.ends_with("EventDetails") && (at.ends_with(&format!("/{parent}/output")) || at == "output")
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "the macro gives values")]
    fn differ(expected: Value, actual: Value) -> String {
        difference("", &expected, &actual, &mut Bound::default()).err().unwrap_or_default()
    }

    #[test]
    fn values_differ_where_they_are_not_the_same() {
        assert_eq!(differ(json!({"a": [1, {"b": null}]}), json!({"a": [1, {"b": null}]})), "");
        assert_eq!(differ(json!({"a": [1, 2]}), json!({"a": [1, 3]})), "/a/1: expected 2, got 3");
        assert_eq!(differ(json!({"a": 1}), json!({})), "/a: expected 1, got nothing");
        assert_eq!(differ(json!({}), json!({"a": 1})), "/a: expected nothing, got 1");
        assert!(!differ(json!("[1]"), json!([1])).is_empty(), "a text is no list");
        assert!(!differ(json!("[1]"), json!("[ 1 ]")).is_empty(), "texts are compared as texts");
        assert!(!differ(json!(1), json!(1.0)).is_empty(), "1 is not written 1.0");
        assert!(!differ(json!([1]), json!([1, 2])).is_empty());
    }

    #[test]
    fn words_of_the_recorder_stand_for_their_kind_only() {
        assert_eq!(differ(json!("RandomNumberGenerated"), json!(7)), "");
        assert!(!differ(json!("RandomNumberGenerated"), json!("7")).is_empty());
        assert_eq!(differ(json!({"timestamp": "timestamp"}), json!({"timestamp": 1.5})), "");
        assert!(!differ(json!({"time": "timestamp"}), json!({"time": 1.5})).is_empty());
    }

    #[test]
    fn a_numbered_placeholder_stands_for_one_text() {
        assert_eq!(differ(json!(["<uuid:1>", "<uuid:1>"]), json!(["a", "a"])), "");
        assert!(!differ(json!(["<uuid:1>", "<uuid:1>"]), json!(["a", "b"])).is_empty());
        assert_eq!(differ(json!(["<name>", "<name>"]), json!(["a", "b"])), "");
    }
}
