//! Pages of executions of users' machines, over an engine in memory, without a script.

use std::sync::Arc;

use axum::{Router, body::Body, response::Response};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use shipway_engine::{Builder, Config as EngineConfig, Engine, SystemClock, memory_store};
use shipway_server::{
    Config, router,
    states::{self, admit::Admission},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::ServiceExt;

use crate::{fixture::Fixture, support::TOKEN};

/// A server on the loopback whose API answers everybody.
struct World {
    router: Router,
    engine: Engine,
    _stop: DropGuard,
    _directory: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let stop = CancellationToken::new();
        let builder = Builder::new(memory_store(), Arc::new(SystemClock), EngineConfig::default());
        let engine = builder.start(stop.clone()).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let app = Fixture::new(directory.path());
        app.engine.set(engine.clone()).ok().unwrap();
        let listen = ([127, 0, 0, 1], 7420).into();
        let config = Config {
            listen,
            token: TOKEN.to_owned(),
            allowed_hosts: Vec::new(),
            states: states::Config { admission: Admission::Everybody, ..states::Config::default() },
        };
        let router = router(&config, listen, app, stop.clone());
        Self { router, engine, _stop: stop.drop_guard(), _directory: directory }
    }

    async fn call(&self, action: &str, request: Value) -> Value {
        let request = Request::post("/")
            .header("host", "localhost:7420")
            .header("x-amz-target", format!("AWSStepFunctions.{action}"))
            .body(Body::from(request.to_string()))
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let text = text(response).await;
        serde_json::from_str(&text).unwrap()
    }

    /// Starts an execution of a new machine and waits until it stands still; its ARN.
    async fn run(&self, machine: &str, name: &str, definition: &Value, input: &Value) -> String {
        let made = json!({"name": machine, "definition": definition.to_string(), "roleArn": "arn:aws:iam::000000000000:role/r"});
        let arn = self.call("CreateStateMachine", made).await["stateMachineArn"].clone();
        let start = json!({"stateMachineArn": arn, "name": name, "input": input.to_string()});
        let started = self.call("StartExecution", start).await;
        started["executionArn"].as_str().unwrap_or_else(|| panic!("{started}")).to_owned()
    }

    async fn open(&self, path: &str) -> Response {
        let request = Request::get(path).header("host", "localhost:7420").body(Body::empty()).unwrap();
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn page(&self, path: &str) -> String {
        let response = self.open(path).await;
        let status = response.status();
        let text = text(response).await;
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        text
    }

    async fn post(&self, path: &str, form: &str) -> Response {
        let request = Request::post(path)
            .header("host", "localhost:7420")
            .header("origin", "http://localhost:7420")
            .header("sec-fetch-site", "same-origin")
            .header("accept", "text/html")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()))
            .unwrap();
        self.router.clone().oneshot(request).await.unwrap()
    }
}

