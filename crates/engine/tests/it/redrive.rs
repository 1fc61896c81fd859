//! What the engine promises of redrives: once for each client token, only what can be, and nothing lost by a crash.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use serde_json::{Value, json};
use shipway_asl::{Status, Timestamp};
use shipway_engine::{
    Clock, Engine, Error, Launch, Store, TaskFailure, TaskHandler, VirtualClock,
    machines::{CreateMachine, Settings},
    memory_store, open_sqlite,
    redrive::{self, Obstacle},
};
use tokio_util::sync::CancellationToken;

use crate::{
    map_runs::map,
    support::{BACK_TO_FORMAT_2, Handler, RESOURCE, ended, engine, engine_at, start, types},
    troubled::Troubled,
};

const DAY: u64 = 86_400_000;

fn failure() -> TaskFailure {
    TaskFailure { error: "E".to_owned(), cause: "because".to_owned() }
}

/// A task after a state that passes, and one after it.
fn machine() -> String {
    json!({"StartAt": "A", "States": {
        "A": {"Type": "Pass", "Next": "T"},
        "T": {"Type": "Task", "Resource": RESOURCE, "Next": "Z"},
        "Z": {"Type": "Pass", "End": true},
    }})
    .to_string()
}

/// Fails until it is mended.
#[derive(Default)]
struct Switch {
    is_mended: AtomicBool,
    calls: AtomicUsize,
}

impl Switch {
    fn handler(self: &Arc<Self>) -> Arc<dyn TaskHandler> {
        let switch = Arc::clone(self);
        Handler::new(move |_, task| {
            switch.calls.fetch_add(1, Ordering::SeqCst);
            let is_bad = task.parameters.as_str().is_none_or(|item| item.starts_with("bad"));
            match is_bad && !switch.is_mended.load(Ordering::SeqCst) {
                true => Err(failure()),
                false => Ok(task.parameters.clone()),
            }
        })
    }

    fn mend(&self) {
        self.is_mended.store(true, Ordering::SeqCst);
    }
}

