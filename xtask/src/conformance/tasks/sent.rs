//! Whether a request says what a Task's parameters mean. Reads requests by itself, without the code that wrote them and
//! without the models.

use serde_json::{Map, Value};

use super::double::Asked;

/// What is sent and not given: AWS adds to events which execution and machine they are of, and SDKs add tokens.
const ADDED: &[&str] = &["ClientRequestToken", "Resources"];

/// Where a request differs from the parameters.
pub fn check(asked: &Asked, service: &str, parameters: &Value) -> Result<(), String> {
    let empty = Map::new();
    let given = parameters.as_object().unwrap_or(&empty);
    match (service, asked.header("content-type").unwrap_or_default()) {
        ("lambda", _) => function(asked, given),
        (_, kind) if kind.starts_with("application/x-amz-json") => {
            let body =
                serde_json::from_slice(&asked.body).map_err(|error| format!("sent no JSON: {error}"))?;
            same("", &Value::Object(given.clone()), &body)
        }
        (_, kind) if kind.starts_with("application/x-www-form-urlencoded") => form(asked, given),
        _ => path(asked, given),
    }
}

/// The function's name in the path, the payload as the body.
fn function(asked: &Asked, given: &Map<String, Value>) -> Result<(), String> {
    let name = given.get("FunctionName").and_then(Value::as_str).unwrap_or_default();
    let path = decoded(asked.target.split('?').next().unwrap_or_default());
    if path != format!("/2015-03-31/functions/{name}/invocations") {
        return Err(format!("sent to {path}, not to the function {name}"));
    }
    for (member, header) in [("LogType", "x-amz-log-type"), ("InvocationType", "x-amz-invocation-type")] {
        let wanted = given.get(member).and_then(Value::as_str);
        if asked.header(header) != wanted {
            return Err(format!("sent {header} {:?}, not {wanted:?}", asked.header(header)));
        }
    }
    let payload: Value =
        serde_json::from_slice(&asked.body).map_err(|error| format!("sent no JSON payload: {error}"))?;
    let none = Value::Object(Map::new());
    let wanted = given.get("Payload").unwrap_or(&none);
    if payload == *wanted { Ok(()) } else { Err(format!("sent the payload {payload}, not {wanted}")) }
}

/// The same, where a service may ask for the text of what is given as JSON, and names do not differ in more than case.
fn same(at: &str, given: &Value, sent: &Value) -> Result<(), String> {
    match (given, sent) {
        (Value::Object(given), Value::Object(sent)) => {
            for (name, value) in given.iter().filter(|(_, value)| !value.is_null()) {
                let found = sent.iter().find(|(sent, _)| sent.eq_ignore_ascii_case(name));
                let (_, found) = found.ok_or_else(|| format!("{at}/{name} was not sent"))?;
                same(&format!("{at}/{name}"), value, found)?;
            }
            let is_given = |name: &str| {
                ADDED.contains(&name) || given.keys().any(|given| given.eq_ignore_ascii_case(name))
            };
            match sent.keys().find(|name| !is_given(name)) {
                Some(name) => Err(format!("{at}/{name} was sent and not given")),
                None => Ok(()),
            }
        }
        (Value::Array(given), Value::Array(sent))
            if given.len() == sent.len() || ADDED.iter().any(|name| at.ends_with(name)) =>
        {
            let mut pairs = given.iter().zip(sent).enumerate();
            pairs.try_for_each(|(index, (given, sent))| same(&format!("{at}/{index}"), given, sent))
        }
        (given, Value::String(text)) if !given.is_string() => {
            let parsed: Option<Value> = serde_json::from_str(text).ok();
            if parsed.as_ref() == Some(given) {
                Ok(())
            } else {
                Err(format!("{at}: sent {text}, not {given}"))
            }
        }
        _ if given == sent => Ok(()),
        _ => Err(format!("{at}: sent {sent}, not {given}")),
    }
}

