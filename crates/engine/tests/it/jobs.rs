//! What the engine promises of jobs that a handler starts and waits for (`.sync`).

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use serde_json::{Value, json};
use shipway_asl::Status;
use shipway_engine::{
    Builder, Config, Engine, StartExecution, Store, SystemClock, Task, TaskFailure, TaskHandler, memory_store,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::support::{ended, types};

/// Jobs that end when they are told to.
#[derive(Default)]
struct Jobs {
    started: AtomicUsize,
    waited_for: AtomicUsize,
    stopped: AtomicUsize,
    waiting: Notify,
    end: Notify,
}

#[async_trait]
impl TaskHandler for Jobs {
    async fn run(&self, _: Task) -> Result<Value, TaskFailure> {
        Ok(json!({"Job": self.started.fetch_add(1, Ordering::SeqCst)}))
    }

    async fn finish(&self, task: Task, submitted: Value) -> Result<Value, TaskFailure> {
        self.waited_for.fetch_add(1, Ordering::SeqCst);
        self.waiting.notify_one();
        tokio::select! {
            () = self.end.notified() => Ok(submitted),
            () = task.cancel.cancelled() => {
                if !task.is_postponed() {
                    self.stopped.fetch_add(1, Ordering::SeqCst);
                    self.waiting.notify_one();
                }
                Err(TaskFailure { error: "E".to_owned(), cause: String::new() })
            }
        }
    }
}

async fn engine(store: &Arc<dyn Store>, jobs: &Arc<Jobs>, stop: &CancellationToken) -> Engine {
    let builder = Builder::new(Arc::clone(store), Arc::new(SystemClock), Config::default());
    let engine = builder.fallback(jobs.clone()).start(stop.clone()).await.unwrap();
    let resource = "arn:aws:states:::glue:startJobRun.sync";
    let branch = |name: &str| {
        let job = json!({"Type": "Task", "Resource": resource, "Parameters": {"JobName": "j"}, "End": true});
        json!({"StartAt": name, "States": {name: job}})
    };
    let both = json!({"Type": "Parallel", "Branches": [branch("A"), branch("B")], "End": true});
    let definition = json!({"StartAt": "P", "States": {"P": both}});
    engine.put_machine("m", &definition.to_string()).await.unwrap();
    engine
}

async fn start(engine: &Engine) -> String {
    let (machine, name) = ("m".to_owned(), "e".to_owned());
    let start = StartExecution { machine, name, input: json!({}), records: Vec::new() };
    engine.start(start).await.unwrap().arn
}

async fn waited_for(jobs: &Jobs, count: usize) {
    while jobs.waited_for.load(Ordering::SeqCst) < count {
        jobs.waiting.notified().await;
    }
}

#[tokio::test]
async fn a_restart_waits_for_the_jobs_that_were_started_and_starts_none() {
    let (store, jobs, stop) = (memory_store(), Arc::new(Jobs::default()), CancellationToken::new());
    let first = engine(&store, &jobs, &stop).await;
    let arn = start(&first).await;
    waited_for(&jobs, 2).await;
    stop.cancel();
    first.stopped().await;
    let second = engine(&store, &jobs, &CancellationToken::new()).await;
    waited_for(&jobs, 4).await;
    assert_eq!(jobs.started.load(Ordering::SeqCst), 2);
    assert_eq!(jobs.stopped.load(Ordering::SeqCst), 0, "the jobs go on while the engine stands");
    jobs.end.notify_one();
    jobs.end.notify_one();
    let done = ended(&second, &arn).await;
    let mut outputs: Vec<Value> = done.output.unwrap().as_array().unwrap().clone();
    outputs.sort_by_key(Value::to_string);
    assert_eq!(outputs, [json!({"Job": 0}), json!({"Job": 1})], "each waits for its own job");
    let submitted = types(&second, &arn).await.iter().filter(|name| **name == "TaskSubmitted").count();
    assert_eq!(submitted, 2);
}

#[tokio::test]
async fn a_job_of_an_execution_that_is_stopped_is_stopped() {
    let (store, jobs) = (memory_store(), Arc::new(Jobs::default()));
    let engine = engine(&store, &jobs, &CancellationToken::new()).await;
    let arn = start(&engine).await;
    waited_for(&jobs, 2).await;
    engine.stop(&arn, None, None).await.unwrap();
    assert_eq!(ended(&engine, &arn).await.status, Status::Aborted);
    while jobs.stopped.load(Ordering::SeqCst) < 2 {
        jobs.waiting.notified().await;
    }
}
