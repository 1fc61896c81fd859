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

fn call(text: &str) -> Result<Value, Fault> {
    let input = json!({"name": "Ada", "items": [1, 2, 3, 4, 5], "o": {"a": 1, "b": [true, null]}});
    Call::parse(text).unwrap().evaluate(&Env::new(&input, &Fixed))
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
fn refused_arguments_name_the_function() {
    for text in [
        "States.ArrayPartition($.items, 0)",
        "States.ArrayRange(0, 5000, 1)",
        "States.ArrayGetItem($.items, 5)",
        "States.Format('{}')",
        "States.Format('', 1)",
        "States.Hash('a', 'CRC')",
        "States.StringToJson('{')",
        "States.JsonMerge($.o, $.o, true)",
        "States.MathRandom(2, 1)",
    ] {
        let Err(Fault::Intrinsic(message)) = call(text) else { panic!("{text}") };
        assert!(message.starts_with("States."), "{message}");
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
        "States.MathAdd(1)",
        "States.Array(a)",
        "States.Array(1",
        "States.UUID() x",
        "Array()",
    ] {
        assert!(Call::parse(text).is_err(), "{text}");
    }
}
