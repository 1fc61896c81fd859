//! Logging over a whole engine: every line once and in order, also when the queue is full or the process has ended.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Value, json};
use shipway_asl::{MachineKind, Status};
use shipway_engine::{
    Builder, Config, Engine, Launch, Store, SystemClock, Task, TaskFailure, TaskHandler,
    machines::{CreateMachine, Settings},
    memory_store,
};

use super::*;

struct Echo;

#[async_trait::async_trait]
impl TaskHandler for Echo {
    async fn run(&self, task: Task) -> Result<Value, TaskFailure> {
        if task.parameters.get("fail").is_some() {
            return Err(TaskFailure { error: "Bad".to_owned(), cause: "on purpose".to_owned() });
        }
        Ok(task.parameters)
    }
}

/// An engine over a store and the logs that it writes.
struct Rig {
    engine: Engine,
    writer: Option<Writer>,
    stop: CancellationToken,
}

async fn rig(store: &Arc<dyn Store>, directory: &Path, queue_max: usize, behind_max: usize) -> Rig {
    let (observer, writer) = Logs::new(directory, Limits::default()).bounded(queue_max, behind_max);
    let stop = CancellationToken::new();
    let builder = Builder::new(Arc::clone(store), Arc::new(SystemClock), Config::default());
    let engine = builder.fallback(Arc::new(Echo)).observer(observer).start(stop.clone()).await.unwrap();
    Rig { engine, writer: Some(writer), stop }
}

impl Rig {
    fn write(&mut self) -> Running {
        self.writer.take().unwrap().start(self.engine.clone(), None)
    }

    async fn stop(self) {
        self.stop.cancel();
        self.engine.stopped().await;
    }
}

async fn machine(engine: &Engine, name: &str, kind: MachineKind, level: &str) {
    let definition = json!({"StartAt": "P", "States": {
        "P": {"Type": "Pass", "Next": "T"},
        "T": {"Type": "Task", "Resource": "arn:aws:lambda:local:000000000000:function:f", "End": true},
    }});
    let destination = json!({"cloudWatchLogsLogGroup": {
        "logGroupArn": "arn:aws:logs:local:000000000000:log-group:/states/all:*"}});
    let settings = Settings {
        definition: definition.to_string(),
        logging: json!({"level": level, "includeExecutionData": true, "destinations": [destination]}),
        ..Settings::default()
    };
    let create = CreateMachine { name: name.to_owned(), kind, settings, ..CreateMachine::default() };
    engine.create_machine(create).await.unwrap();
}

async fn ended(engine: &Engine, machine: &str, name: &str, input: Value) -> String {
    let launch = Launch {
        machine: machine.to_owned(),
        qualifier: None,
        name: Some(name.to_owned()),
        input,
        trace_header: None,
        parent: None,
    };
    let arn = engine.launch(launch).await.unwrap().arn;
    loop {
        let row = engine.row(&arn).await.unwrap();
        if row.status != Status::Running {
            return arn;
        }
        engine.changed(&arn, row.last_event_id).await.unwrap();
    }
}

/// Ids and types of each execution's lines, in the order in which they are in the files.
fn lines(directory: &Path) -> BTreeMap<String, Vec<(u64, String)>> {
    let directory = directory.join("%2Fstates%2Fall");
    let mut lines: BTreeMap<String, Vec<(u64, String)>> = BTreeMap::new();
    for number in files::numbers(&directory).unwrap() {
        for line in fs::read_to_string(files::path(&directory, number)).unwrap().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let id = line["id"].as_str().unwrap().parse().unwrap();
            let of = line["execution_arn"].as_str().unwrap().to_owned();
            lines.entry(of).or_default().push((id, line["type"].as_str().unwrap().to_owned()));
        }
    }
    lines
}

async fn history(engine: &Engine, arn: &str) -> Vec<(u64, String)> {
    let events = engine.history(arn, 0, 1_000).await.unwrap();
    events.iter().map(|event| (event.id, event.type_name().to_owned())).collect()
}

async fn marks(engine: &Engine) -> usize {
    engine.records(&sink::mark_key(""), None, 1_000).await.unwrap().len()
}

