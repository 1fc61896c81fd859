//! Tasks that call addresses instead of a service's action, and Tasks that act as somebody else: against a double of the
//! API and of the services that stand behind.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};
use shipway_aws::{
    client::Local,
    tasks::{Settings, Tasks},
};
use shipway_engine::{Task, TaskFailure, TaskHandler as _, Trace};

use crate::{
    double::{Answer, Double, Request, ok, task},
    support::{Calls, Still, client},
};

const CONNECTION: &str = "arn:aws:events:us-east-1:123456789012:connection/c/0";
const HERE: Settings = Settings { plain_http: true, assume_roles: false };

fn tasks(double: &Double, settings: Settings) -> Tasks {
    Tasks::new(&client(&double.url, &Arc::new(Calls::default()), Still::new()), settings)
}

/// A double of EventBridge, Secrets Manager and an API. The API shows what it was sent.
async fn world(kind: &'static str, secret: Value) -> Double {
    Double::start(move |request| match request.action().as_str() {
        "DescribeConnection" => ok(&json!({"ConnectionState": "AUTHORIZED", "AuthorizationType": kind,
            "SecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:s", "AuthParameters": {}})),
        "GetSecretValue" => ok(&json!({"SecretString": secret.to_string()})),
        _ => api(request),
    })
    .await
}

fn api(request: &Request) -> Answer {
    match request.path.split('?').next().unwrap_or_default() {
        "/none" => (404, "Content-Type: application/json", "{}".to_owned()),
        "/moved" => (302, "Location: /", String::new()),
        "/text" => (200, "Content-Type: text/plain", "123".to_owned()),
        "/large" => (200, "Content-Type: text/plain", "x".repeat(262_145)),
        "/token" => ok(&json!({"access_token": format!("for {}", request.body)})),
        _ => ok(&json!({"path": request.path, "authorization": request.header("authorization"),
            "key": request.header("x-key"), "agent": request.header("user-agent"), "body": request.body})),
    }
}

fn invoke(double: &Double, path: &str, more: &Value) -> Task {
    let mut parameters = json!({"ApiEndpoint": format!("{}{path}", double.url), "Method": "GET",
        "Authentication": {"ConnectionArn": CONNECTION}});
    for (name, value) in more.as_object().into_iter().flatten() {
        parameters[name] = value.clone();
    }
    task("http:invoke", parameters)
}

async fn called(double: &Double, path: &str, more: &Value) -> Result<Value, TaskFailure> {
    tasks(double, HERE).run(invoke(double, path, more)).await
}

#[tokio::test]
async fn an_http_task_brings_the_connections_credentials() {
    let basic = json!({"username": "u", "password": "p"});
    let key = json!({"api_key_name": "X-Key", "api_key_value": "k"});
    for (kind, secret, place, expected) in
        [("BASIC", basic, "authorization", "Basic dTpw"), ("API_KEY", key, "key", "k")]
    {
        let result = called(&world(kind, secret).await, "/a", &json!({})).await.unwrap();
        assert_eq!(result["ResponseBody"][place], expected);
        assert_eq!(result["ResponseBody"]["agent"], "Amazon|StepFunctions|HttpInvoke|us-east-1");
        assert_eq!((&result["StatusCode"], &result["StatusText"]), (&json!(200), &json!("OK")));
        assert_eq!(result["ResponseHeaders"]["content-type"], json!(["application/json"]));
    }
}

#[tokio::test]
async fn a_connection_may_fetch_a_token_first() {
    let api = Double::start(api).await;
    let secret = json!({"client_parameters": {"client_id": "id", "client_secret": "s&"}, "http_method": "POST",
        "authorization_endpoint": format!("{}/token", api.url), "oauth_http_parameters":
            {"body_parameters": [{"key": "scope", "value": "all", "is_value_secret": false}]}});
    let result = called(&world("OAUTH_CLIENT_CREDENTIALS", secret).await, "/a", &json!({})).await.unwrap();
    let form = "grant_type=client_credentials&client_id=id&client_secret=s%26&scope=all";
    assert_eq!(result["ResponseBody"]["authorization"], format!("Bearer for {form}"));
}

