//! The functions that Step Functions adds to JSONata, those that it takes away, and those that would
//! otherwise ask the machine for time or chance.
//!
//! The library resolves a name first among the variables, then among the functions given here, then among
//! its own. So a function given here replaces one of the same name; a variable still hides both.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use super::limits::{
    DEEP_BYTES_MAX, HELD_BYTES_MAX, LIST_MAX, NUMBER_BYTES, PAD_MAX, PICTURE_BYTES_MAX,
    PICTURE_WIDTH_DIGITS_MAX, RANGES_MAX,
};
use super::uses::{Need, Uses};
use super::{json, messages, rewrite, values};
use crate::intrinsic::{digest, mix, uuid_text};
use crate::timestamp::Timestamp;
use jsonata_core::evaluator::{Evaluator, EvaluatorError};
use jsonata_core::value::JValue;

type Answer = Result<JValue, EvaluatorError>;

/// What a function can know beside its arguments: everything that is not in the document.
pub(super) struct Given {
    now: Timestamp,
    entropy: Cell<u64>,
    /// How many values ranges may still make.
    range_left: Cell<f64>,
}

impl Given {
    /// The step's time, and where chance starts.
    pub fn new(now: Timestamp, entropy: u64) -> Self {
        Self { now, entropy: Cell::new(entropy), range_left: Cell::new(RANGES_MAX) }
    }

    fn draw(&self) -> u64 {
        let drawn = mix(self.entropy.get());
        self.entropy.set(drawn);
        drawn
    }
}

/// A function by its name.
struct Function {
    name: &'static str,
    apply: fn(&Given, &[JValue]) -> Answer,
}

const FUNCTIONS: &[Function] = &[
    Function { name: "eval", apply: eval },
    Function { name: "hash", apply: hash },
    Function { name: "millis", apply: millis },
    Function { name: "now", apply: now },
    Function { name: "parse", apply: parse },
    Function { name: "partition", apply: partition },
    Function { name: "random", apply: random },
    Function { name: "range", apply: range },
    Function { name: "shuffle", apply: shuffle },
    Function { name: "uuid", apply: uuid },
];

/// How many arguments a call may have at most. What a function like `$map` hands on beyond that does not count.
pub(super) const ARITIES: &[(&str, usize)] = &[
    ("hash", 2),
    ("millis", 0),
    ("pad", 3),
    ("parse", 1),
    ("partition", 2),
    ("random", 1),
    ("range", 3),
    ("shuffle", 1),
    ("uuid", 0),
];

/// What `rewrite` puts into expressions.
const CHECKS: &[Function] = &[
    Function { name: rewrite::DEEP, apply: deep },
    Function { name: rewrite::HELD, apply: held },
    Function { name: rewrite::LIST, apply: list },
    Function { name: rewrite::NUMBER, apply: exact },
    Function { name: rewrite::PICTURE, apply: picture },
    Function { name: rewrite::RANGE, apply: steps },
    Function { name: "pad", apply: pad },
    Function { name: rewrite::SURPLUS, apply: surplus },
    Function { name: rewrite::WALKED, apply: walked },
    Function { name: rewrite::WIDTH, apply: width },
];

/// The functions that take from the step's entropy.
pub(super) const DRAWING: &[&str] = &["random", "shuffle", "uuid"];

/// Most values that `$range` makes: AWS's number.
const RANGE_MAX: i128 = 360_145;

/// Gives the evaluator those functions that an expression names.
pub(super) fn register(
    evaluator: &mut Evaluator,
    uses: &Uses,
    given: &Rc<Given>,
) -> Result<(), EvaluatorError> {
    register_some(evaluator, uses, given, CHECKS.iter().chain(FUNCTIONS))
}

/// Gives the evaluator the checks alone.
pub(super) fn register_checks(evaluator: &mut Evaluator, uses: &Uses) -> Result<(), EvaluatorError> {
    register_some(evaluator, uses, &Rc::new(Given::new(Timestamp(0), 0)), CHECKS)
}

fn register_some(
    evaluator: &mut Evaluator,
    uses: &Uses,
    given: &Rc<Given>,
    functions: impl IntoIterator<Item = &'static Function>,
) -> Result<(), EvaluatorError> {
    for function in functions.into_iter().filter(|function| uses.names(function.name)) {
        let (given, apply) = (given.clone(), function.apply);
        evaluator
            .register_fn_override(function.name, move |arguments: &[JValue]| apply(&given, arguments))?;
    }
    Ok(())
}

fn held(_: &Given, arguments: &[JValue]) -> Answer {
    let value = arguments.first().cloned().unwrap_or(JValue::Undefined);
    let size = match &value {
        JValue::String(text) => text.len(),
        JValue::Array(items) => items.len().saturating_mul(NUMBER_BYTES),
        _ => 0,
    };
    if size > HELD_BYTES_MAX { Err(error(messages::TOO_LARGE)) } else { Ok(value) }
}

fn walked(_: &Given, arguments: &[JValue]) -> Answer {
    within(HELD_BYTES_MAX, arguments)
}

