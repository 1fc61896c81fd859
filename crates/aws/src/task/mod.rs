//! What a Task's `aws-sdk:<service>:<action>` means: its parameters as the API's input, the output as Step Functions
//! gives it, and failures by the names and in the sentences that AWS produces. Calls nobody.

mod failure;
mod missing;
mod output;
mod parameters;

pub use failure::{Failure, of_optimized, of_sdk};
pub use missing::missing;
pub use output::output;
pub use parameters::{Unfit, input};

use serde_json::Value;

use crate::client::Client;

/// Runs one `aws-sdk` Task.
///
/// # Errors
/// What the state fails with.
pub async fn run(client: &Client, service: &str, action: &str, parameters: &Value) -> Result<Value, Failure> {
    let operation = crate::models::Service::load(service).and_then(|service| service.operation(action));
    let operation = operation.map_err(|error| Failure::runtime(error.to_string()))?;
    let input = input(operation, parameters).map_err(|unfit| Failure::unfit(parameters, &unfit))?;
    if let Some(error) = missing(operation, &input) {
        return Err(of_sdk(&error));
    }
    match client.call(service, action, &input).await {
        Ok(answer) => Ok(output(operation, &answer.output)),
        Err(error) => Err(of_sdk(&error)),
    }
}

#[cfg(test)]
mod tests;
