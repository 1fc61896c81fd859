//! ARNs of machines, executions and activities, as callers name them. Does not look whether they exist.

use shipway_engine::{Engine, Qualifier};

use super::fault::Fault;

/// The name and what stands behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineArn {
    /// The machine's name.
    pub name: String,
    /// The version or alias, if it is qualified.
    pub qualifier: Option<Qualifier>,
    /// The Map state, if it names a machine of children.
    pub label: Option<String>,
}

/// What an ARN names.
struct Parts<'a> {
    kind: &'a str,
    names: Vec<&'a str>,
    /// Whether it is of this region and account.
    is_here: bool,
}

fn parts<'a>(engine: &Engine, arn: &'a str) -> Result<Parts<'a>, Fault> {
    let Some(rest) = arn.strip_prefix("arn:") else {
        return Err(Fault::arn(format_args!("Invalid ARN prefix: {arn}")));
    };
    let fields: Vec<&str> = rest.split(':').collect();
    let [_, service, region, account, kind, names @ ..] = fields.as_slice() else {
        return Err(Fault::arn(format_args!("Invalid ARN: {arn}")));
    };
    if *service != "states" || names.is_empty() || names.iter().any(|name| name.is_empty()) {
        return Err(Fault::arn(format_args!("Invalid ARN: {arn}")));
    }
    Ok(Parts { kind, names: names.to_vec(), is_here: engine.place() == (*region, *account) })
}

fn wrong_kind(kind: &str) -> Fault {
    Fault::arn(format_args!("Resource type not valid in this context: {kind}"))
}

/// A machine's ARN, with a version or alias or without.
pub fn machine(engine: &Engine, arn: &str) -> Result<MachineArn, Fault> {
    let parts = parts(engine, arn)?;
    let (name, qualifier) = match (parts.kind, parts.names.as_slice()) {
        ("stateMachine", [name]) => (*name, None),
        ("stateMachine", [name, qualifier]) => (*name, Some(qualified(qualifier))),
        ("stateMachine", _) => return Err(Fault::arn(format_args!("Invalid ARN: {arn}"))),
        (kind, _) => return Err(wrong_kind(kind)),
    };
    if !parts.is_here {
        return Err(Fault::no_machine(arn));
    }
    let (name, label) = name.split_once('/').map_or((name, None), |(name, label)| (name, Some(label)));
    Ok(MachineArn { name: name.to_owned(), qualifier, label: label.map(str::to_owned) })
}

fn qualified(text: &str) -> Qualifier {
    match text.parse() {
        Ok(number) => Qualifier::Version(number),
        Err(_) => Qualifier::Alias(text.to_owned()),
    }
}

/// A machine's ARN without version or alias; with one it names nothing.
pub fn plain_machine(engine: &Engine, arn: &str) -> Result<String, Fault> {
    let machine = machine(engine, arn)?;
    match (machine.qualifier, machine.label) {
        (None, None) => Ok(machine.name),
        _ => Err(Fault::no_machine(arn)),
    }
}

/// Whether it is the ARN of a Standard execution; that of an Express one is refused.
pub fn execution(engine: &Engine, arn: &str) -> Result<(), Fault> {
    let parts = parts(engine, arn)?;
    match (parts.kind, parts.names.as_slice()) {
        ("execution", [_, _]) if parts.is_here => Ok(()),
        ("execution", [_, _]) => Err(Fault::no_execution(arn)),
        ("execution", _) => Err(Fault::arn(format_args!("Invalid ARN: {arn}"))),
        (kind, _) => Err(wrong_kind(kind)),
    }
}

/// Whether it is the ARN of a Map Run.
pub fn map_run(engine: &Engine, arn: &str) -> Result<(), Fault> {
    let parts = parts(engine, arn)?;
    match (parts.kind, parts.names.as_slice()) {
        ("mapRun", [_, _]) if parts.is_here => Ok(()),
        ("mapRun", [_, _]) => Err(Fault::not_found()),
        ("mapRun", _) => Err(Fault::arn(format_args!("Invalid ARN: {arn}"))),
        (kind, _) => Err(wrong_kind(kind)),
    }
}

/// The name in an activity's ARN.
pub fn activity<'a>(engine: &Engine, arn: &'a str) -> Result<&'a str, Fault> {
    let parts = parts(engine, arn)?;
    match (parts.kind, parts.names.as_slice()) {
        ("activity", [name]) if parts.is_here => Ok(name),
        ("activity", [_]) => Err(Fault::no_activity(arn)),
        ("activity", _) => Err(Fault::arn(format_args!("Invalid ARN: {arn}"))),
        (kind, _) => Err(wrong_kind(kind)),
    }
}

/// What may carry tags.
pub enum Tagged<'a> {
    /// A machine.
    Machine(String),
    /// An activity.
    Activity(&'a str),
}

/// The machine or activity with this ARN.
pub fn tagged<'a>(engine: &Engine, arn: &'a str) -> Result<Tagged<'a>, Fault> {
    let missing = |_| no_resource(arn);
    match parts(engine, arn)?.kind {
        "stateMachine" => plain_machine(engine, arn).map(Tagged::Machine).map_err(missing),
        "activity" => activity(engine, arn).map(Tagged::Activity).map_err(missing),
        kind => Err(wrong_kind(kind)),
    }
}

/// Nothing that carries tags has the ARN.
pub fn no_resource(arn: &str) -> Fault {
    Fault::new("ResourceNotFound", format!("Resource not found: '{arn}'"))
}
