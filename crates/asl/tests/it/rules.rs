//! Claims about the language's rules that no shared case shows. Facts: AWS's documentation, and public reports of
//! what AWS answered where that differs from it (docs/decisions/0005-language-rules.md).

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use shipway_asl::{Input, StateMachine, Status};

use crate::world::{Answer, World, start};

/// A machine that begins with `A`, run to its end.
fn run(states: &Value, input: Value, answer: impl FnMut(&shipway_asl::ScheduledTask) -> Answer) -> World {
    ran(&json!({"StartAt": "A", "States": states}), input, answer)
}

fn ran(machine: &Value, input: Value, answer: impl FnMut(&shipway_asl::ScheduledTask) -> Answer) -> World {
    let mut world = World::new(StateMachine::parse(&machine.to_string()).unwrap(), start(input));
    world.run(answer);
    world
}

/// Types of events and what each goes on from: `4<3 PassStateEntered`; then error and cause.
fn chain(world: &World) -> String {
    let shown = |event: &shipway_asl::Event| {
        format!("{}<{} {}", event.id, event.previous_event_id, event.type_name())
    };
    let end = format!("{:?} {:?}", world.execution.error(), world.execution.cause());
    world.events.iter().map(shown).chain([end]).collect::<Vec<_>>().join("\n")
}

fn check(states: &Value, input: Value, expected: &Expect) {
    expected.assert_eq(&chain(&run(states, input, |_| Answer::error("E"))));
}

fn parallel(state: &Value, more: &Value) -> Value {
    let mut parallel =
        json!({"Type": "Parallel", "End": true, "Branches": [{"StartAt": "X", "States": {"X": state}}]});
    parallel.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    parallel
}

