//! Requests out of the service model: sensible ones of what is known, and such ones with something wrong.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use shipway_aws::models::{Kind, Operation, Shape};

use super::{
    definitions::{document, machine, state},
    random::Random,
};

/// Values that answers have told, by the member's name.
#[derive(Clone, Debug, Default)]
pub struct Pools(BTreeMap<String, Vec<String>>);

/// Values kept of each member.
const POOL_MAX: usize = 40;

impl Pools {
    /// Learns from an answer.
    pub fn learn(&mut self, value: &Value) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value {
                        Value::String(text)
                            if name.ends_with("Arn") || name.ends_with("Token") || name == "revisionId" =>
                        {
                            self.keep(name, text);
                        }
                        other => self.learn(other),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.learn(item)),
            _ => {}
        }
    }

    fn keep(&mut self, name: &str, text: &str) {
        let pool = self.0.entry(name.to_owned()).or_default();
        if !pool.iter().any(|known| known == text) {
            pool.push(text.to_owned());
        }
        if pool.len() > POOL_MAX {
            pool.remove(0);
        }
    }

    pub fn one(&self, random: &mut Random, name: &str) -> Option<String> {
        // WHY: what was told last is what is likely to be of use still.
        let pool = self.0.get(name)?;
        let from = if random.is_in(60) { pool.len().saturating_sub(5) } else { 0 };
        Some(random.pick(&pool[from..]).clone())
    }

    fn any(&self, random: &mut Random) -> Option<String> {
        let names: Vec<&String> = self.0.keys().collect();
        let name = (!names.is_empty()).then(|| (*random.pick(&names)).clone())?;
        self.one(random, &name)
    }
}

/// A request that the action could take.
pub fn sensible(random: &mut Random, pools: &Pools, operation: &Operation<'_>) -> Value {
    let mut request = operation
        .input()
        .map_or_else(|| json!({}), |shape| value(random, pools, operation.name(), "", shape));
    if operation.name() == "CreateStateMachine" && random.is_in(80) {
        // WHY: names out of few, so that calls meet.
        request["name"] = format!("m{}", random.below(12)).into();
    }
    if operation.name().ends_with("StateMachineAlias") && random.is_in(80) {
        let version = pools.one(random, "stateMachineVersionArn").unwrap_or_default();
        request["routingConfiguration"] = json!([{"stateMachineVersionArn": version, "weight": 100}]);
    }
    if operation.name() == "ListExecutions" {
        let gone = if random.is_in(60) { "mapRunArn" } else { "stateMachineArn" };
        request.as_object_mut().map(|fields| fields.remove(gone));
        if random.is_in(90) && request.get("mapRunArn").is_none() {
            request["stateMachineArn"] = pools.one(random, "stateMachineArn").unwrap_or_default().into();
        }
    }
    request
}

fn value(random: &mut Random, pools: &Pools, action: &str, name: &str, shape: Shape<'_>) -> Value {
    match shape.kind() {
        Kind::Structure(structure) => {
            let mut fields = Map::new();
            for member in structure.members() {
                // WHY: the model asks for no key of a tag, and the service does.
                let is_needed = member.is_required() || member.name() == "key";
                if is_needed || random.is_in(if member.name() == "nextToken" { 15 } else { 30 }) {
                    let given = value(random, pools, action, member.name(), member.shape());
                    fields.insert(member.name().to_owned(), given);
                }
            }
            fields.into()
        }
        Kind::List(item) => {
            let count = random.below(if name == "tags" { 4 } else { 3 });
            (0..count).map(|_| value(random, pools, action, name, item)).collect()
        }
        Kind::String { values } if !values.is_empty() => random.pick(values).as_str().into(),
        Kind::String { .. } => text(random, pools, action, name, shape).into(),
        Kind::Integer | Kind::Long => number(random, shape).into(),
        Kind::Float => (*random.pick(&[0.0, 0.5, 50.0, 100.0])).into(),
        Kind::Boolean => random.is_in(50).into(),
        Kind::Map { .. } | Kind::Timestamp { .. } | Kind::Blob | Kind::Document => Value::Null,
    }
}

fn number(random: &mut Random, shape: Shape<'_>) -> i64 {
    #[allow(clippy::cast_possible_truncation, reason = "bounds are small whole numbers")]
    let bound = |bound: Option<f64>, default: i64| bound.map_or(default, |bound| bound as i64);
    let (min, max) = (bound(shape.bounds().min, 0), bound(shape.bounds().max, 1_000));
    *random.pick(&[min, max, min + 1, (min + max) / 2, 1.clamp(min, max), 2.clamp(min, max)])
}

