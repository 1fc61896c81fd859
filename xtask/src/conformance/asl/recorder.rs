//! What the recorder did to values, done to ours before they are compared: texts of objects parsed one level deep,
//! names of activities replaced, and what AWS has added since a case was recorded taken away.

use serde_json::Value;

/// The activity that stands for the placeholder `activity_arn`, which is no ARN and could not be run.
pub const ACTIVITY: &str = "arn:aws:states:us-east-1:111111111111:activity:activity_arn";

/// The day from which `$$.Execution` has a `RedriveCount`: year, month, day.
const REDRIVE: (&str, &str, &str) = ("2023", "11", "15");

/// How one case was recorded.
pub struct Recorder {
    is_before_redrive: bool,
}

impl Recorder {
    /// Reads when the case was recorded, `19-10-2025, 02:38:10`.
    pub fn new(data: &Value) -> Self {
        let recorded = data.pointer("/source/recorded").and_then(Value::as_str).unwrap_or_default();
        let parts: Vec<&str> = recorded.split([',', '-']).collect();
        let is_before_redrive =
            matches!(parts.as_slice(), [day, month, year, ..] if (*year, *month, *day) < REDRIVE);
        Self { is_before_redrive }
    }

    /// An answer of the API as the recorder would have stored it.
    pub fn stored(&self, answer: &Value) -> Value {
        parsed(&self.aged(answer))
    }

    /// A value as AWS would have made it when the case was recorded.
    pub fn aged(&self, value: &Value) -> Value {
        match value {
            Value::Object(fields) => {
                let is_added = |name: &str| {
                    self.is_before_redrive && name == "RedriveCount" && fields.contains_key("StartTime")
                };
                let kept = fields.iter().filter(|(name, _)| !is_added(name));
                kept.map(|(name, value)| (name.clone(), self.aged(value))).collect()
            }
            Value::Array(items) => items.iter().map(|item| self.aged(item)).collect(),
            Value::String(text) => self.aged_text(text).into(),
            _ => value.clone(),
        }
    }

    fn aged_text(&self, text: &str) -> String {
        let text = text.replace(ACTIVITY, "activity_arn");
        if self.is_before_redrive
            && text.contains("\"RedriveCount\"")
            && let Ok(value @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str::<Value>(&text)
        {
            return self.aged(&value).to_string();
        }
        text
    }
}

/// Texts of objects become the objects; what is inside of them stays as it is.
fn parsed(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), parsed(value))).collect(),
        Value::Array(items) => items.iter().map(parsed).collect(),
        Value::String(text) if text.starts_with('{') => {
            serde_json::from_str(text).unwrap_or_else(|_| value.clone())
        }
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_of_objects_are_stored_parsed_one_level_deep() {
        let now = Recorder::new(&json!({"source": {"recorded": "19-10-2025, 02:38:10"}}));
        let stored = now.stored(&json!({"output": r#"{"a":"{\"b\":1}"}"#, "input": "[1]", "cause": "{no"}));
        assert_eq!(stored, json!({"output": {"a": "{\"b\":1}"}, "input": "[1]", "cause": "{no"}));
    }

    #[test]
    fn what_came_later_is_taken_away_from_old_recordings_only() {
        let context = json!({"Execution": {"StartTime": "t", "RedriveCount": 0}, "RedriveCount": 1});
        let old = Recorder::new(&json!({"source": {"recorded": "14-11-2023, 02:38:10"}}));
        assert_eq!(old.aged(&context), json!({"Execution": {"StartTime": "t"}, "RedriveCount": 1}));
        let now = Recorder::new(&json!({"source": {"recorded": "15-11-2023, 02:38:10"}}));
        assert_eq!(now.aged(&context), context);
    }
}
