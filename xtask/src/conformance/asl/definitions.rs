//! Verdicts on definitions: cases of `validate`, `create` and `lint`, and the definitions in cases of `api`.

use serde_json::Value;
use shipway_asl::{Severity, StateMachine, invalid_definition};

use super::Judgement;
use super::cases::{Case, field, text};
use super::execution::machine_kind;
use super::opinions;

/// Cases of `validate`: the verdict, each finding's code and place, and the whole answer.
pub fn validate(_: &Case, data: &Value) -> Vec<Judgement> {
    let found = validated(data);
    let compared = |name: &str, compare: &dyn Fn(&Value, &Value) -> Result<(), String>| {
        let outcome = match &found {
            Ok(found) => compare(&data["expected"], found),
            Err(problem) => Err(problem.clone()),
        };
        Judgement::of(format!("validate ({name})"), outcome)
    };
    vec![
        compared("verdict", &|expected, found| equal(&expected["result"], &found["result"])),
        compared("code and location", &|expected, found| equal(&places(expected), &places(found))),
        compared("whole answer", &equal),
    ]
}

fn validated(data: &Value) -> Result<Value, String> {
    let request = field(data, "request")?;
    let most = request["maxResults"].as_u64().and_then(|most| usize::try_from(most).ok());
    let least = if request["severity"] == "WARNING" { Severity::Warning } else { Severity::Error };
    let definition = text(field(request, "definition")?);
    let found =
        StateMachine::validate(machine_kind(&request["type"]), &definition, least, most.unwrap_or_default());
    serde_json::to_value(found).map_err(|error| format!("the answer: {error}"))
}

fn places(answer: &Value) -> Value {
    let diagnostics = answer["diagnostics"].as_array().into_iter().flatten();
    diagnostics.map(|found| Value::from(vec![found["code"].clone(), found["location"].clone()])).collect()
}

/// Cases of `create`: whether it is refused, and in which words.
pub fn create(_: &Case, data: &Value) -> Vec<Judgement> {
    let expected = &data["expected_error"];
    if expected["code"] != "InvalidDefinition" {
        let code = expected["code"].as_str().unwrap_or("an answer");
        return vec![Judgement::Aside(format!(
            "judged by `cargo xtask conformance api`: it expects `{code}`"
        ))];
    }
    let found = field(data, "request").and_then(|request| {
        let definition = text(field(request, "definition")?);
        let parsed = StateMachine::parse_as(machine_kind(&request["type"]), &definition);
        Ok(parsed.err().map(|found| invalid_definition(&found)))
    });
    let verdict = match &found {
        Err(problem) => Err(problem.clone()),
        Ok(None) => Err(format!("accepted, where AWS says {}", expected["message"])),
        Ok(Some(_)) => Ok(()),
    };
    let message = found.and_then(|found| equal(&expected["message"], &Value::from(found)));
    vec![
        Judgement::of("create (verdict)".to_owned(), verdict),
        Judgement::of("create (message)".to_owned(), message),
    ]
}

/// Cases of `api`: only the definitions that their calls bring.
pub fn api(_: &Case, data: &Value) -> Vec<Judgement> {
    let mut judged =
        vec![Judgement::Aside("the calls are judged by `cargo xtask conformance api`".to_owned())];
    let steps = data["steps"].as_array().into_iter().flatten();
    let brought: Vec<&Value> = steps.filter(|step| brings_definition(step)).collect();
    if !brought.is_empty() {
        let outcome = brought.into_iter().try_for_each(agrees);
        judged.push(Judgement::of("api (definitions only)".to_owned(), outcome));
    }
    judged
}

fn brings_definition(step: &Value) -> bool {
    let creates = matches!(step["op"].as_str(), Some("CreateStateMachine" | "UpdateStateMachine"));
    creates && step.pointer("/request/definition").is_some_and(Value::is_string)
}

fn agrees(step: &Value) -> Result<(), String> {
    let request = &step["request"];
    let found = StateMachine::parse_as(machine_kind(&request["type"]), &text(&request["definition"]));
    let found = found.err().map(|found| invalid_definition(&found));
    let error = &step["expected_error"];
    let expected = (error["code"] == "InvalidDefinition").then(|| error["message"].clone());
    equal(&Value::from(expected), &Value::from(found))
}

/// Cases of `lint`: the opinion of another linter.
pub fn lint(case: &Case, data: &Value) -> Vec<Judgement> {
    let authority = data["authority"].as_str().unwrap_or("unnamed").to_owned();
    let outcome = opinion(data).map_err(|found| match opinions::reason(case.id()) {
        Some(reason) => format!("{reason} ({found})"),
        None => found,
    });
    vec![Judgement::Opinion { of: format!("lint ({authority})"), outcome }]
}

fn opinion(data: &Value) -> Result<(), String> {
    let definition = match data["definition_text"].as_str() {
        Some(text) => text.to_owned(),
        None => field(data, "definition")?.to_string(),
    };
    let is_valid = field(data, "expected")?["valid"] == true;
    match (is_valid, StateMachine::parse(&definition)) {
        (true, Ok(_)) | (false, Err(_)) => Ok(()),
        (true, Err(found)) => Err(format!("it accepts, we refuse: {}", invalid_definition(&found))),
        (false, Ok(_)) => Err("it refuses, we accept".to_owned()),
    }
}

fn equal(expected: &Value, found: &Value) -> Result<(), String> {
    if expected == found { Ok(()) } else { Err(format!("expected {expected}, got {found}")) }
}
