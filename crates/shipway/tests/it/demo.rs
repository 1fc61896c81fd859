//! The demo keeps its promises and leaves nothing behind, also when it is interrupted.

use rustix::process::Signal;
use serde_json::json;

use crate::rig::{World, processes_in};

fn is_clean(world: &World) {
    assert_eq!(processes_in(&world.path()), Vec::<String>::new());
    let left: Vec<_> =
        std::fs::read_dir(world.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["repo"]);
}

#[test]
fn the_demo_keeps_its_promises_and_leaves_nothing() {
    let world = World::new();
    let shown = world.run(&["demo", "--json"]).ends(0).json();
    let outcomes: Vec<_> =
        shown["versions"].as_array().unwrap().iter().map(|one| one["outcome"].clone()).collect();
    assert_eq!(outcomes, ["Succeeded", "Succeeded", "FailedClean"]);
    let failed: Vec<_> =
        shown["versions"].as_array().unwrap().iter().map(|one| one["failed"].clone()).collect();
    assert_eq!(failed[..2], [json!(0), json!(0)]);
    assert_eq!(failed[2], shown["failed"], "requests failed that the bad release did not answer");
    let promises = shown["promises"].as_array().unwrap();
    assert!(promises.len() == 7 && promises.iter().all(|one| one["is_kept"] == true), "{promises:?}");
    is_clean(&world);
}

#[test]
fn an_interrupted_demo_leaves_nothing() {
    let world = World::new();
    let mut demo = world.start(&["demo"]);
    demo.hear("constant load from here on");
    demo.signal(Signal::INT);
    demo.end().ends(130);
    is_clean(&world);
}
