//! Executions seen from outside the server: their logs, also over `kill -9`; spans at a collector; metrics.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::Duration,
};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::rig::{Running, World, get};

/// Looks for something that must come; far more than it ever takes.
const LOOKS_MAX: usize = 5_000;
/// How long a span may take to come; far longer than it does.
const SPAN_TIME_MAX: Duration = Duration::from_secs(60);

fn port(world: &World) -> u16 {
    let record: Value = serde_json::from_slice(&fs::read(world.data().join("server.json")).unwrap()).unwrap();
    record["url"].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap()
}

/// One call of the Step Functions API.
fn call(port: u16, action: &str, body: &Value, header: &str) -> Value {
    let body = body.to_string();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(
        stream,
        "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nx-amz-target: AWSStepFunctions.{action}\r\n\
         content-type: application/x-amz-json-1.0\r\n{header}content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{action}: {answer}");
    serde_json::from_str(body).unwrap()
}

fn machine(port: u16, name: &str, kind: &str, states: &Value) -> String {
    let destination = json!({"cloudWatchLogsLogGroup": {
        "logGroupArn": "arn:aws:logs:local:000000000000:log-group:/aws/vendedlogs/states/all:*"}});
    let create = json!({
        "name": name, "type": kind, "roleArn": "arn:aws:iam::000000000000:role/r",
        "definition": json!({"StartAt": "A", "States": states}).to_string(),
        "loggingConfiguration": {"level": "ALL", "includeExecutionData": false, "destinations": [destination]},
    });
    call(port, "CreateStateMachine", &create, "")["stateMachineArn"].as_str().unwrap().to_owned()
}

fn start(port: u16, machine: &str, name: &str, header: &str) -> String {
    let start = json!({"stateMachineArn": machine, "name": name, "input": "{\"password\": \"hunter2\"}"});
    call(port, "StartExecution", &start, header)["executionArn"].as_str().unwrap().to_owned()
}

/// Everything that is logged, by execution: ids and types in the order of the files.
fn logged(world: &World) -> BTreeMap<String, Vec<(u64, String)>> {
    let directory = world.data().join("logs/executions/%2Faws%2Fvendedlogs%2Fstates%2Fall");
    let mut logged: BTreeMap<String, Vec<(u64, String)>> = BTreeMap::new();
    let mut files: Vec<_> =
        fs::read_dir(directory).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        for line in
            fs::read_to_string(file).unwrap().split_inclusive('\n').filter(|line| line.ends_with('\n'))
        {
            assert!(!line.contains("hunter2"), "{line}");
            let line: Value = serde_json::from_str(line).unwrap();
            let id = line["id"].as_str().unwrap().parse().unwrap();
            let of = line["execution_arn"].as_str().unwrap().to_owned();
            logged.entry(of).or_default().push((id, line["type"].as_str().unwrap().to_owned()));
        }
    }
    logged
}

/// A collector that refuses the first request as one that is busy.
fn collector() -> (String, mpsc::Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, requests) = mpsc::channel();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut length, mut line, mut head) = (0, String::new(), String::new());
            while reader.read_line(&mut line).unwrap() > 2 {
                if let Some((_, value)) = line.to_lowercase().split_once("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                head.push_str(&std::mem::take(&mut line));
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let status = if number == 0 { "503 Busy\r\nretry-after: 0" } else { "200 OK" };
            write!(stream, "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{{}}")
                .unwrap();
            assert!(head.starts_with("POST /v1/traces ") && head.contains("x-team: a b"), "{head}");
            if number > 0 && sender.send(serde_json::from_slice(&body).unwrap()).is_err() {
                return;
            }
        }
    });
    (url, requests)
}

fn serve(world: &World, variables: &[(&str, &str)]) -> Running {
    let mut server = world.start_with(&["serve", "--listen", "127.0.0.1:0", "--no-auth"], variables);
    server.hear("serving");
    server
}

