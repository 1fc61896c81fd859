//! Measures the engine on SQLite in a directory: latency, throughput, a Map, sleepers, and the store's own limit.
//!
//! `cargo xtask bench engine` builds it in release mode and runs it; it prints one JSON object.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing, reason = "a measurement")]

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
    sync::Arc,
    time::Instant,
};

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use shipway_asl::{Event, Status};
use shipway_engine::{
    Builder, Config, Engine, Expected, Observer, Put, StartExecution, Store, SystemClock, Task, TaskFailure,
    TaskHandler, observe::Step, open_sqlite, store::Commit,
};
use tokio_util::sync::CancellationToken;

const RESOURCE: &str = "arn:aws:lambda:local:000000000000:function:noop";
const STATES: usize = 10;

struct Noop;

#[async_trait]
impl TaskHandler for Noop {
    async fn run(&self, _: Task) -> Result<Value, TaskFailure> {
        Ok(json!({}))
    }
}

/// Puts aside what it is told, as logs and spans do.
struct Aside(std::sync::mpsc::Sender<(String, Arc<[Event]>)>);

impl Observer for Aside {
    fn committed(&self, step: Step<'_>) {
        self.0.send((step.row.arn.clone(), Arc::clone(step.events))).unwrap();
    }
}

/// A chain of ten states of one kind.
fn chain(state: &Value) -> String {
    let mut states = serde_json::Map::new();
    for n in 0..STATES {
        let mut state = state.clone();
        if n + 1 == STATES {
            state["End"] = json!(true);
        } else {
            state["Next"] = json!(format!("S{}", n + 1));
        }
        states.insert(format!("S{n}"), state);
    }
    json!({"StartAt": "S0", "States": states}).to_string()
}

async fn run(engine: &Engine, machine: &str, name: String, input: Value) {
    let start = StartExecution { machine: machine.to_owned(), name, input, records: Vec::new() };
    let mut at = engine.start(start).await.unwrap();
    while at.status == Status::Running {
        engine.changed(&at.arn, at.last_event_id).await.unwrap();
        at = engine.describe(&at.arn).await.unwrap();
    }
    assert_eq!(at.status, Status::Succeeded, "{:?}", at.cause);
}

/// Milliseconds at the given share of the sorted samples.
fn percentile(samples: &mut [f64], share: f64) -> f64 {
    samples.sort_by(f64::total_cmp);
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index"
    )]
    let index = ((samples.len() - 1) as f64 * share) as usize;
    samples[index]
}

async fn one_at_a_time(engine: &Engine, machine: &str, count: usize) -> Value {
    let mut samples = Vec::new();
    for n in 0..count {
        let began = Instant::now();
        run(engine, machine, format!("one-{n}"), json!({})).await;
        samples.push(began.elapsed().as_secs_f64() * 1_000.0);
    }
    json!({"n": count, "p50_ms": percentile(&mut samples, 0.5), "p99_ms": percentile(&mut samples, 0.99)})
}

async fn in_flight(engine: &Engine, machine: &str, count: usize) -> Value {
    let (began, cpu) = (Instant::now(), cpu_seconds());
    stream::iter(0..count)
        .for_each_concurrent(64, |n| run(engine, machine, format!("many-{n}"), json!({})))
        .await;
    let (seconds, cpu) = (began.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    #[allow(clippy::cast_precision_loss, reason = "small counts")]
    let count = count as f64;
    json!({
        "n": count, "executions_per_s": count / seconds, "transitions_per_s": count * 10.0 / seconds,
        "cpu_s_per_1000": cpu * 1_000.0 / count,
    })
}

async fn asleep(engine: &Engine, directory: &Path, count: usize) -> Value {
    let (bytes, rss, began) = (store_bytes(directory), rss_kib(), Instant::now());
    stream::iter(0..count)
        .for_each_concurrent(64, |n| async move {
            let (machine, name) = ("asleep".to_owned(), format!("sleep-{n}"));
            engine
                .start(StartExecution { machine, name, input: json!({}), records: Vec::new() })
                .await
                .unwrap();
        })
        .await;
    let seconds = began.elapsed().as_secs_f64();
    #[allow(clippy::cast_precision_loss, reason = "small counts")]
    let each = |total: u64| total as f64 / count as f64;
    json!({
        "n": count, "starts_per_s": 1.0 / (seconds * each(1)),
        "rss_bytes_each": each(rss_kib().saturating_sub(rss) * 1_024),
        "store_bytes_each": each(store_bytes(directory).saturating_sub(bytes)),
    })
}

/// The store alone: a record of 300 bytes per commit.
async fn store_limit(store: &Arc<dyn Store>) -> Value {
    let commit = |key: String| Commit {
        execution: None,
        records: vec![Put { key, expected: Expected::Any, value: json!("x".repeat(300)) }],
    };
    let began = Instant::now();
    for n in 0..2_000 {
        store.commit(commit(format!("bench/one/{n}"))).await.unwrap();
    }
    let one = 2_000.0 / began.elapsed().as_secs_f64();
    let began = Instant::now();
    stream::iter(0..20_000)
        .for_each_concurrent(64, |n| async move {
            store.commit(commit(format!("bench/many/{n}"))).await.unwrap();
        })
        .await;
    json!({"commits_per_s_one": one, "commits_per_s_64": 20_000.0 / began.elapsed().as_secs_f64()})
}

/// The disk alone: 4 KiB written and flushed.
fn disk_limit(directory: &Path) -> f64 {
    let mut file = File::create(directory.join("flush")).unwrap();
    let began = Instant::now();
    for _ in 0..2_000 {
        file.write_all(&[0; 4_096]).unwrap();
        file.sync_data().unwrap();
    }
    2_000.0 / began.elapsed().as_secs_f64()
}

fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}

