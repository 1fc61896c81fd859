//! Functions of Lambda, by their own ARN and by `lambda:invoke`, at any endpoint with Lambda's Invoke API. A function that
//! fails by itself fails the state with its own error's name.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::metadata;
use crate::{
    client::{Answer, Client},
    models::Service,
    task::{self, Failure},
};

/// A state whose resource is the function: its parameters are the payload, and the function's answer is its result.
pub(super) async fn function(client: &Client, arn: &str, parameters: &Value) -> Result<Value, Failure> {
    let region = arn.split(':').nth(3).filter(|region| !region.is_empty());
    let there = region.map(|region| client.in_region(region));
    let input = json!({"FunctionName": arn, "Payload": encoded(parameters)});
    let answer = call(there.as_ref().unwrap_or(client), &input).await?;
    Ok(payload(&answer))
}

/// `lambda:invoke`: the API's own parameters, but any JSON as payload, and its whole answer.
pub(super) async fn invoke(client: &Client, parameters: &Value) -> Result<Value, Failure> {
    let mut given = parameters.clone();
    let sent = given.as_object_mut().and_then(|given| given.shift_remove("Payload"));
    let operation = Service::load("lambda").and_then(|service| service.operation("invoke"));
    let operation = operation.map_err(|error| Failure::runtime(error.to_string()))?;
    let mut input = task::input(operation, &given).map_err(|unfit| Failure::unfit(parameters, &unfit))?;
    if let Some(members) = input.as_object_mut() {
        members.insert("Payload".to_owned(), encoded(&sent.unwrap_or_else(|| json!({}))).into());
    }
    let answer = call(client, &input).await?;
    let mut output = answer.output.as_object().cloned().unwrap_or_default();
    output.insert("Payload".to_owned(), payload(&answer));
    Ok(metadata::add(output, &answer))
}

async fn call(client: &Client, input: &Value) -> Result<Answer, Failure> {
    let answer = client.call("lambda", "invoke", input).await;
    let answer = answer.map_err(|error| task::of_optimized(&error))?;
    match answer.output.get("FunctionError") {
        Some(_) => Err(failed(&text(&answer.output))),
        None => Ok(answer),
    }
}

/// What a function that failed is taken for.
fn failed(told: &str) -> Failure {
    let fields: Map<String, Value> = serde_json::from_str(told).unwrap_or_default();
    match fields.get("errorType").and_then(Value::as_str).filter(|name| !name.is_empty()) {
        Some(name) => Failure { error: name.to_owned(), cause: told.to_owned() },
        None => Failure {
            error: "Lambda.Unknown".to_owned(),
            cause: format!(
                "The cause could not be determined because Lambda did not return an error type. Returned payload: {told}"
            ),
        },
    }
}

fn encoded(payload: &Value) -> String {
    STANDARD.encode(payload.to_string())
}

/// The function's answer as text.
fn text(output: &Value) -> String {
    let bytes = output.get("Payload").and_then(Value::as_str).and_then(|text| STANDARD.decode(text).ok());
    bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

/// The function's answer: JSON, or what is none as text.
fn payload(answer: &Answer) -> Value {
    let text = text(&answer.output);
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_functions_error_has_its_own_name() {
        let told = r#"{"errorType": "Oops", "errorMessage": "no"}"#;
        assert_eq!(failed(told), Failure { error: "Oops".to_owned(), cause: told.to_owned() });
    }

    #[test]
    fn an_error_without_a_name_is_unknown() {
        for told in [r#"{"errorMessage": "Task timed out after 3.00 seconds"}"#, "", "null", "[1]"] {
            let failure = failed(told);
            assert_eq!(failure.error, "Lambda.Unknown");
            assert!(failure.cause.ends_with(&format!("Returned payload: {told}")), "{}", failure.cause);
        }
    }
}
