//! Harnesses over the registry of deployers: what each must fulfil, at every call and under every fault.

use std::collections::{BTreeMap, BTreeSet};

use shipway_asl::{Outline, StateMachine, TransitionKind};
use shipway_control::{
    app::Outcome,
    deployer::{DEPLOYERS, Deployer, FUNCTION_ARN, failure::ERRORS},
    host::{FencingToken, Host},
};

use crate::{
    deployer_rig::{Rig, careful, release, run},
    deployer_world::{Mode, Snapshot},
};

fn outline(deployer: &Deployer) -> Outline {
    StateMachine::parse(&deployer.definition(FUNCTION_ARN)).unwrap().outline()
}

#[test]
fn every_task_state_has_a_handler_and_every_handler_a_state() {
    for deployer in DEPLOYERS {
        let outline = outline(deployer);
        let states: BTreeSet<&str> = outline
            .states
            .iter()
            .filter(|state| state.kind == "Task")
            .map(|state| state.name.as_str())
            .collect();
        let handlers: BTreeSet<&str> = deployer.tasks.iter().map(|task| task.name).collect();
        assert_eq!(states, handlers, "{}", deployer.name);
        let definition: serde_json::Value = serde_json::from_str(deployer.machine).unwrap();
        for (name, state) in definition["States"].as_object().unwrap() {
            if state["Type"] == "Task" {
                assert_eq!(state["Parameters"]["Task"], name.as_str());
                assert_eq!(state["Parameters"]["Deployer"], deployer.name);
            }
        }
    }
}

#[test]
fn every_state_is_reachable_and_every_way_ends() {
    for deployer in DEPLOYERS {
        let outline = outline(deployer);
        let edges: BTreeMap<&str, Vec<&str>> = outline
            .states
            .iter()
            .map(|state| {
                (state.name.as_str(), state.transitions.iter().map(|edge| edge.to.as_str()).collect())
            })
            .collect();
        let reached = reach(&edges, &outline.start_at);
        assert_eq!(reached, edges.keys().copied().collect(), "{}", deployer.name);
        for state in &outline.states {
            let ends = reach(&edges, &state.name);
            let ends = outline.states.iter().filter(|end| ends.contains(end.name.as_str()));
            assert!(
                ends.into_iter().any(|end| end.kind == "Succeed" || end.kind == "Fail"),
                "{}",
                state.name
            );
        }
    }
}

fn reach<'a>(edges: &BTreeMap<&'a str, Vec<&'a str>>, from: &'a str) -> BTreeSet<&'a str> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(state) = open.pop() {
        if reached.insert(state) {
            open.extend(edges[state].iter().copied());
        }
    }
    reached
}

/// Each end but the dirty one lies behind `ReleaseLock`, and every task catches every error.
#[test]
fn every_error_is_caught_and_every_clean_end_gives_the_lock_back() {
    for deployer in DEPLOYERS {
        let outline = outline(deployer);
        for state in outline.states.iter().filter(|state| state.kind == "Task") {
            let catches: Vec<&str> = state
                .transitions
                .iter()
                .filter(|edge| edge.kind == TransitionKind::Catch)
                .filter_map(|edge| edge.label.as_deref())
                .collect();
            assert!(catches.iter().any(|label| label.contains("States.ALL")), "{} {catches:?}", state.name);
        }
        let edges: BTreeMap<&str, Vec<&str>> = outline
            .states
            .iter()
            .filter(|state| state.name != "ReleaseLock")
            .map(|state| {
                (state.name.as_str(), state.transitions.iter().map(|edge| edge.to.as_str()).collect())
            })
            .chain([("ReleaseLock", Vec::new())])
            .collect();
        let without_release = reach(&edges, &outline.start_at);
        for clean in ["Succeeded", "FailedClean", "Halted"] {
            assert!(!without_release.contains(clean), "{}: {clean}", deployer.name);
        }
        let known: BTreeSet<&str> = ERRORS.iter().map(|error| error.name).collect();
        assert!(deployer.errors.iter().all(|error| known.contains(error)));
    }
}

