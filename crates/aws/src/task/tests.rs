//! Names, values and sentences as AWS was seen to produce them.

use serde_json::json;

use super::*;
use crate::{
    client::{CallError, Class},
    models::{Operation, Service},
};

fn operation(service: &str, action: &str) -> Operation<'static> {
    Service::load(service).unwrap().operation(action).unwrap()
}

fn given(service: &str, action: &str, parameters: &Value) -> Result<Value, String> {
    input(operation(service, action), parameters).map_err(|unfit| unfit.to_string())
}

#[test]
fn parameters_become_the_models_input() {
    for (service, action, parameters, expected) in [
        (
            "sfn",
            "startExecution",
            json!({"StateMachineArn": "a", "Input": {"key": "value"}, "Name": null}),
            json!({"stateMachineArn": "a", "input": "{\"key\":\"value\"}"}),
        ),
        (
            "dynamodb",
            "putItem",
            json!({"TableName": "t", "Item": {"id": {"Bool": true}, "n": {"Nul": true}}}),
            json!({"TableName": "t", "Item": {"id": {"BOOL": true}, "n": {"NULL": true}}}),
        ),
        (
            "s3",
            "putObject",
            json!({"Bucket": "b", "Key": "k", "Body": {"a": 1}}),
            json!({"Bucket": "b", "Key": "k", "Body": "eyJhIjoxfQ=="}),
        ),
        (
            "rds",
            "describeDBInstances",
            json!({"DbInstanceIdentifier": "d", "MaxRecords": "20"}),
            json!({"DBInstanceIdentifier": "d", "MaxRecords": 20}),
        ),
        ("s3", "listBuckets", json!(null), json!({})),
    ] {
        assert_eq!(given(service, action, &parameters), Ok(expected), "{service}:{action}");
    }
}

#[test]
fn parameters_that_nobody_takes_are_named() {
    let unknown = given("s3", "listObjects", &json!({"bucket": "b"}));
    assert_eq!(unknown, Err("The field \"bucket\" is not supported by Step Functions".to_owned()));
    let kind = given("s3", "listObjects", &json!({"Bucket": "b", "MaxKeys": []}));
    assert_eq!(kind, Err("The value for the field 'MaxKeys' must be NUMBER".to_owned()));
    let failure = Failure::unfit(&json!({"x": 1}), &Unfit::Unknown("x".to_owned()));
    let sentence = "The Parameters '{\"x\":1}' could not be used to start the Task: \
                    [The field \"x\" is not supported by Step Functions]";
    assert_eq!((failure.error.as_str(), failure.cause.as_str()), ("States.Runtime", sentence));
}

#[test]
fn an_output_has_the_java_sdks_names_and_texts() {
    let object = json!({"ContentLength": 4, "Body": "dGV4dA==", "Metadata": {}, "ETag": "\"e\""});
    let expected = json!({"ContentLength": 4, "Body": "text", "Metadata": {}, "ETag": "\"e\""});
    assert_eq!(output(operation("s3", "getObject"), &object), expected);
    let started = json!({"executionArn": "a", "startDate": "2026-11-21T00:00:00Z"});
    let expected = json!({"ExecutionArn": "a", "StartDate": "2026-11-21T00:00:00Z"});
    assert_eq!(output(operation("sfn", "startExecution"), &started), expected);
    let cipher = json!({"CiphertextBlob": "/w=="});
    assert_eq!(output(operation("kms", "encrypt"), &cipher), cipher, "bytes that are no text");
}

fn error(service: &str, code: &str, shape: Option<&str>, message: &str, status: u16) -> CallError {
    CallError {
        code: code.to_owned(),
        shape: shape.map(str::to_owned),
        status: Some(status),
        request_id: Some("id".to_owned()),
        attempts: 1,
        ..CallError::new(service, "Any", Class::Refused, message)
    }
}

