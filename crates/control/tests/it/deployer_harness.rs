//! Harnesses over the registry of deployers: what each must fulfil, at every call and under every fault.

use std::collections::{BTreeMap, BTreeSet};

use shipway_asl::{Outline, StateMachine, TransitionKind};
use shipway_control::{
    app::Outcome,
    deployer::{DEPLOYERS, Deployer, FUNCTION_ARN, failure::ERRORS},
    host::{FencingToken, Host},
};

use crate::{
    deployer_rig::{Rig, release, run, watched_for},
    deployer_world::{Behaviour, Mode, Snapshot},
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

/// What is deployed over what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scenario {
    /// A good `2.0.0` over a good `1.0.0`.
    Good,
    /// A good `2.0.0` where nothing was before.
    First,
    /// A `2.0.0` that fails its gate over a good `1.0.0`.
    Bad,
}

async fn prepared(scenario: Scenario) -> Rig {
    let rig = Rig::new().await;
    if scenario != Scenario::First {
        assert_eq!(rig.deploy(release("1.0.0")).await.outcome, Outcome::Succeeded);
    }
    if scenario == Scenario::Bad {
        rig.world.behave("2.0.0", Behaviour { errors: 50, ..Behaviour::default() });
    }
    rig
}

/// Deploys `2.0.0` with one fault, and checks that the end is clean. Gives the count of calls.
async fn ends_clean(fault: Option<(usize, Mode)>, scenario: Scenario) -> (usize, Outcome) {
    let rig = prepared(scenario).await;
    let old = rig.world.snapshot();
    rig.world.begin(fault);
    let Ok(deployment) = rig.start(watched_for("2.0.0", "50ms")).await else {
        rig.world.end();
        assert_eq!(rig.world.snapshot(), old, "{fault:?}: refused, but something changed");
        return (rig.world.calls().len(), Outcome::FailedClean);
    };
    let calls = is_clean(&rig, &deployment.id, &old, &format!("{scenario:?} {fault:?}")).await;
    (calls, rig.shipway.deployment(&deployment.id).await.unwrap().outcome)
}

