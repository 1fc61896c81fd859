//! Map Runs in a running engine: children as executions of their own, buckets, tolerance, stops and updates.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use serde_json::{Value, json};
use shipway_asl::{Status, Timestamp};
use shipway_engine::{
    Engine, Error, Filter, FolderBuckets, MapRunDescription, MapRunUpdate, SystemClock, Task, TaskFailure,
    TaskHandler, VirtualClock, memory_store,
};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::support::{Handler, RESOURCE, echo, ended, engine, engine_at, engine_with, start, types};

/// A distributed Map over one task, with these fields beside.
pub fn map(fields: &Value) -> String {
    let mut map = json!({
        "Type": "Map", "Label": "Each", "End": true,
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "T", "States": {"T": {"Type": "Task", "Resource": RESOURCE, "End": true}}}});
    for (name, value) in fields.as_object().unwrap() {
        map[name] = value.clone();
    }
    json!({"StartAt": "M", "States": {"M": map}}).to_string()
}

async fn only_run(engine: &Engine, arn: &str) -> MapRunDescription {
    let runs = engine.map_runs(arn, None, 10).await.unwrap();
    assert_eq!(runs.len(), 1);
    runs[0].clone()
}

#[tokio::test]
async fn children_are_executions_of_their_own() {
    let stop = CancellationToken::new();
    let engine = engine(memory_store(), echo(), &stop).await;
    engine.put_machine("m", &map(&json!({}))).await.unwrap();
    let arn = engine.start(start("m", "a", json!(["x", "y", "z"]))).await.unwrap().arn;
    assert_eq!(ended(&engine, &arn).await.output, Some(json!(["x", "y", "z"])));
    assert_eq!(
        types(&engine, &arn).await,
        [
            "ExecutionStarted",
            "MapStateEntered",
            "MapStateStarted",
            "MapRunStarted",
            "MapRunSucceeded",
            "MapStateSucceeded",
            "MapStateExited",
            "ExecutionSucceeded",
        ]
    );
    let run = only_run(&engine, &arn).await;
    assert!(run.arn.starts_with("arn:aws:states:local:000000000000:mapRun:m/Each:"), "{}", run.arn);
    assert_eq!((run.status, run.executions.succeeded, run.items.total), (Status::Succeeded, 3, 3));
    assert!(run.stopped_at.is_some());
    let children = engine.map_run_children(&run.arn, 1, 10).await.unwrap();
    let mut outputs = Vec::new();
    for child in &children {
        outputs.push((child.number, engine.describe(&child.row.arn).await.unwrap().output.unwrap()));
    }
    assert_eq!(outputs, [(1, json!("y")), (2, json!("z"))]);
    let child = engine.describe(&children[0].row.arn).await.unwrap();
    assert_eq!(child.map_run.as_ref(), Some(&run.arn));
    assert!(child.arn.starts_with("arn:aws:states:local:000000000000:execution:m/Each:"), "{}", child.arn);
    assert_eq!(
        types(&engine, &child.arn).await,
        [
            "ExecutionStarted",
            "TaskStateEntered",
            "LambdaFunctionScheduled",
            "LambdaFunctionStarted",
            "LambdaFunctionSucceeded",
            "TaskStateExited",
            "ExecutionSucceeded",
        ]
    );
    let names =
        |page: Vec<shipway_engine::Description>| page.into_iter().map(|row| row.name).collect::<Vec<_>>();
    assert_eq!(names(engine.list(&Filter::default()).await.unwrap().0), ["a"], "lists leave children out");
    let of_run = Filter { machine: Some("m/Each".into()), ..Filter::default() };
    assert_eq!(engine.list(&of_run).await.unwrap().0.len(), 3);
    assert!(engine.definition_of(&child.arn).await.unwrap().contains("DISTRIBUTED"));
}

/// Objects of a folder by their path below it.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(files(&path).into_iter().map(|(below, text)| (format!("{name}/{below}"), text)));
        } else {
            found.insert(name, std::fs::read_to_string(path).unwrap());
        }
    }
    found
}

