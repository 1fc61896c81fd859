//! Claims about intrinsic functions, from AWS's documentation.

use serde_json::{Value, json};

use super::Call;
use crate::expression::{Env, Fault, Names};
use crate::path::Path;

struct Fixed;

impl Names for Fixed {
    fn context(&self, _path: &Path) -> Value {
        Value::Null
    }
    fn variable(&self, _name: &str) -> Option<&Value> {
        None
    }
    fn now(&self) -> crate::Timestamp {
        crate::Timestamp(0)
    }
    fn entropy(&self) -> u64 {
        42
    }
}

fn input() -> Value {
    json!({"name": "Ada", "items": [1, 2, 3, 4, 5], "o": {"a": 1, "b": [true, null]}})
}

fn call(text: &str) -> Result<Value, Fault> {
    Call::parse(text).unwrap().evaluate(&Env::new(&input(), &Fixed))
}

#[test]
fn functions_give_what_the_documentation_shows() {
    for (text, expected) in [
        ("States.Format('Hi {}, {} \\{\\}', $.name, $.o)", json!("Hi Ada, {a=1, b=[true, null]} {}")),
        ("States.Array('a', 1, true, null, $.name)", json!(["a", 1, true, null, "Ada"])),
        ("States.ArrayPartition($.items, 4)", json!([[1, 2, 3, 4], [5]])),
        ("States.ArrayContains($.items, 5)", json!(true)),
        ("States.ArrayRange(1, 9, 2)", json!([1, 3, 5, 7, 9])),
        ("States.ArrayRange(3, 1, -1)", json!([3, 2, 1])),
        ("States.ArrayGetItem($.items, 4)", json!(5)),
        ("States.ArrayLength($.items)", json!(5)),
        ("States.ArrayUnique(States.Array(1, 2, 1))", json!([1, 2])),
        ("States.Base64Encode('Data to encode')", json!("RGF0YSB0byBlbmNvZGU=")),
        ("States.Base64Decode('RGF0YSB0byBlbmNvZGU=')", json!("Data to encode")),
        ("States.Hash('input data', 'SHA-1')", json!("aaff4a450a104cd177d28d18d74485e8cae074b7")),
        ("States.JsonToString($.o)", json!("{\"a\":1,\"b\":[true,null]}")),
        ("States.StringToJson('{\"a\": [1]}')", json!({"a": [1]})),
        (
            "States.JsonMerge($.o, States.StringToJson('{\"a\":2}'), false)",
            json!({"a": 2, "b": [true, null]}),
        ),
        ("States.MathAdd(111, -1)", json!(110)),
        ("States.StringSplit('1;2,,3', ';,')", json!(["1", "2", "3"])),
        ("States.Format('it\\'s')", json!("it's")),
    ] {
        assert_eq!(call(text), Ok(expected), "{text}");
    }
}

#[test]
fn functions_are_as_lenient_as_those_of_aws() {
    for (text, expected) in [
        ("States.ArrayPartition($.items, 2.6)", json!([[1, 2], [3, 4], [5]])),
        ("States.ArrayRange(5.4, -0.6, -2.4)", json!([5, 3, 1])),
        ("States.ArrayRange(1.6, 1.4, 1)", json!([1])),
        ("States.ArrayRange(1, 5, -1)", json!([])),
        ("States.ArrayRange(3, 3, -1)", json!([3])),
        ("States.ArrayGetItem($.items, 1.2)", json!(2)),
        ("States.ArrayGetItem(States.Array(), 999)", json!(null)),
        ("States.ArrayContains(States.Array('true', '7'), true)", json!(true)),
        ("States.ArrayContains(States.Array('true', '7'), 7)", json!(true)),
        ("States.ArrayContains(States.Array(0, 1), false)", json!(false)),
        ("States.ArrayContains(States.Array(1, 2), 2.0)", json!(false)),
        ("States.ArrayUnique(States.Array(true, false, true))", json!([false, true])),
        ("States.MathAdd(2147483646, 1)", json!(2_147_483_647)),
        ("States.MathAdd(-1.5, 2.5)", json!(2)),
        ("States.Base64Decode('!!!aGVsbG8!!!')", json!("hello")),
        ("States.Base64Decode(' YWJjZA== ')", json!("abcd")),
        ("States.Base64Decode('ab==cd')", json!("i")),
        ("States.Base64Decode('abc')", json!("i\u{fffd}")),
        ("States.Base64Decode('A')", json!("")),
        ("States.Format(1)", json!("1")),
        ("States.Format('{}', null)", json!("null")),
        ("States.Array('a\\\\b', '\\{\\}')", json!(["a\\b", "{}"])),
        (
            "States.JsonMerge($.o, States.StringToJson('{\"a\": 2}'), 'false')",
            json!({"a": 2, "b": [true, null]}),
        ),
        ("States.StringToJson('')", json!(null)),
        ("States.StringSplit('', ',')", json!([])),
        ("States.StringSplit('abc', '')", json!(["abc"])),
        ("States.Hash(123, 'MD5')", json!("202cb962ac59075b964b07152d234b70")),
    ] {
        assert_eq!(call(text), Ok(expected), "{text}");
    }
}

