//! The functions that Step Functions adds to JSONata, those that it takes away, and those that would
//! otherwise ask the machine for time or chance.
//!
//! The library resolves a name first among the variables, then among the functions given here, then among
//! its own. So a function given here replaces one of the same name; a variable still hides both.

use std::cell::Cell;
use std::rc::Rc;

use jsonata_core::ast::AstNode;
use jsonata_core::evaluator::{Evaluator, EvaluatorError};
use jsonata_core::value::JValue;
use serde_json::Value;

use super::uses::{Need, Uses};
use super::values;
use crate::intrinsic::{digest, mix, uuid_text};
use crate::timestamp::Timestamp;

type Answer = Result<JValue, EvaluatorError>;

/// What a function can know beside its arguments: everything that is not in the document.
pub(super) struct Given {
    now: Timestamp,
    entropy: Cell<u64>,
}

impl Given {
    /// The step's time, and where chance starts.
    pub fn new(now: Timestamp, entropy: u64) -> Self {
        Self { now, entropy: Cell::new(entropy) }
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

/// The functions that take from the step's entropy.
pub(super) const DRAWING: &[&str] = &["random", "shuffle", "uuid"];

/// Most values that `$range` makes.
const RANGE_MAX: f64 = 1_000_000.0;

/// Gives the evaluator those functions that an expression names.
pub(super) fn register(
    evaluator: &mut Evaluator,
    uses: &Uses,
    given: &Rc<Given>,
) -> Result<(), EvaluatorError> {
    for function in FUNCTIONS.iter().filter(|function| uses.names(function.name)) {
        let (given, apply) = (given.clone(), function.apply);
        evaluator
            .register_fn_override(function.name, move |arguments: &[JValue]| apply(&given, arguments))?;
    }
    Ok(())
}

/// The tree in terms of the functions here.
pub(super) fn adapt(tree: AstNode) -> AstNode {
    tree
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

/// A number from 0 up to but without 1; the same seed always gives the same.
#[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
fn random(given: &Given, arguments: &[JValue]) -> Answer {
    let drawn = match arguments.first() {
        None | Some(JValue::Undefined) => given.draw(),
        Some(seed) => mix(number("random", 1, Some(seed))?.to_bits()),
    };
    Ok(JValue::Number((drawn >> 11) as f64 / (1_u64 << 53) as f64))
}

fn shuffle(given: &Given, arguments: &[JValue]) -> Answer {
    let mut items = match arguments.first() {
        None | Some(JValue::Undefined) => return Ok(JValue::Undefined),
        Some(JValue::Array(items)) => items.to_vec(),
        Some(single) => vec![single.clone()],
    };
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
    let data = match arguments.first() {
        None | Some(JValue::Undefined) => return Ok(JValue::Undefined),
        Some(JValue::String(text)) => text.to_string(),
        Some(other) => values::lower(other).map_err(error)?.to_string(),
    };
    let algorithm = text("hash", 2, arguments.get(1))?;
    match digest(algorithm, &data) {
        Some(digest) => Ok(digest.into()),
        None => Err(error(format!(
            "unknown algorithm '{algorithm}': use MD5, SHA-1, SHA-256, SHA-384 or SHA-512"
        ))),
    }
}

fn parse(_: &Given, arguments: &[JValue]) -> Answer {
    let text = match arguments.first() {
        None | Some(JValue::Undefined) => return Ok(JValue::Undefined),
        some => text("parse", 1, some)?,
    };
    let value: Value = serde_json::from_str(text).map_err(|cause| error(format!("Invalid JSON: {cause}")))?;
    Ok(values::lift(&value, &Need::All))
}

fn partition(_: &Given, arguments: &[JValue]) -> Answer {
    let items = match arguments.first() {
        None | Some(JValue::Undefined) => return Ok(JValue::Undefined),
        Some(JValue::Array(items)) => items.to_vec(),
        Some(single) => vec![single.clone()],
    };
    let size = number("partition", 2, arguments.get(1))?;
    if !(size >= 1.0) {
        return Err(mismatch("partition", 2));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at least 1; saturates")]
    let size = size as usize;
    Ok(JValue::array(items.chunks(size).map(|part| JValue::array(part.to_vec())).collect()))
}

/// Numbers from the first to the last. A single one stands for itself, as in any sequence.
fn range(_: &Given, arguments: &[JValue]) -> Answer {
    let argument = |index: usize| number("range", index + 1, arguments.get(index));
    let (first, last, increment) = (argument(0)?, argument(1)?, argument(2)?);
    let count = ((last - first) / increment).floor() + 1.0;
    if increment == 0.0 || !count.is_finite() {
        return Err(mismatch("range", 3));
    }
    if count > RANGE_MAX {
        return Err(error(format!(
            "D2014: The size of the sequence must not exceed {RANGE_MAX}. Attempted to allocate {count}."
        )));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "bounded above; saturates at 0"
    )]
    let count = count as u32;
    Ok(JValue::sequence(
        (0..count).map(|at| JValue::Number(f64::from(at).mul_add(increment, first))).collect(),
    ))
}

fn number(function: &str, index: usize, argument: Option<&JValue>) -> Result<f64, EvaluatorError> {
    match argument {
        Some(JValue::Number(number)) => Ok(*number),
        _ => Err(mismatch(function, index)),
    }
}

fn text<'a>(function: &str, index: usize, argument: Option<&'a JValue>) -> Result<&'a str, EvaluatorError> {
    argument.and_then(JValue::as_str).ok_or_else(|| mismatch(function, index))
}

fn mismatch(function: &str, index: usize) -> EvaluatorError {
    error(format!("T0410: Argument {index} of function \"{function}\" does not match function signature"))
}

fn error(message: impl Into<String>) -> EvaluatorError {
    EvaluatorError::EvaluationError(message.into())
}
