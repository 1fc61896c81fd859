//! Many clients at once, and a server that is killed: nothing is made twice, nothing that was promised is forgotten.

use std::{collections::BTreeSet, thread};

use serde_json::{Value, json};

use crate::sfn::Server;

const CLIENTS: usize = 64;
const ROLE: &str = "arn:aws:iam::000000000000:role/r";
/// Looks for something that must come; far more than it ever takes.
const LOOKS_MAX: usize = 20_000;

fn waits(comment: &str) -> String {
    json!({"Comment": comment, "StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 9_000, "End": true}}})
        .to_string()
}

fn machine(server: &Server, name: &str) -> String {
    let request = json!({"name": name, "definition": waits(""), "roleArn": ROLE});
    server.good("CreateStateMachine", &request)["stateMachineArn"].as_str().unwrap().to_owned()
}

/// What every client gets that asks at the same time as the others.
fn all_at_once(
    server: &Server,
    action: &str,
    request: impl Fn(usize) -> Value + Sync,
) -> Vec<Result<Value, String>> {
    let request = &request;
    thread::scope(|scope| {
        let clients: Vec<_> =
            (0..CLIENTS).map(|number| scope.spawn(move || server.tries(action, &request(number)))).collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    })
}

fn told(answers: &[Result<Value, String>], member: &str) -> BTreeSet<String> {
    answers.iter().flatten().map(|answer| answer[member].to_string()).collect()
}

#[test]
fn of_many_equal_starts_one_execution_comes_and_all_are_told_of_it() {
    let server = Server::new();
    let arn = machine(&server, "m");
    let answers = all_at_once(
        &server,
        "StartExecution",
        |_| json!({"stateMachineArn": arn, "name": "once", "input": r#"{"a": 1}"#}),
    );
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!((told(&answers, "executionArn").len(), told(&answers, "startDate").len()), (1, 1));
    let listed = server.good("ListExecutions", &json!({"stateMachineArn": arn}));
    assert_eq!(listed["executions"].as_array().unwrap().len(), 1);
    let others = all_at_once(
        &server,
        "StartExecution",
        |number| json!({"stateMachineArn": arn, "name": "other", "input": number.to_string()}),
    );
    assert_eq!(others.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert!(
        others.iter().all(|answer| answer.is_ok() || answer == &Err("ExecutionAlreadyExists".to_owned()))
    );
    server.stop();
}

#[test]
fn of_many_machines_of_one_name_one_is_made() {
    let server = Server::new();
    let create = |definition: String| json!({"name": "m", "definition": definition, "roleArn": ROLE});
    let answers = all_at_once(&server, "CreateStateMachine", |_| create(waits("same")));
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(told(&answers, "creationDate").len(), 1);
    let others = all_at_once(
        &server,
        "CreateStateMachine",
        |number| json!({"name": "n", "definition": waits(&number.to_string()), "roleArn": ROLE}),
    );
    assert_eq!(others.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert!(
        others.iter().all(|answer| answer.is_ok() || answer == &Err("StateMachineAlreadyExists".to_owned()))
    );
    server.stop();
}

#[test]
fn of_many_updates_that_publish_each_has_its_own_version() {
    let server = Server::new();
    let arn = machine(&server, "m");
    let answers = all_at_once(
        &server,
        "UpdateStateMachine",
        |number| json!({"stateMachineArn": arn, "definition": waits(&number.to_string()), "publish": true}),
    );
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(told(&answers, "stateMachineVersionArn").len(), CLIENTS);
    assert_eq!(told(&answers, "revisionId").len(), CLIENTS);
    let listed = server.good("ListStateMachineVersions", &json!({"stateMachineArn": arn}));
    assert_eq!(listed["stateMachineVersions"].as_array().unwrap().len(), CLIENTS);
    let again = all_at_once(&server, "PublishStateMachineVersion", |_| json!({"stateMachineArn": arn}));
    assert_eq!(told(&again, "stateMachineVersionArn").len(), 1, "what is published is not published again");
    server.stop();
}

#[test]
fn a_deletion_that_was_cut_short_is_finished_after_a_restart() {
    let server = Server::new();
    let arn = machine(&server, "m");
    let runs: Vec<Value> = (0..300)
        .map(|_| server.good("StartExecution", &json!({"stateMachineArn": arn}))["executionArn"].clone())
        .collect();
    server.good("DeleteStateMachine", &json!({"stateMachineArn": arn}));
    let start = server.tries("StartExecution", &json!({"stateMachineArn": arn})).unwrap_err();
    assert!(["StateMachineDeleting", "StateMachineDoesNotExist"].contains(&start.as_str()), "{start}");
    let server = server.kill_and_start();
    let is_gone = (0..LOOKS_MAX).any(|_| {
        let found = server.tries("DescribeStateMachine", &json!({"stateMachineArn": arn}));
        if let Ok(found) = &found {
            assert_eq!(found["status"], "DELETING");
        }
        found == Err("StateMachineDoesNotExist".to_owned())
    });
    assert!(is_gone);
    for run in runs {
        assert_eq!(server.good("DescribeExecution", &json!({"executionArn": run}))["status"], "ABORTED");
    }
    machine(&server, "m");
    server.stop();
}

#[test]
fn a_machine_that_is_going_refuses_in_words_that_each_action_has() {
    let server = Server::new();
    let arn = machine(&server, "m");
    let version = server.good("PublishStateMachineVersion", &json!({"stateMachineArn": arn}));
    let version = &version["stateMachineVersionArn"];
    let routes = json!([{"stateMachineVersionArn": version, "weight": 100}]);
    let alias =
        server.good("CreateStateMachineAlias", &json!({"name": "live", "routingConfiguration": routes}));
    let alias = &alias["stateMachineAliasArn"];
    for _ in 0..300 {
        server.good("StartExecution", &json!({"stateMachineArn": arn}));
    }
    server.good("DeleteStateMachine", &json!({"stateMachineArn": arn}));
    let calls = [
        (
            "TagResource",
            json!({"resourceArn": arn, "tags": [{"key": "a", "value": "b"}]}),
            "ResourceNotFound",
        ),
        ("UntagResource", json!({"resourceArn": arn, "tagKeys": ["a"]}), "ResourceNotFound"),
        ("DeleteStateMachineAlias", json!({"stateMachineAliasArn": alias}), "ResourceNotFound"),
        (
            "UpdateStateMachineAlias",
            json!({"stateMachineAliasArn": alias, "description": "d"}),
            "StateMachineDeleting ResourceNotFound",
        ),
        (
            "UpdateStateMachine",
            json!({"stateMachineArn": arn, "roleArn": ROLE}),
            "StateMachineDeleting StateMachineDoesNotExist",
        ),
    ];
    for (action, request, codes) in calls {
        let code = server.tries(action, &request).unwrap_err();
        assert!(codes.contains(&code), "{action}: {code}");
    }
    server.good("DeleteStateMachineVersion", &json!({"stateMachineVersionArn": version}));
    server.stop();
}
