//! Histories and what they are folded into.

use serde_json::{Map, json};
use shipway_asl::Timestamp;

use super::*;

/// `id <- previous kind [state|-] [line=N] [index=N] [error=E]`
fn fold(lines: &str) -> Fold {
    let mut fold = Fold::default();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let given = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
        let mut details = Map::new();
        if let Some(error) = given("error=") {
            details.insert("error".into(), json!(error));
        }
        if let Some(index) = given("index=") {
            details.insert("index".into(), json!(index.parse::<u64>().unwrap()));
        }
        if let Some(resource) = given("resource=") {
            details.insert("resource".into(), json!(resource));
        }
        fold.apply(&Event {
            id: words[0].parse().unwrap(),
            previous_event_id: words[2].parse().unwrap(),
            timestamp: Timestamp(words[0].parse::<i64>().unwrap() * 1_000),
            kind: words[3].to_owned(),
            state: words.get(4).filter(|word| !word.contains(['=', '-'])).map(|word| (*word).to_owned()),
            line: given("line=").map_or(0, |line| {
                let (fork, index) = line.split_once('.').unwrap();
                (fork.parse::<u64>().unwrap() << 20) + index.parse::<u64>().unwrap()
            }),
            details,
        });
    }
    fold
}

fn shown(fold: &Fold) -> String {
    fold.statuses().iter().map(|(state, status)| format!("{state} {};", status.word())).collect()
}

#[test]
fn a_task_runs_and_succeeds() {
    let fold = fold(
        "1 <- 0 ExecutionStarted
         2 <- 1 TaskStateEntered A
         3 <- 2 TaskScheduled - resource=r
         4 <- 3 TaskStarted
         5 <- 4 TaskSucceeded
         6 <- 5 TaskStateExited A
         7 <- 6 WaitStateEntered B",
    );
    assert_eq!(shown(&fold), "A succeeded;B running;");
    let visit = &fold.visits()[0];
    assert_eq!((visit.entered_by, visit.exited_by, visit.next), (2, Some(6), Some(1)));
    let attempt = &visit.attempts[0];
    assert_eq!((attempt.started_at, attempt.ended), (Some(Timestamp(4_000)), Some((5, Timestamp(5_000)))));
    assert_eq!(fold.events_of(0), [2, 3, 4, 5, 6]);
    assert!(!fold.is_ended() && visit.trouble.is_none());
}

#[test]
fn a_retry_forgets_the_error_and_a_catch_keeps_it() {
    let retried = "1 <- 0 ExecutionStarted
         2 <- 1 TaskStateEntered A
         3 <- 2 TaskScheduled
         4 <- 3 TaskFailed - error=E";
    let waiting = fold(retried);
    assert!(waiting.visits()[0].is_between_attempts());
    let again = format!("{retried}\n5 <- 4 TaskScheduled");
    assert_eq!(
        shown(&fold(&format!("{again}\n6 <- 5 TaskSucceeded\n7 <- 6 TaskStateExited A"))),
        "A succeeded;"
    );
    let caught = fold(&format!("{again}\n6 <- 5 TaskFailed - error=E2\n7 <- 6 TaskStateExited A"));
    assert_eq!(shown(&caught), "A caught;");
    let visit = &caught.visits()[0];
    assert_eq!(visit.trouble.as_ref().unwrap().error, "E2");
    let errors: Vec<_> =
        visit.attempts.iter().map(|attempt| attempt.trouble.as_ref().unwrap().error.as_str()).collect();
    assert_eq!(errors, ["E", "E2"]);
}

