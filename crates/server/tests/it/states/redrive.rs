//! `RedriveExecution` in the protocol, and what other actions tell of redrives.

use serde_json::{Value, json};

use super::service::{ACCOUNT, REGION, Service};

fn arn(kind: &str, name: &str) -> String {
    format!("arn:aws:states:{REGION}:{ACCOUNT}:{kind}:{name}")
}

async fn describe(service: &Service, arn: &str) -> Value {
    service.good("DescribeExecution", json!({"executionArn": arn})).await
}

async fn has_ended(service: &Service, arn: &str) -> Value {
    loop {
        let found = describe(service, arn).await;
        if found["status"] != "RUNNING" {
            return found;
        }
    }
}

/// The token of the next task of the activity.
async fn lease(service: &Service) -> String {
    let task = service.good("GetActivityTask", json!({"activityArn": arn("activity", "work")})).await;
    task["taskToken"].as_str().unwrap().to_owned()
}

async fn failed_activity(service: &Service) -> (String, String) {
    service.good("CreateActivity", json!({"name": "work"})).await;
    let definition = json!({"StartAt": "A", "States": {
        "A": {"Type": "Pass", "Next": "W"},
        "W": {"Type": "Task", "Resource": arn("activity", "work"), "End": true}}});
    let machine = service.machine("m", &definition, "STANDARD").await;
    let started = service.good("StartExecution", json!({"stateMachineArn": machine, "name": "a"})).await;
    let arn = started["executionArn"].as_str().unwrap().to_owned();
    let refused = service.bad("RedriveExecution", json!({"executionArn": arn})).await;
    assert_eq!(
        refused,
        format!(
            "ExecutionNotRedrivable: Execution {arn} invalid for redrive as: Execution is RUNNING and cannot be redriven"
        )
    );
    let token = lease(service).await;
    service.good("SendTaskFailure", json!({"taskToken": token, "error": "E", "cause": "C"})).await;
    (arn, token)
}

#[tokio::test(start_paused = true)]
async fn an_execution_is_redriven_once_for_a_client_token() {
    let service = Service::new(&[], true).await;
    let (arn, old) = failed_activity(&service).await;
    let failed = has_ended(&service, &arn).await;
    assert_eq!(
        (&failed["redriveCount"], &failed["redriveStatus"], failed.get("redriveDate")),
        (&json!(0), &json!("REDRIVABLE"), None)
    );
    let redrive = |token: &str| json!({"executionArn": arn, "clientToken": token});
    let answer = service.good("RedriveExecution", redrive("one")).await;
    let running = describe(&service, &arn).await;
    assert_eq!((&running["status"], &running["redriveDate"]), (&json!("RUNNING"), &answer["redriveDate"]));
    assert_eq!(running["redriveStatusReason"], "Execution is RUNNING and cannot be redriven");
    for gone in ["stopDate", "error", "cause"] {
        assert_eq!(running.get(gone), None, "{gone}");
    }
    assert_eq!(service.good("RedriveExecution", redrive("one")).await, answer);
    let late = service.bad("SendTaskSuccess", json!({"taskToken": old, "output": "{}"})).await;
    assert!(late.starts_with("TaskTimedOut"), "{late}");
    let token = lease(&service).await;
    service.good("SendTaskSuccess", json!({"taskToken": token, "output": "7"})).await;
    let done = has_ended(&service, &arn).await;
    assert_eq!(
        (&done["status"], &done["output"], &done["redriveCount"]),
        (&json!("SUCCEEDED"), &json!("7"), &json!(1))
    );
    assert_eq!(service.good("RedriveExecution", redrive("one")).await, answer);
    let refused = service.bad("RedriveExecution", redrive("two")).await;
    assert!(refused.ends_with("Execution is SUCCEEDED and cannot be redriven"), "{refused}");

    let history = service.good("GetExecutionHistory", json!({"executionArn": arn})).await;
    let events = history["events"].as_array().unwrap();
    let at = events.iter().position(|event| event["type"] == "ExecutionRedriven").unwrap();
    assert_eq!(events[at]["executionRedrivenEventDetails"], json!({"redriveCount": 1}));
    assert_eq!(events[at]["previousEventId"], events[at - 1]["id"]);
    let entered = events.iter().find(|event| event["type"] == "TaskStateEntered").unwrap();
    assert_eq!(events[at + 1]["previousEventId"], entered["id"]);
    let list = service.good("ListExecutions", json!({"stateMachineArn": done["stateMachineArn"]})).await;
    let item = &list["executions"][0];
    assert_eq!((&item["redriveCount"], &item["redriveDate"]), (&json!(1), &answer["redriveDate"]));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_standard_execution_is_refused_as_by_aws() {
    let service = Service::new(&[], true).await;
    let machine = service
        .machine("m", &json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}), "STANDARD")
        .await;
    let cases = [
        (arn("execution", "m:none"), "ExecutionDoesNotExist: Execution Does Not Exist: '"),
        (
            arn("express", "m:a:b"),
            "InvalidArn: Invalid Arn: 'Resource type not valid in this context: express'",
        ),
        ("x".to_owned(), "InvalidArn: "),
    ];
    for (execution, expected) in cases {
        let refused = service.bad("RedriveExecution", json!({"executionArn": execution})).await;
        assert!(refused.starts_with(expected), "{refused}");
    }
    let lists = [
        (
            json!({"redriveFilter": "REDRIVEN"}),
            "RedriveFilter cannot be applied to ListExecutions call with StateMachine ARN",
        ),
        (
            json!({"statusFilter": "PENDING_REDRIVE"}),
            "cannot be applied to ListExecutions call with StateMachine ARN",
        ),
    ];
    for (mut request, expected) in lists {
        request["stateMachineArn"] = machine.clone().into();
        let refused = service.bad("ListExecutions", request).await;
        assert!(refused.starts_with("ValidationException") && refused.ends_with(expected), "{refused}");
    }
}

