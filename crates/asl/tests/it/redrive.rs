//! Claims about redriving, told as stories of what comes after `ExecutionRedriven`.

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use shipway_asl::{Execution, Input, Rejected, ScheduledTask, StateMachine, Status, Timestamp};

use crate::world::{Answer, World, start};

fn world(states: &Value, input: Value) -> World {
    world_of(&json!({"StartAt": "A", "States": states}), input)
}

fn world_of(machine: &Value, input: Value) -> World {
    World::new(StateMachine::parse(&machine.to_string()).unwrap(), start(input))
}

fn task(resource: &str) -> Value {
    json!({"Type": "Task", "Resource": format!("arn:aws:lambda:us-east-1:111111111111:function:{resource}"), "End": true})
}

/// Events from the last redrive on, and how it stands.
fn story(world: &World) -> String {
    let from = world.events.iter().rposition(|event| event.type_name() == "ExecutionRedriven").unwrap();
    let mut lines: Vec<String> = Vec::new();
    for event in &world.events[from..] {
        let name = event.state_name().map(|name| format!(" {name}")).unwrap_or_default();
        lines.push(format!("{} <- {} {}{name}", event.id, event.previous_event_id, event.type_name()));
    }
    let end = (world.execution.status(), world.execution.output(), world.execution.error());
    lines.push(format!("{end:?}"));
    lines.join("\n")
}

fn function(task: &ScheduledTask) -> &str {
    task.resource.rsplit(':').next().unwrap()
}

/// Lets functions with this name fail, and all others give their name.
fn failing(name: &'static str) -> impl FnMut(&ScheduledTask) -> Answer {
    move |task| if function(task) == name { Answer::error("E") } else { Answer::ok(function(task).into()) }
}

fn well(task: &ScheduledTask) -> Answer {
    Answer::ok(json!(format!("{} again", function(task))))
}

/// Runs it with functions `bad` failing, redrives it with all functions doing well, and tells what that did.
fn check(states: &Value, input: Value, expected: &Expect) -> World {
    let mut world = world(states, input);
    world.run(failing("bad"));
    assert_eq!(world.execution.status(), Status::Failed);
    world.redrive(well);
    expected.assert_eq(&story(&world));
    assert_is_fold(&world);
    world
}

fn assert_is_fold(world: &World) {
    let mut folded = Execution::new(world.execution.start().clone());
    for event in &world.events {
        folded.apply(&serde_json::from_str(&serde_json::to_string(event).unwrap()).unwrap());
    }
    assert_eq!(folded, world.execution);
    assert!(
        world.tasks.is_empty() && world.timers.is_empty() && world.runs.is_empty(),
        "effects are left open"
    );
}

