//! Rehearsals: time, mocks, endings, the way and its coverage.

use std::collections::{BTreeMap, BTreeSet};

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::*;
use crate::definition::StateMachine;
use crate::items::{Reply, Request};
use crate::moment::Status;

fn start(input: Value) -> Start {
    Start {
        execution_arn: "arn:aws:states:us-east-1:111111111111:execution:m:run".into(),
        execution_name: "run".into(),
        machine_arn: "arn:aws:states:us-east-1:111111111111:stateMachine:m".into(),
        machine_name: "m".into(),
        role_arn: "arn:aws:iam::111111111111:role/r".into(),
        input,
    }
}

fn run(definition: &Value, input: Value, mut mocks: impl Mocks) -> Rehearsed {
    let machine = StateMachine::parse(&definition.to_string()).unwrap();
    rehearse(&machine, Rehearsal::new(start(input)), &mut mocks)
}

/// The way as text: times in seconds, states, retries, errors.
fn way(rehearsed: &Rehearsed) -> String {
    let mut text = String::new();
    for visit in &rehearsed.visits {
        let errors: Vec<&str> = visit.errors.iter().map(|(error, _)| error.as_str()).collect();
        let caught = if visit.is_caught { " caught" } else { "" };
        let until = visit.exited_at.map_or("-".to_owned(), |at| (at.0 / 1000).to_string());
        let indent = "  ".repeat(visit.depth);
        text.push_str(&format!(
            "{:>4}..{until:<4} {indent}{} x{} {errors:?}{caught}\n",
            visit.entered_at.0 / 1000,
            visit.state,
            visit.attempts
        ));
    }
    let execution = &rehearsed.execution;
    text.push_str(&format!("{:?} {:?}", rehearsed.ending, execution.status()));
    if let Some(error) = execution.error() {
        text.push_str(&format!(" {error}"));
    }
    text
}

fn check(definition: &Value, mocks: impl Mocks, expected: &Expect) -> Rehearsed {
    let rehearsed = run(definition, json!({}), mocks);
    expected.assert_eq(&way(&rehearsed));
    rehearsed
}

fn none(task: &ScheduledTask, _: Timestamp) -> Result<Answer, String> {
    Err(format!("no mock for `{}`", task.state))
}

/// Answers in turn.
fn turns(answers: Vec<Answer>) -> impl Mocks {
    let mut answers = answers.into_iter();
    move |_: &ScheduledTask, _: Timestamp| answers.next().ok_or_else(|| "no answer left".to_owned())
}

fn task(fields: &Value) -> Value {
    let mut state = json!({"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:111111111111:function:pay", "Next": "Done"});
    state.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let mut states = json!({"Pay": state, "Done": {"Type": "Succeed"}});
    if fields.get("Catch").is_some() {
        states["Sorry"] = json!({"Type": "Fail", "Error": "Sorry"});
    }
    json!({"StartAt": "Pay", "States": states})
}

