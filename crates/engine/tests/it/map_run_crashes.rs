//! Map Runs and crashes: the engine dies at every commit in turn, with and without the commit being written, and by
//! `kill -9`; another takes over. Nothing is lost, and no child is run twice.

use std::{
    collections::{HashMap, HashSet},
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex, atomic::Ordering},
};

use serde_json::{Value, json};
use shipway_asl::{Status, Timestamp};
use shipway_engine::{
    Engine, Filter, FolderBuckets, Store, SystemClock, VirtualClock, memory_store, open_sqlite,
};
use tokio_util::sync::CancellationToken;

use crate::{
    map_runs::map,
    support::{Handler, ended, engine_with, start},
    troubled::Troubled,
};

const ITEMS: usize = 5;

fn fields() -> Value {
    json!({
        "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "in", "Key": "items.jsonl"},
            "ReaderConfig": {"InputType": "JSONL"}},
        "MaxConcurrency": 2,
        "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "out"},
            "WriterConfig": {"Transformation": "COMPACT", "OutputType": "JSON"}}})
}

/// How often each child's task was done, by ARN and item.
type Done = Arc<Mutex<HashMap<(String, Value), usize>>>;

async fn begin(store: Arc<dyn Store>, folder: &Path, done: &Done, stop: &CancellationToken) -> Engine {
    let done = Arc::clone(done);
    let handler = Handler::new(move |_, task| {
        *done.lock().unwrap().entry((task.execution_arn.clone(), task.parameters.clone())).or_default() += 1;
        Ok(task.parameters.clone())
    });
    let buckets = Arc::new(FolderBuckets::new(folder));
    let clock = Arc::new(VirtualClock::new(Timestamp(0), 1));
    engine_with(store, clock, handler, buckets, stop).await
}

/// Runs until the store is dead or the execution has ended, then lets another engine finish; gives the commits.
async fn with_a_crash_after(commits: usize, loses_reply: bool) -> usize {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("in")).unwrap();
    let items: String = (0..ITEMS).map(|item| format!("{item}\n")).collect();
    std::fs::write(folder.path().join("in/items.jsonl"), items).unwrap();
    let beneath = memory_store();
    let store = Troubled::over(Arc::clone(&beneath));
    let done = Done::default();
    let stop = CancellationToken::new();
    let engine = begin(Arc::clone(&store) as Arc<dyn Store>, folder.path(), &done, &stop).await;
    engine.put_machine("m", &map(&fields())).await.unwrap();
    let arn = engine.start(start("m", "a", json!({}))).await.unwrap().arn;
    store.loses_reply.store(loses_reply, Ordering::SeqCst);
    store.commits_left.store(commits, Ordering::SeqCst);
    let refused = async {
        while store.refused.load(Ordering::SeqCst) == 0 {
            store.has_refused.notified().await;
        }
    };
    tokio::select! {
        _ = ended(&engine, &arn) => {}
        () = refused => {}
    }
    let used = commits.saturating_sub(store.commits_left.load(Ordering::SeqCst));
    stop.cancel();
    engine.stopped().await;
    let stop = CancellationToken::new();
    let engine = begin(beneath, folder.path(), &done, &stop).await;
    check(&engine, &arn, folder.path(), &done).await;
    stop.cancel();
    engine.stopped().await;
    used
}

async fn check(engine: &Engine, arn: &str, folder: &Path, done: &Done) {
    let run = all_is_done(engine, arn, folder).await;
    assert_eq!(engine.map_run(&run).await.unwrap().executions.succeeded, ITEMS as u64);
    let done = done.lock().unwrap().clone();
    let children: HashSet<&String> = done.keys().map(|(child, _)| child).collect();
    assert_eq!((children.len(), done.len()), (ITEMS, ITEMS), "one child an item: {done:?}");
    // A task whose end was not recorded is done once more, as everywhere; no other is.
    let again = done.values().filter(|count| **count > 1).count();
    assert!(again <= 2 && done.values().all(|count| *count <= 2), "{done:?}");
}

