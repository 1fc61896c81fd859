//! The shared Step Functions cases against the language: `cargo xtask conformance asl`. Knows which kind of case is
//! judged by what; does not say when a value agrees.

mod buckets;
mod cases;
mod compare;
mod definitions;
mod execution;
mod history;
mod map_run;
mod recorder;
mod tasks;
mod template;
mod test_state;
mod world;

use std::path::Path;
use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::Result;
use serde_json::Value;

use super::Suite;
use super::report::Report;
use cases::Case;

pub const SUITE: Suite = Suite { name: "asl", cases: "../shared/asl", bar: 100.0, run };

/// What was found of one case, or of one side of it.
pub enum Judgement {
    /// Held against AWS: the group, and what differs.
    Case { group: String, outcome: Result<(), String> },
    /// Held against what somebody else thinks.
    Opinion { of: String, outcome: Result<(), String> },
    /// Not held against anything here, and why.
    Aside(String),
}

impl Judgement {
    fn of(group: String, outcome: Result<(), String>) -> Self {
        Self::Case { group, outcome }
    }
}

type Judge = fn(&Case, &Value) -> Vec<Judgement>;

/// A new kind of case is a function that judges it, and a line here.
const KINDS: &[(&str, Judge)] = &[
    ("api", definitions::api),
    ("create", definitions::create),
    ("execution", execution::judge),
    ("lint", definitions::lint),
    ("test_state", test_state::judge),
    ("validate", definitions::validate),
];

fn run(folder: &Path) -> Result<Report> {
    let mut report = Report::default();
    for case in cases::read(folder)? {
        for judgement in judge(&case) {
            match judgement {
                Judgement::Case { group, outcome } => report.add(&group, case.id(), outcome),
                Judgement::Opinion { of, outcome } => report.add_opinion(&of, case.id(), outcome),
                Judgement::Aside(why) => report.set_aside(&case.kind, case.id(), &why),
            }
        }
    }
    Ok(report)
}

fn judge(case: &Case) -> Vec<Judgement> {
    let Some((_, judge)) = KINDS.iter().find(|(kind, _)| *kind == case.kind) else {
        let known: Vec<&str> = KINDS.iter().map(|(kind, _)| *kind).collect();
        return vec![Judgement::Aside(format!("there is no kind `{}`, only {}", case.kind, known.join(", ")))];
    };
    match &case.data {
        Err(problem) => vec![Judgement::of(case.kind.clone(), Err(problem.clone()))],
        // WHY: a case that panics is one that fails, and the others go on.
        Ok(data) => catch_unwind(AssertUnwindSafe(|| judge(case, data)))
            .unwrap_or_else(|_| vec![Judgement::of(case.kind.clone(), Err("panicked".to_owned()))]),
    }
}
