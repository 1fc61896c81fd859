//! Functions in real processes: what they are told and answer, time-outs, crashes, several at once, and nothing left over.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command, sync::Arc, time::Duration};

use serde_json::{Value, json};
use shipway_asl::Timestamp;
use shipway_control::{
    function::{Function, Invocation, Outcome, Runner, Runtime, Settings, Unfinished, Variables},
    host::LogQuery,
};
use shipway_host::function::{Config, LocalFunctions};
use tokio_util::sync::CancellationToken;

use crate::host_kit::{FIXTURE, until};

/// A data directory, code, and the functions over them.
pub struct Bench {
    dir: tempfile::TempDir,
    functions: LocalFunctions,
    stop: CancellationToken,
}

impl Bench {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("code")).unwrap();
        let mut config = Config::new(dir.path().join("data"), FIXTURE);
        change(&mut config);
        let stop = CancellationToken::new();
        Self { functions: LocalFunctions::new(config, stop.clone()).unwrap(), dir, stop }
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.dir.path().join("code").join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn function(&self, runtime: Runtime, handler: &str) -> Function {
        let settings = Settings {
            runtime,
            handler: handler.to_owned(),
            directory: self.dir.path().join("code"),
            timeout_seconds: 30,
            concurrency: 2,
            memory_mb: 128,
            env: Variables([("GREETING".to_owned(), "hello".to_owned())].into()),
        };
        Function {
            name: "f".to_owned(),
            settings,
            revision: "1".to_owned(),
            actor: "ana".to_owned(),
            registered_at: Timestamp(0),
            leased_until: None,
        }
    }

    /// A Python function of this code.
    fn python(&self, code: &str) -> Function {
        self.write("app.py", code);
        self.function(Runtime::Python, "app.handler")
    }

    async fn call(&self, function: &Function, payload: &Value) -> Outcome {
        self.functions.invoke(function, invocation("id-1", payload)).await.unwrap()
    }

    async fn said(&self) -> Vec<String> {
        let query = LogQuery { lines: 1_000, ..LogQuery::default() };
        let page = self.functions.logs("f", &query).await.unwrap();
        page.lines.into_iter().map(|line| line.text).collect()
    }

    /// Ends all, and sees to it that nothing is left.
    async fn end(self) {
        self.stop.cancel();
        self.functions.stopped().await;
        assert_eq!(left(self.dir.path()), Vec::<String>::new());
    }
}

