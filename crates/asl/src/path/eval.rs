//! [`Path`] over a value. Does not know the context object or variables: the caller gives the document.

use serde_json::{Number, Value};

use super::{Function, Path, Segment};

/// Nothing was found; says so in the words of the JSONPath library that AWS shows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Miss(pub String);

impl Path {
    /// The value that a definite path names, or the list of those that an indefinite one finds.
    pub fn select(&self, document: &Value) -> Result<Value, Miss> {
        if self.is_definite() {
            return self.definite(document);
        }
        let (functions, steps): (Vec<_>, Vec<_>) =
            self.segments.iter().partition(|segment| matches!(segment, Segment::Function(_)));
        let mut found = vec![document];
        let mut descend = false;
        for segment in steps {
            if *segment == Segment::Descend {
                descend = true;
                continue;
            }
            if descend {
                found = found.into_iter().flat_map(descendants).collect();
            }
            found = found.into_iter().flat_map(|value| matches(segment, value, document)).collect();
            descend = false;
        }
        let list = Value::Array(found.into_iter().cloned().collect());
        match functions.first() {
            Some(Segment::Function(function)) => self.call(*function, &list),
            _ => Ok(list),
        }
    }

    fn definite(&self, document: &Value) -> Result<Value, Miss> {
        let mut value = document;
        for (at, segment) in self.segments.iter().enumerate() {
            value = match segment {
                Segment::Name(name) => self.property(value, name, at)?,
                Segment::Index(index) => self.element(value, *index, at)?,
                Segment::Function(function) => return self.call(*function, value),
                _ => return Err(Miss(format!("No results for path: {}", self.normal(at + 1)))),
            };
        }
        Ok(value.clone())
    }

    fn property<'v>(&self, value: &'v Value, name: &str, at: usize) -> Result<&'v Value, Miss> {
        let Value::Object(fields) = value else {
            let here = self.normal(at);
            return Err(Miss(format!(
                "Expected to find an object with property ['{name}'] in path {here} but found '{}'. This is not a json object according to the JsonProvider: 'com.jayway.jsonpath.spi.json.JacksonJsonProvider'.",
                java_class(value)
            )));
        };
        fields.get(name).ok_or_else(|| {
            let last = at + 1 == self.segments.len();
            let words = if last { "No results for path:" } else { "Missing property in path" };
            Miss(format!("{words} {}", self.normal(at + 1)))
        })
    }

    fn element<'v>(&self, value: &'v Value, index: i64, at: usize) -> Result<&'v Value, Miss> {
        let here = self.normal(at);
        let Value::Array(items) = value else {
            return Err(Miss(format!(
                "Filter: [{index}] can only be applied to arrays. Current context is: {value}"
            )));
        };
        position(index, items.len())
            .and_then(|position| items.get(position))
            .ok_or_else(|| Miss(format!("No results for path: {here}[{index}]")))
    }

    fn call(&self, function: Function, value: &Value) -> Result<Value, Miss> {
        call(function, value)
            .ok_or_else(|| Miss(format!("No results for path: {}", self.normal(self.segments.len()))))
    }
}

fn position(index: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    usize::try_from(if index < 0 { index + length } else { index }).ok()
}

fn matches<'v>(segment: &Segment, value: &'v Value, root: &Value) -> Vec<&'v Value> {
    match (segment, value) {
        (Segment::Name(name), Value::Object(fields)) => fields.get(name).into_iter().collect(),
        (Segment::Names(names), Value::Object(fields)) => {
            names.iter().filter_map(|name| fields.get(name)).collect()
        }
        (Segment::Index(index), Value::Array(items)) => pick(items, &[*index]),
        (Segment::Indexes(indexes), Value::Array(items)) => pick(items, indexes),
        (Segment::Slice(from, to), Value::Array(items)) => slice(items, *from, *to),
        (Segment::Wildcard, Value::Array(items)) => items.iter().collect(),
        (Segment::Wildcard, Value::Object(fields)) => fields.values().collect(),
        (Segment::Filter(filter), Value::Array(items)) => {
            items.iter().filter(|item| filter.passes(item, root)).collect()
        }
        (Segment::Filter(filter), Value::Object(_)) if filter.passes(value, root) => vec![value],
        _ => Vec::new(),
    }
}

