//! Spans of whole histories, drawn as trees.

use std::sync::Arc;

use async_trait::async_trait;
use expect_test::{Expect, expect};
use serde_json::{Value, json};
use shipway_asl::{Event, Timestamp};
use shipway_engine::{
    Builder, Config, StartExecution, Task, TaskFailure, TaskHandler, VirtualClock, memory_store,
};
use tokio_util::sync::CancellationToken;

use super::spans::{Fold, Outcome, Span};

const FUNCTION: &str = "arn:aws:lambda:local:000000000000:function:work";

/// Fails as often as its input says.
struct Work;

#[async_trait]
impl TaskHandler for Work {
    async fn run(&self, task: Task) -> Result<Value, TaskFailure> {
        let fails = task.parameters.get("fails").and_then(Value::as_u64).unwrap_or(0);
        match u64::from(task.attempt) < fails {
            true => Err(TaskFailure { error: "Bad".to_owned(), cause: "secret".to_owned() }),
            false => Ok(task.parameters),
        }
    }
}

async fn history(states: &Value, input: Value) -> Vec<Event> {
    let stop = CancellationToken::new();
    let clock = VirtualClock::new(Timestamp(1_700_000_000_000), 1);
    let builder = Builder::new(memory_store(), Arc::new(clock), Config::default());
    let engine = builder.fallback(Arc::new(Work)).start(stop.clone()).await.unwrap();
    engine.put_machine("m", &json!({"StartAt": "A", "States": states}).to_string()).await.unwrap();
    let start = StartExecution { machine: "m".to_owned(), name: "n".to_owned(), input, records: Vec::new() };
    let mut at = engine.start(start).await.unwrap();
    while at.stopped_at.is_none() {
        engine.changed(&at.arn, at.last_event_id).await.unwrap();
        at = engine.describe(&at.arn).await.unwrap();
    }
    engine.history(&at.arn, 0, 1_000).await.unwrap()
}

/// Each span under what it is part of, in the order in which they began.
fn tree(spans: &[Span], parent: Option<u64>, indent: usize) -> String {
    let mut inside: Vec<&Span> = spans.iter().filter(|span| span.parent == parent).collect();
    inside.sort_by_key(|span| span.event);
    let mut text = String::new();
    for span in inside {
        let outcome = match &span.outcome {
            Outcome::Success => String::new(),
            Outcome::Failure(error) => format!(" failed: {}", error.as_deref().unwrap_or("?")),
            Outcome::Timeout => " timed out".to_owned(),
            Outcome::Cancellation => " cancelled".to_owned(),
        };
        text.push_str(&format!("{:indent$}{}{outcome}\n", "", span.name));
        text.push_str(&tree(spans, Some(span.event), indent + 2));
    }
    text
}

async fn check(states: Value, input: Value, expected: Expect) {
    let events = history(&states, input).await;
    let mut fold = Fold::default();
    let spans: Vec<Span> = events.iter().flat_map(|event| fold.apply("m", event)).collect();
    for span in &spans {
        assert!(span.began <= span.ended, "{span:?}");
        assert!(!format!("{span:?}").contains("secret"), "{span:?}");
    }
    let drawn = tree(&spans, None, 0);
    assert_eq!(drawn.lines().count(), spans.len(), "a span hangs in the air:\n{drawn}");
    expected.assert_eq(&drawn);
}

fn task(more: &Value) -> Value {
    let mut task = json!({"Type": "Task", "Resource": FUNCTION, "End": true});
    task.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    task
}

fn inner(states: &Value) -> Value {
    json!({"StartAt": "T", "States": states})
}

#[tokio::test(start_paused = true)]
async fn each_attempt_is_a_span_of_its_state() {
    let retry = json!({"Retry": [{"ErrorEquals": ["Bad"], "IntervalSeconds": 1}]});
    let states = json!({"A": {"Type": "Pass", "Next": "B"}, "B": task(&retry)});
    check(
        states,
        json!({"fails": 1}),
        expect![[r#"
            RUN m
              A
              B
                work failed: Bad
                work
        "#]],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_nothing_catches_ends_what_is_open() {
    check(
        json!({"A": task(&json!({}))}),
        json!({"fails": 9}),
        expect![[r#"
            RUN m failed: Bad
              A failed: Bad
                work failed: Bad
        "#]],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_caught_failure_goes_on() {
    let states = json!({
        "A": task(&json!({"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "C"}]})),
        "C": {"Type": "Succeed"},
    });
    check(
        states,
        json!({"fails": 9}),
        expect![[r#"
            RUN m
              A
                work failed: Bad
              C
        "#]],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn branches_and_iterations_hold_their_states() {
    let map = json!({"Type": "Map", "End": true, "ItemsPath": "$.items",
        "ItemProcessor": inner(&json!({"T": task(&json!({}))}))});
    let states = json!({
        "A": {"Type": "Parallel", "Next": "Z", "Branches": [
            {"StartAt": "M", "States": {"M": map}},
            {"StartAt": "V", "States": {"V": {"Type": "Pass", "Next": "U"}, "U": {"Type": "Succeed"}}},
        ]},
        "Z": {"Type": "Pass", "End": true},
    });
    check(
        states,
        json!({"items": [{}, {}]}),
        expect![[r#"
            RUN m
              A
                M
                  M [0]
                    T
                      work
                  M [1]
                    T
                      work
                V
                U
              Z
        "#]],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_a_failed_branch_leaves_is_cancelled() {
    let wait = json!({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": true}}});
    let states = json!({
        "A": {"Type": "Parallel", "End": true, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "C"}], "Branches": [
            inner(&json!({"T": task(&json!({}))})),
            wait,
        ]},
        "C": {"Type": "Pass", "End": true},
    });
    check(
        states,
        json!({"fails": 9}),
        expect![[r#"
            RUN m
              A
                T failed: Bad
                  work failed: Bad
                W cancelled
              C
        "#]],
    )
    .await;
}
