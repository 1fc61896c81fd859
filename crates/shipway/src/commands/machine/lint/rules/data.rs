//! Rules about data: paths, results, variables and names of one place.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Level, Report, Rule};
use crate::commands::machine::view::{StateView, escape};

pub const MISSING_DOLLAR: Rule = Rule {
    id: "missing-dollar",
    level: Level::Warning,
    summary: "A text that looks like a path, under a name that does not end in `.$`",
    why: "Only fields whose name ends in `.$` are evaluated. Without it the task gets the text `$.order` itself.",
    hint: "add `.$` to the field's name",
    example: r#"{"StartAt": "Send", "TimeoutSeconds": 60, "States": {"Send": {"Type": "Pass", "Parameters": {"order": "$.order"}, "End": true}}}"#,
    check: |view, report| {
        for state in view.states.iter().filter(|state| !state.is_jsonata) {
            for field in ["Parameters", "ResultSelector", "ItemSelector", "Assign"] {
                if let Some(value) = state.fields.get(field) {
                    literal_paths(value, &state.at(field), report);
                }
            }
        }
    },
};

fn literal_paths(value: &Value, pointer: &str, report: &mut Report) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let below = format!("{pointer}/{}", escape(name));
                match member {
                    Value::String(text) if looks_dynamic(text) && !name.ends_with(".$") => {
                        report.add(
                            below,
                            format!("`{name}` is the text `{text}` itself, not what it leads to"),
                        );
                    }
                    _ => literal_paths(member, &below, report),
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                literal_paths(item, &format!("{pointer}/{index}"), report);
            }
        }
        _ => {}
    }
}

fn looks_dynamic(text: &str) -> bool {
    text == "$" || ["$.", "$$.", "$["].iter().any(|start| text.starts_with(start)) || is_intrinsic(text)
}

fn is_intrinsic(text: &str) -> bool {
    let name = text.strip_prefix("States.").and_then(|rest| rest.split('(').next());
    text.ends_with(')')
        && name.is_some_and(|name| !name.is_empty() && name.chars().all(char::is_alphanumeric))
}

pub const RESULT_OVERWRITTEN: Rule = Rule {
    id: "result-overwritten",
    level: Level::Note,
    summary: "A ResultPath that a later state writes again, with nobody reading it in between",
    why: "What the first state found is lost. Most often a field was copied from the other state and not renamed.",
    hint: "give each result a place of its own, or null where it is not wanted",
    example: r#"{"StartAt": "A", "TimeoutSeconds": 60, "States": {"A": {"Type": "Pass", "Result": 1, "ResultPath": "$.result", "Next": "B"}, "B": {"Type": "Pass", "Result": 2, "ResultPath": "$.result", "End": true}}}"#,
    check: |view, report| {
        for state in view.states.iter().filter(|state| writes(state)) {
            let path = state.text("ResultPath");
            let Some(next) = view
                .states
                .iter()
                .find(|other| other.scope == state.scope && other.name == state.text("Next"))
            else {
                continue;
            };
            if next.name != state.name && next.text("ResultPath") == path && !reads(next, path) {
                let message =
                    format!("`{}` writes `{path}` again, and what `{}` found is lost", next.name, state.name);
                report.add(state.at("ResultPath"), message);
            }
        }
    },
};

fn writes(state: &StateView<'_>) -> bool {
    state.text("ResultPath").starts_with("$.")
}

/// Whether a state may read what stands at a path: it names the path, or gets its whole input.
fn reads(state: &StateView<'_>, path: &str) -> bool {
    let names = |field: &&str| state.fields.get(*field).is_some_and(|value| value.to_string().contains(path));
    let works_on_everything = state.kind() != "Pass" && !state.has_any(&["Parameters", "ItemsPath"]);
    works_on_everything
        || ["Parameters", "InputPath", "ItemsPath", "ItemSelector", "Assign", "TimeoutSecondsPath"]
            .iter()
            .any(names)
        || state.has_any(&["Branches", "ItemProcessor", "Iterator"])
}

