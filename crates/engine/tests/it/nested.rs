//! What the engine promises of tasks that start executions of its own, and of resources without a handler.

use std::sync::Arc;

use serde_json::{Value, json};
use shipway_asl::Status;
use shipway_engine::{
    Builder, Config, Description, Engine, Launch, Store, SystemClock,
    machines::{CreateMachine, Settings},
    memory_store,
};
use tokio_util::sync::CancellationToken;

use crate::support::{Handler, echo, ended, types};

const CHILD: &str = "arn:aws:states:local:000000000000:stateMachine:child";

async fn engine_over(store: Arc<dyn Store>, stop: &CancellationToken) -> Engine {
    Builder::new(store, Arc::new(SystemClock), Config::default()).start(stop.clone()).await.unwrap()
}

async fn create(engine: &Engine, name: &str, state: Value) {
    let definition = json!({"StartAt": "S", "States": {"S": state}}).to_string();
    let settings = Settings { definition, ..Settings::default() };
    let machine = CreateMachine { name: name.to_owned(), settings, ..CreateMachine::default() };
    engine.create_machine(machine).await.unwrap();
}

fn starts(suffix: &str, arn: &str) -> Value {
    json!({"Type": "Task", "Resource": format!("arn:aws:states:::states:startExecution{suffix}"), "End": true,
        "Parameters": {"StateMachineArn": arn, "Input.$": "$"}})
}

async fn launch(engine: &Engine, machine: &str, input: Value) -> String {
    let (machine, name) = (machine.to_owned(), Some("a".to_owned()));
    let launch = Launch { machine, qualifier: None, name, input, trace_header: None, parent: None };
    engine.launch(launch).await.unwrap().arn
}

/// A parent that starts a child in one of the forms, and how it ended.
async fn run(child: Value, suffix: &str) -> (Engine, Description) {
    let engine = engine_over(memory_store(), &CancellationToken::new()).await;
    create(&engine, "child", child).await;
    create(&engine, "parent", starts(suffix, CHILD)).await;
    let arn = launch(&engine, "parent", json!({"x": 1})).await;
    let done = ended(&engine, &arn).await;
    (engine, done)
}

#[tokio::test]
async fn a_start_gives_the_childs_arn_and_goes_on() {
    let (engine, done) = run(json!({"Type": "Pass", "End": true}), "").await;
    assert_eq!(done.status, Status::Succeeded, "{done:?}");
    let output = done.output.unwrap();
    let child = ended(&engine, output["ExecutionArn"].as_str().unwrap()).await;
    assert_eq!((child.input, child.machine.as_str()), (json!({"x": 1}), "child"));
    assert_eq!(output["SdkHttpMetadata"]["HttpStatusCode"], 200);
    assert!(!types(&engine, &done.arn).await.contains(&"TaskSubmitted"));
}