/// Children with this input fail until they are redriven: only then is there a time of a redrive.
fn map() -> Value {
    json!({"StartAt": "M", "States": {"M": {"Type": "Map", "Label": "L", "End": true, "MaxConcurrency": 1,
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "C", "States": {
            "C": {"Type": "Choice", "Choices": [{"Variable": "$", "StringEquals": "bad", "Next": "B"}], "Default": "G"},
            "B": {"Type": "Pass", "Parameters": {"at.$": "$$.Execution.RedriveTime"}, "ResultPath": null, "End": true},
            "G": {"Type": "Pass", "End": true}}}}}})
}

#[tokio::test(start_paused = true)]
async fn a_map_run_and_its_children_tell_of_redrives() {
    let service = Service::new(&[], true).await;
    let machine = service.machine("m", &map(), "STANDARD").await;
    let input = json!(["good", "bad", "good"]).to_string();
    let started = service.good("StartExecution", json!({"stateMachineArn": machine, "input": input})).await;
    let parent = started["executionArn"].as_str().unwrap();
    assert_eq!(has_ended(&service, parent).await["error"], "States.ExceedToleratedFailureThreshold");
    let runs = service.good("ListMapRuns", json!({"executionArn": parent})).await;
    let run = runs["mapRuns"][0]["mapRunArn"].clone();
    let children = |filter: Value| {
        let mut request = json!({"mapRunArn": run});
        request.as_object_mut().unwrap().extend(filter.as_object().unwrap().clone());
        request
    };
    let listed = service.good("ListExecutions", children(json!({"statusFilter": "FAILED"}))).await;
    let child = listed["executions"][0]["executionArn"].as_str().unwrap().to_owned();
    assert_eq!(listed["executions"][0]["itemCount"], 1);
    assert_eq!(describe(&service, &child).await["redriveStatus"], "REDRIVABLE_BY_MAP_RUN");
    let refused = service.bad("RedriveExecution", json!({"executionArn": child})).await;
    assert_eq!(refused, "ValidationException: Labeled Execution ARNs are not supported for this API");

    service.good("RedriveExecution", json!({"executionArn": parent})).await;
    let done = has_ended(&service, parent).await;
    assert_eq!((&done["status"], &done["output"]), (&json!("SUCCEEDED"), &json!(input)));
    let shown = service.good("DescribeMapRun", json!({"mapRunArn": run})).await;
    assert_eq!((&shown["redriveCount"], &shown["status"]), (&json!(1), &json!("SUCCEEDED")));
    assert!(shown["redriveDate"].is_number(), "{shown}");
    for (filter, count) in [("REDRIVEN", 1), ("NOT_REDRIVEN", 2)] {
        let listed = service.good("ListExecutions", children(json!({"redriveFilter": filter}))).await;
        assert_eq!(listed["executions"].as_array().unwrap().len(), count, "{filter}");
    }
    let redriven = describe(&service, &child).await;
    assert_eq!(
        (&redriven["redriveCount"], &redriven["redriveStatus"]),
        (&json!(1), &json!("NOT_REDRIVABLE"))
    );
    let history = service.good("GetExecutionHistory", json!({"executionArn": parent})).await;
    let events = history["events"].as_array().unwrap();
    let event = events.iter().find(|event| event["type"] == "MapRunRedriven").unwrap();
    assert_eq!(event["mapRunRedrivenEventDetails"], json!({"mapRunArn": run, "redriveCount": 1}));
}

#[tokio::test(start_paused = true)]
async fn a_child_that_waits_for_its_redrive_is_pending() {
    let service = Service::new(&[], true).await;
    let mut machine = map();
    let processor = &mut machine["States"]["M"]["ItemProcessor"];
    // The Wait is stopped with the parent, and runs again, one child at a time.
    processor["States"]["B"] = json!({"Type": "Wait", "Seconds": 1_000_000, "End": true});
    machine["States"]["M"]["MaxConcurrency"] = 2.into();
    let machine = service.machine("m", &machine, "STANDARD").await;
    let input = json!(["bad", "bad"]).to_string();
    let started = service.good("StartExecution", json!({"stateMachineArn": machine, "input": input})).await;
    let parent = started["executionArn"].as_str().unwrap();
    let runs = service.good("ListMapRuns", json!({"executionArn": parent})).await;
    let run = runs["mapRuns"][0]["mapRunArn"].clone();
    let list = |status: &str| json!({"mapRunArn": run, "statusFilter": status});
    while service.good("ListExecutions", list("RUNNING")).await["executions"].as_array().unwrap().len() < 2 {}
    service.good("UpdateMapRun", json!({"mapRunArn": run, "maxConcurrency": 1})).await;
    service.good("StopExecution", json!({"executionArn": parent})).await;
    service.good("RedriveExecution", json!({"executionArn": parent})).await;
    let pending = loop {
        let listed = service.good("ListExecutions", list("PENDING_REDRIVE")).await;
        if let Some(child) = listed["executions"].get(0) {
            break child.clone();
        }
    };
    assert_eq!(pending["status"], "PENDING_REDRIVE");
    let child = describe(&service, pending["executionArn"].as_str().unwrap()).await;
    assert_eq!(
        (&child["status"], &child["redriveStatus"]),
        (&json!("PENDING_REDRIVE"), &json!("NOT_REDRIVABLE"))
    );
    let shown = service.good("DescribeMapRun", json!({"mapRunArn": run})).await;
    assert_eq!(
        (&shown["executionCounts"]["pendingRedrive"], &shown["itemCounts"]["pendingRedrive"]),
        (&json!(1), &json!(1))
    );
}
