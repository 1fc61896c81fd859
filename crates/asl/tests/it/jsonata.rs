//! Claims about states in JSONata, told as short stories of inputs, events and what is in them.

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use shipway_asl::{Execution, ScheduledTask, StateMachine};

use crate::world::{Answer, World, start};

fn run(states: &Value, input: Value, answer: impl FnMut(&ScheduledTask) -> Answer) -> World {
    let machine = json!({"QueryLanguage": "JSONata", "StartAt": "A", "States": states});
    let machine = StateMachine::parse(&machine.to_string()).unwrap();
    let mut world = World::new(machine, start(input));
    world.run(answer);
    assert!(!world.is_running());
    let mut folded = Execution::new(world.execution.start().clone());
    world.events.iter().for_each(|event| folded.apply(event));
    assert_eq!(folded, world.execution);
    world
}

/// The events after the first, with what is assigned and where an evaluation has failed.
fn story(world: &World) -> String {
    let mut lines: Vec<String> = Vec::new();
    for event in world.events.iter().skip(1) {
        let shown = event.to_history();
        let mut line = format!("{} <- {} {}", event.id, event.previous_event_id, event.type_name());
        if let Some(name) = event.state_name() {
            line += &format!(" {name}");
        }
        if let Some(assigned) = shown.pointer("/stateExitedEventDetails/assignedVariables") {
            line += &format!(" {assigned}");
        }
        if let Some(failed) = shown.get("evaluationFailedEventDetails") {
            line += &format!(" {} at {}", failed["state"], failed["location"]);
        }
        lines.push(line);
    }
    let execution = &world.execution;
    lines.push(match execution.output() {
        Some(output) => format!("{:?} {output}", execution.status()),
        None => format!("{:?} {:?} {:?}", execution.status(), execution.error(), execution.cause()),
    });
    lines.join("\n")
}

fn check(states: &Value, input: Value, answer: impl FnMut(&ScheduledTask) -> Answer, expected: &Expect) {
    expected.assert_eq(&story(&run(states, input, answer)));
}

fn no_task(_: &ScheduledTask) -> Answer {
    panic!("no task")
}

