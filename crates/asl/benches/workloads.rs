//! What the benchmarks of the language work on. Shared with the peers' benchmarks, so that all do the same.

use serde_json::{Map, Value, json};

/// A machine of `count` states in a row, of the kinds that machines are made of.
pub fn machine(count: usize) -> Value {
    let mut states = Map::new();
    for index in 0..count {
        let next = (index + 1 < count).then(|| name(index + 1));
        states.insert(name(index), state(index, next.as_deref()));
    }
    json!({"Comment": "a row of states", "StartAt": name(0), "States": states})
}

fn name(index: usize) -> String {
    format!("State{index:03}")
}

fn state(index: usize, next: Option<&str>) -> Value {
    let kind = if next.is_some() { index % 4 } else { 0 };
    let mut state = match kind {
        0 => {
            json!({"Type": "Pass", "Parameters": {"id.$": "$.order.id", "text.$": "States.Format('order {}', $.order.id)"}, "ResultPath": "$.pass"})
        }
        1 => json!({"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:111111111111:function:work",
            "TimeoutSeconds": 60, "ResultPath": "$.task",
            "Retry": [{"ErrorEquals": ["States.Timeout"], "IntervalSeconds": 2, "MaxAttempts": 3, "BackoffRate": 2.0}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": next}]}),
        2 => json!({"Type": "Choice", "Default": next, "Choices": [
            {"And": [{"Variable": "$.order.total", "NumericGreaterThan": 100}, {"Variable": "$.order.rush", "BooleanEquals": true}], "Next": next}]}),
        _ => json!({"Type": "Wait", "Seconds": 1}),
    };
    match next {
        Some(next) if kind != 2 => state["Next"] = next.into(),
        None => state["End"] = true.into(),
        Some(_) => {}
    }
    state
}

/// The machines of [`small`]: one state of each type, entered and left as far as it goes by itself.
pub const SMALL: &[&str] =
    &["Pass", "Choice", "Task", "Wait", "Succeed", "Fail", "Parallel", "Map", "Pass in JSONata"];

/// A machine around one state.
pub fn small(kind: &str) -> Value {
    let state = match kind {
        "Choice" => {
            json!({"Type": "Choice", "Choices": [{"Variable": "$.order.total", "NumericGreaterThan": 100, "Next": "Z"}], "Default": "Z"})
        }
        "Task" => {
            json!({"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:111111111111:function:f", "End": true})
        }
        "Wait" => json!({"Type": "Wait", "Seconds": 60, "End": true}),
        "Parallel" => {
            let branch = json!({"StartAt": "B", "States": {"B": {"Type": "Pass", "End": true}}});
            json!({"Type": "Parallel", "Branches": [branch], "End": true})
        }
        "Map" => json!({"Type": "Map", "ItemsPath": "$.order.items", "End": true,
            "ItemProcessor": {"StartAt": "B", "States": {"B": {"Type": "Pass", "End": true}}}}),
        "Pass in JSONata" => {
            json!({"Type": "Pass", "QueryLanguage": "JSONata", "Output": {"id": "{% $states.input.order.id %}"}, "End": true})
        }
        "Pass" => json!({"Type": "Pass", "Parameters": {"id.$": "$.order.id"}, "End": true}),
        kind => json!({"Type": kind}),
    };
    let mut states = json!({"S": state});
    if kind == "Choice" {
        states["Z"] = json!({"Type": "Succeed"});
    }
    json!({"StartAt": "S", "States": states})
}

/// An order with `count` items, as machines of shops carry it.
pub fn order(count: usize) -> Value {
    let items: Vec<Value> = (0..count)
        .map(|index| json!({"sku": format!("sku-{index}"), "price": index * 7 % 50, "quantity": index % 3 + 1, "tags": ["a", "b"]}))
        .collect();
    json!({"order": {"id": "o-1", "total": 120, "rush": true, "customer": {"name": "Ada", "city": "London"}, "items": items}})
}

/// JSONPath expressions, named; AWS's dialect and RFC 9535 agree on them.
pub const PATHS: &[(&str, &str)] = &[
    ("field", "$.order.customer.city"),
    ("index", "$.order.items[3].sku"),
    ("wildcard over 200", "$.order.items[*].price"),
    ("descend over 200", "$..price"),
    ("filter over 200", "$.order.items[?(@.price > 25)].sku"),
];

/// JSONata expressions over `$`, named.
#[allow(dead_code, reason = "for the peers")]
pub const QUERIES: &[(&str, &str)] = &[
    ("path", "order.customer.city"),
    ("concatenate", "order.customer.name & ' of ' & order.customer.city"),
    ("object", "{'id': order.id, 'high': order.total > 100, 'city': $uppercase(order.customer.city)}"),
    ("filter and sum 200", "$sum(order.items[price > 25].(price * quantity))"),
    ("map with a function 200", "$map(order.items, function($i) { $i.price * $i.quantity })"),
    ("sort and group 200", "order.items^(price){ $string(price): $count(sku) }"),
];