#[tokio::test]
async fn standard_and_express_executions_are_logged_as_their_histories_are() {
    let (store, directory) = (memory_store(), tempfile::tempdir().unwrap());
    let mut rig = rig(&store, directory.path(), 100, 100).await;
    let running = rig.write();
    machine(&rig.engine, "s", MachineKind::Standard, "ALL").await;
    machine(&rig.engine, "e", MachineKind::Express, "ALL").await;
    let mut arns = Vec::new();
    for name in ["a", "b"] {
        arns.push(ended(&rig.engine, "s", name, json!({})).await);
        arns.push(ended(&rig.engine, "e", name, json!({})).await);
    }
    running.finish().await;
    let lines = lines(directory.path());
    assert_eq!(lines.len(), 4);
    for arn in &arns {
        assert_eq!(lines[arn], history(&rig.engine, arn).await, "{arn}");
    }
    assert_eq!(marks(&rig.engine).await, 0);
    rig.stop().await;
}

#[tokio::test]
async fn a_machine_with_a_level_logs_what_it_lists_and_one_without_leaves_no_trace() {
    let (store, directory) = (memory_store(), tempfile::tempdir().unwrap());
    let mut rig = rig(&store, directory.path(), 100, 100).await;
    let running = rig.write();
    for (name, level) in [("off", "OFF"), ("error", "ERROR"), ("fatal", "FATAL")] {
        machine(&rig.engine, name, MachineKind::Standard, level).await;
        ended(&rig.engine, name, "good", json!({})).await;
        ended(&rig.engine, name, "bad", json!({"fail": true})).await;
    }
    running.finish().await;
    let types: Vec<Vec<String>> = lines(directory.path())
        .into_values()
        .map(|of| of.into_iter().map(|(_, kind)| kind).collect())
        .collect();
    assert_eq!(types, [vec!["LambdaFunctionFailed", "ExecutionFailed"], vec!["ExecutionFailed"]]);
    assert_eq!(marks(&rig.engine).await, 0);
    rig.stop().await;
}

/// Many executions while nobody writes, so that all but the first few do not fit.
async fn overflowed(behind_max: usize) {
    let (store, directory) = (memory_store(), tempfile::tempdir().unwrap());
    let mut rig = rig(&store, directory.path(), 3, behind_max).await;
    machine(&rig.engine, "s", MachineKind::Standard, "ALL").await;
    let mut arns = Vec::new();
    for n in 0..30 {
        arns.push(ended(&rig.engine, "s", &n.to_string(), json!({})).await);
    }
    let running = rig.write();
    for n in 30..40 {
        arns.push(ended(&rig.engine, "s", &n.to_string(), json!({})).await);
    }
    running.finish().await;
    let lines = lines(directory.path());
    for arn in &arns {
        assert_eq!(lines[arn], history(&rig.engine, arn).await, "{arn}");
    }
    assert_eq!(marks(&rig.engine).await, 0);
    rig.stop().await;
}

#[tokio::test]
async fn what_does_not_fit_into_the_queue_is_read_from_the_store() {
    overflowed(1_000).await;
}

#[tokio::test]
async fn when_too_many_are_behind_all_that_are_marked_are_compared() {
    overflowed(2).await;
}

#[tokio::test]
async fn after_a_crash_each_line_is_there_once() {
    let (store, directory) = (memory_store(), tempfile::tempdir().unwrap());
    let mut first = rig(&store, directory.path(), 100, 100).await;
    machine(&first.engine, "s", MachineKind::Standard, "ALL").await;
    let running = first.write();
    let mut arns = vec![ended(&first.engine, "s", "logged", json!({})).await];
    running.finish().await;
    first.stop().await;
    // An engine whose logs nobody writes, as if it were killed at once; and a line that was cut in its midst.
    let second = rig(&store, directory.path(), 100, 100).await;
    arns.push(ended(&second.engine, "s", "lost", json!({})).await);
    arns.push(ended(&second.engine, "s", "half", json!({})).await);
    second.stop().await;
    let file = files::path(&directory.path().join("%2Fstates%2Fall"), 1);
    let mut content = fs::read_to_string(&file).unwrap();
    for event in store.events(&arns[2], 0, 3).await.unwrap() {
        content.push_str(&line::line(&event, &arns[2], 0, true));
        content.push('\n');
    }
    content.truncate(content.len() - 10);
    fs::write(&file, content).unwrap();
    let mut third = rig(&store, directory.path(), 100, 100).await;
    let running = third.write();
    running.finish().await;
    let lines = lines(directory.path());
    for arn in &arns {
        assert_eq!(lines[arn], history(&third.engine, arn).await, "{arn}");
    }
    assert_eq!(marks(&third.engine).await, 0);
    third.stop().await;
}