#[test]
fn a_task_begins_again_where_it_was_entered() {
    let mut failed = task("bad");
    failed["Retry"] = json!([{"ErrorEquals": ["E"], "MaxAttempts": 1}]);
    failed["Next"] = "C".into();
    failed.as_object_mut().unwrap().remove("End");
    let states = json!({
        "A": {"Type": "Pass", "Next": "B"},
        "B": failed,
        "C": {"Type": "Pass", "Parameters": {"count.$": "$$.Execution.RedriveCount", "at.$": "$$.Execution.RedriveTime"}, "End": true},
    });
    let world = check(
        &states,
        json!({}),
        &expect![[r#"
            12 <- 11 ExecutionRedriven
            13 <- 4 LambdaFunctionScheduled
            14 <- 13 LambdaFunctionStarted
            15 <- 14 LambdaFunctionSucceeded
            16 <- 15 TaskStateExited B
            17 <- 16 PassStateEntered C
            18 <- 17 PassStateExited C
            19 <- 18 ExecutionSucceeded
            (Succeeded, Some(Object {"count": Number(1), "at": String("2026-11-21T04:00:01.000Z")}), None)"#]],
    );
    assert_eq!(world.execution.redrives(), 1);
}

#[test]
fn retries_count_anew() {
    let mut failed = task("bad");
    failed["Retry"] = json!([{"ErrorEquals": ["E"], "MaxAttempts": 2}]);
    let mut world = world(&json!({"A": failed}), json!({}));
    let mut seen = Vec::new();
    world.run(|task| {
        seen.push(task.attempt);
        Answer::error("E")
    });
    world.redrive(|task| {
        seen.push(task.attempt);
        Answer::error("E")
    });
    assert_eq!(seen, [0, 1, 2, 0, 1, 2]);
    assert_eq!(world.execution.status(), Status::Failed);
}

#[test]
fn a_fail_state_fails_again_without_being_entered_again() {
    let states = json!({"A": {"Type": "Pass", "Next": "F"}, "F": {"Type": "Fail", "Error": "E"}});
    check(
        &states,
        json!({}),
        &expect![[r#"
        6 <- 5 ExecutionRedriven
        7 <- 6 ExecutionFailed
        (Failed, None, Some("E"))"#]],
    );
}

#[test]
fn branches_that_succeeded_keep_their_results() {
    let branch = |function: &str, name: &str| json!({"StartAt": name, "States": {name: task(function)}});
    let states = json!({"A": {"Type": "Parallel", "End": true,
        "Branches": [branch("good", "B0"), branch("bad", "B1"), branch("other", "B2")]}});
    check(
        &states,
        json!({}),
        &expect![[r#"
        19 <- 18 ExecutionRedriven
        20 <- 6 LambdaFunctionScheduled
        21 <- 8 LambdaFunctionScheduled
        22 <- 20 LambdaFunctionStarted
        23 <- 22 LambdaFunctionSucceeded
        24 <- 23 TaskStateExited B1
        25 <- 21 LambdaFunctionStarted
        26 <- 25 LambdaFunctionSucceeded
        27 <- 26 TaskStateExited B2
        28 <- 27 ParallelStateSucceeded
        29 <- 27 ParallelStateExited A
        30 <- 29 ExecutionSucceeded
        (Succeeded, Some(Array [String("good"), String("bad again"), String("other again")]), None)"#]],
    );
}

#[test]
fn a_branch_that_was_never_entered_begins() {
    // The first branch fails at once: there is no time of a redrive then.
    let states = json!({"A": {"Type": "Parallel", "End": true, "Branches": [
        {"StartAt": "F", "States": {"F": {"Type": "Pass", "Parameters": {"at.$": "$$.Execution.RedriveTime"}, "ResultPath": null, "End": true}}},
        {"StartAt": "P", "States": {"P": {"Type": "Pass", "Result": 1, "Next": "Q"}, "Q": {"Type": "Pass", "End": true}}},
    ]}});
    check(
        &states,
        json!({}),
        &expect![[r#"
            6 <- 5 ExecutionRedriven
            7 <- 4 PassStateExited F
            8 <- 3 PassStateEntered P
            9 <- 8 PassStateExited P
            10 <- 9 PassStateEntered Q
            11 <- 10 PassStateExited Q
            12 <- 11 ParallelStateSucceeded
            13 <- 11 ParallelStateExited A
            14 <- 13 ExecutionSucceeded
            (Succeeded, Some(Array [Object {}, Number(1)]), None)"#]],
    );
}

#[test]
fn iterations_that_were_not_reached_are_started() {
    let states = json!({"A": {"Type": "Map", "MaxConcurrency": 1, "End": true, "ItemProcessor": {"StartAt": "C", "States": {
        "C": {"Type": "Choice", "Choices": [{"Variable": "$", "StringEquals": "bad", "Next": "X"}], "Default": "Y"},
        "X": task("bad"), "Y": task("good")}}}});
    check(
        &states,
        json!(["good", "bad", "good"]),
        &expect![[r#"
        24 <- 23 ExecutionRedriven
        25 <- 16 LambdaFunctionScheduled
        26 <- 25 LambdaFunctionStarted
        27 <- 26 LambdaFunctionSucceeded
        28 <- 27 TaskStateExited X
        29 <- 28 MapIterationSucceeded
        30 <- 28 MapIterationStarted
        31 <- 30 ChoiceStateEntered C
        32 <- 31 ChoiceStateExited C
        33 <- 32 TaskStateEntered Y
        34 <- 33 LambdaFunctionScheduled
        35 <- 34 LambdaFunctionStarted
        36 <- 35 LambdaFunctionSucceeded
        37 <- 36 TaskStateExited Y
        38 <- 37 MapIterationSucceeded
        39 <- 38 MapStateSucceeded
        40 <- 38 MapStateExited A
        41 <- 40 ExecutionSucceeded
        (Succeeded, Some(Array [String("good"), String("bad again"), String("good again")]), None)"#]],
    );
}

#[test]
fn nested_maps_go_on_where_each_item_stood() {
    let inner = json!({"Type": "Map", "MaxConcurrency": 2, "End": true, "ItemProcessor": {"StartAt": "C", "States": {
        "C": {"Type": "Choice", "Choices": [{"Variable": "$", "StringEquals": "bad", "Next": "X"}], "Default": "Y"},
        "X": task("bad"), "Y": task("good")}}});
    let states =
        json!({"A": {"Type": "Map", "End": true, "ItemProcessor": {"StartAt": "I", "States": {"I": inner}}}});
    let mut world = world(&states, json!([["a", "b"], ["c", "bad", "d"], []]));
    world.run(failing("bad"));
    let done = |world: &World| {
        world.events.iter().filter(|event| event.type_name() == "LambdaFunctionSucceeded").count()
    };
    let before = done(&world);
    world.redrive(well);
    assert_eq!((world.execution.status(), done(&world)), (Status::Succeeded, 5));
    assert!(before > 0, "what was done is not done again");
    assert_is_fold(&world);
}

#[test]
fn a_parallel_whose_own_result_failed_is_run_wholly() {
    let states = json!({"A": {"Type": "Parallel", "End": true, "ResultSelector": {"x.$": "$[0].missing"}, "Branches": [
        {"StartAt": "B", "States": {"B": task("good")}}]}});
    let mut world = world(&states, json!({}));
    world.run(failing("bad"));
    assert_eq!(world.execution.error(), Some("States.Runtime"));
    world.redrive(|_| Answer::ok(json!({"missing": 1})));
    expect![[r#"
        11 <- 10 ExecutionRedriven
        12 <- 2 ParallelStateStarted
        13 <- 12 TaskStateEntered B
        14 <- 13 LambdaFunctionScheduled
        15 <- 14 LambdaFunctionStarted
        16 <- 15 LambdaFunctionSucceeded
        17 <- 16 TaskStateExited B
        18 <- 17 ParallelStateSucceeded
        19 <- 17 ParallelStateExited A
        20 <- 19 ExecutionSucceeded
        (Succeeded, Some(Object {"x": Number(1)}), None)"#]]
    .assert_eq(&story(&world));
    assert_is_fold(&world);
}

#[test]
fn what_a_catcher_took_is_not_taken_up() {
    let branch = json!({"StartAt": "B", "States": {"B": task("bad")}});
    let states = json!({
        "A": {"Type": "Parallel", "Branches": [branch, {"StartAt": "O", "States": {"O": task("other")}}],
            "Catch": [{"ErrorEquals": ["E"], "Next": "C"}], "End": true},
        "C": task("bad"),
    });
    check(
        &states,
        json!({}),
        &expect![[r#"
        19 <- 18 ExecutionRedriven
        20 <- 14 LambdaFunctionScheduled
        21 <- 20 LambdaFunctionStarted
        22 <- 21 LambdaFunctionSucceeded
        23 <- 22 TaskStateExited C
        24 <- 23 ExecutionSucceeded
        (Succeeded, Some(String("bad again")), None)"#]],
    );
}

#[test]
fn a_wait_of_seconds_begins_anew_and_one_for_a_time_that_is_past_ends() {
    let wait = |field: &str, value: Value| json!({"Type": "Wait", field: value, "End": true});
    for (state, seconds) in
        [(wait("Seconds", 100.into()), 100), (wait("Timestamp", "2026-11-21T04:01:00Z".into()), 0)]
    {
        let mut world = world(&json!({"A": state}), json!({}));
        world.give(Input::Start).unwrap();
        world.now = Timestamp::parse("2026-11-21T04:02:00Z").unwrap();
        world.give(Input::Stop { error: None, cause: None }).unwrap();
        let before = world.now;
        world.redrive(well);
        assert_eq!(world.execution.status(), Status::Succeeded);
        assert_eq!(world.now.millis_since(before), seconds * 1000);
        assert_is_fold(&world);
    }
}

#[test]
fn a_timer_of_before_ends_no_wait_of_after() {
    let mut world = world(&json!({"A": {"Type": "Wait", "Seconds": 100, "End": true}}), json!({}));
    world.give(Input::Start).unwrap();
    let (_, timer) = *world.timers.keys().next().unwrap();
    world.give(Input::Stop { error: None, cause: None }).unwrap();
    world.give(Input::Redrive { attempt: None }).unwrap();
    assert_eq!(world.give(Input::TimerFired { timer }).unwrap_err(), Rejected::NotWaiting { id: timer });
}

#[test]
fn the_time_of_the_machine_runs_anew() {
    let machine = json!({"StartAt": "A", "TimeoutSeconds": 60, "States": {"A": task("good")}});
    let mut world = world_of(&machine, json!({}));
    let silent = |_: &ScheduledTask| Answer { outcome: None, ..Answer::ok(Value::Null) };
    world.run(silent);
    assert_eq!(world.execution.status(), Status::TimedOut);
    let first = world.now;
    world.redrive(silent);
    assert_eq!((world.execution.status(), world.now.millis_since(first)), (Status::TimedOut, 60_000));
    world.redrive(well);
    assert_eq!((world.execution.status(), world.execution.redrives()), (Status::Succeeded, 2));
    assert_is_fold(&world);
}

#[test]
fn an_answer_of_before_is_not_taken() {
    let mut world = world(&json!({"A": task("good")}), json!({}));
    world.give(Input::Start).unwrap();
    let old = world.tasks[0].task;
    world.give(Input::Stop { error: None, cause: None }).unwrap();
    world.give(Input::Redrive { attempt: None }).unwrap();
    let refused = world.give(Input::TaskSucceeded { task: old, output: Value::Null }).unwrap_err();
    assert_eq!(refused, Rejected::NotWaiting { id: old });
    assert_ne!(world.tasks[0].task, old);
}

#[test]
fn what_runs_or_has_succeeded_is_not_redriven() {
    let mut world = world(&json!({"A": task("good")}), json!({}));
    let redrive = || Input::Redrive { attempt: None };
    assert_eq!(world.give(redrive()).unwrap_err(), Rejected::NotWaiting { id: 0 });
    world.give(Input::Start).unwrap();
    assert_eq!(world.give(redrive()).unwrap_err(), Rejected::NotWaiting { id: 0 });
    world.go_on(&mut well);
    assert_eq!(world.give(redrive()).unwrap_err(), Rejected::Ended);
}

#[test]
fn variables_stay() {
    let states = json!({
        "A": {"Type": "Pass", "Assign": {"kept": 7}, "Next": "B"},
        "B": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:111111111111:function:bad", "Next": "C"},
        "C": {"Type": "Pass", "Parameters": {"kept.$": "$kept"}, "End": true},
    });
    let mut world = world(&states, json!({}));
    world.run(failing("bad"));
    world.redrive(well);
    assert_eq!(world.execution.output(), Some(&json!({"kept": 7})));
}

/// A distributed Map over these items, with what a task does for each.
fn distributed(execution_type: &str, fields: Value) -> Value {
    let mut map = fields;
    map["Type"] = "Map".into();
    map["End"] = true.into();
    map["Label"] = "L".into();
    map["ItemProcessor"] = json!({"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": execution_type},
        "StartAt": "P", "States": {"P": {"Type": "Pass", "Next": "T"}, "T": task("item")}});
    json!({"A": map})
}

/// Fails for the items that are named.
fn items_fail(bad: &[i64]) -> impl FnMut(&ScheduledTask) -> Answer + '_ {
    move |task| match task.parameters.as_i64() {
        Some(item) if bad.contains(&item) => Answer::error("E"),
        _ => Answer::ok(task.parameters.clone()),
    }
}

#[test]
fn a_map_run_runs_only_what_has_not_succeeded() {
    let mut world = world(&distributed("STANDARD", json!({"MaxConcurrency": 2})), json!([0, 1, 2, 3, 4]));
    world.run(items_fail(&[1]));
    let (before, _) = world.ended[0].counts();
    assert_eq!((before.succeeded, before.failed, before.pending), (1, 1, 2), "{before:?}");
    world.redrive(items_fail(&[]));
    expect![[r#"
        8 <- 7 ExecutionRedriven
        9 <- 3 MapRunRedriven
        10 <- 9 MapRunSucceeded
        11 <- 10 MapStateSucceeded
        12 <- 9 MapStateExited A
        13 <- 12 ExecutionSucceeded
        (Succeeded, Some(Array [Number(0), Number(1), Number(2), Number(3), Number(4)]), None)"#]]
    .assert_eq(&story(&world));
    assert_is_fold(&world);
    let ended = &world.ended[0];
    assert_eq!((world.ended.len(), ended.counts().0.succeeded, ended.map_run.redrives()), (1, 5, 1));
    let redrives: Vec<u32> = ended.children.iter().map(|child| child.execution.redrives()).collect();
    assert_eq!(redrives, [0, 1, 1, 0, 0]);
    let entered = ended.children[1].events.iter().filter(|event| event.state_name() == Some("P")).count();
    assert_eq!(entered, 2, "what the child has passed is not passed again");
}

#[test]
fn an_express_child_begins_again() {
    let mut world = world(&distributed("EXPRESS", json!({})), json!([0, 1]));
    world.run(items_fail(&[1]));
    world.redrive(items_fail(&[]));
    assert_eq!(world.execution.output(), Some(&json!([0, 1])));
    let child = &world.ended[0].children[1];
    let entered = child.events.iter().filter(|event| event.state_name() == Some("P")).count();
    assert_eq!((entered, child.execution.redrives()), (4, 1));
}

#[test]
fn a_map_run_that_fails_again_has_what_it_had() {
    let fields = json!({"MaxConcurrency": 1, "ToleratedFailureCount": 1});
    let mut world = world(&distributed("STANDARD", fields), json!([0, 1, 2, 3]));
    world.run(items_fail(&[0, 1]));
    let (before, _) = world.ended[0].counts();
    assert_eq!((before.failed, before.pending), (2, 2));
    world.redrive(items_fail(&[0, 1]));
    let (after, items) = world.ended[0].counts();
    assert_eq!((after.failed, after.pending, after.pending_redrive), (2, 2, 0));
    assert_eq!((items.failed, items.pending_redrive), (2, 0));
    world.redrive(items_fail(&[1]));
    assert_eq!(world.execution.status(), Status::Succeeded);
    assert_eq!((world.ended[0].counts().0.failed, world.ended[0].map_run.redrives()), (1, 2));
}

#[test]
fn a_map_run_that_could_not_read_its_items_reads_them_again() {
    let reader = json!({"ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "b", "Key": "k"}}});
    let mut world = world(&distributed("STANDARD", reader), json!({}));
    world.run(items_fail(&[]));
    assert_eq!(world.execution.error(), Some("States.ItemReaderFailed"));
    world.buckets.insert(("b".into(), "k".into()), b"[1, 2]".to_vec());
    world.redrive(items_fail(&[]));
    assert_eq!((world.execution.output(), world.ended.len()), (Some(&json!([1, 2])), 1));
}

#[test]
fn a_map_run_whose_data_was_at_fault_is_followed_by_another() {
    let fields = json!({"ItemSelector": {"x.$": "$.missing"}});
    let mut world = world(&distributed("STANDARD", fields), json!([1]));
    world.run(items_fail(&[]));
    assert_eq!(world.execution.error(), Some("States.Runtime"));
    world.redrive(items_fail(&[]));
    let starts = world.events.iter().filter(|event| event.type_name() == "MapRunStarted").count();
    assert_eq!((starts, world.ended.len()), (2, 2));
}

#[test]
fn results_of_each_attempt_have_a_folder_of_their_own() {
    let writer = json!({"MaxConcurrency": 1,
        "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "out", "Prefix": "p"}}});
    let mut world = world(&distributed("STANDARD", writer), json!([0, 1, 2]));
    world.run(items_fail(&[1]));
    world.redrive(items_fail(&[]));
    let id = world.ended[0].plan.id().to_owned();
    let keys: Vec<String> = world.buckets.keys().map(|(_, key)| key.replace(&id, "ID")).collect();
    expect![[r#"
        p/ID/FAILED_0.json
        p/ID/PENDING_0.json
        p/ID/Redrive-1/SUCCEEDED_0.json
        p/ID/Redrive-1/manifest.json
        p/ID/SUCCEEDED_0.json
        p/ID/manifest.json"#]]
    .assert_eq(&keys.join("\n"));
    let manifest = &world.buckets[&("out".into(), format!("p/{id}/Redrive-1/manifest.json"))];
    let manifest: Value = serde_json::from_slice(manifest).unwrap();
    let succeeded: Vec<String> = manifest["ResultFiles"]["SUCCEEDED"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["Key"].as_str().unwrap().replace(&id, "ID"))
        .collect();
    assert_eq!(succeeded, ["p/ID/SUCCEEDED_0.json", "p/ID/Redrive-1/SUCCEEDED_0.json"]);
}
