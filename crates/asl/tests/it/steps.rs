//! Claims about steps, told as short stories of inputs and events.

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use shipway_asl::{Effect, Event, Execution, Input, Moment, Rejected, StateMachine, Status, Timestamp, step};

use crate::world::{Answer, World, start};

fn machine(states: &Value, start_at: &str) -> StateMachine {
    StateMachine::parse(&json!({"StartAt": start_at, "States": states}).to_string()).unwrap()
}

fn story(world: &World) -> String {
    let mut lines: Vec<String> = Vec::new();
    for event in &world.events {
        let name = event.state_name().map(|name| format!(" {name}")).unwrap_or_default();
        lines.push(format!("{} <- {} {}{name}", event.id, event.previous_event_id, event.type_name()));
    }
    let end = (world.execution.status(), world.execution.output(), world.execution.error());
    lines.push(format!(
        "{end:?} after {} s",
        world.now.millis_since(Timestamp::parse("2026-11-21T04:00:00Z").unwrap()) / 1000
    ));
    lines.join("\n")
}

fn check(
    states: &Value,
    input: Value,
    answer: impl FnMut(&shipway_asl::ScheduledTask) -> Answer,
    expected: &Expect,
) {
    let mut world = World::new(machine(states, "A"), start(input));
    world.run(answer);
    expected.assert_eq(&story(&world));
    assert!(!world.is_running());
    assert_eq!(world.completed, 1);
    let mut folded = Execution::new(world.execution.start().clone());
    world.events.iter().for_each(|event| folded.apply(event));
    assert_eq!(folded, world.execution);
}

#[test]
fn states_without_outside_run_in_one_step() {
    let states = json!({
        "A": {"Type": "Pass", "Result": 5, "ResultPath": "$.n", "Next": "B"},
        "B": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericGreaterThan": 3, "Next": "C"}], "Default": "D"},
        "C": {"Type": "Succeed", "OutputPath": "$.n"},
        "D": {"Type": "Fail"},
    });
    check(
        &states,
        json!({}),
        |_| panic!("no task"),
        &expect![[r#"
        1 <- 0 ExecutionStarted
        2 <- 0 PassStateEntered A
        3 <- 2 PassStateExited A
        4 <- 3 ChoiceStateEntered B
        5 <- 4 ChoiceStateExited B
        6 <- 5 SucceedStateEntered C
        7 <- 6 SucceedStateExited C
        8 <- 7 ExecutionSucceeded
        (Succeeded, Some(Number(5)), None) after 0 s"#]],
    );
}

#[test]
fn retry_backs_off_then_catches() {
    let states = json!({
        "A": {"Type": "Task", "Resource": "r", "Next": "C",
            "Retry": [{"ErrorEquals": ["E"], "MaxAttempts": 2}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "C", "ResultPath": "$.error"}]},
        "C": {"Type": "Succeed"},
    });
    check(
        &states,
        json!({}),
        |_| Answer::error("E"),
        &expect![[r#"
        1 <- 0 ExecutionStarted
        2 <- 0 TaskStateEntered A
        3 <- 2 LambdaFunctionScheduled
        4 <- 3 LambdaFunctionStarted
        5 <- 4 LambdaFunctionFailed
        6 <- 5 LambdaFunctionScheduled
        7 <- 6 LambdaFunctionStarted
        8 <- 7 LambdaFunctionFailed
        9 <- 8 LambdaFunctionScheduled
        10 <- 9 LambdaFunctionStarted
        11 <- 10 LambdaFunctionFailed
        12 <- 11 TaskStateExited A
        13 <- 12 SucceedStateEntered C
        14 <- 13 SucceedStateExited C
        15 <- 14 ExecutionSucceeded
        (Succeeded, Some(Object {"error": Object {"Error": String("E"), "Cause": String("because")}}), None) after 3 s"#]],
    );
}