#[test]
fn a_parallel_goes_on_from_the_last_event_of_its_branches() {
    let branches = json!([
        {"StartAt": "X", "States": {"X": {"Type": "Pass", "End": true}}},
        {"StartAt": "Y", "States": {"Y": {"Type": "Pass", "End": true}}},
    ]);
    check(
        &json!({"A": {"Type": "Parallel", "Branches": branches, "Next": "B"}, "B": {"Type": "Succeed"}}),
        json!({}),
        &expect![[r#"
            1<0 ExecutionStarted
            2<0 ParallelStateEntered
            3<2 ParallelStateStarted
            4<3 PassStateEntered
            5<4 PassStateExited
            6<3 PassStateEntered
            7<6 PassStateExited
            8<7 ParallelStateSucceeded
            9<7 ParallelStateExited
            10<9 SucceedStateEntered
            11<10 SucceedStateExited
            12<11 ExecutionSucceeded
            None None"#]],
    );
}

#[test]
fn a_machine_that_is_wrong_ends_at_once_wherever_it_is() {
    let wrong = json!({"Type": "Pass", "Parameters": {"m.$": "$.nope"}, "End": true});
    let all = json!({"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "B"}]});
    check(
        &json!({"A": parallel(&wrong, &all), "B": {"Type": "Succeed"}}),
        json!({"x": 1}),
        &expect![[r#"
            1<0 ExecutionStarted
            2<0 ParallelStateEntered
            3<2 ParallelStateStarted
            4<3 PassStateEntered
            5<4 ExecutionFailed
            Some("States.Runtime") Some("An error occurred while executing the state 'X' (entered at the event id #4). The JSONPath '$.nope' specified for the field 'm.$' could not be found in the input '{\"x\":1}'")"#]],
    );
    let processor = json!({"StartAt": "X", "States": {"X": wrong}});
    check(
        &json!({"A": {"Type": "Map", "MaxConcurrency": 1, "ItemProcessor": processor, "End": true}}),
        json!([1, 2]),
        &expect![[r#"
            1<0 ExecutionStarted
            2<0 MapStateEntered
            3<2 MapStateStarted
            4<3 MapIterationStarted
            5<4 PassStateEntered
            6<5 ExecutionFailed
            Some("States.Runtime") Some("An error occurred while executing the state 'X' (entered at the event id #5). The JSONPath '$.nope' specified for the field 'm.$' could not be found in the input '1'")"#]],
    );
    check(
        &json!({"A": parallel(&json!({"Type": "Pass", "End": true}), &json!({"ResultSelector": {"m.$": "$.nope"}}))}),
        json!({}),
        &expect![[r#"
            1<0 ExecutionStarted
            2<0 ParallelStateEntered
            3<2 ParallelStateStarted
            4<3 PassStateEntered
            5<4 PassStateExited
            6<5 ParallelStateSucceeded
            7<6 ExecutionFailed
            Some("States.Runtime") Some("An error occurred while executing the state 'A' (entered at the event id #2). The JSONPath '$.nope' specified for the field 'm.$' could not be found in the input '[{}]'")"#]],
    );
}

#[test]
fn a_choice_without_a_way_out_is_a_machine_that_is_wrong() {
    let choice =
        json!({"Type": "Choice", "Choices": [{"Variable": "$.x", "StringEquals": "never", "Next": "Y"}]});
    let mut outer =
        parallel(&choice, &json!({"Catch": [{"ErrorEquals": ["States.NoChoiceMatched"], "Next": "B"}]}));
    outer["Branches"][0]["States"]["Y"] = json!({"Type": "Succeed"});
    check(
        &json!({"A": outer, "B": {"Type": "Succeed"}}),
        json!({"x": "a"}),
        &expect![[r#"
            1<0 ExecutionStarted
            2<0 ParallelStateEntered
            3<2 ParallelStateStarted
            4<3 ChoiceStateEntered
            5<4 ExecutionFailed
            Some("States.Runtime") Some("An error occurred while executing the state 'X' (entered at the event id #4). Failed to transition out of the state. The state does not point to a next state.")"#]],
    );
}

#[test]
fn a_parallel_whose_catcher_is_wrong_fails_twice() {
    let boom = json!({"Type": "Fail", "Error": "E"});
    let catch = json!({"QueryLanguage": "JSONata", "Catch": [
        {"ErrorEquals": ["Other"], "Next": "B"},
        {"ErrorEquals": ["States.ALL"], "Output": "{% $nothing %}", "Next": "B"}]});
    check(
        &json!({"A": parallel(&boom, &catch), "B": {"Type": "Succeed"}}),
        json!({}),
        &expect![[r#"
            1<0 ExecutionStarted
            2<0 ParallelStateEntered
            3<2 ParallelStateStarted
            4<3 FailStateEntered
            5<4 ParallelStateFailed
            6<4 EvaluationFailed
            7<6 ParallelStateFailed
            8<7 ExecutionFailed
            Some("States.QueryEvaluationError") Some("An error occurred while executing the state 'A' (entered at the event id #2). The JSONata expression '$nothing' specified for the field 'Catch[1]/Output' returned nothing (undefined).")"#]],
    );
}

#[test]
fn what_ends_an_execution_from_outside_goes_on_from_nothing() {
    let waits = json!({"A": {"Type": "Wait", "Seconds": 25, "End": true}});
    let timed = ran(&json!({"StartAt": "A", "TimeoutSeconds": 3, "States": waits}), json!({}), |_| panic!());
    expect![[r#"
        1<0 ExecutionStarted
        2<0 WaitStateEntered
        3<0 ExecutionTimedOut
        Some("States.Timeout") None"#]]
    .assert_eq(&chain(&timed));
    let last = timed.events.last().unwrap().to_history();
    assert_eq!(last["executionTimedOutEventDetails"], json!({"error": "States.Timeout"}));

    let machine = json!({"StartAt": "A", "States": waits});
    let mut stopped = World::new(StateMachine::parse(&machine.to_string()).unwrap(), start(json!({})));
    stopped.give(Input::Start).unwrap();
    stopped.give(Input::Stop { error: Some("E".into()), cause: None }).unwrap();
    assert_eq!(stopped.execution.status(), Status::Aborted);
    assert_eq!(stopped.events.last().unwrap().previous_event_id, 0);
}