/// Every text of the parameters is a value of the form; those at the top are so by their name.
fn form(asked: &Asked, given: &Map<String, Value>) -> Result<(), String> {
    let body = String::from_utf8_lossy(&asked.body).into_owned();
    let pairs: Vec<(String, String)> = body
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decoded(name), decoded(&value.replace('+', " "))))
        .collect();
    for (name, value) in given.iter().filter(|(_, value)| !value.is_null()) {
        let at_top = pairs.iter().find(|(sent, _)| sent == name);
        match (at_top, value) {
            (Some((_, sent)), value) => same(name, value, &Value::String(sent.clone()))?,
            (None, Value::Object(_) | Value::Array(_)) => {
                for text in texts(value) {
                    if !pairs.iter().any(|(sent, value)| sent.starts_with(name.as_str()) && *value == text) {
                        return Err(format!("{name}: {text} was not sent"));
                    }
                }
            }
            (None, _) => return Err(format!("{name} was not sent")),
        }
    }
    Ok(())
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::String(text) => vec![text.clone()],
        Value::Null => Vec::new(),
        other => vec![other.to_string()],
    }
}

/// Bucket and key are the path.
fn path(asked: &Asked, given: &Map<String, Value>) -> Result<(), String> {
    let path = decoded(asked.target.split('?').next().unwrap_or_default());
    let text = |name: &str| given.get(name).and_then(Value::as_str);
    let wanted = match (text("Bucket"), text("Key")) {
        (Some(bucket), Some(key)) => format!("/{bucket}/{key}"),
        (Some(bucket), None) => format!("/{bucket}"),
        _ => return Err(format!("sent to {path}, which nothing here can read")),
    };
    if path == wanted { Ok(()) } else { Err(format!("sent to {path}, not {wanted}")) }
}

/// Without percent-encoding.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let pair = || Some((hex(rest.clone().next()?)?, hex(rest.clone().nth(1)?)?));
        match (byte, pair()) {
            (b'%', Some((high, low))) => {
                bytes.push(high * 16 + low);
                rest.nth(1);
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "the macro gives values")]
    fn differ(given: Value, sent: Value) -> String {
        let headers = vec![("content-type".to_owned(), "application/x-amz-json-1.0".to_owned())];
        let asked = Asked { target: "/".to_owned(), headers, body: sent.to_string().into_bytes() };
        check(&asked, "", &given).err().unwrap_or_default()
    }

    #[test]
    fn what_is_sent_is_what_is_given() {
        assert_eq!(differ(json!({"A": {"Bool": true}}), json!({"a": {"BOOL": true}})), "");
        assert_eq!(differ(json!({"A": {"b": 1}, "C": null}), json!({"A": "{\"b\":1}"})), "", "as its text");
        assert_eq!(differ(json!({"A": 1}), json!({"A": 1, "ClientRequestToken": "t"})), "");
        assert!(differ(json!({"A": 1}), json!({"A": 2})).contains("/A: sent 2, not 1"));
        assert!(differ(json!({"A": 1}), json!({})).contains("/A was not sent"));
        assert!(differ(json!({}), json!({"A": 1})).contains("/A was sent and not given"));
        assert!(!differ(json!({"A": [1, 2]}), json!({"A": [1]})).is_empty());
    }

    #[test]
    fn a_function_is_in_the_path_and_its_payload_is_the_body() {
        let asked = |target: &str| Asked {
            target: target.to_owned(),
            headers: Vec::new(),
            body: b"{\"a\":1}".to_vec(),
        };
        let given = json!({"FunctionName": "f:1", "Payload": {"a": 1}});
        assert_eq!(check(&asked("/2015-03-31/functions/f%3A1/invocations"), "lambda", &given), Ok(()));
        assert!(check(&asked("/2015-03-31/functions/g/invocations"), "lambda", &given).is_err());
        let other = json!({"FunctionName": "f:1", "Payload": {"a": 2}});
        assert!(check(&asked("/2015-03-31/functions/f%3A1/invocations"), "lambda", &other).is_err());
    }
}
