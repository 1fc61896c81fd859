//! Mocked results that AWS judged, judged here: the shared TestState cases of single tasks.

use std::path::Path;

use serde_json::Value;
use shipway_aws::mock::{FieldValidationMode, validate};

const SENTENCE: &str = "Mock result schema validation error: ";

/// Resource, mocked result and mode of a case that mocks the result of a task.
fn mocked(case: &Value) -> Option<(String, Value, FieldValidationMode)> {
    let mock = &case["request"]["mock"];
    let result = serde_json::from_str(mock["result"].as_str()?).ok()?;
    let mode = mock["fieldValidationMode"].as_str().unwrap_or("STRICT");
    let definition: Value = serde_json::from_str(case["request"]["definition"].as_str()?).ok()?;
    let state = match case["request"]["stateName"].as_str() {
        Some(name) => &definition["States"][name],
        None => &definition,
    };
    let resource = state["Resource"].as_str()?.to_owned();
    Some((resource, result, FieldValidationMode::parse(mode).expect("a known mode")))
}

fn difference(case: &Value) -> Option<String> {
    let (resource, result, mode) = mocked(case)?;
    let message = case["expected_error"]["message"].as_str();
    let expected = message.filter(|message| message.starts_with(SENTENCE));
    let judged = validate(&resource, &result, mode).err();
    (judged.as_deref() != expected).then(|| format!("{}: {judged:?}, expected {expected:?}", case["id"]))
}

#[test]
fn mocks_are_judged_as_aws_judged_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/asl/test_state");
    if !folder.is_dir() {
        println!("skipped: no shared cases beside the checkout");
        return;
    }
    let (mut judged, mut differences) = (0, Vec::new());
    for entry in std::fs::read_dir(folder).unwrap() {
        let case: Value =
            serde_json::from_str(&std::fs::read_to_string(entry.unwrap().path()).unwrap()).unwrap();
        judged += usize::from(mocked(&case).is_some());
        differences.extend(difference(&case));
    }
    println!("{judged} mocked tasks");
    assert!(judged >= 23, "{judged}");
    assert_eq!(differences, Vec::<String>::new());
}
