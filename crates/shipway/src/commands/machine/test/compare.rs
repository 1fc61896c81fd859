//! Compares JSON values and paths of states. Says where they differ, not whether that matters.

use serde_json::Value;

use crate::words::clean;

/// Differences that are shown of one value.
const DIFFERENCES_MAX: usize = 20;
/// Characters of a value that are shown.
const VALUE_CHARS_MAX: usize = 200;
/// What stands for any number of states.
const GAP: &str = "...";

/// What must be equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    Whole,
    /// What is expected; objects may have more fields.
    Part,
}

/// Where `actual` is not as expected: one line each.
pub fn differences(scope: Scope, at: &str, expected: &Value, actual: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare(scope, at, expected, actual, &mut found);
    if found.len() > DIFFERENCES_MAX {
        let more = found.len().saturating_sub(DIFFERENCES_MAX);
        found.truncate(DIFFERENCES_MAX);
        found.push(format!("and {more} more"));
    }
    found
}

fn compare(scope: Scope, at: &str, expected: &Value, actual: &Value, found: &mut Vec<String>) {
    match (expected, actual) {
        (Value::Object(left), Value::Object(right)) => {
            for (name, expected) in left {
                let below = format!("{at}/{name}");
                match right.get(name) {
                    Some(actual) => compare(scope, &below, expected, actual, found),
                    None => found.push(format!("{below}: expected {}, got nothing", shown(expected))),
                }
            }
            let more = right.iter().filter(|(name, _)| scope == Scope::Whole && !left.contains_key(*name));
            found.extend(
                more.map(|(name, actual)| format!("{at}/{name}: expected nothing, got {}", shown(actual))),
            );
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (expected, actual)) in left.iter().zip(right).enumerate() {
                compare(scope, &format!("{at}/{index}"), expected, actual, found);
            }
        }
        (Value::Number(left), Value::Number(right)) if left.as_f64() == right.as_f64() => {}
        (expected, actual) if expected == actual => {}
        (expected, actual) => {
            let at = if at.is_empty() { "" } else { &format!("{at}: ") };
            found.push(format!("{at}expected {}, got {}", shown(expected), shown(actual)));
        }
    }
}

fn shown(value: &Value) -> String {
    clean(&value.to_string(), VALUE_CHARS_MAX)
}

/// Whether the states that were entered are those that are expected.
pub fn is_path(expected: &[String], actual: &[&str]) -> bool {
    // Which expected items may come next, item by item of the actual path; never more than there are items.
    let skip_gaps = |mut at: usize| {
        let mut reached = vec![at];
        while expected.get(at).is_some_and(|name| name == GAP) {
            at = at.saturating_add(1);
            reached.push(at);
        }
        reached
    };
    let mut open = skip_gaps(0);
    for state in actual {
        let mut next = Vec::new();
        for at in open {
            match expected.get(at).map(String::as_str) {
                Some(GAP) => next.push(at),
                Some(name) if name == *state => next.extend(skip_gaps(at.saturating_add(1))),
                _ => {}
            }
        }
        next.sort_unstable();
        next.dedup();
        open = next
            .iter()
            .flat_map(|at| {
                if expected.get(*at).is_some_and(|name| name == GAP) { skip_gaps(*at) } else { vec![*at] }
            })
            .collect();
        open.sort_unstable();
        open.dedup();
    }
    open.contains(&expected.len())
}
