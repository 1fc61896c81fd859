//! How far the language agrees with the shared cases. Floors hold what was reached.

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

#[test]
fn executions_that_read_and_write_buckets_agree() {
    execution("execution (buckets)", 16, Case::needs_storage);
}
