//! What every service owes: that any operation can be written, and the slips that a caller makes.

use serde_json::json;

use super::*;
use crate::models::Service;

fn written(service: &str, action: &str, input: &Value) -> Result<Request, String> {
    let operation = Service::load(service).unwrap().operation(action).unwrap();
    write(operation, input, "token").map_err(|error| error.to_string())
}

#[test]
fn what_does_not_fit_is_named() {
    for (service, action, input, message) in [
        ("s3", "getObject", json!({"Bucket": "b"}), "`Key` is part of the path and must be given"),
        (
            "s3",
            "getObject",
            json!({"Bucket": "", "Key": "k"}),
            "`Bucket` is part of the path and must not be empty",
        ),
        (
            "dynamodb",
            "getItem",
            json!({"tableName": "t"}),
            "`tableName` is not known to `GetItemInput`; did you mean `TableName`?",
        ),
        (
            "dynamodb",
            "getItem",
            json!({"Key": {"id": {"S": 1}}}),
            "`Key.id.S` is a number and must be a text",
        ),
        (
            "kms",
            "encrypt",
            json!({"Plaintext": "%"}),
            "`Plaintext` is no base64: Invalid symbol 37, offset 0.",
        ),
        ("sqs", "sendMessage", json!([]), "the input is no object"),
        (
            "s3",
            "putObject",
            json!({"Bucket": "b", "Key": "k", "CacheControl": "a\r\nX: y"}),
            "`CacheControl` has a line break, which no header may have",
        ),
        (
            "s3control",
            "getJobTagging",
            json!({"JobId": "j"}),
            "`AccountId` is part of the host name and is no host label",
        ),
    ] {
        assert_eq!(written(service, action, &input), Err(message.to_owned()));
    }
}

#[test]
fn an_idempotency_token_is_made_up_once() {
    let body = |input: Value| String::from_utf8(written("ecs", "runTask", &input).unwrap().body).unwrap();
    assert_eq!(body(json!({})), r#"{"clientToken":"token"}"#);
    assert_eq!(body(json!({"clientToken": "mine"})), r#"{"clientToken":"mine"}"#);
}

#[test]
fn the_host_takes_its_prefix_from_the_input() {
    let prefix = |service, action, input| written(service, action, &input).unwrap().host_prefix;
    assert_eq!(prefix("sfn", "startSyncExecution", json!({"stateMachineArn": "a"})), "sync-");
    assert_eq!(prefix("s3control", "getJobTagging", json!({"AccountId": "1", "JobId": "j"})), "1.");
}

#[test]
fn a_copy_that_failed_with_status_200_is_seen() {
    let operation = Service::load("s3").unwrap().operation("copyObject").unwrap();
    let body = b"<Error><Code>SlowDown</Code><Message>m</Message><RequestId>r</RequestId></Error>".to_vec();
    let reply = Reply { status: 200, headers: Vec::new(), body };
    assert!(is_hidden_error(operation, &reply));
    let fault = read_error(operation, &reply);
    assert_eq!(
        (fault.code.as_str(), fault.message.as_str(), fault.request_id.as_deref()),
        ("SlowDown", "m", Some("r"))
    );
    let object = Service::load("s3").unwrap().operation("getObject").unwrap();
    assert!(!is_hidden_error(object, &reply), "an object may be any XML");
}

#[test]
fn every_operation_of_every_service_can_be_written_or_says_why_not() {
    let (mut done, mut refused) = (0, 0);
    for name in Service::names() {
        let service = Service::load(name).unwrap();
        for operation in service.operations() {
            match write(operation, &Value::Null, "token") {
                Ok(_) => done += 1,
                Err(error) => {
                    let message = error.to_string();
                    assert!(
                        ["path", "host", "CBOR", "stream"].iter().any(|part| message.contains(part)),
                        "{name} {message}"
                    );
                    refused += 1;
                }
            }
        }
    }
    assert!(done > 9_000 && refused > 1_000, "{done} {refused}");
}
