//! Mock files of both forms, and what they answer.

use expect_test::{Expect, expect};

use super::*;

fn task(state: &str) -> ScheduledTask {
    ScheduledTask {
        task: 1,
        state: state.to_owned(),
        resource: "arn:aws:states:::sqs:sendMessage.waitForTaskToken".to_owned(),
        parameters: Value::Null,
        attempt: 0,
        token: None,
        timeout_seconds: None,
        heartbeat_seconds: None,
        actor: Box::default(),
    }
}

fn origin(name: &str, text: &str, case: Option<&str>, machine: Option<&str>) -> Origin {
    let file = std::env::temp_dir().join(format!("shipway-mock-{}-{name}", std::process::id()));
    std::fs::write(&file, text).unwrap();
    Origin {
        file,
        case: case.map(str::to_owned),
        machine: machine.unwrap_or("order").to_owned(),
        is_named: machine.is_some(),
    }
}

fn read(name: &str, text: &str, case: Option<&str>, machine: Option<&str>) -> Result<Cast, String> {
    let origin = origin(name, text, case, machine);
    let loaded = load(&origin);
    let path = origin.file.display().to_string();
    std::fs::remove_file(&origin.file).unwrap();
    loaded.map_err(|failure| {
        let first = &failure.complaints[0];
        let hint = first.hint.as_ref().map_or(String::new(), |hint| format!(" ({hint})"));
        format!("{}{hint}", first.message).replace(&path, "FILE")
    })
}

/// What a state is answered, call by call.
fn answers(mut cast: Cast, state: &str, calls: usize) -> String {
    let one = |_| match cast.answer(&task(state), Timestamp::default()) {
        Err(reason) => reason,
        Ok(answer) => match answer.outcome {
            Some(Ok(result)) => format!("{result} after {} ms", answer.delay_millis),
            Some(Err((error, cause))) => format!("{error} {}", cause.unwrap_or_default()),
            None => "silence".to_owned(),
        },
    };
    (0..calls).map(one).collect::<Vec<_>>().join("\n")
}

/// The example of AWS's guide.
const LOCAL: &str = r#"{
  "StateMachines": {"LambdaSQSIntegration": {"TestCases": {
    "HappyPath": {"LambdaState": "MockedLambdaSuccess", "SQSState": "MockedSQSSuccess"},
    "RetryPath": {"LambdaState": "MockedLambdaRetry", "SQSState": "MockedSQSSuccess"},
    "Broken": {"LambdaState": "Nothing"}
  }}},
  "MockedResponses": {
    "MockedLambdaSuccess": {"0": {"Return": {"StatusCode": 200}}},
    "MockedSQSSuccess": {"0": {"Return": {"MessageId": "m"}}},
    "MockedLambdaRetry": {
      "0": {"Throw": {"Error": "Lambda.ResourceNotReadyException", "Cause": "not ready"}},
      "1-2": {"Throw": {"Error": "Lambda.TimeoutException", "Cause": "timed out"}},
      "3": {"Return": {"StatusCode": 200}}
    }
  }
}"#;

