//! How fast the language is by itself: parsing, one transition of each state type, expressions.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "a benchmark")]

mod workloads;

use divan::{Bencher, black_box};
use shipway_asl::{Execution, Input, Moment, Start, StateMachine, Timestamp, probe, step};

fn main() {
    divan::main();
}

#[divan::bench]
fn parse_and_validate_200_states(bencher: Bencher) {
    let definition = workloads::machine(200).to_string();
    bencher.bench(|| StateMachine::parse(black_box(&definition)).unwrap());
}

#[divan::bench(args = workloads::SMALL)]
fn transition(bencher: Bencher, kind: &str) {
    let machine = StateMachine::parse(&workloads::small(kind).to_string()).unwrap();
    bencher.with_inputs(execution).bench_values(|mut execution| {
        let at = Moment { now: Timestamp(1_000), seed: 7 };
        (step(&machine, &mut execution, Input::Start, at).unwrap(), execution)
    });
}

fn execution() -> Execution {
    Execution::new(Start {
        execution_arn: "arn:aws:states:us-east-1:111111111111:execution:m:r".into(),
        execution_name: "r".into(),
        machine_arn: "arn:aws:states:us-east-1:111111111111:stateMachine:m".into(),
        machine_name: "m".into(),
        role_arn: "role".into(),
        input: workloads::order(3),
    })
}

#[divan::bench(args = 0..workloads::PATHS.len())]
fn json_path(bencher: Bencher, index: usize) {
    let order = workloads::order(200);
    let path = probe::Path::parse(workloads::PATHS[index].1).unwrap();
    bencher.bench(|| path.select(black_box(&order)).unwrap());
}