fn deep(_: &Given, arguments: &[JValue]) -> Answer {
    within(DEEP_BYTES_MAX, arguments)
}

fn within(most: usize, arguments: &[JValue]) -> Answer {
    let value = arguments.first().cloned().unwrap_or(JValue::Undefined);
    let mut left = most;
    if values::spend(&value, &mut left) { Ok(value) } else { Err(error(messages::TOO_LARGE)) }
}

fn width(_: &Given, arguments: &[JValue]) -> Answer {
    match arguments.first() {
        Some(JValue::Number(width)) if width.abs() > PAD_MAX => Err(error(messages::TOO_LARGE)),
        other => Ok(other.cloned().unwrap_or(JValue::Undefined)),
    }
}

/// `$pad`, with a widest text.
fn pad(given: &Given, arguments: &[JValue]) -> Answer {
    width(given, arguments.get(1..).unwrap_or_default())?;
    let Some(text) = text("pad", 1, arguments.first())? else { return Ok(JValue::Undefined) };
    let width = match arguments.get(1) {
        None | Some(JValue::Undefined) => 0,
        width => whole("pad", 2, width)?,
    };
    let filler = match self::text("pad", 3, arguments.get(2))? {
        Some(filler) if !filler.is_empty() => filler,
        _ => " ",
    };
    let missing = usize::try_from(width.unsigned_abs()).unwrap_or_default();
    let missing = missing.saturating_sub(text.chars().count());
    let filling: String = filler.chars().cycle().take(missing).collect();
    Ok(if width > 0 { text.to_owned() + &filling } else { filling + text }.into())
}

fn steps(given: &Given, arguments: &[JValue]) -> Answer {
    let last = arguments.first().cloned().unwrap_or(JValue::Undefined);
    if let (JValue::Number(last), Some(JValue::Number(first))) = (&last, arguments.get(1)) {
        // WHY: a single range that is too long is refused by the library.
        let size = if last - first < RANGES_MAX { (last - first).max(0.0) } else { 0.0 };
        let left = given.range_left.get() - size;
        given.range_left.set(left);
        if left < 0.0 {
            return Err(error(messages::TOO_LARGE));
        }
    }
    Ok(last)
}

fn exact(_: &Given, arguments: &[JValue]) -> Answer {
    Ok(match arguments.first() {
        Some(JValue::Number(number)) => JValue::Number(number.clamp(-values::EXACT_MAX, values::EXACT_MAX)),
        other => other.cloned().unwrap_or(JValue::Undefined),
    })
}

/// Stands for a call with too many arguments: its function, and the first that is too much.
fn surplus(_: &Given, arguments: &[JValue]) -> Answer {
    match arguments {
        [JValue::String(name), JValue::Number(index)] => Err(mismatch(name, index)),
        _ => Ok(JValue::Undefined),
    }
}

fn list(_: &Given, arguments: &[JValue]) -> Answer {
    match arguments.first() {
        Some(JValue::Array(items)) if items.len() > LIST_MAX => Err(error(messages::TOO_LONG)),
        other => Ok(other.cloned().unwrap_or(JValue::Undefined)),
    }
}

fn picture(_: &Given, arguments: &[JValue]) -> Answer {
    let value = arguments.first().cloned().unwrap_or(JValue::Undefined);
    match &value {
        JValue::String(picture) if !is_fair(picture) => Err(error(messages::TOO_LARGE)),
        _ => Ok(value),
    }
}

/// Whether a picture is short, and asks for no widths that are not: `[Y,1-1000000000]`.
fn is_fair(picture: &str) -> bool {
    let widths = picture.split('[').skip(1).filter_map(|marker| marker.split(']').next()?.split_once(','));
    let mut numbers = widths.flat_map(|(_, widths)| widths.split(|digit: char| !digit.is_ascii_digit()));
    picture.len() <= PICTURE_BYTES_MAX && numbers.all(|digits| digits.len() <= PICTURE_WIDTH_DIGITS_MAX)
}

fn eval(_: &Given, _: &[JValue]) -> Answer {
    Err(error("T1006: Attempted to invoke a non-function"))
}

fn now(given: &Given, _: &[JValue]) -> Answer {
    Ok(given.now.to_string().into())
}

fn millis(given: &Given, _: &[JValue]) -> Answer {
    Ok(given.now.0.into())
}

/// A number from 0 up to but without 1. The same seed always gives the same, which is that of Java.
#[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
fn random(given: &Given, arguments: &[JValue]) -> Answer {
    let bits = match arguments.first() {
        None | Some(JValue::Undefined) => given.draw() >> 11,
        seed => java_random(whole("random", 1, seed)?),
    };
    Ok(JValue::Number(bits as f64 / (1_u64 << 53) as f64))
}

/// The first 53 bits of `java.util.Random`: a linear congruential generator of 48 bits.
fn java_random(seed: i64) -> u64 {
    const FACTOR: u64 = 0x5_DEEC_E66D;
    const MASK: u64 = (1 << 48) - 1;
    let next = |state: u64| state.wrapping_mul(FACTOR).wrapping_add(0xB) & MASK;
    let first = next((u64::from_ne_bytes(seed.to_ne_bytes()) ^ FACTOR) & MASK);
    let second = next(first);
    ((first >> 22) << 27) + (second >> 21)
}

