//! Claims about steps, told as short stories of inputs and events.

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use shipway_asl::{Effect, Execution, Input, Rejected, StateMachine, Status, Timestamp};

use crate::world::{Answer, World, start};

fn machine(states: &Value, start_at: &str) -> StateMachine {
    StateMachine::parse(&json!({"StartAt": start_at, "States": states}).to_string()).unwrap()
}

fn story(world: &World) -> String {
    let mut lines: Vec<String> = Vec::new();
    for event in &world.events {
        let name = event.state_name().map(|name| format!(" {name}")).unwrap_or_default();
        lines.push(format!("{} <- {} {}{name}", event.id, event.previous_event_id, event.type_name()));
    }
    let end = (world.execution.status(), world.execution.output(), world.execution.error());
    lines.push(format!(
        "{end:?} after {} s",
        world.now.millis_since(Timestamp::parse("2026-11-21T04:00:00Z").unwrap()) / 1000
    ));
    lines.join("\n")
}

fn check(
    states: &Value,
    input: Value,
    answer: impl FnMut(&shipway_asl::ScheduledTask) -> Answer,
    expected: &Expect,
) {
    let mut world = World::new(machine(states, "A"), start(input));
    world.run(answer);
    expected.assert_eq(&story(&world));
    assert!(!world.is_running());
    assert_eq!(world.completed, 1);
    let mut folded = Execution::new(world.execution.start().clone());
    world.events.iter().for_each(|event| folded.apply(event));
    assert_eq!(folded, world.execution);
}