/// Checks that a deployment of `2.0.0` ends with the old world or the new one, and with the lock free.
async fn is_clean(rig: &Rig, id: &str, old: &Snapshot, what: &str) -> usize {
    let deployment = rig.end_of(id).await;
    let calls = rig.world.calls();
    rig.world.end();
    let what = format!("{what}: {:?}", deployment.error);
    match deployment.outcome {
        Outcome::Succeeded => assert_eq!(rig.world.snapshot(), new(), "{what}"),
        Outcome::FailedClean => {
            assert_eq!(&rig.world.snapshot(), old, "{what}");
            assert!(deployment.error.is_some(), "{what}");
        }
        other => panic!("{other:?} {what}"),
    }
    assert_eq!(rig.world.violations(), Vec::<String>::new(), "{what}");
    assert_eq!(rig.holder().await, None, "{what}");
    calls.len()
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

/// Lets each call of a deployment go wrong in each way; gives how often it ended how.
fn every_call(modes: &[Mode], scenario: Scenario) -> BTreeMap<String, usize> {
    let (calls, _) = run(ends_clean(None, scenario));
    assert!((20..200).contains(&calls), "{calls}");
    let mut ends = BTreeMap::new();
    for mode in modes {
        for call in 0..calls {
            let (_, outcome) = run(ends_clean(Some((call, *mode)), scenario));
            *ends.entry(format!("{outcome:?}")).or_default() += 1;
        }
    }
    ends
}

#[test]
fn any_call_that_fails_once_leads_to_a_clean_end() {
    let ends = every_call(&[Mode::FailsBefore, Mode::ReplyLost], Scenario::Good);
    assert!(ends["Succeeded"] > 20, "one failure is retried: {ends:?}");
}

#[test]
fn any_call_that_keeps_failing_for_a_while_leads_to_a_clean_end() {
    let modes = [Mode::Transient(2), Mode::Transient(4), Mode::Transient(5)];
    let ends = every_call(&modes, Scenario::Good);
    assert!(ends["Succeeded"] > 20 && ends["FailedClean"] > 20, "{ends:?}");
}

#[test]
fn any_call_that_hangs_leads_to_a_clean_end() {
    every_call(&[Mode::Hangs, Mode::HangsAfter], Scenario::Good);
}

#[test]
fn a_kill_at_any_call_leads_to_a_clean_end() {
    every_call(&[Mode::KilledBefore, Mode::KilledAfter], Scenario::Good);
}

#[test]
fn a_first_deployment_ends_clean_at_any_call_too() {
    every_call(&[Mode::ReplyLost, Mode::Transient(4), Mode::KilledAfter], Scenario::First);
}

#[test]
fn the_way_back_ends_clean_at_any_call_too() {
    let modes = [Mode::ReplyLost, Mode::Transient(3), Mode::HangsAfter, Mode::KilledAfter];
    let ends = every_call(&modes, Scenario::Bad);
    assert_eq!(ends.keys().collect::<Vec<_>>(), ["FailedClean"]);
}

/// Shipway as a whole is stopped at a call and started again over the same store.
#[test]
fn a_restart_at_any_call_leads_to_a_clean_end() {
    for scenario in [Scenario::Good, Scenario::Bad] {
        let (calls, _) = run(ends_clean(None, scenario));
        for call in 1..calls {
            run(async {
                let rig = prepared(scenario).await;
                let old = rig.world.snapshot();
                rig.world.begin(Some((call, Mode::Pauses)));
                let deployment = rig.start(watched_for("2.0.0", "50ms")).await.unwrap();
                rig.world.until_paused().await;
                let rig = rig.restart().await;
                is_clean(&rig, &deployment.id, &old, &format!("{scenario:?} restart at {call}")).await;
            });
        }
    }
}

#[test]
fn every_task_may_be_done_twice() {
    run(async {
        let rig = Rig::repeating(2).await;
        assert_eq!(rig.deploy(release("1.0.0")).await.outcome, Outcome::Succeeded);
        let deployment = rig.deploy(watched_for("2.0.0", "50ms")).await;
        assert_eq!(deployment.outcome, Outcome::Succeeded, "{:?}", deployment.error);
        assert_eq!(rig.world.snapshot(), new());
        assert_eq!(rig.world.violations(), Vec::<String>::new());
        assert_eq!(rig.holder().await, None);
    });
}

/// A holder stops at a call, another takes the environment over, the first goes on: it changes nothing any more.
#[test]
fn a_stale_holder_changes_nothing() {
    let (calls, _) = run(ends_clean(None, Scenario::Good));
    for call in 1..calls {
        run(async {
            let rig = Rig::new().await;
            rig.deploy(release("1.0.0")).await;
            rig.world.begin(Some((call, Mode::Pauses)));
            let deployment = rig.start(watched_for("2.0.0", "50ms")).await.unwrap();
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

/// A halt is either taken, and the deployment ends halted and clean, or refused as too late, and it succeeds.
#[test]
fn a_halt_at_any_call_is_taken_or_refused_and_never_forgotten() {
    let (calls, _) = run(ends_clean(None, Scenario::Good));
    let mut ends = BTreeMap::new();
    for call in 1..calls {
        run(async {
            let rig = prepared(Scenario::Good).await;
            let old = rig.world.snapshot();
            rig.world.begin(Some((call, Mode::Pauses)));
            let deployment = rig.start(watched_for("2.0.0", "50ms")).await.unwrap();
            rig.world.until_paused().await;
            let halted = rig.shipway.halt(&deployment.id, "bo", "stop").await;
            rig.world.resume();
            let deployment = rig.end_of(&deployment.id).await;
            let (expected, world) = match halted {
                Ok(_) => (Outcome::Halted, old),
                Err(_) => (Outcome::Succeeded, new()),
            };
            assert_eq!(deployment.outcome, expected, "{call} {:?} {:?}", rig.world.calls(), deployment.error);
            assert_eq!(rig.world.snapshot(), world, "{call}");
            assert_eq!(rig.world.violations(), Vec::<String>::new(), "{call}");
            assert_eq!(rig.holder().await, None, "{call}");
            *ends.entry(format!("{expected:?}")).or_insert(0) += 1;
        });
    }
    assert!(ends["Halted"] > 20 && ends["Succeeded"] >= 5, "{ends:?}");
}
