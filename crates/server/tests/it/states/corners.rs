//! Odd corners of the API: activities that go away, children of Map Runs, tokens that are too old, bounds of pages,
//! histories that are full.

use std::time::Duration;

use serde_json::{Value, json};

use super::service::Service;

/// A resource whose tasks give their parameters back.
const ECHO: &str = "arn:aws:lambda:us-east-1:111111111111:function:echo";

/// A machine that goes from a state, by `Again`, to the state.
fn goes_round(state: &Value) -> Value {
    let again = json!({
        "Type": "Choice",
        "Choices": [{"Variable": "$.stop", "IsPresent": true, "Next": "Stop"}],
        "Default": "Round",
    });
    json!({"StartAt": "Round", "States": {"Round": state, "Again": again, "Stop": {"Type": "Succeed"}}})
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_runs_notices_that_an_activity_has_gone() {
    let service = Service::new(&[], true).await;
    let activity = async |name: &str| {
        let made = service.good("CreateActivity", json!({"name": name})).await;
        text(&made["activityArn"]).to_owned()
    };
    let (first, second) = (activity("first").await, activity("second").await);
    let machine = json!({"StartAt": "A", "States": {
        "A": {"Type": "Task", "Resource": first, "Next": "B"},
        "B": {"Type": "Task", "Resource": second, "End": true},
    }});
    let machine = service.machine("m", &machine, "STANDARD").await;
    let run = service.good("StartExecution", json!({"stateMachineArn": machine})).await;
    let task = service.good("GetActivityTask", json!({"activityArn": first})).await;
    service.good("DeleteActivity", json!({"activityArn": second})).await;
    service.good("SendTaskSuccess", json!({"taskToken": task["taskToken"], "output": "1"})).await;
    let found = service.good("DescribeExecution", json!({"executionArn": run["executionArn"]})).await;
    assert_eq!(found["status"], "FAILED", "{found}");
    assert!(text(&found["cause"]).contains(&second), "{found}");
}

#[tokio::test(start_paused = true)]
async fn a_child_of_a_map_run_is_told_the_machine_of_its_map_state() {
    let service = Service::new(&[], true).await;
    let child = json!({"StartAt": "I", "States": {"I": {"Type": "Pass", "End": true}}});
    let mut processor = child.clone();
    processor["ProcessorConfig"] = json!({"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"});
    let map = json!({"Type": "Map", "Label": "each", "ItemProcessor": processor, "End": true});
    // The Map state stands in a branch: a name is there once, wherever.
    let branch = json!({"StartAt": "M", "States": {"M": map}});
    let machine =
        json!({"StartAt": "P", "States": {"P": {"Type": "Parallel", "Branches": [branch], "End": true}}});
    let machine = service.machine("m", &machine, "STANDARD").await;
    let run = service.good("StartExecution", json!({"stateMachineArn": machine, "input": "[1, 2]"})).await;
    let runs = service.good("ListMapRuns", json!({"executionArn": run["executionArn"]})).await;
    let map_run = &runs["mapRuns"][0]["mapRunArn"];
    tokio::time::sleep(Duration::from_secs(1)).await;
    let children = service.good("ListExecutions", json!({"mapRunArn": map_run})).await;
    let children = children["executions"].as_array().unwrap();
    assert_eq!(children.len(), 2);
    assert!(children.iter().all(|one| one["mapRunArn"] == *map_run));
    let of = json!({"executionArn": children[0]["executionArn"]});
    let told = service.good("DescribeStateMachineForExecution", of).await;
    assert_eq!((&told["mapRunArn"], &told["label"]), (map_run, &json!("each")));
    assert_eq!(told["stateMachineArn"], format!("{machine}/each"));
    let definition: Value = serde_json::from_str(text(&told["definition"])).unwrap();
    assert_eq!((&definition["StartAt"], &definition["States"]), (&child["StartAt"], &child["States"]));
    let none = service.good("ListExecutions", json!({"mapRunArn": map_run, "statusFilter": "FAILED"})).await;
    assert_eq!(none["executions"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_page_token_is_good_for_a_day() {
    let service = Service::new(&[], true).await;
    for name in ["a", "b"] {
        service.good("CreateActivity", json!({"name": name})).await;
    }
    let first = service.good("ListActivities", json!({"maxResults": 1})).await;
    let next = json!({"maxResults": 1, "nextToken": first["nextToken"]});
    tokio::time::sleep(Duration::from_secs(86_000)).await;
    assert_eq!(service.good("ListActivities", next.clone()).await["activities"][0]["name"], "b");
    tokio::time::sleep(Duration::from_secs(500)).await;
    assert!(service.bad("ListActivities", next).await.starts_with("InvalidToken"));
}

#[tokio::test(start_paused = true)]
async fn pages_have_none_to_a_thousand_members_and_tokens_are_of_their_call() {
    let service = Service::new(&[], true).await;
    let machine = json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}});
    let arn = service.machine("m", &machine, "STANDARD").await;
    let run = service.good("StartExecution", json!({"stateMachineArn": arn})).await;
    let lists = [
        ("ListActivities", json!({})),
        ("ListStateMachines", json!({})),
        ("ListExecutions", json!({"stateMachineArn": arn})),
        ("ListStateMachineVersions", json!({"stateMachineArn": arn})),
        ("ListStateMachineAliases", json!({"stateMachineArn": arn})),
        ("ListMapRuns", json!({"executionArn": run["executionArn"]})),
        ("GetExecutionHistory", json!({"executionArn": run["executionArn"]})),
    ];
    for (action, request) in lists {
        for most in [0, 1, 1_000] {
            let mut request = request.clone();
            request["maxResults"] = most.into();
            service.good(action, request).await;
        }
        for most in [-1, 1_001] {
            let mut request = request.clone();
            request["maxResults"] = most.into();
            assert!(service.bad(action, request).await.starts_with("ValidationException"), "{action} {most}");
        }
        for token in ["x", "00", "6162636465666768", "\u{0}", "é"] {
            let mut request = request.clone();
            request["nextToken"] = token.into();
            assert!(service.bad(action, request).await.starts_with("InvalidToken"), "{action} {token}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_history_ends_at_its_quota_and_reads_the_same_from_both_ends() {
    let service = Service::new(&[], true).await;
    let machine = goes_round(&json!({"Type": "Pass", "Next": "Again"}));
    let machine = service.machine("m", &machine, "STANDARD").await;
    let run =
        service.good("StartExecution", json!({"stateMachineArn": machine})).await["executionArn"].clone();
    let found = service.good("DescribeExecution", json!({"executionArn": run})).await;
    assert_eq!(found["status"], "FAILED");
    assert!(text(&found["cause"]).contains("25000"), "{found}");
    let pages = async |reverse: bool, has_data: bool| {
        let mut request = json!({
            "executionArn": run, "maxResults": 1_000, "reverseOrder": reverse, "includeExecutionData": has_data,
        });
        let mut ids = Vec::new();
        loop {
            let answer = service.good("GetExecutionHistory", request.clone()).await;
            ids.extend(
                answer["events"].as_array().unwrap().iter().map(|event| event["id"].as_u64().unwrap()),
            );
            let Some(token) = answer.get("nextToken") else { return ids };
            request["nextToken"] = token.clone();
        }
    };
    let all: Vec<u64> = (1..=25_000).collect();
    let back: Vec<u64> = all.iter().rev().copied().collect();
    assert!(
        pages(false, true).await == all
            && pages(true, true).await == back
            && pages(false, false).await == all
    );
}

#[tokio::test(start_paused = true)]
async fn a_history_that_grows_while_it_is_read_repeats_and_misses_nothing() {
    let service = Service::new(&[], true).await;
    let mut machine = goes_round(&json!({"Type": "Wait", "Seconds": 1, "Next": "Again"}));
    machine["TimeoutSeconds"] = 20.into();
    let machine = service.machine("m", &machine, "STANDARD").await;
    let run =
        service.good("StartExecution", json!({"stateMachineArn": machine})).await["executionArn"].clone();
    // It grows faster than it is read, until it ends.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let mut request = json!({"executionArn": run, "maxResults": 2});
    let mut ids = Vec::new();
    loop {
        let answer = service.good("GetExecutionHistory", request.clone()).await;
        ids.extend(answer["events"].as_array().unwrap().iter().map(|event| event["id"].as_u64().unwrap()));
        let Some(token) = answer.get("nextToken") else { break };
        request["nextToken"] = token.clone();
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    assert!(ids.len() > 20, "{ids:?}");
    assert_eq!(ids, (1..=ids.len() as u64).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn test_state_calls_what_a_task_would_call() {
    let service = Service::new(&[ECHO.to_owned()], true).await;
    let state = json!({"Type": "Task", "Resource": ECHO, "End": true}).to_string();
    let request =
        json!({"definition": state, "roleArn": "arn:aws:iam::111111111111:role/r", "input": r#"{"a": 1}"#});
    let answer = service.good("TestState", request).await;
    let output: Value = serde_json::from_str(text(&answer["output"])).unwrap();
    assert_eq!((&answer["status"], output), (&json!("SUCCEEDED"), json!({"a": 1})));
}