fn pick<'v>(items: &'v [Value], indexes: &[i64]) -> Vec<&'v Value> {
    let found = indexes.iter().filter_map(|index| position(*index, items.len()));
    found.filter_map(|position| items.get(position)).collect()
}

fn slice(items: &[Value], from: Option<i64>, to: Option<i64>) -> Vec<&Value> {
    let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let bound = |index: i64| (if index < 0 { index + length } else { index }).clamp(0, length);
    let from = bound(from.unwrap_or(0));
    let to = bound(to.unwrap_or(length));
    let (from, count) = (usize::try_from(from).unwrap_or(0), usize::try_from(to - from).unwrap_or(0));
    items.iter().skip(from).take(count).collect()
}

/// The value itself and everything below it, parents first.
fn descendants(value: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        found.push(value);
        match value {
            Value::Array(items) => open.extend(items.iter().rev()),
            Value::Object(fields) => open.extend(fields.values().rev()),
            _ => {}
        }
    }
    found
}

fn call(function: Function, value: &Value) -> Option<Value> {
    if function == Function::Keys {
        return Some(value.as_object()?.keys().map(|key| Value::from(key.as_str())).collect());
    }
    if function == Function::Length {
        return match value {
            Value::Array(items) => Some(items.len().into()),
            Value::Object(fields) => Some(fields.len().into()),
            Value::String(text) => Some(text.chars().count().into()),
            _ => None,
        };
    }
    let items = value.as_array()?;
    let numbers: Vec<f64> = items.iter().filter_map(Value::as_f64).collect();
    let number = |number: f64| Number::from_f64(number).map(Value::Number);
    let sum: f64 = numbers.iter().sum();
    match function {
        Function::First => items.first().cloned(),
        Function::Last => items.last().cloned(),
        Function::Min => numbers.iter().copied().reduce(f64::min).and_then(number),
        Function::Max => numbers.iter().copied().reduce(f64::max).and_then(number),
        Function::Sum => number(sum),
        Function::Avg => number(sum / numbers.len() as f64),
        Function::Length | Function::Keys => None,
    }
}

fn java_class(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "java.lang.Boolean",
        Value::Number(number) if number.is_f64() => "java.lang.Double",
        Value::Number(_) => "java.lang.Integer",
        Value::String(_) => "java.lang.String",
        Value::Array(_) => "java.util.ArrayList",
        Value::Object(_) => "java.util.LinkedHashMap",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn select(text: &str) -> Result<Value, Miss> {
        let document = json!({
            "a": {"b": [1, 2, 3, 4], "c": null},
            "books": [
                {"title": "x", "price": 8, "tags": ["t"]},
                {"title": "y", "price": 12.5},
            ],
            "limit": 10,
        });
        Path::parse(text).unwrap().select(&document)
    }

    #[test]
    fn definite_paths_give_the_value() {
        assert_eq!(select("$.a.b[1]"), Ok(json!(2)));
        assert_eq!(select("$.a.b[-1]"), Ok(json!(4)));
        assert_eq!(select("$.a.c"), Ok(Value::Null));
        assert_eq!(select("$['a']['b'].length()"), Ok(json!(4)));
    }

    #[test]
    fn definite_paths_that_find_nothing_say_where() {
        assert_eq!(select("$.z"), Err(Miss("No results for path: $['z']".into())));
        assert_eq!(select("$.z.y"), Err(Miss("Missing property in path $['z']".into())));
        assert!(select("$.limit.x").unwrap_err().0.contains("java.lang.Integer"));
    }

    #[test]
    fn indefinite_paths_give_a_list_even_of_nothing() {
        assert_eq!(select("$.a.b[1:3]"), Ok(json!([2, 3])));
        assert_eq!(select("$.a.b[-2:]"), Ok(json!([3, 4])));
        assert_eq!(select("$..title"), Ok(json!(["x", "y"])));
        assert_eq!(select("$.books[*].none"), Ok(json!([])));
        assert_eq!(select("$.books[?(@.price < $.limit)].title"), Ok(json!(["x"])));
        assert_eq!(select("$.books[?(@.tags)].price"), Ok(json!([8])));
        assert_eq!(select("$.books[?(!(@.tags) || @.title == 'x')].title"), Ok(json!(["x", "y"])));
        assert_eq!(select("$.books[?(@.title in ['y'])].price"), Ok(json!([12.5])));
        assert_eq!(select("$.books..price.sum()"), Ok(json!(20.5)));
    }
}
