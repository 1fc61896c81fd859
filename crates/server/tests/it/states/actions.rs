//! What the recordings do not show: paging, tokens, versions by weight, time-outs, races, damage.

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use shipway_engine::StartExecution;

use super::service::{ACCOUNT, REGION, Service};

fn pass() -> Value {
    json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}})
}

fn arn(kind: &str, name: &str) -> String {
    format!("arn:aws:states:{REGION}:{ACCOUNT}:{kind}:{name}")
}

#[tokio::test(start_paused = true)]
async fn lists_come_in_pages_that_end() {
    let service = Service::new(&[], true).await;
    for number in 0..5 {
        service.good("CreateActivity", json!({"name": format!("a{number}")})).await;
    }
    let mut names = Vec::new();
    let mut request = json!({"maxResults": 2});
    loop {
        let answer = service.good("ListActivities", request.clone()).await;
        let page = answer["activities"].as_array().unwrap();
        names.extend(page.iter().map(|one| one["name"].as_str().unwrap().to_owned()));
        let Some(token) = answer.get("nextToken") else { break };
        request["nextToken"] = token.clone();
    }
    assert_eq!(names, ["a0", "a1", "a2", "a3", "a4"]);
    request["nextToken"] = "abc".into();
    assert!(service.bad("ListActivities", request.clone()).await.starts_with("InvalidToken"));
    let other = service.bad("ListStateMachines", request).await;
    assert!(other.starts_with("InvalidToken"), "{other}");
}

