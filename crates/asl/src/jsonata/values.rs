//! JSON into JSONata's values and back. Numbers come back as JavaScript would print them.

use jsonata_core::value::{JValue, with_stack};
use serde_json::{Map, Number, Value};

use super::limits::{CONTAINER_BYTES, NESTING_MAX, NUMBER_BYTES, RESULT_BYTES_MAX};
use super::uses::Need;

/// The value as far as it is looked at.
pub(super) fn lift(value: &Value, need: &Need) -> JValue {
    match value {
        Value::Null => JValue::Null,
        Value::Bool(value) => JValue::Bool(*value),
        Value::Number(number) => JValue::Number(number.as_f64().unwrap_or_default()),
        Value::String(text) => JValue::from(text.as_str()),
        Value::Array(items) => JValue::array(items.iter().map(|item| lift(item, need)).collect()),
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .filter_map(|(name, value)| need.field(name).map(|need| (name.clone(), lift(value, need))));
            JValue::object(fields.collect())
        }
    }
}

/// Why a value has no JSON.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unlowered {
    /// It would be larger than any state takes.
    Large,
    /// It is nested too deeply, or holds a number that JSON has not: in the language's words.
    Other(String),
}

impl Unlowered {
    pub fn message(&self) -> String {
        match self {
            Self::Large => format!("the result is larger than {RESULT_BYTES_MAX} bytes"),
            Self::Other(message) => message.clone(),
        }
    }
}

/// The JSON of a value.
pub(super) fn lower(value: &JValue) -> Result<Value, Unlowered> {
    Lowering { left: RESULT_BYTES_MAX, depth: 0 }.value(value).map(Option::unwrap_or_default)
}

/// WHY: parts of a value are shared, so what is small in memory may be endless as JSON.
struct Lowering {
    /// Bytes of JSON that may still be made.
    left: usize,
    depth: usize,
}

impl Lowering {
    /// JSON, or nothing where JSON has no such value.
    fn value(&mut self, value: &JValue) -> Result<Option<Value>, Unlowered> {
        Ok(Some(match value {
            JValue::Null => Value::Null,
            JValue::Bool(value) => Value::Bool(*value),
            JValue::Number(value) => {
                self.spend(1)?;
                Value::Number(number(*value)?)
            }
            JValue::String(text) => {
                self.spend(text.len())?;
                Value::String(text.to_string())
            }
            JValue::Array(items) => {
                self.spend(2)?;
                self.nested(|lowering| {
                    // WHY: as JavaScript does: a place in an array cannot be left out.
                    let items = items.into_iter().map(|item| Ok(lowering.value(item)?.unwrap_or_default()));
                    items.collect::<Result<Vec<Value>, Unlowered>>().map(Value::Array)
                })?
            }
            JValue::Object(fields) => {
                self.spend(2)?;
                self.nested(|lowering| {
                    let mut object = Map::new();
                    for (name, value) in fields.iter() {
                        lowering.spend(name.len())?;
                        if let Some(value) = lowering.value(value)? {
                            object.insert(name.clone(), value);
                        }
                    }
                    Ok(Value::Object(object))
                })?
            }
            JValue::Undefined => return Ok(None),
            JValue::Lambda(_) | JValue::Builtin { .. } | JValue::Regex { .. } => return Ok(None),
        }))
    }

    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, Unlowered>) -> Result<T, Unlowered> {
        self.depth += 1;
        if self.depth > NESTING_MAX {
            return Err(Unlowered::Other(format!("the result is nested deeper than {NESTING_MAX} levels")));
        }
        let value = inner(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn spend(&mut self, bytes: usize) -> Result<(), Unlowered> {
        self.left = self.left.checked_sub(bytes.saturating_add(1)).ok_or(Unlowered::Large)?;
        Ok(())
    }
}

/// A value as it comes out of an evaluation that does not change it.
pub(super) fn tidied(value: &Value) -> Value {
    match value {
        Value::Number(number) if number.is_i64() => value.clone(),
        Value::Number(other) => {
            let tidied = other.as_f64().and_then(|value| number(value).ok());
            Value::Number(tidied.unwrap_or_else(|| other.clone()))
        }
        Value::Array(items) => items.iter().map(tidied).collect(),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (name.clone(), tidied(value))).collect())
        }
        Value::Null | Value::Bool(_) | Value::String(_) => value.clone(),
    }
}

/// Takes the size of a value with all its parts off what is left, and says whether that was enough.
pub(super) fn spend(value: &JValue, left: &mut usize) -> bool {
    let size = match value {
        JValue::String(text) => text.len(),
        JValue::Array(_) | JValue::Object(_) => CONTAINER_BYTES,
        _ => NUMBER_BYTES,
    };
    let Some(rest) = left.checked_sub(size) else { return false };
    *left = rest;
    match value {
        JValue::Array(items) => with_stack(|| items.into_iter().all(|item| spend(item, left))),
        JValue::Object(fields) => with_stack(|| {
            fields.iter().all(|(name, value)| {
                *left = left.saturating_sub(name.len());
                spend(value, left)
            })
        }),
        _ => true,
    }
}

/// Below this, every whole number is a number of its own: 2^53.
pub(super) const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// `1.0` is `1`, and `-0` is `0`. Larger whole numbers keep the digits that tell them from their neighbours,
/// then zeros; what no 64 bits hold keeps its exponent.
#[expect(clippy::cast_possible_truncation, reason = "exact below 2^53")]
fn number(value: f64) -> Result<Number, Unlowered> {
    if value.fract() == 0.0 {
        if value.abs() <= EXACT_MAX {
            return Ok(Number::from(value as i64));
        }
        if let Ok(number) = value.to_string().parse::<i64>() {
            return Ok(Number::from(number));
        }
    }
    Number::from_f64(value).ok_or_else(|| {
        let shown = if value.is_nan() {
            "NaN"
        } else if value > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        };
        Unlowered::Other(format!("D1001: Number out of range: {shown}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_as_in_javascript() {
        for (value, text) in [
            (1.0, "1"),
            (-0.0, "0"),
            (0.1 + 0.2, "0.30000000000000004"),
            (9_007_199_254_740_993.0, "9007199254740992"),
            (1_234_567_890_123_456_789.0, "1234567890123456800"),
            (9_223_372_036_854_775_808.0, "9.223372036854776e+18"),
            (-9e15, "-9000000000000000"),
            (1e21, "1e+21"),
            (5e-324, "5e-324"),
        ] {
            assert_eq!(number(value).unwrap().to_string(), text);
        }
        assert_eq!(number(f64::NAN).unwrap_err().message(), "D1001: Number out of range: NaN");
        assert_eq!(number(f64::INFINITY).unwrap_err().message(), "D1001: Number out of range: Infinity");
    }

    #[test]
    fn shared_parts_do_not_grow_without_end() {
        let mut value = JValue::from("x");
        for _ in 0..60 {
            value = JValue::array(vec![value.clone(), value]);
        }
        assert!(lower(&value) == Err(Unlowered::Large));
    }

    #[test]
    fn a_deep_result_is_an_error_and_no_crash() {
        let mut value = JValue::Null;
        for _ in 0..100_000 {
            value = JValue::array(vec![value]);
        }
        assert!(lower(&value).unwrap_err().message().contains("deeper"));
    }
}
