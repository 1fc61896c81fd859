//! Compares histories event for event. Where lines of control run at the same time, the order of events of one line
//! is compared and not the order in which the lines got their turns.

use std::collections::BTreeMap;

use serde_json::Value;

use super::compare::{Bound, difference};

/// How a recorded history can be compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// One line of control: every event, every id.
    Exact,
    /// Branches or iterations: each event with what follows from it, by `previousEventId`.
    PerLine,
    /// The recorder sorted the events and took their ids away.
    Sorted,
}

/// Events that the recorder dropped where it sorted.
const DROPPED: &[&str] = &["ParallelStateSucceeded", "ParallelStateFailed"];

/// Where two histories differ first.
pub fn compare(expected: &[Value], actual: &[Value], order: Order, bound: &mut Bound) -> Result<(), String> {
    let exact = in_order(expected, actual, &mut bound.clone());
    match order {
        Order::Exact => exact,
        Order::PerLine => exact.or_else(|_| per_line(expected, actual, bound)),
        Order::Sorted => sorted(expected, actual, bound),
    }
}

fn in_order(expected: &[Value], actual: &[Value], bound: &mut Bound) -> Result<(), String> {
    for (at, (expected, actual)) in expected.iter().zip(actual).enumerate() {
        event(&format!("history[{at}]"), expected, actual, bound)?;
    }
    same_length(expected.len(), actual.len())
}

fn same_length(expected: usize, actual: usize) -> Result<(), String> {
    if expected == actual { Ok(()) } else { Err(format!("history: {actual} events, not {expected}")) }
}

/// WHY: AWS repeats the text with which the execution was started; a case holds that input parsed.
fn event(at: &str, expected: &Value, actual: &Value, bound: &mut Bound) -> Result<(), String> {
    const INPUT: &str = "/executionStartedEventDetails/input";
    let read = |event: &Value| {
        let text = event.pointer(INPUT)?.as_str()?;
        serde_json::from_str::<Value>(text).ok()
    };
    let (Some(expected_input), Some(actual_input)) = (read(expected), read(actual)) else {
        return difference(at, expected, actual, bound);
    };
    let with = |event: &Value, input: Value| {
        let mut event = event.clone();
        if let Some(place) = event.pointer_mut(INPUT) {
            *place = input;
        }
        event
    };
    difference(at, &with(expected, expected_input), &with(actual, actual_input), bound)
}

fn sorted(expected: &[Value], actual: &[Value], bound: &mut Bound) -> Result<(), String> {
    let nodes = |events: &[Value]| -> Vec<Node> {
        let kept = events.iter().filter(|event| !DROPPED.iter().any(|kind| event["type"] == *kind));
        kept.map(|event| Node { event: without_ids(event), after: Vec::new() }).collect()
    };
    same_lines("history", &nodes(expected), &nodes(actual), bound)
}

fn per_line(expected: &[Value], actual: &[Value], bound: &mut Bound) -> Result<(), String> {
    same_length(expected.len(), actual.len())?;
    for (at, (expected, actual)) in expected.iter().zip(actual).enumerate() {
        difference(&format!("history[{at}]/id"), &expected["id"], &actual["id"], bound)?;
    }
    same_lines("history", &tree(expected), &tree(actual), bound)
}

/// An event, and those that followed from it.
struct Node {
    event: Value,
    after: Vec<Node>,
}

fn without_ids(event: &Value) -> Value {
    let mut event = event.clone();
    if let Some(fields) = event.as_object_mut() {
        fields.shift_remove("id");
        fields.shift_remove("previousEventId");
    }
    event
}

/// The same events with the same events after them, in any order of the lines.
fn same_lines(at: &str, expected: &[Node], actual: &[Node], bound: &mut Bound) -> Result<(), String> {
    let mut left: Vec<&Node> = actual.iter().collect();
    for wanted in expected {
        let wanted_kind = kind(&wanted.event);
        let mut why = format!("{at}: no {} (left are {})", wanted.event, names(&left));
        let found = left.iter().position(|node| {
            let mut trial = bound.clone();
            let same = kind(&node.event) == wanted_kind
                && match same_line(at, wanted, node, &mut trial) {
                    Ok(()) => true,
                    Err(problem) => {
                        why = problem;
                        false
                    }
                };
            if same {
                *bound = trial;
            }
            same
        });
        match found {
            Some(found) => drop(left.remove(found)),
            None => return Err(why),
        }
    }
    if left.is_empty() { Ok(()) } else { Err(format!("{at}: not expected: {}", names(&left))) }
}

