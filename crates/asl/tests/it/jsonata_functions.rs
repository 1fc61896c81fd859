//! Claims about JSONata expressions: what Step Functions adds and takes away, limits, numbers and words.

use proptest::prelude::*;
use serde_json::{Value, json};
use shipway_asl::probe::{Given, Query};
use shipway_asl::{StateMachine, Status};

use crate::world::{World, start};

/// What one expression gives as a Pass state's output, or the cause of the failure behind the common words.
fn evaluate(expression: &str, input: Value) -> Result<Value, String> {
    let machine = json!({"QueryLanguage": "JSONata", "StartAt": "A", "States": {
        "A": {"Type": "Pass", "End": true, "Output": format!("{{% {expression} %}}")}}});
    let machine = StateMachine::parse(&machine.to_string()).map_err(|found| format!("{found:?}"))?;
    let mut world = World::new(machine, start(input));
    world.run(|_| unreachable!("no task"));
    match world.execution.status() {
        Status::Succeeded => Ok(world.execution.output().cloned().unwrap_or_default()),
        _ => {
            let cause = world.execution.cause().unwrap_or_default();
            let (_, end) = cause.split_once("specified for the field 'Output' ").unwrap_or(("", cause));
            Err(end.to_owned())
        }
    }
}

fn gives(expression: &str, value: &Value) {
    let input = json!({"a": [1, 2, 3, 4], "s": "text", "n": 7, "o": {"x": 1.0, "big": 1_234_567_890_123_456_789_i64}});
    assert_eq!(evaluate(expression, input).as_ref(), Ok(value), "{expression}");
}

fn fails(expression: &str, cause: &str) {
    assert_eq!(evaluate(expression, json!({})), Err(cause.to_owned()), "{expression}");
}

fn throws(expression: &str, words: &str) {
    let separator = if words.get(5..6) == Some(":") { "." } else { ":" };
    fails(expression, &format!("threw an error during evaluation{separator} {words}"));
}

const UNDEFINED: &str = "returned nothing (undefined).";
const TOO_DEEP: &str = "Stack overflow error: Check for non-terminating recursive function. Consider rewriting as tail-recursive";
const TOO_LARGE: &str = "Expression evaluation memory limit exceeded: Check for excessive memory usage";

#[test]
fn partition_cuts_lists() {
    gives("$partition($states.input.a, 3)", &json!([[1, 2, 3], [4]]));
    gives("$partition([1,2,3,4,5], 2.9)", &json!([[1, 2], [3, 4], [5]]));
    gives("$partition([1,2,3])", &json!([[1, 2, 3]]));
    fails("$partition([], 2)", UNDEFINED);
    fails("$partition([1,2,3], -0.5)", UNDEFINED);
    throws("$partition([1,2,3], -1)", "D3137: Second argument must be zero or greater");
}

#[test]
fn range_counts_to_its_end() {
    gives("$range(1, 9, 2)", &json!([1, 3, 5, 7, 9]));
    gives("$range(10, 0, -4)", &json!([10, 6, 2]));
    gives("$range(-1.7, 2, 1)", &json!([-1, 0, 1, 2]));
    gives("$range(3, 3, 1)", &json!(3));
    gives("$range(1, 9, 9)", &json!(1));
    gives("$count($range(-9e18, 9e18, 9e18))", &json!(3));
    gives("$count($range(1, 360145, 1))", &json!(360_145));
    ["$range(5, 1, 1)", "$range(1, 5, 0)", "$range(1, 5)"].iter().for_each(|text| fails(text, UNDEFINED));
    throws("$range(1)", "T0410: Argument 2 of function \"range\" does not match function signature");
    throws("$range(1, 360146, 1)", TOO_LARGE);
}

#[test]
fn hash_parse_and_uuid_are_there() {
    gives("$hash('input', 'SHA-1')", &json!("140f86aae51ab9e1cda9b4254fe98a74eb54c1a1"));
    gives("$hash('ñ', 'MD5')", &json!("94e9342ecbb1458b6043ecd3bfcbc192"));
    fails("$hash('a')", UNDEFINED);
    throws("$hash('a', 5)", "T0410: Argument 2 of function \"hash\" does not match function signature");
    assert!(evaluate("$hash('a', 'md5')", json!({})).unwrap_err().contains("D3137"));
    gives("$parse('{\"b\":1.0,\"a\":[true]}')", &json!({"b": 1, "a": [true]}));
    gives("$map(['{\"a\":1}', '{\"a\":2}'], $parse).a", &json!([1, 2]));
    gives("$exists($parse('null'))", &json!(true));
    fails("$parse()", UNDEFINED);
    throws("$parse(null)", "T0410: Argument 1 of function \"parse\" does not match function signature");
    assert!(evaluate("$parse('{\"a\":1,\"a\":2}')", json!({})).unwrap_err().contains("D3137: Invalid JSON"));
    gives(
        "$contains($uuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)",
        &json!(true),
    );
    gives("$uuid() = $uuid()", &json!(false));
    throws("$uuid(1)", "T0410: Argument 1 of function \"uuid\" does not match function signature");
}

