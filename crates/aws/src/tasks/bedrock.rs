//! `bedrock:invokeModel`: a model's answer as JSON, and requests and answers that are too large for a state in buckets.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use crate::{
    client::Client,
    models::Service,
    task::{self, Failure},
};

/// Asks a model.
pub(super) async fn invoke(client: &Client, parameters: &Value) -> Result<Value, Failure> {
    let mut given = parameters.as_object().cloned().unwrap_or_default();
    let from = place(given.shift_remove("Input"), "Input")?;
    let to = place(given.shift_remove("Output"), "Output")?;
    let operation = Service::load("bedrockruntime").and_then(|service| service.operation("invokeModel"));
    let operation = operation.map_err(|error| Failure::runtime(error.to_string()))?;
    let input = task::input(operation, &Value::Object(given));
    let mut input = input.map_err(|unfit| Failure::unfit(parameters, &unfit))?;
    if let (Some((bucket, key)), Some(members)) = (from, input.as_object_mut()) {
        let object = client.call("s3", "getObject", &json!({"Bucket": bucket, "Key": key})).await;
        let object = object.map_err(|error| task::of_optimized(&error))?;
        members.insert("body".to_owned(), object.output.get("Body").cloned().unwrap_or_default());
    }
    let answer = client.call_operation(operation, &input).await;
    let answer = answer.map_err(|error| task::of_optimized(&error))?.output;
    let mut output = Map::new();
    let body = answer.get("body").cloned().unwrap_or_default();
    match to {
        None => output.insert("Body".to_owned(), read(&body)),
        Some((bucket, key)) => {
            let object =
                json!({"Bucket": bucket, "Key": key, "Body": body, "ContentType": answer.get("contentType")});
            let put = client.call("s3", "putObject", &object).await;
            put.map_err(|error| task::of_optimized(&error))?;
            output.insert("Body".to_owned(), json!({"S3OutputLocation": format!("s3://{bucket}/{key}")}))
        }
    };
    output.insert("ContentType".to_owned(), answer.get("contentType").cloned().unwrap_or_default());
    Ok(Value::Object(output))
}

/// The body as JSON, or as text.
fn read(body: &Value) -> Value {
    let bytes = body.as_str().and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into())
}

/// Bucket and key of an `S3Uri`.
fn place(given: Option<Value>, field: &str) -> Result<Option<(String, String)>, Failure> {
    let Some(given) = given.filter(|given| !given.is_null()) else { return Ok(None) };
    let uri = given.get("S3Uri").and_then(Value::as_str).unwrap_or_default();
    let parts = uri.strip_prefix("s3://").and_then(|rest| rest.split_once('/'));
    match parts.filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty()) {
        Some((bucket, key)) => Ok(Some((bucket.to_owned(), key.to_owned()))),
        None => Err(Failure::runtime(format!("`{field}.S3Uri` must be written as s3://bucket/key"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_buckets_are_read() {
        let found = place(Some(json!({"S3Uri": "s3://b/a/k"})), "Input");
        assert_eq!(found, Ok(Some(("b".to_owned(), "a/k".to_owned()))));
        assert_eq!(place(None, "Input"), Ok(None));
        for uri in ["s3://b", "https://b/k", "s3:///k"] {
            let refused = place(Some(json!({"S3Uri": uri})), "Output").unwrap_err();
            assert!(refused.cause.contains("`Output.S3Uri`"), "{refused:?}");
        }
    }
}
