//! What the engine promises of executions: progress, idempotent starts, timers, recovery.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use serde_json::{Value, json};
use shipway_asl::{Status, Timestamp};
use shipway_engine::{Error, Expected, Put, TaskFailure, VirtualClock, memory_store, open_sqlite};
use tokio_util::sync::CancellationToken;

use crate::support::{Handler, RESOURCE, echo, ended, engine, engine_at, start, types};

fn one_task(extra: &Value) -> String {
    let mut task = json!({"Type": "Task", "Resource": RESOURCE, "End": true});
    for (key, value) in extra.as_object().unwrap() {
        task[key] = value.clone();
    }
    json!({"StartAt": "T", "States": {"T": task}}).to_string()
}

fn failure(error: &str) -> TaskFailure {
    TaskFailure { error: error.to_owned(), cause: "because".to_owned() }
}

#[tokio::test]
async fn a_task_is_done_and_its_result_is_the_output() {
    let stop = CancellationToken::new();
    let engine = engine(memory_store(), echo(), &stop).await;
    engine.put_machine("m", &one_task(&json!({}))).await.unwrap();
    let started = engine.start(start("m", "a", json!({"x": 1}))).await.unwrap();
    let done = ended(&engine, &started.arn).await;
    assert_eq!((done.status, done.output), (Status::Succeeded, Some(json!({"x": 1}))));
    let expected = [
        "ExecutionStarted",
        "TaskStateEntered",
        "LambdaFunctionScheduled",
        "LambdaFunctionStarted",
        "LambdaFunctionSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ];
    assert_eq!(types(&engine, &started.arn).await, expected);
}

#[tokio::test]
async fn the_same_name_and_input_is_the_same_execution() {
    let stop = CancellationToken::new();
    let engine = engine(memory_store(), echo(), &stop).await;
    engine.put_machine("m", &one_task(&json!({}))).await.unwrap();
    let first = engine.start(start("m", "a", json!(1))).await.unwrap();
    let again = engine.start(start("m", "a", json!(1))).await.unwrap();
    assert_eq!((first.arn.clone(), first.started_at), (again.arn, again.started_at));
    let other = engine.start(start("m", "a", json!(2))).await.unwrap_err();
    assert!(matches!(other, Error::ExecutionAlreadyExists(arn) if arn == first.arn));
}

#[tokio::test]
async fn records_of_a_start_are_written_with_it_or_nothing_is() {
    let stop = CancellationToken::new();
    let engine = engine(memory_store(), echo(), &stop).await;
    engine.put_machine("m", &one_task(&json!({}))).await.unwrap();
    let with = |name: &str, expected| {
        let mut start = start("m", name, json!(1));
        start.records = vec![Put { key: "deployment/1".to_owned(), expected, value: json!(name) }];
        start
    };
    engine.start(with("a", Expected::Absent)).await.unwrap();
    assert!(engine.start(with("b", Expected::Absent)).await.is_err());
    assert_eq!(engine.record("deployment/1").await.unwrap().unwrap().value, json!("a"));
    assert_eq!(engine.list(&shipway_engine::Filter::default()).await.unwrap().0.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_wait_of_a_year_takes_no_time() {
    let stop = CancellationToken::new();
    let clock = Arc::new(VirtualClock::new(Timestamp(0), 1));
    let engine = engine_at(memory_store(), clock, echo(), &stop).await;
    let machine =
        json!({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 31_536_000, "End": true}}});
    engine.put_machine("m", &machine.to_string()).await.unwrap();
    let started = engine.start(start("m", "a", json!({}))).await.unwrap();
    let done = ended(&engine, &started.arn).await;
    assert_eq!(done.stopped_at.unwrap().millis_since(done.started_at) / 1_000, 31_536_000);
}

#[tokio::test(start_paused = true)]
async fn a_failed_task_is_retried_and_then_caught() {
    let stop = CancellationToken::new();
    let handler = Handler::new(|call, _| Err(failure(if call < 2 { "Busy" } else { "Broken" })));
    let clock = Arc::new(VirtualClock::new(Timestamp(0), 1));
    let engine = engine_at(memory_store(), clock, handler.clone(), &stop).await;
    let machine = json!({"StartAt": "T", "States": {
        "T": {"Type": "Task", "Resource": RESOURCE, "Next": "Done",
              "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 60, "MaxAttempts": 5}],
              "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Done"}]},
        "Done": {"Type": "Succeed"}}});
    engine.put_machine("m", &machine.to_string()).await.unwrap();
    let started = engine.start(start("m", "a", json!({}))).await.unwrap();
    let done = ended(&engine, &started.arn).await;
    assert_eq!(done.output, Some(json!({"error": {"Error": "Broken", "Cause": "because"}})));
    assert_eq!(handler.calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_handler_that_panics_fails_its_task_only() {
    let stop = CancellationToken::new();
    let handler = Handler::new(|call, task| {
        assert!(call > 0, "the first call panics");
        Ok(task.parameters.clone())
    });
    let engine = engine(memory_store(), handler, &stop).await;
    engine.put_machine("m", &one_task(&json!({}))).await.unwrap();
    let first = engine.start(start("m", "a", json!({}))).await.unwrap();
    let first = ended(&engine, &first.arn).await;
    assert_eq!((first.status, first.error.as_deref()), (Status::Failed, Some("States.TaskFailed")));
    let second = engine.start(start("m", "b", json!({}))).await.unwrap();
    assert_eq!(ended(&engine, &second.arn).await.status, Status::Succeeded);
}

#[tokio::test]
async fn a_resource_that_nobody_handles_fails_with_its_name() {
    let stop = CancellationToken::new();
    let engine = engine(memory_store(), echo(), &stop).await;
    let machine = one_task(&json!({"Resource": "arn:aws:lambda:local:000000000000:function:nobody"}));
    engine.put_machine("m", &machine).await.unwrap();
    let started = engine.start(start("m", "a", json!({}))).await.unwrap();
    assert!(ended(&engine, &started.arn).await.cause.unwrap().contains("function:nobody"));
}

#[tokio::test]
async fn a_stopped_execution_stays_stopped() {
    let stop = CancellationToken::new();
    let engine = engine(memory_store(), echo(), &stop).await;
    let machine = json!({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": true}}});
    engine.put_machine("m", &machine.to_string()).await.unwrap();
    let started = engine.start(start("m", "a", json!({}))).await.unwrap();
    engine.stop(&started.arn, Some("Halt".to_owned()), None).await.unwrap();
    assert_eq!(ended(&engine, &started.arn).await.status, Status::Aborted);
    assert!(matches!(engine.stop(&started.arn, None, None).await, Err(Error::NotWaiting(_))));
}

#[tokio::test]
async fn a_task_token_is_answered_once() {
    let stop = CancellationToken::new();
    let engine = engine(memory_store(), echo(), &stop).await;
    let machine = json!({"StartAt": "T", "States": {"T": {"Type": "Task", "End": true,
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"QueueUrl": "q", "MessageBody.$": "$$.Task.Token"}}}});
    engine.put_machine("m", &machine.to_string()).await.unwrap();
    let started = engine.start(start("m", "a", json!({}))).await.unwrap();
    // WHY: nobody handles that resource, so the submission fails; the token's record shows that it was issued.
    let tokens = engine.records("engine/token/", None, 10).await.unwrap();
    assert_eq!(tokens.len(), 1);
    assert_eq!(ended(&engine, &started.arn).await.status, Status::Failed);
    let token = tokens[0].key.trim_start_matches("engine/token/");
    assert!(matches!(engine.complete_task(token, Ok(json!(1))).await, Err(Error::NotWaiting(_))));
}

/// A handler that never answers while `is_stuck` holds.
struct Stuck {
    is_stuck: Arc<AtomicBool>,
    dispatches: Arc<std::sync::Mutex<Vec<u64>>>,
    called: Arc<tokio::sync::Notify>,
}

#[async_trait::async_trait]
impl shipway_engine::TaskHandler for Stuck {
    async fn run(&self, task: shipway_engine::Task) -> Result<Value, TaskFailure> {
        self.dispatches.lock().unwrap().push(task.dispatch);
        self.called.notify_one();
        if self.is_stuck.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        Ok(json!("done"))
    }
}

#[tokio::test]
async fn an_engine_started_again_takes_up_what_was_not_done() {
    let directory = tempfile::tempdir().unwrap();
    let is_stuck = Arc::new(AtomicBool::new(true));
    let dispatches = Arc::default();
    let called = Arc::new(tokio::sync::Notify::new());
    let handler = || {
        Arc::new(Stuck {
            is_stuck: Arc::clone(&is_stuck),
            dispatches: Arc::clone(&dispatches),
            called: Arc::clone(&called),
        })
    };
    let arn = {
        let stop = CancellationToken::new();
        let engine = engine(open_sqlite(directory.path()).await.unwrap(), handler(), &stop).await;
        engine.put_machine("m", &one_task(&json!({}))).await.unwrap();
        let started = engine.start(start("m", "a", json!({}))).await.unwrap();
        called.notified().await;
        stop.cancel();
        engine.stopped().await;
        started.arn
    };
    is_stuck.store(false, Ordering::SeqCst);
    let stop = CancellationToken::new();
    let engine = engine(open_sqlite(directory.path()).await.unwrap(), handler(), &stop).await;
    let done = ended(&engine, &arn).await;
    assert_eq!(done.output, Some(json!("done")));
    let dispatches = dispatches.lock().unwrap().clone();
    assert!(dispatches.len() == 2 && dispatches[0] < dispatches[1], "{dispatches:?}");
}
