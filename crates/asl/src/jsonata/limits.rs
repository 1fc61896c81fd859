//! How much one evaluation may take. AWS publishes no such numbers; these keep a hostile expression from
//! taking the process with it.

use std::panic::{self, AssertUnwindSafe};

use jsonata_core::ast::AstNode;
use jsonata_core::evaluator::{Evaluator, EvaluatorError, EvaluatorOptions};
use jsonata_core::value::JValue;

use super::uses::Uses;
use super::{messages, rewrite};
use crate::limits::DATA_BYTES_MAX;

/// Longest expression, in bytes. A definition as a whole is bounded too.
pub(super) const EXPRESSION_BYTES_MAX: usize = 262_144;
/// Most bytes of JSON that a result is turned into. No state takes more than a quarter of it.
pub(super) const RESULT_BYTES_MAX: usize = 4 * DATA_BYTES_MAX;
/// Deepest nesting of a result: JSON is read 127 deep, and a result ends up inside of an event.
pub(super) const NESTING_MAX: usize = 100;
/// Most bytes that one value holds while an expression is evaluated, with a number as eight: AWS accepts a text of
/// 2^22 characters and none of 2^23, and 873,782 numbers.
pub(super) const HELD_BYTES_MAX: usize = SEQUENCE_MAX * NUMBER_BYTES;
/// The same for a value of which lists are made on the way down.
pub(super) const DEEP_BYTES_MAX: usize = 4 * DATA_BYTES_MAX;
/// What a number counts as.
pub(super) const NUMBER_BYTES: usize = 8;
/// What an array or an object counts as, beside what is in it.
pub(super) const CONTAINER_BYTES: usize = 32;
/// Most values that all ranges of one evaluation make together.
pub(super) const RANGES_MAX: f64 = 4_000_000.0;
/// Longest list in which each item is compared with each; AWS's second is over before the end of a longer one.
pub(super) const LIST_MAX: usize = 20_000;
/// Longest picture of a number or a time.
pub(super) const PICTURE_BYTES_MAX: usize = 1_000;
/// Most digits of a width in a picture of a time.
pub(super) const PICTURE_WIDTH_DIGITS_MAX: usize = 3;
/// Widest text that `$pad` makes, and largest number in Roman numerals.
pub(super) const PAD_MAX: f64 = 4_194_304.0;
/// Most values in one sequence: AWS's number.
const SEQUENCE_MAX: usize = 873_782;
/// Deepest nesting of evaluations: AWS accepts a sum of 100 terms and refuses one of 101.
const DEPTH_MAX: usize = 100;
/// The same where there are checks: each is a level of its own.
const CHECKED_DEPTH_MAX: usize = 2 * DEPTH_MAX;
/// Longest time of one evaluation: AWS documents one second, which holds for the step as a whole here. It is the
/// only place where an outcome hangs on time, and what runs into it fails on AWS too.
const TIME_MAX_MS: u64 = 800;

/// The limits of one evaluation.
pub(super) fn options(uses: &Uses) -> EvaluatorOptions {
    let is_checked = [rewrite::DEEP, rewrite::HELD, rewrite::WALKED].iter().any(|check| uses.names(check));
    EvaluatorOptions {
        timeout_ms: Some(TIME_MAX_MS),
        cancel: None,
        max_stack_depth: Some(if is_checked { CHECKED_DEPTH_MAX } else { DEPTH_MAX }),
        max_sequence_length: Some(SEQUENCE_MAX),
    }
}

/// Evaluates. Where the library panics on odd arguments, as it does when its own arithmetic overflows, the
/// evaluation fails: an expression must not end the process.
pub(super) fn evaluate(
    evaluator: &mut Evaluator,
    tree: &AstNode,
    document: &JValue,
) -> Result<JValue, EvaluatorError> {
    // WHY: nothing of the evaluator is used again after a panic.
    panic::catch_unwind(AssertUnwindSafe(|| evaluator.evaluate(tree, document))).unwrap_or_else(|_| {
        Err(EvaluatorError::EvaluationError("the evaluator failed on these arguments".to_owned()))
    })
}

/// Parses an expression. Says why if it cannot.
pub(super) fn parse(text: &str) -> Result<AstNode, String> {
    if text.len() > EXPRESSION_BYTES_MAX {
        return Err(format!("an expression holds at most {EXPRESSION_BYTES_MAX} bytes"));
    }
    jsonata_core::parser::parse(text).map_err(|error| messages::of_parsing(&error.to_string()))
}
