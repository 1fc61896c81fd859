//! The official JSONata suite against the plain language of `shipway-asl`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use shipway_asl::probe::{Given, Problem, Query};

use super::Suite;
use super::report::Report;

pub const SUITE: Suite = Suite {
    name: "jsonata",
    about: "The official suite of JSONata, in the plain language: without what Step Functions adds to it and takes \
            away from it.",
    cases: "../shared/jsonata",
    bar: 99.0,
    floor: 1_684,
    run,
};

/// The stack that a case runs with: what a thread of the engine has.
const STACK_BYTES: usize = 2 * 1024 * 1024;
/// How long a case may take before it counts as hung.
const HUNG_AFTER: Duration = Duration::from_secs(20);
/// The plain language's limits, where a case has none of its own: wider than those of Step Functions.
const DEPTH_MAX: usize = 4_096;
const SEQUENCE_MAX: usize = 10_000_000;
const MILLIS_MAX: u64 = 10_000;
/// How far two numbers may be apart, relative to their size.
const TOLERANCE: f64 = 1e-14;
/// Codes of the suite's own runner for too deep and too long, and the language's codes for the same.
const BOUNDED: (&str, &[&str]) = ("U1001", &["D1011", "D1012", "U1001"]);

fn run(folder: &Path) -> Result<Report> {
    let mut report = Report::default();
    for group in entries(&folder.join("groups"))? {
        for file in entries(&group)?.iter().filter(|file| file.extension().is_some_and(|end| end == "json")) {
            run_file(folder, &name(&group), file, &mut report)?;
        }
    }
    Ok(report)
}

/// A file holds one case or a list of cases.
fn run_file(folder: &Path, group: &str, file: &Path, report: &mut Report) -> Result<()> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    match serde_json::from_str(&text) {
        Ok(Value::Array(cases)) => {
            for (index, case) in cases.into_iter().enumerate() {
                let outcome = Case::read(folder, file, case).and_then(guarded);
                report.add(group, &format!("{}[{index}]", name(file)), outcome);
            }
        }
        Ok(case) => report.add(group, &name(file), Case::read(folder, file, case).and_then(guarded)),
        // WHY: a lone surrogate is a text in JavaScript, and none in JSON's Unicode.
        Err(error) => report.add(group, &name(file), Err(format!("cannot be read: {error}"))),
    }
    Ok(())
}

/// One case with everything it needs.
struct Case {
    expression: String,
    document: Option<Value>,
    given: Given,
    expected: Value,
}

impl Case {
    fn read(folder: &Path, file: &Path, case: Value) -> Result<Self, String> {
        let text = |field: &str| case.get(field).and_then(Value::as_str);
        let number = |field: &str| case.get(field).and_then(Value::as_u64);
        let expression = match (text("expr"), text("expr-file")) {
            (Some(text), _) => text.to_owned(),
            (None, Some(beside)) => read(&file.with_file_name(beside))?,
            (None, None) => return Err("has no expression".to_owned()),
        };
        let document = match (case.get("data"), text("dataset")) {
            (Some(data), _) => Some(data.clone()),
            (None, Some(dataset)) => {
                let text = read(&folder.join("datasets").join(format!("{dataset}.json")))?;
                Some(serde_json::from_str(&text).map_err(|error| format!("dataset {dataset}: {error}"))?)
            }
            (None, None) => None,
        };
        let bindings = case.get("bindings").and_then(Value::as_object).cloned().unwrap_or_default();
        let depth_max = number("depth").and_then(|depth| usize::try_from(depth).ok());
        let given = Given {
            bindings,
            depth_max: depth_max.or(Some(DEPTH_MAX)),
            sequence_max: Some(SEQUENCE_MAX),
            millis_max: number("timelimit").or(Some(MILLIS_MAX)),
        };
        Ok(Self { expression, document, given, expected: case })
    }