async fn text(response: Response) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn wait() -> Value {
    json!({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": true}}})
}

/// Squares items; each seventh of them fails its own way and is caught in its item.
fn items(limit: u64) -> Value {
    json!({"StartAt": "All", "States": {"All": {"Type": "Map", "ItemsPath": "$.items", "End": true,
        "ItemProcessor": {"StartAt": "Is", "States": {
            "Is": {"Type": "Choice", "Default": "Good", "Choices":
                [{"Variable": "$", "NumericGreaterThan": limit, "Next": "Bad"}]},
            "Good": {"Type": "Pass", "End": true},
            "Bad": {"Type": "Fail", "Error": "Item.Bad", "Cause": "too large"}}}}}})
}

#[tokio::test]
async fn what_failed_why_and_with_what_comes_first() {
    let world = World::new().await;
    let cause = json!({"errorMessage": "closed <i>period</i>", "errorType": "Closed"}).to_string();
    let machine = json!({"StartAt": "Load", "States": {
        "Load": {"Type": "Pass", "Result": 3, "ResultPath": "$.lines", "Next": "Post"},
        "Post": {"Type": "Fail", "Error": "Ledger.Rejected", "CausePath": "$.why"}}});
    let input = json!({"why": cause, "customer": "<script>alert(1)</script>"});
    let arn = world.run("invoices", "i-1", &machine, &input).await;
    let html = world.page("/executions/invoices/i-1").await;
    let head = html.split("State graph").next().unwrap();
    for needed in ["Ledger.Rejected", "closed &lt;i&gt;period&lt;/i&gt;", ">Post</code>", "\"lines\"", &arn] {
        let needed = needed.replace('"', "&quot;");
        assert!(head.contains(&needed), "{needed}: {head}");
    }
    assert!(!html.contains("<script>alert") && !html.contains("<i>period"));
    let at = head.find("Ledger.Rejected").unwrap();
    assert!(at < head.find("Started").unwrap(), "the cause comes before everything else");
}

#[tokio::test]
async fn names_are_those_of_their_machine() {
    let world = World::new().await;
    world.run("a", "same", &wait(), &json!({"of": "a"})).await;
    world.run("b", "same", &wait(), &json!({"of": "b"})).await;
    for machine in ["a", "b"] {
        let input = world.page(&format!("/executions/{machine}/same/input.json")).await;
        assert_eq!(serde_json::from_str::<Value>(&input).unwrap(), json!({"of": machine}));
    }
    assert_eq!(world.open("/executions/c/same").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_state_shows_what_it_changed() {
    let world = World::new().await;
    let machine = json!({"StartAt": "P", "States": {"P": {"Type": "Pass", "Next": "L",
        "Parameters": {"kept.$": "$.kept", "new": [1]}}, "L": {"Type": "Succeed"}}});
    world.run("m", "x", &machine, &json!({"kept": 1, "gone": {"a": 2}})).await;
    let html = world.page("/executions/m/x/states/2").await;
    for needed in
        ["data-change=\"removed\"", "$.gone", "data-change=\"added\"", "$.new", "Definition of the state"]
    {
        assert!(html.contains(needed), "{needed}");
    }
    assert!(!html.contains("<code>$.kept</code>"), "what stayed is no change");
    let by_name = world.open("/executions/m/x/states?name=P").await;
    assert_eq!(by_name.headers()["location"], "/executions/m/x/states/2");
    assert_eq!(world.open("/executions/m/x/states/3").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn items_come_page_by_page_and_what_failed_first() {
    let world = World::new().await;
    let input = json!({"items": (0..3_000).collect::<Vec<_>>()});
    world.run("m", "x", &items(2_900), &input).await;
    let html = world.page("/executions/m/x/states/2/items").await;
    assert!(html.len() < 200_000, "{}", html.len());
    let row = html.split("<tbody>").nth(1).unwrap().split("</tr>").next().unwrap();
    assert!(row.contains(">2901</a>") && row.contains("failed"), "{row}");
    let succeeded = world.page("/executions/m/x/states/2/items?status=succeeded&from=100").await;
    assert!(succeeded.contains("items/100\"") && !succeeded.contains("items/99\""), "from the 101st on");
    assert_eq!(succeeded.matches("/items/").count(), 100);
    let item = world.page("/executions/m/x/states/2/items/2901").await;
    assert!(item.contains(">Bad</a>") && item.contains("Item 2901"));
    let whole = world.page("/executions/m/x").await;
    assert!(whole.len() < 300_000, "{}", whole.len());
    assert!(whole.contains("/states/2/items\""), "items have a page of their own");
}

#[tokio::test]
async fn events_are_read_from_both_ends_and_as_a_file() {
    let world = World::new().await;
    let input = json!({"items": (0..100).collect::<Vec<_>>()});
    world.run("m", "x", &items(1_000), &input).await;
    let ids = |html: &str| {
        let ids =
            html.split("<tr id=\"e-").skip(1).map(|row| row.split('"').next().unwrap().parse().unwrap());
        ids.collect::<Vec<u64>>()
    };
    let first = world.page("/executions/m/x/events").await;
    assert_eq!(ids(&first), (1..=100).collect::<Vec<_>>());
    assert!(first.contains("events?after=100"));
    let (mut path, mut seen) = ("/executions/m/x/events?order=reverse".to_owned(), Vec::new());
    loop {
        let html = world.page(&path).await;
        seen.extend(ids(&html));
        let Some((_, rest)) = html.split_once("order=reverse&amp;before=") else { break };
        let before = rest.split('"').next().unwrap();
        path = format!("/executions/m/x/events?order=reverse&before={before}");
    }
    let response = world.open("/executions/m/x/events.json").await;
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    assert_eq!(response.headers()["content-disposition"], "attachment; filename=\"x-events.json\"");
    let all: Vec<Value> = serde_json::from_str(&text(response).await).unwrap();
    assert_eq!(seen, (1..=all.len() as u64).rev().collect::<Vec<_>>());
    assert_eq!(all.last().unwrap()["type"], "ExecutionSucceeded");
}

#[tokio::test]
async fn large_data_is_cut_with_a_way_to_the_whole() {
    let world = World::new().await;
    let input = json!({"blob": "x".repeat(200_000)});
    world.run("m", "x", &wait(), &input).await;
    let html = world.page("/executions/m/x").await;
    assert!(html.len() < 100_000 && html.contains("/executions/m/x/input.json"), "{}", html.len());
    let response = world.open("/executions/m/x/input.json").await;
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(serde_json::from_str::<Value>(&text(response).await).unwrap(), input);
}

#[tokio::test]
async fn an_execution_is_stopped_with_error_and_cause() {
    let world = World::new().await;
    world.run("m", "x", &wait(), &json!({})).await;
    assert!(world.page("/executions/m/x").await.contains("Stop this execution"));
    let answer = world.post("/executions/m/x/stop", "error=Enough&cause=by+%3Cb%3Ehand").await;
    assert_eq!(
        (answer.status(), answer.headers()["location"].to_str().unwrap()),
        (StatusCode::SEE_OTHER, "/executions/m/x")
    );
    let html = world.page("/executions/m/x").await;
    for needed in ["Aborted", "Enough", "by &lt;b&gt;hand"] {
        assert!(html.contains(needed), "{needed}");
    }
    assert!(!html.contains("Stop this execution"));
}

#[tokio::test]
async fn an_execution_is_redriven_where_it_failed() {
    let world = World::new().await;
    let machine = json!({"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E"}}});
    world.run("m", "x", &machine, &json!({})).await;
    assert!(world.page("/executions/m/x").await.contains("Redrive from F"));
    let answer = world.post("/executions/m/x/redrive", "").await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let html = world.page("/executions/m/x").await;
    assert!(html.contains("ExecutionRedriven") && html.contains("1 time"));
    world.run("n", "y", &json!({"StartAt": "S", "States": {"S": {"Type": "Succeed"}}}), &json!({})).await;
    let refused = world.post("/executions/n/y/redrive", "").await;
    assert_eq!(refused.status(), StatusCode::CONFLICT);
    assert!(text(refused).await.contains("ExecutionNotRedrivable"));
}

#[tokio::test]
async fn no_page_and_no_file_shows_a_task_token() {
    let world = World::new().await;
    let activity = world.call("CreateActivity", json!({"name": "a"})).await["activityArn"].clone();
    let first = json!({"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": activity, "End": true}}});
    world.run("m", "x", &first, &json!({})).await;
    let task = world.call("GetActivityTask", json!({"activityArn": activity})).await;
    let token = task["taskToken"].as_str().unwrap();
    let (digest, link) = ("0".repeat(64), format!("https://approve/?t={token}"));
    world.run("n", "y", &wait(), &json!({"link": link, "digest": digest})).await;
    for path in [
        "/executions/n/y",
        "/executions/n/y/input.json",
        "/executions/n/y/states/2",
        "/executions/n/y/events",
        "/executions/n/y/events.json",
        "/executions/n/y/events/1.json",
        "/executions/n/y/events/1/input.json",
    ] {
        let shown = world.page(path).await;
        assert!(!shown.contains(token), "{path}");
        assert!(shown.contains("https://approve/?t=(task token, not shown)"), "{path}: {shown}");
        assert!(shown.contains(&digest), "{path}: what is no token is shown");
    }
}

#[tokio::test]
async fn executions_are_found_by_name_time_and_status() {
    let world = World::new().await;
    for name in ["order-1", "order-2", "invoice-1"] {
        world.run("m", name, &wait(), &json!({})).await;
    }
    let found = async |query: &str| {
        let html = world.page(&format!("/executions?{query}")).await;
        ["order-1", "order-2", "invoice-1"].map(|name| html.contains(&format!("/executions/m/{name}\"")))
    };
    assert_eq!(found("name=order").await, [true, true, false]);
    assert_eq!(found("name=1&machine=m").await, [true, false, true]);
    assert_eq!(found("from=2023-11-14T22:13").await, [true; 3]);
    assert_eq!(found("to=2023-11-14").await, [false; 3]);
    assert_eq!(found("status=FAILED").await, [false; 3]);
    for bad in ["from=yesterday", "qualifier=live"] {
        assert_eq!(
            world.open(&format!("/executions?{bad}")).await.status(),
            StatusCode::BAD_REQUEST,
            "{bad}"
        );
    }
    let hostile = world.page("/executions?name=%22%3E%3Cscript%3E").await;
    assert!(!hostile.contains("\"><script>"));
}

#[tokio::test]
async fn an_express_execution_has_an_address_of_its_own() {
    let world = World::new().await;
    let made = json!({"name": "e", "type": "EXPRESS", "roleArn": "arn:aws:iam::000000000000:role/r",
        "definition": json!({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}).to_string()});
    let machine = world.call("CreateStateMachine", made).await["stateMachineArn"].clone();
    world.call("StartExecution", json!({"stateMachineArn": machine, "name": "x"})).await;
    let list = world.page("/executions?machine=e").await;
    let path = list.split("href=\"/executions/e/").nth(1).unwrap().split('"').next().unwrap();
    let html = world.page(&format!("/executions/e/{path}")).await;
    assert!(html.contains("Express") && !html.contains("Stop this execution"));
    assert!(world.engine.list(&shipway_engine::Filter::default()).await.unwrap().0.len() == 1);
}
