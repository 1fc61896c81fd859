//! What the judge of mocks promises.

use serde_json::json;

use super::*;

const START: &str = "arn:aws:states:::states:startExecution";

/// The sentence without its common start; empty when the result passes.
fn judged(resource: &str, result: &Value, mode: FieldValidationMode) -> String {
    let sentence = validate(resource, result, mode).err().unwrap_or_default();
    sentence.trim_start_matches("Mock result schema validation error: ").to_owned()
}

fn strict(resource: &str, result: &Value) -> String {
    judged(resource, result, FieldValidationMode::Strict)
}

#[test]
fn every_type_has_its_sentence() {
    for (resource, result, sentence) in [
        ("events:putEvents", json!({"Entries": {}}), "Field 'Entries' must be an array"),
        ("events:putEvents", json!({"Entries": ["x"]}), "Field 'Entries' must be an object"),
        ("events:putEvents", json!({"Entries": [{"EventId": null}]}), "Field 'EventId' must be a string"),
        ("events:putEvents", json!({"FailedEntryCount": "0"}), "Field 'FailedEntryCount' must be a number"),
        ("dynamodb:getItem", json!({"Item": []}), "Field 'Item' must be an object"),
        ("dynamodb:getItem", json!({"Item": {"id": "x"}}), "Field 'Item' must be an object"),
        ("dynamodb:getItem", json!({"Item": {"id": {"S": 1}}}), "Field 'S' must be a string"),
        ("dynamodb:putItem", json!({"ConsumedCapacity": 1}), "Field 'ConsumedCapacity' must be an object"),
        ("lambda:invoke", json!({"Payload": {"a": 1}}), "Field 'Payload' must be a string"),
        ("lambda:invoke", json!({"StatusCode": true}), "Field 'StatusCode' must be a number"),
        ("aws-sdk:s3:getObject", json!({"DeleteMarker": "true"}), "Field 'DeleteMarker' must be a boolean"),
        ("aws-sdk:s3:getObject", json!({"LastModified": 1}), "Field 'LastModified' must be a string"),
        ("aws-sdk:s3:getObject", json!({"Metadata": {"a": 1}}), "Field 'Metadata' must be a string"),
    ] {
        assert_eq!(strict(&format!("arn:aws:states:::{resource}"), &result), sentence, "{resource} {result}");
    }
}

#[test]
fn values_and_bounds_have_their_sentences() {
    let blob = |length: usize| json!({"CiphertextBlob": "x".repeat(length)});
    let memory = |size: u32| json!({"Configuration": {"MemorySize": size}});
    for (resource, result, sentence) in [
        ("kms:encrypt", blob(0), "Field 'CiphertextBlob' is smaller than the minimum length"),
        ("kms:encrypt", blob(1), ""),
        ("kms:encrypt", blob(6144), ""),
        ("kms:encrypt", blob(6145), "Field 'CiphertextBlob' exceeds the maximum length"),
        ("kms:encrypt", json!({"KeyId": ""}), "Field 'KeyId' is smaller than the minimum length"),
        ("s3:getObject", json!({"StorageClass": "Papyrus"}), "Field 'StorageClass' is not an expected value"),
        ("s3:getObject", json!({"StorageClass": "GLACIER"}), ""),
        ("lambda:getFunction", memory(127), "Field 'MemorySize' is less than the minimum value"),
        ("lambda:getFunction", memory(128), ""),
        ("lambda:getFunction", memory(10_240), ""),
        ("lambda:getFunction", memory(10_241), "Field 'MemorySize' exceeds the maximum value"),
    ] {
        assert_eq!(strict(&format!("arn:aws:states:::aws-sdk:{resource}"), &result), sentence, "{result}");
    }
}

#[test]
fn required_fields_are_asked_for_only_in_strict_mode() {
    use FieldValidationMode::{None, Present, Strict};
    let arn = json!({"ExecutionArn": "a"});
    for (result, mode, sentence) in [
        (json!({}), Strict, "Required field 'ExecutionArn' is missing"),
        (arn.clone(), Strict, "Required field 'StartDate' is missing"),
        (json!({"executionArn": "a", "startDate": "b"}), Strict, "Required field 'ExecutionArn' is missing"),
        (json!({"executionArn": 1}), Present, ""),
        (arn, Present, ""),
        (json!({"ExecutionArn": 1}), Present, "Field 'ExecutionArn' must be a string"),
        (json!({"ExecutionArn": 1}), None, ""),
    ] {
        assert_eq!(judged(START, &result, mode), sentence, "{result} {mode:?}");
    }
    let nested = json!({"TagsError": {"ErrorCode": "AccessDeniedException"}});
    let resource = "arn:aws:states:::aws-sdk:lambda:getFunction";
    assert_eq!(judged(resource, &nested, Strict), "Required field 'Message' is missing");
    assert_eq!(judged(resource, &nested, Present), "");
}

#[test]
fn a_job_that_is_waited_for_gives_what_is_polled() {
    let execution =
        json!({"ExecutionArn": "a", "StateMachineArn": "b", "Status": "SUCCEEDED", "StartDate": "c"});
    let with = |output: Value| {
        let mut execution = execution.clone();
        execution["Output"] = output;
        execution
    };
    let start = |suffix: &str| format!("{START}{suffix}");
    assert_eq!(strict(&start(".sync"), &execution), "");
    assert_eq!(
        strict(&start(".sync"), &json!({"ExecutionArn": "a"})),
        "Required field 'StateMachineArn' is missing"
    );
    assert_eq!(strict(&start(".sync"), &with(json!({"a": 1}))), "Field 'Output' must be a string");
    assert_eq!(strict(&start(".sync:2"), &with(json!({"a": 1}))), "");
    assert_eq!(
        strict(&start(".sync:2"), &json!({"Status": "DONE"})),
        "Required field 'ExecutionArn' is missing"
    );
    assert_eq!(strict(&start(".waitForTaskToken"), &json!("any")), "");
}

#[test]
fn what_has_no_model_passes() {
    for resource in [
        "arn:aws:lambda:us-east-1:111111111111:function:f",
        "arn:aws:states:us-east-1:111111111111:activity:a",
        "arn:aws:states:::http:invoke",
        "arn:aws:states:::apigateway:invoke",
        "arn:aws:states:::eks:call",
        "arn:aws:states:::aws-sdk:nowhere:nothing",
        "arn:aws:states:::aws-sdk:sqs:deleteMessage",
        "no resource",
    ] {
        assert_eq!(strict(resource, &json!({"Anything": [1]})), "", "{resource}");
    }
}

#[test]
fn what_the_model_does_not_know_passes() {
    let metadata = json!({"SdkHttpMetadata": {"HttpStatusCode": 200}, "random": [true]});
    assert_eq!(strict("arn:aws:states:::events:putEvents", &metadata), "");
    assert_eq!(strict("arn:aws:states:::events:putEvents", &Value::Null), "");
    assert_eq!(
        strict("arn:aws:states:::events:putEvents", &json!([])),
        "Mocked result must be a JSON object."
    );
}

#[test]
fn modes_are_read_as_the_api_writes_them() {
    for mode in FieldValidationMode::ALL {
        assert_eq!(FieldValidationMode::parse(mode.as_str()), Some(mode));
    }
    assert_eq!(FieldValidationMode::parse("strict"), None);
    assert_eq!(FieldValidationMode::default(), FieldValidationMode::Strict);
}
