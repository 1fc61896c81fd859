//! JSON as `application/x-www-form-urlencoded`, with the ways that Step Functions has to write arrays. Sends nothing.

use serde_json::Value;

/// How an array is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrays {
    /// `a[0]=x&a[1]=y`
    Indices,
    /// `a=x&a=y`
    Repeat,
    /// `a=x,y`
    Commas,
    /// `a[]=x&a[]=y`
    Brackets,
}

impl Arrays {
    /// The way of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "INDICES" => Some(Self::Indices),
            "REPEAT" => Some(Self::Repeat),
            "COMMAS" => Some(Self::Commas),
            "BRACKETS" => Some(Self::Brackets),
            _ => None,
        }
    }
}

/// An object as a form.
pub(super) fn encoded(value: &Value, arrays: Arrays) -> String {
    let mut pairs = Vec::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        add(&mut pairs, &word(name), value, arrays);
    }
    pairs.join("&")
}

fn add(pairs: &mut Vec<String>, name: &str, value: &Value, arrays: Arrays) {
    match value {
        Value::Object(members) => {
            for (member, value) in members {
                add(pairs, &format!("{name}[{}]", word(member)), value, arrays);
            }
        }
        Value::Array(items) if arrays == Arrays::Commas && items.iter().all(is_plain) => {
            let items: Vec<String> = items.iter().map(|item| word(&text(item))).collect();
            pairs.push(format!("{name}={}", items.join(",")));
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let name = match arrays {
                    Arrays::Repeat => name.to_owned(),
                    Arrays::Brackets => format!("{name}[]"),
                    Arrays::Indices | Arrays::Commas => format!("{name}[{index}]"),
                };
                add(pairs, &name, item, arrays);
            }
        }
        plain => pairs.push(format!("{name}={}", word(&text(plain)))),
    }
}

fn is_plain(value: &Value) -> bool {
    !value.is_array() && !value.is_object()
}

/// A value as people write it: texts without quotes, nothing for `null`.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A word of a form.
fn word(text: &str) -> String {
    crate::protocol::percent_encode(text).replace("%20", "+")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn arrays_are_written_in_four_ways() {
        for (arrays, expected) in [
            (Arrays::Indices, "a[0]=x&a[1]=2"),
            (Arrays::Repeat, "a=x&a=2"),
            (Arrays::Commas, "a=x,2"),
            (Arrays::Brackets, "a[]=x&a[]=2"),
        ] {
            assert_eq!(encoded(&json!({"a": ["x", 2]}), arrays), expected);
        }
    }

    #[test]
    fn objects_nest_and_words_are_escaped() {
        let value = json!({"name": "a & b=c", "on": true, "no": null, "card": {"exp month": 4, "tags": [{"k": "v"}]}});
        let expected = "name=a+%26+b%3Dc&on=true&no=&card[exp+month]=4&card[tags][0][k]=v";
        assert_eq!(encoded(&value, Arrays::Indices), expected);
        assert_eq!(encoded(&value, Arrays::Commas), expected);
    }
}
