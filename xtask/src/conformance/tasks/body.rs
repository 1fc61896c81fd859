//! Outputs as services write them: a recorded output, which has the names of Step Functions, as the body of an answer.
//! Only what the recordings need: JSON, and XML without attributes.

use serde_json::{Map, Value, json};
use shipway_aws::models::{Kind, Location, Member, Shape, Structure};

/// The time that stands for every time of a recording, in seconds since 1970.
const NOW: i64 = 1_795_233_600;
/// The same for headers.
const NOW_HEADER: &str = "Sat, 21 Nov 2026 04:00:00 GMT";

/// The member that Step Functions or the API calls so.
fn member<'a>(structure: Structure<'a>, name: &str) -> Option<Member<'a>> {
    let is_named = |member: &Member<'_>| {
        member.step_functions_name() == name || member.name().eq_ignore_ascii_case(name)
    };
    structure.members().find(is_named)
}

/// As JSON.
pub fn json(shape: Shape<'_>, value: &Value) -> Value {
    match (shape.kind(), value) {
        (Kind::Structure(structure), Value::Object(members)) => {
            let written = members.iter().filter_map(|(name, value)| {
                let member = member(structure, name)?;
                Some((member.wire_name().to_owned(), json(member.shape(), value)))
            });
            Value::Object(written.collect())
        }
        (Kind::List(item), Value::Array(items)) => items.iter().map(|value| json(item, value)).collect(),
        (Kind::Map { value: of, .. }, Value::Object(entries)) => {
            let entries = entries.iter().map(|(key, value)| (key.clone(), json(of, value)));
            Value::Object(entries.collect())
        }
        (Kind::Timestamp { .. }, _) => json!(NOW),
        _ => value.clone(),
    }
}

/// As the children of an XML element.
pub fn xml(shape: Shape<'_>, value: &Value) -> String {
    match (shape.kind(), value) {
        (Kind::Structure(structure), Value::Object(members)) => {
            let written = members.iter().filter_map(|(name, value)| {
                let member = member(structure, name)?;
                Some(element(member.wire_name(), &xml(member.shape(), value)))
            });
            written.collect()
        }
        (Kind::List(item), Value::Array(items)) => {
            items.iter().map(|value| element("member", &xml(item, value))).collect()
        }
        _ => escaped(&text(value)),
    }
}

pub fn element(name: &str, content: &str) -> String {
    format!("<{name}>{content}</{name}>")
}

pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// As headers, and the member that is the whole body.
pub fn headers(structure: Structure<'_>, output: &Map<String, Value>) -> (Vec<(String, String)>, Vec<u8>) {
    let (mut headers, mut body) = (Vec::new(), Vec::new());
    for (name, value) in output {
        let Some(member) = member(structure, name) else { continue };
        let is_time = matches!(member.shape().kind(), Kind::Timestamp { .. });
        match member.location() {
            Some(Location::Header) if is_time => {
                headers.push((member.wire_name().to_owned(), NOW_HEADER.to_owned()));
            }
            Some(Location::Header) => headers.push((member.wire_name().to_owned(), text(value))),
            None if structure.payload() == Some(member.name()) => body = text(value).into_bytes(),
            Some(_) | None => {}
        }
    }
    (headers, body)
}