#[tokio::test]
async fn items_come_from_a_bucket_and_results_go_to_one() {
    let stop = CancellationToken::new();
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("in")).unwrap();
    std::fs::write(root.path().join("in/rows.csv"), "id,name\n1,one\n2,two\n3,three\n").unwrap();
    let buckets = Arc::new(FolderBuckets::new(root.path()));
    let handler = Handler::new(|_, task| match task.parameters["Items"][0]["id"].as_str() {
        Some("3") => Err(TaskFailure { error: "Bad".into(), cause: "three".into() }),
        _ => Ok(task.parameters.clone()),
    });
    let engine = engine_with(memory_store(), Arc::new(SystemClock), handler, buckets, &stop).await;
    let fields = json!({
        "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "in", "Key.$": "$.key"},
            "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}},
        "ItemBatcher": {"MaxItemsPerBatch": 2, "BatchInput": {"common.$": "$.key"}},
        "ToleratedFailureCount": 1,
        "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "out", "Prefix": "jobs"},
            "WriterConfig": {"Transformation": "COMPACT", "OutputType": "JSONL"}}});
    engine.put_machine("m", &map(&fields)).await.unwrap();
    let arn = engine.start(start("m", "a", json!({"key": "rows.csv"}))).await.unwrap().arn;
    let done = ended(&engine, &arn).await;
    let run = only_run(&engine, &arn).await;
    let id = run.arn.rsplit(':').next().unwrap();
    let manifest = format!("jobs/{id}/manifest.json");
    let output = json!({"MapRunArn": run.arn, "ResultWriterDetails": {"Bucket": "out", "Key": manifest}});
    assert_eq!(done.output, Some(output), "{:?}", done.cause);
    let written = files(&root.path().join("out"));
    let names: Vec<&str> = written.keys().map(|name| name.rsplit('/').next().unwrap()).collect();
    assert_eq!(names, ["FAILED_0.jsonl", "SUCCEEDED_0.jsonl", "manifest.json"]);
    let succeeded: Value = serde_json::from_str(&written[&format!("jobs/{id}/SUCCEEDED_0.jsonl")]).unwrap();
    let items = json!([{"id": "1", "name": "one"}, {"id": "2", "name": "two"}]);
    assert_eq!(succeeded, json!({"BatchInput": {"common": "rows.csv"}, "Items": items}));
    let failed: Value = serde_json::from_str(&written[&format!("jobs/{id}/FAILED_0.jsonl")]).unwrap();
    assert_eq!((&failed["Error"], &failed["Cause"]), (&json!("Bad"), &json!("three")));
    assert_eq!((run.items.succeeded, run.items.failed, run.executions.total), (2, 1, 2));
    assert_eq!((run.items.results_written, run.executions.results_written), (3, 2));
}