#[test]
fn states_without_outside_run_in_one_step() {
    let states = json!({
        "A": {"Type": "Pass", "Result": 5, "ResultPath": "$.n", "Next": "B"},
        "B": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericGreaterThan": 3, "Next": "C"}], "Default": "D"},
        "C": {"Type": "Succeed", "OutputPath": "$.n"},
        "D": {"Type": "Fail"},
    });
    check(
        &states,
        json!({}),
        |_| panic!("no task"),
        &expect![[r#"
        1 <- 0 ExecutionStarted
        2 <- 0 PassStateEntered A
        3 <- 2 PassStateExited A
        4 <- 3 ChoiceStateEntered B
        5 <- 4 ChoiceStateExited B
        6 <- 5 SucceedStateEntered C
        7 <- 6 SucceedStateExited C
        8 <- 7 ExecutionSucceeded
        (Succeeded, Some(Number(5)), None) after 0 s"#]],
    );
}

#[test]
fn retry_backs_off_then_catches() {
    let states = json!({
        "A": {"Type": "Task", "Resource": "r", "Next": "C",
            "Retry": [{"ErrorEquals": ["E"], "MaxAttempts": 2}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "C", "ResultPath": "$.error"}]},
        "C": {"Type": "Succeed"},
    });
    check(
        &states,
        json!({}),
        |_| Answer::error("E"),
        &expect![[r#"
        1 <- 0 ExecutionStarted
        2 <- 0 TaskStateEntered A
        3 <- 2 LambdaFunctionScheduled
        4 <- 3 LambdaFunctionStarted
        5 <- 4 LambdaFunctionFailed
        6 <- 5 LambdaFunctionScheduled
        7 <- 6 LambdaFunctionStarted
        8 <- 7 LambdaFunctionFailed
        9 <- 8 LambdaFunctionScheduled
        10 <- 9 LambdaFunctionStarted
        11 <- 10 LambdaFunctionFailed
        12 <- 11 TaskStateExited A
        13 <- 12 SucceedStateEntered C
        14 <- 13 SucceedStateExited C
        15 <- 14 ExecutionSucceeded
        (Succeeded, Some(Object {"error": Object {"Error": String("E"), "Cause": String("because")}}), None) after 3 s"#]],
    );
}

#[test]
fn a_failed_branch_takes_its_siblings_down_and_is_caught_outside() {
    let states = json!({
        "A": {"Type": "Parallel", "Next": "C", "Catch": [{"ErrorEquals": ["E"], "Next": "C"}], "Branches": [
            {"StartAt": "X", "States": {"X": {"Type": "Wait", "Seconds": 9, "End": true}}},
            {"StartAt": "Y", "States": {"Y": {"Type": "Task", "Resource": "r", "End": true}}},
        ]},
        "C": {"Type": "Succeed"},
    });
    check(
        &states,
        json!({}),
        |_| Answer::error("E"),
        &expect![[r#"
        1 <- 0 ExecutionStarted
        2 <- 0 ParallelStateEntered A
        3 <- 2 ParallelStateStarted
        4 <- 3 WaitStateEntered X
        5 <- 3 TaskStateEntered Y
        6 <- 5 LambdaFunctionScheduled
        7 <- 6 LambdaFunctionStarted
        8 <- 7 LambdaFunctionFailed
        9 <- 8 TaskStateAborted
        10 <- 8 WaitStateAborted
        11 <- 8 ParallelStateFailed
        12 <- 11 ParallelStateExited A
        13 <- 12 SucceedStateEntered C
        14 <- 13 SucceedStateExited C
        15 <- 14 ExecutionSucceeded
        (Succeeded, Some(Object {"Error": String("E"), "Cause": String("because")}), None) after 0 s"#]],
    );
}

#[test]
fn a_map_runs_as_many_iterations_at_a_time_as_it_may() {
    let states = json!({
        "A": {"Type": "Map", "MaxConcurrency": 2, "End": true, "ItemProcessor": {
            "StartAt": "X", "States": {"X": {"Type": "Wait", "SecondsPath": "$", "End": true}}}},
    });
    check(
        &states,
        json!([5, 1, 1]),
        |_| panic!("no task"),
        &expect![[r#"
        1 <- 0 ExecutionStarted
        2 <- 0 MapStateEntered A
        3 <- 2 MapStateStarted
        4 <- 3 MapIterationStarted
        5 <- 3 MapIterationStarted
        6 <- 4 WaitStateEntered X
        7 <- 5 WaitStateEntered X
        8 <- 7 WaitStateExited X
        9 <- 8 MapIterationSucceeded
        10 <- 8 MapIterationStarted
        11 <- 10 WaitStateEntered X
        12 <- 11 WaitStateExited X
        13 <- 12 MapIterationSucceeded
        14 <- 6 WaitStateExited X
        15 <- 14 MapIterationSucceeded
        16 <- 15 MapStateSucceeded
        17 <- 15 MapStateExited A
        18 <- 17 ExecutionSucceeded
        (Succeeded, Some(Array [Number(5), Number(1), Number(1)]), None) after 5 s"#]],
    );
}

#[test]
fn silence_is_a_time_out_that_retry_and_catch_see() {
    let silence = |_: &shipway_asl::ScheduledTask| Answer { outcome: None, ..Answer::ok(Value::Null) };
    let states = json!({
        "A": {"Type": "Task", "Resource": "r", "TimeoutSeconds": 60, "HeartbeatSeconds": 10, "End": true,
            "Retry": [{"ErrorEquals": ["States.HeartbeatTimeout"], "IntervalSeconds": 3, "MaxAttempts": 1}]},
    });
    check(
        &states,
        json!({}),
        silence,
        &expect![[r#"
        1 <- 0 ExecutionStarted
        2 <- 0 TaskStateEntered A
        3 <- 2 LambdaFunctionScheduled
        4 <- 3 LambdaFunctionStarted
        5 <- 4 LambdaFunctionTimedOut
        6 <- 5 LambdaFunctionScheduled
        7 <- 6 LambdaFunctionStarted
        8 <- 7 LambdaFunctionTimedOut
        9 <- 8 ExecutionFailed
        (Failed, None, Some("States.Timeout")) after 23 s"#]],
    );
}

#[test]
fn heartbeats_move_the_deadline_without_an_event() {
    let states = json!({"A": {"Type": "Task", "Resource": "r", "HeartbeatSeconds": 10, "End": true}});
    let mut world = World::new(machine(&states, "A"), start(json!({})));
    world.give(Input::Start).unwrap();
    let before = world.execution.clone();
    world.now = world.now.plus_millis(8000);
    let beat = world.give(Input::TaskHeartbeat { task: 3 }).unwrap();
    let due = world.now.plus_millis(10_000);
    assert!(beat.events.is_empty());
    assert!(matches!(beat.effects.as_slice(), [Effect::StartTimer { due: moved, .. }] if *moved == due));
    assert_eq!(before, world.execution);
}

#[test]
fn answers_that_nobody_waits_for_change_nothing() {
    let states = json!({"A": {"Type": "Task", "Resource": "r", "Next": "B"}, "B": {"Type": "Wait", "Seconds": 1, "End": true}});
    let mut world = World::new(machine(&states, "A"), start(json!({})));
    let done = || Input::TaskSucceeded { task: 3, output: json!(1) };
    assert_eq!(world.give(done()).unwrap_err(), Rejected::NotWaiting { id: 3 });
    world.give(Input::Start).unwrap();
    assert_eq!(world.give(Input::Start).unwrap_err(), Rejected::NotWaiting { id: 0 });
    world.give(done()).unwrap();
    let before = world.execution.clone();
    assert_eq!(world.give(done()).unwrap_err(), Rejected::NotWaiting { id: 3 });
    assert_eq!(world.give(Input::TimerFired { timer: 1 }).unwrap_err(), Rejected::NotWaiting { id: 1 });
    assert_eq!(before, world.execution);
}

#[test]
fn the_machine_time_out_ends_everything() {
    let definition = json!({"StartAt": "A", "TimeoutSeconds": 5, "States": {
        "A": {"Type": "Task", "Resource": "r", "End": true}}});
    let mut world = World::new(StateMachine::parse(&definition.to_string()).unwrap(), start(json!({})));
    world.run(|_| Answer { outcome: None, ..Answer::ok(Value::Null) });
    assert_eq!(world.execution.status(), Status::TimedOut);
    assert_eq!(world.events.last().unwrap().type_name(), "ExecutionTimedOut");
}

#[test]
fn an_endless_loop_ends_at_the_history_limit() {
    let states = json!({
        "A": {"Type": "Pass", "Next": "B"},
        "B": {"Type": "Choice", "Choices": [{"Variable": "$.go", "BooleanEquals": true, "Next": "A"}], "Default": "C"},
        "C": {"Type": "Succeed"},
    });
    let mut world = World::new(machine(&states, "A"), start(json!({"go": true})));
    world.run(|_| panic!("no task"));
    assert_eq!(world.execution.last_event_id(), shipway_asl::limits::HISTORY_EVENTS_MAX);
    assert_eq!((world.execution.status(), world.execution.error()), (Status::Failed, Some("States.Runtime")));
}

#[test]
fn delays_grow_up_to_their_bound() {
    let states = json!({"A": {"Type": "Task", "Resource": "r", "End": true, "Retry": [
        {"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 2, "BackoffRate": 3, "MaxDelaySeconds": 10, "MaxAttempts": 3}]}});
    let mut world = World::new(machine(&states, "A"), start(json!({})));
    let begun = world.now;
    world.run(|_| Answer::error("E"));
    // 2 s, 6 s, then 10 s instead of 18 s
    assert_eq!(world.now.millis_since(begun), 18_000);
    assert_eq!(world.execution.status(), Status::Failed);
}

#[test]
fn a_large_map_costs_no_copies_of_itself() {
    let states = json!({"A": {"Type": "Map", "ItemsPath": "$.items", "End": true,
        "ItemSelector": {"v.$": "$$.Map.Item.Value", "run.$": "$$.Execution.Name"},
        "ItemProcessor": {"StartAt": "X", "States": {"X": {"Type": "Task", "Resource": "r", "End": true}}}}});
    let items: Vec<Value> = (0..2000).map(|n| json!({"n": n, "text": "x".repeat(60)})).collect();
    let mut world = World::new(machine(&states, "A"), start(json!({"items": items})));
    let begun = std::time::Instant::now();
    world.run(|task| Answer::ok(task.parameters["v"]["n"].clone()));
    assert_eq!(world.execution.output().unwrap().as_array().unwrap().len(), 2000);
    // WHY: a second is far above what linear work takes and far below what copies of the whole take.
    println!("2000 items in {:?}", begun.elapsed());
}

#[test]
fn snapshots_stay_small() {
    let states = json!({"A": {"Type": "Task", "Resource": "r", "End": true}});
    let mut world = World::new(machine(&states, "A"), start(json!({})));
    world.give(Input::Start).unwrap();
    let bytes = serde_json::to_string(&world.execution).unwrap();
    assert!(bytes.len() < 700, "{} bytes: {bytes}", bytes.len());
}

#[test]
fn an_output_of_null_outlives_the_snapshot() {
    let states = json!({"A": {"Type": "Pass", "OutputPath": null, "Next": "B"}, "B": {"Type": "Task", "Resource": "r", "End": true}});
    let mut world = World::new(machine(&states, "A"), start(json!({})));
    world.give(Input::Start).unwrap();
    let task = world.execution.last_event_id();
    world.give(Input::TaskSucceeded { task, output: json!(null) }).unwrap();
    assert_eq!(world.execution.output(), Some(&json!(null)));
    let snapshot = serde_json::to_string(&world.execution).unwrap();
    let loaded: Execution = serde_json::from_str(&snapshot).unwrap();
    assert_eq!(loaded, world.execution);
}