#[tokio::test]
async fn what_the_connection_adds_goes_before_what_the_definition_says() {
    let pair = |name: &str, value: &str| json!([{"key": name, "value": value, "is_value_secret": true}]);
    let secret = json!({"api_key_name": "x", "api_key_value": "y", "invocation_http_parameters": {
        "header_parameters": pair("X-Key", "theirs"), "query_string_parameters": pair("q", "2"),
        "body_parameters": pair("b", "c")}});
    let more = json!({"Method": "POST", "Headers": {"x-key": "ours"}, "QueryParameters": {"q": 1, "r": [1, 2]},
        "RequestBody": {"a": 1}});
    let result = called(&world("API_KEY", secret).await, "/a", &more).await.unwrap();
    let seen = &result["ResponseBody"];
    assert_eq!((&seen["key"], &seen["path"]), (&json!("theirs"), &json!("/a?r=1&r=2&q=2")));
    assert_eq!(seen["body"], r#"{"a":1,"b":"c"}"#);
}

#[tokio::test]
async fn answers_that_are_no_success_fail_by_their_status() {
    let world = world("BASIC", json!({"username": "u", "password": "p"})).await;
    for (path, error, cause) in [
        ("/none", "States.Http.StatusCode.404", "Not Found"),
        ("/moved", "States.Http.StatusCode.302", "Found"),
        ("/large", "States.DataLimitExceeded", "the answer is larger than 262144 bytes"),
    ] {
        let failure = called(&world, path, &json!({})).await.unwrap_err();
        assert_eq!((failure.error.as_str(), failure.cause.as_str()), (error, cause));
    }
    assert_eq!(
        called(&world, "/text", &json!({})).await.unwrap()["ResponseBody"],
        "123",
        "it is said to be text"
    );
    let nobody = json!({"ApiEndpoint": "http://127.0.0.1:1/"});
    assert_eq!(called(&world, "/", &nobody).await.unwrap_err().error, "States.Http.Socket");
}

#[tokio::test]
async fn nothing_is_asked_for_an_address_that_must_not_be_called() {
    let world = world("BASIC", json!({})).await;
    for endpoint in ["http://169.254.169.254/latest", "https://[fd00:ec2::254]/", "http://example.com/"] {
        let failure = called(&world, "/", &json!({"ApiEndpoint": endpoint})).await.unwrap_err();
        assert_eq!(failure.error, "States.Runtime", "{endpoint}");
    }
    let strict = tasks(&world, Settings::default()).run(invoke(&world, "/", &json!({}))).await.unwrap_err();
    assert!(strict.cause.contains("must begin with https://"), "{strict}");
    assert_eq!(world.actions(), Vec::<String>::new());
}

#[tokio::test]
async fn a_trace_tells_the_secrets_only_if_they_may_be_revealed() {
    let world = world("BASIC", json!({"username": "u", "password": "p"})).await;
    for reveals in [false, true] {
        let trace = Arc::new(Trace::new(reveals));
        let task = Task { trace: Some(trace.clone()), ..invoke(&world, "/text", &json!({})) };
        tasks(&world, HERE).run(task).await.unwrap();
        let told = trace.told();
        let (request, response) = (told.request.unwrap(), told.response.unwrap());
        assert_eq!(request.headers.contains("Basic dTpw"), reveals, "{}", request.headers);
        assert_eq!((request.method.as_str(), request.url), ("GET", format!("{}/text", world.url)));
        assert_eq!((response.status_code.as_str(), response.body.as_str()), ("200", "123"));
    }
}

#[tokio::test]
async fn an_api_behind_the_gateway_is_called_by_stage_and_path() {
    let double = Double::start(|request| match request.path.as_str() {
        "/prod/none" => (403, "Content-Type: application/json", r#"{"message":"Forbidden"}"#.to_owned()),
        _ => ok(&json!({"host": request.header("host"), "path": request.path, "body": request.body,
            "signed": request.header("authorization").is_some_and(|it| it.contains("/execute-api/aws4_request"))})),
    })
    .await;
    let call = |more: Value| {
        let mut parameters = json!({"ApiEndpoint": "abc.execute-api.eu-west-1.amazonaws.com", "Method": "POST",
            "Stage": "prod", "Path": "pets/1 2"});
        for (name, value) in more.as_object().into_iter().flatten() {
            parameters[name] = value.clone();
        }
        task("apigateway:invoke", parameters)
    };
    let tasks = tasks(&double, HERE);
    let plain = json!({"RequestBody": {"a": 1, "n": null}, "QueryParameters": {"q": ["1", "2"]}});
    let result = tasks.run(call(plain)).await.unwrap();
    assert_eq!(
        result["ResponseBody"],
        json!({"host": "abc.execute-api.eu-west-1.amazonaws.com",
        "path": "/prod/pets/1%202?q=1&q=2", "body": "{\"a\":1}", "signed": false})
    );
    assert_eq!((&result["StatusCode"], &result["StatusText"]), (&json!(200), &json!("OK")));
    assert_eq!(result["Headers"]["Content-Type"], json!(["application/json"]));
    let signed = tasks.run(call(json!({"AuthType": "IAM_ROLE"}))).await.unwrap();
    assert_eq!(signed["ResponseBody"]["signed"], true);
    let failure = tasks.run(call(json!({"Path": "none"}))).await.unwrap_err();
    assert_eq!(
        (failure.error.as_str(), failure.cause.as_str()),
        ("ApiGateway.403", r#"{"message":"Forbidden"}"#)
    );
    let failure = tasks.run(call(json!({"AuthType": "x"}))).await.unwrap_err();
    assert!(failure.error == "States.Runtime" && failure.cause.contains("'AuthType'"), "{failure}");
}

#[tokio::test]
async fn a_models_answer_is_json() {
    let double = Double::of(vec![ok(&json!({"completion": "hi"}))]).await;
    let parameters = json!({"ModelId": "m", "Body": {"prompt": "p"}, "ContentType": "application/json"});
    let result = tasks(&double, HERE).run(task("bedrock:invokeModel", parameters)).await;
    assert_eq!(result, Ok(json!({"Body": {"completion": "hi"}, "ContentType": "application/json"})));
    assert_eq!(double.requests()[0].json(), json!({"prompt": "p"}));
}

/// Keys that end in a year of the double's time, named after the role.
fn assumed(request: &Request) -> Answer {
    let role = request.body.split('&').find_map(|pair| pair.strip_prefix("RoleArn=")).unwrap_or_default();
    if role.contains("forbidden") {
        let error =
            "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>";
        return (403, "Content-Type: text/xml", error.to_owned());
    }
    let name = role.rsplit("%2F").next().unwrap_or_default();
    let keys = format!(
        "<Credentials><AccessKeyId>{name}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
         <Expiration>2027-11-21T00:00:00Z</Expiration></Credentials>"
    );
    let answer =
        format!("<AssumeRoleResponse><AssumeRoleResult>{keys}</AssumeRoleResult></AssumeRoleResponse>");
    (200, "Content-Type: text/xml", answer)
}

/// Who signed each call, and the call.
async fn signers(settings: Settings, credentials: Option<&str>) -> (Vec<String>, Result<Value, TaskFailure>) {
    let double = Double::start(|request| match request.body.starts_with("Action=AssumeRole") {
        true => assumed(request),
        false => ok(&json!({"TableNames": []})),
    })
    .await;
    let tasks = tasks(&double, settings);
    let credentials = credentials.map(|role| json!({"RoleArn": role}));
    let task = Task { credentials, ..task("aws-sdk:dynamodb:listTables", json!({})) };
    let result = tasks.run(task.clone()).await;
    if result.is_ok() {
        tasks.run(task).await.unwrap();
    }
    let requests = double.requests();
    let signers = requests.iter().map(|request| {
        let signature = request.header("authorization").unwrap_or_default();
        let (_, key) = signature.split_once("Credential=").unwrap();
        let action =
            if request.body.starts_with("Action=") { "AssumeRole".to_owned() } else { request.action() };
        format!("{} {action}", key.split('/').next().unwrap())
    });
    (signers.collect(), result)
}

#[tokio::test]
async fn roles_are_taken_on_once_and_one_after_the_other() {
    let (machines, other) =
        (Settings { assume_roles: true, ..HERE }, Some("arn:aws:iam::210987654321:role/other"));
    let table = "ListTables";
    for (settings, credentials, expected) in [
        (HERE, None, vec![format!("AKIDEXAMPLE {table}"); 2]),
        (
            HERE,
            other,
            vec!["AKIDEXAMPLE AssumeRole".to_owned(), format!("other {table}"), format!("other {table}")],
        ),
        (
            machines,
            None,
            vec!["AKIDEXAMPLE AssumeRole".to_owned(), format!("machine {table}"), format!("machine {table}")],
        ),
        (
            machines,
            other,
            vec![
                "AKIDEXAMPLE AssumeRole".to_owned(),
                "machine AssumeRole".to_owned(),
                format!("other {table}"),
                format!("other {table}"),
            ],
        ),
    ] {
        assert_eq!(signers(settings, credentials).await.0, expected);
    }
}

#[tokio::test]
async fn a_role_that_cannot_be_taken_on_is_a_lack_of_permission() {
    for role in ["arn:aws:iam::210987654321:role/forbidden", "not a role"] {
        let failure = signers(HERE, Some(role)).await.1.unwrap_err();
        assert_eq!(failure.error, "States.Permissions");
        assert!(failure.cause.contains(role), "{failure}");
    }
}

/// Step Functions in this process.
struct Own;

#[async_trait]
impl Local for Own {
    async fn answer(&self, request: http::Request<Bytes>) -> http::Response<Bytes> {
        assert_eq!(request.headers()["x-amz-target"], "AWSStepFunctions.DescribeExecution");
        assert!(!request.headers().contains_key("authorization"));
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        let (status, answer) = match body["executionArn"] == "known" {
            true => (200, json!({"executionArn": "known", "status": "RUNNING", "startDate": 1.5})),
            false => {
                (400, json!({"__type": "ExecutionDoesNotExist", "message": "Execution Does Not Exist: 'x'"}))
            }
        };
        http::Response::builder()
            .status(status)
            .header("x-amzn-requestid", "id")
            .body(answer.to_string().into())
            .unwrap()
    }
}

#[tokio::test]
async fn a_service_in_this_process_is_asked_without_a_connection() {
    let client = client("http://127.0.0.1:1", &Arc::new(Calls::default()), Still::new());
    let tasks = Tasks::new(&client.with_local("sfn", Arc::new(Own)), HERE);
    let describe = |arn: &str| task("aws-sdk:sfn:describeExecution", json!({"ExecutionArn": arn}));
    let known = tasks.run(describe("known")).await.unwrap();
    assert_eq!((&known["ExecutionArn"], &known["Status"]), (&json!("known"), &json!("RUNNING")));
    let failure = tasks.run(describe("x")).await.unwrap_err();
    assert_eq!(failure.error, "Sfn.ExecutionDoesNotExistException");
    assert!(
        failure.cause.starts_with("Execution Does Not Exist: 'x' (Service: Sfn, Status Code: 400"),
        "{failure}"
    );
}