#[test]
fn a_year_takes_no_time() {
    let machine =
        json!({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 31_536_000, "End": true}}});
    let rehearsed = check(
        &machine,
        none,
        &expect![[r#"
               0..31536000 W x0 []
            Completed Succeeded"#]],
    );
    assert_eq!(rehearsed.took_millis(), 31_536_000_000);
}

#[test]
fn retries_wait_in_virtual_time() {
    let retry = json!({"Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 60, "BackoffRate": 2}]});
    let busy = || Answer::throws("Busy", None);
    check(
        &task(&retry),
        turns(vec![busy(), busy(), Answer::returns(json!("paid"))]),
        &expect![[r#"
               0..180  Pay x3 ["Busy", "Busy"]
             180..180  Done x0 []
            Completed Succeeded"#]],
    );
}

#[test]
fn silence_lets_the_time_out_fire_and_a_late_answer_is_not_heard() {
    let fields = json!({"TimeoutSeconds": 30, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Sorry"}]});
    for silent in [Answer::never(), Answer::returns(json!(1)).after_millis(31_000)] {
        check(
            &task(&fields),
            turns(vec![silent]),
            &expect![[r#"
                   0..30   Pay x1 ["States.Timeout"] caught
                  30..-    Sorry x0 []
                Completed Failed Sorry"#]],
        );
    }
    let in_time = run(&task(&fields), json!({}), turns(vec![Answer::returns(json!(1)).after_millis(30_000)]));
    assert_eq!(in_time.execution.status(), Status::Succeeded);
}

#[test]
fn heartbeats_keep_a_task_alive() {
    let fields = json!({"Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "HeartbeatSeconds": 10,
        "Parameters": {"QueueUrl": "q", "MessageBody.$": "$$.Task.Token"}});
    let answer = |heartbeat_millis| {
        let answer = Answer::returns(json!(1)).submitted(json!({"MessageId": "m"})).after_millis(60_000);
        Answer { heartbeat_millis, ..answer }
    };
    let alive = run(&task(&fields), json!({}), turns(vec![answer(Some(9_000))]));
    assert_eq!((alive.execution.status(), alive.took_millis()), (Status::Succeeded, 60_000));
    let kinds: Vec<&str> = alive.events.iter().map(Event::type_name).collect();
    assert!(kinds.contains(&"TaskSubmitted"), "{kinds:?}");
    let dead = run(&task(&fields), json!({}), turns(vec![answer(None)]));
    assert_eq!((dead.execution.error(), dead.took_millis()), (Some("States.Timeout"), 10_000));
}

#[test]
fn what_is_never_answered_is_said() {
    let rehearsed = check(
        &task(&json!({})),
        turns(vec![Answer::never()]),
        &expect![[r#"
               0..-    Pay x1 []
            Stuck Running"#]],
    );
    assert_eq!(rehearsed.unanswered().map(|task| task.state.as_str()).collect::<Vec<_>>(), ["Pay"]);
}

#[test]
fn a_state_without_a_mock_is_named() {
    let rehearsed = run(&task(&json!({})), json!({}), none);
    let reason = "no mock for `Pay`".to_owned();
    assert_eq!(rehearsed.ending, Ending::NoAnswer { state: "Pay".into(), reason });
}

#[test]
fn a_loop_without_end_is_cut_off() {
    let machine = json!({"StartAt": "A", "States": {
        "A": {"Type": "Wait", "Seconds": 1, "Next": "B"},
        "B": {"Type": "Choice", "Choices": [{"Variable": "$.x", "IsPresent": true, "Next": "C"}], "Default": "A"},
        "C": {"Type": "Succeed"}}});
    let parsed = StateMachine::parse(&machine.to_string()).unwrap();
    let mut rehearsal = Rehearsal::new(start(json!({})));
    rehearsal.limits.inputs_max = 50;
    let ending = rehearse(&parsed, rehearsal.clone(), &mut none).ending;
    assert_eq!(ending, Ending::Limit { limit: "inputs", most: 50 });
    rehearsal.limits = Limits { events_max: 50, ..Limits::default() };
    let ending = rehearse(&parsed, rehearsal, &mut none).ending;
    assert_eq!(ending, Ending::Limit { limit: "events", most: 50 });
}

fn fork() -> Value {
    json!({"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "End": true, "Branches": [
        {"StartAt": "Left", "States": {"Left": {"Type": "Task", "Resource": "left", "End": true}}},
        {"StartAt": "Each", "States": {"Each": {"Type": "Map", "End": true, "ItemsPath": "$.items",
            "ItemProcessor": {"StartAt": "One", "States": {"One": {"Type": "Task", "Resource": "one", "End": true}}}}}},
    ]}}})
}

#[test]
fn branches_and_items_run_side_by_side() {
    let mocks = |task: &ScheduledTask, _: Timestamp| {
        let seconds = if task.resource == "left" { 5 } else { 2 };
        Ok(Answer::returns(task.parameters.clone()).after_millis(seconds * 1000))
    };
    let rehearsed = run(&fork(), json!({"items": [1, 2]}), mocks);
    expect![[r#"
           0..5    Both x1 []
           0..5      Left x1 []
           0..2      Each x1 []
           0..2        One x1 []
           0..2        One x1 []
        Completed Succeeded"#]]
    .assert_eq(&way(&rehearsed));
    assert_eq!(rehearsed.execution.output(), Some(&json!([{"items": [1, 2]}, [1, 2]])));
    assert_eq!(rehearsed.visits[4].index, Some(1));
}

#[test]
fn what_a_failed_sibling_was_to_say_is_not_said() {
    let mocks = |task: &ScheduledTask, _: Timestamp| match task.resource.as_str() {
        "left" => Ok(Answer::throws("Broken", None).after_millis(1_000)),
        _ => Ok(Answer::returns(json!(1)).after_millis(9_000)),
    };
    let rehearsed = run(&fork(), json!({"items": [1]}), mocks);
    assert_eq!((rehearsed.execution.error(), rehearsed.took_millis()), (Some("Broken"), 1_000));
    assert_eq!(rehearsed.unanswered().count(), 0);
}

#[test]
fn the_same_rehearsal_gives_the_same_history() {
    let machine =
        task(&json!({"Retry": [{"ErrorEquals": ["E"], "JitterStrategy": "FULL", "MaxDelaySeconds": 90}]}));
    let once = || run(&machine, json!({}), turns(vec![Answer::throws("E", None), Answer::returns(json!(1))]));
    assert_eq!(once(), once());
}

#[test]
fn mocks_see_the_whole_task() {
    let mut seen = Vec::new();
    let machine = task(&json!({"Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"QueueUrl": "q", "MessageBody.$": "$$.Task.Token"}, "Retry": [{"ErrorEquals": ["E"]}]}));
    let parsed = StateMachine::parse(&machine.to_string()).unwrap();
    let mut mocks = |task: &ScheduledTask, _: Timestamp| {
        seen.push(task.clone());
        Ok(if task.attempt == 0 { Answer::throws("E", None) } else { Answer::returns(json!(1)) })
    };
    let rehearsed = rehearse(&parsed, Rehearsal::new(start(json!({}))), &mut mocks);
    assert_eq!(seen.iter().map(|task| task.attempt).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(seen[0].parameters["MessageBody"], seen[0].token.clone().unwrap());
    assert_eq!(rehearsed.tasks.len(), 2);
}

/// `A` goes to `End` by two rules and by default; which one shows only with probes.
fn forking() -> Value {
    json!({"StartAt": "A", "States": {
        "A": {"Type": "Choice", "Default": "End", "Choices": [
            {"Variable": "$.n", "NumericEquals": 1, "Next": "End"},
            {"Variable": "$.n", "NumericEquals": 2, "Next": "End"},
            {"Variable": "$.n", "NumericEquals": 3, "Next": "T"}]},
        "T": {"Type": "Task", "Resource": "t", "Next": "End", "Catch": [{"ErrorEquals": ["E"], "Next": "End"}]},
        "End": {"Type": "Succeed"}}})
}

fn covered(inputs: &[Value], mocks: fn() -> Answer) -> String {
    let definition = forking();
    let machine = StateMachine::parse(&definition.to_string()).unwrap();
    let probes = Probes::new(&definition).unwrap();
    let probed = StateMachine::parse(&probes.definition.to_string()).unwrap();
    let mut coverage = Coverage::new(&machine.outline());
    for input in inputs {
        let mut answer = |_: &ScheduledTask, _: Timestamp| Ok(mocks());
        let rehearsal = Rehearsal::new(start(input.clone()));
        let taken = probes.taken(&rehearse(&probed, rehearsal.clone(), &mut answer));
        coverage.add(&rehearse(&machine, rehearsal, &mut answer), &taken);
    }
    let edges = coverage.edges.iter().filter(|edge| edge.count > 0);
    let edges: Vec<String> =
        edges.map(|edge| format!("{}#{} x{}", edge.from, edge.place, edge.count)).collect();
    format!(
        "{} of {:?} {:?} {:.0}%",
        edges.join(", "),
        coverage.states_covered(),
        coverage.edges_covered(),
        coverage.percent()
    )
}

#[test]
fn transitions_to_one_state_are_told_apart() {
    let ok = || Answer::returns(json!(1));
    let bad = || Answer::throws("E", None);
    assert_eq!(covered(&[json!({"n": 2})], ok), "A#1 x1 of (2, 3) (1, 6) 33%");
    assert_eq!(covered(&[json!({"n": 9}), json!({"n": 1})], ok), "A#0 x1, A#3 x1 of (2, 3) (2, 6) 44%");
    assert_eq!(covered(&[json!({"n": 3})], ok), "A#2 x1, T#0 x1 of (3, 3) (2, 6) 56%");
    assert_eq!(covered(&[json!({"n": 3})], bad), "A#2 x1, T#1 x1 of (3, 3) (2, 6) 56%");
}

#[test]
fn probes_are_put_only_where_they_are_needed() {
    assert_eq!(Probes::new(&task(&json!({}))), None);
    let probes = Probes::new(&forking()).unwrap();
    assert_eq!(probes.definition["States"].as_object().unwrap().len(), 3 + 3 + 2);
    let machine = StateMachine::parse(&fork().to_string()).unwrap();
    let coverage = Coverage::new(&machine.outline());
    assert_eq!((coverage.states_covered(), coverage.edges_covered()), ((0, 4), (0, 0)));
    let rehearsed =
        run(&fork(), json!({"items": []}), |_: &ScheduledTask, _: Timestamp| Ok(Answer::returns(json!(1))));
    let mut coverage = coverage;
    coverage.add(&rehearsed, &BTreeSet::new());
    assert_eq!(coverage.states_covered(), (3, 4));
}

fn distributed(extra: &Value) -> Value {
    let mut map = json!({"Type": "Map", "End": true, "Label": "each", "MaxConcurrency": 2,
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "Work", "States": {"Work": {"Type": "Task", "End": true,
                "Resource": "arn:aws:lambda:us-east-1:111111111111:function:work"}}}});
    map.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    json!({"StartAt": "Each", "States": {"Each": map}})
}

/// Takes as many seconds as it is told; below zero it fails at once.
fn work(task: &ScheduledTask, _: Timestamp) -> Result<Answer, String> {
    Ok(match task.parameters.as_i64().unwrap_or_default() {
        ..0 => Answer::throws("Negative", None),
        seconds => Answer::returns(json!(seconds)).after_millis(seconds.unsigned_abs() * 1000),
    })
}

#[test]
fn children_run_side_by_side_as_far_as_they_may() {
    let rehearsed = run(&distributed(&json!({})), json!([30, 10, 5]), work);
    expect![[r#"
           0..30   Each x1 []
           0..30     Work x1 []
           0..10     Work x1 []
          10..15     Work x1 []
        Completed Succeeded"#]]
    .assert_eq(&way(&rehearsed));
    assert_eq!(rehearsed.execution.output(), Some(&json!([30, 10, 5])));
    assert_eq!(rehearsed.tasks.len(), 3);
}

#[test]
fn a_map_run_that_bears_no_failure_ends_at_the_first() {
    let rehearsed = run(&distributed(&json!({})), json!([30, -1, 5]), work);
    expect![[r#"
           0..-    Each x1 ["States.ExceedToleratedFailureThreshold"]
           0..30     Work x1 []
           0..-      Work x1 ["Negative"]
        Completed Failed States.ExceedToleratedFailureThreshold"#]]
    .assert_eq(&way(&rehearsed));
    assert_eq!(rehearsed.took_millis(), 0);
}

#[test]
fn a_child_that_is_never_answered_leaves_the_map_waiting() {
    let silent = |_: &ScheduledTask, _: Timestamp| Ok(Answer::never());
    let rehearsed = run(&distributed(&json!({})), json!([1]), silent);
    assert_eq!(rehearsed.ending, Ending::Stuck);
    assert_eq!(rehearsed.unanswered().map(|task| task.state.as_str()).collect::<Vec<_>>(), ["Work"]);
    let rehearsed = run(&distributed(&json!({})), json!([1]), none);
    assert_eq!(
        rehearsed.ending,
        Ending::NoAnswer { state: "Work".into(), reason: "no mock for `Work`".into() }
    );
}

#[test]
fn a_time_out_of_the_machine_does_not_wait_for_children() {
    let mut machine = distributed(&json!({}));
    machine["TimeoutSeconds"] = json!(7);
    let rehearsed = run(&machine, json!([30]), work);
    assert_eq!((rehearsed.execution.status(), rehearsed.took_millis()), (Status::TimedOut, 7_000));
}

/// One bucket in memory.
#[derive(Default)]
struct Bucket(BTreeMap<String, Vec<u8>>);

impl Mocks for Bucket {
    fn answer(&mut self, task: &ScheduledTask, _: Timestamp) -> Result<Answer, String> {
        Ok(Answer::returns(task.parameters.clone()))
    }

    fn read(&mut self, request: &Request) -> Result<Reply, String> {
        let Request::Object { key, .. } = request else { return Err("no listing".into()) };
        self.0.get(key).cloned().map(Reply::Object).ok_or_else(|| format!("no {key}"))
    }

    fn write(&mut self, _: &str, key: &str, bytes: Vec<u8>) -> Result<(), String> {
        self.0.insert(key.to_owned(), bytes);
        Ok(())
    }
}

#[test]
fn items_are_read_from_mocked_buckets_and_results_written_to_them() {
    let machine = distributed(&json!({
        "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON"},
            "Parameters": {"Bucket": "b", "Key": "items"}},
        "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "b", "Prefix": "out"}},
    }));
    let parsed = StateMachine::parse(&machine.to_string()).unwrap();
    let mut bucket = Bucket(BTreeMap::from([("items".to_owned(), b"[1, 2]".to_vec())]));
    let rehearsed = rehearse(&parsed, Rehearsal::new(start(json!({}))), &mut bucket);
    assert_eq!(rehearsed.execution.status(), Status::Succeeded);
    assert_eq!(rehearsed.tasks.len(), 2);
    let names: Vec<&str> = bucket.0.keys().filter_map(|key| key.rsplit('/').next()).collect();
    assert_eq!(names, ["items", "SUCCEEDED_0.json", "manifest.json"]);
    let rehearsed = rehearse(&parsed, Rehearsal::new(start(json!({}))), &mut Bucket::default());
    assert_eq!(rehearsed.execution.error(), Some("States.ItemReaderFailed"));
    assert_eq!(rehearsed.execution.cause(), Some("no items"));
}
