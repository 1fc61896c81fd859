//! Intrinsic functions on arrays and numbers.

use serde_json::Value;

use crate::path::same;

/// Most items that `States.ArrayRange` makes.
const RANGE_MAX: i64 = 1000;

pub(super) fn array(arguments: &[Value], _: u64) -> Result<Value, String> {
    Ok(Value::Array(arguments.to_vec()))
}

pub(super) fn contains(arguments: &[Value], _: u64) -> Result<Value, String> {
    let [items, wanted] = arguments else { return Err("takes an array and a value".into()) };
    Ok(list(items)?.iter().any(|item| same(item, wanted)).into())
}

pub(super) fn get_item(arguments: &[Value], _: u64) -> Result<Value, String> {
    let [items, index] = arguments else { return Err("takes an array and an index".into()) };
    let (items, index) = (list(items)?, integer(index)?);
    let item = usize::try_from(index).ok().and_then(|index| items.get(index));
    item.cloned().ok_or_else(|| format!("index {index} is outside of an array of {}", items.len()))
}

pub(super) fn length(arguments: &[Value], _: u64) -> Result<Value, String> {
    let [items] = arguments else { return Err("takes an array".into()) };
    Ok(list(items)?.len().into())
}

pub(super) fn partition(arguments: &[Value], _: u64) -> Result<Value, String> {
    let [items, size] = arguments else { return Err("takes an array and a size".into()) };
    let items = list(items)?;
    match usize::try_from(integer(size)?) {
        Ok(size) if size > 0 => Ok(items.chunks(size).map(<[Value]>::to_vec).collect()),
        _ => Err("the size of a part must be positive".into()),
    }
}

pub(super) fn range(arguments: &[Value], _: u64) -> Result<Value, String> {
    let [first, last, increment] = arguments else { return Err("takes first, last and step".into()) };
    let (first, last, increment) = (integer(first)?, integer(last)?, integer(increment)?);
    if increment == 0 {
        return Err("the step must not be 0".into());
    }
    let count = last.saturating_sub(first).checked_div(increment).map_or(0, |count| count.saturating_add(1));
    if count > RANGE_MAX {
        return Err(format!("a range holds at most {RANGE_MAX} items"));
    }
    let ahead = |at: &i64| if increment > 0 { *at <= last } else { *at >= last };
    let numbers = std::iter::successors(Some(first), |at| at.checked_add(increment));
    Ok(numbers.take_while(ahead).map(Value::from).collect())
}

pub(super) fn unique(arguments: &[Value], _: u64) -> Result<Value, String> {
    let [items] = arguments else { return Err("takes an array".into()) };
    let mut kept: Vec<Value> = Vec::new();
    for item in list(items)? {
        if !kept.iter().any(|other| same(other, item)) {
            kept.push(item.clone());
        }
    }
    Ok(kept.into())
}

pub(super) fn math_add(arguments: &[Value], _: u64) -> Result<Value, String> {
    let [left, right] = arguments else { return Err("takes two numbers".into()) };
    Ok(integer(left)?.wrapping_add(integer(right)?).into())
}

pub(super) fn math_random(arguments: &[Value], entropy: u64) -> Result<Value, String> {
    let mut numbers = arguments.iter().map(integer);
    let mut next = || numbers.next().transpose();
    let (Some(from), Some(to)) = (next()?, next()?) else { return Err("takes a start and an end".into()) };
    let entropy = next()?.map_or(entropy, |seed| mix(u64::from_ne_bytes(seed.to_ne_bytes())));
    match to.checked_sub(from).and_then(|span| u64::try_from(span).ok()) {
        Some(span) if span > 0 => Ok(from.wrapping_add_unsigned(entropy % span).into()),
        _ => Err("the end must be above the start".into()),
    }
}

/// One step of splitmix64: spreads a seed over all bits.
pub(crate) fn mix(seed: u64) -> u64 {
    let mut bits = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

fn list(value: &Value) -> Result<&Vec<Value>, String> {
    value.as_array().ok_or_else(|| format!("expected an array, not {value}"))
}

/// AWS rounds numbers to the nearest integer where it wants one.
#[expect(clippy::cast_possible_truncation, reason = "saturates, as Java's Math.round does")]
fn integer(value: &Value) -> Result<i64, String> {
    value
        .as_i64()
        .or_else(|| value.as_f64().map(|number| (number + 0.5).floor() as i64))
        .ok_or_else(|| format!("expected a number, not {value}"))
}
