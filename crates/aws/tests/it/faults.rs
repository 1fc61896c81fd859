//! A double of AWS that fails on purpose: what is tried again, how often, and what the caller is told.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use shipway_aws::client::{Class, Client, Config, Role, Sessions};
use shipway_engine::clock::Clock as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::support::{Calls, Still, client_by};

/// What the double does with one request.
#[derive(Clone, Debug)]
enum Step {
    Answer(u16, &'static str, String),
    /// Closes the connection without an answer.
    Reset,
    /// Sends less than it announced, and closes.
    CutOff,
    /// Never answers.
    Hang,
}

fn ok(body: &Value) -> Step {
    Step::Answer(200, "x-amzn-RequestId: r-ok", body.to_string())
}

fn fault(status: u16, code: &str) -> Step {
    Step::Answer(status, "x-amzn-RequestId: r-bad", json!({"__type": code, "message": "m"}).to_string())
}

/// Takes the steps in their order, and remembers head and body of each request.
struct Double {
    url: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Double {
    async fn start(steps: Vec<Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        tokio::spawn(serve(listener, Arc::new(Mutex::new(steps.into())), seen.clone()));
        Self { url, seen }
    }

    fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(listener: TcpListener, steps: Arc<Mutex<VecDeque<Step>>>, seen: Arc<Mutex<Vec<String>>>) {
    let mut hanging = Vec::new();
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let Some(request) = read(&mut stream).await else { continue };
        seen.lock().unwrap().push(request);
        let step = steps.lock().unwrap().pop_front();
        let (status, header, body, announced) = match step {
            Some(Step::Answer(status, header, body)) => (status, header, body.clone(), body.len()),
            Some(Step::CutOff) => (200, "x: y", "{".to_owned(), 100),
            Some(Step::Hang) => {
                hanging.push(stream);
                continue;
            }
            Some(Step::Reset) | None => continue,
        };
        let head = format!(
            "HTTP/1.1 {status} X\r\nConnection: close\r\n{header}\r\nContent-Length: {announced}\r\n\r\n"
        );
        stream.write_all((head + &body).as_bytes()).await.unwrap();
    }
}

/// A whole request.
async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut text = Vec::new();
    let mut part = [0; 4096];
    loop {
        let read = stream.read(&mut part).await.ok().filter(|read| *read > 0)?;
        text.extend_from_slice(&part[..read]);
        let so_far = String::from_utf8_lossy(&text).into_owned();
        let Some((head, body)) = so_far.split_once("\r\n\r\n") else { continue };
        let length =
            head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            return Some(so_far);
        }
    }
}

fn client(double: &Double, calls: &Arc<Calls>) -> Client {
    let mut config = Config { endpoint_url: Some(double.url.clone()), ..Config::new("eu-central-1") };
    config.limits.attempt = Duration::from_millis(300);
    config.limits.answer_bytes_max = 1000;
    client_by(config, calls, Still::new())
}

/// What became of one call: how often it was sent, and its class or `ok`.
async fn outcome(steps: Vec<Step>) -> (u32, String) {
    let double = Double::start(steps).await;
    let calls = Arc::new(Calls::default());
    let result = client(&double, &calls).call("dynamodb", "listTables", &json!({})).await;
    let records = calls.take();
    assert_eq!(records.len(), 1, "a call is told of once");
    assert_eq!(double.requests().len(), records[0].attempts as usize, "every attempt is counted");
    (records[0].attempts, result.map_or_else(|error| format!("{:?}", error.class), |_| "ok".to_owned()))
}

#[tokio::test]
async fn what_may_pass_is_tried_three_times() {
    let tables = || ok(&json!({"TableNames": []}));
    for (steps, attempts, expected) in [
        (vec![tables()], 1, "ok"),
        (vec![fault(400, "ThrottlingException"), tables()], 2, "ok"),
        (vec![fault(429, "X"), fault(500, "InternalServerError"), tables()], 3, "ok"),
        (vec![Step::Reset, tables()], 2, "ok"),
        (vec![Step::CutOff, tables()], 2, "ok"),
        (vec![Step::Hang, tables()], 2, "ok"),
        (vec![fault(503, "X"), fault(503, "X"), fault(503, "X"), tables()], 3, "Server"),
        (vec![fault(400, "Throttling"); 3], 3, "Throttled"),
        (vec![Step::Reset, Step::Reset, Step::Reset], 3, "Unreachable"),
        (vec![fault(400, "ExpiredTokenException"), tables()], 2, "ok"),
    ] {
        assert_eq!(outcome(steps.clone()).await, (attempts, expected.to_owned()), "{steps:?}");
    }
}

