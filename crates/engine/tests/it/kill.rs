//! `kill -9` at random moments: a process of its own works on a store, is killed, and another takes over.
//!
//! The test starts its own binary again with one test's name and the variables below; that test is the process that
//! is killed. What it reports comes through its standard output, which outlives it.

use std::{
    collections::{HashMap, HashSet},
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use serde_json::{Value, json};
use shipway_asl::Status;
use shipway_engine::{Engine, Filter, Store, Task, TaskFailure, TaskHandler, open_postgres, open_sqlite};
use tokio_util::sync::CancellationToken;

use crate::{
    postgres::Cluster,
    support::{RESOURCE, ended, engine, start},
};

/// The directory or database that the process under test works on.
const PLACE: &str = "SHIPWAY_TEST_KILL_PLACE";
/// Prefix of the names of its executions.
const ROUND: &str = "SHIPWAY_TEST_KILL_ROUND";
/// Processes that are killed.
const KILLS: u64 = 12;

/// Reports each dispatch before the task is done.
struct Report(Box<dyn Fn(String) + Send + Sync>);

#[async_trait]
impl TaskHandler for Report {
    async fn run(&self, task: Task) -> Result<Value, TaskFailure> {
        let name = task.execution_arn.rsplit(':').next().unwrap_or_default().to_owned();
        (self.0)(format!("effect {name} {} {} {}", task.state, task.key.replace(' ', "_"), task.dispatch));
        tokio::task::yield_now().await;
        Ok(task.parameters)
    }
}

async fn open(place: &str) -> Arc<dyn Store> {
    let opened = if place.starts_with("postgres:") {
        open_postgres(place).await
    } else {
        open_sqlite(Path::new(place)).await
    };
    opened.unwrap()
}

async fn machine(engine: &Engine) {
    let task = |next: &str| json!({"Type": "Task", "Resource": RESOURCE, "Next": next});
    let states = json!({
        "1": task("2"), "2": task("Nap"),
        "Nap": {"Type": "Wait", "Seconds": 0, "Next": "3"},
        "3": {"Type": "Task", "Resource": RESOURCE, "End": true}});
    engine.put_machine("m", &json!({"StartAt": "1", "States": states}).to_string()).await.unwrap();
}

/// The process that is killed; does nothing when it runs as one of the tests.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn process_under_test() {
    let (Ok(place), Ok(round)) = (std::env::var(PLACE), std::env::var(ROUND)) else { return };
    let stop = CancellationToken::new();
    let store = open(&place).await;
    let engine = engine(store, Arc::new(Report(Box::new(|line| println!("{line}")))), &stop).await;
    machine(&engine).await;
    let starters = (0..8).map(|starter| {
        let (engine, round) = (engine.clone(), round.clone());
        async move {
            for number in 0.. {
                let name = format!("{round}-{starter}-{number}");
                let arn = engine.start(start("m", &name, json!({"name": name}))).await.unwrap().arn;
                println!("accepted {name}");
                if number % 2 == 0 {
                    ended(&engine, &arn).await;
                    println!("done {name}");
                }
            }
        }
    });
    futures_util::future::join_all(starters).await;
}

/// Lets a process run until it has reported so many lines, kills it, and gives all that it has reported.
fn killed_after(lines: usize, place: &str, round: u64) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::process_under_test", "--nocapture"])
        .env(PLACE, place)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut reported = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut all: Vec<String> = reported.by_ref().take(lines).collect();
    child.kill().unwrap();
    all.extend(reported);
    child.wait().unwrap();
    // WHY: the line at which the process died may be cut; a whole one has all its words.
    all.retain(|line| match line.split(' ').collect::<Vec<_>>()[..] {
        ["effect", _, _, _, dispatch] => dispatch.parse::<u64>().is_ok(),
        ["accepted" | "done", name] => name.split('-').count() == 3,
        _ => false,
    });
    all
}

#[tokio::test]
async fn nothing_accepted_is_lost_and_nothing_recorded_is_done_again() {
    let directory = tempfile::tempdir().unwrap();
    nothing_is_lost_or_repeated(directory.path().to_str().unwrap()).await;
}

#[tokio::test]
async fn nothing_accepted_is_lost_and_nothing_recorded_is_done_again_on_postgres() {
    let Some(cluster) = Cluster::start() else { return };
    nothing_is_lost_or_repeated(&cluster.url()).await;
}

async fn nothing_is_lost_or_repeated(place: &str) {
    let mut lines = Vec::new();
    for round in 0..KILLS {
        let until = 5 + (round * 7919 + u64::from(std::process::id())) % 400;
        lines.extend(killed_after(usize::try_from(until).unwrap(), place, round));
    }
    let stop = CancellationToken::new();
    let last = Arc::new(Mutex::new(Vec::new()));
    let report = Arc::clone(&last);
    let store = open(place).await;
    let handler = Arc::new(Report(Box::new(move |line| report.lock().unwrap().push(line))));
    let engine = engine(store, handler, &stop).await;
    let names = accepted_all_end(&engine, &lines).await;
    stop.cancel();
    engine.stopped().await;
    lines.append(&mut last.lock().unwrap());
    effects_are_in_order(&lines, &names);
}

/// Everything that was accepted, and everything else that exists, ends well and with a whole history.
async fn accepted_all_end(engine: &Engine, lines: &[String]) -> HashSet<String> {
    let accepted: HashSet<&str> = lines.iter().filter_map(|line| line.strip_prefix("accepted ")).collect();
    assert!(accepted.len() >= 8, "only {} accepted", accepted.len());
    for name in &accepted {
        engine.describe(&engine.execution_arn("m", name)).await.unwrap();
    }
    let mut names = HashSet::new();
    let mut filter = Filter { limit: 1_000, ..Filter::default() };
    loop {
        let (page, next) = engine.list(&filter).await.unwrap();
        for listed in page {
            let done = ended(engine, &listed.arn).await;
            assert_eq!((done.status, done.output), (Status::Succeeded, Some(json!({"name": done.name}))));
            let events = engine.history(&done.arn, 0, 1_000).await.unwrap();
            assert!(events.iter().map(|event| event.id).eq(1..=done.last_event_id), "{}", done.name);
            names.insert(done.name);
        }
        filter.after = next;
        if filter.after.is_none() {
            break;
        }
    }
    names
}

/// Per execution: each state's task was seen, none again once a later one was or the execution was done; the
/// dispatch numbers of a key grow.
fn effects_are_in_order(lines: &[String], names: &HashSet<String>) {
    let mut states: HashMap<&str, Vec<u32>> = HashMap::new();
    let mut dispatches: HashMap<&str, u64> = HashMap::new();
    let mut done = HashSet::new();
    for line in lines {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["effect", name, state, key, dispatch] => {
                assert!(!done.contains(name), "done, and yet: {line}");
                states.entry(name).or_default().push(state.parse().unwrap());
                let dispatch = dispatch.parse().unwrap();
                let before = dispatches.insert(key, dispatch);
                assert!(before.is_none_or(|before| before < dispatch), "{before:?}, then {line}");
            }
            ["done", name] => drop(done.insert(name)),
            _ => {}
        }
    }
    for name in names {
        let seen = &states[name.as_str()];
        assert!(seen.is_sorted(), "{name}: {seen:?}");
        assert_eq!(seen.iter().collect::<HashSet<_>>().len(), 3, "{name}: {seen:?}");
    }
}