fn text(random: &mut Random, pools: &Pools, action: &str, name: &str, shape: Shape<'_>) -> String {
    if random.is_in(4) {
        return boundary(random, shape);
    }
    match name {
        "roleArn" => "arn:aws:iam::123456789012:role/r".to_owned(),
        "logGroupArn" => "arn:aws:logs:us-east-1:123456789012:log-group:g:*".to_owned(),
        "kmsKeyId" => "arn:aws:kms:us-east-1:123456789012:key/k".to_owned(),
        "resourceArn" => {
            let kind = *random.pick(&["stateMachineArn", "activityArn", "executionArn"]);
            pools.one(random, kind).unwrap_or_default()
        }
        "stateMachineArn" if random.is_in(25) => {
            let kind = *random.pick(&["stateMachineVersionArn", "stateMachineAliasArn"]);
            pools.one(random, kind).unwrap_or_default()
        }
        "definition" if action == "TestState" => {
            let activity = pools.one(random, "activityArn");
            state(random, activity.as_deref(), 1).to_string()
        }
        "definition" => {
            let activity = pools.one(random, "activityArn");
            machine(random, activity.as_deref())
        }
        "input" | "output" | "variables" | "context" | "result" | "mapItemReaderData" => document(random),
        "name" | "workerName" | "key" | "tagKeys" => format!("n{}", random.below(15)),
        "stateName" | "errorCausedByState" => (*random.pick(&["S", "T", "I", "x"])).to_owned(),
        _ if name.ends_with("Arn") || name.ends_with("Token") || name == "revisionId" => {
            let other = random.is_in(6).then(|| pools.any(random)).flatten();
            other
                .or_else(|| pools.one(random, name))
                .unwrap_or_else(|| "arn:aws:states:us-east-1:123456789012:x".to_owned())
        }
        _ => format!("t{}", random.below(100)),
    }
}

/// A text as short or as long as may be, or one character more or less.
fn boundary(random: &mut Random, shape: Shape<'_>) -> String {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "bounds are small whole numbers"
    )]
    let bound = |bound: Option<f64>, default: usize| bound.map_or(default, |bound| bound as usize);
    let (min, max) = (bound(shape.bounds().min, 0), bound(shape.bounds().max, 300));
    let length = *random.pick(&[min.saturating_sub(1), min, max, max + 1]);
    let character = *random.pick(&["x", "é", "\u{1f600}", "\u{0}", " ", "\u{202e}", "\"", "/", ":"]);
    character.repeat(length)
}

/// Changes something of a request that is likely to make it a bad one.
pub fn spoil(random: &mut Random, request: &mut Value) {
    for _ in 0..=random.below(2) {
        let places = places(request, "");
        let place = random.pick(&places).clone();
        let odd = odd(random);
        if random.is_in(15) {
            if let Some(fields) = request.pointer_mut(&place).and_then(Value::as_object_mut) {
                fields.insert((*random.pick(&["extra", "", "__type", "Name", "\u{0}"])).to_owned(), odd);
            }
        } else if random.is_in(15) {
            let (parent, name) = place.rsplit_once('/').unwrap_or_default();
            if let Some(fields) = request.pointer_mut(parent).and_then(Value::as_object_mut) {
                fields.remove(name);
            }
        } else if let Some(there) = request.pointer_mut(&place) {
            *there = odd;
        }
    }
}

fn places(value: &Value, at: &str) -> Vec<String> {
    let mut found = vec![at.to_owned()];
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                found.extend(places(value, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"))));
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                found.extend(places(value, &format!("{at}/{index}")));
            }
        }
        _ => {}
    }
    found
}

fn odd(random: &mut Random) -> Value {
    match random.below(22) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(0),
        3 => json!(-1),
        4 => json!(1.5),
        5 => json!(u64::MAX),
        6 => json!(i64::MIN),
        7 => json!(1e300),
        8 => json!(""),
        9 => json!(" "),
        10 => json!("\u{0}"),
        11 => json!("\u{202e}abc\u{1f600}\u{fffd}"),
        12 => json!("x".repeat(random.below(300_000))),
        13 => json!([]),
        14 => json!({}),
        15 => json!([null]),
        16 => json!([[[[[[[[1]]]]]]]]),
        17 => json!({"a": {"b": {"c": null}}}),
        18 => json!("arn:aws:states:us-east-1:123456789012:stateMachine:"),
        19 => json!("arn:aws:states:us-east-1:123456789012:execution:a:b:c:d"),
        20 => json!("arn::::::"),
        _ => json!("../../etc/passwd"),
    }
}
