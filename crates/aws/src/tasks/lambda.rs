//! Functions of Lambda, by their own ARN and by `lambda:invoke`, wherever somebody answers Lambda's Invoke API. A function
//! that fails by itself fails the state with its own error's name.

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::metadata;
use crate::{
    client::{Answer, CallError, Client},
    models::{Operation, Service},
    task::{self, Failure},
};

/// Who answers Lambda's Invoke API.
#[async_trait]
pub(super) trait Invoke: Sync {
    /// Calls a function; the input is that of the API's model.
    async fn invoke(&self, input: &Value) -> Result<Answer, CallError>;
}

/// AWS, or an endpoint in its place.
#[async_trait]
impl Invoke for Client {
    async fn invoke(&self, input: &Value) -> Result<Answer, CallError> {
        self.call("lambda", "invoke", input).await
    }
}

/// A state whose resource is the function: its parameters are the payload, and the function's answer is its result.
pub(super) async fn function(lambda: &dyn Invoke, arn: &str, parameters: &Value) -> Result<Value, Failure> {
    let input = json!({"FunctionName": arn, "Payload": encoded(parameters)});
    Ok(payload(&call(lambda, &input).await?))
}

/// The region that a function's ARN names.
pub(super) fn region(arn: &str) -> Option<&str> {
    arn.split(':').nth(3).filter(|region| !region.is_empty())
}

/// `lambda:invoke`: the API's own parameters, but any JSON as payload, and its whole answer.
pub(super) async fn invoke(lambda: &dyn Invoke, parameters: &Value) -> Result<Value, Failure> {
    let mut given = parameters.clone();
    let sent = given.as_object_mut().and_then(|given| given.shift_remove("Payload"));
    let operation = operation()?;
    let mut input = task::input(operation, &given).map_err(|unfit| Failure::unfit(parameters, &unfit))?;
    if let Some(members) = input.as_object_mut() {
        members.insert("Payload".to_owned(), encoded(&sent.unwrap_or_else(|| json!({}))).into());
    }
    let answer = call(lambda, &input).await?;
    let mut output = answer.output.as_object().cloned().unwrap_or_default();
    output.insert("Payload".to_owned(), payload(&answer));
    Ok(metadata::add(output, &answer))
}

/// `aws-sdk:lambda:invoke`: as any action of any service, so a function that fails is an answer like another one.
pub(super) async fn sdk(lambda: &dyn Invoke, parameters: &Value) -> Result<Value, Failure> {
    let operation = operation()?;
    let input = task::input(operation, parameters).map_err(|unfit| Failure::unfit(parameters, &unfit))?;
    match lambda.invoke(&input).await {
        Ok(answer) => Ok(task::output(operation, &answer.output)),
        Err(error) => Err(task::of_sdk(&error)),
    }
}

fn operation() -> Result<Operation<'static>, Failure> {
    let operation = Service::load("lambda").and_then(|service| service.operation("invoke"));
    operation.map_err(|error| Failure::runtime(error.to_string()))
}

async fn call(lambda: &dyn Invoke, input: &Value) -> Result<Answer, Failure> {
    let answer = lambda.invoke(input).await.map_err(|error| task::of_optimized(&error))?;
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