fn obstacle(refused: redrive::Error) -> Obstacle {
    match refused {
        redrive::Error::NotRedrivable(_, obstacle) => obstacle,
        other => panic!("{other}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_execution_goes_on_from_where_it_failed_also_with_another_engine() {
    let folder = tempfile::tempdir().unwrap();
    let switch = Arc::new(Switch::default());
    let stop = CancellationToken::new();
    let store = open_sqlite(folder.path()).await.unwrap();
    let first = engine(store, switch.handler(), &stop).await;
    first.put_machine("m", &machine()).await.unwrap();
    let arn = first.start(start("m", "a", json!({"x": 1}))).await.unwrap().arn;
    let failed = ended(&first, &arn).await;
    assert_eq!((failed.status, failed.error.as_deref()), (Status::Failed, Some("E")));
    first.put_machine("m", &machine().replace("\"Z\"", "\"Y\"")).await.unwrap();
    stop.cancel();
    first.stopped().await;
    drop(first);

    switch.mend();
    let stop = CancellationToken::new();
    let store = open_sqlite(folder.path()).await.unwrap();
    let second = engine(store, switch.handler(), &stop).await;
    let at = second.redrive(&arn, None).await.unwrap();
    let done = ended(&second, &arn).await;
    assert_eq!((done.status, done.output, done.error), (Status::Succeeded, Some(json!({"x": 1})), None));
    let row = second.row(&arn).await.unwrap();
    assert_eq!((row.redrives, row.redriven_at), (1, Some(at)));
    let seen = types(&second, &arn).await;
    let from = seen.iter().position(|kind| *kind == "ExecutionRedriven").unwrap();
    assert_eq!(
        seen[from..],
        [
            "ExecutionRedriven",
            "LambdaFunctionScheduled",
            "LambdaFunctionStarted",
            "LambdaFunctionSucceeded",
            "TaskStateExited",
            "PassStateEntered",
            "PassStateExited",
            "ExecutionSucceeded"
        ]
    );
    let names: Vec<String> = second
        .history(&arn, 0, 1_000)
        .await
        .unwrap()
        .iter()
        .filter_map(|event| event.state_name().map(str::to_owned))
        .collect();
    assert_eq!(names.last().unwrap(), "Z", "it keeps the definition that it was started with");
}

#[tokio::test(start_paused = true)]
async fn what_ended_before_redriving_was_known_is_redriven() {
    let folder = tempfile::tempdir().unwrap();
    let switch = Arc::new(Switch::default());
    let stop = CancellationToken::new();
    let first = engine(open_sqlite(folder.path()).await.unwrap(), switch.handler(), &stop).await;
    first.put_machine("m", &machine()).await.unwrap();
    let arn = first.start(start("m", "a", json!({"x": 1}))).await.unwrap().arn;
    ended(&first, &arn).await;
    stop.cancel();
    first.stopped().await;
    drop(first);
    let file = rusqlite::Connection::open(folder.path().join("shipway.db")).unwrap();
    file.execute_batch(BACK_TO_FORMAT_2).unwrap();
    drop(file);
    switch.mend();
    let stop = CancellationToken::new();
    let second = engine(open_sqlite(folder.path()).await.unwrap(), switch.handler(), &stop).await;
    assert_eq!(second.row(&arn).await.unwrap().redrives, 0);
    second.redrive(&arn, None).await.unwrap();
    assert_eq!(ended(&second, &arn).await.output, Some(json!({"x": 1})));
}

#[tokio::test(start_paused = true)]
async fn a_client_token_redrives_once() {
    let switch = Arc::new(Switch::default());
    let stop = CancellationToken::new();
    let clock = Arc::new(VirtualClock::new(Timestamp(0), 1));
    let engine =
        engine_at(memory_store(), Arc::clone(&clock) as Arc<dyn Clock>, switch.handler(), &stop).await;
    engine.put_machine("m", &machine()).await.unwrap();
    let arn = engine.start(start("m", "a", json!({}))).await.unwrap().arn;
    ended(&engine, &arn).await;
    let first = engine.redrive(&arn, Some("one")).await.unwrap();
    ended(&engine, &arn).await;
    clock.sleep_until(clock.now().plus_millis(60_000)).await;
    assert_eq!(engine.redrive(&arn, Some("one")).await.unwrap(), first, "an old answer, and no new redrive");
    assert_eq!(engine.row(&arn).await.unwrap().redrives, 1);
    let second = engine.redrive(&arn, Some("two")).await.unwrap();
    assert!(second > first);
    ended(&engine, &arn).await;
    assert_eq!(engine.redrive(&arn, Some("one")).await.unwrap(), first);
    clock.sleep_until(clock.now().plus_millis(15 * 60_000)).await;
    switch.mend();
    let third = engine.redrive(&arn, Some("one")).await.unwrap();
    assert!(third > second, "after 15 minutes a token is as good as new");
    assert_eq!(ended(&engine, &arn).await.status, Status::Succeeded);
    assert_eq!(engine.redrive(&arn, Some("one")).await.unwrap(), third, "also once it has succeeded");
    let refused = engine.redrive(&arn, Some("three")).await.unwrap_err();
    assert_eq!(obstacle(refused), Obstacle::Succeeded);
    assert_eq!(engine.row(&arn).await.unwrap().redrives, 3);
}

#[tokio::test(start_paused = true)]
async fn ten_client_tokens_are_remembered() {
    let stop = CancellationToken::new();
    let switch = Arc::new(Switch::default());
    let engine = engine(memory_store(), switch.handler(), &stop).await;
    engine.put_machine("m", &machine()).await.unwrap();
    let arn = engine.start(start("m", "a", json!({}))).await.unwrap().arn;
    ended(&engine, &arn).await;
    for number in 0..11 {
        engine.redrive(&arn, Some(&number.to_string())).await.unwrap();
        ended(&engine, &arn).await;
    }
    engine.redrive(&arn, Some("1")).await.unwrap();
    assert_eq!(engine.row(&arn).await.unwrap().redrives, 11);
    engine.redrive(&arn, Some("0")).await.unwrap();
    assert_eq!(engine.row(&arn).await.unwrap().redrives, 12);
}

#[tokio::test(start_paused = true)]
async fn of_two_calls_at_once_one_redrives() {
    let stop = CancellationToken::new();
    let switch = Arc::new(Switch::default());
    let engine = engine(memory_store(), switch.handler(), &stop).await;
    engine.put_machine("m", &machine()).await.unwrap();
    let arn = engine.start(start("m", "a", json!({}))).await.unwrap().arn;
    ended(&engine, &arn).await;
    let (one, two) = tokio::join!(engine.redrive(&arn, Some("t")), engine.redrive(&arn, Some("t")));
    assert_eq!(one.unwrap(), two.unwrap());
    ended(&engine, &arn).await;
    assert_eq!(engine.row(&arn).await.unwrap().redrives, 1);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_redriven_says_why() {
    let switch = Arc::new(Switch::default());
    let stop = CancellationToken::new();
    let clock = Arc::new(VirtualClock::new(Timestamp(0), 1));
    let engine =
        engine_at(memory_store(), Arc::clone(&clock) as Arc<dyn Clock>, switch.handler(), &stop).await;
    engine.put_machine("m", &machine()).await.unwrap();
    let arn = engine.start(start("m", "a", json!({}))).await.unwrap().arn;
    ended(&engine, &arn).await;
    clock.sleep_until(clock.now().plus_millis(14 * DAY - 1_000)).await;
    engine.redrive(&arn, None).await.unwrap();
    ended(&engine, &arn).await;
    clock.sleep_until(clock.now().plus_millis(14 * DAY + 1_000)).await;
    assert_eq!(obstacle(engine.redrive(&arn, None).await.unwrap_err()), Obstacle::Period);
    let missing = engine.redrive(&engine.execution_arn("m", "none"), None).await.unwrap_err();
    assert!(matches!(missing, redrive::Error::Engine(Error::NoExecution(_))));
}

#[tokio::test(start_paused = true)]
async fn a_deleted_machine_runs_nothing_again() {
    let switch = Arc::new(Switch::default());
    let stop = CancellationToken::new();
    let engine = engine(memory_store(), switch.handler(), &stop).await;
    let settings = Settings { definition: machine(), ..Settings::default() };
    let create =
        || CreateMachine { name: "m".to_owned(), settings: settings.clone(), ..CreateMachine::default() };
    engine.create_machine(create()).await.unwrap();
    let launch = Launch {
        machine: "m".to_owned(),
        qualifier: None,
        name: Some("a".to_owned()),
        input: json!({}),
        trace_header: None,
        parent: None,
    };
    let arn = engine.launch(launch).await.unwrap().arn;
    ended(&engine, &arn).await;
    engine.delete_machine("m").await.unwrap();
    assert_eq!(obstacle(engine.redrive(&arn, None).await.unwrap_err()), Obstacle::Deleted);
}

/// Two of the five items fail until the switch is mended.
fn items() -> Value {
    json!(["a", "bad-1", "c", "bad-2", "e"])
}

fn fields() -> Value {
    json!({"MaxConcurrency": 2, "ToleratedFailureCount": 1})
}

async fn run_of(engine: &Engine, arn: &str) -> shipway_engine::MapRunDescription {
    engine.map_runs(arn, None, 2).await.unwrap().remove(0)
}

#[tokio::test(start_paused = true)]
async fn a_map_run_is_redriven_with_its_parent() {
    let switch = Arc::new(Switch::default());
    let stop = CancellationToken::new();
    let engine = engine(memory_store(), switch.handler(), &stop).await;
    engine.put_machine("m", &map(&fields())).await.unwrap();
    let arn = engine.start(start("m", "a", items())).await.unwrap().arn;
    assert_eq!(ended(&engine, &arn).await.status, Status::Failed);
    let before = run_of(&engine, &arn).await;
    assert_eq!((before.status, before.executions.failed), (Status::Failed, 2));
    let child = engine.map_run_children(&before.arn, 0, 10).await.unwrap().remove(1).row.arn;
    let refused = engine.redrive(&child, None).await.unwrap_err();
    assert!(matches!(refused, redrive::Error::Child(_)));
    let calls = switch.calls.load(Ordering::SeqCst);
    switch.mend();
    engine.redrive(&arn, None).await.unwrap();
    let done = ended(&engine, &arn).await;
    assert_eq!((done.status, done.output), (Status::Succeeded, Some(items())));
    let after = run_of(&engine, &arn).await;
    assert_eq!((&after.arn, after.redrives, after.executions.succeeded), (&before.arn, 1, 5));
    assert!(after.redriven_at.is_some());
    let left = before.executions.total - before.executions.succeeded;
    assert_eq!(switch.calls.load(Ordering::SeqCst) - calls, usize::try_from(left).unwrap());
    assert!(types(&engine, &arn).await.contains(&"MapRunRedriven"));
}

#[tokio::test(start_paused = true)]
async fn children_wait_for_their_turn() {
    let switch = Arc::new(Switch::default());
    let stop = CancellationToken::new();
    let clock = Arc::new(VirtualClock::new(Timestamp(0), 1));
    let engine = engine_at(memory_store(), clock, switch.handler(), &stop).await;
    let mut machine: Value = serde_json::from_str(&map(&json!({"MaxConcurrency": 1}))).unwrap();
    let processor = &mut machine["States"]["M"]["ItemProcessor"];
    let first = processor["StartAt"].as_str().unwrap().to_owned();
    processor["States"][&first]["Retry"] =
        json!([{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 100, "MaxAttempts": 1}]);
    machine["States"]["M"]["ToleratedFailurePercentage"] = 60.into();
    engine.put_machine("m", &machine.to_string()).await.unwrap();
    let arn = engine.start(start("m", "a", json!(["bad-1", "bad-2", "bad-3"]))).await.unwrap().arn;
    assert_eq!(ended(&engine, &arn).await.status, Status::Failed);
    let run = run_of(&engine, &arn).await.arn;
    engine.redrive(&arn, None).await.unwrap();
    let counts = loop {
        let counts = engine.map_run(&run).await.unwrap().executions;
        if counts.running == 1 && counts.pending_redrive > 0 {
            break counts;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((counts.failed, counts.pending_redrive, counts.pending, counts.total), (0, 1, 1, 3));
    let children = engine.map_run_children(&run, 0, 10).await.unwrap();
    let pending: Vec<bool> = children.iter().map(|child| child.is_pending_redrive).collect();
    assert_eq!(pending, [false, true]);
    assert!(engine.is_pending_redrive(&children[1].row).await.unwrap());
    engine.stop(&arn, None, None).await.unwrap();
    while engine.map_run(&run).await.unwrap().status == Status::Running {
        tokio::task::yield_now().await;
    }
    let counts = engine.map_run(&run).await.unwrap().executions;
    assert_eq!((counts.failed, counts.aborted, counts.pending_redrive), (1, 1, 0), "none waits any more");
}

#[tokio::test(start_paused = true)]
async fn children_whose_time_is_over_stay_as_they_ended() {
    let switch = Arc::new(Switch::default());
    let stop = CancellationToken::new();
    let clock = Arc::new(VirtualClock::new(Timestamp(0), 1));
    let engine =
        engine_at(memory_store(), Arc::clone(&clock) as Arc<dyn Clock>, switch.handler(), &stop).await;
    let parallel = json!({"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true, "Branches": [
        {"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "Label": "L", "ToleratedFailurePercentage": 100,
            "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                "StartAt": "C", "States": {
                    "C": {"Type": "Choice", "Choices": [{"Variable": "$", "StringEquals": "slow", "Next": "W"}], "Default": "T"},
                    "T": {"Type": "Task", "Resource": RESOURCE, "End": true},
                    "W": {"Type": "Wait", "Seconds": 100 * 86_400, "End": true}}}}}},
    ]}}});
    engine.put_machine("m", &parallel.to_string()).await.unwrap();
    let arn = engine.start(start("m", "a", json!(["bad", "slow"]))).await.unwrap().arn;
    clock.sleep_until(clock.now().plus_millis(15 * DAY)).await;
    engine.stop(&arn, None, None).await.unwrap();
    let run = run_of(&engine, &arn).await.arn;
    while engine.map_run(&run).await.unwrap().status == Status::Running {
        tokio::task::yield_now().await;
    }
    switch.mend();
    engine.redrive(&arn, None).await.unwrap();
    assert_eq!(ended(&engine, &arn).await.status, Status::Succeeded);
    let counts = engine.map_run(&run).await.unwrap().executions;
    assert_eq!((counts.failed, counts.succeeded, counts.failures_not_redrivable), (1, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_map_run_that_is_still_stopping_is_redriven_after_that() {
    let switch = Arc::new(Switch::default());
    let stop = CancellationToken::new();
    let clock = Arc::new(VirtualClock::new(Timestamp(0), 1));
    let engine = engine_at(memory_store(), clock, switch.handler(), &stop).await;
    let mut machine: Value = serde_json::from_str(&map(&json!({"MaxConcurrency": 2}))).unwrap();
    let processor = &mut machine["States"]["M"]["ItemProcessor"];
    processor["StartAt"] = "W".into();
    processor["States"] = json!({"W": {"Type": "Wait", "Seconds": 1_000, "End": true}});
    engine.put_machine("m", &machine.to_string()).await.unwrap();
    let arn = engine.start(start("m", "a", json!([1, 2, 3]))).await.unwrap().arn;
    let run = run_of(&engine, &arn).await.arn;
    while engine.map_run(&run).await.unwrap().executions.running < 2 {
        tokio::task::yield_now().await;
    }
    for redrives in 1..=3 {
        engine.stop(&arn, None, None).await.unwrap();
        engine.redrive(&arn, None).await.unwrap();
        assert_eq!(engine.row(&arn).await.unwrap().redrives, redrives);
    }
    let done = ended(&engine, &arn).await;
    assert_eq!((done.status, done.output), (Status::Succeeded, Some(json!([1, 2, 3]))));
    let after = engine.map_run(&run).await.unwrap();
    assert_eq!((after.status, after.redrives, after.executions.succeeded), (Status::Succeeded, 3, 3));
}

/// Redrives over a store that dies after so many commits, and lets another engine finish; gives the commits.
async fn with_a_crash_after(commits: usize, loses_reply: bool) -> usize {
    let switch = Arc::new(Switch::default());
    let beneath = memory_store();
    let store = Troubled::over(Arc::clone(&beneath));
    let stop = CancellationToken::new();
    let first = engine(Arc::clone(&store) as Arc<dyn Store>, switch.handler(), &stop).await;
    first.put_machine("m", &map(&fields())).await.unwrap();
    let arn = first.start(start("m", "a", items())).await.unwrap().arn;
    assert_eq!(ended(&first, &arn).await.status, Status::Failed);
    let before = run_of(&first, &arn).await;
    switch.mend();
    store.loses_reply.store(loses_reply, Ordering::SeqCst);
    store.commits_left.store(commits, Ordering::SeqCst);
    let redriven = first.redrive(&arn, Some("t")).await;
    if redriven.is_ok() {
        let refused = async {
            while store.refused.load(Ordering::SeqCst) == 0 {
                store.has_refused.notified().await;
            }
        };
        tokio::select! {
            _ = ended(&first, &arn) => {}
            () = refused => {}
        }
    }
    let used = commits.saturating_sub(store.commits_left.load(Ordering::SeqCst));
    stop.cancel();
    first.stopped().await;
    let stop = CancellationToken::new();
    let second = engine(beneath, switch.handler(), &stop).await;
    second.redrive(&arn, Some("t")).await.unwrap();
    let done = ended(&second, &arn).await;
    assert_eq!((done.status, done.output), (Status::Succeeded, Some(items())), "at {commits}");
    let after = run_of(&second, &arn).await;
    assert_eq!((after.status, after.redrives, after.executions.succeeded), (Status::Succeeded, 1, 5));
    for child in second.map_run_children(&after.arn, 0, 10).await.unwrap() {
        let seen = types(&second, &child.row.arn).await;
        let redrives = seen.iter().filter(|kind| **kind == "ExecutionRedriven").count();
        assert!(redrives <= 1 && u32::try_from(redrives).unwrap() == child.row.redrives, "{seen:?}");
    }
    assert_eq!(before.arn, after.arn);
    stop.cancel();
    second.stopped().await;
    used
}

#[tokio::test(start_paused = true)]
async fn a_redrive_survives_a_crash_at_every_commit() {
    let commits = with_a_crash_after(1_000, false).await;
    assert!((5..60).contains(&commits), "{commits}");
    for at in 0..commits {
        with_a_crash_after(at, false).await;
        with_a_crash_after(at + 1, true).await;
    }
}
