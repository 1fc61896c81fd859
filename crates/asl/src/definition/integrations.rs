//! What a Task calls: whether Step Functions knows it, and whether what the call needs is there.
//! What a service makes of the values is known when it is called.

use serde_json::{Map, Value};

use super::QueryLanguage;
use super::findings::Findings;
use super::walk::Written;
use crate::diagnostic::{SCHEMA_VALIDATION_FAILED, Severity};
use crate::integration::{self, Target};

/// Fields without which AWS refuses the definition, by service and action.
///
/// Source: those of the AWS API's models that are required, as `ValidateStateMachineDefinition` asks for them.
const REQUIRED: &[(&str, &str, &[&str])] = &[
    ("apigateway", "invoke", &["ApiEndpoint", "Method"]),
    ("athena", "getQueryExecution", &["QueryExecutionId"]),
    ("athena", "getQueryResults", &["QueryExecutionId"]),
    ("athena", "startQueryExecution", &["QueryString"]),
    ("athena", "stopQueryExecution", &["QueryExecutionId"]),
    ("batch", "submitJob", &["JobDefinition", "JobName", "JobQueue"]),
    ("codebuild", "startBuild", &["ProjectName"]),
    ("databrew", "startJobRun", &["Name"]),
    ("dynamodb", "deleteItem", &["Key", "TableName"]),
    ("dynamodb", "getItem", &["Key", "TableName"]),
    ("dynamodb", "putItem", &["Item", "TableName"]),
    ("dynamodb", "updateItem", &["Key", "TableName"]),
    ("ecs", "runTask", &["TaskDefinition"]),
    ("elasticmapreduce", "addStep", &["ClusterId", "Step"]),
    ("elasticmapreduce", "cancelStep", &["ClusterId", "StepId"]),
    ("elasticmapreduce", "createCluster", &["Instances", "Name"]),
    ("elasticmapreduce", "terminateCluster", &["ClusterId"]),
    ("events", "putEvents", &["Entries"]),
    ("glue", "startJobRun", &["JobName"]),
    ("http", "invoke", &["ApiEndpoint", "Method"]),
    ("lambda", "invoke", &["FunctionName"]),
    ("sagemaker", "createTrainingJob", &["TrainingJobName"]),
    ("sns", "publish", &["Message"]),
    ("sqs", "sendMessage", &["MessageBody", "QueueUrl"]),
    ("states", "startExecution", &["StateMachineArn"]),
];

pub(super) fn check(states: &[Written<'_>], findings: &Findings) {
    for state in states.iter().filter(|state| state.is("Task")) {
        if let Some(resource) = state.text("Resource") {
            task(state, resource, findings);
        }
    }
}

fn task(state: &Written<'_>, resource: &str, findings: &Findings) {
    match integration::find(resource) {
        Ok(Target::Activity) => {
            if state.fields.contains_key("Credentials") {
                findings.at(
                    SCHEMA_VALIDATION_FAILED,
                    state.at("Credentials"),
                    "The field 'Credentials' is not supported for activities",
                );
            }
        }
        Ok(Target::Function) if !is_qualifier(resource) => {
            findings.at(SCHEMA_VALIDATION_FAILED, state.at("Resource"), NO_ARN);
        }
        Ok(Target::Function) => {}
        Ok(Target::Sdk { .. }) => drop(arguments(state, resource, findings)),
        Ok(Target::Optimized { integration, action, .. }) => {
            if let Some(given) = arguments(state, resource, findings) {
                required(state, integration.service, action.name, given, findings);
            }
        }
        Err(_) if is_integration(resource) => {
            let message = format!(
                "The resource provided {resource} is not recognized. The value is not a valid resource ARN, or the resource is not available in this region."
            );
            findings.at(SCHEMA_VALIDATION_FAILED, state.at("Resource"), message);
        }
        // WHY: here a task may be done by a handler that has a name of its own, and a template's placeholder stands
        // for an ARN. On AWS neither goes.
        Err(_) if !resource.starts_with("arn:") && !resource.contains("${") => findings.add(
            Severity::Warning,
            SCHEMA_VALIDATION_FAILED.name,
            state.at("Resource"),
            NO_ARN.into(),
        ),
        Err(_) if resource.matches("${").count() > resource.matches('}').count() => {
            findings.at(SCHEMA_VALIDATION_FAILED, state.at("Resource"), NO_ARN);
        }
        Err(_) => {}
    }
}

const NO_ARN: &str = "Value is not a valid resource ARN";

/// Whether a function's version or alias, if there is one, may be one.
fn is_qualifier(function: &str) -> bool {
    let qualifier = function.splitn(8, ':').nth(7);
    qualifier.is_none_or(|text| {
        let plain = text.strip_prefix("$LATEST").unwrap_or(text);
        !text.is_empty()
            && (text.contains("${") || plain.chars().all(|c| c.is_alphanumeric() || "-_<>.".contains(c)))
    })
}

/// Whether it is `arn:<partition>:states:::...`, which only Step Functions itself gives a meaning.
fn is_integration(resource: &str) -> bool {
    let mut parts = resource.split(':');
    parts.next() == Some("arn")
        && parts.next().is_some()
        && parts.next() == Some("states")
        && parts.next() == Some("")
        && parts.next() == Some("")
}

/// The field with what the call is given, and its value; its absence is a finding.
fn arguments<'d>(
    state: &Written<'d>,
    resource: &str,
    findings: &Findings,
) -> Option<(&'static str, &'d Value)> {
    let field = match state.language {
        QueryLanguage::JsonPath => "Parameters",
        QueryLanguage::Jsonata => "Arguments",
    };
    let value = state.fields.get(field);
    if value.is_none() {
        let message = format!("{field} field is required for resource ARN: {resource}");
        findings.at(SCHEMA_VALIDATION_FAILED, state.at("Resource"), message);
    }
    Some((field, value?))
}

fn required(
    state: &Written<'_>,
    service: &str,
    action: &str,
    (field, value): (&str, &Value),
    findings: &Findings,
) {
    // WHY: what a JSONata expression gives is known when it is evaluated.
    let Some(given) = value.as_object() else { return };
    let row = REQUIRED.iter().find(|(of, name, _)| *of == service && *name == action);
    for name in row.into_iter().flat_map(|(_, _, names)| *names) {
        if !has(given, name) {
            let message = format!("The field '{name}' is required but was missing");
            findings.at(SCHEMA_VALIDATION_FAILED, state.at(field), message);
        }
    }
}

fn has(given: &Map<String, Value>, name: &str) -> bool {
    given.contains_key(name) || given.contains_key(&format!("{name}.$"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn required_fields_are_of_integrations_that_exist() {
        assert!(REQUIRED.is_sorted());
        for (service, action, _) in REQUIRED {
            let known = integration::service(service).and_then(|service| service.action(action));
            assert!(known.is_some(), "{service}:{action}");
        }
    }
}
