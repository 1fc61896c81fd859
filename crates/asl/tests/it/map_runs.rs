//! Distributed Maps from the outside: what children get, what becomes of their results, and what the parent shows.

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use shipway_asl::{Input, ScheduledTask, StateMachine, Status};

use crate::world::{Answer, World, start};

/// A machine whose only state is a distributed Map with these fields; its children do what `processor` says.
fn world(fields: &Value, processor: &Value, input: Value) -> World {
    let mut map = json!({"Type": "Map", "End": true, "Label": "L", "ItemProcessor": processor});
    map["ItemProcessor"]["ProcessorConfig"] = json!({"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"});
    for (name, value) in fields.as_object().unwrap() {
        map[name] = value.clone();
    }
    let machine = json!({"StartAt": "M", "States": {"M": map}});
    World::new(StateMachine::parse(&machine.to_string()).unwrap(), start(input))
}

fn pass() -> Value {
    json!({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}})
}

fn task() -> Value {
    json!({"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:111111111111:function:f", "End": true}}})
}

/// Fails for items that say so.
fn answer(task: &ScheduledTask) -> Answer {
    if task.parameters == "bad" { Answer::error("E") } else { Answer::ok(task.parameters.clone()) }
}

/// The output, or the error and its cause.
fn outcome(world: &World) -> String {
    let execution = &world.execution;
    match execution.output() {
        Some(output) => output.to_string(),
        None => format!("{}: {}", execution.error().unwrap_or("-"), execution.cause().unwrap_or("-")),
    }
}

fn check(fields: &Value, processor: &Value, input: Value, expected: &Expect) {
    let mut world = world(fields, processor, input);
    world.run(answer);
    expected.assert_eq(&outcome(&world));
}

