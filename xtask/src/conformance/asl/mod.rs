//! The shared Step Functions cases against the language: `cargo xtask conformance asl`. Knows which kind of case is
//! judged by what; does not say when a value agrees.

mod buckets;
pub(super) mod cases;
pub(super) mod compare;
mod definitions;
pub(super) mod execution;
mod history;
mod map_run;
mod opinions;
mod recorder;
mod tasks;
mod template;
mod test_state;
pub(super) mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use super::Suite;
use super::report::Report;
use cases::Case;

pub const SUITE: Suite =
    Suite { name: "asl", about: ABOUT, cases: "../shared/asl", bar: 100.0, floor: 1_101, run };

const ABOUT: &str = "\
Step Functions cases recorded against AWS, in the language and TestState; what a recorder replaced (times, ids, names \
of resources) may be anything of its kind, and a number of a placeholder stands for one value throughout a case. \
Everything else is compared exactly: status, output, error, cause, and the history event for event with types, \
details, ids and `previousEventId`. Four things a recording does not tell and are not compared: spaces in the text of \
an input or output, spaces in a `Cause` that the recorder had parsed, the order in which branches and iterations got \
their turns (each event with those that follow from it is compared instead), and `RedriveCount` in recordings older \
than redriving. In eight cases the recorder sorted the events and took their ids away: there the events are compared \
without order. Tasks answer as recorded and what they were sent is compared; where a case lists no tasks their \
answers are read from its history or its output. Objects in buckets are not recorded either: they are made from what AWS read.";

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
        return vec![Judgement::Aside(format!(
            "there is no kind `{}`, only {}",
            case.kind,
            known.join(", ")
        ))];
    };
    match &case.data {
        Err(problem) => vec![Judgement::of(case.kind.clone(), Err(problem.clone()))],
        // WHY: a case that panics is one that fails, and the others go on.
        Ok(data) => catch_unwind(AssertUnwindSafe(|| judge(case, data)))
            .unwrap_or_else(|_| vec![Judgement::of(case.kind.clone(), Err("panicked".to_owned()))]),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const PASS: &str = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}"#;

    fn judged(files: &[(&str, &str)]) -> (String, Report) {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in files {
            let file = folder.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let report = run(folder.path()).unwrap();
        (report.to_text("asl"), report)
    }

    #[test]
    fn a_case_is_judged_wherever_it_lies() {
        let case = |output: u8| {
            format!(
                r#"{{"kind":"execution","id":"{output}","definition":{PASS},"input":1,
                    "expected":{{"status":"SUCCEEDED","output":{output}}}}}"#
            )
        };
        let (text, report) = judged(&[("one.json", &case(1)), ("deep/er/two.json", &case(2))]);
        assert_eq!((report.total().passed, report.total().total), (1, 2));
        assert!(text.contains("- execution (other)/2: output: expected 2, got 1"), "{text}");
    }

    #[test]
    fn odd_files_are_named_with_what_is_wrong() {
        let (text, report) = judged(&[
            ("execution/broken.json", "{"),
            ("execution/list.json", "[]"),
            ("execution/empty.json", "{}"),
            ("execution/notes.txt", "no case"),
            ("test_state/empty.json", "{}"),
            ("validate/empty.json", "{}"),
            ("create/empty.json", "{}"),
            ("lint/empty.json", "{}"),
            ("songs/la.json", "{}"),
            ("api/call.json", r#"{"steps":[]}"#),
        ]);
        assert_eq!(report.total().passed, 0, "{text}");
        for said in [
            "- execution/execution/broken.json: is no JSON: ",
            "- execution/execution/list.json: is no JSON object",
            "execution/empty.json: the case has no field `expected`",
            "test_state/empty.json: the case has no field `request`",
            "validate/empty.json: the case has no field `request`",
            "lint/empty.json: the case has no field `definition`",
            "- songs, 1 cases: there is no kind `songs`, only api, create",
            "- api, 1 cases: the calls are judged by",
        ] {
            assert!(text.contains(said), "{said} is not in {text}");
        }
        assert!(!text.contains("notes.txt"));
    }

    #[test]
    fn a_folder_without_cases_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(run(folder.path()).err().unwrap().to_string().contains("there are no cases"));
    }
}
