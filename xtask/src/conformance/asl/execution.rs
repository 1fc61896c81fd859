//! Cases of `execution`: start the machine, answer its tasks, compare the end and then the history.

use std::sync::Arc;

use serde_json::Value;
use shipway_asl::{
    Execution, MachineKind, ScheduledTask, Start, StateMachine, Timestamp, invalid_definition,
};

use super::cases::{Case, field, text};
use super::compare::{Bound, difference};
use super::history::{self, Order};
use super::recorder::{ACTIVITY, Recorder};
use super::tasks::Tasks;
use super::template::{MACHINE, RUN};
use super::world::{Answer, World};
use super::{Judgement, buckets};

/// When every execution starts.
const NOW: &str = "2026-11-21T04:00:00Z";
/// The time that stands for `<timestamp>` in an input: soon after the start, without the end that the case tests.
const SOON: &str = "2026-11-21T04:00:05";

/// Judges one case; the kind is what it needs.
pub fn judge(case: &Case, data: &Value) -> Vec<Judgement> {
    let outcome = replay(case, data, &mut |_, _, answer, _| answer);
    vec![Judgement::of(format!("execution ({})", kind(data)), outcome)]
}

fn kind(data: &Value) -> &'static str {
    let definition = data["definition"].to_string();
    if definition.contains("\"ItemReader\"") || definition.contains("\"ResultWriter\"") {
        "storage"
    } else if data["runnable"] == true {
        "runnable"
    } else if data["tasks"].is_array() {
        "tasks"
    } else {
        "other"
    }
}

/// What a definition is validated as.
pub fn machine_kind(kind: &Value) -> MachineKind {
    if *kind == "EXPRESS" { MachineKind::Express } else { MachineKind::Standard }
}

/// What becomes of a task's answer, with what was recorded of the task (`null`: nothing) and what placeholders stand for.
pub type Layer<'l> = dyn FnMut(&ScheduledTask, &Value, Answer, &mut Bound) -> Answer + 'l;

/// Has the execution of a case done, and compares it.
pub fn replay(case: &Case, data: &Value, layer: &mut Layer<'_>) -> Result<(), String> {
    let expected = field(data, "expected")?;
    let definition = text(field(data, "definition")?).replace("\"activity_arn\"", &format!("\"{ACTIVITY}\""));
    let mut machine = StateMachine::parse_as(machine_kind(&data["type"]), &definition)
        .map_err(|found| format!("refused: {}", invalid_definition(&found)))?;
    if !data["tasks"].is_array() {
        // WHY: where no activity was ever asked for, it had been deleted.
        machine.lose_activity(ACTIVITY);
    }
    let now = Timestamp::parse(NOW).ok_or("the start is no time")?;
    let execution = Execution::new(start(case, data)?);
    let mut world = World::new(Arc::new(machine), execution, now, buckets::of(case.id(), data));
    let recorder = Recorder::new(data);
    let mut tasks = Tasks::new(data, &recorder);
    let mut bound = Bound::default();
    world.run(&mut |task| {
        let (answer, recorded) = tasks.answer(task, &mut bound);
        layer(task, &recorded, answer, &mut bound)
    })?;
    tasks.end()?;
    compare(data, expected, &world, &recorder, bound)
}

fn start(case: &Case, data: &Value) -> Result<Start, String> {
    let name = data["execution_name"].as_str().unwrap_or(RUN);
    let role = data.pointer("/expected/history/0/executionStartedEventDetails/roleArn");
    Ok(Start {
        execution_arn: format!("arn:aws:states:us-east-1:111111111111:execution:{MACHINE}:{name}"),
        execution_name: name.to_owned(),
        machine_arn: format!("arn:aws:states:us-east-1:111111111111:stateMachine:{MACHINE}"),
        machine_name: MACHINE.to_owned(),
        role_arn: role.and_then(Value::as_str).unwrap_or("snf_role_arn").to_owned(),
        input: input(case, data)?,
    })
}

/// The case's input, with the time that the recorder left open; the case's name tells how that time ends.
fn input(case: &Case, data: &Value) -> Result<Value, String> {
    let suffix = case.id().split("timestamppath[").nth(1).and_then(|rest| rest.split(']').next());
    let time = format!("{SOON}{}", suffix.unwrap_or("Z"));
    let input = data.get("input").unwrap_or(&Value::Null).to_string().replace("<timestamp>", &time);
    serde_json::from_str(&input).map_err(|error| format!("input: {error}"))
}

fn compare(
    data: &Value,
    expected: &Value,
    world: &World,
    recorder: &Recorder,
    mut bound: Bound,
) -> Result<(), String> {
    let execution = &world.execution;
    let status = execution.status().name();
    if expected["status"] != status {
        let (error, cause) = (execution.error().unwrap_or("-"), execution.cause().unwrap_or("-"));
        return Err(format!("status: expected {}, got {status} ({error}: {cause})", expected["status"]));
    }
    if let Some(output) = expected.get("output") {
        let found = recorder.aged(execution.output().unwrap_or(&Value::Null));
        difference("output", output, &found, &mut bound)?;
    }
    let told = |text: Option<&str>| recorder.stored(&text.map_or(Value::Null, Value::from));
    difference("error", &expected["error"], &told(execution.error()), &mut bound)?;
    difference("cause", &expected["cause"], &told(execution.cause()), &mut bound)?;
    let Some(history) = expected["history"].as_array() else { return Ok(()) };
    let found: Vec<Value> = world.events.iter().map(|event| recorder.stored(&event.to_history())).collect();
    history::compare(history, &found, order(data), &mut bound)
}

fn order(data: &Value) -> Order {
    if data.get("history_normalised").is_some_and(|note| !note.is_null()) {
        Order::Sorted
    } else if data["concurrent"] == true {
        Order::PerLine
    } else {
        Order::Exact
    }
}
