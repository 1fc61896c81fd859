//! Differences of machines, as reviewers see them.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::{compare::Difference, text};
use crate::output::{Output, Wishes};

fn old() -> Value {
    json!({"StartAt": "Check", "TimeoutSeconds": 60, "States": {
        "Check": {"Type": "Choice", "Choices": [
            {"Variable": "$.n", "NumericEquals": 1, "Next": "Pay"},
            {"Variable": "$.n", "NumericEquals": 2, "Next": "Done"}], "Default": "Sorry"},
        "Pay": {"Type": "Task", "Resource": "pay", "TimeoutSeconds": 30, "Next": "Done",
            "Retry": [{"ErrorEquals": ["Busy"], "MaxAttempts": 2}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Sorry"}]},
        "Done": {"Type": "Succeed"},
        "Sorry": {"Type": "Fail", "Error": "Sorry"}}})
}

fn changed(change: impl FnOnce(&mut Value)) -> Value {
    let mut new = old();
    change(&mut new);
    new
}

fn renamed(old: &str, new: &str) -> Value {
    let text = self::old().to_string();
    serde_json::from_str(&text.replace(&format!("\"{old}\""), &format!("\"{new}\""))).unwrap()
}

fn check(new: &Value, expected: &Expect) {
    let difference = Difference::between(&old(), new);
    let paint = Output::new(Wishes { is_plain: true, ..Wishes::default() }).data();
    expected.assert_eq(&format!("{}{}", text::text(&difference, paint), text::summary(&difference)));
}

#[test]
fn the_order_of_fields_does_not_matter() {
    let reversed = |value: &Value| -> Value {
        value.as_object().unwrap().iter().rev().map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    let mut new = reversed(&old());
    new["States"] = reversed(&new["States"]);
    new["States"]["Pay"] = reversed(&new["States"]["Pay"]);
    new["TimeoutSeconds"] = json!(60.0);
    assert!(Difference::between(&old(), &new).is_empty());
}

#[test]
fn fields_show_what_they_were() {
    let new = changed(|new| {
        new["TimeoutSeconds"] = json!(90);
        new["States"]["Pay"]["TimeoutSeconds"] = Value::Null;
        new["States"]["Pay"]["Retry"][0]["MaxAttempts"] = json!(5);
        new["States"]["Pay"]["Retry"].as_array_mut().unwrap().insert(0, json!({"ErrorEquals": ["Late"]}));
    });
    check(
        &new,
        &expect![[r#"
            changed  the machine
                       TimeoutSeconds: 60 -> 90
            changed  Pay (Task)
                       TimeoutSeconds: 30 -> null
                       Retry/1/MaxAttempts: 2 -> 5
                       Retry/0: (none) -> {"ErrorEquals":["Late"]}
            1 state changed"#]],
    );
}

#[test]
fn transitions_show_where_they_led() {
    let new = changed(|new| {
        new["States"]["Check"]["Choices"][0]["Next"] = json!("Done");
        new["States"]["Check"]["Default"] = json!("Pay");
        new["States"]["Pay"].as_object_mut().unwrap().remove("Next");
        new["States"]["Pay"]["End"] = json!(true);
        new["States"]["Pay"]["Catch"][0]["ErrorEquals"] = json!(["Broken"]);
    });
    check(
        &new,
        &expect![[r#"
            changed  Check (Choice)
                       if {"NumericEquals":1,"Variable":"$.n"}: Pay -> Done
                       otherwise: Sorry -> Pay
            changed  Pay (Task)
                       Catch/0: {"ErrorEquals":["States.ALL"]} -> (none)
                       Catch/0: (none) -> {"ErrorEquals":["Broken"]}
                       next: Done -> (end)
                       on States.ALL: Sorry -> (none)
                       on Broken: (none) -> Sorry
            2 states changed"#]],
    );
}

#[test]
fn a_state_that_is_renamed_is_no_other_state() {
    for (from, to) in [("Pay", "Charge"), ("Check", "Which"), ("Done", "End of it")] {
        let difference = Difference::between(&old(), &renamed(from, to));
        assert_eq!(difference.renamed, [(from.to_owned(), to.to_owned())]);
        let rest = Difference { renamed: Vec::new(), ..difference };
        assert!(rest.is_empty(), "{from}: {rest:#?}");
    }
}

#[test]
fn states_come_and_go() {
    let new = changed(|new| {
        new["States"].as_object_mut().unwrap().shift_remove("Sorry");
        new["States"]["Undo"] = json!({"Type": "Task", "Resource": "undo", "Next": "Done"});
        new["States"]["Check"]["Default"] = json!("Undo");
        new["States"]["Pay"]["Catch"][0]["Next"] = json!("Undo");
    });
    check(
        &new,
        &expect![[r#"
        removed  Sorry (Fail)
        added    Undo (Task)
                   next: Done
        changed  Check (Choice)
                   otherwise: Sorry -> Undo
        changed  Pay (Task)
                   on States.ALL: Sorry -> Undo
        1 state added, 1 state removed, 2 states changed"#]],
    );
}

#[test]
fn inner_states_and_their_start_are_compared() {
    let fork = |name: &str, seconds: u64| {
        json!({"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "End": true, "Branches": [
            {"StartAt": name, "States": {name: {"Type": "Wait", "Seconds": seconds, "End": true}}}]}}})
    };
    let difference = Difference::between(&fork("W", 1), &fork("V", 1));
    assert_eq!(difference.renamed, [("W".to_owned(), "V".to_owned())]);
    assert!(difference.changed.is_empty(), "{difference:#?}");
    let difference = Difference::between(&fork("W", 1), &fork("W", 2));
    assert_eq!((difference.changed.len(), difference.changed[0].fields[0].place.as_str()), (1, "Seconds"));
}
