//! Conditions of Choice states. A comparison of unlike types is false; a path that finds nothing is an error.

use std::cmp::Ordering;
use std::fmt;

use serde_json::Value;

use crate::expression::{Env, Fault};
use crate::path::{Path, same};
use crate::timestamp;

/// A rule's condition.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Condition {
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
    /// `Is...`
    Is {
        variable: Path,
        what: Is,
        expected: bool,
    },
    Compare {
        variable: Path,
        operator: Operator,
        operand: Operand,
    },
}

/// What a comparison compares with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operand {
    Literal(Value),
    Path(Path),
}

/// What an `Is...` operator asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Is {
    Boolean,
    Null,
    Numeric,
    Present,
    String,
    Timestamp,
}

/// The type that both sides of a comparison must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Boolean,
    Numeric,
    String,
    Timestamp,
}

/// The order that a comparison asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    Equals,
    LessThan,
    LessThanEquals,
    GreaterThan,
    GreaterThanEquals,
    Matches,
}

/// A comparison operator: one line of [`OPERATORS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operator {
    pub name: &'static str,
    pub of: Type,
    pub relation: Relation,
}

const fn operator(name: &'static str, of: Type, relation: Relation) -> Operator {
    Operator { name, of, relation }
}

/// All comparison operators; each but `StringMatches` also exists with `Path` at the end.
pub(crate) const OPERATORS: &[Operator] = &[
    operator("BooleanEquals", Type::Boolean, Relation::Equals),
    operator("NumericEquals", Type::Numeric, Relation::Equals),
    operator("NumericGreaterThan", Type::Numeric, Relation::GreaterThan),
    operator("NumericGreaterThanEquals", Type::Numeric, Relation::GreaterThanEquals),
    operator("NumericLessThan", Type::Numeric, Relation::LessThan),
    operator("NumericLessThanEquals", Type::Numeric, Relation::LessThanEquals),
    operator("StringEquals", Type::String, Relation::Equals),
    operator("StringGreaterThan", Type::String, Relation::GreaterThan),
    operator("StringGreaterThanEquals", Type::String, Relation::GreaterThanEquals),
    operator("StringLessThan", Type::String, Relation::LessThan),
    operator("StringLessThanEquals", Type::String, Relation::LessThanEquals),
    operator("StringMatches", Type::String, Relation::Matches),
    operator("TimestampEquals", Type::Timestamp, Relation::Equals),
    operator("TimestampGreaterThan", Type::Timestamp, Relation::GreaterThan),
    operator("TimestampGreaterThanEquals", Type::Timestamp, Relation::GreaterThanEquals),
    operator("TimestampLessThan", Type::Timestamp, Relation::LessThan),
    operator("TimestampLessThanEquals", Type::Timestamp, Relation::LessThanEquals),
];

/// All `Is...` operators.
pub(crate) const IS: &[(&str, Is)] = &[
    ("IsBoolean", Is::Boolean),
    ("IsNull", Is::Null),
    ("IsNumeric", Is::Numeric),
    ("IsPresent", Is::Present),
    ("IsString", Is::String),
    ("IsTimestamp", Is::Timestamp),
];

