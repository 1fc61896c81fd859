//! The text of a document: what came in and goes out unchanged keeps its spelling, as with AWS.

use serde_json::Value;

/// The texts that came in.
#[derive(Clone, Debug, Default)]
pub(super) struct Spelling {
    texts: Vec<String>,
}

impl Spelling {
    pub fn new(texts: impl IntoIterator<Item = Option<String>>) -> Self {
        Self { texts: texts.into_iter().flatten().collect() }
    }

    /// The value as it was written, if it was, else compact JSON.
    pub fn of(&self, value: &Value) -> String {
        let written = match value {
            Value::Array(_) => self.texts.iter().find_map(|text| find(text, b'[', value)),
            Value::Object(_) => self.texts.iter().find_map(|text| find(text, b'{', value)),
            _ => None,
        };
        written.map_or_else(|| value.to_string(), str::to_owned)
    }
}

/// The first part of a JSON text that is this array or object.
fn find<'t>(text: &'t str, opening: u8, value: &Value) -> Option<&'t str> {
    let (mut in_string, mut is_escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            _ if byte == opening && !in_string => {
                let rest = text.get(at..)?;
                let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
                if values.next()?.ok()? == *value {
                    return rest.get(..values.byte_offset());
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_passed_on_keeps_its_spelling() {
        let spelling = Spelling::new([Some(r#"{"a": "[1]", "b": [1,  {"c" :2}]}"#.to_owned()), None]);
        assert_eq!(spelling.of(&json!([1, {"c": 2}])), r#"[1,  {"c" :2}]"#);
        assert_eq!(spelling.of(&json!({"c": 2})), r#"{"c" :2}"#);
    }

    #[test]
    fn what_is_new_is_compact() {
        let spelling = Spelling::new([Some(r#"{"a": "[1, 2]"}"#.to_owned())]);
        assert_eq!(spelling.of(&json!([1, 2])), "[1,2]");
        assert_eq!(spelling.of(&json!("[1, 2]")), r#""[1, 2]""#);
        assert_eq!(Spelling::default().of(&json!({"a": [null]})), r#"{"a":[null]}"#);
    }
}
