//! Intrinsic functions on arrays and numbers.

use serde_json::Value;

use super::{Refusal, java};

/// Most items that `States.ArrayRange` makes.
const RANGE_MAX: i64 = 1000;

type Result<T> = std::result::Result<T, Refusal>;

pub(super) fn array(arguments: &[Value], _: u64) -> Result<Value> {
    Ok(Value::Array(arguments.to_vec()))
}

/// AWS compares as texts: `true` is in a list that holds `"true"`, and `1.0` is not in one that holds 1.
pub(super) fn contains(arguments: &[Value], _: u64) -> Result<Value> {
    let [items, wanted] = arguments else { return Err(Refusal::Arguments) };
    let wanted = java::text(wanted);
    Ok(list(items)?.iter().any(|item| java::text(item) == wanted).into())
}

/// Of an empty array AWS gives `null`, whatever the index.
pub(super) fn get_item(arguments: &[Value], _: u64) -> Result<Value> {
    let [items, index] = arguments else { return Err(Refusal::Arguments) };
    let (items, index) = (list(items)?, truncated(index)?);
    if items.is_empty() {
        return Ok(Value::Null);
    }
    let item = usize::try_from(index).ok().and_then(|index| items.get(index));
    item.cloned().ok_or(Refusal::Arguments)
}

pub(super) fn length(arguments: &[Value], _: u64) -> Result<Value> {
    let [items] = arguments else { return Err(Refusal::Arguments) };
    Ok(list(items)?.len().into())
}

pub(super) fn partition(arguments: &[Value], _: u64) -> Result<Value> {
    let [items, size] = arguments else { return Err(Refusal::Arguments) };
    let items = list(items)?;
    match usize::try_from(truncated(size)?) {
        Ok(size) if size > 0 => Ok(items.chunks(size).map(<[Value]>::to_vec).collect()),
        _ => Err(Refusal::Arguments),
    }
}

pub(super) fn range(arguments: &[Value], _: u64) -> Result<Value> {
    let [first, last, increment] = arguments else { return Err(Refusal::Arguments) };
    let (first, last, increment) = (truncated(first)?, truncated(last)?, truncated(increment)?);
    let count = last.saturating_sub(first).checked_div(increment).ok_or(Refusal::Arguments)?;
    if count >= RANGE_MAX {
        return Err(Refusal::Arguments);
    }
    let ahead = |at: &i64| if increment > 0 { *at <= last } else { *at >= last };
    let numbers = std::iter::successors(Some(first), |at| at.checked_add(increment));
    Ok(numbers.take_while(ahead).map(Value::from).collect())
}

pub(super) fn unique(arguments: &[Value], _: u64) -> Result<Value> {
    let [items] = arguments else { return Err(Refusal::Arguments) };
    Ok(java::set(list(items)?).into())
}

/// Operands and sum have 32 bits. Here alone fractions are rounded.
pub(super) fn math_add(arguments: &[Value], _: u64) -> Result<Value> {
    let [left, right] = arguments else { return Err(Refusal::Arguments) };
    let (left, right) = (rounded(left)?, rounded(right)?);
    left.checked_add(right).map(Value::from).ok_or(Refusal::Arguments)
}

pub(super) fn math_random(arguments: &[Value], entropy: u64) -> Result<Value> {
    let (from, to, seed) = match arguments {
        [from, to] => (from, to, None),
        [from, to, seed] => (from, to, Some(truncated(seed)?)),
        _ => return Err(Refusal::Arguments),
    };
    let (from, to) = (truncated(from)?, truncated(to)?);
    let entropy = seed.map_or(entropy, |seed| mix(seed.cast_unsigned()));
    match to.checked_sub(from).and_then(|span| u64::try_from(span).ok()) {
        Some(span) if span > 0 => Ok(from.wrapping_add_unsigned(entropy % span).into()),
        _ => Err(Refusal::Arguments),
    }
}

/// One step of splitmix64: spreads a seed over all bits.
pub(crate) fn mix(seed: u64) -> u64 {
    let mut bits = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

fn list(value: &Value) -> Result<&Vec<Value>> {
    value.as_array().ok_or(Refusal::Arguments)
}

#[expect(clippy::cast_possible_truncation, reason = "saturates, as Java's casts do")]
fn truncated(value: &Value) -> Result<i64> {
    value.as_i64().or_else(|| value.as_f64().map(|number| number as i64)).ok_or(Refusal::Arguments)
}

/// To the nearest integer, halves upwards.
#[expect(clippy::cast_possible_truncation, reason = "saturates, as Java's Math.round does")]
fn rounded(value: &Value) -> Result<i32> {
    let number = value.as_i64().or_else(|| value.as_f64().map(|number| (number + 0.5).floor() as i64));
    number.and_then(|number| i32::try_from(number).ok()).ok_or(Refusal::Arguments)
}