#[tokio::test(start_paused = true)]
async fn a_history_reads_the_same_from_both_ends() {
    let service = Service::new(&[], true).await;
    let machine = service.machine("m", &pass(), "STANDARD").await;
    let run = service.good("StartExecution", json!({"stateMachineArn": machine})).await;
    let pages = async |reverse: bool, size: usize| {
        let mut ids: Vec<u64> = Vec::new();
        let mut request =
            json!({"executionArn": run["executionArn"], "maxResults": size, "reverseOrder": reverse});
        loop {
            let answer = service.good("GetExecutionHistory", request.clone()).await;
            ids.extend(
                answer["events"].as_array().unwrap().iter().map(|event| event["id"].as_u64().unwrap()),
            );
            let Some(token) = answer.get("nextToken") else { return ids };
            request["nextToken"] = token.clone();
        }
    };
    for size in [1, 2, 3, 4, 5] {
        assert_eq!(pages(false, size).await, [1, 2, 3, 4]);
        assert_eq!(pages(true, size).await, [4, 3, 2, 1]);
    }
    let request = json!({"executionArn": run["executionArn"], "includeExecutionData": false});
    let answer = service.good("GetExecutionHistory", request).await;
    assert!(
        !answer.to_string().contains("\"input\"") && !answer.to_string().contains("\"output\""),
        "{answer}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_activity_worker_gets_its_task_and_answers_it_once() {
    let service = Service::new(&[], true).await;
    let activity = service.good("CreateActivity", json!({"name": "a"})).await["activityArn"].clone();
    assert_eq!(service.good("GetActivityTask", json!({"activityArn": activity})).await, json!({}));
    let definition = json!({"StartAt": "A", "States": {"A": {
        "Type": "Task", "Resource": activity, "TimeoutSeconds": 60, "HeartbeatSeconds": 10, "End": true,
    }}});
    let machine = service.machine("m", &definition, "STANDARD").await;
    let run = service.good("StartExecution", json!({"stateMachineArn": machine, "input": "{\"a\":1}"})).await;
    let task = service.good("GetActivityTask", json!({"activityArn": activity, "workerName": "w"})).await;
    assert_eq!(task["input"], "{\"a\":1}");
    let answer = json!({"taskToken": task["taskToken"]});
    service.good("SendTaskHeartbeat", answer).await;
    let answer = json!({"taskToken": task["taskToken"], "output": "{\"b\":2}"});
    service.good("SendTaskSuccess", answer.clone()).await;
    assert!(service.bad("SendTaskSuccess", answer).await.starts_with("TaskTimedOut"));
    let unknown = json!({"taskToken": "x", "output": "1"});
    assert!(service.bad("SendTaskSuccess", unknown).await.starts_with("InvalidToken"));
    let end = service.good("DescribeExecution", json!({"executionArn": run["executionArn"]})).await;
    assert_eq!((&end["status"], &end["output"]), (&json!("SUCCEEDED"), &json!("{\"b\":2}")));
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_falls_silent_loses_its_task() {
    let service = Service::new(&[], true).await;
    let activity = service.good("CreateActivity", json!({"name": "a"})).await["activityArn"].clone();
    let definition = json!({"StartAt": "A", "States": {"A": {
        "Type": "Task", "Resource": activity, "TimeoutSeconds": 60, "HeartbeatSeconds": 10, "End": true,
    }}});
    let machine = service.machine("m", &definition, "STANDARD").await;
    let run = service.good("StartExecution", json!({"stateMachineArn": machine})).await;
    let task = service.good("GetActivityTask", json!({"activityArn": activity})).await;
    // WHY: the poll for a second task takes a minute of virtual time.
    assert_eq!(service.good("GetActivityTask", json!({"activityArn": activity})).await, json!({}));
    let end = service.good("DescribeExecution", json!({"executionArn": run["executionArn"]})).await;
    assert_eq!((&end["status"], &end["error"]), (&json!("FAILED"), &json!("States.Timeout")), "{end}");
    let late = json!({"taskToken": task["taskToken"]});
    assert!(service.bad("SendTaskHeartbeat", late).await.starts_with("TaskTimedOut"));
}

#[tokio::test(start_paused = true)]
async fn versions_and_aliases_lead_executions() {
    let service = Service::new(&[], true).await;
    let machine = service.machine("m", &pass(), "STANDARD").await;
    let one = service.good("PublishStateMachineVersion", json!({"stateMachineArn": machine})).await;
    let again = service.good("PublishStateMachineVersion", json!({"stateMachineArn": machine})).await;
    assert_eq!(one, again);
    let definition = json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": 2, "End": true}}});
    let update = json!({"stateMachineArn": machine, "definition": definition.to_string(), "publish": true});
    let two = service.good("UpdateStateMachine", update).await["stateMachineVersionArn"].clone();
    let stale = json!({"stateMachineArn": machine, "revisionId": "INITIAL"});
    assert!(service.bad("PublishStateMachineVersion", stale).await.starts_with("ConflictException"));
    let routes = json!([
        {"stateMachineVersionArn": one["stateMachineVersionArn"], "weight": 50},
        {"stateMachineVersionArn": two, "weight": 50},
    ]);
    let alias = json!({"name": "live", "routingConfiguration": routes});
    let alias = service.good("CreateStateMachineAlias", alias).await["stateMachineAliasArn"].clone();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let run = service.good("StartExecution", json!({"stateMachineArn": alias})).await;
        let run = service.good("DescribeExecution", json!({"executionArn": run["executionArn"]})).await;
        assert_eq!(run["stateMachineAliasArn"], alias);
        seen.insert((run["stateMachineVersionArn"].to_string(), run["output"].to_string()));
    }
    assert_eq!(seen.len(), 2, "{seen:?}");
    let of_alias = service.good("ListExecutions", json!({"stateMachineArn": alias})).await;
    assert_eq!(of_alias["executions"].as_array().unwrap().len(), 20);
    let refused = service.bad("DeleteStateMachineVersion", json!({"stateMachineVersionArn": two})).await;
    assert!(refused.contains("[live]"), "{refused}");
    let described = service.good("DescribeStateMachineAlias", json!({"stateMachineAliasArn": alias})).await;
    assert_eq!(described["routingConfiguration"], routes);
    let change = json!({"stateMachineAliasArn": alias, "routingConfiguration": [{"stateMachineVersionArn": two, "weight": 100}]});
    service.good("UpdateStateMachineAlias", change).await;
    service
        .good("DeleteStateMachineVersion", json!({"stateMachineVersionArn": one["stateMachineVersionArn"]}))
        .await;
    service.good("DeleteStateMachineAlias", json!({"stateMachineAliasArn": alias})).await;
    let gone = service.bad("DescribeStateMachineAlias", json!({"stateMachineAliasArn": alias})).await;
    assert!(gone.starts_with("ResourceNotFound"), "{gone}");
}

#[tokio::test(start_paused = true)]
async fn express_machines_answer_synchronously_and_keep_no_history() {
    let service = Service::new(&[], true).await;
    let machine = service.machine("m", &pass(), "EXPRESS").await;
    let request = json!({"stateMachineArn": machine, "input": "{\"a\":1}", "name": "n"});
    let answer = service.good("StartSyncExecution", request.clone()).await;
    assert_eq!((&answer["status"], &answer["output"]), (&json!("SUCCEEDED"), &json!("{\"a\":1}")));
    assert_eq!(answer["billingDetails"]["billedMemoryUsedInMB"], 64);
    let run = service.good("StartExecution", request).await["executionArn"].clone();
    assert!(run.as_str().unwrap().starts_with(&arn("express", "m:n:")), "{run}");
    for action in ["DescribeExecution", "GetExecutionHistory", "StopExecution"] {
        let refused = service.bad(action, json!({"executionArn": run})).await;
        assert!(refused.starts_with("InvalidArn"), "{action}: {refused}");
    }
    let refused = service.bad("ListExecutions", json!({"stateMachineArn": machine})).await;
    assert!(refused.starts_with("StateMachineTypeNotSupported"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn an_express_execution_ends_after_five_minutes() {
    let service = Service::new(&[], true).await;
    let definition = json!({"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 900, "End": true}}});
    let machine = service.machine("m", &definition, "EXPRESS").await;
    let answer = service.good("StartSyncExecution", json!({"stateMachineArn": machine})).await;
    assert_eq!(answer["status"], "TIMED_OUT");
    let seconds = answer["stopDate"].as_f64().unwrap() - answer["startDate"].as_f64().unwrap();
    assert!((299.0..302.0).contains(&seconds), "{seconds}");
}

#[tokio::test(start_paused = true)]
async fn a_name_is_taken_once_its_execution_has_ended() {
    let service = Service::new(&[], true).await;
    let machine = service.machine("m", &pass(), "STANDARD").await;
    let request = json!({"stateMachineArn": machine, "name": "n"});
    service.good("StartExecution", request.clone()).await;
    let refused = service.bad("StartExecution", request).await;
    assert!(refused.starts_with("ExecutionAlreadyExists"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_machine_ends_its_executions_and_its_name_begins_anew() {
    let service = Service::new(&[], true).await;
    let definition = json!({"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 900, "End": true}}});
    let machine = service.machine("m", &definition, "STANDARD").await;
    let run = service.good("StartExecution", json!({"stateMachineArn": machine})).await;
    service.good("DeleteStateMachine", json!({"stateMachineArn": machine})).await;
    let gone = service.bad("DescribeStateMachine", json!({"stateMachineArn": machine})).await;
    assert!(gone.starts_with("StateMachineDoesNotExist"), "{gone}");
    let end = service.good("DescribeExecution", json!({"executionArn": run["executionArn"]})).await;
    assert_eq!(end["status"], "ABORTED");
    service.machine("m", &pass(), "STANDARD").await;
    let runs = service.good("ListExecutions", json!({"stateMachineArn": machine})).await;
    assert_eq!(runs["executions"], json!([]));
    let run = service.good("StartExecution", json!({"stateMachineArn": machine})).await;
    let end = service.good("DescribeExecution", json!({"executionArn": run["executionArn"]})).await;
    assert_eq!(end["status"], "SUCCEEDED");
}

#[tokio::test(start_paused = true)]
async fn of_many_racing_clients_each_is_answered_and_nothing_is_lost() {
    let service = Service::new(&[], true).await;
    let machine = service.machine("m", &pass(), "STANDARD").await;
    let tags = (0..16).map(|number| {
        let tags = json!([{"key": number.to_string(), "value": "v"}]);
        service.good("TagResource", json!({"resourceArn": machine, "tags": tags}))
    });
    futures_util::future::join_all(tags).await;
    let answer = service.good("ListTagsForResource", json!({"resourceArn": machine})).await;
    assert_eq!(answer["tags"].as_array().unwrap().len(), 16);
    let versions =
        (0..16).map(|_| service.good("PublishStateMachineVersion", json!({"stateMachineArn": machine})));
    let versions = futures_util::future::join_all(versions).await;
    assert!(versions.iter().all(|version| version == &versions[0]), "{versions:?}");
}

#[tokio::test(start_paused = true)]
async fn shipways_own_machines_can_be_looked_at_and_nothing_else() {
    let service = Service::new(&[], true).await;
    service.engine.put_machine("deployer", &pass().to_string()).await.unwrap();
    let machine = arn("stateMachine", "deployer");
    service.good("DescribeStateMachine", json!({"stateMachineArn": machine})).await;
    for name in ["a", "e"] {
        service.machine(name, &pass(), "STANDARD").await;
    }
    let mut request = json!({"maxResults": 1});
    let page = service.good("ListStateMachines", request.clone()).await;
    request["nextToken"] = page["nextToken"].clone();
    let next = service.good("ListStateMachines", request).await;
    assert_eq!(
        (&page["stateMachines"][0]["name"], &next["stateMachines"][0]["name"]),
        (&json!("a"), &json!("e"))
    );
    assert_eq!(next.get("nextToken"), None);
    let role = format!("arn:aws:iam::{ACCOUNT}:role/r");
    let start = StartExecution {
        machine: "deployer".to_owned(),
        name: "n".to_owned(),
        input: json!({}),
        records: Vec::new(),
    };
    let run = service.engine.start(start).await.unwrap().arn;
    service.good("DescribeExecution", json!({"executionArn": run})).await;
    let calls = [
        ("StopExecution", json!({"executionArn": run})),
        ("RedriveExecution", json!({"executionArn": run})),
        ("StartExecution", json!({"stateMachineArn": machine})),
        ("DeleteStateMachine", json!({"stateMachineArn": machine})),
        ("UpdateStateMachine", json!({"stateMachineArn": machine, "roleArn": role})),
        ("PublishStateMachineVersion", json!({"stateMachineArn": machine})),
        ("TagResource", json!({"resourceArn": machine, "tags": []})),
    ];
    for (action, request) in calls {
        let refused = service.bad(action, request).await;
        assert!(refused.starts_with("AccessDeniedException"), "{action}: {refused}");
    }
}

#[tokio::test(start_paused = true)]
async fn test_state_runs_one_state() {
    let service = Service::new(&[], true).await;
    let state = json!({"Type": "Pass", "Result": {"a": 1}, "Next": "B"}).to_string();
    let answer = service.good("TestState", json!({"definition": state})).await;
    assert_eq!(answer, json!({"output": "{\"a\":1}", "nextState": "B", "status": "SUCCEEDED"}));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_call_is_refused_in_the_protocol() {
    let service = Service::new(&[], true).await;
    let call = |target: &str, body: Vec<u8>| {
        Request::post("/").header("x-amz-target", target).body(Body::from(body)).unwrap()
    };
    let list = "AWSStepFunctions.ListActivities";
    let cases = [
        (call("AWSStepFunctions.Nothing", b"{}".to_vec()), 400, "UnknownOperationException"),
        (call("Other.ListActivities", b"{}".to_vec()), 400, "UnknownOperationException"),
        (call(list, b"{".to_vec()), 400, "SerializationException"),
        (call(list, vec![0xff, 0xfe]), 400, "SerializationException"),
        (call(list, b"[]".to_vec()), 400, "SerializationException"),
        (call(list, vec![b' '; (1 << 20) + 1]), 413, "RequestEntityTooLargeException"),
    ];
    for (request, status, code) in cases {
        let (given, answer) = service.ask(request).await;
        assert_eq!((given, &answer["__type"]), (StatusCode::from_u16(status).unwrap(), &json!(code)));
    }
    assert_eq!(service.ask(call(list, Vec::new())).await.0, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_users_machine_with_the_name_of_a_deployer_is_taken_over() {
    let service = Service::new(&[], true).await;
    let machine = service.machine("deployer", &pass(), "EXPRESS").await;
    service.engine.put_machine("deployer", &pass().to_string()).await.unwrap();
    let refused = service.bad("StartExecution", json!({"stateMachineArn": machine})).await;
    assert!(refused.starts_with("AccessDeniedException"), "{refused}");
}
