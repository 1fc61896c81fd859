//! How far verdicts on definitions agree with the shared cases: what AWS refused is refused in its words, and what it
//! accepted is accepted. Floors hold what was reached.

use serde_json::Value;
use shipway_asl::{MachineKind, Severity, StateMachine, invalid_definition};

use crate::cases::{Case, cases, folder};

fn report(name: &str, outcomes: &[(String, Result<(), String>)], floor: usize) {
    let passed = outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).count();
    for (id, outcome) in outcomes {
        if let Err(problem) = outcome {
            println!("FAIL {name} {id}: {}", problem.chars().take(600).collect::<String>());
        }
    }
    println!("{name}: {passed} of {} pass (floor {floor})", outcomes.len());
    assert!(passed >= floor, "{name}: {passed} cases pass, {floor} did before");
}

fn judge(name: &str, kind: &str, floor: usize, verdict: impl Fn(&Case) -> Option<Result<(), String>>) {
    let Some(folder) = folder() else {
        println!("{name}: skipped, the shared cases are not here");
        return;
    };
    let outcomes: Vec<_> = cases(&folder, kind)
        .iter()
        .filter_map(|case| verdict(case).map(|verdict| (case.id().to_owned(), verdict)))
        .collect();
    report(name, &outcomes, floor);
}

fn machine_kind(request: &Value) -> MachineKind {
    if request["type"] == "EXPRESS" { MachineKind::Express } else { MachineKind::Standard }
}

fn text(definition: &Value) -> String {
    definition.as_str().map_or_else(|| definition.to_string(), str::to_owned)
}

fn equal(found: &Value, expected: &Value) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{found}, not {expected}")) }
}

#[test]
fn validation_answers_as_the_service_does() {
    judge("validate", "validate", 3, |case| {
        let request = &case.data["request"];
        let most = request["maxResults"].as_u64().and_then(|most| usize::try_from(most).ok());
        let least = if request["severity"] == "WARNING" { Severity::Warning } else { Severity::Error };
        let definition = text(&request["definition"]);
        let found = StateMachine::validate(machine_kind(request), &definition, least, most.unwrap_or(0));
        Some(equal(&serde_json::to_value(found).unwrap(), &case.data["expected"]))
    });
}

#[test]
fn refusals_are_those_of_the_service() {
    judge("create", "create", 11, |case| {
        // WHY: the other errors are about names, logging and versions, which the API checks.
        let expected = &case.data["expected_error"];
        (expected["code"] == "InvalidDefinition").then_some(())?;
        let request = &case.data["request"];
        let found = StateMachine::parse_as(machine_kind(request), &text(&request["definition"]));
        let found = found.err().map(|found| Value::from(invalid_definition(&found))).unwrap_or_default();
        Some(equal(&found, &expected["message"]))
    });
}

/// Definitions that AWS has run.
#[test]
fn what_the_service_ran_is_accepted() {
    judge("execution (accepted)", "execution", 815, |case| {
        let definition = text(case.data.get("definition").filter(|definition| !definition.is_null())?);
        Some(
            StateMachine::parse_as(machine_kind(&case.data), &definition)
                .map(drop)
                .map_err(|found| invalid_definition(&found)),
        )
    });
}

/// Machines that the recorded calls create, or fail to create for their definition.
#[test]
fn definitions_in_recorded_calls_agree() {
    judge("api (definitions)", "api", 141, |case| {
        let steps = case.data["steps"].as_array()?;
        for step in steps.iter().filter(|step| {
            matches!(step["op"].as_str(), Some("CreateStateMachine" | "UpdateStateMachine"))
                && step["request"]["definition"].is_string()
        }) {
            let request = &step["request"];
            let found = StateMachine::parse_as(machine_kind(request), request["definition"].as_str()?);
            let error = &step["expected_error"];
            let expected = (error["code"] == "InvalidDefinition").then(|| error["message"].clone());
            let found = found.err().map(|found| Value::from(invalid_definition(&found)));
            if found != expected {
                return Some(Err(format!("{found:?}, not {expected:?}")));
            }
        }
        Some(Ok(()))
    });
}

#[test]
fn verdicts_of_linters_agree() {
    judge("lint", "lint", 180, |case| {
        let text = case.data["definition_text"].as_str().map(str::to_owned);
        let definition = text.unwrap_or_else(|| case.data["definition"].to_string());
        let found = StateMachine::parse(&definition).map(drop);
        let expected = case.data["expected"]["valid"] == true;
        if found.is_ok() == expected {
            return Some(Ok(()));
        }
        let found = found.err().map(|found| invalid_definition(&found));
        Some(Err(format!("{} says {expected}: {found:?} {definition}", case.data["authority"])))
    });
}
