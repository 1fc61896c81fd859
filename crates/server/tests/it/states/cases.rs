//! Conversations recorded against AWS, replayed step by step: the `api` and `create` cases.

use std::{
    collections::BTreeSet,
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
};

use futures_util::FutureExt;
use serde_json::{Value, json};

use super::{
    matching::Bindings,
    service::{ACCOUNT, Answer, REGION, Service},
};

/// Roles that recordings write without their ARN.
const ROLES: &[&str] = &["snf_role_arn_t0", "snf_role_arn_t1", "snf_role_arn", "sfn_role_arn"];
/// Looks at what takes a moment to come about.
const LOOKS_MAX: usize = 100;

/// The folder of the cases: `SHIPWAY_CASES`, or the shared one if it is there.
fn folder() -> Option<PathBuf> {
    let shared = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/asl");
    let folder = std::env::var_os("SHIPWAY_CASES").map_or_else(shared, PathBuf::from);
    folder.is_dir().then_some(folder)
}

fn cases(kind: &str) -> Vec<(String, Value)> {
    let Some(folder) = folder() else {
        eprintln!("skipped: there is no folder `shared/asl` beside the checkout");
        return Vec::new();
    };
    let Ok(entries) = std::fs::read_dir(folder.join(kind)) else {
        eprintln!("skipped: there is no folder `{kind}` among the cases");
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |file: &PathBuf| serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    files.iter().map(|file| (file.file_name().unwrap().to_string_lossy().into_owned(), read(file))).collect()
}

/// Every case of a kind must hold. Says of each how it went, for `cargo xtask conformance api`.
#[allow(clippy::print_stdout, reason = "read by `cargo xtask conformance api`")]
async fn all(kind: &str, run: impl AsyncFn(&Value) -> Result<(), String>) {
    let cases = cases(kind);
    let mut failed = Vec::new();
    for (file, case) in &cases {
        let outcome = AssertUnwindSafe(run(case)).catch_unwind().await;
        let outcome = outcome.unwrap_or_else(|_| Err("panicked".to_owned()));
        let why = outcome.err();
        let id = case["id"].as_str().unwrap_or(file);
        println!("CASE {}", json!({"kind": kind, "case": id, "why": why}));
        failed.extend(why.map(|why| format!("{file}\n    {why}")));
    }
    assert!(failed.is_empty(), "{} of {} fail:\n{}", failed.len(), cases.len(), failed.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn conversations_go_as_they_went_with_aws() {
    all("api", async |case| {
        let steps: Vec<&Value> = case["steps"].as_array().unwrap().iter().collect();
        replay(case, &steps).await
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn definitions_and_settings_are_refused_as_by_aws() {
    all("create", async |case| {
        let request = &case["request"];
        let before = before(case["op"].as_str().unwrap(), request, &case["expected_error"]);
        let step = json!({"op": case["op"], "request": request, "expected_error": case["expected_error"]});
        replay(case, &before.iter().chain([&step]).collect::<Vec<_>>()).await
    })
    .await;
}

/// What must have gone before a call that is recorded alone.
fn before(op: &str, request: &Value, error: &Value) -> Vec<Value> {
    let name = match (op, error["code"].as_str()) {
        ("UpdateStateMachine", _) => request["stateMachineArn"].as_str().unwrap().split(':').nth(6).unwrap(),
        (_, Some("StateMachineAlreadyExists")) => request["name"].as_str().unwrap(),
        _ => return Vec::new(),
    };
    let definition = json!({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}).to_string();
    vec![json!({
        "op": "CreateStateMachine",
        "request": {"name": name, "definition": definition, "roleArn": "snf_role_arn"},
    })]
}

async fn replay(case: &Value, steps: &[&Value]) -> Result<(), String> {
    let error_of = |step: &&&Value| step["expected_error"]["message"].as_str().unwrap_or_default().to_owned();
    let has_logs = !steps.iter().any(|step| error_of(&step).contains("Log Destination not found"));
    let service = Service::new(&resources(steps), has_logs).await;
    let mut bindings = Bindings::new(case["source"]["recorded"].as_str().unwrap_or_default());
    for (number, role) in ROLES.iter().enumerate() {
        bindings.bind(role, format!("arn:aws:iam::{ACCOUNT}:role/{number}"));
    }
    let mut started = 0;
    for (index, step) in steps.iter().enumerate() {
        prepare(&mut bindings, step);
        let op = step["op"].as_str().unwrap();
        let mut looked = 0;
        loop {
            let request = bindings.fill_all(&step["request"]);
            let answer = service.call(op, &request).await;
            if let ("CreateActivity", Some(arn)) = (op, answer.1["activityArn"].as_str()) {
                bindings.bind("activity_arn", arn);
            }
            if op == "StartExecution" {
                // WHY: where the recording does not keep the answer, later calls still name the execution.
                let name = format!("<ExecArnPart_{started}idx>");
                let arn = answer.1["executionArn"].as_str().filter(|_| step.get("expected").is_none());
                if let Some(arn) = arn.filter(|_| !bindings.is_bound(&name)) {
                    bindings.bind(&name, arn.rsplit(':').next().unwrap());
                }
                started += 1;
            }
            let Err(why) = judge(&mut bindings, step, &answer) else { break };
            looked += 1;
            // WHY: the recording left out what its test waited for.
            if looked > LOOKS_MAX || !is_look(op) {
                return Err(format!("step {index} {op} {request}: {why}"));
            }
        }
    }
    Ok(())
}

fn is_look(op: &str) -> bool {
    ["List", "Describe", "GetExecutionHistory"].iter().any(|verb| op.starts_with(verb))
}

/// Names and ARNs that the request itself brings.
fn prepare(bindings: &mut Bindings, step: &Value) {
    let request = &step["request"];
    if let Some(name) = request["name"].as_str().filter(|name| name.starts_with('<') && name.ends_with('>'))
        && !bindings.is_bound(name)
    {
        let words = name.trim_matches(['<', '>']).replace("Part_", "");
        bindings.bind(name, words);
    }
    let error = step["expected_error"]["code"].as_str().unwrap_or_default();
    if !error.ends_with("DoesNotExist") {
        return;
    }
    for (member, value) in request.as_object().into_iter().flatten() {
        let Some(arn) = value.as_str().filter(|arn| member.ends_with("Arn") && !arn.contains(':')) else {
            continue;
        };
        if !bindings.is_bound(arn) {
            let kind = member.trim_end_matches("Arn");
            let names = if kind == "execution" { "missing:missing" } else { "missing" };
            bindings.bind(arn, format!("arn:aws:states:{REGION}:{ACCOUNT}:{kind}:{names}"));
        }
    }
}

fn judge(bindings: &mut Bindings, step: &Value, (status, answer): &Answer) -> Result<(), String> {
    if let Some(error) = step.get("expected_error") {
        let told = json!({"code": answer["__type"], "message": answer["message"]});
        let expected = json!({"code": error["code"], "message": error["message"]});
        let wanted = error["http_status"].as_u64().unwrap_or(400);
        if wanted != u64::from(status.as_u16()) {
            return Err(format!("expected status {wanted} and {expected}, got {status}: {answer}"));
        }
        return bindings.compare(&expected, &told, "error");
    }
    if !status.is_success() {
        return Err(format!("{status}: {answer}"));
    }
    match step.get("expected") {
        Some(expected) => bindings.compare(expected, answer, ""),
        None => Ok(()),
    }
}

/// Resources of all tasks, so that each has a handler.
fn resources(steps: &[&Value]) -> Vec<String> {
    let mut found = BTreeSet::new();
    for step in steps {
        let text = step["request"]["definition"].as_str().unwrap_or_default();
        collect(&serde_json::from_str(text).unwrap_or(Value::Null), &mut found);
    }
    found.into_iter().collect()
}

fn collect(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(resource) = fields.get("Resource").and_then(Value::as_str) {
                found.insert(resource.to_owned());
            }
            fields.values().for_each(|value| collect(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}
