//! An event as a line of the log: the JSON that AWS sends to CloudWatch Logs. Writes no file.

use serde_json::{Map, Value, json};
use shipway_asl::Event;

/// What of an event's details is data of the execution.
const DATA: &[&str] = &[
    "input",
    "inputDetails",
    "output",
    "outputDetails",
    "parameters",
    "assignedVariables",
    "assignedVariablesDetails",
];
/// Bytes of a payload with its escapes, as AWS cuts it.
const PAYLOAD_BYTES_MAX: usize = 248 * 1_024;

/// The line, without its end, of an event after so many redrives.
pub fn line(event: &Event, execution_arn: &str, redrives: u32, has_data: bool) -> String {
    // WHY: AWS's own order; and every number is text.
    json!({
        "details": details(event, has_data),
        "redrive_count": redrives.to_string(),
        "id": event.id.to_string(),
        "type": event.type_name(),
        "previous_event_id": event.previous_event_id.to_string(),
        "event_timestamp": event.timestamp.0.to_string(),
        "execution_arn": execution_arn,
    })
    .to_string()
}

/// AWS has them under the name of the type in a history, and under one name in a log.
fn details(event: &Event, has_data: bool) -> Map<String, Value> {
    let Value::Object(fields) = event.to_history() else { return Map::new() };
    let found = fields.into_iter().find(|(name, _)| name.ends_with("EventDetails"));
    let Some((_, Value::Object(mut details))) = found else { return Map::new() };
    if !has_data {
        details.retain(|name, _| !DATA.contains(&name.as_str()));
    }
    for name in ["input", "output"] {
        shorten(&mut details, name);
    }
    for value in details.values_mut() {
        if let Value::Number(number) = value {
            *value = Value::String(number.to_string());
        }
    }
    details
}

fn shorten(details: &mut Map<String, Value>, name: &str) {
    let Some(Value::String(text)) = details.get_mut(name) else { return };
    let mut bytes = 0;
    let most = text.char_indices().find(|(_, character)| {
        bytes += escaped_bytes(*character);
        bytes > PAYLOAD_BYTES_MAX
    });
    let Some((most, _)) = most else { return };
    text.truncate(most);
    details.insert(format!("{name}Details"), json!({"truncated": true}));
}

fn escaped_bytes(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        control if control < ' ' => 6,
        other => other.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shipway_asl::{Execution, Input, Moment, Start, StateMachine, Timestamp, step};

    use super::*;

    const ARN: &str = "arn:aws:states:eu-central-1:123456789012:execution:orders:one";

    /// The first events of an execution with this input.
    fn events(machine: &Value, input: Value) -> Vec<Event> {
        let machine = StateMachine::parse(&machine.to_string()).unwrap();
        let mut execution = Execution::new(Start {
            execution_arn: ARN.to_owned(),
            execution_name: "one".to_owned(),
            machine_arn: "arn:aws:states:eu-central-1:123456789012:stateMachine:orders".to_owned(),
            machine_name: "orders".to_owned(),
            role_arn: "arn:aws:iam::123456789012:role/orders".to_owned(),
            input,
        });
        let at = Moment { now: Timestamp(1_713_959_670_672), seed: 1 };
        step(&machine, &mut execution, Input::Start, at).unwrap().events
    }

    fn pass() -> Value {
        json!({"StartAt": "LogInput", "States": {"LogInput": {"Type": "Pass", "End": true}}})
    }

    #[test]
    fn lines_have_the_form_of_awss_examples() {
        let events = events(&pass(), json!({"name": "*"}));
        let lines: Vec<Value> =
            events.iter().map(|event| serde_json::from_str(&line(event, ARN, 0, true)).unwrap()).collect();
        assert_eq!(
            lines[0],
            json!({
                "id": "1",
                "type": "ExecutionStarted",
                "details": {
                    "input": "{\"name\":\"*\"}",
                    "inputDetails": {"truncated": false},
                    "roleArn": "arn:aws:iam::123456789012:role/orders"
                },
                "previous_event_id": "0",
                "event_timestamp": "1713959670672",
                "execution_arn": ARN,
                "redrive_count": "0"
            })
        );
        assert_eq!(
            lines[1],
            json!({
                "id": "2",
                "type": "PassStateEntered",
                "details": {
                    "input": "{\"name\":\"*\"}",
                    "inputDetails": {"truncated": false},
                    "name": "LogInput"
                },
                "previous_event_id": "0",
                "event_timestamp": "1713959670672",
                "execution_arn": ARN,
                "redrive_count": "0"
            })
        );
    }

    #[test]
    fn without_data_nothing_of_it_is_in_a_line() {
        let task = json!({"StartAt": "Intake", "States": {"Intake": {
            "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true,
            "Parameters": {"FunctionName": "intake", "Payload": "secret"},
        }}});
        let events = events(&task, json!({"password": "secret"}));
        let lines: Vec<String> = events.iter().map(|event| line(event, ARN, 0, false)).collect();
        assert!(lines.iter().all(|line| !line.contains("secret")), "{lines:?}");
        assert_eq!(
            lines[0],
            format!(
                r#"{{"details":{{"roleArn":"arn:aws:iam::123456789012:role/orders"}},"redrive_count":"0","id":"1","type":"ExecutionStarted","previous_event_id":"0","event_timestamp":"1713959670672","execution_arn":"{ARN}"}}"#
            )
        );
        let scheduled: Value = serde_json::from_str(&lines[2]).unwrap();
        assert_eq!(scheduled["details"]["resource"], "invoke");
        assert_eq!(scheduled["details"].as_object().unwrap().len(), 3, "{scheduled}");
    }

    #[test]
    fn a_payload_is_cut_where_aws_cuts_it() {
        let text = "\"".repeat(130_000);
        let events = events(&pass(), json!(text));
        let cut: Value = serde_json::from_str(&line(&events[0], ARN, 0, true)).unwrap();
        assert_eq!(cut["details"]["inputDetails"], json!({"truncated": true}));
        let kept = cut["details"]["input"].to_string().len();
        assert!(kept <= PAYLOAD_BYTES_MAX + 2 && kept > PAYLOAD_BYTES_MAX - 4, "{kept}");
    }
}