#[tokio::test]
async fn what_cannot_be_read_or_written_can_be_caught() {
    let stop = CancellationToken::new();
    let engine = engine(memory_store(), echo(), &stop).await;
    let reader =
        json!({"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "b", "Key": "k"}});
    let writer = json!({"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "b"}});
    for (name, fields, error) in [
        ("r", json!({"ItemReader": reader}), "States.ItemReaderFailed"),
        ("w", json!({"ResultWriter": writer}), "States.ResultWriterFailed"),
    ] {
        engine.put_machine(name, &map(&fields)).await.unwrap();
        let arn = engine.start(start(name, "a", json!([1]))).await.unwrap().arn;
        let done = ended(&engine, &arn).await;
        assert_eq!((done.status, done.error.as_deref()), (Status::Failed, Some(error)));
        assert!(done.cause.unwrap().contains("without buckets"));
        let seen = types(&engine, &arn).await;
        assert_eq!(seen[3..], ["MapRunStarted", "MapRunFailed", "MapStateFailed", "ExecutionFailed"]);
        assert_eq!(only_run(&engine, &arn).await.status, Status::Failed);
    }
}

/// Fails for the item `bad`; all others hang until they are cancelled.
#[derive(Default)]
struct Hanging {
    cancelled: Mutex<Vec<Value>>,
    called: Notify,
}

#[async_trait]
impl TaskHandler for Hanging {
    async fn run(&self, task: Task) -> Result<Value, TaskFailure> {
        self.called.notify_one();
        if task.parameters == "bad" {
            return Err(TaskFailure { error: "Bad".into(), cause: String::new() });
        }
        task.cancel.cancelled().await;
        self.cancelled.lock().unwrap().push(task.parameters);
        Ok(Value::Null)
    }
}

#[tokio::test]
async fn one_failure_too_many_stops_the_other_children() {
    let stop = CancellationToken::new();
    let handler = Arc::new(Hanging::default());
    let engine = engine(memory_store(), handler.clone(), &stop).await;
    engine.put_machine("m", &map(&json!({"MaxConcurrency": 3}))).await.unwrap();
    let arn = engine.start(start("m", "a", json!(["long", "longer", "bad", "never"]))).await.unwrap().arn;
    let done = ended(&engine, &arn).await;
    assert_eq!(done.error.as_deref(), Some("States.ExceedToleratedFailureThreshold"));
    assert_eq!(done.cause.as_deref(), Some("The specified tolerated failure threshold was exceeded"));
    let run = only_run(&engine, &arn).await;
    let counts =
        (run.executions.failed, run.executions.aborted, run.executions.pending, run.executions.total);
    assert_eq!((run.status, counts), (Status::Failed, (1, 2, 1, 4)));
    let children = engine.map_run_children(&run.arn, 0, 10).await.unwrap();
    let statuses: Vec<Status> = children.iter().map(|child| child.row.status).collect();
    assert_eq!(statuses, [Status::Aborted, Status::Aborted, Status::Failed]);
    stop.cancel();
    engine.stopped().await;
}

#[tokio::test]
async fn a_stopped_parent_takes_its_children_with_it() {
    let stop = CancellationToken::new();
    let handler = Arc::new(Hanging::default());
    let engine = engine(memory_store(), handler.clone(), &stop).await;
    engine.put_machine("m", &map(&json!({}))).await.unwrap();
    let arn = engine.start(start("m", "a", json!(["one", "two"]))).await.unwrap().arn;
    handler.called.notified().await;
    let run = only_run(&engine, &arn).await.arn;
    engine.stop(&arn, None, None).await.unwrap();
    let seen = types(&engine, &arn).await;
    assert_eq!(*seen.last().unwrap(), "ExecutionAborted");
    let children = loop {
        if engine.map_run(&run).await.unwrap().status != Status::Running {
            break engine.map_run_children(&run, 0, 10).await.unwrap();
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(engine.map_run(&run).await.unwrap().status, Status::Aborted);
    assert!(children.iter().all(|child| child.row.status == Status::Aborted), "{children:?}");
    let refused = engine.update_map_run(&run, MapRunUpdate::default()).await.unwrap_err();
    assert!(matches!(refused, Error::NotWaiting(_)), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_time_out_of_the_machine_aborts_the_map_run() {
    let stop = CancellationToken::new();
    let clock = Arc::new(VirtualClock::new(Timestamp(0), 1));
    let engine = engine_at(memory_store(), clock, Arc::new(Hanging::default()), &stop).await;
    let mut machine: Value = serde_json::from_str(&map(&json!({}))).unwrap();
    machine["TimeoutSeconds"] = 60.into();
    engine.put_machine("m", &machine.to_string()).await.unwrap();
    let arn = engine.start(start("m", "a", json!([1, 2]))).await.unwrap().arn;
    assert_eq!(ended(&engine, &arn).await.status, Status::TimedOut);
    let run = only_run(&engine, &arn).await.arn;
    while engine.map_run(&run).await.unwrap().status == Status::Running {
        tokio::task::yield_now().await;
    }
    assert_eq!(engine.map_run(&run).await.unwrap().executions.aborted, 2);
}

/// Counts how many run at a time.
struct Crowd {
    running: Semaphore,
    peak: Mutex<usize>,
    arrived: Notify,
    leave: Semaphore,
}

#[async_trait]
impl TaskHandler for Crowd {
    async fn run(&self, task: Task) -> Result<Value, TaskFailure> {
        self.running.add_permits(1);
        {
            let mut peak = self.peak.lock().unwrap();
            *peak = (*peak).max(self.running.available_permits());
        }
        self.arrived.notify_one();
        self.leave.acquire().await.unwrap().forget();
        self.running.acquire().await.unwrap().forget();
        Ok(task.parameters)
    }
}

#[tokio::test]
async fn concurrency_is_kept_and_can_be_raised() {
    let stop = CancellationToken::new();
    let crowd = Arc::new(Crowd {
        running: Semaphore::new(0),
        peak: Mutex::new(0),
        arrived: Notify::new(),
        leave: Semaphore::new(0),
    });
    let engine = engine(memory_store(), crowd.clone(), &stop).await;
    engine
        .put_machine("m", &map(&json!({"MaxConcurrencyPath": "$.most", "ItemsPath": "$.items"})))
        .await
        .unwrap();
    let input = json!({"most": 2, "items": [1, 2, 3, 4, 5, 6, 7, 8]});
    let arn = engine.start(start("m", "a", input)).await.unwrap().arn;
    let run = only_run(&engine, &arn).await.arn;
    let at_once = async |count: usize| {
        while crowd.running.available_permits() < count {
            crowd.arrived.notified().await;
        }
    };
    at_once(2).await;
    crowd.leave.add_permits(1);
    while engine.map_run(&run).await.unwrap().executions.succeeded < 1 {
        tokio::task::yield_now().await;
    }
    at_once(2).await;
    let pending = engine.map_run(&run).await.unwrap().executions.pending;
    assert_eq!((*crowd.peak.lock().unwrap(), pending), (2, 5));
    let update = MapRunUpdate { max_concurrency: Some(4), ..MapRunUpdate::default() };
    engine.update_map_run(&run, update).await.unwrap();
    assert_eq!(engine.map_run(&run).await.unwrap().max_concurrency, 4);
    at_once(4).await;
    crowd.leave.add_permits(7);
    assert_eq!(ended(&engine, &arn).await.output, Some(json!([1, 2, 3, 4, 5, 6, 7, 8])));
    assert_eq!(*crowd.peak.lock().unwrap(), 4);
}

#[tokio::test]
async fn a_child_may_have_a_map_run_of_its_own() {
    let stop = CancellationToken::new();
    let engine = engine(memory_store(), echo(), &stop).await;
    let inner: Value = serde_json::from_str(&map(&json!({}))).unwrap();
    let mut outer: Value = serde_json::from_str(&map(&json!({"Label": "Outer"}))).unwrap();
    outer["States"]["M"]["ItemProcessor"]["StartAt"] = "Inner".into();
    outer["States"]["M"]["ItemProcessor"]["States"] = json!({"Inner": inner["States"]["M"]});
    engine.put_machine("m", &outer.to_string()).await.unwrap();
    let arn = engine.start(start("m", "a", json!([[1, 2], [], [3]]))).await.unwrap().arn;
    let done = ended(&engine, &arn).await;
    assert_eq!((done.output, done.cause), (Some(json!([[1, 2], [], [3]])), None));
    let run = only_run(&engine, &arn).await.arn;
    let children = engine.map_run_children(&run, 0, 10).await.unwrap();
    let inner = only_run(&engine, &children[0].row.arn).await;
    assert!(inner.arn.contains(":mapRun:m/Each:"), "{}", inner.arn);
    assert_eq!(inner.executions.succeeded, 2);
}

#[tokio::test]
async fn an_express_child_has_five_minutes() {
    let stop = CancellationToken::new();
    let engine = engine(memory_store(), echo(), &stop).await;
    let mut machine: Value = serde_json::from_str(&map(&json!({"ToleratedFailurePercentage": 100}))).unwrap();
    machine["States"]["M"]["ItemProcessor"]["ProcessorConfig"]["ExecutionType"] = "EXPRESS".into();
    engine.put_machine("m", &machine.to_string()).await.unwrap();
    let arn = engine.start(start("m", "a", json!([1]))).await.unwrap().arn;
    assert_eq!(ended(&engine, &arn).await.output, Some(json!([1])));
}

#[tokio::test]
async fn a_stop_reaches_the_children_of_children() {
    let stop = CancellationToken::new();
    let handler = Arc::new(Hanging::default());
    let engine = engine(memory_store(), handler.clone(), &stop).await;
    let inner: Value = serde_json::from_str(&map(&json!({}))).unwrap();
    let mut outer: Value = serde_json::from_str(&map(&json!({"Label": "Outer"}))).unwrap();
    outer["States"]["M"]["ItemProcessor"]["StartAt"] = "Inner".into();
    outer["States"]["M"]["ItemProcessor"]["States"] = json!({"Inner": inner["States"]["M"]});
    engine.put_machine("m", &outer.to_string()).await.unwrap();
    let arn = engine.start(start("m", "a", json!([["long"]]))).await.unwrap().arn;
    handler.called.notified().await;
    let outer = only_run(&engine, &arn).await.arn;
    let child = engine.map_run_children(&outer, 0, 1).await.unwrap()[0].row.arn.clone();
    let inner = only_run(&engine, &child).await.arn;
    engine.stop(&arn, None, None).await.unwrap();
    for run in [&outer, &inner] {
        while engine.map_run(run).await.unwrap().status == Status::Running {
            tokio::task::yield_now().await;
        }
        let found = engine.map_run(run).await.unwrap();
        assert_eq!((found.status, found.executions.aborted), (Status::Aborted, 1));
    }
    while handler.cancelled.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_child_can_be_stopped_alone() {
    let stop = CancellationToken::new();
    let handler = Arc::new(Hanging::default());
    let engine = engine(memory_store(), handler.clone(), &stop).await;
    engine.put_machine("m", &map(&json!({}))).await.unwrap();
    let arn = engine.start(start("m", "a", json!(["long"]))).await.unwrap().arn;
    handler.called.notified().await;
    let run = only_run(&engine, &arn).await.arn;
    let child = engine.map_run_children(&run, 0, 1).await.unwrap()[0].row.arn.clone();
    engine.stop(&child, None, None).await.unwrap();
    let done = ended(&engine, &arn).await;
    assert_eq!(
        done.output.unwrap()[0]["Status"],
        "ABORTED",
        "it has not failed, and gives what is known of it"
    );
}
