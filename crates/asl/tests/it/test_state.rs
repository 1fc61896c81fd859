//! `TestState`: claims about rules. The shared cases are run by `cargo xtask conformance asl`.

use std::cell::RefCell;

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use shipway_asl::test_state::{
    Caller, Exchange, FieldValidationMode, HttpRequest, HttpResponse, Outcome, PendingTask, Refusal, Request,
    Shapes, run,
};
use shipway_asl::{Moment, Timestamp};

fn at() -> Moment {
    Moment { now: Timestamp::parse("2026-11-21T04:00:00Z").unwrap(), seed: 7 }
}

fn caller() -> Caller {
    Caller { account: "111111111111".to_owned(), region: "us-east-1".to_owned() }
}

/// Takes every result, or refuses all with one message; remembers what it is asked.
#[derive(Default)]
struct Known {
    refusal: Option<String>,
    asked: RefCell<Vec<(String, Value, FieldValidationMode)>>,
}

impl Shapes for Known {
    fn check(&self, resource: &str, result: &Value, mode: FieldValidationMode) -> Result<(), String> {
        self.asked.borrow_mut().push((resource.to_owned(), result.clone(), mode));
        self.refusal.clone().map_or(Ok(()), Err)
    }
}

const PASS: &str = r#"{"Type":"Pass","End":true}"#;
const TASK: &str = r#"{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage","Next":"Away",
    "Parameters":{"QueueUrl":"q","MessageBody":"m"},
    "Retry":[{"ErrorEquals":["Other"],"MaxAttempts":9},
             {"ErrorEquals":["E"],"IntervalSeconds":2,"BackoffRate":3,"MaxAttempts":2}],
    "Catch":[{"ErrorEquals":["F"],"Next":"OnF"},{"ErrorEquals":["E"],"ResultPath":"$.error","Next":"OnE"}]}"#;
const MAP: &str = r#"{"Type":"Map","ItemsPath":"$.list","MaxConcurrency":2,"ToleratedFailurePercentage":50,
    "ItemSelector":{"at.$":"$$.Map.Item.Index","is.$":"$$.Map.Item.Value","all.$":"$.list"},
    "ItemProcessor":{"StartAt":"In","States":{"In":{"Type":"Pass","End":true}}},"End":true}"#;
const PARALLEL: &str = r#"{"Type":"Parallel","End":true,"Branches":[
    {"StartAt":"Left","States":{"Left":{"Type":"Pass","End":true}}}]}"#;

fn start(request: &Value) -> Result<Outcome, Refusal> {
    let request: Request = serde_json::from_value(request.clone()).unwrap();
    run(&request, &caller(), &Known::default(), at())
}

/// The answer as JSON, or the refusal as text.
fn answer(request: &Value) -> String {
    match start(request) {
        Err(refusal) => refusal.to_string(),
        Ok(Outcome::Done(response)) => serde_json::to_string(&*response).unwrap(),
        Ok(Outcome::Task(pending)) => format!("task {}", pending.task.resource),
        Ok(Outcome::Wait(pending)) => format!("wait until {}", pending.due),
    }
}

#[allow(clippy::needless_pass_by_value, reason = "the macro gives a value")]
fn check(request: &Value, expected: Expect) {
    expected.assert_eq(&answer(request));
}

fn mocked(definition: &str, result: &str) -> Value {
    json!({"definition": definition, "inspectionLevel": "DEBUG", "mock": {"result": result}})
}

fn failing(definition: &str, error: &str) -> Value {
    let mock = json!({"errorOutput": {"error": error, "cause": "why"}});
    json!({"definition": definition, "inspectionLevel": "DEBUG", "mock": mock})
}

fn with(mut request: Value, field: &str, value: Value) -> Value {
    request[field] = value;
    request
}

