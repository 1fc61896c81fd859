//! Comparing paths and values, and the published schema.

use expect_test::expect;
use serde_json::{Value, json};

use super::{
    compare::{Scope, differences, is_path},
    file::TestFile,
};

fn fits(expected: &str, actual: &str) -> bool {
    let expected: Vec<String> = expected.split_whitespace().map(str::to_owned).collect();
    is_path(&expected, &actual.split_whitespace().collect::<Vec<_>>())
}

#[test]
fn gaps_stand_for_any_number_of_states() {
    let good = [
        ("", ""),
        ("A B", "A B"),
        ("...", ""),
        ("...", "A B C"),
        ("... C", "A B C"),
        ("A ...", "A B C"),
        ("A ... C", "A C"),
        ("A ... B ... D", "A B C B D"),
        ("... ... B", "A B"),
        ("... A A", "A A A"),
    ];
    for (expected, actual) in good {
        assert!(fits(expected, actual), "{expected} | {actual}");
    }
    let bad = [("", "A"), ("A", ""), ("A B", "B A"), ("A ... C", "A B"), ("... B", "B A"), ("A B", "A B C")];
    for (expected, actual) in bad {
        assert!(!fits(expected, actual), "{expected} | {actual}");
    }
}

#[test]
fn long_paths_with_many_gaps_are_compared_quickly() {
    let expected = "... A ".repeat(2_000);
    assert!(fits(&expected, &"A ".repeat(2_000)));
    assert!(!fits(&expected, &"A ".repeat(1_999)));
}

#[test]
fn differences_name_their_place() {
    let (expected, actual) = (
        json!({"a": 1, "b": [1, {"c": 2}], "d": 1.0}),
        json!({"b": [1, {"c": 3, "x": 1}], "d": 1, "y": null}),
    );
    let whole = differences(Scope::Whole, "", &expected, &actual).join("\n");
    expect![[r#"
        /a: expected 1, got nothing
        /b/1/c: expected 2, got 3
        /b/1/x: expected nothing, got 1
        /y: expected nothing, got null"#]]
    .assert_eq(&whole);
    let part = differences(Scope::Part, "", &expected, &actual).join("\n");
    expect![[r#"
        /a: expected 1, got nothing
        /b/1/c: expected 2, got 3"#]]
    .assert_eq(&part);
    assert_eq!(differences(Scope::Part, "", &json!({}), &actual), Vec::<String>::new());
    let many: Value = (0..100).map(|number| (number.to_string(), json!(1))).collect();
    assert_eq!(differences(Scope::Whole, "", &many, &json!({})).len(), 21);
}

#[test]
fn the_schema_knows_every_field() {
    let schema = serde_json::to_value(schemars::schema_for!(TestFile)).unwrap();
    for pointer in [
        "/properties/cases",
        "/properties/mocks",
        "/$defs/Case/properties/expect",
        "/$defs/Expect/properties/seconds_max",
        "/$defs/Reply/properties/throw",
        "/$defs/ExecutionPart/properties/StartTime",
    ] {
        assert!(schema.pointer(pointer).is_some(), "{pointer} is not in {schema:#}");
    }
    assert_eq!(schema["additionalProperties"], false);
}