#[test]
fn a_failure_names_the_whole_expression() {
    let arguments = |name: &str| format!("Invalid arguments in {name}");
    let lost = |path: &str| {
        let input = input();
        format!("The JsonPath argument for the field '{path}' could not be found in the input '{input}'")
    };
    let count = "Invalid arguments in States.Format: number of arguments do not match the occurrences of {}.";
    for (text, why) in [
        ("States.ArrayPartition($.items, 0)", arguments("States.ArrayPartition")),
        ("States.ArrayPartition($.items, 0.6)", arguments("States.ArrayPartition")),
        ("States.ArrayPartition('x', 2)", arguments("States.ArrayPartition")),
        ("States.ArrayRange(1, 1001, 1)", arguments("States.ArrayRange")),
        ("States.ArrayRange(1001, 1, -1)", arguments("States.ArrayRange")),
        ("States.ArrayRange(1, 10, 0.49)", arguments("States.ArrayRange")),
        ("States.ArrayGetItem($.items, 5)", arguments("States.ArrayGetItem")),
        ("States.ArrayGetItem($.items, -1)", arguments("States.ArrayGetItem")),
        ("States.ArrayGetItem($.items, '1')", arguments("States.ArrayGetItem")),
        ("States.ArrayContains($.items)", arguments("States.ArrayContains")),
        ("States.Format('{}')", count.into()),
        ("States.Format('', 1)", count.into()),
        (
            "States.Format('{', 1)",
            "Invalid template in States.Format: matching '}' not found for '{'.".into(),
        ),
        ("States.Format('}')", "Invalid template in States.Format: matching '{' not found for '}'.".into()),
        ("States.Hash('a', 'sha-256')", arguments("States.Hash")),
        ("States.Hash()", arguments("States.Hash")),
        ("States.StringToJson('{')", arguments("States.StringToJson")),
        ("States.StringToJson(1)", arguments("States.StringToJson")),
        ("States.JsonMerge($.o, $.o, true)", arguments("States.JsonMerge")),
        ("States.JsonMerge($.o, $.items, false)", arguments("States.JsonMerge")),
        ("States.MathRandom(1.4, 1.6)", arguments("States.MathRandom")),
        ("States.MathRandom(1, 2, null)", arguments("States.MathRandom")),
        ("States.MathAdd(2147483647, 1)", arguments("States.MathAdd")),
        ("States.MathAdd(3000000000, 1)", arguments("States.MathAdd")),
        ("States.MathAdd('1', 1)", arguments("States.MathAdd")),
        ("States.Array(States.MathAdd(1))", arguments("States.MathAdd")),
        ("States.Format('{} {}',$.name, $.a.b)", lost("$.a.b")),
        ("States.Array(1, States.Array($.items[5].x))", lost("$.items[5].x")),
        ("States.Array($$.Nope.Deep)", lost("$.Nope.Deep")),
        (
            "States.Array($.o[0])",
            "Filter: [0] can only be applied to arrays. Current context is: {\"a\":1,\"b\":[true,null]}"
                .into(),
        ),
    ] {
        let message = format!("The function '{text}' had the following error: {why}");
        assert_eq!(call(text), Err(Fault::runtime(message)), "{text}");
    }
}

#[test]
fn entropy_is_the_only_source_of_chance() {
    assert_eq!(call("States.UUID()"), call("States.UUID()"));
    let random = call("States.MathRandom(1, 10)").unwrap().as_i64().unwrap();
    assert!((1..10).contains(&random));
}

#[test]
fn wrong_syntax_is_refused_at_parse_time() {
    for text in [
        "States.Nope()",
        "States.Array(a)",
        "States.Array('a\\n')",
        "States.Array('\\\"')",
        "States.Array(1",
        "States.UUID() x",
        "Array()",
    ] {
        assert!(Call::parse(text).is_err(), "{text}");
    }
}
