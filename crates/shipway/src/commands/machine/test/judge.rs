//! Holds what became of a case against what must come of it.

use serde_json::Value;
use shipway_asl::rehearsal::{Ending, Rehearsed};

use super::{
    compare::{Scope, differences, is_path},
    counted,
    file::{Expect, Status},
};
use crate::{
    commands::machine::{mock::bucket::Buckets, run::word},
    words::span,
};

/// States of a path that are shown.
const PATH_SHOWN_MAX: usize = 60;

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The field of `expect`.
    pub field: String,
    /// What is different, a line each.
    pub lines: Vec<String>,
}

/// All that is not as it must be.
pub fn judge(expect: &Expect, rehearsed: &Rehearsed, buckets: &Buckets) -> Vec<Mismatch> {
    let mut found = Vec::new();
    let mut add = |field: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            found.push(Mismatch { field: field.to_owned(), lines });
        }
    };
    let execution = &rehearsed.execution;
    add("status", status(expect, rehearsed));
    add("path", path(expect, rehearsed));
    let output = execution.output().cloned().unwrap_or_default();
    if let Some(expected) = &expect.output {
        add("output", differences(Scope::Whole, "", expected, &output));
    }
    if let Some(expected) = &expect.output_has {
        add("output_has", differences(Scope::Part, "", expected, &output));
    }
    if !expect.variables.is_empty() {
        let actual = Value::Object(rehearsed.variables());
        add("variables", differences(Scope::Part, "", &Value::Object(expect.variables.clone()), &actual));
    }
    add("error", text(expect.error.as_deref(), execution.error()));
    add("cause", text(expect.cause.as_deref(), execution.cause()));
    for (field, scope, tasks) in
        [("tasks", Scope::Whole, &expect.tasks), ("tasks_have", Scope::Part, &expect.tasks_have)]
    {
        for (state, expected) in tasks {
            add(field, calls(scope, state, expected, rehearsed));
        }
    }
    for (bucket, objects) in &expect.written {
        for (key, content) in objects {
            add("written", object(bucket, key, content, buckets));
        }
    }
    add("seconds_max", time(expect, rehearsed));
    found
}

fn status(expect: &Expect, rehearsed: &Rehearsed) -> Vec<String> {
    let unfinished = match &rehearsed.ending {
        Ending::Completed => None,
        Ending::Stuck if expect.status == Some(Status::Running) => return Vec::new(),
        Ending::Stuck => {
            let open: Vec<&str> = rehearsed.unanswered().map(|task| task.state.as_str()).collect();
            Some(format!(
                "it waits for ever for {}: the mock never answers, and nothing limits the time",
                open.join(", ")
            ))
        }
        Ending::NoAnswer { reason, .. } => Some(reason.clone()),
        Ending::Limit { limit, most } => Some(format!("it was stopped: it takes more than {most} {limit}")),
    };
    if let Some(line) = unfinished {
        return vec![line];
    }
    let actual = word(rehearsed.execution.status());
    let is_expected = match (expect.status, &expect.error) {
        (Some(status), _) => status.word() == actual,
        (None, Some(_)) => actual != Status::Succeeded.word(),
        (None, None) => actual == Status::Succeeded.word(),
    };
    if is_expected {
        return Vec::new();
    }
    let expected =
        expect.status.unwrap_or(if expect.error.is_some() { Status::Failed } else { Status::Succeeded });
    let mut lines = vec![format!("expected {}, got {actual}", expected.word())];
    let (error, cause) = (rehearsed.execution.error(), rehearsed.execution.cause());
    lines.extend(error.map(|error| format!("error {error}: {}", cause.unwrap_or("no cause"))));
    lines
}

fn path(expect: &Expect, rehearsed: &Rehearsed) -> Vec<String> {
    let Some(expected) = &expect.path else { return Vec::new() };
    let actual: Vec<&str> = rehearsed.visits.iter().map(|visit| visit.state.as_str()).collect();
    if is_path(expected, &actual) {
        return Vec::new();
    }
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    vec![format!("expected {}", shown(&expected)), format!("got      {}", shown(&actual))]
}

fn shown(path: &[&str]) -> String {
    let mut text = path.iter().take(PATH_SHOWN_MAX).copied().collect::<Vec<_>>().join(" > ");
    if path.len() > PATH_SHOWN_MAX {
        text.push_str(&format!(" > and {} more", path.len().saturating_sub(PATH_SHOWN_MAX)));
    }
    if text.is_empty() { "no state".to_owned() } else { text }
}

fn text(expected: Option<&str>, actual: Option<&str>) -> Vec<String> {
    match expected {
        Some(expected) if Some(expected) != actual => {
            let actual = actual.map_or("nothing".to_owned(), |actual| format!("`{actual}`"));
            vec![format!("expected `{expected}`, got {actual}")]
        }
        _ => Vec::new(),
    }
}

fn calls(scope: Scope, state: &str, expected: &[Value], rehearsed: &Rehearsed) -> Vec<String> {
    let performed = rehearsed.tasks.iter().map(|performed| &performed.task);
    let actual: Vec<Value> =
        performed.filter(|task| task.state == state).map(|task| task.parameters.clone()).collect();
    if actual.len() != expected.len() {
        let mut lines =
            vec![format!("{state}: expected {}, got {}", counted(expected.len(), "call"), actual.len())];
        lines.extend(actual.iter().enumerate().map(|(call, got)| format!("{state}/{call}: got {got}")));
        return lines;
    }
    let pairs = expected.iter().zip(&actual).enumerate();
    pairs
        .flat_map(|(call, (expected, actual))| {
            differences(scope, &format!("{state}/{call}"), expected, actual)
        })
        .collect()
}

/// The keys of a `ResultWriter` hold the Map Run's id, so that they are told by their ends.
fn object(bucket: &str, key: &str, expected: &Value, buckets: &Buckets) -> Vec<String> {
    let mut keys = Vec::new();
    for (of, name, content) in buckets.written().filter(|(of, ..)| *of == bucket) {
        if !name.ends_with(key) {
            keys.push(name);
            continue;
        }
        let text = String::from_utf8_lossy(content).into_owned();
        let actual = if expected.is_string() {
            Value::String(text)
        } else {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        };
        return differences(Scope::Part, &format!("{of}/{name}"), expected, &actual);
    }
    let there = if keys.is_empty() { "nothing".to_owned() } else { keys.join(", ") };
    vec![format!("expected an object that ends with `{key}` in bucket `{bucket}`, got {there}")]
}

#[expect(clippy::cast_precision_loss, reason = "times are far below 2^53 milliseconds")]
fn time(expect: &Expect, rehearsed: &Rehearsed) -> Vec<String> {
    let took = rehearsed.took_millis();
    match expect.seconds_max {
        Some(most) if took as f64 > most * 1000.0 => {
            vec![format!("expected at most {most} s, got {}", span(took))]
        }
        _ => Vec::new(),
    }
}
