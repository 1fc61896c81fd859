//! What observers are told: everything, in order, and only once it is durable.

use std::sync::{Arc, Mutex};

use serde_json::json;
use shipway_asl::Event;
use shipway_engine::{
    Builder, Config, Engine, Expected, Observer, Put, Store, SystemClock, memory_store, observe::Step,
};
use tokio_util::sync::CancellationToken;

use crate::{
    support::{RESOURCE, echo, ended, start},
    troubled::Troubled,
};

/// Keeps what it is told, and writes a record with the first events of each execution.
#[derive(Default)]
struct Keeper(Mutex<Vec<(String, Vec<Event>)>>);

impl Observer for Keeper {
    fn records(&self, step: Step<'_>) -> Vec<Put> {
        let is_first = step.events.first().is_some_and(|event| event.id == 1);
        let put = || Put {
            key: format!("seen/{}", step.row.name),
            expected: Expected::Any,
            value: json!(step.row.last_event_id),
        };
        is_first.then(put).into_iter().collect()
    }

    fn committed(&self, step: Step<'_>) {
        self.0.lock().unwrap().push((step.row.arn.clone(), step.events.to_vec()));
    }
}

impl Keeper {
    fn told(&self, arn: &str) -> Vec<Event> {
        let told = self.0.lock().unwrap();
        told.iter().filter(|(of, _)| of == arn).flat_map(|(_, events)| events.clone()).collect()
    }
}

async fn engine(store: Arc<dyn Store>, observer: Arc<Keeper>, stop: &CancellationToken) -> Engine {
    let builder = Builder::new(store, Arc::new(SystemClock), Config::default());
    builder.handler(RESOURCE, echo()).observer(observer).start(stop.clone()).await.unwrap()
}

fn fan_out() -> String {
    json!({"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "ItemProcessor": {
        "StartAt": "T", "States": {"T": {"Type": "Task", "Resource": RESOURCE, "End": true}}}}}})
    .to_string()
}

#[tokio::test]
async fn an_observer_is_told_every_event_in_order() {
    let (stop, keeper) = (CancellationToken::new(), Arc::new(Keeper::default()));
    let engine = engine(memory_store(), Arc::clone(&keeper), &stop).await;
    engine.put_machine("m", &fan_out()).await.unwrap();
    for name in ["a", "b"] {
        engine.start(start("m", name, json!([1, 2, 3, 4]))).await.unwrap();
    }
    for name in ["a", "b"] {
        let arn = engine.execution_arn("m", name);
        ended(&engine, &arn).await;
        assert_eq!(keeper.told(&arn), engine.history(&arn, 0, 1_000).await.unwrap());
    }
}

#[tokio::test]
async fn what_an_observer_writes_is_in_the_commit_of_the_events() {
    let (stop, keeper) = (CancellationToken::new(), Arc::new(Keeper::default()));
    let engine = engine(memory_store(), keeper, &stop).await;
    engine.put_machine("m", &fan_out()).await.unwrap();
    engine.start(start("m", "a", json!([1]))).await.unwrap();
    let record = engine.record("seen/a").await.unwrap().unwrap();
    assert!(record.value.as_u64().unwrap() > 1, "{record:?}");
}

#[tokio::test]
async fn nobody_is_told_of_what_was_not_written() {
    let (stop, keeper) = (CancellationToken::new(), Arc::new(Keeper::default()));
    let store = Troubled::over(memory_store());
    let engine = engine(Arc::clone(&store) as Arc<dyn Store>, Arc::clone(&keeper), &stop).await;
    engine.put_machine("m", &fan_out()).await.unwrap();
    store.is_full.store(true, std::sync::atomic::Ordering::SeqCst);
    engine.start(start("m", "a", json!([1]))).await.unwrap_err();
    assert!(keeper.0.lock().unwrap().is_empty());
    assert_eq!(engine.record("seen/a").await.unwrap(), None);
}
