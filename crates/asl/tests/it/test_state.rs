//! `TestState`: the shared cases, and claims about rules that no case shows.

use std::cell::Cell;
use std::collections::HashMap;

use serde_json::{Value, json};
use shipway_asl::test_state::{
    Caller, Exchange, FieldValidationMode, HttpRequest, HttpResponse, Outcome, Refusal, Request, Response,
    Shapes, run,
};
use shipway_asl::{Moment, Timestamp};

use crate::cases::{Case, cases, folder};

fn at() -> Moment {
    Moment { now: Timestamp::parse("2026-11-21T04:00:00Z").unwrap(), seed: 7 }
}

fn caller() -> Caller {
    Caller { account: "111111111111".to_owned(), region: "us-east-1".to_owned() }
}

/// Takes every result, or refuses all with one sentence; counts how often it is asked.
#[derive(Default)]
struct Known {
    refusal: Option<String>,
    asked: Cell<u32>,
}

impl Shapes for Known {
    fn check(&self, _: &str, _: &Value, mode: FieldValidationMode) -> Result<(), String> {
        assert_ne!(mode, FieldValidationMode::None);
        self.asked.set(self.asked.get() + 1);
        self.refusal.clone().map_or(Ok(()), Err)
    }
}

const SHAPE: &str = "Mock result schema validation error: ";

/// Whether a case is about what only a service's model knows.
fn needs_models(case: &Case) -> Option<String> {
    let message = case.data["expected_error"]["message"].as_str()?;
    message.strip_prefix(SHAPE).map(str::to_owned)
}

fn run_case(case: &Case) -> Result<(), String> {
    let request: Request = serde_json::from_value(case.data["request"].clone()).unwrap();
    let shapes = Known { refusal: needs_models(case), ..Known::default() };
    let outcome = run(&request, &caller(), &shapes, at());
    let expected = &case.data["expected"];
    let found = match outcome {
        Err(refusal) => {
            let found = json!({"code": refusal.code, "message": refusal.message});
            let error = &case.data["expected_error"];
            let expected = json!({"code": error["code"], "message": error["message"]});
            return same(&expected, &found);
        }
        Ok(Outcome::Done(response)) => *response,
        Ok(Outcome::Task(pending)) => {
            // WHY: nobody mocks the service here, so its answer is taken from the record.
            let result = expected.pointer("/inspectionData/result").unwrap_or(&expected["output"]);
            pending.finish(Ok(result.clone()), Exchange::default(), at())
        }
        Ok(Outcome::Wait(pending)) => pending.finish(at()),
    };
    same(expected, &serde_json::to_value(found).unwrap())
}

fn same(expected: &Value, found: &Value) -> Result<(), String> {
    let mut problems = Vec::new();
    compare("", expected, found, &mut HashMap::new(), &mut problems);
    if problems.is_empty() { Ok(()) } else { Err(problems.join("; ")) }
}

/// Compares under the normalisation of the cases: texts of objects parsed, dates and names replaced.
fn compare(
    at: &str,
    expected: &Value,
    found: &Value,
    bound: &mut HashMap<String, String>,
    problems: &mut Vec<String>,
) {
    match (expected, found) {
        (Value::Object(_), Value::String(text)) if text.starts_with('{') => {
            let found: Value = serde_json::from_str(text).unwrap();
            compare(at, expected, &found, bound, problems);
        }
        (Value::Object(wanted), Value::Object(got)) => {
            let fields: std::collections::BTreeSet<&String> = wanted.keys().chain(got.keys()).collect();
            for field in fields {
                let (wanted, got) = (wanted.get(field), got.get(field));
                match (wanted, got) {
                    (Some(wanted), Some(got)) => {
                        compare(&format!("{at}/{field}"), wanted, got, bound, problems);
                    }
                    _ => problems.push(format!("{at}/{field}: {wanted:?}, not {got:?}")),
                }
            }
        }
        (Value::Array(wanted), Value::Array(got)) if wanted.len() == got.len() => {
            for (index, (wanted, got)) in wanted.iter().zip(got).enumerate() {
                compare(&format!("{at}/{index}"), wanted, got, bound, problems);
            }
        }
        (Value::String(wanted), Value::String(got)) => {
            if !fits(wanted, got, bound) {
                problems.push(format!("{at}: {wanted:?}, not {got:?}"));
            }
        }
        (Value::Number(wanted), Value::Number(got)) if wanted.as_f64() == got.as_f64() => {}
        _ if expected == found => {}
        _ => problems.push(format!("{at}: {expected}, not {found}")),
    }
}

/// Whether a text is what a normalised text stands for. A placeholder stands for the same text throughout.
fn fits(wanted: &str, got: &str, bound: &mut HashMap<String, String>) -> bool {
    if wanted == got {
        return true;
    }
    if wanted == "date" || wanted == "start-date" {
        return got.len() > 19 && got.as_bytes()[10] == b'T';
    }
    let Some((before, name, after)) = placeholder(wanted) else { return false };
    let Some(rest) = got.strip_prefix(before) else { return false };
    let end = if after.is_empty() { Some(rest.len()) } else { rest.find(first_literal(after)) };
    let Some(end) = end else { return false };
    let value = bound.entry(name.to_owned()).or_insert_with(|| rest[..end].to_owned());
    *value == rest[..end] && fits(after, &rest[end..], bound)
}

/// The first `<kind:number>` of a text, and what stands around it.
fn placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let start = text.find('<')?;
    let end = start + text[start..].find('>')?;
    text[start..end].contains(':').then(|| (&text[..start], &text[start..=end], &text[end + 1..]))
}

fn first_literal(text: &str) -> &str {
    placeholder(text).map_or(text, |(before, _, _)| before)
}

#[test]
fn shared_cases_agree() {
    let Some(folder) = folder() else {
        println!("test_state: skipped, the shared cases are not here");
        return;
    };
    let (mut passed, mut total, mut of_models) = (0, 0, 0);
    for case in cases(&folder, "test_state") {
        total += 1;
        of_models += usize::from(needs_models(&case).is_some());
        match run_case(&case) {
            Ok(()) => passed += 1,
            Err(problem) => println!("FAIL test_state {}: {problem}", case.id()),
        }
    }
    println!("test_state: {passed} of {total} pass, {of_models} of them with the model's sentence given");
    assert_eq!(passed, total);
}
