//! Measures the language against its peers in Rust, all in one process. Prints a JSON line per measurement.
//! With `--workloads` it prints what is measured instead, for the peers in JavaScript.

#[path = "../../crates/asl/benches/workloads.rs"]
mod workloads;

use std::hint::black_box;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shipway_asl::{Effect, Execution, Input, Moment, Start, StateMachine, Timestamp, probe, step};

/// Batches per measurement; the median of them is reported.
const BATCHES: usize = 51;
/// Shortest batch: far above the clock's own resolution.
const BATCH: Duration = Duration::from_millis(4);

fn main() {
    if std::env::args().any(|argument| argument == "--workloads") {
        let paths: Vec<Value> = workloads::PATHS.iter().map(|(name, path)| json!([name, path])).collect();
        let queries: Vec<Value> = workloads::QUERIES.iter().map(|(name, query)| json!([name, query])).collect();
        let small: Vec<Value> = workloads::SMALL.iter().map(|kind| json!([kind, workloads::small(kind)])).collect();
        println!(
            "{}",
            json!({"machine": workloads::machine(200), "small": small, "order3": workloads::order(3),
                "order200": workloads::order(200), "paths": paths, "queries": queries})
        );
        return;
    }
    parse();
    transitions();
    paths();
    queries();
}

fn report(what: &str, who: &str, mut once: impl FnMut()) {
    let started = Instant::now();
    let mut count = 0_u32;
    while started.elapsed() < BATCH * 10 {
        once();
        count += 1;
    }
    let per_batch = (count / 10).max(1);
    let mut samples: Vec<f64> = (0..BATCHES)
        .map(|_| {
            let started = Instant::now();
            for _ in 0..per_batch {
                once();
            }
            started.elapsed().as_nanos() as f64 / f64::from(per_batch)
        })
        .collect();
    samples.sort_by(f64::total_cmp);
    println!("{}", json!({"what": what, "who": who, "ns": samples[BATCHES / 2].round()}));
}

fn parse() {
    let what = "parse and validate 200 states";
    let definition = workloads::machine(200).to_string();
    report(what, "shipway", || drop(black_box(StateMachine::parse(black_box(&definition)).unwrap())));
    if asl::asl::state_machine::StateMachine::parse(&definition).is_ok() {
        report(what, "asl 0.2 (parses only)", || {
            drop(black_box(asl::asl::state_machine::StateMachine::parse(black_box(&definition)).unwrap()));
        });
    }
}

fn transitions() {
    for kind in workloads::SMALL {
        let machine = StateMachine::parse(&workloads::small(kind).to_string()).unwrap();
        let input = workloads::order(3);
        report(&format!("{kind}: a whole execution"), "shipway", || run(&machine, input.clone()));
    }
}

/// From the start to the end; tasks answer at once, time passes at once.
fn run(machine: &StateMachine, input: Value) {
    let mut execution = Execution::new(Start {
        execution_arn: "arn:aws:states:us-east-1:111111111111:execution:m:r".into(),
        execution_name: "r".into(),
        machine_arn: "arn:aws:states:us-east-1:111111111111:stateMachine:m".into(),
        machine_name: "m".into(),
        role_arn: "role".into(),
        input,
    });
    let mut next = Some(Input::Start);
    while let Some(input) = next.take() {
        let at = Moment { now: Timestamp(1_000), seed: 7 };
        let transition = step(machine, &mut execution, input, at).unwrap();
        next = transition.effects.into_iter().find_map(|effect| match effect {
            Effect::ScheduleTask(task) => Some(Input::TaskSucceeded { task: task.task, output: Value::Null }),
            Effect::StartTimer { timer, .. } => Some(Input::TimerFired { timer }),
            _ => None,
        });
    }
    black_box(execution);
}

fn paths() {
    let order = workloads::order(200);
    for (name, text) in workloads::PATHS {
        let what = format!("JSONPath, {name}");
        let ours = probe::Path::parse(text).unwrap();
        report(&what, "shipway", || drop(black_box(ours.select(black_box(&order)).unwrap())));
        let serde = serde_json_path::JsonPath::parse(text).unwrap();
        report(&what, "serde_json_path 0.7", || {
            drop(black_box(serde.query(black_box(&order)).into_iter().cloned().collect::<Vec<Value>>()));
        });
        let query = jsonpath_rust::parser::parse_json_path(text).unwrap();
        report(&what, "jsonpath-rust 1.0", || {
            let found = jsonpath_rust::query::js_path_process(&query, black_box(&order)).unwrap();
            drop(black_box(found));
        });
    }
}

fn queries() {
    let order = workloads::order(200);
    for (name, text) in workloads::QUERIES {
        let what = format!("JSONata, {name}");
        let ours = probe::Query::parse(text).unwrap();
        report(&what, "shipway", || drop(black_box(ours.evaluate(Some(black_box(&order)), &probe::Given::default()).unwrap())));
        let bare = jsonata_core::Expression::compile(text).unwrap();
        report(&what, "jsonata-core 2.2, bare", || {
            let value = jsonata_core::value::JValue::from(black_box(&order).clone());
            let found = bare.evaluate(&value).unwrap();
            drop(black_box(serde_json::to_value(&found).unwrap()));
        });
        let Ok(seuil) = seuil::Seuil::compile(text) else { continue };
        if seuil.evaluate(&order).is_ok() {
            report(&what, "seuil 0.1", || drop(black_box(seuil.evaluate(black_box(&order)).unwrap())));
        }
    }
}