#[test]
fn an_execution_becomes_lines_spans_and_counts() {
    let world = World::new();
    let (url, requests) = collector();
    let server = serve(
        &world,
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &url),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-team=a%20b"),
            ("OTEL_SERVICE_NAME", "ours"),
            ("OTEL_BSP_SCHEDULE_DELAY", "20"),
        ],
    );
    let port = port(&world);
    let states = json!({"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Fail", "Error": "Bad", "Cause": "hunter2"}});
    let arn = machine(port, "orders", "STANDARD", &states);
    let traceparent = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n";
    let execution = start(port, &arn, "one", traceparent);
    // Lines, as the command shows them.
    let ran = world.until(&["machine", "logs", "orders", "--execution", "one", "--json"], |ran| {
        ran.stdout.contains("ExecutionFailed")
    });
    let types: Vec<String> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["type"].as_str().unwrap().to_owned())
        .collect();
    let all =
        ["ExecutionStarted", "PassStateEntered", "PassStateExited", "FailStateEntered", "ExecutionFailed"];
    assert_eq!(types, all);
    let fatal = world.run(&["machine", "logs", "orders", "--level", "FATAL"]).ends(0).stdout;
    assert!(fatal.lines().count() == 1 && fatal.contains("one 5 ExecutionFailed error=Bad"), "{fatal}");
    world.run(&["machine", "logs", "nothing"]).ends(1).says(&["`nothing` does not exist"]);
    // Spans, at the second attempt.
    let mut spans: BTreeMap<String, Value> = BTreeMap::new();
    while spans.len() < 3 {
        let request = requests.recv_timeout(SPAN_TIME_MAX).unwrap();
        assert!(!request.to_string().contains("hunter2"), "{request}");
        let resource = &request["resourceSpans"][0];
        assert_eq!(resource["resource"]["attributes"][0]["value"]["stringValue"], "ours");
        for span in resource["scopeSpans"][0]["spans"].as_array().unwrap() {
            assert_eq!(span["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
            spans.insert(span["name"].as_str().unwrap().to_owned(), span.clone());
        }
    }
    let root = &spans["RUN orders"];
    assert_eq!(root["parentSpanId"], "00f067aa0ba902b7");
    assert_eq!(root["status"], json!({"message": "Bad", "code": 2}));
    for state in ["A", "B"] {
        assert_eq!(spans[state]["parentSpanId"], root["spanId"]);
    }
    let root_id = root["spanId"].clone();
    an_inner_execution_is_part_of_the_attempt(port, &arn, &root_id, &requests);
    // Counts.
    let metrics = get(port, "/metrics").unwrap();
    let samples = samples(metrics.split_once("\r\n\r\n").unwrap().1);
    let is = |name: &str, value: f64| assert_eq!(samples.get(name), Some(&value), "{name}: {metrics}");
    is(r#"shipway_executions_started_total{machine="orders",type="standard"}"#, 2.0);
    is(r#"shipway_executions_ended_total{machine="orders",type="standard",status="failed"}"#, 2.0);
    is(r#"shipway_executions_running{machine="orders",type="standard"}"#, 0.0);
    is(r#"shipway_execution_duration_seconds_count{machine="orders",type="standard"}"#, 2.0);
    is(r#"shipway_tasks_ended_total{kind="service",outcome="succeeded"}"#, 1.0);
    is(r#"shipway_api_requests_total{action="StartExecution",code="OK"}"#, 2.0);
    is("shipway_store_commits_waiting", 0.0);
    let described = call(port, "DescribeExecution", &json!({"executionArn": execution}), "");
    assert!(described["traceHeader"].as_str().unwrap().starts_with("Root=1-4bf92f35-77b3"), "{described}");
    server.signal(Signal::TERM);
    server.end().ends(0);
}

fn an_inner_execution_is_part_of_the_attempt(
    port: u16,
    inner: &str,
    known: &Value,
    requests: &mpsc::Receiver<Value>,
) {
    let states = json!({"A": {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution", "End": true,
        "Parameters": {"StateMachineArn": inner, "Name": "two", "Input": {}}}});
    let outer = machine(port, "outer", "STANDARD", &states);
    start(port, &outer, "one", "");
    let mut spans: Vec<Value> = Vec::new();
    let find = |spans: &[Value], name: &str| {
        spans.iter().find(|span| span["name"] == name && span["spanId"] != *known).cloned()
    };
    while find(&spans, "RUN orders").is_none() || find(&spans, "RUN outer").is_none() {
        let request = requests.recv_timeout(SPAN_TIME_MAX).unwrap();
        spans.extend(request["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().clone());
    }
    let (outer, inner) = (find(&spans, "RUN outer").unwrap(), find(&spans, "RUN orders").unwrap());
    let attempt = find(&spans, "states:startExecution").unwrap();
    assert_eq!(outer.get("parentSpanId"), None);
    assert_eq!(inner["parentSpanId"], attempt["spanId"]);
    for span in [&attempt, &inner] {
        assert_eq!(span["traceId"], outer["traceId"]);
    }
}

/// Samples by series, of a text that is as Prometheus wants it.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let (mut kinds, mut helps) = (BTreeMap::new(), BTreeSet::new());
    let mut samples = BTreeMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(kind != "counter" || name.ends_with("_total"), "{line}");
            assert!(kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "twice: {line}");
            continue;
        }
        if let Some(rest) = line.strip_prefix("# HELP ") {
            assert!(helps.insert(rest.split_once(' ').unwrap().0.to_owned()), "twice: {line}");
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line}"));
        let name = series.split('{').next().unwrap();
        let base =
            ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        let kind = kinds.get(name).or_else(|| kinds.get(base)).unwrap_or_else(|| panic!("no TYPE: {line}"));
        assert!(helps.contains(if kinds.contains_key(name) { name } else { base }), "no HELP: {line}");
        assert!(kind == "histogram" || kinds.contains_key(name), "{line}");
        let value: f64 = value.parse().unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(samples.insert(series.to_owned(), value).is_none(), "twice: {line}");
    }
    for (series, value) in samples.iter().filter(|(series, _)| series.contains("le=\"+Inf\"")) {
        let count =
            series.replace("_bucket", "_count").replace(",le=\"+Inf\"", "").replace("{le=\"+Inf\"}", "");
        assert_eq!(samples.get(&count), Some(value), "{series}");
    }
    samples
}

#[test]
fn a_killed_server_loses_no_line_and_repeats_none() {
    let world = World::new();
    let server = serve(&world, &[]);
    let first = port(&world);
    let states =
        json!({"A": {"Type": "Wait", "Seconds": 1, "Next": "B"}, "B": {"Type": "Pass", "End": true}});
    let standard = machine(first, "standard", "STANDARD", &states);
    let express = machine(first, "express", "EXPRESS", &states);
    let mut executions = Vec::new();
    for n in 0..20 {
        executions.push(start(first, &standard, &n.to_string(), ""));
        executions.push(start(first, &express, &n.to_string(), ""));
    }
    server.signal(Signal::KILL);
    server.end();
    let server = serve(&world, &[]);
    let second = port(&world);
    executions.push(start(second, &standard, "after", ""));
    let is_over = || {
        let logged = logged(&world);
        executions.iter().all(|arn| {
            logged
                .get(arn)
                .and_then(|lines| lines.last())
                .is_some_and(|(_, kind)| kind == "ExecutionSucceeded")
        })
    };
    assert!((0..LOOKS_MAX).any(|_| {
        // A call that changes nothing, so that looking takes its time.
        call(second, "ListStateMachines", &json!({}), "");
        is_over()
    }));
    server.signal(Signal::TERM);
    server.end().ends(0);
    let logged = logged(&world);
    assert_eq!(logged.len(), executions.len());
    for (arn, lines) in &logged {
        let ids: Vec<u64> = lines.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids, (1..=6).collect::<Vec<u64>>(), "{arn}: {lines:?}");
    }
}
