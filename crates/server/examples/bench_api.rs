//! Measures lists and histories through the API of a real server over a store with a million executions.
//!
//! `cargo xtask bench api` builds both in release mode and runs it with the server's path and an empty directory. Rows
//! are written through the store's port, as the engine writes them, in groups; it prints a table.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a measurement"
)]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use shipway_asl::{Status, Timestamp};
use shipway_engine::{
    Builder, Config, Engine, Launch, Origin, Store, SystemClock,
    machines::{CreateMachine, Route, Settings},
    open_sqlite,
    store::{Commit, Progress, Row},
};
use tokio_util::sync::CancellationToken;

/// Executions in the store.
const EXECUTIONS: u32 = 1_000_000;
/// Of them children of one Map Run.
const CHILDREN: u32 = 200_000;
/// Machines beside the one that has most executions.
const MACHINES: u32 = 10_000;
/// Commits that wait for the writer at a time.
const AT_ONCE: usize = 2_048;
/// Pages read one after another, and first pages asked for.
const PAGES: usize = 100;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let (server, directory) = (arguments.next().unwrap(), arguments.next().unwrap());
    let directory = Path::new(&directory);
    let started = Instant::now();
    let told = fill(directory).await;
    println!(
        "filled in {:.0} s: {EXECUTIONS} executions, {MACHINES} machines",
        started.elapsed().as_secs_f64()
    );
    let mut server = Server::start(&server, directory);
    println!("| what | p50 | p99 |\n|---|---|---|");
    measure(&mut server, &told);
    server.process.kill().unwrap();
}

/// What the measurement needs to know of what was written.
struct Told {
    machine: String,
    map_run: String,
    long: String,
}

async fn fill(directory: &Path) -> Told {
    let store = open_sqlite(directory).await.unwrap();
    let stop = CancellationToken::new();
    let config =
        Config { region: "us-east-1".to_owned(), account: "000000000000".to_owned(), ..Config::default() };
    let engine =
        Builder::new(Arc::clone(&store), Arc::new(SystemClock), config).start(stop.clone()).await.unwrap();
    let pass = json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}).to_string();
    create(&engine, "big", &pass).await;
    engine.create_alias("big", "live", None, &[Route { version: 1, weight: 100 }]).await.unwrap();
    let large = json!({"Comment": "x".repeat(4_000), "StartAt": "A", "States": {"A": {"Type": "Succeed"}}})
        .to_string();
    stream::iter(0..MACHINES)
        .for_each_concurrent(AT_ONCE, |number| create_numbered(&engine, number, &large))
        .await;
    let template = run(&engine, "big", json!({"order": 17, "items": ["a", "b", "c"]})).await;
    let template = store.execution(&template).await.unwrap().unwrap();
    let (map_run, long) = (map_run(&engine).await, long(&engine).await);
    let child = engine.map_run_children(&map_run, 0, 1).await.unwrap().remove(0).row;
    let rows = (0..EXECUTIONS).map(|number| match number < CHILDREN {
        true => row(&child, number, Some(&map_run)),
        false => row(&template, number, None),
    });
    stream::iter(rows).for_each_concurrent(AT_ONCE, |row| write(&store, row)).await;
    stop.cancel();
    engine.stopped().await;
    Told { machine: engine.machine_arn("big"), map_run, long }
}

async fn create_numbered(engine: &Engine, number: u32, definition: &str) {
    create(engine, &format!("machine-{number:05}"), definition).await;
}

async fn create(engine: &Engine, name: &str, definition: &str) {
    let settings = Settings { definition: definition.to_owned(), ..Settings::default() };
    let create =
        CreateMachine { name: name.to_owned(), settings, publish: Some(None), ..CreateMachine::default() };
    engine.create_machine(create).await.unwrap();
}

