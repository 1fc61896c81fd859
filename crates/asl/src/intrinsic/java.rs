//! Values as Java sees them: how `toString` shows them, and in which order a set of them is listed.
//! AWS's functions let both through.

use serde_json::{Number, Value};

/// `{a=1, b=[x, y]}`
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(text).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(name, value)| format!("{name}={}", text(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        Value::Number(number) => number_text(number),
        Value::Null | Value::Bool(_) => value.to_string(),
    }
}

/// `Double.toString`: plain from a thousandth to ten million, else as `1.0E10`.
fn number_text(number: &Number) -> String {
    let Some(double) = number.as_f64().filter(|_| number.is_f64()) else { return number.to_string() };
    if double == 0.0 || (1e-3..1e7).contains(&double.abs()) {
        return number.to_string();
    }
    let text = format!("{double:E}");
    match text.split_once('E') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0E{exponent}"),
        _ => text,
    }
}

/// The values without those that are there before, in the order of a `HashSet` of them.
pub(super) fn set(items: &[Value]) -> Vec<Value> {
    let mut kept: Vec<(u32, &Value)> = Vec::new();
    let last = buckets(items.len()) - 1;
    for item in items {
        if !kept.iter().any(|(_, other)| *other == item) {
            let hash = hash(item);
            kept.push(((hash ^ (hash >> 16)) & last, item));
        }
    }
    kept.sort_by_key(|(bucket, _)| *bucket);
    kept.into_iter().map(|(_, item)| item.clone()).collect()
}

/// How many buckets a set made of so many items has.
fn buckets(items: usize) -> u32 {
    let least = (items * 4 / 3 + 1).max(16);
    u32::try_from(least.next_power_of_two()).unwrap_or(1 << 30)
}

/// `hashCode`
fn hash(value: &Value) -> u32 {
    match value {
        Value::Null => 0,
        Value::Bool(true) => 1231,
        Value::Bool(false) => 1237,
        Value::Number(number) => number_hash(number),
        Value::String(text) => text_hash(text),
        Value::Array(items) => {
            items.iter().fold(1, |sum: u32, item| sum.wrapping_mul(31).wrapping_add(hash(item)))
        }
        Value::Object(fields) => {
            let hashes = fields.iter().map(|(name, value)| text_hash(name) ^ hash(value));
            hashes.fold(0, u32::wrapping_add)
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a hash of 64 bits is the exclusive or of its halves")]
fn number_hash(number: &Number) -> u32 {
    let halves = |bits: u64| (bits ^ (bits >> 32)) as u32;
    match number.as_i64() {
        Some(integer) => match i32::try_from(integer) {
            Ok(integer) => integer.cast_unsigned(),
            Err(_) => halves(integer.cast_unsigned()),
        },
        None => number.as_f64().map_or(0, |double| halves(double.to_bits())),
    }
}

fn text_hash(text: &str) -> u32 {
    text.encode_utf16().fold(0, |sum: u32, unit| sum.wrapping_mul(31).wrapping_add(unit.into()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn doubles_are_shown_as_java_does() {
        for (number, shown) in [
            (json!(1.0), "1.0"),
            (json!(-0.5), "-0.5"),
            (json!(0.0001), "1.0E-4"),
            (json!(1e7), "1.0E7"),
            (json!(12_345_678.5), "1.23456785E7"),
            (json!(9_007_199_254_740_993_i64), "9007199254740993"),
        ] {
            assert_eq!(text(&number), shown);
        }
    }

    #[test]
    fn sets_are_listed_by_bucket() {
        for (items, listed) in [
            (json!([true, false, true]), json!([false, true])),
            (json!([[1, 2], [1, 2], [2, 1]]), json!([[2, 1], [1, 2]])),
            (json!([1, "1", "01", 1]), json!([1, "1", "01"])),
            (json!([1, null, 1]), json!([null, 1])),
            (json!([{"a": 1, "b": 2}, {"b": 2, "a": 1}]), json!([{"a": 1, "b": 2}])),
            (json!([3, 1, 2, 17]), json!([1, 17, 2, 3])),
        ] {
            assert_eq!(Value::from(set(items.as_array().unwrap())), listed);
        }
    }
}