#[tokio::test]
async fn what_will_not_pass_is_tried_once() {
    for (steps, expected) in [
        (fault(400, "ValidationException"), "Refused"),
        (fault(403, "AccessDeniedException"), "Refused"),
        (Step::Answer(301, "Location: http://169.254.169.254/", String::new()), "Refused"),
        (Step::Answer(200, "x: y", "<html>".to_owned()), "Unreadable"),
        (Step::Answer(200, "x: y", "x".repeat(1001)), "Unreadable"),
    ] {
        assert_eq!(outcome(vec![steps.clone(), ok(&json!({}))]).await, (1, expected.to_owned()), "{steps:?}");
    }
}

#[tokio::test]
async fn nothing_is_sent_for_what_does_not_fit() {
    let double = Double::start(Vec::new()).await;
    let client = client(&double, &Arc::new(Calls::default()));
    for (service, action, input) in [
        ("dynamodb", "listTable", json!({})),
        ("dynamodbx", "listTables", json!({})),
        ("dynamodb", "listTables", json!({"Limit": "ten"})),
        ("s3", "listObjects", json!({"Bucket": "arn:aws:s3:us-east-1:1:accesspoint/a"})),
        ("lambda", "invokeWithResponseStream", json!({"FunctionName": "f"})),
        ("eventbridgev2", "listEventBuses", json!({})),
    ] {
        assert_eq!(client.call(service, action, &input).await.unwrap_err().class, Class::Input);
    }
    assert_eq!(double.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn a_repeated_call_carries_the_same_token() {
    let double = Double::start(vec![Step::Reset, ok(&json!({}))]).await;
    client(&double, &Arc::new(Calls::default()))
        .call("ecs", "runTask", &json!({"taskDefinition": "t"}))
        .await
        .unwrap();
    let bodies: Vec<String> = double
        .requests()
        .iter()
        .map(|request| request.split_once("\r\n\r\n").unwrap().1.to_owned())
        .collect();
    assert_eq!(bodies[0], bodies[1]);
    assert!(bodies[0].contains("\"clientToken\":\"00000000-0000-4007-8000-000000000007\""), "{}", bodies[0]);
}

#[tokio::test]
async fn an_error_says_all_that_the_service_said() {
    let body = json!({"__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException", "Message": "m",
        "CancellationReasons": [{"Code": "ConditionalCheckFailed"}]});
    let double = Double::start(vec![Step::Answer(400, "x-amzn-RequestId: r-7", body.to_string())]).await;
    let calls = Arc::new(Calls::default());
    let input = json!({"TransactItems": []});
    let error = client(&double, &calls).call("dynamodb", "transactWriteItems", &input).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "`dynamodb:TransactWriteItems` failed with `TransactionCanceledException`: m"
    );
    assert_eq!((error.status, error.request_id.as_deref()), (Some(400), Some("r-7")));
    assert_eq!(error.details["CancellationReasons"][0]["Code"], "ConditionalCheckFailed");
    let record = calls.take().remove(0);
    assert_eq!(record.code.as_deref(), Some("TransactionCanceledException"));
    assert_eq!((record.region.as_str(), record.request_id.as_deref()), ("eu-central-1", Some("r-7")));
}

#[tokio::test]
async fn a_request_is_signed_for_service_and_region() {
    let double = Double::start(vec![ok(&json!({}))]).await;
    client(&double, &Arc::new(Calls::default())).call("sfn", "listActivities", &json!({})).await.unwrap();
    let request = double.requests().remove(0).to_lowercase();
    assert!(
        request.contains("credential=akidexample/20261121/eu-central-1/states/aws4_request"),
        "{request}"
    );
    assert!(request.contains("signedheaders=content-type;host;x-amz-date;x-amz-target"), "{request}");
    assert!(request.contains("x-amz-target: awsstepfunctions.listactivities"), "{request}");
    assert!(!request.contains("wjalrxutnfemi"), "the secret stays here");
}

fn assumed(end: &str) -> Step {
    let part = |name: &str, value: &str| format!("<{name}>{value}</{name}>");
    let keys =
        [("AccessKeyId", "ASIA"), ("SecretAccessKey", "s"), ("SessionToken", "t"), ("Expiration", end)];
    let keys: String = keys.iter().map(|(name, value)| part(name, value)).collect();
    let body = format!(
        "<AssumeRoleResponse><AssumeRoleResult><Credentials>{keys}</Credentials></AssumeRoleResult></AssumeRoleResponse>"
    );
    Step::Answer(200, "x: y", body)
}

/// How often the token service is asked for three calls within an hour.
#[tokio::test]
async fn credentials_of_a_role_are_renewed_before_they_end() {
    let empty = || ok(&json!({}));
    let steps =
        vec![assumed("2026-11-21T01:00:00Z"), empty(), empty(), assumed("2026-11-21T02:00:00Z"), empty()];
    let double = Double::start(steps).await;
    let clock = Still::new();
    let config = Config {
        endpoint_urls: BTreeMap::from([
            ("sts".to_owned(), double.url.clone()),
            ("dynamodb".to_owned(), double.url.clone()),
        ]),
        ..Config::new("eu-central-1")
    };
    let calls = Arc::new(Calls::default());
    let sessions = Sessions::new(client_by(config, &calls, clock.clone()));
    let mut role = Role::new("arn:aws:iam::210987654321:role/shipway", "deploy-7");
    role.external_id = Some("ext".to_owned());
    role.source_identity = Some("ana".to_owned());
    for wait in [0, 54 * 60, 2 * 60] {
        clock.sleep_until(clock.now().plus_millis(wait * 1000)).await;
        sessions.assume(&role, "eu-central-1").call("dynamodb", "listTables", &json!({})).await.unwrap();
    }
    let made: Vec<String> = calls.take().into_iter().map(|call| call.action).collect();
    assert_eq!(made, ["AssumeRole", "ListTables", "ListTables", "AssumeRole", "ListTables"]);
    let asked = double.requests().remove(0);
    for part in ["ExternalId=ext", "SourceIdentity=ana", "RoleSessionName=deploy-7", "DurationSeconds=3600"] {
        assert!(asked.contains(part), "{asked}");
    }
}

#[tokio::test]
async fn a_refused_role_is_no_credentials() {
    let denied =
        "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>";
    let double = Double::start(vec![Step::Answer(403, "x: y", denied.to_owned())]).await;
    let sessions = Sessions::new(client(&double, &Arc::new(Calls::default())));
    let client = sessions.assume(&Role::new("arn:aws:iam::1:role/r", "s"), "eu-central-1");
    let error = client.call("sqs", "listQueues", &json!({})).await.unwrap_err();
    assert_eq!(error.class, Class::Credentials);
    let message = "there are no credentials for AWS: role `arn:aws:iam::1:role/r` cannot be taken on: \
                   `sts:AssumeRole` failed with `AccessDenied`: no";
    assert_eq!(error.message, message);
}

#[tokio::test]
async fn pages_are_read_to_the_end_and_not_in_a_circle() {
    let page = |names: &[&str], next: Option<&str>| {
        ok(&json!({"TableNames": names, "LastEvaluatedTableName": next}))
    };
    let input = json!({"Limit": 2});
    let double = Double::start(vec![page(&["a", "b"], Some("b")), page(&["c"], None)]).await;
    let client_of = |double: &Double| client(double, &Arc::new(Calls::default()));
    let all = client_of(&double).all("dynamodb", "listTables", &input, 3).await.unwrap();
    assert_eq!(json!(all), json!(["a", "b", "c"]));
    assert!(
        double.requests()[1].ends_with(r#"{"Limit":2,"ExclusiveStartTableName":"b"}"#),
        "{:?}",
        double.requests()
    );

    let circle = Double::start(vec![page(&["a"], Some("a")), page(&["a"], Some("a"))]).await;
    let error = client_of(&circle).all("dynamodb", "listTables", &input, 9).await.unwrap_err();
    assert_eq!((error.class, error.message.as_str()), (Class::Unreadable, "page 2 leads to no other"));
    let many = Double::start(vec![page(&["a", "b"], None)]).await;
    let error = client_of(&many).all("dynamodb", "listTables", &input, 1).await.unwrap_err();
    assert_eq!(error.message, "there are more than 1");
}