/// Runs an execution to its end; its ARN.
async fn run(engine: &Engine, machine: &str, input: Value) -> String {
    let launch = Launch {
        machine: machine.to_owned(),
        qualifier: None,
        name: None,
        input,
        trace_header: None,
        parent: None,
    };
    let arn = engine.launch(launch).await.unwrap().arn;
    loop {
        let found = engine.describe(&arn).await.unwrap();
        if found.status != Status::Running {
            return arn;
        }
        engine.changed(&arn, found.last_event_id).await.unwrap();
    }
}

/// A Map Run, whose children are written later.
async fn map_run(engine: &Engine) -> String {
    let mut processor = json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}});
    processor["ProcessorConfig"] = json!({"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"});
    let map = json!({"Type": "Map", "Label": "each", "ItemProcessor": processor, "End": true});
    create(engine, "maps", &json!({"StartAt": "M", "States": {"M": map}}).to_string()).await;
    let arn = run(engine, "maps", json!([1])).await;
    engine.map_runs(&arn, None, 1).await.unwrap().remove(0).arn
}

/// An execution that goes round until its history is full.
async fn long(engine: &Engine) -> String {
    let again = json!({
        "Type": "Choice",
        "Choices": [{"Variable": "$.stop", "IsPresent": true, "Next": "C"}],
        "Default": "A",
    });
    let states = json!({"A": {"Type": "Pass", "Next": "B"}, "B": again, "C": {"Type": "Succeed"}});
    let machine = json!({"StartAt": "A", "States": states});
    create(engine, "long", &machine.to_string()).await;
    run(engine, "long", json!({"data": "x".repeat(300)})).await
}

/// One of a million: of one in a thousand each, something is rare.
fn row(template: &Row, number: u32, map_run: Option<&str>) -> Row {
    let machine = template.machine.clone();
    let name = format!("execution-{number:07}");
    let status = match number % 1_000 {
        0 => Status::Running,
        1..=9 => Status::Aborted,
        10..=99 => Status::Failed,
        _ => Status::Succeeded,
    };
    let is_versioned = number.is_multiple_of(2) && map_run.is_none();
    Row {
        arn: format!("arn:aws:states:us-east-1:000000000000:execution:{machine}:{name}"),
        machine,
        name,
        status,
        started_at: Timestamp(template.started_at.0 + i64::from(number)),
        origin: Origin {
            version: is_versioned.then_some(1),
            alias: (is_versioned && number.is_multiple_of(4)).then(|| "live".to_owned()),
            map_run: map_run.map(str::to_owned),
            ..Origin::default()
        },
        last_event_id: 0,
        ..template.clone()
    }
}

async fn write(store: &Arc<dyn Store>, row: Row) {
    let progress = Progress {
        row,
        expected_event_id: 0,
        events: Vec::new(),
        tasks_added: Vec::new(),
        tasks_removed: Vec::new(),
        timers_added: Vec::new(),
        timers_removed: Vec::new(),
    };
    store.commit(Commit { execution: Some(progress), records: Vec::new() }).await.unwrap();
}

/// The real server, and a connection to it.
struct Server {
    process: Child,
    stream: TcpStream,
}

impl Server {
    fn start(program: &str, directory: &Path) -> Self {
        let mut process = Command::new(program)
            .args(["serve", "--listen", "127.0.0.1:0", "--no-auth", "--region", "us-east-1", "--data-dir"])
            .arg(directory)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut url).unwrap();
        let address = url.trim().trim_start_matches("http://").trim_end_matches('/').to_owned();
        Self { process, stream: TcpStream::connect(address).unwrap() }
    }

    /// Calls an action; its answer and how long it took.
    fn call(&mut self, action: &str, body: &Value) -> (Value, Duration) {
        let body = body.to_string();
        let head = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: AWSStepFunctions.{action}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let (answer, took) = self.ask(&head);
        (serde_json::from_slice(&answer).unwrap(), took)
    }

    fn ask(&mut self, request: &str) -> (Vec<u8>, Duration) {
        let started = Instant::now();
        self.stream.write_all(request.as_bytes()).unwrap();
        let mut reader = BufReader::new(&self.stream);
        let (mut length, mut status) = (0, String::new());
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if status.is_empty() {
                status.clone_from(&line);
            }
            if line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        assert!(status.contains("200"), "{request}: {status} {}", String::from_utf8_lossy(&body));
        (body, started.elapsed())
    }
}

