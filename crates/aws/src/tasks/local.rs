//! Tasks whose function is one of this server's own run there; all others go on to whoever does them. Results and errors are
//! those of a call to Lambda.

use std::sync::Arc;

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use shipway_asl::integration::{self, Target};
use shipway_control::function::{Call, Done, Functions, Reference, Refusal};
use shipway_engine::{Task, TaskFailure, TaskHandler};

use super::{
    lambda::{self, Invoke},
    unable,
};
use crate::{
    client::{Answer, CallError, Class},
    task::{self, Failure},
};

/// Does Tasks of functions that are registered here, and hands the others on.
pub struct Local {
    functions: Functions,
    others: Arc<dyn TaskHandler>,
}

/// How a Task names its function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// The resource is the function.
    Arn,
    /// `lambda:invoke`.
    Optimized,
    /// `aws-sdk:lambda:invoke`.
    Sdk,
}

impl Local {
    /// `functions` first, then `others`.
    pub fn new(functions: Functions, others: Arc<dyn TaskHandler>) -> Self {
        Self { functions, others }
    }

    /// How the Task names its function, if that is one of ours.
    async fn way(&self, task: &Task) -> Result<Option<Way>, TaskFailure> {
        let Some((way, name)) = named(&task.resource, &task.parameters) else { return Ok(None) };
        let Some(reference) = Reference::parse(name) else { return Ok(None) };
        match self.functions.has(&reference).await {
            Ok(is_ours) => Ok(is_ours.then_some(way)),
            Err(error) => Err(failure(task::of_optimized(&refused(&Refusal::from(error))))),
        }
    }

    async fn call(&self, way: Way, task: &Task) -> Result<Value, Failure> {
        match way {
            Way::Arn => lambda::function(self, &task.resource, &task.parameters).await,
            Way::Optimized => lambda::invoke(self, &task.parameters).await,
            Way::Sdk => lambda::sdk(self, &task.parameters).await,
        }
    }
}

#[async_trait]
impl TaskHandler for Local {
    async fn run(&self, task: Task) -> Result<Value, TaskFailure> {
        let Some(way) = self.way(&task).await? else { return self.others.run(task).await };
        let result = tokio::select! {
            result = self.call(way, &task) => result,
            // WHY: the function itself runs to its end, as with Lambda.
            () = task.cancel.cancelled() => Err(unable("nobody waits for the task any more".to_owned())),
        };
        result.map_err(failure)
    }

    async fn finish(&self, task: Task, submitted: Value) -> Result<Value, TaskFailure> {
        self.others.finish(task, submitted).await
    }
}

#[async_trait]
impl Invoke for Local {
    async fn invoke(&self, input: &Value) -> Result<Answer, CallError> {
        let text = |name: &str| input.get(name).and_then(Value::as_str);
        let refuse = |refusal: Refusal| refused(&refusal);
        let function =
            Reference::of(text("FunctionName").unwrap_or_default(), text("Qualifier")).map_err(refuse)?;
        let bytes = |name| text(name).and_then(|text| STANDARD.decode(text).ok());
        let client_context = bytes("ClientContext").and_then(|context| String::from_utf8(context).ok());
        let call = Call { function, payload: bytes("Payload").unwrap_or_default(), client_context };
        match text("InvocationType") {
            None | Some("RequestResponse") => {
                let done = self.functions.invoke(call).await.map_err(refuse)?;
                Ok(ran(&done, text("LogType") == Some("Tail")))
            }
            Some("Event") => {
                let id = self.functions.enqueue(call).await.map_err(refuse)?;
                Ok(answer(202, &id, Map::new(), 0))
            }
            Some("DryRun") => {
                self.functions.check(call).await.map_err(refuse)?;
                Ok(answer(204, "", Map::new(), 0))
            }
            Some(other) => Err(refuse(Refusal::Parameter(format!("Unknown invocation type: {other}")))),
        }
    }
}

