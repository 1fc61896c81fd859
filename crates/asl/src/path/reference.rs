//! Reference paths: they name exactly one place, so a result can be written there (`ResultPath`).

use serde_json::{Map, Value};

use super::{Path, Root, Segment};

/// A path that a value can be written to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reference(Path);

impl Reference {
    /// Takes a path that names one place of the state's input.
    pub fn new(path: Path) -> Result<Self, String> {
        let places =
            path.segments.iter().all(|segment| matches!(segment, Segment::Name(_) | Segment::Index(_)));
        if !places {
            return Err(format!("`{path}` must name one place: use only names and indexes"));
        }
        match path.root {
            Root::Input => Ok(Self(path)),
            _ => Err(format!("`{path}` must start with `$.`: a result cannot be written elsewhere")),
        }
    }

    /// Writes `value` into `document`; missing objects on the way are made. Says why if it cannot.
    pub fn write(&self, document: &mut Value, value: Value) -> Result<(), String> {
        let mut place = document;
        for segment in &self.0.segments {
            place = match segment {
                Segment::Name(name) => field(place, name).ok_or_else(|| self.refusal())?,
                Segment::Index(index) => element(place, *index).ok_or_else(|| self.refusal())?,
                _ => return Err(self.refusal()),
            };
        }
        *place = value;
        Ok(())
    }

    fn refusal(&self) -> String {
        format!("Unable to apply ReferencePath {}", self.0)
    }
}

fn field<'v>(place: &'v mut Value, name: &str) -> Option<&'v mut Value> {
    if place.is_null() {
        *place = Value::Object(Map::new());
    }
    Some(place.as_object_mut()?.entry(name).or_insert(Value::Null))
}

fn element(place: &mut Value, index: i64) -> Option<&mut Value> {
    let items = place.as_array_mut()?;
    let length = i64::try_from(items.len()).ok()?;
    items.get_mut(usize::try_from(if index < 0 { index + length } else { index }).ok()?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn write(text: &str, mut document: Value) -> Result<Value, String> {
        Reference::new(Path::parse(text).unwrap())?.write(&mut document, json!("new"))?;
        Ok(document)
    }

    #[test]
    fn writes_where_it_points_and_makes_the_way() {
        assert_eq!(write("$", json!({"a": 1})), Ok(json!("new")));
        assert_eq!(write("$.b.c", json!({"a": 1})), Ok(json!({"a": 1, "b": {"c": "new"}})));
        assert_eq!(write("$.a[1]", json!({"a": [1, 2]})), Ok(json!({"a": [1, "new"]})));
    }

    #[test]
    fn refuses_where_it_cannot_write() {
        assert!(write("$.a.b", json!({"a": 1})).is_err());
        assert!(write("$.a[2]", json!({"a": [1, 2]})).is_err());
        assert!(write("$[*]", json!([])).is_err());
        assert!(write("$$.a", json!({})).is_err());
    }
}
