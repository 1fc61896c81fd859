//! Mocked results that AWS judged, judged here: the shared TestState cases of single tasks.

use std::path::Path;

use serde_json::Value;
use shipway_aws::mock::{FieldValidationMode, validate};

const FOLDER: &str = "../../../shared/asl";
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

/// All cases of a folder, if they are there.
fn cases(folder: &str) -> Option<Vec<Value>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER).join(folder);
    let Ok(files) = std::fs::read_dir(&folder) else {
        println!("skipped: no shared cases beside the checkout");
        return None;
    };
    let read = |file: std::path::PathBuf| std::fs::read_to_string(file).unwrap();
    Some(files.map(|file| serde_json::from_str(&read(file.unwrap().path())).unwrap()).collect())
}

#[test]
fn mocks_are_judged_as_aws_judged_them() {
    let Some(cases) = cases("test_state") else { return };
    let judged = cases.iter().filter(|case| mocked(case).is_some()).count();
    let differences: Vec<String> = cases.iter().filter_map(difference).collect();
    println!("{judged} mocked tasks");
    assert!(judged >= 23, "{judged}");
    assert_eq!(differences, Vec::<String>::new());
}

/// Resource and answer of each service task of a case that succeeded without a person's or a token's help.
fn answers(case: &Value) -> Vec<(String, Value)> {
    let tasks = case["tasks"].as_array().into_iter().flatten();
    let answered =
        tasks.filter(|task| task["resource_type"].is_string() && task["outcome"]["output"].is_object());
    let answers = answered.map(|task| {
        let (service, action) = (task["resource_type"].as_str().unwrap(), task["resource"].as_str().unwrap());
        (format!("arn:aws:states:::{service}:{action}"), task["outcome"]["output"].clone())
    });
    answers.collect()
}

/// AWS's own answers fit its models; a function's payload is JSON when it is called, and a text in the model.
#[test]
fn what_services_answered_fits_their_models() {
    let Some(cases) = cases("execution") else { return };
    let answers: Vec<(String, Value)> = cases.iter().flat_map(answers).collect();
    println!("{} answers", answers.len());
    assert!(answers.len() >= 50, "{}", answers.len());
    for (resource, mut answer) in answers {
        if resource.contains("lambda:invoke") {
            answer["Payload"] = answer["Payload"].to_string().into();
        }
        assert_eq!(validate(&resource, &answer, FieldValidationMode::Strict), Ok(()), "{resource} {answer}");
    }
}
