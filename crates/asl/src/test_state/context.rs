//! The context object that the tested state sees: the one that is given, or one made up as AWS does.

use serde_json::{Map, Value, json};

use super::refusal::Refusal;
use super::subject::{STATE_NAME, Subject};
use crate::definition::{Kind, StateKind};
use crate::intrinsic::{mix, uuid_text};
use crate::moment::{Moment, Start};

/// Who tests: the account and the region that ARNs name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Twelve digits.
    pub account: String,
    /// Such as `us-east-1`.
    pub region: String,
}

/// What a field must be.
#[derive(Clone, Copy)]
enum Shape {
    Text,
    Number,
    Any,
}

const SECTIONS: &[(&str, &[(&str, Shape)])] = &[
    (
        "Execution",
        &[
            ("Id", Shape::Text),
            ("Input", Shape::Any),
            ("Name", Shape::Text),
            ("RedriveCount", Shape::Number),
            ("RedriveTime", Shape::Text),
            ("RoleArn", Shape::Text),
            ("StartTime", Shape::Text),
        ],
    ),
    ("State", &[("EnteredTime", Shape::Text), ("Name", Shape::Text), ("RetryCount", Shape::Number)]),
    ("StateMachine", &[("Id", Shape::Text), ("Name", Shape::Text)]),
    ("Task", &[("Token", Shape::Text)]),
];

/// The context object that a request brings.
pub(super) fn given(text: &str, subject: &Subject) -> Result<Value, Refusal> {
    let context = match serde_json::from_str(text) {
        Ok(Value::Object(context)) => context,
        Ok(_) => return Err(Refusal::context("Context object must be a JSON object")),
        Err(error) => return Err(Refusal::context(&format!("Context object must be valid JSON: {error}"))),
    };
    for (name, section) in &context {
        if name == "Map" {
            return Err(Refusal::context_map());
        }
        let Some((_, fields)) = SECTIONS.iter().find(|(known, _)| known == name) else {
            return Err(Refusal::context_field(name));
        };
        check_section(name, section, fields)?;
        if name == "Task" && !subject.waits_for_answer() {
            return Err(Refusal::context_task());
        }
    }
    Ok(context.into())
}

fn check_section(name: &str, section: &Value, known: &[(&str, Shape)]) -> Result<(), Refusal> {
    let Value::Object(section) = section else { return Err(Refusal::context_type(name, "an object")) };
    for (field, value) in section {
        let Some((_, shape)) = known.iter().find(|(known, _)| known == field) else {
            return Err(Refusal::context_field(field));
        };
        let expected = match shape {
            Shape::Text if !value.is_string() => "a string",
            Shape::Number if !value.is_number() => "a number",
            _ => continue,
        };
        return Err(Refusal::context_type(&format!("{name}.{field}"), expected));
    }
    Ok(())
}

/// The execution that the state seems to run in.
pub(super) fn start(caller: &Caller, role_arn: Option<&str>, input: Value, at: Moment) -> Start {
    let uuid = |salt: u64| uuid_text(mix(at.seed ^ mix(salt)));
    let (machine_name, execution_name) = (uuid(1), uuid(2));
    let arn = format!("arn:aws:states:{}:{}", caller.region, caller.account);
    Start {
        execution_arn: format!("{arn}:express:{machine_name}:{execution_name}"),
        execution_name,
        machine_arn: format!("{arn}:stateMachine:{machine_name}"),
        machine_name,
        role_arn: role_arn.unwrap_or_default().to_owned(),
        input,
    }
}

/// The context object of a test that brings none.
pub(super) fn made_up(subject: &Subject, start: &Start, retries: u32, at: Moment) -> Value {
    let role_arn = Some(&start.role_arn).filter(|arn| !arn.is_empty());
    let mut state = Map::new();
    // WHY: AWS tests every state under this name, whatever the definition calls it.
    state.insert("Name".into(), STATE_NAME.into());
    state.insert("EnteredTime".into(), at.now.to_string().into());
    if matches!(subject.kind(), StateKind::Task | StateKind::Parallel | StateKind::Map) {
        state.insert("RetryCount".into(), retries.into());
    }
    let mut context = json!({
        "Execution": {
            "Id": start.execution_arn,
            "Input": start.input,
            "Name": start.execution_name,
            "RoleArn": role_arn,
            "StartTime": at.now.to_string(),
        },
        "StateMachine": {"Id": start.machine_arn, "Name": start.machine_name},
        "State": state,
    });
    if let Value::Object(context) = &mut context {
        if subject.is_in_map {
            context.insert("Map".into(), json!({"Item": {"Index": 0, "Value": start.input}}));
        }
        if matches!(&subject.state().map(|state| &state.kind), Some(Kind::Task(task)) if task.resource.ends_with(".waitForTaskToken"))
        {
            let token: String = (3..7).map(|salt| format!("{:016x}", mix(at.seed ^ mix(salt)))).collect();
            context.insert("Task".into(), json!({"Token": token}));
        }
    }
    context
}