#[test]
fn output_and_assign_see_the_variables_from_before() {
    let states = json!({
        "A": {"Type": "Pass", "Assign": {"n": 1}, "Next": "B"},
        "B": {"Type": "Task", "Resource": "r", "Arguments": {"n": "{% $n %}"}, "Next": "C",
            "Assign": {"n": "{% $n + $states.result %}", "old": "{% $n %}"}, "Output": "{% $n %}"},
        "C": {"Type": "Succeed", "Output": {"n": "{% $n %}", "old": "{% $old %}", "in": "{% $states.input %}"}},
    });
    let answer = |task: &ScheduledTask| {
        assert_eq!(task.parameters, json!({"n": 1}));
        Answer::ok(json!(41))
    };
    check(
        &states,
        json!({}),
        answer,
        &expect![[r#"
        2 <- 0 PassStateEntered A
        3 <- 2 PassStateExited A {"n":"1"}
        4 <- 3 TaskStateEntered B
        5 <- 4 LambdaFunctionScheduled
        6 <- 5 LambdaFunctionStarted
        7 <- 6 LambdaFunctionSucceeded
        8 <- 7 TaskStateExited B {"n":"42","old":"1"}
        9 <- 8 SucceedStateEntered C
        10 <- 9 SucceedStateExited C
        11 <- 10 ExecutionSucceeded
        Succeeded {"n":42,"old":1,"in":1}"#]],
    );
}

#[test]
fn a_catcher_sees_the_error_and_the_input() {
    let states = json!({
        "A": {"Type": "Task", "Resource": "r", "End": true, "Catch": [{"ErrorEquals": ["E"], "Next": "B",
            "Output": {"error": "{% $states.errorOutput.Error %}", "n": "{% $states.input.n %}"},
            "Assign": {"cause": "{% $states.errorOutput.Cause %}"}}]},
        "B": {"Type": "Fail", "Error": "{% $states.input.error %}", "Cause": "{% $cause & $states.input.n %}"},
    });
    check(
        &states,
        json!({"n": 7}),
        |_| Answer::error("E"),
        &expect![[r#"
        2 <- 0 TaskStateEntered A
        3 <- 2 LambdaFunctionScheduled
        4 <- 3 LambdaFunctionStarted
        5 <- 4 LambdaFunctionFailed
        6 <- 5 TaskStateExited A {"cause":"\"because\""}
        7 <- 6 FailStateEntered B
        8 <- 7 ExecutionFailed
        Failed Some("E") Some("because7")"#]],
    );
}

#[test]
fn a_choice_takes_the_output_of_its_rule_or_its_own() {
    let states = json!({
        "A": {"Type": "Choice", "Output": "default", "Assign": {"by": "default"}, "Default": "B", "Choices": [
            {"Condition": "{% $states.input.n > 10 %}", "Next": "B", "Output": {"big": "{% $states.input.n %}"}},
            {"Condition": true, "Next": "B", "Assign": {"by": "{% 'rule' %}"}}]},
        "B": {"Type": "Succeed"},
    });
    check(
        &states,
        json!({"n": 11}),
        no_task,
        &expect![[r#"
        2 <- 0 ChoiceStateEntered A
        3 <- 2 ChoiceStateExited A
        4 <- 3 SucceedStateEntered B
        5 <- 4 SucceedStateExited B
        6 <- 5 ExecutionSucceeded
        Succeeded {"big":11}"#]],
    );
    check(
        &states,
        json!({"n": 1}),
        no_task,
        &expect![[r#"
        2 <- 0 ChoiceStateEntered A
        3 <- 2 ChoiceStateExited A {"by":"\"rule\""}
        4 <- 3 SucceedStateEntered B
        5 <- 4 SucceedStateExited B
        6 <- 5 ExecutionSucceeded
        Succeeded {"n":1}"#]],
    );
}

#[test]
fn a_failed_evaluation_names_its_place_and_can_be_caught() {
    let states = json!({
        "A": {"Type": "Task", "Resource": "r", "Arguments": {"a": [1, {"b": "{% $states.input.missing %}"}]}, "End": true,
            "Retry": [{"ErrorEquals": ["States.QueryEvaluationError"], "MaxAttempts": 1}],
            "Catch": [{"ErrorEquals": ["States.QueryEvaluationError"], "Next": "B", "Output": "{% $states.errorOutput.Error %}"}]},
        "B": {"Type": "Choice", "Choices": [{"Condition": "{% $states.input %}", "Next": "C"}]},
        "C": {"Type": "Succeed"},
    });
    check(
        &states,
        json!({}),
        no_task,
        &expect![[r#"
        2 <- 0 TaskStateEntered A
        3 <- 0 EvaluationFailed "A" at "Arguments/a[1]/b"
        4 <- 3 EvaluationFailed "A" at "Arguments/a[1]/b"
        5 <- 4 TaskStateExited A
        6 <- 5 ChoiceStateEntered B
        7 <- 5 EvaluationFailed "B" at "Choices[0]/Condition"
        8 <- 7 ExecutionFailed
        Failed Some("States.QueryEvaluationError") Some("An error occurred while executing the state 'B' (entered at the event id #6). The JSONata expression '$states.input' specified for the field 'Choices[0]/Condition' returned an unexpected result type. Expected 'boolean', but was 'string' for value: \"States.QueryEvaluationError\"")"#]],
    );
}

#[test]
fn a_catcher_that_fails_itself_is_not_caught_where_it_stands() {
    let inner = json!({"StartAt": "I", "States": {"I": {"Type": "Task", "Resource": "r", "End": true,
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "J", "Output": "{% $nothing %}"}]}, "J": {"Type": "Succeed"}}});
    let states = json!({
        "A": {"Type": "Parallel", "Branches": [inner], "Next": "B",
            "Catch": [{"ErrorEquals": ["States.QueryEvaluationError"], "Next": "B", "Output": "caught outside"}]},
        "B": {"Type": "Succeed"},
    });
    check(
        &states,
        json!({}),
        |_| Answer::error("E"),
        &expect![[r#"
        2 <- 0 ParallelStateEntered A
        3 <- 2 ParallelStateStarted
        4 <- 3 TaskStateEntered I
        5 <- 4 LambdaFunctionScheduled
        6 <- 5 LambdaFunctionStarted
        7 <- 6 LambdaFunctionFailed
        8 <- 7 EvaluationFailed "I" at "Catch[0]/Output"
        9 <- 8 TaskStateAborted
        10 <- 8 ParallelStateFailed
        11 <- 10 ParallelStateExited A
        12 <- 11 SucceedStateEntered B
        13 <- 12 SucceedStateExited B
        14 <- 13 ExecutionSucceeded
        Succeeded "caught outside""#]],
    );
}

#[test]
fn iterations_see_outer_variables_and_their_own_item() {
    let states = json!({
        "A": {"Type": "Pass", "Assign": {"factor": 10}, "Next": "B"},
        "B": {"Type": "Map", "Items": [1, "{% 1 + 1 %}"], "MaxConcurrency": "{% 1 %}", "End": true,
            "ItemSelector": {"v": "{% $states.context.Map.Item.Value * $factor %}", "i": "{% $states.context.Map.Item.Index %}"},
            "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Pass", "Assign": {"own": "{% $states.input.v %}"}, "Next": "J"},
                "J": {"Type": "Succeed", "Output": "{% $own + $factor %}"}}},
            "Output": {"sum": "{% $sum($states.result) %}"}},
    });
    check(
        &states,
        json!({}),
        no_task,
        &expect![[r#"
        2 <- 0 PassStateEntered A
        3 <- 2 PassStateExited A {"factor":"10"}
        4 <- 3 MapStateEntered B
        5 <- 4 MapStateStarted
        6 <- 5 MapIterationStarted
        7 <- 6 PassStateEntered I
        8 <- 7 PassStateExited I {"own":"10"}
        9 <- 8 SucceedStateEntered J
        10 <- 9 SucceedStateExited J
        11 <- 10 MapIterationSucceeded
        12 <- 10 MapIterationStarted
        13 <- 12 PassStateEntered I
        14 <- 13 PassStateExited I {"own":"20"}
        15 <- 14 SucceedStateEntered J
        16 <- 15 SucceedStateExited J
        17 <- 16 MapIterationSucceeded
        18 <- 17 MapStateSucceeded
        19 <- 17 MapStateExited B
        20 <- 19 ExecutionSucceeded
        Succeeded {"sum":50}"#]],
    );
}

#[test]
fn waits_and_deadlines_are_expressions() {
    let states = json!({
        "A": {"Type": "Wait", "Seconds": "{% $states.input.s %}", "Next": "B"},
        "B": {"Type": "Wait", "Timestamp": "{% $states.input.t %}", "Next": "C"},
        "C": {"Type": "Task", "Resource": "r", "TimeoutSeconds": "{% 2 * 30 %}", "HeartbeatSeconds": "{% 5 %}", "End": true},
    });
    let input = json!({"s": 60, "t": "2026-11-21T05:00:00Z"});
    let world = run(&states, input, |task| {
        assert_eq!((task.timeout_seconds, task.heartbeat_seconds), (Some(60), Some(5)));
        Answer::ok(json!("done"))
    });
    assert_eq!(world.now.to_string(), "2026-11-21T05:00:00.000Z");
}

#[test]
fn amounts_of_the_wrong_kind_are_evaluation_errors() {
    for (field, value, words) in [
        ("TimeoutSeconds", "{% 'soon' %}", "Expected 'number', but was 'string' for value: \"soon\""),
        ("HeartbeatSeconds", "{% 1.5 %}", "for value: 1.5"),
        ("TimeoutSeconds", "{% -1 %}", "for value: -1"),
    ] {
        let states = json!({"A": {"Type": "Task", "Resource": "r", field: value, "End": true}});
        let world = run(&states, json!({}), no_task);
        assert_eq!(world.execution.error(), Some("States.QueryEvaluationError"));
        let cause = world.execution.cause().unwrap_or_default();
        assert!(cause.contains(words) && cause.contains(&format!("the field '{field}'")), "{cause}");
    }
}

#[test]
fn variables_have_a_size() {
    let states = json!({
        "A": {"Type": "Pass", "Assign": {"x": "{% $pad('', 262143) %}"}, "End": true},
    });
    let world = run(&states, json!({}), no_task);
    assert_eq!(world.execution.error(), Some("States.DataLimitExceeded"));
}
