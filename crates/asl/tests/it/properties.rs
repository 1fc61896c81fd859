//! What must hold for every machine: the fold, determinism, the absorbing end, and that none gets stuck.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use shipway_asl::{Execution, Input, Moment, Rejected, StateMachine, Status, Timestamp, step};

use crate::world::{Answer, World, start};

/// A scope of up to four states; `depth` says how far Parallel and Map may nest.
fn scope(depth: u32, prefix: String) -> BoxedStrategy<Value> {
    let choices = if depth == 0 { 5 } else { 7 };
    proptest::collection::vec((0..choices, any::<u8>(), any::<bool>(), any::<bool>()), 1..4)
        .prop_flat_map(move |picks| {
            let last = picks.len() - 1;
            let states: Vec<BoxedStrategy<(String, Value)>> = picks
                .iter()
                .enumerate()
                .map(|(at, (kind, number, flag, query))| {
                    let name = format!("{prefix}{at}");
                    let next = (at < last).then(|| format!("{prefix}{}", at + 1));
                    let draw = Draw { kind: *kind, number: *number, flag: *flag, depth };
                    if *query { query_state(draw, &name, next) } else { state(draw, &name, next) }
                })
                .collect();
            let prefix = prefix.clone();
            states.prop_map(move |states| {
                let states: Map<String, Value> = states.into_iter().collect();
                json!({"StartAt": format!("{prefix}0"), "States": states})
            })
        })
        .boxed()
}

/// What a state is made from.
#[derive(Clone, Copy)]
struct Draw {
    kind: i32,
    number: u8,
    flag: bool,
    depth: u32,
}