fn rss_kib() -> u64 {
    status_kib("VmRSS:")
}

fn status_kib(key: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn store_bytes(directory: &Path) -> u64 {
    let files = fs::read_dir(directory).unwrap().flatten();
    files
        .filter(|file| file.file_name().to_string_lossy().starts_with("shipway.db"))
        .map(|file| file.metadata().unwrap().len())
        .sum()
}

/// The same load in a store of its own, with an observer.
async fn observed(directory: &Path, result: &mut Value) {
    let store = open_sqlite(&directory.join("observed")).await.unwrap();
    let stop = CancellationToken::new();
    let (aside, told) = std::sync::mpsc::channel();
    let builder =
        Builder::new(store, Arc::new(SystemClock), Config::default()).observer(Arc::new(Aside(aside)));
    let engine = builder.handler(RESOURCE, Arc::new(Noop)).start(stop.clone()).await.unwrap();
    engine.put_machine("pass", &chain(&json!({"Type": "Pass"}))).await.unwrap();
    engine.put_machine("task", &chain(&json!({"Type": "Task", "Resource": RESOURCE}))).await.unwrap();
    let reader = std::thread::spawn(move || told.into_iter().map(|(_, events)| events.len()).sum::<usize>());
    result["pass_64_observed"] = in_flight(&engine, "pass", 10_000).await;
    result["task_64_observed"] = in_flight(&engine, "task", 3_000).await;
    stop.cancel();
    engine.stopped().await;
    drop(engine);
    result["events_observed"] = json!(reader.join().unwrap());
}

#[tokio::main]
async fn main() {
    let directory = tempfile::tempdir_in(std::env::args().nth(1).unwrap_or_else(|| ".".to_owned())).unwrap();
    let store = open_sqlite(directory.path()).await.unwrap();
    let stop = CancellationToken::new();
    let builder = Builder::new(Arc::clone(&store), Arc::new(SystemClock), Config::default());
    let engine = builder.handler(RESOURCE, Arc::new(Noop)).start(stop.clone()).await.unwrap();
    let map = json!({"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "ItemProcessor": {
        "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}}}});
    let wait = json!({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": true}}});
    let task = chain(&json!({"Type": "Task", "Resource": RESOURCE}));
    for (name, definition) in [
        ("pass", chain(&json!({"Type": "Pass"}))),
        ("task", task),
        ("map", map.to_string()),
        ("asleep", wait.to_string()),
    ] {
        engine.put_machine(name, &definition).await.unwrap();
    }
    let mut result = json!({
        "disk_flushes_per_s": disk_limit(directory.path()),
        "store": store_limit(&store).await,
        "pass_one": one_at_a_time(&engine, "pass", 1_000).await,
        "task_one": one_at_a_time(&engine, "task", 500).await,
        "pass_64": in_flight(&engine, "pass", 10_000).await,
        "task_64": in_flight(&engine, "task", 3_000).await,
    });
    observed(directory.path(), &mut result).await;
    let began = Instant::now();
    run(&engine, "map", "map".to_owned(), json!((0..1_000).collect::<Vec<_>>())).await;
    result["map_1000_ms"] = json!(began.elapsed().as_secs_f64() * 1_000.0);
    result["asleep"] = asleep(&engine, directory.path(), 10_000).await;
    result["peak_rss_mib"] = json!(status_kib("VmHWM:") / 1_024);
    println!("{result:#}");
    stop.cancel();
    engine.stopped().await;
}