fn invocation(id: &str, payload: &Value) -> Invocation {
    Invocation {
        request_id: id.to_owned(),
        payload: payload.to_string().into_bytes(),
        client_context: Some(r#"{"custom": {"a": "b"}}"#.to_owned()),
        arn: "arn:aws:lambda:us-east-1:000000000000:function:f".to_owned(),
        trace_id: "Root=1-0-0".to_owned(),
    }
}

fn json(outcome: &Outcome) -> Value {
    serde_json::from_slice(&outcome.payload).unwrap_or_else(|_| panic!("{}", text(&outcome.payload)))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Living processes whose directory or environment has to do with this one.
fn left(dir: &Path) -> Vec<String> {
    let found = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let path = entry.ok()?.path();
        let cwd = fs::read_link(path.join("cwd")).ok()?;
        let stat = fs::read_to_string(path.join("stat")).ok()?;
        let is_over = stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z'));
        (cwd.starts_with(dir) && !is_over).then(|| text(&fs::read(path.join("cmdline")).unwrap_or_default()))
    });
    found.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_python_function_is_told_its_call_and_keeps_what_it_has() {
    let bench = Bench::new();
    let code = "import os\ncalls = 0\ndef handler(event, context):\n    global calls\n    calls += 1\n    print('called')\n\
                \x20   left = context.get_remaining_time_in_millis()\n\
                \x20   return {'event': event, 'calls': calls, 'id': context.aws_request_id, 'name': context.function_name,\n\
                \x20     'memory': context.memory_limit_in_mb, 'arn': context.invoked_function_arn, 'env': os.environ['GREETING'],\n\
                \x20     'group': context.log_group_name, 'custom': context.client_context.custom, 'is_left': 0 < left <= 30000,\n\
                \x20     'trace': os.environ['_X_AMZN_TRACE_ID'], 'cwd': os.getcwd() == os.environ['LAMBDA_TASK_ROOT']}\n";
    let function = bench.python(code);
    let first = bench.call(&function, &json!({"n": 1})).await;
    let expected = json!({
        "event": {"n": 1}, "calls": 1, "id": "id-1", "name": "f", "memory": "128", "env": "hello",
        "arn": "arn:aws:lambda:us-east-1:000000000000:function:f", "group": "/aws/lambda/f",
        "custom": {"a": "b"}, "is_left": true, "trace": "Root=1-0-0", "cwd": true,
    });
    assert_eq!(json(&first), expected);
    assert!(!first.is_failure);
    let tail = text(&first.log_tail);
    let lines: Vec<&str> = tail.lines().collect();
    assert_eq!(lines[..3], ["START RequestId: id-1 Version: $LATEST", "called", "END RequestId: id-1"]);
    assert!(lines[3].contains("Init Duration"), "{tail}");
    let second = bench.call(&function, &json!({"n": 2})).await;
    assert_eq!(json(&second)["calls"], 2, "the same process");
    assert!(!text(&second.log_tail).contains("Init Duration"));
    assert_eq!(bench.said().await.iter().filter(|line| *line == "called").count(), 2);
    assert_eq!(bench.functions.usage("f").processes, 1);
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_python_error_has_lambdas_shape() {
    let bench = Bench::new();
    let code = "class Oops(Exception):\n    pass\ndef handler(event, context):\n    if event == 1:\n        return {1, 2}\n\
                \x20   raise Oops('no')\n";
    let function = bench.python(code);
    let outcome = bench.call(&function, &json!(0)).await;
    assert!(outcome.is_failure);
    let error = json(&outcome);
    assert_eq!((&error["errorType"], &error["errorMessage"]), (&json!("Oops"), &json!("no")));
    assert_eq!(error["requestId"], "id-1");
    let frame = error["stackTrace"].as_array().unwrap().last().unwrap().as_str().unwrap().to_owned();
    assert!(frame.contains("app.py\", line 6, in handler\n    raise Oops('no')"), "{frame}");
    let outcome = bench.call(&function, &json!(1)).await;
    assert_eq!(json(&outcome)["errorType"], "Runtime.MarshalError");
    assert_eq!(
        json(&outcome)["errorMessage"],
        "Unable to marshal response: Object of type set is not JSON serializable"
    );
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_cannot_be_loaded_fails_its_call_by_name() {
    for (code, handler, kind) in [
        ("import nothing_of_that_name", "app.handler", "Runtime.ImportModuleError"),
        ("def handler(:", "app.handler", "Runtime.UserCodeSyntaxError"),
        ("x = 1", "app.handler", "Runtime.HandlerNotFound"),
        ("raise ValueError('early')", "app.handler", "ValueError"),
        ("import sys; sys.exit(3)", "app.handler", "Runtime.ExitError"),
    ] {
        let bench = Bench::new();
        bench.write("app.py", code);
        let outcome = bench.call(&bench.function(Runtime::Python, handler), &json!({})).await;
        assert!(outcome.is_failure);
        assert_eq!(json(&outcome)["errorType"], kind, "{code}: {}", text(&outcome.payload));
        bench.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_runs_out_of_time_ends_with_all_that_it_has_started() {
    let bench = Bench::new();
    let code = "import subprocess, threading\ndef handler(event, context):\n    if event == 'quick':\n        return 'ok'\n\
                \x20   subprocess.Popen(['sleep', '1000'])\n    subprocess.Popen(['setsid', 'sleep', '1000'])\n\
                \x20   threading.Event().wait()\n";
    let mut function = bench.python(code);
    function.settings.timeout_seconds = 1;
    let outcome = bench.call(&function, &json!({})).await;
    let expected = json!({
        "errorType": "Sandbox.Timedout",
        "errorMessage": "RequestId: id-1 Error: Task timed out after 1.00 seconds",
    });
    assert_eq!((json(&outcome), outcome.is_failure), (expected, true));
    assert_eq!(left(&bench.dir.path().join("code")), Vec::<String>::new());
    assert!(text(&outcome.log_tail).contains("id-1 Task timed out after 1.00 seconds"));
    let again = bench.call(&function, &json!("quick")).await;
    assert_eq!(json(&again), "ok", "the next call has another process");
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_ends_in_the_middle_fails_its_call() {
    let bench = Bench::new();
    let function =
        bench.python("import os\ndef handler(event, context):\n    print('last words')\n    os._exit(7)\n");
    let outcome = bench.call(&function, &json!({})).await;
    let expected = json!({
        "errorType": "Runtime.ExitError",
        "errorMessage": "RequestId: id-1 Error: Runtime exited with error: exit status 7",
    });
    assert_eq!((json(&outcome), outcome.is_failure), (expected, true));
    assert!(bench.said().await.iter().any(|line| line.contains("Error Type: Runtime.ExitError")));
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_run_at_once_up_to_the_limit_and_no_further() {
    let bench = Bench::new();
    let code = "import os, time\ndef handler(event, context):\n    open(event['mine'], 'w').close()\n\
                \x20   while not os.path.exists('go'):\n        time.sleep(0.005)\n    return os.getpid()\n";
    let function = Arc::new(bench.python(code));
    let start = |name: &str| {
        let (functions, function) = (bench.functions.clone(), Arc::clone(&function));
        let invocation = invocation(name, &json!({"mine": name}));
        tokio::spawn(async move { functions.invoke(&function, invocation).await.unwrap() })
    };
    let (one, two) = (start("one"), start("two"));
    let code = bench.dir.path().join("code");
    until(async || code.join("one").exists() && code.join("two").exists()).await;
    let refused = bench.functions.invoke(&function, invocation("three", &json!({}))).await;
    assert_eq!(refused, Err(Unfinished::Busy));
    assert_eq!(bench.functions.usage("f").busy, 2);
    fs::write(code.join("go"), "").unwrap();
    let (one, two) = (one.await.unwrap(), two.await.unwrap());
    assert_ne!(one.payload, two.payload, "a process each");
    bench.functions.place_freed("f").await;
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_may_have_six_mebibytes_and_no_more() {
    let bench = Bench::new();
    let function = bench.python("def handler(event, context):\n    return 'x' * event\n");
    let most = 6 * 1024 * 1024 + 100 - 2;
    let outcome = bench.call(&function, &json!(most)).await;
    assert_eq!((outcome.payload.len(), outcome.is_failure), (most + 2, false));
    let outcome = bench.call(&function, &json!(most + 1)).await;
    assert_eq!(json(&outcome)["errorType"], "Function.ResponseSizeTooLarge");
    assert!(outcome.is_failure);
    assert_eq!(bench.call(&function, &json!(1)).await.payload, b"\"x\"", "the process goes on");
    bench.end().await;
}

/// A process that speaks the Runtime API by hand, with a shell and Python's HTTP client only.
const BOOTSTRAP: &str = r#"#!/usr/bin/env python3
import http.client, os
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
def ask(method, path, body=None, headers={}):
    api.request(method, "/2018-06-01/runtime" + path, body, headers)
    response = api.getresponse()
    return response, response.read()
while True:
    call, event = ask("GET", "/invocation/next")
    mine = "/invocation/" + call.headers["Lambda-Runtime-Aws-Request-Id"]
    if event == b'"error"':
        ask("POST", mine + "/error", b"plain", {"Lambda-Runtime-Function-Error-Type": "Custom.Kind"})
        continue
    again, _ = ask("GET", "/invocation/next")
    other, _ = ask("POST", "/invocation/other/response", b"1")
    page, _ = ask("GET", "/nothing")
    web, _ = ask("GET", "/invocation/next", headers={"Origin": "http://evil.example"})
    told = f'[{again.status}, {other.status}, {page.status}, {web.status}, {event.decode()}, "{os.environ["_HANDLER"]}"]'
    ask("POST", mine + "/response", told)
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_custom_runtime_speaks_the_runtime_api() {
    let bench = Bench::new();
    bench.write("bootstrap", BOOTSTRAP);
    let function = bench.function(Runtime::Provided, "own");
    bench.functions.check(&function.settings).unwrap();
    let outcome = bench.call(&function, &json!({"a": 1})).await;
    assert_eq!(json(&outcome), json!([403, 400, 404, 403, {"a": 1}, "own"]));
    let outcome = bench.call(&function, &json!("error")).await;
    assert_eq!(json(&outcome), json!({"errorType": "Custom.Kind", "errorMessage": "plain"}));
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_is_not_there_is_refused() {
    let bench = Bench::new();
    let function = bench.function(Runtime::Provided, "");
    assert!(bench.functions.check(&function.settings).unwrap_err().to_string().contains("bootstrap"));
    let gone = Settings { directory: "/nowhere/at/all".into(), ..function.settings };
    assert!(bench.functions.check(&gone).unwrap_err().to_string().contains("no directory"));
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_nobody_needs_ends() {
    let bench = Bench::with(|config| config.idle_max = Duration::ZERO);
    let function = bench.python("def handler(event, context):\n    return 1\n");
    bench.call(&function, &json!({})).await;
    until(async || {
        bench.functions.usage("f").processes == 0 && left(&bench.dir.path().join("code")).is_empty()
    })
    .await;
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_registration_has_processes_of_its_own() {
    let bench = Bench::new();
    let mut function = bench.python("def handler(event, context):\n    return 'old'\n");
    assert_eq!(json(&bench.call(&function, &json!({})).await), "old");
    bench.write("app.py", "def handler(event, context):\n    return 'new code'\n");
    function.revision = "2".to_owned();
    bench.functions.retire("f", Some("2"));
    assert_eq!(json(&bench.call(&function, &json!({})).await), "new code");
    bench.functions.retire("f", None);
    until(async || left(&bench.dir.path().join("code")).is_empty()).await;
    bench.functions.forget("f").await;
    assert!(bench.said().await.is_empty());
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn node_functions_answer_in_every_way_that_lambda_knows() {
    if Command::new("node").arg("--version").output().is_err() {
        println!("skipped: node is not installed");
        return;
    }
    let bench = Bench::new();
    let code = "let calls = 0;\n\
        exports.later = async (event, context) => ({ event, calls: ++calls, id: context.awsRequestId, \
          isLeft: context.getRemainingTimeInMillis() > 0 });\n\
        exports.call = (event, context, callback) => { setTimeout(() => callback(null, 'called'), 1); };\n\
        exports.fail = async () => { class Oops extends Error { constructor(m) { super(m); this.name = 'Oops'; } } \
          throw new Oops('no'); };\n\
        exports.nothing = () => {};\n\
        exports.forgot = () => new Promise(() => {});\n\
        exports.reject = () => { Promise.reject(new Error('lost')); return new Promise(() => setInterval(() => {}, 1000)); };\n\
        exports.circle = async () => { const a = {}; a.a = a; return a; };\n";
    bench.write("index.js", code);
    bench.write("module.mjs", "export const handler = async (event) => `esm ${event}`;\n");
    let call = async |handler: &str, payload: Value| {
        let mut function = bench.function(Runtime::Node, handler);
        function.revision = handler.to_owned();
        bench.call(&function, &payload).await
    };
    let later = call("index.later", json!({"n": 1})).await;
    assert_eq!(json(&later), json!({"event": {"n": 1}, "calls": 1, "id": "id-1", "isLeft": true}));
    assert_eq!(json(&call("index.call", json!({})).await), "called");
    assert_eq!(json(&call("module.handler", json!("x")).await), "esm x");
    assert_eq!(json(&call("index.nothing", json!({})).await), Value::Null);
    assert_eq!(json(&call("index.forgot", json!({})).await), Value::Null);
    let failed = call("index.fail", json!({})).await;
    let error = json(&failed);
    assert_eq!((&error["errorType"], &error["errorMessage"]), (&json!("Oops"), &json!("no")));
    assert!(failed.is_failure && error["trace"][0].as_str().unwrap().starts_with("Oops: no"), "{error}");
    for (handler, kind) in [
        ("index.reject", "Runtime.UnhandledPromiseRejection"),
        ("index.circle", "Runtime.MarshalError"),
        ("index.absent", "Runtime.HandlerNotFound"),
        ("absent.handler", "Runtime.ImportModuleError"),
    ] {
        assert_eq!(json(&call(handler, json!({})).await)["errorType"], kind, "{handler}");
    }
    bench.end().await;
}