/// A state in JSONata; each keeps its input and adds to it.
fn query_state(draw: Draw, name: &str, next: Option<String>) -> BoxedStrategy<(String, Value)> {
    let Draw { kind, number, flag, depth } = draw;
    let with = |field: &str, value: &str| format!("{{% $merge([$states.input, {{'{field}': {value}}}]) %}}");
    let variable = format!("v{name}");
    let mut inner: Option<(&'static str, BoxedStrategy<Value>)> = None;
    let mut own = match kind {
        0 => {
            json!({"Type": "Pass", "Output": with("p", "$uuid()"), "Assign": {variable: "{% $states.input.items %}"}})
        }
        1 => json!({"Type": "Task", "Resource": "r", "Arguments": {"all": ["{% $states.input %}", 1]},
            "TimeoutSeconds": "{% 30 + 30 %}", "HeartbeatSeconds": 20, "Output": with("t", "$states.result"),
            "Assign": {variable: "{% $states.result.attempt %}"}}),
        2 => {
            json!({"Type": "Wait", "Seconds": format!("{{% {number} %}}"), "Output": with("w", "$now()")})
        }
        // What gives nothing, or what no field can take.
        3 => json!({"Type": "Pass", "Output": if flag { "{% $nothing %}" } else { "{% $sum %}" }}),
        4 => json!({"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Arguments": {"QueueUrl": "q", "MessageBody": "{% $states.context.Task.Token %}"}, "Output": "{% $states.input %}"}),
        5 => {
            let branches = (scope(depth - 1, format!("{name}a")), scope(depth - 1, format!("{name}b")));
            inner = Some(("Branches", branches.prop_map(|(a, b)| json!([a, b])).boxed()));
            json!({"Type": "Parallel", "Arguments": "{% $states.input %}", "Output": with("both", "$states.result")})
        }
        _ => {
            inner = Some(("ItemProcessor", processor(draw, name)));
            json!({"Type": "Map", "Items": "{% $states.input.items %}", "MaxConcurrency": format!("{{% {} %}}", number % 4),
                "ItemSelector": {"v": "{% $states.context.Map.Item.Value %}", "items": "{% $states.input.items %}"},
                "Output": with("all", "$states.result")})
        }
    };
    own["QueryLanguage"] = "JSONata".into();
    if flag && matches!(kind, 1 | 5 | 6) {
        own["Retry"] = json!([{"ErrorEquals": ["E", "States.QueryEvaluationError"], "MaxAttempts": 1}]);
    }
    if let (Some(next), true) = (&next, matches!(kind, 1 | 4 | 5 | 6) && number > 100) {
        own["Catch"] = json!([{"ErrorEquals": ["States.ALL"], "Next": next, "Output": with("error", "$states.errorOutput")}]);
    }
    finish(own, inner, name, next)
}

/// A state in JSONPath.
fn state(draw: Draw, name: &str, next: Option<String>) -> BoxedStrategy<(String, Value)> {
    let Draw { kind, number, flag, depth } = draw;
    let mut own = json!({});
    let mut inner: Option<(&'static str, BoxedStrategy<Value>)> = None;
    match kind {
        0 => {
            own = json!({"Type": "Pass", "Parameters": {"n": number, "uuid.$": "States.UUID()"}, "ResultPath": "$.p"})
        }
        1 => {
            own = json!({"Type": "Task", "Resource": "r", "ResultPath": "$.t", "TimeoutSeconds": 60, "HeartbeatSeconds": 20});
            if flag {
                own["Retry"] = json!([{"ErrorEquals": ["States.ALL"], "MaxAttempts": number % 3, "JitterStrategy": "FULL"}]);
            }
        }
        2 => own = json!({"Type": "Wait", "Seconds": number}),
        3 => own = json!({"Type": "Pass", "Assign": {format!("v{name}.$"): "$$.State.Name"}}),
        4 => {
            own = json!({"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "Parameters": {"QueueUrl": "q", "MessageBody.$": "$$.Task.Token"}, "ResultPath": null})
        }
        5 => {
            own = json!({"Type": "Parallel", "ResultPath": "$.both"});
            let branches = (scope(depth - 1, format!("{name}a")), scope(depth - 1, format!("{name}b")));
            inner = Some(("Branches", branches.prop_map(|(a, b)| json!([a, b])).boxed()));
        }
        _ => {
            own = json!({"Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": number % 4, "ResultPath": "$.all",
                "ItemSelector": {"v.$": "$$.Map.Item.Value", "items.$": "$.items"}});
            inner = Some(("ItemProcessor", processor(draw, name)));
            if is_distributed(draw) {
                distributed(&mut own, number);
            }
        }
    }
    if flag && matches!(kind, 5 | 6) {
        own["Retry"] = json!([{"ErrorEquals": ["E"], "MaxAttempts": 1}]);
    }
    if let (Some(next), true) = (&next, matches!(kind, 1 | 4 | 5 | 6) && number > 100) {
        own["Catch"] = json!([{"ErrorEquals": ["States.ALL"], "Next": next, "ResultPath": "$.error"}]);
    }
    finish(own, inner, name, next)
}

fn is_distributed(draw: Draw) -> bool {
    draw.number.is_multiple_of(2)
}

/// What a Map has its items processed by.
fn processor(draw: Draw, name: &str) -> BoxedStrategy<Value> {
    let inner = scope(draw.depth - 1, format!("{name}m"));
    if !is_distributed(draw) {
        return inner;
    }
    inner
        .prop_map(move |mut inner| {
            // WHY: what waits for a token, or is distributed itself, may not be in an Express child.
            let text = inner.to_string();
            let is_standard = draw.flag || text.contains("waitForTaskToken") || text.contains("DISTRIBUTED");
            let execution_type = if is_standard { "STANDARD" } else { "EXPRESS" };
            inner["ProcessorConfig"] = json!({"Mode": "DISTRIBUTED", "ExecutionType": execution_type});
            inner
        })
        .boxed()
}

/// Some of what only distributed Maps have.
fn distributed(map: &mut Value, number: u8) {
    match number % 5 {
        0 => {
            map["ItemReader"] = json!({"Resource": "arn:aws:states:::s3:getObject",
                "Parameters": {"Bucket": "b", "Key": if number > 200 { "none" } else { "items.json" }}})
        }
        1 => map["ToleratedFailurePercentage"] = (number % 101).into(),
        2 => map["ToleratedFailureCount"] = 1.into(),
        3 => {
            map["ResultWriter"] =
                json!({"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "out"}})
        }
        _ => {}
    }
    if number > 128 {
        map["ItemBatcher"] = json!({"MaxItemsPerBatch": 2, "BatchInput": {"items.$": "$.items"}});
    }
}

fn finish(
    mut own: Value,
    inner: Option<(&'static str, BoxedStrategy<Value>)>,
    name: &str,
    next: Option<String>,
) -> BoxedStrategy<(String, Value)> {
    match next {
        Some(next) => own["Next"] = next.into(),
        None => own["End"] = true.into(),
    }
    let name = name.to_owned();
    match inner {
        None => Just((name, own)).boxed(),
        Some((field, strategy)) => strategy
            .prop_map(move |value| {
                let mut own = own.clone();
                own[field] = value;
                (name.clone(), own)
            })
            .boxed(),
    }
}

/// Runs with answers drawn from `answers`: success, error, or silence until the time-out.
fn run(machine: &Value, answers: &[u8]) -> (World, Vec<Input>) {
    let machine = StateMachine::parse(&machine.to_string()).unwrap();
    let mut world = World::new(machine, start(json!({"items": [1, "two", null]})));
    world.buckets.insert(("b".into(), "items.json".into()), b"[1, {\"items\": [2]}, 3]".to_vec());
    let mut answers = answers.iter().cycle();
    let mut log = Vec::new();
    world.run_logged(
        |task| match answers.next().unwrap() % 4 {
            0 => Answer::error("E"),
            1 if task.timeout_seconds.is_some() => Answer { outcome: None, ..Answer::ok(Value::Null) },
            _ => Answer::ok(json!({"attempt": task.attempt})),
        },
        &mut log,
    );
    (world, log)
}

/// Of every Map Run, inner ones too: it is over, its children are, and its counts are theirs.
fn map_runs_add_up(world: &World) -> Result<(), TestCaseError> {
    for ended in &world.ended {
        let (executions, items) = ended.counts();
        let with =
            |status: Status| ended.children.iter().filter(|child| child.execution.status() == status).count();
        prop_assert_ne!(ended.map_run.status(), Status::Running);
        prop_assert_eq!(executions.succeeded, with(Status::Succeeded) as u64);
        prop_assert_eq!(executions.failed, with(Status::Failed) as u64);
        prop_assert_eq!(executions.timed_out, with(Status::TimedOut) as u64);
        prop_assert_eq!(executions.aborted, with(Status::Aborted) as u64);
        for counts in [executions, items] {
            let all = counts.pending + counts.running + counts.succeeded + counts.failed;
            prop_assert_eq!(all + counts.timed_out + counts.aborted, counts.total);
        }
        for child in &ended.children {
            let of = child.execution.child_of().unwrap();
            prop_assert_eq!(&of.map_run, &ended.plan.arn);
            let mut folded = ended.plan.child(
                world.execution.start(),
                of.child,
                child.execution.start().input.clone(),
                of.attempt,
            );
            child.events.iter().for_each(|event| folded.apply(event));
            prop_assert_eq!(&folded, &child.execution);
            map_runs_add_up(child)?;
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_valid_machine_ends_and_is_the_fold_of_its_events(
        machine in scope(2, "s".into()),
        answers in proptest::collection::vec(any::<u8>(), 8),
    ) {
        let (mut world, _) = run(&machine, &answers);
        prop_assert!(!world.is_running(), "stuck in {:?}", world.execution.active_states());
        prop_assert_eq!(world.completed, 1);
        prop_assert!(world.tasks.is_empty() && world.timers.is_empty() && world.runs.is_empty(), "effects are left open");
        let mut folded = Execution::new(world.execution.start().clone());
        for (at, event) in world.events.iter().enumerate() {
            prop_assert_eq!(event.id, at as u64 + 1);
            prop_assert!(event.previous_event_id < event.id);
            let stored = serde_json::to_string(event).unwrap();
            folded.apply(&serde_json::from_str(&stored).unwrap());
        }
        prop_assert_eq!(&folded, &world.execution);
        map_runs_add_up(&world)?;
        let last = world.execution.clone();
        for input in [Input::Start, Input::TimerFired { timer: 4 }, Input::TaskSucceeded { task: 3, output: Value::Null },
            Input::Stop { error: None, cause: None }] {
            prop_assert_eq!(world.give(input).unwrap_err(), Rejected::Ended);
        }
        prop_assert_eq!(&last, &world.execution);
    }

    #[test]
    fn the_same_inputs_give_the_same_bytes(
        machine in scope(2, "s".into()),
        answers in proptest::collection::vec(any::<u8>(), 8),
        cut in any::<proptest::sample::Index>(),
    ) {
        let (one, log) = run(&machine, &answers);
        let (two, _) = run(&machine, &answers);
        let bytes = |world: &World| serde_json::to_string(&(&world.events, &world.execution)).unwrap();
        prop_assert_eq!(bytes(&one), bytes(&two));
        // A snapshot taken anywhere and read back goes on in the same way.
        let machine = StateMachine::parse(&machine.to_string()).unwrap();
        let cut = cut.index(log.len());
        let mut execution = Execution::new(one.execution.start().clone());
        let mut world = World::new(machine.clone(), one.execution.start().clone());
        for (at, input) in log.into_iter().enumerate() {
            if at == cut {
                execution = serde_json::from_str(&serde_json::to_string(&execution).unwrap()).unwrap();
            }
            let moment = Moment { now: Timestamp(at as i64), seed: at as u64 };
            world.now = moment.now;
            if step(&machine, &mut execution, input, moment).is_err() {
                break;
            }
            prop_assert_eq!(execution.unattended(), None);
        }
        prop_assert_eq!(execution.status(), one.execution.status());
    }

    #[test]
    fn stopping_anywhere_ends_it(
        machine in scope(2, "s".into()),
        answers in proptest::collection::vec(any::<u8>(), 8),
        cut in any::<proptest::sample::Index>(),
    ) {
        let (one, log) = run(&machine, &answers);
        let machine = StateMachine::parse(&machine.to_string()).unwrap();
        let mut world = World::new(machine, one.execution.start().clone());
        world.give(Input::Start).unwrap();
        for input in log.iter().skip(1).take(cut.index(log.len())).cloned() {
            if world.give(input).is_err() {
                break;
            }
        }
        if world.is_running() {
            world.give(Input::Stop { error: Some("Stop".into()), cause: None }).unwrap();
            prop_assert_eq!(world.execution.status(), Status::Aborted);
            prop_assert!(world.tasks.is_empty() && world.timers.is_empty() && world.runs.is_empty(), "effects are left open");
        }
    }

    #[test]
    fn a_redrive_of_whatever_did_not_succeed_ends_and_is_the_fold_of_its_events(
        machine in scope(2, "s".into()),
        answers in proptest::collection::vec(any::<u8>(), 8),
        cut in any::<proptest::sample::Index>(),
        is_stopped in any::<bool>(),
    ) {
        let (mut world, log) = run(&machine, &answers);
        if is_stopped {
            let machine = StateMachine::parse(&machine.to_string()).unwrap();
            let (start, buckets) = (world.execution.start().clone(), std::mem::take(&mut world.buckets));
            world = World::new(machine, start);
            world.buckets = buckets;
            world.give(Input::Start).unwrap();
            for input in log.into_iter().skip(1).take(cut.index(64)) {
                if world.give(input).is_err() {
                    break;
                }
            }
            drop(world.give(Input::Stop { error: None, cause: None }));
        }
        for attempt in 1..=3 {
            if world.execution.status() == Status::Succeeded {
                break;
            }
            let before = world.events.len();
            let done = world.completed;
            let mut answers = answers.iter().cycle();
            world.redrive(|task| match answers.next().unwrap() % (attempt * 5) {
                0 => Answer::error("E"),
                _ => Answer::ok(json!({"attempt": task.attempt})),
            });
            prop_assert!(!world.is_running(), "stuck in {:?}", world.execution.active_states());
            prop_assert_eq!((world.completed, world.execution.redrives()), (done + 1, u32::from(attempt)));
            prop_assert!(world.tasks.is_empty() && world.timers.is_empty() && world.runs.is_empty(), "effects are left open");
            prop_assert!(no_state_is_entered_twice(&world, before));
        }
        let mut folded = Execution::new(world.execution.start().clone());
        for (at, event) in world.events.iter().enumerate() {
            prop_assert_eq!(event.id, at as u64 + 1);
            prop_assert!(event.previous_event_id < event.id);
            folded.apply(&serde_json::from_str(&serde_json::to_string(event).unwrap()).unwrap());
        }
        prop_assert_eq!(&folded, &world.execution);
        prop_assert_eq!(folded.unfolded().last_event_id(), 0);
        map_runs_add_up(&world)?;
        if world.execution.status() == Status::Succeeded {
            prop_assert_eq!(world.give(Input::Redrive { attempt: None }).unwrap_err(), Rejected::Ended);
        }
    }
}

/// The first event of a redrive is its own, and a state that had been exited at the top is not entered again.
fn no_state_is_entered_twice(world: &World, before: usize) -> bool {
    let name =
        |event: &shipway_asl::Event| event.state_name().map(|name| (event.type_name(), name.to_owned()));
    let at_the_top = |name: &str| !name[1..].contains(char::is_alphabetic);
    let exited: Vec<_> = world.events[..before]
        .iter()
        .filter_map(name)
        .filter(|(kind, name)| kind.ends_with("Exited") && at_the_top(name))
        .collect();
    let entered: Vec<_> = world.events[before..]
        .iter()
        .filter_map(name)
        .filter(|(kind, _)| kind.ends_with("Entered"))
        .collect();
    world.events[before].type_name() == "ExecutionRedriven"
        && exited.iter().all(|(_, name)| entered.iter().all(|(_, other)| other != name))
}