#[test]
fn the_state_that_failed_is_told_from_what_was_given_up_for_it() {
    let fold = fold(
        "1 <- 0 ExecutionStarted
         2 <- 1 ParallelStateEntered P
         3 <- 2 ParallelStateStarted
         4 <- 3 TaskStateEntered A line=3.0
         5 <- 3 TaskStateEntered B line=3.1
         6 <- 4 TaskScheduled - line=3.0
         7 <- 5 TaskScheduled - line=3.1
         8 <- 7 TaskFailed - line=3.1 error=Broken
         9 <- 8 TaskStateAborted - line=3.1
         10 <- 8 TaskStateAborted - line=3.0
         11 <- 8 ParallelStateFailed
         12 <- 11 ExecutionFailed - error=Broken",
    );
    assert_eq!(shown(&fold), "A aborted;B failed;P failed;");
    let failed = fold.failed().unwrap();
    assert_eq!((failed.state.as_str(), failed.trouble.as_ref().unwrap().event), ("B", 8));
    let place = Place { outer: 0, attempt: 0, index: 1 };
    assert_eq!(failed.place, Some(place));
    assert_eq!(fold.visits()[0].trouble.as_ref().unwrap().error, "Broken");
}

#[test]
fn items_are_kept_apart() {
    let fold = fold(
        "1 <- 0 ExecutionStarted
         2 <- 1 MapStateEntered M
         3 <- 2 MapStateStarted
         4 <- 3 MapIterationStarted - index=0
         5 <- 4 TaskStateEntered T line=4.0
         6 <- 3 MapIterationStarted - index=1
         7 <- 6 TaskStateEntered T line=6.1
         8 <- 7 TaskScheduled - line=6.1
         9 <- 8 TaskFailed - line=6.1 error=E
         10 <- 9 TaskStateExited T line=6.1
         11 <- 10 MapIterationSucceeded - index=1",
    );
    assert_eq!(shown(&fold), "M running;T running;");
    let items = &fold.visits()[0].attempts[0].items;
    let told: Vec<_> = items.iter().map(|item| (item.index, item.status, item.first)).collect();
    assert_eq!(told, [(0, StateStatus::Running, Some(1)), (1, StateStatus::Succeeded, Some(2))]);
    assert_eq!(fold.visits()[2].status, StateStatus::Caught);
    assert_eq!(fold.visits()[0].inner, [1, 2]);
}

#[test]
fn each_turn_of_a_loop_is_a_visit() {
    let fold = fold(
        "1 <- 0 ExecutionStarted
         2 <- 1 PassStateEntered A
         3 <- 2 PassStateExited A
         4 <- 3 PassStateEntered A
         5 <- 4 PassStateExited A
         6 <- 5 FailStateEntered F
         7 <- 6 ExecutionFailed - error=Enough",
    );
    assert_eq!(shown(&fold), "A succeeded;F failed;");
    assert_eq!(fold.visits().len(), 3);
    assert_eq!(fold.failed().unwrap().trouble.as_ref().unwrap().error, "Enough");
    assert!(fold.is_ended());
}

#[test]
fn what_was_given_up_goes_on_after_a_redrive() {
    let failed = "1 <- 0 ExecutionStarted
         2 <- 1 TaskStateEntered A
         3 <- 2 TaskScheduled
         4 <- 3 TaskFailed - error=E
         5 <- 4 ExecutionFailed - error=E";
    assert_eq!(shown(&fold(failed)), "A failed;");
    let redriven = fold(&format!("{failed}\n6 <- 5 ExecutionRedriven\n7 <- 6 TaskScheduled"));
    assert_eq!(shown(&redriven), "A running;");
    assert!(!redriven.is_ended() && redriven.failed().is_none());
    assert_eq!(redriven.visits()[0].attempts.len(), 2);
}

#[test]
fn who_stops_an_execution_makes_no_state_fail() {
    let fold = fold(
        "1 <- 0 ExecutionStarted
         2 <- 1 WaitStateEntered W
         3 <- 0 ExecutionAborted - error=Enough",
    );
    assert_eq!(shown(&fold), "W aborted;");
    assert!(fold.failed().is_none());
}

#[test]
fn who_waits_for_a_token_waits_since_it_was_handed_over() {
    let fold = fold(
        "1 <- 0 ExecutionStarted
         2 <- 1 TaskStateEntered A
         3 <- 2 TaskScheduled - resource=sqs:sendMessage.waitForTaskToken
         4 <- 3 TaskStarted
         5 <- 4 TaskSubmitted",
    );
    assert_eq!(fold.visits()[0].waits_for_token_since(), Some(Timestamp(5_000)));
}