/// The name of the function that a Task calls.
fn named<'a>(resource: &'a str, parameters: &'a Value) -> Option<(Way, &'a str)> {
    let parameter = || parameters.get("FunctionName").and_then(Value::as_str);
    match integration::find(resource).ok()? {
        Target::Function => Some((Way::Arn, resource)),
        Target::Optimized { integration, action, .. }
            if (integration.service, action.name) == ("lambda", "invoke") =>
        {
            Some((Way::Optimized, parameter()?))
        }
        Target::Sdk { service: "lambda", action: "invoke", .. } => Some((Way::Sdk, parameter()?)),
        Target::Optimized { .. } | Target::Sdk { .. } | Target::Activity => None,
    }
}

/// What Lambda answers for a call that has run.
fn ran(done: &Done, wants_log: bool) -> Answer {
    let mut output = Map::new();
    output.insert("ExecutedVersion".to_owned(), json!("$LATEST"));
    output.insert("Payload".to_owned(), json!(STANDARD.encode(&done.outcome.payload)));
    if done.outcome.is_failure {
        output.insert("FunctionError".to_owned(), json!("Unhandled"));
    }
    if wants_log {
        output.insert("LogResult".to_owned(), json!(STANDARD.encode(&done.outcome.log_tail)));
    }
    answer(200, &done.request_id, output, done.outcome.payload.len())
}

fn answer(status: u16, request_id: &str, mut output: Map<String, Value>, length: usize) -> Answer {
    output.insert("StatusCode".to_owned(), json!(status));
    let mut headers = vec![
        ("connection".to_owned(), "keep-alive".to_owned()),
        ("content-length".to_owned(), length.to_string()),
        ("x-amzn-remapped-content-length".to_owned(), "0".to_owned()),
        ("x-amzn-requestid".to_owned(), request_id.to_owned()),
    ];
    if status == 200 {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
        headers.push(("x-amz-executed-version".to_owned(), "$LATEST".to_owned()));
    }
    let request_id = Some(request_id.to_owned());
    Answer { output: Value::Object(output), request_id, attempts: 1, status, headers }
}

/// What Lambda refuses the call with.
fn refused(refusal: &Refusal) -> CallError {
    let class = match refusal {
        Refusal::Throttled => Class::Throttled,
        Refusal::Unavailable(_) => Class::Server,
        Refusal::NotFound { .. }
        | Refusal::TooLarge { .. }
        | Refusal::Content { .. }
        | Refusal::Parameter(_) => Class::Refused,
    };
    CallError {
        code: refusal.code().to_owned(),
        shape: Some(refusal.code().to_owned()),
        status: Some(refusal.status()),

        attempts: 1,
        ..CallError::new("lambda", "Invoke", class, refusal.to_string())
    }
}

fn failure(Failure { error, cause }: Failure) -> TaskFailure {
    TaskFailure { error, cause }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_found_however_a_task_names_them() {
        let arn = "arn:aws:lambda:us-east-1:123456789012:function:f:prod";
        let parameters = json!({"FunctionName": "f"});
        for (resource, expected) in [
            (arn, Some((Way::Arn, arn))),
            ("arn:aws:states:::lambda:invoke", Some((Way::Optimized, "f"))),
            ("arn:aws:states:::lambda:invoke.waitForTaskToken", Some((Way::Optimized, "f"))),
            ("arn:aws:states:::aws-sdk:lambda:invoke", Some((Way::Sdk, "f"))),
            ("arn:aws:states:::aws-sdk:lambda:getFunction", None),
            ("arn:aws:states:::sqs:sendMessage", None),
        ] {
            assert_eq!(named(resource, &parameters), expected, "{resource}");
        }
        assert_eq!(named("arn:aws:states:::lambda:invoke", &json!({})), None);
    }

    #[test]
    fn refusals_have_the_names_of_lambdas() {
        let failed = |refusal: Refusal| task::of_optimized(&refused(&refusal));
        let throttled = failed(Refusal::Throttled);
        assert_eq!(throttled.error, "Lambda.TooManyRequestsException");
        let cause = "Rate Exceeded. (Service: AWSLambda; Status Code: 429; Error Code: TooManyRequestsException; \
                     Request ID: null; Proxy: null)";
        assert_eq!(throttled.cause, cause);
        let arn = "arn:aws:lambda:us-east-1:000000000000:function:f".to_owned();
        assert_eq!(failed(Refusal::NotFound { arn }).error, "Lambda.ResourceNotFoundException");
    }
}
