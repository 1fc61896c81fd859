//! What the engine promises of tasks that end by their token.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use futures_util::poll;
use serde_json::{Value, json};
use shipway_asl::{Status, Timestamp};
use shipway_engine::{
    Builder, Config, Engine, Task, TaskFailure, TaskHandler, VirtualClock, memory_store, tokens::Answer,
};
use tokio_util::sync::CancellationToken;

use crate::support::{ended, start, types};

const RESOURCE: &str = "arn:aws:states:::sqs:sendMessage.waitForTaskToken";

/// What a service does with the token that it is sent.
#[derive(Clone, Copy)]
enum Way {
    /// Somebody answers before the service has.
    Overtaken,
    /// The service answers itself, and only then returns.
    Itself,
    /// Nobody uses it yet.
    Kept,
}

struct Service {
    engine: Arc<OnceLock<Engine>>,
    token: Arc<OnceLock<String>>,
    way: Way,
}

#[async_trait]
impl TaskHandler for Service {
    async fn run(&self, task: Task) -> Result<Value, TaskFailure> {
        let token = task.parameters["MessageBody"].as_str().unwrap().to_owned();
        let engine = self.engine.get().unwrap().clone();
        let mut answering = Box::pin(async move { success(&engine, &token).await });
        match self.way {
            Way::Itself => answering.await,
            Way::Overtaken => {
                let _ = poll!(&mut answering);
                tokio::spawn(answering);
            }
            Way::Kept => self.token.set(task.parameters["MessageBody"].as_str().unwrap().to_owned()).unwrap(),
        }
        Ok(json!({"MessageId": "m"}))
    }
}

async fn success(engine: &Engine, token: &str) {
    engine.answer(token, Answer::Success(json!("done"))).await.unwrap();
}

struct Rig {
    engine: Engine,
    arn: String,
    token: Arc<OnceLock<String>>,
}

async fn rig(way: Way) -> Rig {
    let (shared, token) = (Arc::new(OnceLock::new()), Arc::new(OnceLock::new()));
    let service = Service { engine: shared.clone(), token: token.clone(), way };
    let clock = Arc::new(VirtualClock::new(Timestamp(1_700_000_000_000), 7));
    let builder = Builder::new(memory_store(), clock, Config::default()).fallback(Arc::new(service));
    let engine = builder.start(CancellationToken::new()).await.unwrap();
    assert!(shared.set(engine.clone()).is_ok());
    let state = json!({"Type": "Task", "Resource": RESOURCE, "End": true,
        "Parameters": {"QueueUrl": "q", "MessageBody.$": "$$.Task.Token"}});
    let definition = json!({"StartAt": "S", "States": {"S": state}});
    engine.put_machine("m", &definition.to_string()).await.unwrap();
    let arn = engine.start(start("m", "a", json!({}))).await.unwrap().arn;
    Rig { engine, arn, token }
}

const WHOLE: [&str; 8] = [
    "ExecutionStarted",
    "TaskStateEntered",
    "TaskScheduled",
    "TaskStarted",
    "TaskSubmitted",
    "TaskSucceeded",
    "TaskStateExited",
    "ExecutionSucceeded",
];

#[tokio::test(start_paused = true)]
async fn an_answer_that_overtakes_the_service_comes_after_it() {
    let Rig { engine, arn, .. } = rig(Way::Overtaken).await;
    assert_eq!(ended(&engine, &arn).await.output, Some(json!("done")));
    assert_eq!(types(&engine, &arn).await, WHOLE);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_answers_before_it_returns_is_not_waited_for() {
    let Rig { engine, arn, .. } = rig(Way::Itself).await;
    assert_eq!(ended(&engine, &arn).await.output, Some(json!("done")));
    assert!(!types(&engine, &arn).await.contains(&"TaskSubmitted"));
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_is_taken_where_none_is_asked_for() {
    let Rig { engine, arn, token } = rig(Way::Kept).await;
    while !types(&engine, &arn).await.contains(&"TaskSubmitted") {
        tokio::task::yield_now().await;
    }
    let token = token.get().unwrap();
    engine.answer(token, Answer::Heartbeat).await.unwrap();
    engine.answer(token, Answer::Heartbeat).await.unwrap();
    assert_eq!(engine.describe(&arn).await.unwrap().status, Status::Running);
    success(&engine, token).await;
    assert_eq!(types(&engine, &arn).await, WHOLE);
}