#[test]
fn states_without_work_take_no_mock() {
    let choice =
        r#"{"Type":"Choice","Choices":[{"Variable":"$.a","IsPresent":true,"Next":"A"}],"Default":"B"}"#;
    let wait = r#"{"Type":"Wait","Seconds":1,"End":true}"#;
    for (kind, definition) in [
        ("Pass", PASS),
        ("Succeed", r#"{"Type":"Succeed"}"#),
        ("Fail", r#"{"Type":"Fail"}"#),
        ("Choice", choice),
        ("Wait", wait),
    ] {
        let refusal =
            format!("ValidationException: State type '{kind}' is not supported when a mock is specified");
        assert_eq!(answer(&mocked(definition, "{}")), refusal);
        assert_eq!(answer(&failing(definition, "E")), refusal);
    }
}

#[test]
fn forks_need_a_mock() {
    for definition in [MAP, PARALLEL] {
        check(
            &json!({"definition": definition}),
            expect![
                "InvalidDefinition: TestState API does not support Map or Parallel states. Supported state types include: [Task, Wait, Pass, Succeed, Fail, Choice]"
            ],
        );
    }
}

#[test]
fn tasks_that_are_answered_later_need_a_mock() {
    for resource in [
        "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "arn:aws:states:::states:startExecution.sync:2",
        "arn:aws:states:::glue:startJobRun.sync",
        "arn:aws:states:us-east-1:111111111111:activity:walk",
    ] {
        let parameters = json!({"QueueUrl": "q", "MessageBody": "m", "StateMachineArn": "a", "JobName": "j"});
        let definition =
            json!({"Type": "Task", "Resource": resource, "Parameters": parameters, "End": true}).to_string();
        let request = json!({"definition": definition, "roleArn": "r"});
        let refusal = format!(
            "ValidationException: TestState does not support resource '{resource}' when a mock is not specified."
        );
        assert_eq!(answer(&request), refusal);
    }
}

#[test]
fn a_mock_holds_a_result_or_an_error() {
    let request = json!({"definition": TASK, "mock": {"fieldValidationMode": "NONE"}});
    check(
        &request,
        expect![
            "ValidationException: A test mock should have one of the following fields: [result, errorOutput]."
        ],
    );
}

#[test]
fn a_retrier_takes_the_error_until_it_is_used_up() {
    let tried =
        |count: u32| with(failing(TASK, "E"), "stateConfiguration", json!({"retrierRetryCount": count}));
    check(
        &failing(TASK, "E"),
        expect![[
            r#"{"error":"E","cause":"why","inspectionData":{"input":"{}","afterInputPath":"{}","afterParameters":"{\"QueueUrl\":\"q\",\"MessageBody\":\"m\"}","errorDetails":{"retryIndex":1,"retryBackoffIntervalSeconds":2}},"status":"RETRIABLE"}"#
        ]],
    );
    check(
        &tried(1),
        expect![[
            r#"{"error":"E","cause":"why","inspectionData":{"input":"{}","afterInputPath":"{}","afterParameters":"{\"QueueUrl\":\"q\",\"MessageBody\":\"m\"}","errorDetails":{"retryIndex":1,"retryBackoffIntervalSeconds":6}},"status":"RETRIABLE"}"#
        ]],
    );
    check(
        &tried(2),
        expect![[
            r#"{"output":"{\"error\":{\"Error\":\"E\",\"Cause\":\"why\"}}","error":"E","cause":"why","inspectionData":{"input":"{}","afterInputPath":"{}","afterParameters":"{\"QueueUrl\":\"q\",\"MessageBody\":\"m\"}","errorDetails":{"catchIndex":1}},"nextState":"OnE","status":"CAUGHT_ERROR"}"#
        ]],
    );
}

#[test]
fn an_error_that_nothing_takes_fails_the_state() {
    check(
        &failing(TASK, "G"),
        expect![[
            r#"{"error":"G","cause":"why","inspectionData":{"input":"{}","afterInputPath":"{}","afterParameters":"{\"QueueUrl\":\"q\",\"MessageBody\":\"m\"}"},"status":"FAILED"}"#
        ]],
    );
}

#[test]
fn a_state_that_leads_to_itself_is_left_once() {
    let definition = r#"{"StartAt":"Again","States":{"End":{"Type":"Succeed"},"Again":{"Type":"Choice",
        "Choices":[{"Variable":"$.done","IsPresent":true,"Next":"End"}],"Default":"Again"}}}"#;
    check(
        &json!({"definition": definition, "stateName": "Again"}),
        expect![[r#"{"output":"{}","nextState":"Again","status":"SUCCEEDED"}"#]],
    );
}

#[test]
fn findings_in_a_single_state_name_its_place() {
    let found = answer(&json!({"definition": "{"}));
    assert!(found.starts_with("InvalidDefinition: Invalid State Machine Definition: '"), "{found}");
    let found = answer(&json!({"definition": r#"{"Type":"Pass","InputPath":7,"Next":"B"}"#}));
    assert!(
        found.starts_with("InvalidDefinition: Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: ")
    );
    assert!(found.ends_with(" at /States/StateName/InputPath'"), "{found}");
}

#[test]
fn a_wait_is_handed_to_the_caller() {
    let request = json!({"definition": r#"{"Type":"Wait","Seconds":90,"Next":"B"}"#, "input": "[1,  2]"});
    let wait = || match start(&request) {
        Ok(Outcome::Wait(pending)) => *pending,
        other => panic!("{other:?}"),
    };
    assert_eq!(wait().due, at().now.plus_millis(90_000));
    let waited = serde_json::to_string(&wait().finish(at())).unwrap();
    expect![[r#"{"output":"[1,  2]","nextState":"B","status":"SUCCEEDED"}"#]].assert_eq(&waited);
    let timed_out = serde_json::to_string(&wait().time_out()).unwrap();
    expect![[r#"{"error":"States.Timeout","status":"FAILED"}"#]].assert_eq(&timed_out);
}

fn pending(level: &str) -> PendingTask {
    let definition = r#"{"Type":"Task","Resource":"arn:aws:states:::http:invoke","End":true,
        "Parameters":{"Method":"GET","ApiEndpoint":"https://example.com","Authentication":{"ConnectionArn":"arn:aws:events:us-east-1:1:connection/c/1"}}}"#;
    let request =
        json!({"definition": definition, "roleArn": "r", "inspectionLevel": level, "revealSecrets": true});
    match start(&request) {
        Ok(Outcome::Task(pending)) => *pending,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_unmocked_task_is_handed_to_the_caller() {
    let task = pending("DEBUG");
    assert!(task.reveals_secrets);
    assert_eq!(task.task.parameters["Method"], json!("GET"));
    let failed = task.finish(Err(("E".to_owned(), None)), Exchange::default(), at());
    assert_eq!(failed.error.as_deref(), Some("E"));
    assert_eq!(failed.cause, None);
    assert_eq!(pending("INFO").time_out().error.as_deref(), Some("States.Timeout"));
}

#[test]
fn what_an_http_task_sent_is_told_at_trace_only() {
    let exchange = Exchange {
        request: Some(HttpRequest { method: "GET".to_owned(), ..HttpRequest::default() }),
        response: Some(HttpResponse { status_code: "200".to_owned(), ..HttpResponse::default() }),
    };
    let told =
        |level: &str| pending(level).finish(Ok(json!({"ok": 1})), exchange.clone(), at()).inspection_data;
    let trace = told("TRACE").unwrap();
    assert_eq!(trace.request.unwrap().method, "GET");
    assert_eq!(trace.response.unwrap().status_code, "200");
    assert_eq!(told("DEBUG").unwrap().request, None);
    assert_eq!(told("INFO"), None);
}

const CALLBACK: &str = r#"{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage.waitForTaskToken","End":true,
    "Parameters":{"QueueUrl":"q","MessageBody":{"token.$":"$$.Task.Token"}}}"#;

#[test]
fn a_callback_sees_the_token_of_the_context() {
    let request = with(mocked(CALLBACK, "{}"), "context", json!(r#"{"Task":{"Token":"abc"}}"#));
    check(
        &request,
        expect![[
            r#"{"output":"{}","inspectionData":{"input":"{}","afterInputPath":"{}","afterParameters":"{\"QueueUrl\":\"q\",\"MessageBody\":{\"token\":\"abc\"}}","result":"{}","afterResultSelector":"{}","afterResultPath":"{}"},"status":"SUCCEEDED"}"#
        ]],
    );
    let found = answer(&mocked(CALLBACK, "{}"));
    assert!(found.contains("SUCCEEDED"), "a token is made up if none is given: {found}");
}

#[test]
fn services_are_asked_about_results() {
    let mock = json!({"result": "[1]", "fieldValidationMode": "PRESENT"});
    let request = serde_json::from_value(json!({"definition": TASK, "mock": mock})).unwrap();
    let known = Known { refusal: Some("no".to_owned()), ..Known::default() };
    let refusal = run(&request, &caller(), &known, at()).unwrap_err();
    assert_eq!(refusal.to_string(), "ValidationException: no");
    let resource = "arn:aws:states:::sqs:sendMessage".to_owned();
    assert_eq!(known.asked.into_inner(), [(resource, json!([1]), FieldValidationMode::Present)]);
}

const NESTED: &str = r#"{"StartAt":"Map","States":{"Map":{"Type":"Map","End":true,
    "ItemProcessor":{"StartAt":"Fork","States":{"Fork":{"Type":"Parallel","End":true,"Branches":[
        {"StartAt":"Deep","States":{"Deep":{"Type":"Pass","Parameters":{"map.$":"$$.Map"},"Next":"Last"},
                                    "Last":{"Type":"Pass","Parameters":{"v.$":"$v"},"Assign":{"w.$":"$.v"},"End":true}}}]}}}}}}"#;

#[test]
fn a_state_within_a_map_sees_an_item() {
    let request = json!({"definition": NESTED, "stateName": "Deep", "input": "[5]"});
    check(
        &request,
        expect![[
            r#"{"output":"{\"map\":{\"Item\":{\"Index\":0,\"Value\":[5]}}}","nextState":"Last","status":"SUCCEEDED"}"#
        ]],
    );
}

#[test]
fn variables_are_those_given_and_those_set() {
    let request = json!({"definition": NESTED, "stateName": "Last", "inspectionLevel": "DEBUG", "variables": r#"{"v": 3, "w": 0}"#});
    let found: Value = serde_json::from_str(&answer(&request)).unwrap();
    assert_eq!(found["inspectionData"]["variables"], r#"{"v":3,"w":3}"#);
    assert_eq!(found["status"], "SUCCEEDED");
    check(
        &with(request, "variables", json!("[1]")),
        expect![
            "ValidationException: Variables must be a valid JSON object: invalid type: sequence, expected a map at line 1 column 0"
        ],
    );
}

#[test]
fn a_map_tells_the_input_of_each_iteration() {
    let request = with(mocked(MAP, "[7,8]"), "input", json!(r#"{"list":["a","b"]}"#));
    check(
        &request,
        expect![[
            r#"{"output":"[7,8]","inspectionData":{"input":"{\"list\":[\"a\",\"b\"]}","afterInputPath":"{\"list\":[\"a\",\"b\"]}","afterItemSelector":"[{\"at\":0,\"is\":\"a\",\"all\":[\"a\",\"b\"]},{\"at\":1,\"is\":\"b\",\"all\":[\"a\",\"b\"]}]","afterItemsPath":"[\"a\",\"b\"]","afterResultSelector":"[7,8]","afterResultPath":"[7,8]","maxConcurrency":2,"toleratedFailurePercentage":50.0},"status":"SUCCEEDED"}"#
        ]],
    );
}

#[test]
fn a_map_bears_failures_up_to_its_limit() {
    let failed = |count: u64| {
        let request = with(mocked(MAP, "[7,8]"), "input", json!(r#"{"list":["a","b"]}"#));
        let found = answer(&with(request, "stateConfiguration", json!({"mapIterationFailureCount": count})));
        serde_json::from_str::<Value>(&found)
            .map_or(found, |found| found["status"].as_str().unwrap().to_owned())
    };
    assert_eq!(failed(1), "SUCCEEDED");
    assert_eq!(failed(2), "FAILED");
    assert_eq!(
        failed(3),
        "ValidationException: Map iteration failure count must be less than or equal to the number of Map iterations"
    );
}

#[test]
fn the_configuration_fits_the_state() {
    let configured = |request: Value, field: &str, value: Value| {
        answer(&with(request, "stateConfiguration", json!({field: value})))
    };
    let found = [
        configured(mocked(TASK, "{}"), "mapIterationFailureCount", json!(0)),
        configured(mocked(TASK, "{}"), "mapItemReaderData", json!("[]")),
        configured(failing(TASK, "E"), "errorCausedByState", json!("In")),
        configured(failing(PARALLEL, "E"), "errorCausedByState", json!("In")),
        configured(json!({"definition": TASK}), "retrierRetryCount", json!(1)),
        configured(json!({"definition": MAP}), "errorCausedByState", json!("In")),
    ];
    expect![[r#"
        ValidationException: TestState supports MapIterationFailureCount only for Map states.
        ValidationException: TestState supports MapItemReaderData only for Map states.
        ValidationException: TestState supports ErrorCausedByState only for Map and Parallel states.
        ValidationException: State 'In' in errorCausedByState not found in the tested state
        ValidationException: TestState does not support RetrierRetryCount when a mock is not specified.
        ValidationException: TestState does not support ErrorCausedByState when a mock is not specified."#]]
    .assert_eq(&found.join("\n"));
    assert!(configured(failing(PARALLEL, "E"), "errorCausedByState", json!("Left")).contains("FAILED"));
}

#[test]
fn documents_are_checked_before_anything_runs() {
    let found = [
        answer(&json!({"definition": PASS, "stateName": ""})),
        answer(&json!({"definition": PASS, "stateName": "s".repeat(81)})),
        answer(&json!({"definition": PASS, "input": "{"})),
        answer(&json!({"definition": PASS, "input": format!("\"{}\"", "x".repeat(262_144))})),
        answer(&json!({"definition": PASS, "context": "[]"})),
        answer(&json!({"definition": PASS, "context": r#"{"State":{"RetryCount":"1"}}"#})),
        answer(&json!({"definition": PASS, "context": r#"{"Execution":7}"#})),
        answer(&json!({"definition": PASS, "context": r#"{"Task":{"Token":"t"}}"#})),
    ];
    expect![[r#"
        ValidationException: 1 validation error detected: Value at 'stateName' failed to satisfy constraint: Member must have length greater than or equal to 1
        ValidationException: 1 validation error detected: Value at 'stateName' failed to satisfy constraint: Member must have length less than or equal to 80
        InvalidExecutionInput: Invalid State Machine Execution Input: 'Unexpected end-of-input: expected close marker for Object (start marker at [Source: (String)"{"; line: 1, column: 1])'
        ValidationException: 1 validation error detected: Value at 'input' failed to satisfy constraint: Member must have length less than or equal to 262144
        ValidationException: Invalid Context object provided: Context object must be a JSON object
        ValidationException: Invalid Context object provided: State.RetryCount must be a number
        ValidationException: Invalid Context object provided: Execution must be an object
        ValidationException: Invalid Context object provided: Context object contains 'Task' when state is not a Task state with a '.sync' or '.waitForTaskToken' service integration pattern"#]].assert_eq(&found.join("\n"));
}

#[test]
fn the_same_test_gives_the_same_answer() {
    let definition = r#"{"Type":"Pass","Parameters":{"all.$":"$$","id.$":"States.UUID()"},"End":true}"#;
    let request = json!({"definition": definition});
    assert_eq!(answer(&request), answer(&request));
}

#[test]
fn garbage_is_refused_whole() {
    for end in 0..NESTED.len() {
        let request = json!({"definition": NESTED[..end], "stateName": "Deep", "input": NESTED[..end]});
        assert!(start(&request).is_err());
    }
}