impl Condition {
    /// Whether it holds.
    pub fn holds(&self, env: &Env<'_>) -> Result<bool, Fault> {
        match self {
            Self::And(all) => {
                for condition in all {
                    if !condition.holds(env)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Or(any) => {
                for condition in any {
                    if condition.holds(env)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Not(condition) => condition.holds(env).map(|holds| !holds),
            Self::Is { variable, what, expected } => is(*what, *expected, variable, env),
            Self::Compare { variable, operator, operand } => {
                let left = select(variable, env)?;
                let right = match operand {
                    Operand::Literal(value) => value.clone(),
                    Operand::Path(path) => select(path, env)?,
                };
                Ok(operator.compare(&left, &right))
            }
        }
    }
}

fn select(path: &Path, env: &Env<'_>) -> Result<Value, Fault> {
    env.select(path).map_err(|fault| match fault {
        Fault::Missing { path, .. } => Fault::runtime(format!(
            "Invalid path '{path}': The choice state's condition path references an invalid value."
        )),
        other => other,
    })
}

fn is(what: Is, expected: bool, variable: &Path, env: &Env<'_>) -> Result<bool, Fault> {
    let value = match (what, env.select(variable)) {
        (Is::Present, Ok(_)) => return Ok(expected),
        (Is::Present, Err(_)) => return Ok(!expected),
        (_, Ok(value)) => value,
        (_, Err(_)) => select(variable, env)?,
    };
    let found = match what {
        Is::Boolean => value.is_boolean(),
        Is::Null => value.is_null(),
        Is::Numeric => value.is_number(),
        Is::String => value.is_string(),
        Is::Timestamp => value.as_str().and_then(timestamp::strict).is_some(),
        Is::Present => true,
    };
    Ok(found == expected)
}

impl Operator {
    /// The operator that a field's name means, and whether its value is a path.
    pub fn parse(field: &str) -> Option<(Self, bool)> {
        let find = |name: &str| OPERATORS.iter().find(|operator| operator.name == name).copied();
        if let Some(operator) = find(field) {
            return Some((operator, false));
        }
        let operator = find(field.strip_suffix("Path")?)?;
        (operator.relation != Relation::Matches).then_some((operator, true))
    }

    /// Whether a literal has the type that the operator compares.
    pub fn takes(self, value: &Value) -> bool {
        match self.of {
            Type::Boolean => value.is_boolean(),
            Type::Numeric => value.is_number(),
            Type::String => value.is_string(),
            Type::Timestamp => value.as_str().and_then(timestamp::strict).is_some(),
        }
    }

    fn compare(self, left: &Value, right: &Value) -> bool {
        if self.relation == Relation::Matches {
            return match (left, right) {
                (Value::String(text), Value::String(pattern)) => matches(text, pattern),
                _ => false,
            };
        }
        let Some(order) = self.order(left, right) else { return false };
        match self.relation {
            Relation::Equals | Relation::Matches => order == Ordering::Equal,
            Relation::LessThan => order == Ordering::Less,
            Relation::LessThanEquals => order != Ordering::Greater,
            Relation::GreaterThan => order == Ordering::Greater,
            Relation::GreaterThanEquals => order != Ordering::Less,
        }
    }

    fn order(self, left: &Value, right: &Value) -> Option<Ordering> {
        match (self.of, left, right) {
            (Type::Boolean, Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
            (Type::Numeric, Value::Number(_), Value::Number(_)) if same(left, right) => Some(Ordering::Equal),
            (Type::Numeric, Value::Number(left), Value::Number(right)) => {
                left.as_f64()?.partial_cmp(&right.as_f64()?)
            }
            (Type::String, Value::String(left), Value::String(right)) => Some(left.cmp(right)),
            (Type::Timestamp, Value::String(left), Value::String(right)) => {
                Some(timestamp::strict(left)?.cmp(&timestamp::strict(right)?))
            }
            _ => None,
        }
    }
}

/// `*` stands for any text, `\*` for a star, `\\` for a backslash.
fn matches(text: &str, pattern: &str) -> bool {
    let mut parts = vec![String::new()];
    let mut characters = pattern.chars();
    while let Some(c) = characters.next() {
        match c {
            '*' => parts.push(String::new()),
            '\\' => extend(&mut parts, characters.next().unwrap_or('\\')),
            c => extend(&mut parts, c),
        }
    }
    let Some((first, rest)) = parts.split_first() else { return false };
    let Some((last, middle)) = rest.split_last() else { return text == first };
    let Some(mut text) = text.strip_prefix(first.as_str()) else { return false };
    for part in middle {
        let Some((_, after)) = text.split_once(part.as_str()) else { return false };
        text = after;
    }
    text.ends_with(last.as_str())
}

fn extend(parts: &mut [String], c: char) {
    if let Some(part) = parts.last_mut() {
        part.push(c);
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join = |f: &mut fmt::Formatter<'_>, conditions: &[Self], word: &str| {
            for (at, condition) in conditions.iter().enumerate() {
                if at > 0 {
                    write!(f, " {word} ")?;
                }
                write!(f, "({condition})")?;
            }
            Ok(())
        };
        match self {
            Self::And(all) => join(f, all, "and"),
            Self::Or(any) => join(f, any, "or"),
            Self::Not(condition) => write!(f, "not ({condition})"),
            Self::Is { variable, what, expected } => {
                let not = if *expected { "" } else { "not " };
                write!(f, "{variable} is {not}{}", format!("{what:?}").to_lowercase())
            }
            Self::Compare { variable, operator, operand } => {
                let sign = match operator.relation {
                    Relation::Equals => "==",
                    Relation::LessThan => "<",
                    Relation::LessThanEquals => "<=",
                    Relation::GreaterThan => ">",
                    Relation::GreaterThanEquals => ">=",
                    Relation::Matches => "matches",
                };
                match operand {
                    Operand::Literal(value) => write!(f, "{variable} {sign} {value}"),
                    Operand::Path(path) => write!(f, "{variable} {sign} {path}"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_match_any_text_and_can_be_escaped() {
        assert!(matches("log-2026.txt", "log-*.txt"));
        assert!(matches("aXbXc", "a*b*c"));
        assert!(matches("a*c", "a\\*c"));
        assert!(!matches("abc", "a\\*c"));
        assert!(!matches("a", "a*a"));
        assert!(matches("anything", "*"));
        assert!(!matches("abc", "ab"));
    }

    #[test]
    fn every_operator_but_matches_has_a_path_form() {
        for operator in OPERATORS {
            let path = format!("{}Path", operator.name);
            let expected = (operator.relation != Relation::Matches).then_some((*operator, true));
            assert_eq!(Operator::parse(&path), expected);
        }
    }
}
