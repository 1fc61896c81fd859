//! What became of cases, for people and for programs.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{
    counted,
    play::{Played, Suite},
};
use crate::{
    commands::machine::run::{ending_word, word},
    output::{GREEN, Paint, RED},
    words::{clean, span},
};

/// Characters of a case's name that are shown.
const NAME_CHARS_MAX: usize = 100;

/// A line for each case, and what is not as it must be.
pub fn suite(suite: &Suite, paint: Paint) -> String {
    let mut text = format!("{}\n", suite.name);
    for case in &suite.cases {
        let verdict = if case.is_good() { paint.paint(GREEN, "ok  ") } else { paint.paint(RED, "FAIL") };
        let states = counted(case.rehearsed.visits.len(), "state");
        let took = span(case.rehearsed.took_millis());
        let _ = writeln!(text, "  {verdict}  {}  ({states}, {took})", clean(&case.name, NAME_CHARS_MAX));
        if !case.is_good() {
            mismatches(&mut text, case);
        }
    }
    text
}

fn mismatches(text: &mut String, case: &Played) {
    let _ = writeln!(text, "        --> {}", case.place);
    for mismatch in &case.mismatches {
        let mut field = mismatch.field.as_str();
        for line in &mismatch.lines {
            let _ = writeln!(text, "        {field:<11} {line}");
            field = "";
        }
    }
}

/// The closing line.
pub fn summary(suites: &[Suite]) -> String {
    let cases = || suites.iter().flat_map(|suite| &suite.cases);
    let failed = cases().filter(|case| !case.is_good()).count();
    let all = cases().count();
    let (files, passed) = (counted(suites.len(), "file"), all.saturating_sub(failed));
    format!("{} in {files}: {passed} passed, {failed} failed", counted(all, "case"))
}

/// The cases for programs.
pub fn documents(suite: &Suite) -> impl Iterator<Item = Value> {
    suite.cases.iter().map(|case| {
        let execution = &case.rehearsed.execution;
        let mismatches = case.mismatches.iter().map(|one| json!({"field": one.field, "lines": one.lines}));
        json!({
            "file": suite.name,
            "machine": suite.source.name,
            "name": case.name,
            "place": case.place,
            "passed": case.is_good(),
            "mismatches": mismatches.collect::<Vec<_>>(),
            "ending": ending_word(&case.rehearsed.ending),
            "status": word(execution.status()),
            "path": case.rehearsed.visits.iter().map(|visit| visit.state.as_str()).collect::<Vec<_>>(),
            "output": execution.output(),
            "error": execution.error(),
            "cause": execution.cause(),
            "took_millis": case.rehearsed.took_millis(),
        })
    })
}
