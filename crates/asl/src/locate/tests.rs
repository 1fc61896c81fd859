//! Places of a JSON text, held against serde_json.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn at(text: &str, pointer: &str) -> String {
    let place = locate(text, pointer).unwrap();
    let shown = |span: Span| {
        let word = &text[span.start.offset..span.end.offset];
        format!("{}:{} {word}", span.start.line, span.start.column)
    };
    let exact = if place.is_exact { "" } else { " (above)" };
    match place.key {
        Some(key) => format!("{} = {}{exact}", shown(key), shown(place.value)),
        None => format!("{}{exact}", shown(place.value)),
    }
}

#[test]
fn members_and_elements_are_found() {
    let text = "{\n  \"a\": [1, {\"b~/c\": true}],\n  \"ä\": {\"x\": \"y\"}\n}";
    assert_eq!(at(text, "/a/0"), "2:9 1");
    assert_eq!(at(text, "/a/1/b~0~1c"), "2:13 \"b~/c\" = 2:21 true");
    assert_eq!(at(text, "/ä/x"), "3:9 \"x\" = 3:14 \"y\"");
    assert!(at(text, "").starts_with("1:1 {") && at(text, "/").starts_with("1:1 {"));
}

#[test]
fn what_is_not_there_has_the_place_above_it() {
    let text = r#"{"a": {"b": 1}}"#;
    assert_eq!(at(text, "/a/c/d"), r#"1:2 "a" = 1:7 {"b": 1} (above)"#);
    assert_eq!(at(text, "/x"), r#"1:1 {"a": {"b": 1}} (above)"#);
    assert_eq!(locate("  ", "/x"), None);
}

#[test]
fn the_last_of_two_members_counts() {
    assert_eq!(at(r#"{"a": 1, "a": 2}"#, "/a"), r#"1:10 "a" = 1:15 2"#);
}

#[test]
fn faults_do_not_stop_it() {
    assert_eq!(at(r#"{"a": 1,, b: 2, "c": 3"#, "/c"), r#"1:17 "c" = 1:22 3"#);
    assert_eq!(at("{\"a\": \"open\n \"c\": [1, 2", "/c/1"), "2:11 2");
    assert_eq!(at(r#"{"a" 1, "c": 3}"#, "/c"), r#"1:9 "c" = 1:14 3"#);
}

#[test]
fn depth_is_bounded() {
    let text = "[".repeat(200_000);
    let pointer = "/0".repeat(200_000);
    assert!(!locate(&text, &pointer).unwrap().is_exact);
}

fn json_values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((".{0,6}", inner), 0..5)
                .prop_map(|members| members.into_iter().collect::<Value>()),
        ]
    })
}

fn pointers(value: &Value, above: &str, found: &mut Vec<String>) {
    found.push(above.to_owned());
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointers(item, &format!("{above}/{index}"), found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                pointers(member, &format!("{above}/{name}"), found);
            }
        }
        _ => {}
    }
}

proptest! {
    #[test]
    fn each_value_of_a_document_is_where_serde_json_reads_it(value in json_values(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        let mut all = Vec::new();
        pointers(&value, "", &mut all);
        for pointer in all.iter().filter(|pointer| *pointer != "/") {
            let place = locate(&text, pointer).unwrap();
            let read: Value =
                serde_json::from_str(&text[place.value.start.offset..place.value.end.offset]).unwrap();
            let parsed: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(Some(&read), parsed.pointer(pointer));
            prop_assert!(place.is_exact);
        }
    }

    #[test]
    fn no_text_breaks_it(text in "[{}\\[\\]:,\"\\\\a1 \n]{0,40}", pointer in "(/[a01]?){0,4}") {
        let _ = locate(&text, &pointer);
    }

    #[test]
    fn lines_and_columns_count_characters(text in "[aä\n]{0,30}", offset in 0_usize..60) {
        let place = position(&text, offset);
        let before: String = text.lines().take(place.line - 1).flat_map(|line| [line, "\n"]).collect();
        prop_assert!(place.offset >= before.len() && place.column >= 1);
    }
}

#[test]
fn a_member_named_by_nothing_is_told_from_the_root() {
    let text = json!({"": {"a": 1}}).to_string();
    assert_eq!(at(&text, "//a"), "1:6 \"a\" = 1:10 1");
}
