//! The shared executions with tasks once more, done by the layer of tasks that runs in production: `cargo xtask
//! conformance tasks`. Knows which cases can be had done so; compares nothing that `asl` does not.

mod body;
mod double;
mod layer;
mod sent;
mod wire;

use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use super::Suite;
use super::asl::cases::{self, Case};
use super::asl::execution;
use super::report::Report;
use layer::Layer;

pub const SUITE: Suite =
    Suite { name: "tasks", about: ABOUT, cases: "../shared/asl", bar: 100.0, floor: 118, run };

const ABOUT: &str = "\
The executions of `asl` whose tasks call services, with the layer of tasks that runs in production. A double answers \
over HTTP as the service did, in its protocol and with the headers that were recorded; what it was sent is held \
against the parameters, and what the layer makes of its answer against the recording: members, numbers, metadata, \
error names and causes. Then the whole execution is compared as in `asl`.";

fn run(folder: &Path) -> Result<Report> {
    let layer = Layer::start()?;
    let mut report = Report::default();
    for case in cases::read(folder)?.iter().filter(|case| case.kind == "execution") {
        let Ok(data) = &case.data else { continue };
        let needs: Vec<&str> =
            data["needs"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if needs.is_empty() {
            continue;
        }
        let group = needs.join(" and ");
        match judge(&layer, case, data) {
            Ok(outcome) => report.add(&group, case.id(), outcome),
            Err(why) => report.set_aside(&group, case.id(), &why),
        }
    }
    Ok(report)
}

/// How a case went, or why it cannot be had done.
fn judge(layer: &Layer, case: &Case, data: &Value) -> Result<Result<(), String>, String> {
    let (mut aside, mut problem, mut is_called) = (None, None, false);
    let outcome = execution::replay(case, data, &mut |task, recorded, answer, bound| {
        if let Some(why) = Layer::aside(&task.resource, recorded) {
            aside.get_or_insert(why);
            return answer;
        }
        is_called = true;
        let kept = answer.clone();
        layer.answer(task, recorded, answer, bound).unwrap_or_else(|why| {
            problem.get_or_insert(format!("task {}: {why}", task.state));
            kept
        })
    });
    match (aside, problem) {
        (Some(why), _) => Err(why),
        (None, Some(why)) => Ok(Err(why)),
        (None, None) if !is_called => Err("no task was scheduled".to_owned()),
        (None, None) => Ok(outcome),
    }
}
