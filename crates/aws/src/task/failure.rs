//! What a Task fails with when a service refuses: error name and cause as AWS produces them. The `aws-sdk`
//! integrations are built on version 2 of the Java SDK, the optimized ones on version 1; names and sentences differ.

use serde_json::Value;

use super::parameters::Unfit;
use crate::{
    client::{CallError, Class},
    models::{Service, pascal_case},
};

/// Services of which AWS was seen to add the number of attempts to the cause; the others were recorded without.
const COUNTED: &[&str] = &["Sfn"];

/// Services of the optimized integrations: the model's name, the start of error names, and what version 1 of the SDK
/// calls the service.
const OPTIMIZED: &[(&str, &str, &str)] = &[
    ("athena", "Athena", "AmazonAthena"),
    ("batch", "Batch", "AWSBatch"),
    ("bedrock", "Bedrock", "AmazonBedrock"),
    ("bedrockruntime", "Bedrock", "AmazonBedrockRuntime"),
    ("codebuild", "CodeBuild", "AWSCodeBuild"),
    ("databrew", "DataBrew", "AWSGlueDataBrew"),
    ("dynamodb", "DynamoDB", "AmazonDynamoDBv2"),
    ("ecs", "ECS", "AmazonECS"),
    ("eks", "EKS", "AmazonEKS"),
    ("emr", "ElasticMapReduce", "AmazonElasticMapReduce"),
    ("eventbridge", "EventBridge", "AmazonEventBridge"),
    ("glue", "Glue", "AWSGlue"),
    ("lambda", "Lambda", "AWSLambda"),
    ("sagemaker", "SageMaker", "AmazonSageMaker"),
    ("sfn", "StepFunctions", "AWSStepFunctions"),
    ("sns", "SNS", "AmazonSNS"),
    ("sqs", "SQS", "AmazonSQS"),
];

/// What a state fails with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What `ErrorEquals` is compared with.
    pub error: String,
    /// The explanation.
    pub cause: String,
}

impl Failure {
    pub(crate) fn runtime(cause: String) -> Self {
        Self { error: "States.Runtime".to_owned(), cause }
    }

    pub(crate) fn unfit(parameters: &Value, unfit: &Unfit) -> Self {
        Self::runtime(format!("The Parameters '{parameters}' could not be used to start the Task: [{unfit}]"))
    }
}

/// What an `aws-sdk` Task fails with.
pub fn of_sdk(error: &CallError) -> Failure {
    let java = Service::load(&error.service).map_or_else(|_| pascal_case(&error.service), Service::java_name);
    match (error.class, error.status) {
        (Class::Input, _) => Failure::runtime(error.message.clone()),
        (_, None) | (Class::Unreadable, _) => Failure {
            error: format!("{java}.SdkClientException"),
            cause: format!("{} (SDK Attempt Count: {})", client_sentence(error), error.attempts.max(1)),
        },
        (_, Some(status)) => {
            let class = exception(error).unwrap_or_else(|| format!("{java}Exception"));
            Failure { error: format!("{java}.{class}"), cause: sdk_cause(error, &java, status) }
        }
    }
}

fn client_sentence(error: &CallError) -> String {
    match error.class {
        Class::Credentials => error.message.clone(),
        Class::Unreadable => format!("Unable to unmarshall response: {}", error.message),
        _ => format!("Unable to execute HTTP request: {}", error.message),
    }
}

fn sdk_cause(error: &CallError, java: &str, status: u16) -> String {
    let id = error.request_id.as_deref().unwrap_or("null");
    let extended = error.extended_request_id.as_deref();
    let extended = extended.map(|id| format!(", Extended Request ID: {id}")).unwrap_or_default();
    let count = if COUNTED.contains(&java) {
        format!(" (SDK Attempt Count: {})", error.attempts.max(1))
    } else {
        String::new()
    };
    format!("{} (Service: {java}, Status Code: {status}, Request ID: {id}{extended}){count}", error.message)
}

/// What a Task of an optimized integration fails with.
pub fn of_optimized(error: &CallError) -> Failure {
    let known = OPTIMIZED.iter().find(|(name, ..)| *name == error.service);
    let Some((_, prefix, service)) = known else { return of_sdk(error) };
    let Some(status) = error.status.filter(|_| error.class != Class::Unreadable) else {
        let sentence = client_sentence(error);
        return Failure { error: format!("{prefix}.SdkClientException"), cause: sentence };
    };
    let base = service.strip_suffix("v2").unwrap_or(service);
    let class = exception(error).unwrap_or_else(|| format!("{base}Exception"));
    let (code, id) = (&error.code, error.request_id.as_deref().unwrap_or("null"));
    Failure {
        error: format!("{prefix}.{class}"),
        cause: format!(
            "{} (Service: {service}; Status Code: {status}; Error Code: {code}; Request ID: {id}; Proxy: null)",
            error.message
        ),
    }
}

/// The exception class of an error that the model knows.
fn exception(error: &CallError) -> Option<String> {
    let shape = error.shape.as_deref()?;
    let stem = shape.strip_suffix("Exception").or_else(|| shape.strip_suffix("Fault")).unwrap_or(shape);
    Some(format!("{}Exception", pascal_case(stem)))
}