    fn run(&self) -> Result<(), String> {
        let found = Query::parse(&self.expression)
            .and_then(|query| query.evaluate(self.document.as_ref(), &self.given));
        let expected = &self.expected;
        let code = self.wanted("code");
        match (found, code) {
            (Err(problem), Some(code)) => self.refusal(&problem, code),
            (Err(problem), None) => Err(format!("threw {problem:?}")),
            (Ok(value), Some(code)) => Err(format!("gave {value:?} instead of {code}")),
            (Ok(None), None) if expected.get("result").is_none() => Ok(()),
            (Ok(Some(value)), None)
                if expected.get("result").is_some_and(|wanted| self.agrees(&value, wanted)) =>
            {
                Ok(())
            }
            (Ok(value), None) => Err(format!("gave {value:?} instead of {:?}", expected.get("result"))),
        }
    }

    /// What a case says about the error it wants, at its top or under `error`.
    fn wanted(&self, field: &str) -> Option<&str> {
        let error = self.expected.get("error");
        let found = self.expected.get(field).or_else(|| error?.get(field));
        found.and_then(Value::as_str)
    }

    fn refusal(&self, problem: &Problem, code: &str) -> Result<(), String> {
        let found = problem.code.as_deref().unwrap_or_default();
        let (bounded, codes) = BOUNDED;
        if found != code && !(code == bounded && codes.contains(&found)) {
            return Err(format!("threw {problem:?} instead of {code}"));
        }
        let message = self.expected.pointer("/error/message").and_then(Value::as_str);
        if let Some(message) = message.filter(|message| *message != problem.message) {
            return Err(format!("said {:?} instead of {message:?}", problem.message));
        }
        match self.wanted("token").filter(|token| !problem.message.contains(token)) {
            Some(token) => Err(format!("{:?} does not name {token:?}", problem.message)),
            None => Ok(()),
        }
    }

    /// Whether two values are the same; a case may say that the order of a list does not matter.
    fn agrees(&self, found: &Value, wanted: &Value) -> bool {
        match (found, wanted) {
            (Value::Array(found), Value::Array(wanted))
                if self.expected.get("unordered") == Some(&true.into()) =>
            {
                let mut left: Vec<&Value> = wanted.iter().collect();
                found.len() == wanted.len()
                    && found.iter().all(|one| {
                        let at = left.iter().position(|other| same(one, other));
                        at.map(|at| left.swap_remove(at)).is_some()
                    })
            }
            _ => same(found, wanted),
        }
    }
}

/// Equality of JSON in which numbers may differ in their last digits, as in the suite's own runner.
fn same(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Number(found), Value::Number(wanted)) => {
            let (found, wanted) = (found.as_f64().unwrap_or(f64::NAN), wanted.as_f64().unwrap_or(f64::NAN));
            (found - wanted).abs() <= wanted.abs() * TOLERANCE
        }
        (Value::Array(found), Value::Array(wanted)) => {
            found.len() == wanted.len() && found.iter().zip(wanted).all(|(found, wanted)| same(found, wanted))
        }
        (Value::Object(found), Value::Object(wanted)) => {
            found.len() == wanted.len()
                && found
                    .iter()
                    .all(|(name, value)| wanted.get(name).is_some_and(|wanted| same(value, wanted)))
        }
        _ => found == wanted,
    }
}

/// Runs a case on a thread of its own, so that one that panics or hangs is one that fails.
fn guarded(case: Case) -> Result<(), String> {
    let (done, outcome) = mpsc::channel();
    let thread = thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
        // WHY: nobody listens any more after a time-out.
        let _ = done.send(case.run());
    });
    let thread = thread.map_err(|error| format!("no thread: {error}"))?;
    match outcome.recv_timeout(HUNG_AFTER) {
        Ok(outcome) => outcome,
        Err(mpsc::RecvTimeoutError::Timeout) => Err(format!("gave nothing in {HUNG_AFTER:?}")),
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            let _ = thread.join();
            Err("panicked".to_owned())
        }
    }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut entries: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    entries.sort();
    Ok(entries)
}

fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("cannot read {}: {error}", file.display()))
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