fn measure(server: &mut Server, told: &Told) {
    let machine = json!({"stateMachineArn": told.machine});
    let version = json!({"stateMachineArn": format!("{}:1", told.machine)});
    let alias = json!({"stateMachineArn": format!("{}:live", told.machine)});
    let map_run = json!({"mapRunArn": told.map_run});
    let lists = [
        ("of a machine", machine.clone()),
        ("of a machine, SUCCEEDED", with(&machine, "statusFilter", "SUCCEEDED")),
        ("of a machine, RUNNING (1 in 1,000)", with(&machine, "statusFilter", "RUNNING")),
        ("of a machine, TIMED_OUT (none)", with(&machine, "statusFilter", "TIMED_OUT")),
        ("of a machine, NOT_REDRIVEN", with(&machine, "redriveFilter", "NOT_REDRIVEN")),
        ("of a version", version.clone()),
        ("of a version, RUNNING", with(&version, "statusFilter", "RUNNING")),
        ("of an alias", alias.clone()),
        ("of an alias, ABORTED", with(&alias, "statusFilter", "ABORTED")),
        ("of a Map Run", map_run.clone()),
        ("of a Map Run, FAILED", with(&map_run, "statusFilter", "FAILED")),
    ];
    for (what, request) in lists {
        first(server, &format!("ListExecutions {what}"), "ListExecutions", &request);
        pages(server, &format!("ListExecutions {what}"), "ListExecutions", &request);
    }
    first(server, "ListStateMachines, 10,000 of 4 KB", "ListStateMachines", &json!({}));
    pages(server, "ListStateMachines, 10,000 of 4 KB", "ListStateMachines", &json!({}));
    let execution = json!({"executionArn": told.long});
    first(server, "DescribeExecution", "DescribeExecution", &execution);
    for (what, name, value) in [
        ("forwards", "reverseOrder", false),
        ("backwards", "reverseOrder", true),
        ("without data", "includeExecutionData", false),
    ] {
        let mut request = execution.clone();
        request[name] = value.into();
        pages(
            server,
            &format!("GetExecutionHistory of 25,000 events, {what}"),
            "GetExecutionHistory",
            &request,
        );
    }
    for path in ["/executions", "/executions?status=FAILED", "/executions?machine=big"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let mut took: Vec<Duration> = (0..PAGES).map(|_| server.ask(&request).1).collect();
        tell(&format!("the page `{path}`"), &mut took);
    }
}

fn with(request: &Value, name: &str, value: &str) -> Value {
    let mut request = request.clone();
    request[name] = value.into();
    request
}

fn first(server: &mut Server, what: &str, action: &str, request: &Value) {
    let mut took: Vec<Duration> = (0..PAGES).map(|_| server.call(action, request).1).collect();
    tell(&format!("{what}: first page"), &mut took);
}

/// Pages of 1,000, one after another, up to the middle of a long list.
fn pages(server: &mut Server, what: &str, action: &str, request: &Value) {
    let mut request = request.clone();
    request["maxResults"] = 1_000.into();
    let mut took = Vec::new();
    while took.len() < 5 * PAGES {
        let (answer, time) = server.call(action, &request);
        took.push(time);
        let Some(token) = answer.get("nextToken") else { break };
        request["nextToken"] = token.clone();
    }
    tell(&format!("{what}: {} pages of 1,000", took.len()), &mut took);
}

fn tell(what: &str, took: &mut [Duration]) {
    took.sort();
    let at = |percent: usize| took[(took.len() - 1) * percent / 100].as_secs_f64() * 1_000.0;
    println!("| {what} | {:.1} ms | {:.1} ms |", at(50), at(99));
}