pub const UNUSED_VARIABLE: Rule = Rule {
    id: "unused-variable",
    level: Level::Warning,
    summary: "A variable that is assigned and never read",
    why: "It is misspelt where it is read, or left over.",
    hint: "read it as $name, or remove it from Assign",
    example: r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "Assign": {"total": 1}, "End": true}}}"#,
    check: |view, report| {
        let mut read: BTreeSet<&str> = BTreeSet::new();
        view.texts(&mut |_, _, text| read.extend(variables(text)));
        let mut assigned: BTreeMap<&str, String> = BTreeMap::new();
        for state in &view.states {
            collect_assigned(state, &mut assigned);
        }
        for (name, pointer) in assigned {
            if !read.contains(name) {
                report.add(pointer, format!("nothing reads `${name}`"));
            }
        }
    },
};

fn collect_assigned<'d>(state: &StateView<'d>, assigned: &mut BTreeMap<&'d str, String>) {
    let mut collect = |assign: Option<&'d Value>, pointer: String| {
        for name in assign.and_then(Value::as_object).into_iter().flat_map(|assign| assign.keys()) {
            let variable = name.strip_suffix(".$").unwrap_or(name);
            assigned.entry(variable).or_insert_with(|| format!("{pointer}/{}", escape(name)));
        }
    };
    collect(state.fields.get("Assign"), state.at("Assign"));
    for list in ["Choices", "Catch"] {
        for (index, item) in state.list(list) {
            collect(item.get("Assign"), format!("{}/{list}/{index}/Assign", state.pointer));
        }
    }
}

/// Names after a `$` in a text.
fn variables(text: &str) -> impl Iterator<Item = &str> {
    text.split('$').skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        rest.get(..end).filter(|name| !name.is_empty())
    })
}

pub const HARD_CODED_ACCOUNT: Rule = Rule {
    id: "hard-coded-account",
    level: Level::Note,
    summary: "An ARN or URL with an account's number in it",
    why: "The definition then works in one account only, and a copy of it reaches into that account from another one.",
    hint: "use a substitution such as ${FunctionArn}, or take it from the input",
    example: r#"{"StartAt": "Send", "TimeoutSeconds": 60, "States": {"Send": {"Type": "Pass", "Result": "arn:aws:sns:${Region}:123456789012:topic", "End": true}}}"#,
    check: |view, report| {
        view.texts(&mut |pointer, _, text| {
            if let Some(account) = account(text) {
                report.add(pointer, format!("account `{account}` is written into the definition"));
            }
        });
    },
};

pub const HARD_CODED_REGION: Rule = Rule {
    id: "hard-coded-region",
    level: Level::Note,
    summary: "An ARN with a region in it",
    why: "The definition then works in one region only.",
    hint: "use a substitution such as ${FunctionArn}, or take it from the input",
    example: r#"{"StartAt": "Send", "TimeoutSeconds": 60, "States": {"Send": {"Type": "Pass", "Result": "arn:aws:sns:eu-west-1:${Account}:topic", "End": true}}}"#,
    check: |view, report| {
        view.texts(&mut |pointer, _, text| {
            if let Some(region) =
                arn(text).and_then(|parts| parts.get(3).copied()).filter(|region| is_region(region))
            {
                report.add(pointer, format!("region `{region}` is written into the definition"));
            }
        });
    },
};

fn arn(text: &str) -> Option<Vec<&str>> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    (parts.len() == 6 && parts.first() == Some(&"arn")).then_some(parts)
}

/// The account's number in an ARN, or in the URL of a queue.
fn account(text: &str) -> Option<&str> {
    let is_account = |part: &&str| part.len() == 12 && part.bytes().all(|byte| byte.is_ascii_digit());
    match arn(text) {
        Some(parts) => parts.get(4).copied().filter(is_account),
        None if text.starts_with("https://sqs.") => text.split('/').find(is_account),
        None => None,
    }
}

fn is_region(part: &str) -> bool {
    let mut words = part.split('-');
    let is_short = words.next().is_some_and(|first| first.len() == 2);
    is_short && part.split('-').count() >= 3 && part.bytes().last().is_some_and(|byte| byte.is_ascii_digit())
}
