//! What a machine is rehearsed with: names, time, seed, mocks. Does not show what comes of it.

use std::{collections::BTreeSet, path::Path};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use shipway_asl::{
    Start, StateMachine, Timestamp,
    rehearsal::{Probes, Rehearsal, Rehearsed, Taken, rehearse},
};

use super::mock::Cast;
use crate::failure::Failure;

/// When a rehearsal starts if nothing is said.
pub const NOW: &str = "2026-01-01T00:00:00Z";
/// The account and region of names that are made up.
const ACCOUNT: &str = "123456789012";
const REGION: &str = "us-east-1";

/// The parts of the context object that a user may choose, as AWS writes them.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(
    rename_all = "PascalCase",
    deny_unknown_fields,
    expecting = "an object with Execution and StateMachine"
)]
pub struct ContextObject {
    /// `$$.Execution`
    #[serde(default)]
    pub execution: ExecutionPart,
    /// `$$.StateMachine`
    #[serde(default)]
    pub state_machine: MachinePart,
}

/// `$$.Execution`
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ExecutionPart {
    /// The execution's ARN.
    pub id: Option<String>,
    /// The execution's name.
    pub name: Option<String>,
    /// The role's ARN.
    pub role_arn: Option<String>,
    /// When it starts.
    pub start_time: Option<String>,
}

/// `$$.StateMachine`
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct MachinePart {
    /// The machine's ARN.
    pub id: Option<String>,
    /// The machine's name.
    pub name: Option<String>,
}

/// A machine's name by its file: `order` for `machines/order.asl.json`.
pub fn machine_name(file: &Path) -> String {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or("machine");
    let stem = name.split('.').next().filter(|stem| !stem.is_empty() && *stem != "-");
    stem.unwrap_or("machine").to_owned()
}

/// A time as users write it; `field` is what stands before it.
pub fn time(field: &str, text: &str) -> Result<Timestamp, Failure> {
    Timestamp::parse(text)
        .ok_or_else(|| Failure::usage(format!("`{field} {text}` is not a time")).hint(format!("write {NOW}")))
}

/// A rehearsal of a machine with this name.
pub fn rehearsal(name: &str, input: Value, context: &ContextObject, now: Timestamp, seed: u64) -> Rehearsal {
    let (execution, machine) = (context.execution.clone(), context.state_machine.clone());
    let machine_name = machine.name.unwrap_or_else(|| name.to_owned());
    let run = execution.name.unwrap_or_else(|| "rehearsal".to_owned());
    let arn = |kind: &str, name: &str| format!("arn:aws:states:{REGION}:{ACCOUNT}:{kind}:{name}");
    let start = Start {
        execution_arn: execution.id.unwrap_or_else(|| arn("execution", &format!("{machine_name}:{run}"))),
        execution_name: run,
        machine_arn: machine.id.unwrap_or_else(|| arn("stateMachine", &machine_name)),
        machine_name,
        role_arn: execution.role_arn.unwrap_or_else(|| format!("arn:aws:iam::{ACCOUNT}:role/rehearsal")),
        input,
    };
    Rehearsal { now, seed, ..Rehearsal::new(start) }
}

/// Which transitions a rehearsal takes, where the history does not tell.
pub fn taken(probes: Option<&(Probes, StateMachine)>, rehearsal: &Rehearsal, cast: &Cast) -> BTreeSet<Taken> {
    let Some((probes, machine)) = probes else { return BTreeSet::new() };
    probes.taken(&rehearse(machine, rehearsal.clone(), &mut cast.clone()))
}

/// Runs it; the cast holds afterwards what was written to its buckets.
pub fn play(machine: &StateMachine, rehearsal: Rehearsal, cast: &mut Cast) -> Rehearsed {
    rehearse(machine, rehearsal, cast)
}