#[test]
fn failures_are_named_as_aws_names_them() {
    let mut no_key = error("s3", "NoSuchKey", Some("NoSuchKey"), "m.", 404);
    no_key.extended_request_id = Some("more".to_owned());
    let sent = "(Service: S3, Status Code: 404, Request ID: id, Extended Request ID: more)";
    for (error, name, cause) in [
        (no_key, "S3.NoSuchKeyException", format!("m. {sent}")),
        (
            error("dynamodb", "ValidationException", None, "m", 400),
            "DynamoDb.DynamoDbException",
            "m (Service: DynamoDb, Status Code: 400, Request ID: id)".to_owned(),
        ),
        (
            error("secretsmanager", "ValidationException", None, "m", 400),
            "SecretsManager.SecretsManagerException",
            "m (Service: SecretsManager, Status Code: 400, Request ID: id)".to_owned(),
        ),
        (
            error("sfn", "InvalidToken", Some("InvalidToken"), "m", 400),
            "Sfn.InvalidTokenException",
            "m (Service: Sfn, Status Code: 400, Request ID: id) (SDK Attempt Count: 1)".to_owned(),
        ),
        (
            error("rds", "DBInstanceNotFound", Some("DBInstanceNotFoundFault"), "m", 404),
            "Rds.DbInstanceNotFoundException",
            "m (Service: Rds, Status Code: 404, Request ID: id)".to_owned(),
        ),
    ] {
        let failure = of_sdk(&error);
        assert_eq!((failure.error.as_str(), failure.cause), (name, cause));
    }
}

#[test]
fn failures_of_optimized_integrations_are_named_as_the_older_sdk_does() {
    for (error, name, service) in [
        (error("sqs", "MissingParameter", None, "m", 400), "SQS.AmazonSQSException", "AmazonSQS"),
        (
            error("dynamodb", "ValidationException", None, "m", 400),
            "DynamoDB.AmazonDynamoDBException",
            "AmazonDynamoDBv2",
        ),
        (
            error("sns", "InvalidParameter", Some("InvalidParameterException"), "m", 400),
            "SNS.InvalidParameterException",
            "AmazonSNS",
        ),
        (
            error("sfn", "StateMachineDoesNotExist", Some("StateMachineDoesNotExist"), "m", 400),
            "StepFunctions.StateMachineDoesNotExistException",
            "AWSStepFunctions",
        ),
    ] {
        let failure = of_optimized(&error);
        let code = &error.code;
        let cause = format!(
            "m (Service: {service}; Status Code: 400; Error Code: {code}; Request ID: id; Proxy: null)"
        );
        assert_eq!((failure.error.as_str(), failure.cause), (name, cause));
    }
}

#[test]
fn a_call_without_an_answer_is_the_clients_failure() {
    let mut unreachable = CallError::new("sqs", "SendMessage", Class::Unreachable, "no answer: refused");
    unreachable.attempts = 3;
    let failure = of_sdk(&unreachable);
    assert_eq!(failure.error, "Sqs.SdkClientException");
    assert_eq!(failure.cause, "Unable to execute HTTP request: no answer: refused (SDK Attempt Count: 3)");
}

#[test]
fn a_call_that_lacks_something_fails_in_the_services_words() {
    let lacks = |service, action, input: Value| missing(operation(service, action), &input);
    let put = lacks("dynamodb", "putItem", json!({"TableName": "t", "Item": null})).unwrap();
    let failure = of_sdk(&put);
    assert_eq!(failure.error, "DynamoDb.DynamoDbException");
    let sentence = "1 validation error detected: Value null at 'item' failed to satisfy constraint: Member must \
                    not be null (Service: DynamoDb, Status Code: 400, Request ID: null)";
    assert_eq!(failure.cause, sentence);
    assert_eq!(of_optimized(&put).error, "DynamoDB.AmazonDynamoDBException");
    let both = lacks("dynamodb", "putItem", json!({})).unwrap().message;
    assert!(both.starts_with("2 validation errors detected: Value null at '"), "{both}");
    let empty = lacks("eventbridge", "putEvents", json!({"Entries": []})).unwrap().message;
    let sentence = "1 validation error detected: Value '[]' at 'entries' failed to satisfy constraint: Member must \
                    have length greater than or equal to 1";
    assert_eq!(empty, sentence);
    let send = of_optimized(&lacks("sqs", "sendMessage", json!({"QueueUrl": "q"})).unwrap());
    assert_eq!(send.error, "SQS.AmazonSQSException");
    let sentence = "The request must contain the parameter MessageBody. (Service: AmazonSQS; Status Code: 400; \
                    Error Code: MissingParameter; Request ID: null; Proxy: null)";
    assert_eq!(send.cause, sentence);
    assert_eq!(lacks("sqs", "sendMessage", json!({"QueueUrl": "q", "MessageBody": "m"})), None);
    assert_eq!(lacks("secretsmanager", "createSecret", json!({"Name": "s"})), None);
    assert_eq!(lacks("s3", "getObject", json!({})), None);
}
