//! What all cases of a machine went through together: as text, JSON and lcov.

use std::{collections::BTreeMap, fmt::Write};

use serde_json::{Value, json};
use shipway_asl::{
    TransitionKind,
    rehearsal::{Coverage, Edge},
};

use super::{counted, play::Suite};
use crate::words::clean;

/// Characters of a transition's label that are shown.
const LABEL_CHARS_MAX: usize = 80;

/// The coverage of one machine.
pub struct Covered {
    /// The machine's file.
    pub name: String,
    coverage: Coverage,
    /// Lines of the states in the file.
    lines: BTreeMap<String, usize>,
}

/// The coverage of each machine over all test files that are about it.
pub fn merge(suites: &[Suite]) -> Vec<Covered> {
    let mut merged: BTreeMap<_, Covered> = BTreeMap::new();
    for suite in suites {
        let key = suite.machine.canonicalize().unwrap_or_else(|_| suite.machine.clone());
        let covered = merged.entry(key).or_insert_with(|| Covered {
            name: suite.source.name.clone(),
            coverage: Coverage::new(&suite.outline),
            lines: lines(suite),
        });
        for (sum, one) in covered.coverage.states.iter_mut().zip(&suite.coverage.states) {
            sum.1 = sum.1.saturating_add(one.1);
        }
        for (sum, one) in covered.coverage.edges.iter_mut().zip(&suite.coverage.edges) {
            sum.count = sum.count.saturating_add(one.count);
        }
    }
    merged.into_values().collect()
}

fn lines(suite: &Suite) -> BTreeMap<String, usize> {
    let view = crate::commands::machine::view::View::new(&suite.source.value);
    let line = |pointer: &str| suite.source.span(pointer).map_or(1, |span| span.start.line);
    view.states.iter().map(|state| (state.name.to_owned(), line(&state.pointer))).collect()
}

impl Covered {
    /// The share of states and transitions that were gone through.
    pub fn percent(&self) -> f64 {
        self.coverage.percent()
    }

    fn line(&self, state: &str) -> usize {
        self.lines.get(state).copied().unwrap_or(1)
    }

    /// The coverage for programs.
    pub fn document(&self) -> Value {
        let ((states, states_all), (edges, edges_all)) =
            (self.coverage.states_covered(), self.coverage.edges_covered());
        json!({
            "machine": self.name,
            "percent": (self.percent() * 10.0).round() / 10.0,
            "states_covered": states,
            "states_all": states_all,
            "transitions_covered": edges,
            "transitions_all": edges_all,
            "states": self.coverage.states.iter().map(|(name, count)| {
                json!({"name": name, "line": self.line(name), "count": count})
            }).collect::<Vec<_>>(),
            "transitions": self.coverage.edges.iter().map(|edge| json!({
                "from": edge.from,
                "to": edge.transition.to,
                "kind": edge.transition.kind,
                "label": edge.transition.label,
                "count": edge.count,
            })).collect::<Vec<_>>(),
        })
    }
}

/// The shares, and what is missing.
pub fn text(covered: &[Covered]) -> String {
    let mut text = String::new();
    for one in covered {
        let ((states, states_all), (edges, edges_all)) =
            (one.coverage.states_covered(), one.coverage.edges_covered());
        let _ = writeln!(
            text,
            "\ncoverage of {}: {states} of {}, {edges} of {} ({:.1} %)",
            one.name,
            counted(states_all, "state"),
            counted(edges_all, "transition"),
            one.percent()
        );
        for (state, _) in one.coverage.states.iter().filter(|(_, count)| *count == 0) {
            let _ = writeln!(text, "  never entered  {state}");
        }
        // A transition out of a state that was never entered goes without saying.
        let is_entered =
            |edge: &&Edge| one.coverage.states.iter().any(|(name, count)| *name == edge.from && *count > 0);
        for edge in one.coverage.edges.iter().filter(|edge| edge.count == 0).filter(is_entered) {
            let _ = writeln!(text, "  never taken    {}", shown(edge));
        }
    }
    text
}

fn shown(edge: &Edge) -> String {
    let label =
        edge.transition.label.as_deref().map(|label| clean(label, LABEL_CHARS_MAX)).unwrap_or_default();
    let why = match edge.transition.kind {
        TransitionKind::Next => String::new(),
        TransitionKind::Choice => format!(" if {label}"),
        TransitionKind::Default => " otherwise".to_owned(),
        TransitionKind::Catch => format!(" on {label}"),
    };
    format!("{} > {}{why}", edge.from, edge.transition.to)
}

/// One JSON document.
pub fn json(covered: &[Covered]) -> String {
    let documents: Vec<Value> = covered.iter().map(Covered::document).collect();
    format!("{:#}\n", Value::Array(documents))
}

/// States as lines, transitions as branches.
pub fn lcov(covered: &[Covered]) -> String {
    let mut text = String::new();
    for one in covered {
        let _ = writeln!(text, "TN:\nSF:{}", one.name);
        let mut lines: BTreeMap<usize, u64> = BTreeMap::new();
        for (state, count) in &one.coverage.states {
            let line = lines.entry(one.line(state)).or_default();
            *line = line.saturating_add(*count);
        }
        for edge in &one.coverage.edges {
            let entered = one.coverage.states.iter().any(|(name, count)| *name == edge.from && *count > 0);
            let taken = if entered { edge.count.to_string() } else { "-".to_owned() };
            let _ = writeln!(text, "BRDA:{},0,{},{taken}", one.line(&edge.from), edge.place);
        }
        let (taken, all) = one.coverage.edges_covered();
        let _ = writeln!(text, "BRF:{all}\nBRH:{taken}");
        for (line, count) in &lines {
            let _ = writeln!(text, "DA:{line},{count}");
        }
        let hit = lines.values().filter(|count| **count > 0).count();
        let _ = writeln!(text, "LF:{}\nLH:{hit}\nend_of_record", lines.len());
    }
    text
}