#[tokio::test]
async fn sync_waits_for_the_child_and_shows_it() {
    let (engine, done) = run(json!({"Type": "Pass", "Result": {"y": 2}, "End": true}), ".sync").await;
    let output = done.output.unwrap();
    assert_eq!((&output["Output"], &output["Input"]), (&json!("{\"y\":2}"), &json!("{\"x\":1}")));
    assert_eq!((&output["Status"], &output["StateMachineArn"]), (&json!("SUCCEEDED"), &json!(CHILD)));
    let expected = [
        "ExecutionStarted",
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
        "TaskSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ];
    assert_eq!(types(&engine, &done.arn).await, expected);
    let (_, done) = run(json!({"Type": "Pass", "Result": {"y": 2}, "End": true}), ".sync:2").await;
    assert_eq!(done.output.unwrap()["Output"], json!({"y": 2}));
}

#[tokio::test]
async fn a_child_that_fails_fails_its_parent() {
    let (_, done) = run(json!({"Type": "Fail", "Error": "E", "Cause": "C"}), ".sync").await;
    assert_eq!((done.status, done.error.as_deref()), (Status::Failed, Some("States.TaskFailed")));
    let shown: Value = serde_json::from_str(&done.cause.unwrap()).unwrap();
    assert_eq!(
        (&shown["Error"], &shown["Cause"], &shown["Status"]),
        (&json!("E"), &json!("C"), &json!("FAILED"))
    );
}

#[tokio::test]
async fn what_cannot_be_started_is_named_as_aws_names_it() {
    let engine = engine_over(memory_store(), &CancellationToken::new()).await;
    for (number, (arn, error, cause)) in [
        (CHILD, "StepFunctions.StateMachineDoesNotExistException", "State Machine Does Not Exist: '"),
        ("none", "StepFunctions.InvalidArnException", "Invalid Arn: 'Invalid ARN: none'"),
    ]
    .into_iter()
    .enumerate()
    {
        let parent = format!("parent{number}");
        create(&engine, &parent, starts("", arn)).await;
        let done = ended(&engine, &launch(&engine, &parent, json!({})).await).await;
        assert_eq!(done.error.as_deref(), Some(error));
        let told = done.cause.unwrap();
        assert!(
            told.starts_with(cause) && told.contains("(Service: AWSStepFunctions; Status Code: 400;"),
            "{told}"
        );
    }
}

/// The child of an execution that waits for it.
async fn child_of(engine: &Engine, parent: &str) -> String {
    loop {
        let events = engine.history(parent, 0, 100).await.unwrap();
        if let Some(event) = events.iter().find(|event| event.type_name() == "TaskSubmitted") {
            let history = event.to_history();
            let output = history["taskSubmittedEventDetails"]["output"].as_str().unwrap();
            let output: Value = serde_json::from_str(output).unwrap();
            return output["ExecutionArn"].as_str().unwrap().to_owned();
        }
        engine.changed(parent, events.last().map_or(0, |event| event.id)).await.unwrap();
    }
}

#[tokio::test]
async fn a_parent_that_is_stopped_stops_its_child() {
    let engine = engine_over(memory_store(), &CancellationToken::new()).await;
    create(&engine, "child", json!({"Type": "Wait", "Seconds": 9999, "End": true})).await;
    create(&engine, "parent", starts(".sync", CHILD)).await;
    let parent = launch(&engine, "parent", json!({})).await;
    let child = child_of(&engine, &parent).await;
    engine.stop(&parent, None, None).await.unwrap();
    assert_eq!(ended(&engine, &child).await.status, Status::Aborted);
}

#[tokio::test]
async fn after_a_restart_the_same_child_is_waited_for() {
    let (store, stop) = (memory_store(), CancellationToken::new());
    let engine = engine_over(Arc::clone(&store), &stop).await;
    let resource = format!("{}:activity:w", CHILD.rsplit_once(":stateMachine").unwrap().0);
    engine.create_activity("w", &Value::Null, &Vec::new()).await.unwrap();
    create(&engine, "child", json!({"Type": "Task", "Resource": resource, "End": true})).await;
    create(&engine, "parent", starts(".sync:2", CHILD)).await;
    let parent = launch(&engine, "parent", json!({})).await;
    let child = child_of(&engine, &parent).await;
    stop.cancel();
    engine.stopped().await;
    let engine = engine_over(store, &CancellationToken::new()).await;
    let deadline = engine.clock().now().plus_millis(60_000);
    let task = engine.activity_task("w", None, deadline).await.unwrap().unwrap();
    engine.answer(&task.token, shipway_engine::tokens::Answer::Success(json!("done"))).await.unwrap();
    let done = ended(&engine, &parent).await;
    let output = done.output.unwrap();
    assert_eq!((&output["ExecutionArn"], &output["Output"]), (&json!(child), &json!("done")));
}

#[tokio::test]
async fn a_resource_without_a_handler_goes_to_the_fallback() {
    let fallback = Handler::new(|_, task| Ok(json!(task.resource)));
    let builder = Builder::new(memory_store(), Arc::new(SystemClock), Config::default());
    let builder = builder.handler("arn:aws:lambda:local:000000000000:function:own", echo());
    let engine = builder.fallback(fallback).start(CancellationToken::new()).await.unwrap();
    for (name, resource) in [
        ("own", "arn:aws:lambda:local:000000000000:function:own"),
        ("other", "arn:aws:lambda:local:000000000000:function:other"),
    ] {
        create(&engine, name, json!({"Type": "Task", "Resource": resource, "Parameters": {}, "End": true}))
            .await;
        let done = ended(&engine, &launch(&engine, name, json!({})).await).await;
        let expected = if name == "own" { json!({}) } else { json!(resource) };
        assert_eq!(done.output, Some(expected), "{name}: {:?}", done.cause);
    }
}
