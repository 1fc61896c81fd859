//! How far the language agrees with the shared cases. Floors hold what was reached.

use shipway_asl::StateMachine;

use crate::cases::{Case, cases, folder, run_execution};

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

fn execution(name: &str, floor: usize, is_in: impl Fn(&Case) -> bool) {
    let Some(folder) = folder() else {
        println!("{name}: skipped, the shared cases are not here");
        return;
    };
    let outcomes: Vec<_> = cases(&folder, "execution")
        .iter()
        .filter(|case| is_in(case))
        .map(|case| (case.id().to_owned(), run_execution(case)))
        .collect();
    report(name, &outcomes, floor);
}

#[test]
fn executions_without_outside_agree() {
    execution("execution (runnable)", 559, |case| case.data["runnable"] == true);
}

#[test]
fn executions_with_recorded_tasks_agree() {
    execution("execution (tasks)", 108, |case| case.data["tasks"].is_array());
}

#[test]
fn executions_with_supplied_outside_agree() {
    execution("execution (other)", 0, |case| {
        case.data["runnable"] != true && !case.data["tasks"].is_array() && !case.needs_storage()
    });
}

/// A verdict on a definition: accepted or refused.
fn verdict(definition: &str) -> Result<(), String> {
    StateMachine::parse(definition).map(drop).map_err(|found| {
        let lines: Vec<String> =
            found.iter().map(|one| format!("{}: {} at {}", one.code, one.message, one.location)).collect();
        lines.join("; ")
    })
}

#[test]
fn verdicts_of_linters_agree() {
    let Some(folder) = folder() else {
        println!("lint: skipped, the shared cases are not here");
        return;
    };
    let outcomes: Vec<_> = cases(&folder, "lint")
        .iter()
        .map(|case| {
            let text = case.data["definition_text"].as_str().map(str::to_owned);
            let found = verdict(&text.unwrap_or_else(|| case.data["definition"].to_string()));
            let expected = case.data["expected"]["valid"] == true;
            let outcome = if found.is_ok() == expected {
                Ok(())
            } else {
                Err(format!("should be {expected}: {found:?}"))
            };
            (format!("{} {}", case.data["authority"], case.id()), outcome)
        })
        .collect();
    report("lint", &outcomes, 171);
}

#[test]
fn refusals_of_the_service_agree() {
    let Some(folder) = folder() else {
        println!("create: skipped, the shared cases are not here");
        return;
    };
    let outcomes: Vec<_> = cases(&folder, "create")
        .iter()
        .filter(|case| case.data["expected_error"]["code"] == "InvalidDefinition")
        // WHY: which integrations exist, and what EXPRESS lacks, is known above the language.
        .filter(|case| !case.id().contains("Express") && !case.id().contains("integration"))
        .map(|case| {
            let definition = case.data["request"]["definition"].as_str().map(str::to_owned);
            let found =
                verdict(&definition.unwrap_or_else(|| case.data["request"]["definition"].to_string()));
            let message = case.data["expected_error"]["message"].as_str().unwrap_or_default();
            let outcome = match found {
                Ok(()) => Err("accepted".to_owned()),
                Err(found) if message.contains(&found) => Ok(()),
                Err(found) => Err(format!("{found:?}, not {message:?}")),
            };
            (case.id().to_owned(), outcome)
        })
        .collect();
    report("create", &outcomes, 7);
    let outcomes: Vec<_> = cases(&folder, "validate")
        .iter()
        .map(|case| {
            let found = StateMachine::parse(case.data["request"]["definition"].as_str().unwrap_or_default());
            let expected = &case.data["expected"]["diagnostics"][0];
            let outcome = match found {
                Ok(_) => Err("accepted".to_owned()),
                Err(found) if found[0].code == expected["code"].as_str().unwrap_or_default() => Ok(()),
                Err(found) => Err(format!("{found:?}, not {expected}")),
            };
            (case.id().to_owned(), outcome)
        })
        .collect();
    report("validate", &outcomes, 3);
}
