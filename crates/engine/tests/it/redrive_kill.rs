//! Redrives and `kill -9`: processes that redrive what fails die at any moment, another one finishes. What has succeeded
//! is not run again, and parent, Map Run and children agree on how often they were redriven.

use std::{
    collections::{HashMap, HashSet},
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

use serde_json::json;
use shipway_asl::Status;
use shipway_engine::{Engine, Filter, TaskFailure, open_sqlite};
use tokio_util::sync::CancellationToken;

use crate::{
    map_runs::map,
    support::{Handler, ended, engine, start, types},
};

/// The directory that the process under test works on.
const DIRECTORY: &str = "SHIPWAY_TEST_REDRIVE_KILL_DIRECTORY";
/// Prefix of the names of its executions.
const ROUND: &str = "SHIPWAY_TEST_REDRIVE_KILL_ROUND";
/// Processes that are killed.
const KILLS: usize = 6;
const ITEMS: [&str; 4] = ["a", "bad-1", "c", "bad-2"];

/// An engine whose tasks with bad items fail at their first try in a process. Reports what succeeds.
async fn failing(
    folder: &Path,
    report: impl Fn(String) + Send + Sync + 'static,
    stop: &CancellationToken,
) -> Engine {
    let tried = Mutex::new(HashSet::new());
    let handler = Handler::new(move |_, task| {
        let is_bad = task.parameters.as_str().is_some_and(|item| item.starts_with("bad"));
        if is_bad && tried.lock().unwrap().insert(task.execution_arn.clone()) {
            return Err(TaskFailure { error: "E".to_owned(), cause: "the first try".to_owned() });
        }
        report(format!("done {} ", task.execution_arn));
        Ok(task.parameters.clone())
    });
    engine(open_sqlite(folder).await.unwrap(), handler, stop).await
}

/// Redrives an execution until it has succeeded.
async fn succeed(engine: &Engine, arn: &str) {
    while ended(engine, arn).await.status != Status::Succeeded {
        engine.redrive(arn, None).await.unwrap();
    }
}

/// The process that is killed; does nothing when it runs as one of the tests.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn process_under_test() {
    let (Ok(directory), Ok(round)) = (std::env::var(DIRECTORY), std::env::var(ROUND)) else { return };
    let stop = CancellationToken::new();
    let engine = failing(Path::new(&directory), |line| println!("{line}"), &stop).await;
    engine.put_machine("m", &map(&json!({"MaxConcurrency": 2}))).await.unwrap();
    for number in 0.. {
        let arn = engine.start(start("m", &format!("{round}-{number}"), json!(ITEMS))).await.unwrap().arn;
        succeed(&engine, &arn).await;
    }
}

/// Lets a process run until it has reported so many lines, kills it, and gives all that it has reported.
fn killed_after(lines: usize, directory: &Path, round: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "redrive_kill::process_under_test", "--nocapture"])
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
async fn redrives_survive_kill_nine() {
    let folder = tempfile::tempdir().unwrap();
    let mut lines = Vec::new();
    for round in 0..KILLS {
        lines.extend(killed_after(4 + round * 7 % 23, folder.path(), round));
    }
    let last = Arc::new(Mutex::new(Vec::new()));
    let report = Arc::clone(&last);
    let stop = CancellationToken::new();
    let engine = failing(folder.path(), move |line| report.lock().unwrap().push(line), &stop).await;
    let (executions, _) = engine.list(&Filter { limit: 1_000, ..Filter::default() }).await.unwrap();
    assert!(executions.len() >= KILLS, "only {} were started", executions.len());
    for execution in &executions {
        succeed(&engine, &execution.arn).await;
        agrees(&engine, &execution.arn).await;
    }
    stop.cancel();
    engine.stopped().await;
    lines.append(&mut last.lock().unwrap());
    let mut done: HashMap<&str, usize> = HashMap::new();
    for line in lines.iter().filter_map(|line| line.strip_prefix("done ")) {
        // WHY: the line at which a process died may be cut; a whole one ends with a space.
        if let Some(child) = line.strip_suffix(' ') {
            *done.entry(child).or_default() += 1;
        }
    }
    // At most two children of an execution run at a time, so that a kill leaves at most two unrecorded ends.
    let again: usize = done.values().map(|count| count - 1).sum();
    assert!(again <= KILLS * 2, "{again} ends of children were not recorded");
}

/// Output and counts of an execution, its Map Run and the children fit each other.
async fn agrees(engine: &Engine, arn: &str) {
    assert_eq!(engine.describe(arn).await.unwrap().output, Some(json!(ITEMS)));
    let count = |seen: &[&str], kind: &str| seen.iter().filter(|one| **one == kind).count();
    let seen = types(engine, arn).await;
    let row = engine.row(arn).await.unwrap();
    assert_eq!(count(&seen, "ExecutionRedriven"), usize::try_from(row.redrives).unwrap());
    let run = engine.map_runs(arn, None, 2).await.unwrap().remove(0);
    assert_eq!(count(&seen, "MapRunRedriven"), usize::try_from(run.redrives).unwrap());
    assert_eq!((run.executions.succeeded, run.executions.failed), (4, 0));
    for child in engine.map_run_children(&run.arn, 0, 10).await.unwrap() {
        let seen = types(engine, &child.row.arn).await;
        assert_eq!(count(&seen, "ExecutionSucceeded"), 1, "{seen:?}");
        assert_eq!(count(&seen, "ExecutionRedriven"), usize::try_from(child.row.redrives).unwrap());
        assert!(child.row.redrives <= run.redrives);
    }
}