#[tokio::test(start_paused = true)]
async fn a_map_run_survives_a_crash_at_every_commit() {
    let commits = with_a_crash_after(1_000, false).await;
    assert!((10..100).contains(&commits), "{commits}");
    for at in 0..commits {
        with_a_crash_after(at, false).await;
        with_a_crash_after(at + 1, true).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_survives_a_crash_at_every_commit() {
    for at in 0..12 {
        let folder = tempfile::tempdir().unwrap();
        let beneath = memory_store();
        let store = Troubled::over(Arc::clone(&beneath));
        let stop = CancellationToken::new();
        let engine =
            begin(Arc::clone(&store) as Arc<dyn Store>, folder.path(), &Done::default(), &stop).await;
        let mut machine: Value = serde_json::from_str(&map(&json!({}))).unwrap();
        let wait = json!({"W": {"Type": "Wait", "Seconds": 1_000_000, "End": true}});
        machine["States"]["M"]["ItemProcessor"]["StartAt"] = "W".into();
        machine["States"]["M"]["ItemProcessor"]["States"] = wait;
        engine.put_machine("m", &machine.to_string()).await.unwrap();
        let arn = engine.start(start("m", "a", json!([1, 2, 3]))).await.unwrap().arn;
        let run = engine.map_runs(&arn, None, 1).await.unwrap()[0].arn.clone();
        while engine.map_run_children(&run, 0, 10).await.unwrap().len() < 3 {
            tokio::task::yield_now().await;
        }
        store.commits_left.store(at, Ordering::SeqCst);
        let stopped = engine.stop(&arn, None, None).await;
        while stopped.is_ok()
            && store.refused.load(Ordering::SeqCst) == 0
            && engine.map_run(&run).await.unwrap().status == Status::Running
        {
            tokio::task::yield_now().await;
        }
        stop.cancel();
        engine.stopped().await;
        let stop = CancellationToken::new();
        let engine = begin(beneath, folder.path(), &Done::default(), &stop).await;
        if stopped.is_err() {
            engine.stop(&arn, None, None).await.unwrap();
        }
        while engine.map_run(&run).await.unwrap().status == Status::Running {
            tokio::task::yield_now().await;
        }
        let found = engine.map_run(&run).await.unwrap();
        assert_eq!((found.status, found.executions.aborted), (Status::Aborted, 3), "at {at}");
        stop.cancel();
        engine.stopped().await;
    }
}

/// The directory that the process under test works on.
const DIRECTORY: &str = "SHIPWAY_TEST_MAP_KILL_DIRECTORY";
/// Prefix of the names of its executions.
const ROUND: &str = "SHIPWAY_TEST_MAP_KILL_ROUND";
/// Processes that are killed.
const KILLS: usize = 8;

/// An engine over a directory that reports each task before it is done.
async fn reporting(
    folder: &Path,
    report: impl Fn(String) + Send + Sync + 'static,
    stop: &CancellationToken,
) -> Engine {
    let handler = Handler::new(move |_, task| {
        report(format!("effect {} {}", task.execution_arn, task.parameters));
        Ok(task.parameters.clone())
    });
    let store = open_sqlite(folder).await.unwrap();
    let buckets = Arc::new(FolderBuckets::new(folder));
    engine_with(store, Arc::new(SystemClock), handler, buckets, stop).await
}

/// The process that is killed; does nothing when it runs as one of the tests.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn process_under_test() {
    let (Ok(directory), Ok(round)) = (std::env::var(DIRECTORY), std::env::var(ROUND)) else { return };
    let stop = CancellationToken::new();
    let engine = reporting(Path::new(&directory), |line| println!("{line}"), &stop).await;
    engine.put_machine("m", &map(&fields())).await.unwrap();
    for number in 0.. {
        let arn = engine.start(start("m", &format!("{round}-{number}"), json!({}))).await.unwrap().arn;
        println!("accepted {arn}");
        if number % 3 == 0 {
            ended(&engine, &arn).await;
        }
    }
}

/// Lets a process run until it has reported so many lines, kills it, and gives all that it has reported.
fn killed_after(lines: usize, directory: &Path, round: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "map_run_crashes::process_under_test", "--nocapture"])
        .env(DIRECTORY, directory)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut reported = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut all: Vec<String> = reported.by_ref().take(lines).collect();
    child.kill().unwrap();
    all.extend(reported);
    child.wait().unwrap();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_map_run_survives_kill_nine() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("in")).unwrap();
    std::fs::write(folder.path().join("in/items.jsonl"), "0\n1\n2\n3\n4\n").unwrap();
    let mut lines = Vec::new();
    for round in 0..KILLS {
        lines.extend(killed_after(4 + round * 11 % 37, folder.path(), round));
    }
    let last = Arc::new(Mutex::new(Vec::new()));
    let report = Arc::clone(&last);
    let stop = CancellationToken::new();
    let engine = reporting(folder.path(), move |line| report.lock().unwrap().push(line), &stop).await;
    // WHY: the line at which a process died may be cut; a whole ARN is one that exists.
    let accepted = lines.iter().filter_map(|line| line.strip_prefix("accepted ")).count();
    assert!(accepted >= KILLS, "only {accepted} accepted");
    let (executions, _) = engine.list(&Filter { limit: 1_000, ..Filter::default() }).await.unwrap();
    let mut children = HashSet::new();
    for execution in &executions {
        let id = all_is_done(&engine, &execution.arn, folder.path()).await;
        let found = engine.map_run_children(&id, 0, 100).await.unwrap();
        children.extend(found.into_iter().map(|child| child.row.arn));
    }
    stop.cancel();
    engine.stopped().await;
    lines.append(&mut last.lock().unwrap());
    assert_eq!(children.len(), executions.len() * ITEMS);
    let mut done: HashMap<&str, usize> = HashMap::new();
    for line in &lines {
        if let ["effect", child, _] = line.split(' ').collect::<Vec<_>>()[..] {
            assert!(
                !child.starts_with("arn") || child.len() < 90 || children.contains(child),
                "unknown: {line}"
            );
            *done.entry(child).or_default() += 1;
        }
    }
    assert!(children.iter().all(|child| done.contains_key(child.as_str())), "a child was never run");
    // At most two children of an execution run at a time, so that a kill leaves at most two unrecorded ends of each.
    let again: usize = done.values().map(|count| count - 1).sum();
    assert!(again <= KILLS * 2 * executions.len(), "{again}");
}

/// An execution's results are whole; gives its Map Run.
async fn all_is_done(engine: &Engine, arn: &str, folder: &Path) -> String {
    let end = ended(engine, arn).await;
    assert_eq!((end.status, end.cause), (Status::Succeeded, None));
    let runs = engine.map_runs(arn, None, 10).await.unwrap();
    assert_eq!((runs.len(), runs[0].status), (1, Status::Succeeded));
    let id = runs[0].arn.rsplit(':').next().unwrap();
    let written = std::fs::read_to_string(folder.join("out").join(id).join("SUCCEEDED_0.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), json!([0, 1, 2, 3, 4]));
    runs[0].arn.clone()
}
