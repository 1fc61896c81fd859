//! Definitions of machines and states: good ones of every kind, and such as are nearly good.

use serde_json::{Value, json};

use super::random::Random;

/// A resource whose tasks give their parameters back.
pub const ECHO: &str = "arn:aws:lambda:us-east-1:123456789012:function:echo";

/// A definition, mostly a good one.
pub fn machine(random: &mut Random, activity: Option<&str>) -> String {
    let state = state(random, activity, 2);
    let mut machine = over("S", state);
    match random.below(12) {
        0 => machine["QueryLanguage"] = "JSONata".into(),
        1 => machine["TimeoutSeconds"] = random.below(100).into(),
        2 => machine["Comment"] = "\u{202e}ünï\u{0}\u{1f600}".into(),
        3 => machine["StartAt"] = "Nowhere".into(),
        4 => machine["Version"] = "1.0".into(),
        _ => {}
    }
    match random.below(25) {
        0 => String::new(),
        1 => "{".to_owned(),
        2 => machine.to_string().replace(':', ":\n\t "),
        3 => format!("{machine}x"),
        4 => nested(500),
        5 => machine.to_string().replacen("Type", "type", 1),
        _ => machine.to_string(),
    }
}

/// Maps in Maps.
fn nested(depth: usize) -> String {
    let open = r#"{"StartAt":"S","States":{"S":{"Type":"Map","End":true,"ItemProcessor":"#.repeat(depth);
    open + &"}".repeat(3 * depth)
}

/// A state that may lead to `T`.
pub fn state(random: &mut Random, activity: Option<&str>, depth: usize) -> Value {
    let mut state = match random.below(if depth == 0 { 9 } else { 13 }) {
        0 => json!({"Type": "Pass", "Result": {"a": [1, 2.5, null, "x"]}}),
        1 => json!({"Type": "Pass", "Parameters": {"x.$": "$.a", "id.$": "$$.Execution.Id"}}),
        2 => json!({"Type": "Wait", "Seconds": *random.pick(&[0, 1, 99_999_999])}),
        3 => return json!({"Type": "Fail", "Error": "E", "Cause": "C"}),
        4 => return json!({"Type": "Succeed", "OutputPath": "$.a"}),
        5 => {
            json!({"Type": "Task", "Resource": ECHO, "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}]})
        }
        6 | 7 => {
            json!({"Type": "Task", "Resource": activity.unwrap_or(ECHO), "HeartbeatSeconds": 60, "TimeoutSeconds": 900})
        }
        8 => {
            return json!({"Type": "Choice", "Choices": [{"Variable": "$.a", "IsPresent": true, "Next": "T"}], "Default": "T"});
        }
        9 => {
            json!({"Type": "Parallel", "Branches": [part(random, activity, depth), part(random, activity, depth)]})
        }
        10 => json!({"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": part(random, activity, depth)}),
        11 => {
            let mut processor = part(random, activity, depth);
            processor["ProcessorConfig"] =
                json!({"Mode": "DISTRIBUTED", "ExecutionType": random.pick(&["STANDARD", "EXPRESS"])});
            json!({"Type": "Map", "Label": "L", "Parameters": {"v.$": "$$.Map.Item.Value"}, "ItemsPath": "$.items", "ItemProcessor": processor})
        }
        _ => {
            json!({"Type": "Pass", "QueryLanguage": "JSONata", "Output": "{% $states.input.a + 1 %}", "Assign": {"v": 1}})
        }
    };
    match random.is_in(50) {
        true => state["End"] = true.into(),
        false => state["Next"] = "T".into(),
    }
    if random.is_in(5) {
        state["Catch"] = json!([{"ErrorEquals": ["States.ALL"], "Next": "T"}]);
    }
    state
}

/// A machine within a state; it has no `T`.
fn part(random: &mut Random, activity: Option<&str>, depth: usize) -> Value {
    let mut inner = state(random, activity, depth - 1);
    if let Some(fields) = inner.as_object_mut()
        && fields.remove("Next").is_some()
    {
        fields.insert("End".to_owned(), true.into());
    }
    over("I", inner)
}

/// A machine of a state, and of `T` if that can be reached.
fn over(name: &str, state: Value) -> Value {
    let leads = ["Next", "Default", "Catch"].iter().any(|field| state.get(field).is_some());
    let mut machine = json!({"StartAt": name, "States": {}});
    machine["States"][name] = state;
    if leads {
        machine["States"]["T"] = json!({"Type": "Succeed"});
    }
    machine
}

/// The text of some JSON, mostly good.
pub fn document(random: &mut Random) -> String {
    let texts = [
        "{}",
        r#"{"a": 1}"#,
        r#"{"a": {"b": [1, 2]}, "items": [1, 2, 3]}"#,
        r#"{"items": []}"#,
        r#"{"a": "\ud83d\ude00\u202e\u0000"}"#,
        "[1, 2, 3]",
        "null",
        "\"x\"",
        "1e400",
        r#"{"a": 123456789012345678901234567890}"#,
        r#"{"a": 1, "a": 2}"#,
        "{",
        "",
        " ",
        r#"{"a": "\ud800"}"#,
        "\u{feff}{}",
    ];
    match random.below(20) {
        0 => "[".repeat(2_000),
        1 => format!("\"{}\"", "x".repeat(262_143 - random.below(4))),
        _ => {
            let known = if random.is_in(70) { 4 } else { texts.len() };
            (*random.pick(&texts[..known])).to_owned()
        }
    }
}
