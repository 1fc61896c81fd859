//! The predicates of `[?(...)]`. A value that is not there makes a comparison false, never an error.

use std::cmp::Ordering;

use serde_json::Value;

use super::{Path, Root};

/// A predicate over one element.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Filter {
    Or(Vec<Filter>),
    And(Vec<Filter>),
    Not(Box<Filter>),
    Exists(Path),
    Compare(Operand, Comparison, Operand),
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operand {
    Path(Path),
    Literal(Value),
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
    Contains,
    Size,
    Empty,
    SubsetOf,
}

impl Comparison {
    /// Longer tokens come before their prefixes.
    pub const TOKENS: &[(&str, Self)] = &[
        ("===", Self::Equal),
        ("!==", Self::NotEqual),
        ("==", Self::Equal),
        ("!=", Self::NotEqual),
        ("<=", Self::LessOrEqual),
        (">=", Self::GreaterOrEqual),
        ("<", Self::Less),
        (">", Self::Greater),
        ("in ", Self::In),
        ("IN ", Self::In),
        ("nin ", Self::NotIn),
        ("NIN ", Self::NotIn),
        ("contains ", Self::Contains),
        ("CONTAINS ", Self::Contains),
        ("size ", Self::Size),
        ("SIZE ", Self::Size),
        ("empty ", Self::Empty),
        ("EMPTY ", Self::Empty),
        ("subsetof ", Self::SubsetOf),
    ];
}

impl Filter {
    /// Whether `current` passes; `root` is the document that `$` means.
    pub fn passes(&self, current: &Value, root: &Value) -> bool {
        match self {
            Self::Or(any) => any.iter().any(|filter| filter.passes(current, root)),
            Self::And(all) => all.iter().all(|filter| filter.passes(current, root)),
            Self::Not(filter) => !filter.passes(current, root),
            Self::Exists(path) => exists(path, current, root),
            Self::Compare(left, comparison, right) => {
                compare(&left.value(current, root), *comparison, &right.value(current, root))
            }
        }
    }
}

impl Operand {
    fn value(&self, current: &Value, root: &Value) -> Option<Value> {
        match self {
            Self::Literal(value) => Some(value.clone()),
            Self::Path(path) => path.select(document(path, current, root)).ok(),
        }
    }
}

fn document<'v>(path: &Path, current: &'v Value, root: &'v Value) -> &'v Value {
    if path.root == Root::Current { current } else { root }
}

fn exists(path: &Path, current: &Value, root: &Value) -> bool {
    match path.select(document(path, current, root)) {
        Ok(Value::Array(found)) if !path.is_definite() => !found.is_empty(),
        Ok(_) => true,
        Err(_) => false,
    }
}

fn compare(left: &Option<Value>, comparison: Comparison, right: &Option<Value>) -> bool {
    let (Some(left), Some(right)) = (left, right) else {
        return comparison == Comparison::NotEqual && left != right;
    };
    let within = |items: &Value, item: &Value| {
        items.as_array().is_some_and(|items| items.iter().any(|other| same(other, item)))
    };
    match comparison {
        Comparison::Equal => same(left, right),
        Comparison::NotEqual => !same(left, right),
        Comparison::Less => order(left, right) == Some(Ordering::Less),
        Comparison::LessOrEqual => matches!(order(left, right), Some(Ordering::Less | Ordering::Equal)),
        Comparison::Greater => order(left, right) == Some(Ordering::Greater),
        Comparison::GreaterOrEqual => matches!(order(left, right), Some(Ordering::Greater | Ordering::Equal)),
        Comparison::In => within(right, left),
        Comparison::NotIn => !within(right, left),
        Comparison::Contains => match (left, right) {
            (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
            _ => within(left, right),
        },
        Comparison::Size => size(left).map(|size| size as u64) == right.as_u64(),
        Comparison::Empty => Some(size(left) == Some(0)) == right.as_bool(),
        Comparison::SubsetOf => {
            left.as_array().is_some_and(|items| items.iter().all(|item| within(right, item)))
        }
    }
}

fn size(value: &Value) -> Option<usize> {
    match value {
        Value::Array(items) => Some(items.len()),
        Value::String(text) => Some(text.chars().count()),
        _ => None,
    }
}

/// Equality that takes `1` and `1.0` for the same number.
pub(crate) fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left == right || left.as_f64() == right.as_f64(),
        _ => left == right,
    }
}

fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.as_f64()?.partial_cmp(&right.as_f64()?),
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        _ => None,
    }
}
