//! How much one evaluation may take. AWS publishes no such numbers; these keep a hostile expression from
//! taking the process with it.

use jsonata_core::ast::AstNode;
use jsonata_core::evaluator::EvaluatorOptions;

/// Longest expression, in bytes. A definition as a whole is bounded too.
pub(super) const EXPRESSION_BYTES_MAX: usize = 262_144;
/// Most bytes of JSON that a result is turned into; states take less.
pub(super) const RESULT_BYTES_MAX: usize = 16_777_216;
/// Deepest nesting of a result, as deep as JSON is read.
pub(super) const NESTING_MAX: usize = 127;
/// Most values in one sequence.
const SEQUENCE_MAX: usize = 1_000_000;
/// Deepest nesting of evaluations; a recursive call takes about three.
const DEPTH_MAX: usize = 4_096;
/// The last resort against loops without end, far above what any honest expression takes. It is the only
/// place where an outcome hangs on time: what runs into it fails either way, sooner or later.
const TIME_MAX_MS: u64 = 900;

/// The limits of one evaluation.
pub(super) fn options() -> EvaluatorOptions {
    EvaluatorOptions {
        timeout_ms: Some(TIME_MAX_MS),
        cancel: None,
        max_stack_depth: Some(DEPTH_MAX),
        max_sequence_length: Some(SEQUENCE_MAX),
    }
}

/// Parses an expression. Says why if it cannot.
pub(super) fn parse(text: &str) -> Result<AstNode, String> {
    if text.len() > EXPRESSION_BYTES_MAX {
        return Err(format!("an expression holds at most {EXPRESSION_BYTES_MAX} bytes"));
    }
    jsonata_core::parser::parse(text).map_err(|error| error.to_string())
}
