//! What the engine does when callers go away, handlers hang, and the store says no.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use serde_json::{Value, json};
use shipway_asl::{Status, Timestamp};
use shipway_engine::{
    Builder, Clock, Config, Engine, Error, Expected, Put, Store, SystemClock, Task, TaskFailure, TaskHandler,
    VirtualClock, memory_store, open_sqlite,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    support::{Handler, RESOURCE, echo, ended, engine, engine_at, start},
    troubled::Troubled,
};

fn task() -> String {
    json!({"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": RESOURCE, "End": true}}}).to_string()
}

fn wait(seconds: u64) -> String {
    json!({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": seconds, "End": true}}}).to_string()
}

#[tokio::test]
async fn an_execution_goes_on_if_its_starter_goes_away_during_the_commit() {
    let stop = CancellationToken::new();
    let store = Troubled::over(memory_store());
    let engine = engine(Arc::clone(&store) as Arc<dyn Store>, echo(), &stop).await;
    engine.put_machine("m", &task()).await.unwrap();
    let closed = store.gate.acquire_many(1_000).await.unwrap();
    store.has_arrived.notified().await;
    tokio::select! {
        started = engine.start(start("m", "a", json!(1))) => panic!("held back, and yet {started:?}"),
        () = store.has_arrived.notified() => {}
    }
    drop(closed);
    let arn = engine.execution_arn("m", "a");
    while matches!(engine.describe(&arn).await, Err(Error::NoExecution(_))) {
        tokio::task::yield_now().await;
    }
    assert_eq!(ended(&engine, &arn).await.status, Status::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn a_result_is_offered_until_the_store_takes_it() {
    let stop = CancellationToken::new();
    let store = Troubled::over(memory_store());
    let clock = Arc::new(VirtualClock::new(Timestamp(0), 1));
    let full = Arc::clone(&store);
    let handler = Handler::new(move |_, task| {
        full.is_full.store(true, Ordering::SeqCst);
        Ok(task.parameters.clone())
    });
    let engine = engine_at(Arc::clone(&store) as Arc<dyn Store>, clock, handler.clone(), &stop).await;
    engine.put_machine("m", &task()).await.unwrap();
    let arn = engine.start(start("m", "a", json!(1))).await.unwrap().arn;
    while store.refused.load(Ordering::SeqCst) < 5 {
        store.has_refused.notified().await;
    }
    let refused = engine.start(start("m", "b", json!(1))).await.unwrap_err();
    assert!(matches!(refused, Error::Store(shipway_engine::store::Error::Unavailable { .. })));
    assert_eq!(engine.describe(&arn).await.unwrap().status, Status::Running);
    store.is_full.store(false, Ordering::SeqCst);
    assert_eq!(ended(&engine, &arn).await.output, Some(json!(1)));
    assert_eq!(handler.calls.load(Ordering::SeqCst), 1, "the task is not done again");
    assert!(matches!(engine.describe(&engine.execution_arn("m", "b")).await, Err(Error::NoExecution(_))));
}

#[tokio::test(start_paused = true)]
async fn a_timer_fires_once_the_store_takes_it() {
    let stop = CancellationToken::new();
    let store = Troubled::over(memory_store());
    let clock = Arc::new(VirtualClock::new(Timestamp(0), 1));
    let engine = engine_at(Arc::clone(&store) as Arc<dyn Store>, clock, echo(), &stop).await;
    engine.put_machine("m", &wait(60)).await.unwrap();
    let arn = engine.start(start("m", "a", json!({}))).await.unwrap().arn;
    store.is_full.store(true, Ordering::SeqCst);
    while store.refused.load(Ordering::SeqCst) < 3 {
        store.has_refused.notified().await;
    }
    store.is_full.store(false, Ordering::SeqCst);
    assert_eq!(ended(&engine, &arn).await.status, Status::Succeeded);
    assert_eq!(store.timers(10).await, Ok(vec![]));
}

/// Notes which executions it was asked for; hangs for those named `stuck`, even when they are cancelled.
#[derive(Default)]
struct Selective {
    seen: Mutex<Vec<String>>,
    called: Notify,
    release: Notify,
    hangs_for_ever: bool,
}

#[async_trait]
impl TaskHandler for Selective {
    async fn run(&self, task: Task) -> Result<Value, TaskFailure> {
        let name = task.execution_arn.rsplit(':').next().unwrap_or_default().to_owned();
        self.seen.lock().unwrap().push(name.clone());
        self.called.notify_one();
        if name == "stuck" && self.hangs_for_ever {
            std::future::pending::<()>().await;
        } else if name == "stuck" {
            self.release.notified().await;
        }
        Ok(json!(name))
    }
}

async fn one_at_a_time(
    handler: Arc<dyn TaskHandler>,
    clock: Arc<dyn Clock>,
    stop: &CancellationToken,
) -> Engine {
    let config = Config { tasks_max: 1, ..Config::default() };
    let builder = Builder::new(memory_store(), clock, config).handler(RESOURCE, handler);
    let engine = builder.start(stop.clone()).await.unwrap();
    engine.put_machine("m", &task()).await.unwrap();
    engine
}

#[tokio::test]
async fn a_task_given_up_before_its_turn_is_never_done() {
    let stop = CancellationToken::new();
    let handler = Arc::new(Selective::default());
    let engine = one_at_a_time(Arc::clone(&handler) as _, Arc::new(SystemClock), &stop).await;
    let stuck = engine.start(start("m", "stuck", json!({}))).await.unwrap().arn;
    handler.called.notified().await;
    let unwanted = engine.start(start("m", "unwanted", json!({}))).await.unwrap().arn;
    engine.stop(&unwanted, None, None).await.unwrap();
    handler.release.notify_one();
    ended(&engine, &stuck).await;
    let last = engine.start(start("m", "last", json!({}))).await.unwrap().arn;
    assert_eq!(ended(&engine, &last).await.status, Status::Succeeded);
    assert_eq!(*handler.seen.lock().unwrap(), ["stuck", "last"]);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_ignores_its_cancellation_does_not_keep_its_place() {
    let stop = CancellationToken::new();
    let handler = Arc::new(Selective { hangs_for_ever: true, ..Selective::default() });
    let clock = Arc::new(VirtualClock::new(Timestamp(0), 1));
    let engine = one_at_a_time(Arc::clone(&handler) as _, clock, &stop).await;
    let stuck = engine.start(start("m", "stuck", json!({}))).await.unwrap().arn;
    handler.called.notified().await;
    let next = engine.start(start("m", "next", json!({}))).await.unwrap().arn;
    engine.stop(&stuck, None, None).await.unwrap();
    assert_eq!(ended(&engine, &next).await.status, Status::Succeeded);
}

#[tokio::test]
async fn no_more_tasks_run_at_once_than_allowed() {
    let stop = CancellationToken::new();
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    struct Counting(Arc<AtomicUsize>, Arc<AtomicUsize>);
    #[async_trait]
    impl TaskHandler for Counting {
        async fn run(&self, _: Task) -> Result<Value, TaskFailure> {
            let now = self.0.fetch_add(1, Ordering::SeqCst) + 1;
            self.1.fetch_max(now, Ordering::SeqCst);
            tokio::task::yield_now().await;
            self.0.fetch_sub(1, Ordering::SeqCst);
            Ok(Value::Null)
        }
    }
    let config = Config { tasks_max: 3, ..Config::default() };
    let handler = Arc::new(Counting(running, Arc::clone(&most)));
    let builder = Builder::new(memory_store(), Arc::new(SystemClock), config).handler(RESOURCE, handler);
    let engine = builder.start(stop).await.unwrap();
    engine.put_machine("m", &task()).await.unwrap();
    for number in 0..50 {
        engine.start(start("m", &number.to_string(), json!({}))).await.unwrap();
    }
    for number in 0..50 {
        ended(&engine, &engine.execution_arn("m", &number.to_string())).await;
    }
    assert!((1..=3).contains(&most.load(Ordering::SeqCst)));
}

#[tokio::test]
async fn an_endless_machine_fails_at_the_longest_history() {
    let directory = tempfile::tempdir().unwrap();
    let stop = CancellationToken::new();
    let engine = engine(open_sqlite(directory.path()).await.unwrap(), echo(), &stop).await;
    let machine = json!({"StartAt": "A", "States": {
        "A": {"Type": "Choice", "Default": "B",
              "Choices": [{"Variable": "$.end", "IsPresent": true, "Next": "C"}]},
        "B": {"Type": "Pass", "Next": "A"}, "C": {"Type": "Succeed"}}});
    engine.put_machine("m", &machine.to_string()).await.unwrap();
    let arn = engine.start(start("m", "a", json!({}))).await.unwrap().arn;
    let done = ended(&engine, &arn).await;
    assert_eq!((done.status, done.last_event_id), (Status::Failed, 25_000));
    let last = engine.history(&arn, 24_999, 10).await.unwrap();
    assert_eq!(last.iter().map(|event| event.type_name()).collect::<Vec<_>>(), ["ExecutionFailed"]);
}

#[tokio::test]
async fn every_watcher_sees_every_event() {
    let stop = CancellationToken::new();
    let engine = engine(memory_store(), echo(), &stop).await;
    let states: serde_json::Map<String, Value> = (0..20)
        .map(|n| {
            let next = if n == 19 { json!({"End": true}) } else { json!({"Next": (n + 1).to_string()}) };
            let mut state = json!({"Type": "Task", "Resource": RESOURCE});
            state.as_object_mut().unwrap().extend(next.as_object().unwrap().clone());
            (n.to_string(), state)
        })
        .collect();
    engine.put_machine("m", &json!({"StartAt": "0", "States": states}).to_string()).await.unwrap();
    let arn = engine.start(start("m", "a", json!({}))).await.unwrap().arn;
    let watchers = (0..20).map(|_| async {
        let mut seen = Vec::new();
        while engine.describe(&arn).await.unwrap().last_event_id as usize > seen.len()
            || engine.describe(&arn).await.unwrap().status == Status::Running
        {
            let after = seen.len() as u64;
            engine.changed(&arn, after).await.unwrap();
            seen.extend(engine.history(&arn, after, 3).await.unwrap().into_iter().map(|event| event.id));
        }
        seen
    });
    let seen: HashSet<Vec<u64>> = futures_util::future::join_all(watchers).await.into_iter().collect();
    assert_eq!(seen, HashSet::from([(1..=102).collect()]));
}

#[tokio::test]
async fn what_is_too_large_or_reserved_is_refused_before_anything_is_written() {
    let stop = CancellationToken::new();
    let engine = engine(memory_store(), echo(), &stop).await;
    engine.put_machine("m", &task()).await.unwrap();
    let large = engine.start(start("m", "a", json!("x".repeat(300_000)))).await.unwrap_err().to_string();
    assert!(large.contains("300002 bytes") && large.contains("262,144"), "{large}");
    let put = |key: &str, value: Value| Put { key: key.to_owned(), expected: Expected::Any, value };
    let refused = [
        vec![put("engine/machine/m", json!(1))],
        vec![put("", json!(1))],
        vec![put("a\nb", json!(1))],
        vec![put("large", json!("x".repeat(5_000_000)))],
        vec![put("many", json!(1)); 1_001],
    ];
    for puts in refused {
        assert!(matches!(engine.put(puts.clone()).await, Err(Error::Invalid(..))));
        let start = shipway_engine::StartExecution { records: puts, ..start("m", "a", json!({})) };
        assert!(matches!(engine.start(start).await, Err(Error::Invalid(..))));
    }
    assert!(engine.list(&shipway_engine::Filter::default()).await.unwrap().0.is_empty());
}