/// Deploys `2.0.0` over `1.0.0` with one fault, and checks that the end is clean. Gives the count of calls.
async fn ends_clean(fault: Option<(usize, Mode)>, has_previous: bool) -> (usize, Outcome) {
    let rig = Rig::new().await;
    if has_previous {
        assert_eq!(rig.deploy(release("1.0.0")).await.outcome, Outcome::Succeeded);
    }
    let old = rig.world.snapshot();
    rig.world.begin(fault);
    let Ok(deployment) = rig.start(careful("2.0.0")).await else {
        rig.world.end();
        assert_eq!(rig.world.snapshot(), old, "{fault:?}: refused, but something changed");
        return (rig.world.calls().len(), Outcome::FailedClean);
    };
    let deployment = rig.end_of(&deployment.id).await;
    let calls = rig.world.calls();
    rig.world.end();
    let what = format!("{fault:?} at {:?}: {:?}", fault.map(|(at, _)| calls.get(at)), deployment.error);
    match deployment.outcome {
        Outcome::Succeeded => assert_eq!(rig.world.snapshot(), new(), "{what}"),
        Outcome::FailedClean => {
            assert_eq!(rig.world.snapshot(), old, "{what}");
            assert!(deployment.error.is_some(), "{what}");
        }
        other => panic!("{other:?} {what} {:#?}", rig.states(&deployment.id).await),
    }
    assert_eq!(rig.world.violations(), Vec::<String>::new(), "{what}");
    assert_eq!(rig.holder().await, None, "{what}");
    (calls.len(), deployment.outcome)
}

/// The world after `2.0.0`.
fn new() -> Snapshot {
    let only = || BTreeSet::from(["release-2-0-0".to_owned()]);
    let shares = BTreeMap::from([("release-2-0-0".to_owned(), 100)]);
    Snapshot {
        running: BTreeMap::from([("web".to_owned(), only()), ("worker".to_owned(), only())]),
        routes: BTreeMap::from([("web".to_owned(), ("127.0.0.1".to_owned(), 8080, shares))]),
    }
}

fn every_call(modes: &[Mode], has_previous: bool) {
    let (calls, outcome) = run(ends_clean(None, has_previous));
    assert_eq!(outcome, Outcome::Succeeded);
    assert!(calls > 20, "{calls}");
    for mode in modes {
        for call in 0..calls {
            run(ends_clean(Some((call, *mode)), has_previous));
        }
    }
}

#[test]
fn any_call_that_fails_once_leads_to_a_clean_end() {
    every_call(&[Mode::FailsBefore, Mode::ReplyLost], true);
}

#[test]
fn any_call_that_keeps_failing_for_a_while_leads_to_a_clean_end() {
    every_call(&[Mode::Transient(2), Mode::Transient(4), Mode::Transient(5)], true);
}

#[test]
fn any_call_that_hangs_leads_to_a_clean_end() {
    every_call(&[Mode::Hangs, Mode::HangsAfter], true);
}

#[test]
fn a_kill_at_any_call_leads_to_a_clean_end() {
    every_call(&[Mode::KilledBefore, Mode::KilledAfter], true);
}

#[test]
fn a_first_deployment_ends_clean_at_any_call_too() {
    every_call(&[Mode::ReplyLost, Mode::Transient(4), Mode::KilledAfter], false);
}

#[test]
fn every_task_may_be_done_twice() {
    run(async {
        let rig = Rig::repeating(2).await;
        assert_eq!(rig.deploy(release("1.0.0")).await.outcome, Outcome::Succeeded);
        let deployment = rig.deploy(careful("2.0.0")).await;
        assert_eq!(deployment.outcome, Outcome::Succeeded, "{:?}", deployment.error);
        assert_eq!(rig.world.snapshot(), new());
        assert_eq!(rig.world.violations(), Vec::<String>::new());
        assert_eq!(rig.holder().await, None);
    });
}

/// A holder stops at a call, another takes the environment over, the first goes on: it changes nothing any more.
#[test]
fn a_stale_holder_changes_nothing() {
    let (calls, _) = run(ends_clean(None, true));
    for call in 1..calls {
        run(async {
            let rig = Rig::new().await;
            rig.deploy(release("1.0.0")).await;
            rig.world.begin(Some((call, Mode::Pauses)));
            let deployment = rig.start(careful("2.0.0")).await.unwrap();
            rig.world.until_paused().await;
            rig.world.fence("acme/shop", "production", FencingToken(1_000)).await.unwrap();
            let before = rig.world.accepted().len();
            let world = rig.world.snapshot();
            rig.world.resume();
            let deployment = rig.end_of(&deployment.id).await;
            let accepted = rig.world.accepted().split_off(before);
            let what = format!("{:?} {:?}", rig.world.calls().get(call), deployment.error);
            assert_eq!(accepted, Vec::new(), "{what}");
            assert_eq!(rig.world.snapshot(), world, "{what}");
        });
    }
}
