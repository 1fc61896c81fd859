//! Garbage in: whatever a state gets, its handler answers with a named error and changes nothing.

use std::sync::Arc;

use proptest::{collection, prelude::*, strategy::ValueTree, string::string_regex, test_runner::TestRunner};
use serde_json::{Map, Value, json};
use shipway_control::{
    deployer::{Context, DEPLOYERS, failure::ERRORS, progress::Live},
    host::Host,
};

use crate::deployer_rig::{Rig, release, run};

fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        string_regex("\\PC{0,8}").unwrap().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let names = prop_oneof![
            Just("release".to_owned()),
            Just("deployment".to_owned()),
            Just("services".to_owned()),
            Just("error".to_owned()),
            string_regex("[a-z_]{0,8}").unwrap(),
        ];
        prop_oneof![
            collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            collection::vec((names, inner), 0..4).prop_map(|entries| Value::Object(Map::from_iter(entries))),
        ]
    })
}

/// A good document with one value somewhere replaced by garbage.
fn spoiled() -> impl Strategy<Value = Value> {
    (any::<prop::sample::Index>(), documents()).prop_map(|(place, garbage)| {
        let mut document = good();
        let mut places = Vec::new();
        list(&document, String::new(), &mut places);
        let place = place.get(&places);
        if let Some(value) = document.pointer_mut(place) {
            *value = garbage;
        }
        document
    })
}

fn good() -> Value {
    json!({
        "deployment": {"actor": "ana", "reason": null, "accepted_at": 1_764_000_000_000_i64},
        "release": release("1.0.0"),
        "found": {
            "token": 1,
            "deployed_at": 1_764_000_000_000_i64,
            "previous": {"web": {"route": null, "release_ids": ["release-0"]}},
            "watched": {"web": {"streaks": {"0": {"started_at": 1, "good": 1, "bad": 0, "is_healthy": true, "was_healthy": true, "evidence": ""}}}}
        },
        "healthy": true, "progress": {}, "waited_millis": 1,
        "error": {"Error": "HealthError", "Cause": "sick"}
    })
}

fn list(value: &Value, at: String, places: &mut Vec<String>) {
    match value {
        Value::Object(entries) => {
            entries.iter().for_each(|(name, value)| list(value, format!("{at}/{name}"), places))
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| list(value, format!("{at}/{index}"), places));
        }
        _ => {}
    }
    places.push(at);
}

#[test]
fn any_input_gives_a_named_error_and_never_a_panic() {
    run(async {
        let rig = Rig::new().await;
        let host: Arc<dyn Host> = Arc::new(rig.world.clone());
        let cx = Context {
            engine: rig.shipway.engine().clone(),
            host,
            execution_arn: rig.shipway.engine().execution_arn("host", "unknown"),
            live: Live::default(),
        };
        let mut runner = TestRunner::deterministic();
        let inputs = prop_oneof![documents(), spoiled()];
        for _ in 0..400 {
            let input = inputs.new_tree(&mut runner).unwrap().current();
            for deployer in DEPLOYERS {
                for task in deployer.tasks {
                    if let Err(failed) = (task.run)(&cx, input.clone()).await {
                        let is_known = ERRORS.iter().any(|error| error.name == failed.error);
                        assert!(is_known, "{}: {failed}", task.name);
                        assert!(deployer.errors.contains(&failed.error.as_str()), "{}: {failed}", task.name);
                    }
                }
            }
        }
    });
}

#[test]
fn a_bad_field_is_named() {
    run(async {
        let rig = Rig::new().await;
        let host: Arc<dyn Host> = Arc::new(rig.world.clone());
        let cx = Context {
            engine: rig.shipway.engine().clone(),
            host,
            execution_arn: rig.shipway.engine().execution_arn("host", "unknown"),
            live: Live::default(),
        };
        let validate = DEPLOYERS[0].task("Validate").unwrap();
        let mut input = good();
        input["release"]["surprise"] = json!(1);
        let failed = (validate.run)(&cx, input).await.unwrap_err();
        assert_eq!(failed.error, "BadInputError");
        assert!(failed.cause.contains("unknown field `surprise`"), "{failed}");
    });
}