fn shuffle(given: &Given, arguments: &[JValue]) -> Answer {
    let Some(mut items) = items(arguments.first()) else { return Ok(JValue::Undefined) };
    for last in (1..items.len()).rev() {
        let other = usize::try_from(given.draw() % (last as u64 + 1)).unwrap_or_default();
        items.swap(last, other);
    }
    Ok(JValue::array(items))
}

fn uuid(given: &Given, _: &[JValue]) -> Answer {
    Ok(uuid_text(given.draw()).into())
}

fn hash(_: &Given, arguments: &[JValue]) -> Answer {
    let (Some(data), Some(algorithm)) =
        (text("hash", 1, arguments.first())?, text("hash", 2, arguments.get(1))?)
    else {
        return Ok(JValue::Undefined);
    };
    let digest = digest(algorithm, data);
    digest.map(JValue::from).ok_or_else(|| {
        error(format!(
            "D3137: Unsupported algorithm {algorithm}: use MD5, SHA-1, SHA-256, SHA-384 or SHA-512"
        ))
    })
}

fn parse(_: &Given, arguments: &[JValue]) -> Answer {
    let Some(text) = text("parse", 1, arguments.first())? else { return Ok(JValue::Undefined) };
    let value = json::parse(text).map_err(|cause| error(format!("D3137: Invalid JSON: {cause}")))?;
    Ok(values::lift(&value, &Need::All))
}

fn partition(_: &Given, arguments: &[JValue]) -> Answer {
    if matches!(arguments.first(), Some(JValue::Null)) {
        return Err(mismatch("partition", 1));
    }
    let Some(items) = items(arguments.first()) else { return Ok(JValue::Undefined) };
    let size = match arguments.get(1) {
        None | Some(JValue::Undefined) => items.len(),
        size => usize::try_from(whole("partition", 2, size)?)
            .map_err(|_| error("D3137: Second argument must be zero or greater"))?,
    };
    if size == 0 || items.is_empty() {
        return Ok(JValue::Undefined);
    }
    Ok(JValue::array(items.chunks(size).map(|part| JValue::array(part.to_vec())).collect()))
}

/// Numbers from the first to the last. A single one stands for itself, as in any sequence.
#[expect(clippy::cast_precision_loss, reason = "numbers are of that precision here")]
fn range(_: &Given, arguments: &[JValue]) -> Answer {
    let first = i128::from(whole("range", 1, arguments.first())?);
    let last = i128::from(whole("range", 2, arguments.get(1))?);
    let increment = match arguments.get(2) {
        None | Some(JValue::Undefined) => 0,
        increment => i128::from(whole("range", 3, increment)?),
    };
    let span = last - first;
    if increment == 0 || (span != 0 && (span > 0) != (increment > 0)) {
        return Ok(JValue::Undefined);
    }
    let steps = span / increment;
    if steps >= RANGE_MAX {
        return Err(error(messages::TOO_LARGE));
    }
    Ok(JValue::sequence((0..=steps).map(|at| JValue::Number((first + at * increment) as f64)).collect()))
}

/// The items of an array; one value stands for an array of it.
fn items(argument: Option<&JValue>) -> Option<Vec<JValue>> {
    match argument {
        None | Some(JValue::Undefined) => None,
        Some(JValue::Array(items)) => Some(items.to_vec()),
        Some(single) => Some(vec![single.clone()]),
    }
}

/// A number without its fraction.
#[expect(clippy::cast_possible_truncation, reason = "saturates")]
fn whole(function: &str, index: usize, argument: Option<&JValue>) -> Result<i64, EvaluatorError> {
    match argument {
        Some(JValue::Number(number)) => Ok(*number as i64),
        _ => Err(mismatch(function, index)),
    }
}

/// A text; nothing if the argument is.
fn text<'a>(
    function: &str,
    index: usize,
    argument: Option<&'a JValue>,
) -> Result<Option<&'a str>, EvaluatorError> {
    match argument {
        None | Some(JValue::Undefined) => Ok(None),
        Some(JValue::String(text)) => Ok(Some(text)),
        Some(_) => Err(mismatch(function, index)),
    }
}

fn mismatch(function: &str, index: impl fmt::Display) -> EvaluatorError {
    error(format!("T0410: Argument {index} of function \"{function}\" does not match function signature"))
}

fn error(message: impl Into<String>) -> EvaluatorError {
    EvaluatorError::EvaluationError(message.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    fn a_seed_gives_the_number_that_it_gives_in_java() {
        for (seed, number) in
            [(42, 0.727_563_680_032_868_1), (0, 0.730_967_787_376_657), (7, 0.730_699_042_060_042_1)]
        {
            assert_eq!(java_random(seed) as f64 / (1_u64 << 53) as f64, number, "{seed}");
        }
    }
}