#[test]
fn items_come_one_by_one_or_in_batches() {
    check(&json!({}), &pass(), json!([1, "a", null]), &expect![[r#"[1,"a",null]"#]]);
    check(
        &json!({"ItemBatcher": {"MaxItemsPerBatch": 2}}),
        &pass(),
        json!([1, 2, 3]),
        &expect![[r#"[{"Items":[1,2]},{"Items":[3]}]"#]],
    );
    check(
        &json!({"ItemsPath": "$.all", "ItemBatcher": {"MaxItemsPerBatchPath": "$.most", "BatchInput": {"x.$": "$.most"}}}),
        &pass(),
        json!({"most": 1, "all": [5, 6]}),
        &expect![[r#"[{"BatchInput":{"x":1},"Items":[5]},{"BatchInput":{"x":1},"Items":[6]}]"#]],
    );
    // 12 bytes are `{"Items":[]}`; each item of 10 bytes brings a comma.
    check(
        &json!({"ItemBatcher": {"MaxInputBytesPerBatch": 33}}),
        &pass(),
        json!(["12345678", "12345678", "12345678"]),
        &expect![[r#"[{"Items":["12345678","12345678"]},{"Items":["12345678"]}]"#]],
    );
}

#[test]
fn fields_of_an_object_are_items_with_names() {
    check(
        &json!({}),
        &pass(),
        json!({"a": 1, "b": [2]}),
        &expect![[r#"[{"Key":"a","Value":1},{"Key":"b","Value":[2]}]"#]],
    );
    let selector = json!({"ItemSelector": {"k.$": "$$.Map.Item.Key", "v.$": "$$.Map.Item.Value", "from.$": "$$.Map.Item.Source", "at.$": "$$.Map.Item.Index"}});
    check(&selector, &pass(), json!({"a": 1}), &expect![[r#"[{"k":"a","v":1,"from":"STATE_DATA","at":0}]"#]]);
}

#[test]
fn failures_are_borne_up_to_their_limit() {
    let items = json!(["ok", "bad", "ok", "bad"]);
    let exceeded = expect![
        "States.ExceedToleratedFailureThreshold: The specified tolerated failure threshold was exceeded"
    ];
    for too_few in [
        json!({}),
        json!({"ToleratedFailureCount": 1}),
        json!({"ToleratedFailurePercentage": 49.9}),
        json!({"ToleratedFailureCount": 2, "ToleratedFailurePercentage": 25}),
    ] {
        check(&too_few, &task(), items.clone(), &exceeded);
    }
    for enough in [json!({"ToleratedFailureCount": 2}), json!({"ToleratedFailurePercentage": 50})] {
        let mut world = world(&enough, &task(), items.clone());
        world.run(answer);
        let output = world.execution.output().unwrap();
        assert_eq!((&output[0], &output[2]), (&json!("ok"), &json!("ok")));
        assert_eq!((&output[1]["Status"], &output[1]["Error"]), (&json!("FAILED"), &json!("E")));
    }
    check(
        &json!({"ItemBatcher": {"MaxItemsPerBatch": 2}, "ToleratedFailureCount": 1}),
        &json!({"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E"}}}),
        items,
        &exceeded,
    );
}

#[test]
fn counts_are_of_items_and_of_children() {
    let fields = json!({"MaxConcurrency": 1, "ItemBatcher": {"MaxItemsPerBatch": 2}});
    let fails = json!({"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E"}}});
    let mut world = world(&fields, &fails, json!([1, 2, 3, 4, 5]));
    world.run(answer);
    let (executions, items) = world.ended[0].counts();
    assert_eq!((executions.failed, executions.pending, executions.total), (1, 2, 3));
    assert_eq!((items.failed, items.pending, items.total), (2, 3, 5));
    assert_eq!((executions.results_written, items.results_written), (0, 0), "there is no ResultWriter");
}

#[test]
fn what_cannot_be_borne_can_be_caught() {
    let mut world = world(&json!({}), &task(), json!(["bad"]));
    let mut definition = json!({"StartAt": "M", "States": {"M": {"Type": "Map", "Label": "L", "ItemProcessor": task(),
        "Retry": [{"ErrorEquals": ["States.ExceedToleratedFailureThreshold"], "MaxAttempts": 1}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "C"}], "End": true}, "C": {"Type": "Pass", "End": true}}});
    definition["States"]["M"]["ItemProcessor"]["ProcessorConfig"] =
        json!({"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"});
    world =
        World::new(StateMachine::parse(&definition.to_string()).unwrap(), world.execution.start().clone());
    world.run(answer);
    assert_eq!(world.execution.output().unwrap()["Error"], "States.ExceedToleratedFailureThreshold");
    assert_eq!(world.ended.len(), 2, "each try is a Map Run of its own");
    assert_ne!(world.ended[0].plan.arn, world.ended[1].plan.arn);
}

#[test]
fn results_without_a_bucket_can_be_formed() {
    let lists = json!([[1, 2], 3, []]);
    let config = |config: Value| json!({"ResultWriter": {"WriterConfig": config}});
    check(
        &config(json!({"Transformation": "FLATTEN", "OutputType": "JSON"})),
        &pass(),
        lists.clone(),
        &expect!["[1,2,3]"],
    );
    check(
        &config(json!({"Transformation": "COMPACT", "OutputType": "JSONL"})),
        &pass(),
        lists.clone(),
        &expect![[r#""[1,2]\n3\n[]\n""#]],
    );
    let mut world = world(&config(json!({"Transformation": "NONE", "OutputType": "JSON"})), &pass(), lists);
    world.run(answer);
    let record = &world.execution.output().unwrap()[1];
    let names: Vec<&str> = record.as_object().unwrap().keys().map(String::as_str).collect();
    expect![[r#"["ExecutionArn", "Input", "InputDetails", "Name", "Output", "OutputDetails", "RedriveCount", "RedriveStatus", "RedriveStatusReason", "StartDate", "StateMachineArn", "Status", "StopDate"]"#]]
        .assert_eq(&format!("{names:?}"));
    assert_eq!(
        (&record["Input"], &record["Output"], &record["Status"]),
        (&json!("3"), &json!("3"), &json!("SUCCEEDED"))
    );
}

#[test]
fn results_in_a_bucket_are_told_apart_by_how_they_ended() {
    let fields = json!({"MaxConcurrency": 1, "ToleratedFailureCount": 0,
        "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket.$": "$$.Execution.Name", "Prefix": "p/"}}});
    let mut world = world(&fields, &task(), json!(["ok", "bad", "never"]));
    world.run(answer);
    let id = world.ended[0].plan.id().to_owned();
    let files: Vec<String> =
        world.buckets.keys().map(|(bucket, key)| format!("{bucket} {}", key.replace(&id, "ID"))).collect();
    assert_eq!(
        files,
        [
            "run p/ID/FAILED_0.json",
            "run p/ID/PENDING_0.json",
            "run p/ID/SUCCEEDED_0.json",
            "run p/ID/manifest.json"
        ]
    );
    let read = |name: &str| -> Value {
        serde_json::from_slice(&world.buckets[&("run".to_owned(), format!("p/{id}/{name}"))]).unwrap()
    };
    let manifest = read("manifest.json");
    assert_eq!(manifest["DestinationBucket"], "run");
    assert_eq!(manifest["MapRunArn"], world.ended[0].plan.arn);
    let succeeded = read("SUCCEEDED_0.json");
    let size = world.buckets[&("run".to_owned(), format!("p/{id}/SUCCEEDED_0.json"))].len();
    assert_eq!(
        manifest["ResultFiles"]["SUCCEEDED"],
        json!([{"Key": format!("p/{id}/SUCCEEDED_0.json"), "Size": size}])
    );
    assert_eq!((&succeeded[0]["Output"], &succeeded[0]["Status"]), (&json!("\"ok\""), &json!("SUCCEEDED")));
    let failed = &read("FAILED_0.json")[0];
    assert_eq!(
        (&failed["Error"], &failed["Cause"], &failed["RedriveStatus"]),
        (&json!("E"), &json!("because"), &json!("REDRIVABLE_BY_MAP_RUN"))
    );
    assert_eq!(read("PENDING_0.json")[0]["Input"], "\"never\"");
}

#[test]
fn results_that_are_too_large_need_a_bucket() {
    let large = "x".repeat(100_000);
    let mut world = world(&json!({}), &pass(), json!([large, large]));
    world.run(answer);
    assert!(world.execution.output().is_some());
    let selector = json!({"ItemsPath": "$.n", "ItemSelector": {"x.$": "$.x"}});
    check(
        &selector,
        &pass(),
        json!({"n": [1, 2, 3], "x": large}),
        &expect![
            "States.DataLimitExceeded: An error occurred while executing the state 'M' (entered at the event id #2). The state/task 'M' returned a result with a size exceeding the maximum number of bytes service limit."
        ],
    );
}

#[test]
fn a_reader_that_is_asked_for_less_than_nothing_fails_the_map_run() {
    let reader = |config: Value| {
        json!({"ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "b", "Key": "k"},
            "ReaderConfig": config}})
    };
    let config = json!({"InputType": "JSON", "MaxItemsPath": "$.most"});
    check(
        &reader(config.clone()),
        &pass(),
        json!({"most": -1}),
        &expect!["States.ItemReaderFailed: field MaxItems must be positive"],
    );
    check(
        &reader(config.clone()),
        &pass(),
        json!({"most": "x"}),
        &expect![[
            r#"States.Runtime: An error occurred while executing the state 'M' (entered at the event id #2). The MaxItemsPath field refers to value "x" which is not a valid integer: $.most"#
        ]],
    );
    let mut world = world(&reader(config), &pass(), json!({"most": 2}));
    world.buckets.insert(("b".into(), "k".into()), b"[1,2,3]".to_vec());
    world.run(answer);
    assert_eq!(world.execution.output(), Some(&json!([1, 2])));
}

#[test]
fn an_item_that_cannot_be_selected_fails_the_map_run() {
    check(
        &json!({"ItemSelector": {"x.$": "$.nothing"}}),
        &pass(),
        json!([1]),
        &expect![[
            r#"States.Runtime: An error occurred while executing the state 'M' (entered at the event id #2). The JSONPath '$.nothing' specified for the field 'x.$' could not be found in the input '[1]'"#
        ]],
    );
}

#[test]
fn what_ends_around_a_map_run_aborts_it() {
    let mut map = json!({"Type": "Map", "End": true, "ItemProcessor": task()});
    map["ItemProcessor"]["ProcessorConfig"] = json!({"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"});
    let branch = |name: &str, state: Value| json!({"StartAt": name, "States": {name: state}});
    let machine = json!({"StartAt": "B", "States": {"B": {"Type": "Parallel", "End": true, "Branches": [
        branch("M", map), branch("F", json!({"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:111111111111:function:g", "End": true}))]}}});
    let mut world = World::new(StateMachine::parse(&machine.to_string()).unwrap(), start(json!([1])));
    world.give(Input::Start).unwrap();
    let task = world.tasks[0].task;
    world.give(Input::TaskFailed { task, error: "E".into(), cause: None }).unwrap();
    assert_eq!(world.execution.status(), Status::Failed);
    assert!(world.runs.is_empty());
    let names: Vec<&str> = world.events.iter().map(|event| event.type_name()).collect();
    assert_eq!(
        names[names.len() - 5..],
        ["TaskStateAborted", "MapRunAborted", "MapStateAborted", "ParallelStateFailed", "ExecutionFailed"]
    );
}

#[test]
fn definitions_of_maps_are_checked() {
    let found = |fields: Value| -> Vec<String> {
        let mut map = json!({"Type": "Map", "End": true, "ItemProcessor": pass()});
        map["ItemProcessor"]["ProcessorConfig"] = json!({"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"});
        for (name, value) in fields.as_object().unwrap() {
            map[name] = value.clone();
        }
        let refused =
            StateMachine::parse(&json!({"StartAt": "M", "States": {"M": map}}).to_string()).unwrap_err();
        refused.into_iter().map(|found| format!("{}: {}", found.location, found.message)).collect()
    };
    for fields in [
        json!({"ItemReader": {}}),
        json!({"ItemReader": {"Resource": "arn:aws:states:::s3:putObject"}}),
        json!({"ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "XML"}}}),
        json!({"ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "GIVEN"}}}),
        json!({"ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"MaxItems": 1, "MaxItemsPath": "$.a"}}}),
        json!({"ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"ItemsPointer": "a"}}}),
        json!({"ItemBatcher": {}}),
        json!({"ItemBatcher": {"MaxInputBytesPerBatch": 262_145}}),
        json!({"ResultWriter": {"WriterConfig": {"Transformation": "SMALL"}}}),
    ] {
        assert!(!found(fields.clone()).is_empty(), "{fields}");
    }
}