#[test]
fn chance_and_time_come_from_the_step() {
    gives("$random(42)", &json!(0.727_563_680_032_868_1));
    gives("$random(0.9) = $random(0)", &json!(true));
    gives("$random() = $random()", &json!(false));
    gives("$type($random())", &json!("number"));
    throws("$random(1, 2)", "T0410: Argument 2 of function \"random\" does not match function signature");
    gives("$toMillis($now()) = $millis()", &json!(true));
    gives("$now('[Y0001]') = $substring($now(), 0, 4)", &json!(true));
    gives("$sort($shuffle([3,1,2]))", &json!([1, 2, 3]));
    for text in ["[$random(), $random(), $uuid(), $now(), $millis()]", "$shuffle([1..100])"] {
        assert_eq!(evaluate(text, json!({})), evaluate(text, json!({})), "{text}");
    }
}

#[test]
fn eval_is_not_there() {
    throws("$eval('1+1')", "T1006: Attempted to invoke a non-function");
    throws("'1+1' ~> $eval", "T1006: Attempted to invoke a non-function");
    throws("$nothing()", "T1006: Attempted to invoke a non-function");
}

#[test]
fn results_that_are_no_json_fail() {
    for text in ["function($x){$x}", "$sum", "/a/", "$string ~> $length"] {
        fails(text, "returned an unsupported result type.");
    }
    ["$nothing", "$states.input.a.b", "[1,2][5]", "$string()"].iter().for_each(|text| fails(text, UNDEFINED));
    gives("[1, function(){1}]", &json!([1, null]));
}

#[test]
fn numbers_come_back_as_they_are() {
    gives("$states.input.o.x", &json!(1));
    gives("$states.input.o", &json!({"x": 1, "big": 1_234_567_890_123_456_789_i64}));
    gives("$states.input.o.big", &json!(1_234_567_890_123_456_789_i64));
    gives("6 / 2", &json!(3));
    gives("-0", &json!(0));
    gives("0.1 + 0.2", &json!(0.300_000_000_000_000_04));
    gives("$string(1e20)", &json!("100000000000000000000"));
    gives("$string(1e21)", &json!("1e+21"));
}

#[test]
fn the_words_are_those_of_the_language() {
    for words in [
        ("1 + 'a'", "T2002: The right side of the \"+\" operator must evaluate to a number"),
        ("$sum(['a'])", "T0412: Argument 1 of function \"sum\" must be an array of \"numbers\""),
        ("$uppercase(1)", "T0410: Argument 1 of function \"uppercase\" does not match function signature"),
        (
            "$each('x', function($v){$v})",
            "T0410: Argument 1 of function \"each\" does not match function signature",
        ),
        ("$abs(1, 2)", "T0410: Argument 2 of function \"abs\" does not match function signature"),
        ("$exists()", "T0410: Argument 1 of function \"exists\" does not match function signature"),
        ("$number('abc')", "D3030: Unable to cast value to a number: \"abc\""),
        ("$sqrt(-1)", "D3060: The sqrt function cannot be applied to a negative number: -1"),
        (
            "$split('a', 'b', -1)",
            "D3020: Third argument of split function must evaluate to a positive number",
        ),
        ("$error('mine')", "D3137: mine"),
        (
            "$formatNumber(1, 'x')",
            "D3086: The sub-picture must not contain a passive character that is preceded by an active character and that is followed by another active character",
        ),
        (
            "$single([1,2], function($x){true})",
            "D3138: The $single() function expected exactly 1 matching result.  Instead it matched more.",
        ),
    ] {
        throws(words.0, words.1);
    }
}

