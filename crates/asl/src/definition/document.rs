//! Reads a definition's text: the JSON, and the names that an object in it has twice, which a plain reading loses.
//! Does not know the fields.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::findings::Findings;
use crate::diagnostic::{
    DUPLICATE_STATE_NAME, INVALID_JSON_DESCRIPTION, SCHEMA_VALIDATION_FAILED, TOO_DEEPLY_NESTED,
};
use crate::json;
use crate::limits::DEFINITION_BYTES_MAX;

const NO_OBJECT: &str = "Definition must be a valid JSON object";

/// The definition as an object; anything else is a finding.
pub(super) fn read(definition: &str, findings: &Findings) -> Option<Value> {
    if definition.len() > DEFINITION_BYTES_MAX {
        let message = format!("The definition is longer than {DEFINITION_BYTES_MAX} bytes");
        findings.nowhere(SCHEMA_VALIDATION_FAILED, message);
        return None;
    }
    if definition.trim().is_empty() {
        findings.nowhere(SCHEMA_VALIDATION_FAILED, NO_OBJECT);
        return None;
    }
    let value = match parse(definition, findings) {
        Ok(value) => value,
        Err(error) => {
            refuse(definition, &error, findings);
            return None;
        }
    };
    if !value.is_object() {
        findings.nowhere(SCHEMA_VALIDATION_FAILED, NO_OBJECT);
        return None;
    }
    Some(value)
}

fn refuse(definition: &str, error: &serde_json::Error, findings: &Findings) {
    if let Some(error) = json::first_error(definition) {
        findings.worded(INVALID_JSON_DESCRIPTION, error.location.clone(), error.to_string());
    } else if error.to_string().contains("recursion limit") {
        findings.nowhere(TOO_DEEPLY_NESTED, "The definition is nested too deep");
    } else {
        findings.nowhere(INVALID_JSON_DESCRIPTION, format!("The definition is no JSON: {error}"));
    }
}

fn parse(definition: &str, findings: &Findings) -> Result<Value, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(definition);
    let value = Reading { pointer: String::new(), findings }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// One value, and where it stands.
struct Reading<'f> {
    pointer: String,
    findings: &'f Findings,
}

impl<'de> DeserializeSeed<'de> for Reading<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reading<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        loop {
            let pointer = format!("{}/{}", self.pointer, array.len());
            match items.next_element_seed(Reading { pointer, findings: self.findings })? {
                Some(item) => array.push(item),
                None => return Ok(Value::Array(array)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        let mut repeated = HashSet::new();
        while let Some(name) = fields.next_key::<String>()? {
            let pointer = format!("{}/{}", self.pointer, name.replace('~', "~0").replace('/', "~1"));
            let holds_states = holds_states(&self.pointer);
            if holds_states && object.contains_key(&name) && repeated.insert(name.clone()) {
                self.findings.at(
                    DUPLICATE_STATE_NAME,
                    pointer.clone(),
                    format!("Duplicate State name: {name}"),
                );
            }
            let value = fields.next_value_seed(Reading { pointer, findings: self.findings })?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

/// Whether the object at this pointer is the `States` of a machine, a branch or an item processor.
///
/// Every other name that is given twice counts with its last value, as for AWS.
fn holds_states(pointer: &str) -> bool {
    let mut parts = pointer.split('/').skip(1).peekable();
    // Rounds follow the pointer's parts, which the text's size bounds.
    loop {
        if parts.next() != Some("States") {
            return false;
        }
        if parts.peek().is_none() {
            return true;
        }
        parts.next();
        match parts.next() {
            Some("Branches") => drop(parts.next()),
            Some("ItemProcessor" | "Iterator") => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_stand_in_machines_branches_and_processors() {
        for pointer in
            ["/States", "/States/P/Branches/0/States", "/States/M/ItemProcessor/States/N/Iterator/States"]
        {
            assert!(holds_states(pointer), "{pointer}");
        }
        for pointer in ["", "/States/A", "/States/A/Parameters/States", "/States/P/Branches/States"] {
            assert!(!holds_states(pointer), "{pointer}");
        }
    }

    #[test]
    fn values_are_read_as_they_are() {
        let text = r#"{"a":[1,-2,1.5,"x\n",null,true,{"b":{}}],"a~/":18446744073709551615}"#;
        let findings = Findings::default();
        assert_eq!(read(text, &findings), serde_json::from_str(text).ok());
    }
}