fn same_line(at: &str, expected: &Node, actual: &Node, bound: &mut Bound) -> Result<(), String> {
    let kind = kind(&expected.event);
    event(&format!("{at} > {kind}"), &expected.event, &actual.event, bound)?;
    same_lines(&format!("{at} > {kind}"), &expected.after, &actual.after, bound)
}

fn names(nodes: &[&Node]) -> String {
    nodes.iter().map(|node| kind(&node.event)).collect::<Vec<_>>().join(", ")
}

/// Events by what they followed from.
fn tree(events: &[Value]) -> Vec<Node> {
    let mut below: BTreeMap<u64, Vec<&Value>> = BTreeMap::new();
    for event in events {
        below.entry(parent(events, event)).or_default().push(event);
    }
    nodes(&below, 0, events.len())
}

/// `depth` bounds a history whose ids go round in a circle.
fn nodes(below: &BTreeMap<u64, Vec<&Value>>, parent: u64, depth: usize) -> Vec<Node> {
    let Some(depth) = depth.checked_sub(1) else { return Vec::new() };
    let events = below.get(&parent).into_iter().flatten();
    events
        .map(|event| Node { event: without_ids(event), after: nodes(below, id(event, "id"), depth) })
        .collect()
}

/// The event that this one followed from. The end of a Parallel or Map state follows from its beginning here: in
/// the history it follows from the line that happened to end last.
fn parent(events: &[Value], event: &Value) -> u64 {
    let previous = id(event, "previousEventId");
    if !is_end_of_fork(kind(event)) {
        return previous;
    }
    let mut open = 1_usize;
    let mut at = previous;
    for _ in events {
        let Some(found) = events.iter().find(|event| id(event, "id") == at) else { break };
        match kind(found) {
            "MapStateExited" | "ParallelStateExited" => open += 1,
            "MapStateStarted" | "ParallelStateStarted" => open -= 1,
            _ => {}
        }
        if open == 0 {
            return at;
        }
        at = id(found, "previousEventId");
    }
    previous
}

fn is_end_of_fork(kind: &str) -> bool {
    ["MapState", "ParallelState"]
        .iter()
        .filter_map(|state| kind.strip_prefix(state))
        .any(|end| matches!(end, "Succeeded" | "Failed" | "Aborted" | "Exited"))
}

fn kind(event: &Value) -> &str {
    event["type"].as_str().unwrap_or_default()
}

fn id(event: &Value, name: &str) -> u64 {
    event[name].as_u64().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn history(events: &[(u64, &str)]) -> Vec<Value> {
        let event = |(at, (previous, kind)): (usize, &(u64, &str))| json!({"id": at + 1, "previousEventId": previous, "type": kind});
        events.iter().enumerate().map(event).collect()
    }

    fn differ(expected: &[Value], actual: &[Value], order: Order) -> String {
        compare(expected, actual, order, &mut Bound::default()).err().unwrap_or_default()
    }

    #[test]
    fn turns_of_lines_may_differ_and_their_own_order_may_not() {
        let one = history(&[
            (0, "MapStateStarted"),
            (1, "A"),
            (2, "A1"),
            (1, "B"),
            (4, "B1"),
            (5, "MapStateExited"),
        ]);
        let other = history(&[
            (0, "MapStateStarted"),
            (1, "A"),
            (1, "B"),
            (3, "B1"),
            (2, "A1"),
            (5, "MapStateExited"),
        ]);
        assert_eq!(differ(&one, &other, Order::PerLine), "");
        assert!(!differ(&one, &other, Order::Exact).is_empty());
        let swapped = history(&[
            (0, "MapStateStarted"),
            (1, "A1"),
            (2, "A"),
            (1, "B"),
            (4, "B1"),
            (5, "MapStateExited"),
        ]);
        assert!(!differ(&one, &swapped, Order::PerLine).is_empty());
        assert_eq!(differ(&one, &swapped, Order::Sorted), "");
    }

    #[test]
    fn every_event_counts() {
        let all = history(&[(0, "A"), (1, "B")]);
        let fewer = history(&[(0, "A")]);
        for order in [Order::Exact, Order::PerLine, Order::Sorted] {
            assert!(!differ(&all, &fewer, order).is_empty());
            assert!(!differ(&fewer, &all, order).is_empty());
        }
    }
}