#[test]
fn depth_ends_where_it_ends_on_aws() {
    let nested =
        |open: &str, close: &str, count: usize| format!("{}1{}", open.repeat(count), close.repeat(count));
    gives(&nested("(", ")", 99), &json!(1));
    gives(&nested("", "+1", 99), &json!(100));
    gives("($f := function($x){ $x <= 0 ? 0 : 1 + $f($x-1) }; $f(31))", &json!(31));
    for text in [nested("", "+1", 101), nested("(", ")", 101), nested("[", "]", 101)] {
        throws(&text, TOO_DEEP);
    }
    throws("($f := function($x){ $x <= 0 ? 0 : 1 + $f($x-1) }; $f(100000))", TOO_DEEP);
}

#[test]
fn what_grows_without_end_is_stopped() {
    gives(
        "($f := function($s, $n){ $n = 0 ? $s : $f($s & $s, $n - 1) }; $length($f('x', 22)))",
        &json!(4_194_304),
    );
    for text in [
        "($f := function($s, $n){ $n = 0 ? $s : $f($s & $s, $n - 1) }; $length($f('x', 23)))",
        "$reduce([1..100], function($a, $b){$a & $a}, 'x')",
        "($f := function($s, $n){ $n = 0 ? $s : $f([$s, $s], $n - 1) }; $string($f('x', 60)))",
        "($f := function($s, $n){ $n = 0 ? $s : $f({'a': $s, 'b': $s}, $n - 1) }; $f('x', 60).**)",
        "$pad('', 1e9)",
        "($p := $pad; $p('', 1e9))",
        "[1..1e9]",
        "$count([1..873783])",
        "$fromMillis(0, '[M,1000000000-1000000001]')",
        "$formatInteger(1e15, 'I')",
    ] {
        throws(text, TOO_LARGE);
    }
    throws(
        "($f := function($x){ $f($x+1) }; $f(1))",
        "Expression evaluation timeout: Check for infinite loop",
    );
}

#[test]
fn numbers_out_of_all_bounds_end_in_errors_or_values() {
    gives("$substring('abc', -1e300, 1e300)", &json!("abc"));
    gives("$substring('abc', 1e300)", &json!(""));
    throws("[0..1e300]", TOO_LARGE);
    throws("[-1e300..1e300]", TOO_LARGE);
}

#[test]
fn names_of_checked_functions_can_be_hidden() {
    gives("(function($pad){$pad})(5)", &json!(5));
    gives("($now := function($x){$x}; $now(3))", &json!(3));
    gives("($pad := function($a){$a & 1}; $pad('x'))", &json!("x1"));
    gives("($uuid := function($a, $b){$a + $b}; $uuid(1, 2))", &json!(3));
    gives("$pad('a', 3, '-') & $pad('b', -3)", &json!("a--  b"));
    gives("$states.input.s.($pad(6))", &json!("text  "));
    gives("$formatInteger(14, 'I')", &json!("XIV"));
}

/// Expressions out of the language's words, most of them wrong.
fn expression() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "$states",
        ".input",
        ".a",
        "$x",
        "1",
        "'s'",
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        "'k':",
        ",",
        "+",
        "-",
        "&",
        "..",
        "~>",
        "$map(",
        "$sum(",
        "$string(",
        "$pad(",
        "$range(",
        "$partition(",
        "$reduce(",
        "function($x){",
        ":=",
        ";",
        "?",
        ":",
        "*",
        "**",
        "%",
        "^(",
        "=",
        "<",
        "in",
        "and",
        "/a/",
        "|",
        "@$x",
        "#$i",
        "null",
        " ",
    ]);
    prop::collection::vec(word, 1..24).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_expression_gives_the_same_twice_and_never_panics(text in expression()) {
        let input = json!({"a": [{"a": 1}, {"a": 2}], "x": "s"});
        prop_assert_eq!(evaluate(&text, input.clone()), evaluate(&text, input));
    }

    #[test]
    fn plain_paths_find_what_the_language_finds(
        path in prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 1..4),
        document in document(),
    ) {
        let path = path.join(".");
        let found = evaluate(&format!("$states.input.{path}"), document.clone()).ok();
        let query = Query::parse(&path).unwrap();
        prop_assert_eq!(found, query.evaluate(Some(&document), &Given::default()).unwrap());
    }
}

/// JSON with few names, so that paths meet.
fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        Just(json!(true)),
        (-3_i64..3).prop_map(Value::from),
        Just(json!("s"))
    ];
    let tree = leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(prop::sample::select(vec!["a", "b", "c"]), inner, 0..3)
                .prop_map(|fields| json!(fields)),
        ]
    });
    tree.prop_map(|inner| json!({"a": inner}))
}