#[test]
fn responses_of_step_functions_local_are_numbered_by_call() {
    let cast = read("retry.json", LOCAL, Some("RetryPath"), None).unwrap();
    expect![[r#"
        Lambda.ResourceNotReadyException not ready
        Lambda.TimeoutException timed out
        Lambda.TimeoutException timed out
        {"StatusCode":200} after 0 ms
        the mock of `LambdaState` has no answer to call 4 (the first is 0)"#]]
    .assert_eq(&answers(cast, "LambdaState", 5));
}

#[test]
fn a_state_that_the_test_case_leaves_out_has_no_mock() {
    let cast = read("none.json", LOCAL, Some("HappyPath"), None).unwrap();
    assert!(
        answers(cast, "Other", 1).contains("state `Other` has no mock, and would call `arn:aws:states:::sqs")
    );
}

#[test]
fn replies_are_given_in_turn_or_always() {
    let text = "mocks:\n  A:\n    - throw: {error: Busy, cause: later}\n      times: 2\n    - return: null\n      after: 1.5\n  B: {never: true}\ncases:\n  other:\n    B: {return: [1]}\n";
    expect![[r#"
        Busy later
        Busy later
        null after 1500 ms
        the mock of `A` has no answer to call 3 (the first is 0)"#]]
    .assert_eq(&answers(read("own.yaml", text, None, None).unwrap(), "A", 4));
    assert_eq!(answers(read("own2.yaml", text, None, None).unwrap(), "B", 2), "silence\nsilence");
    assert_eq!(answers(read("own3.yaml", text, Some("other"), None).unwrap(), "B", 1), "[1] after 0 ms");
}

#[test]
fn a_service_that_is_waited_for_says_that_it_has_begun() {
    let mut cast = read("wait.yaml", "mocks: {A: {return: 1}, B: {throw: {error: E}}}", None, None).unwrap();
    let submitted =
        |cast: &mut Cast, state| cast.answer(&task(state), Timestamp::default()).unwrap().submitted;
    assert_eq!((submitted(&mut cast, "A"), submitted(&mut cast, "B")), (Some(json!({})), None));
}

fn refused(name: &str, text: &str, case: Option<&str>, machine: Option<&str>, expected: &Expect) {
    expected.assert_eq(&read(name, text, case, machine).unwrap_err());
}

#[test]
fn bad_mock_files_say_what_is_wrong() {
    refused(
        "r1.json",
        LOCAL,
        None,
        None,
        &expect![
            "`FILE` holds test cases, and none was chosen (choose one with --test-case: Broken, HappyPath, RetryPath)"
        ],
    );
    refused(
        "r2.json",
        LOCAL,
        Some("Sad"),
        None,
        &expect!["`FILE` has no test case `Sad` (it has Broken, HappyPath, RetryPath)"],
    );
    refused(
        "r3.json",
        LOCAL,
        Some("Broken"),
        None,
        &expect![
            "FILE: test case `Broken` names the response `Nothing` of `LambdaState`, which is not in MockedResponses"
        ],
    );
    refused(
        "r4.json",
        LOCAL,
        Some("HappyPath"),
        Some("Other"),
        &expect!["`FILE` has no machine `Other` (name one of these with --machine: LambdaSQSIntegration)"],
    );
    refused(
        "r5.json",
        &LOCAL.replace("\"1-2\"", "\"0-2\""),
        Some("RetryPath"),
        None,
        &expect!["FILE: MockedResponses `MockedLambdaRetry`: call 0 has two responses"],
    );
    refused(
        "r6.json",
        &LOCAL.replace("\"1-2\"", "\"2-1\""),
        Some("RetryPath"),
        None,
        &expect![
            "FILE: MockedResponses `MockedLambdaRetry`: `2-1` is neither a number nor a range such as `0-2`"
        ],
    );
    refused(
        "r7.json",
        &LOCAL.replace("\"Return\": {\"S", "\"Give\": {\"S"),
        Some("RetryPath"),
        None,
        &expect!["FILE:8:40: unknown variant `Give`, expected `Return` or `Throw`"],
    );
    refused(
        "r8.yaml",
        "mocks:\n  A: {return: 1, never: true}\n",
        None,
        None,
        &expect!["FILE:2:6: a reply needs exactly one of `return`, `throw` and `never: true`"],
    );
    refused(
        "r9.yaml",
        "mocks:\n  A:\n    - retrun: 1\n",
        None,
        None,
        &expect![
            "FILE:3:7: unknown field `retrun`, expected one of return, throw, never, after, submitted, heartbeat, worker, times (did you mean `return`?)"
        ],
    );
    refused(
        "r10.yaml",
        "mocks:\n  A: yes please\n",
        None,
        None,
        &expect![[
            r#"FILE:2:3: invalid type: string "yes please", expected a reply such as `return: {}`, or a list of replies"#
        ]],
    );
    refused(
        "r11.yaml",
        "mocks:\n  A: {return: 1, after: -1}\n",
        None,
        None,
        &expect!["FILE:2:6: `after` must be between 0 and 3155760000 seconds"],
    );
    refused(
        "r12.yaml",
        "mocks: {}\n",
        Some("none"),
        None,
        &expect!["`FILE` has no test case `none` (it has none)"],
    );
    refused(
        "r13.yaml",
        "mock: {}\n",
        None,
        None,
        &expect![
            "FILE:1:1: unknown field `mock`, expected one of mocks, cases, buckets (did you mean `mocks`?)"
        ],
    );
}
