//! Claims about the application: accepting, ending, halting, going back, and what people are shown.

use std::sync::Arc;

use expect_test::expect;
use serde_json::json;
use shipway_control::{
    app::{Deploy, Error, Outcome},
    host::{GroupId, Host, Mended, ServiceId},
    release::Release,
};
use shipway_engine::StartExecution;

use crate::{
    deployer_rig::{Rig, careful, release, release_of, run},
    deployer_world::{Behaviour, Mode},
    full_store::Full,
};

const PROJECT: &str = "acme/shop";
const ENVIRONMENT: &str = "production";

fn web() -> ServiceId {
    ServiceId { project: PROJECT.to_owned(), environment: ENVIRONMENT.to_owned(), service: "web".to_owned() }
}

/// A version that never becomes healthy, in a release that waits long for it.
fn never_healthy(rig: &Rig, version: &str) -> Release {
    rig.world.behave(version, Behaviour { healthy_after: None, ..Behaviour::default() });
    let mut release = release(version);
    for service in release.services.values_mut() {
        service.health.grace = "5m".parse().unwrap();
    }
    release
}

#[test]
fn a_deployment_goes_its_way_and_everybody_can_see_it() {
    run(async {
        let rig = Rig::new().await;
        assert_eq!(rig.deploy(release("1.0.0")).await.outcome, Outcome::Succeeded);
        let deployment = rig.deploy(careful("2.0.0")).await;
        assert_eq!((deployment.outcome, &deployment.error), (Outcome::Succeeded, &None));
        assert_eq!(deployment.previous_version.as_deref(), Some("1.0.0"));
        assert_eq!((deployment.services["web"].healthy, deployment.services["web"].percent), (2, 100));
        let states = rig.states(&deployment.id).await;
        expect!["Validate Lock ValidateResources Deploy CheckHealthy Healthy? Shift Shifted? Bake Baked? CleanUpSuccess ReleaseLock HowEnded? Succeeded"]
            .assert_eq(&states.join(" "));
        let service = rig.shipway.service(PROJECT, ENVIRONMENT, "web").await.unwrap();
        assert_eq!(service.version.as_deref(), Some("2.0.0"));
        assert_eq!(service.address.as_deref(), Some("127.0.0.1:8080"));
        assert_eq!(service.percent["release-2-0-0"], 100);
        assert_eq!(rig.shipway.services().await.unwrap().len(), 2);
        let releases = rig.shipway.releases(PROJECT, ENVIRONMENT).await.unwrap();
        let current: Vec<_> =
            releases.iter().map(|status| (&*status.release.version, status.is_current)).collect();
        assert_eq!(current, [("2.0.0", true), ("1.0.0", false)]);
        assert_eq!(rig.shipway.lock(PROJECT, ENVIRONMENT).await.unwrap().holder, None);
        let last = rig.shipway.deployment("acme/shop/production").await.unwrap();
        assert_eq!(last.id, deployment.id);
    });
}

#[test]
fn what_is_not_waiting_for_the_service_takes_no_time() {
    run(async {
        let rig = Rig::new().await;
        rig.deploy(release("1.0.0")).await;
        let deployment = rig.deploy(careful("2.0.0")).await;
        let steps = rig.shipway.steps(&deployment.id).await.unwrap();
        let lasted: u64 =
            steps.iter().map(|step| step.exited_at.unwrap().millis_since(step.entered_at)).sum();
        let waited: u64 = steps.iter().map(|step| step.waited_millis).sum();
        assert!(waited >= 2_000, "a hold and a bake of 1 s: {waited}");
        assert!(lasted - waited < 300, "{lasted} - {waited}");
    });
}

#[test]
fn pages_of_deployments_are_newest_first_and_complete() {
    run(async {
        let rig = Rig::new().await;
        for version in ["1.0.0", "1.1.0", "1.2.0"] {
            rig.deploy(release(version)).await;
        }
        let (first, next) = rig.shipway.deployments(None, None, None, 2).await.unwrap();
        let (second, end) =
            rig.shipway.deployments(Some(PROJECT), Some(ENVIRONMENT), next.as_deref(), 2).await.unwrap();
        let versions: Vec<_> = first.iter().chain(&second).map(|d| d.release.version.as_str()).collect();
        assert_eq!(versions, ["1.2.0", "1.1.0", "1.0.0"]);
        assert_eq!(end, None);
        let (none, _) = rig.shipway.deployments(Some("acme"), None, None, 0).await.unwrap();
        assert_eq!(none, []);
    });
}

#[test]
fn bad_input_is_refused_with_its_field_and_changes_nothing() {
    run(async {
        let rig = Rig::new().await;
        let mut table: Vec<(Release, &str)> = Vec::new();
        let mut bad = |field: &'static str, spoil: &dyn Fn(&mut Release)| {
            let mut release = release("1.0.0");
            spoil(&mut release);
            table.push((release, field));
        };
        bad("project_name", &|release| release.project_name = "Acme".to_owned());
        bad("config_name", &|release| release.config_name = "a/b".to_owned());
        bad("version", &|release| release.version = "one".to_owned());
        bad("artifact_sha256", &|release| release.artifact_sha256 = "xyz".to_owned());
        bad("services", &|release| release.services.clear());
        bad("release_id", &|release| release.release_id = "../x".to_owned());
        bad("services.web.bake", &|release| {
            release.services.get_mut("web").unwrap().bake = "20m".parse().unwrap();
        });
        bad("services.web.command", &|release| release.services.get_mut("web").unwrap().command.clear());
        bad("services.web.processes", &|release| release.services.get_mut("web").unwrap().processes = 0);
        bad("services.worker.port", &|release| release.services.get_mut("worker").unwrap().port = Some(8080));
        bad("services.web.command", &|release| release.version = "0.0.1".to_owned());
        for (release, field) in table {
            match rig.start(release).await {
                Err(Error::Bad { field: found, .. }) => assert_eq!(found, field),
                other => panic!("{field}: {other:?}"),
            }
        }
        let (none, _) = rig.shipway.deployments(None, None, None, 0).await.unwrap();
        assert_eq!(none, []);
    });
}

#[test]
fn the_same_request_is_the_same_deployment() {
    run(async {
        let rig = Rig::new().await;
        let first = rig.start(release("1.0.0")).await.unwrap();
        assert_eq!(rig.start(release("1.0.0")).await.unwrap().id, first.id);
        rig.end_of(&first.id).await;
        assert_eq!(rig.start(release("1.0.0")).await.unwrap().id, first.id);
        let ask = |release: Release, key: &str| Deploy {
            release,
            actor: "ana".to_owned(),
            reason: None,
            idempotency_key: key.to_owned(),
        };
        let other = rig.shipway.deploy(ask(release("2.0.0"), "release-1-0-0")).await.unwrap_err();
        assert!(matches!(&other, Error::Bad { field, .. } if field == "idempotency_key"), "{other}");
        let again = rig.shipway.deploy(ask(release("1.0.0"), "another")).await.unwrap_err();
        expect!["release `release-1-0-0` was deployed before"].assert_eq(&again.to_string());
    });
}

#[test]
fn a_second_deployment_is_refused_while_one_runs_and_another_environment_proceeds() {
    run(async {
        let rig = Rig::new().await;
        let running = rig.start(never_healthy(&rig, "1.0.0")).await.unwrap();
        rig.until_in(&running.id, "CheckHealthy").await;
        match rig.start(release("2.0.0")).await {
            Err(Error::Locked(lock)) => {
                assert_eq!(lock.holder.as_ref(), Some(&running.id));
                assert_eq!((lock.actor.as_deref(), &*lock.key), (Some("ana"), "acme/shop/production"));
                assert!(lock.since.is_some() && lock.expires_at.is_some());
            }
            other => panic!("{other:?}"),
        }
        let mut staging = release("2.0.0");
        staging.config_name = "staging".to_owned();
        for service in staging.services.values_mut() {
            service.port = service.port.map(|port| port + 1);
        }
        assert_eq!(rig.deploy(staging).await.outcome, Outcome::Succeeded);
        rig.shipway.break_lock(PROJECT, ENVIRONMENT, "bo", "impatient").await.unwrap_err();
        rig.shipway.halt(&running.id, "bo", "enough").await.unwrap();
        assert_eq!(rig.end_of(&running.id).await.outcome, Outcome::Halted);
    });
}

#[test]
fn leases_of_long_deployments_are_renewed() {
    run(async {
        let rig = Rig::new().await;
        let running = rig.start(never_healthy(&rig, "1.0.0")).await.unwrap();
        rig.until_in(&running.id, "CheckHealthy").await;
        let before = rig.shipway.lock(PROJECT, ENVIRONMENT).await.unwrap();
        rig.shipway.engine().clock().sleep_until(rig.now().plus_millis(120_000)).await;
        let after = rig.shipway.lock(PROJECT, ENVIRONMENT).await.unwrap();
        assert_eq!((before.holder, before.token), (after.holder, after.token));
        assert!(after.expires_at.unwrap() > rig.now(), "the lease has ended");
    });
}

/// Deploys a bad `2.0.0` over a good `1.0.0`; the old one serves again, and the cause is told.
async fn taken_back(release: Release, behaviour: Behaviour) -> (String, String, String) {
    let rig = Rig::new().await;
    rig.deploy(crate::deployer_rig::release("1.0.0")).await;
    let old = rig.world.snapshot();
    rig.world.behave("2.0.0", behaviour);
    let deployment = rig.deploy(release).await;
    assert_eq!(deployment.outcome, Outcome::FailedClean);
    assert_eq!(rig.world.snapshot(), old);
    assert_eq!(rig.world.violations(), Vec::<String>::new());
    assert_eq!(rig.holder().await, None);
    let service = rig.shipway.service(PROJECT, ENVIRONMENT, "web").await.unwrap();
    assert_eq!(service.version.as_deref(), Some("1.0.0"));
    let logs =
        rig.shipway.logs(PROJECT, ENVIRONMENT, "web", Some("2.0.0"), &Default::default()).await.unwrap();
    assert_eq!(logs.cursor, "acme/shop/production/web/release-2-0-0");
    let error = deployment.error.unwrap();
    let hint = error.hint.unwrap();
    if ["HealthError", "GateError"].contains(&&*error.error) {
        let logs = "`shipway logs web --environment production --release release-2-0-0`";
        assert!(hint.contains(logs), "{hint}");
        let evidence = deployment.services["web"].evidence.as_deref().unwrap();
        assert!(error.cause.ends_with(evidence), "evidence of another look: {evidence} | {}", error.cause);
    }
    (error.state, error.error, error.cause)
}

#[test]
fn a_version_that_never_is_healthy_is_taken_back_with_the_last_evidence() {
    run(async {
        let behaviour = Behaviour { healthy_after: None, ..Behaviour::default() };
        let (state, error, cause) = taken_back(release("2.0.0"), behaviour).await;
        assert_eq!((&*state, &*error), ("CheckHealthy", "HealthError"));
        expect![
            "service `web`: process 0 is not healthy 5s after its start; GET /health gave: connection refused"
        ]
        .assert_eq(&cause);
    });
}

#[test]
fn a_version_that_crashes_is_taken_back() {
    run(async {
        let behaviour = Behaviour { crash_at: Some(1), ..Behaviour::default() };
        let (state, error, cause) = taken_back(release("2.0.0"), behaviour).await;
        assert_eq!((&*state, &*error), ("CheckHealthy", "HealthError"));
        assert!(
            cause.contains(
                "1 crash(es) of new processes, 0 tolerated; process 0 ended last with exit status 1"
            ),
            "{cause}"
        );
    });
}

#[test]
fn a_version_that_answers_errors_is_taken_back_in_its_first_step() {
    run(async {
        let behaviour = Behaviour { errors: 50, ..Behaviour::default() };
        let (state, error, cause) = taken_back(careful("2.0.0"), behaviour).await;
        assert_eq!((&*state, &*error), ("Shift", "GateError"));
        expect!["service `web` 2.0.0: 50 of 100 requests failed (50.00 %; 50 with a 5xx answer, 0 without a whole answer), 1 % allowed"].assert_eq(&cause);
    });
}

#[test]
fn a_version_that_gets_sick_under_traffic_is_taken_back() {
    run(async {
        let behaviour = Behaviour { sick_from: Some(4), ..Behaviour::default() };
        let (state, error, cause) = taken_back(careful("2.0.0"), behaviour).await;
        assert_eq!(error, "HealthError");
        assert!(["Shift", "Bake"].contains(&&*state), "{state}");
        assert!(cause.contains("became unhealthy"), "{cause}");
    });
}

#[test]
fn a_deployment_that_takes_too_long_is_taken_back_in_time() {
    run(async {
        let rig = Rig::new().await;
        let mut slow = never_healthy(&rig, "1.0.0");
        slow.timeout = "20s".parse().unwrap();
        let deployment = rig.deploy(slow).await;
        let error = deployment.error.unwrap();
        assert_eq!((deployment.outcome, &*error.error), (Outcome::FailedClean, "TimeoutError"));
        let took = deployment.ended_at.unwrap().millis_since(deployment.started_at);
        assert!((20_000..20_200).contains(&took), "{took}");
    });
}

#[test]
fn a_halt_in_any_watching_state_ends_halted_and_clean() {
    for (state, step) in [("CheckHealthy", "1s"), ("Shift", "1m"), ("Bake", "1s")] {
        run(async {
            let rig = Rig::new().await;
            rig.deploy(release("1.0.0")).await;
            let old = rig.world.snapshot();
            let mut next = careful("2.0.0");
            let web = next.services.get_mut("web").unwrap();
            web.shift.steps[0].hold = step.parse().unwrap();
            web.bake = "1m".parse().unwrap();
            web.health.grace = "1m".parse().unwrap();
            if state == "CheckHealthy" {
                rig.world.behave("2.0.0", Behaviour { healthy_after: None, ..Behaviour::default() });
            }
            let deployment = rig.start(next).await.unwrap();
            rig.until_in(&deployment.id, state).await;
            let asked = rig.now();
            rig.shipway.halt(&deployment.id, "bo", "wrong button").await.unwrap();
            let deployment = rig.end_of(&deployment.id).await;
            assert_eq!(deployment.outcome, Outcome::Halted, "{state}");
            let error = deployment.error.unwrap();
            assert_eq!((&*error.error, &*error.cause), ("HaltError", "halted by `bo`: wrong button"));
            assert!(rig.now().millis_since(asked) < 500, "{state}");
            assert_eq!(rig.world.snapshot(), old);
            assert_eq!(rig.world.violations(), Vec::<String>::new());
            assert_eq!(rig.holder().await, None);
        });
    }
}

#[test]
fn a_halt_after_the_new_version_is_in_charge_comes_too_late() {
    run(async {
        let rig = Rig::new().await;
        rig.deploy(release("1.0.0")).await;
        rig.world.behave("1.0.0", Behaviour { stuck: 1, ..Behaviour::default() });
        let deployment = rig.start(release("2.0.0")).await.unwrap();
        rig.until_in(&deployment.id, "CleanUpSuccess").await;
        rig.shipway.engine().clock().sleep_until(rig.now().plus_millis(1_000)).await;
        let late = rig.shipway.halt(&deployment.id, "bo", "oh").await.unwrap_err();
        assert!(
            matches!(&late, Error::Refused { hint: Some(hint), .. } if hint.contains("rollback")),
            "{late}"
        );
        assert_eq!(rig.end_of(&deployment.id).await.outcome, Outcome::Succeeded);
        let ended = rig.shipway.halt(&deployment.id, "bo", "oh").await.unwrap_err();
        assert!(matches!(ended, Error::Refused { .. }));
    });
}

#[test]
fn requests_in_flight_are_waited_for_but_not_for_ever() {
    run(async {
        let rig = Rig::new().await;
        rig.deploy(release("1.0.0")).await;
        rig.world.behave("1.0.0", Behaviour { stuck: 1, ..Behaviour::default() });
        let deployment = rig.deploy(release("2.0.0")).await;
        let steps = rig.shipway.steps(&deployment.id).await.unwrap();
        let clean = steps.iter().find(|step| step.state == "CleanUpSuccess").unwrap();
        assert!((10_000..10_500).contains(&clean.waited_millis), "{}", clean.waited_millis);
    });
}

#[test]
fn a_dead_version_does_not_stop_the_next_one() {
    run(async {
        let rig = Rig::new().await;
        rig.deploy(release("1.0.0")).await;
        rig.world.kill("1.0.0");
        let deployment = rig.deploy(careful("2.0.0")).await;
        assert_eq!(deployment.outcome, Outcome::Succeeded, "{:?}", deployment.error);
        let route = rig.world.route(&web()).await.unwrap().unwrap();
        assert_eq!(route.targets.len(), 1);
        assert_eq!(rig.world.violations(), Vec::<String>::new());
    });
}

#[test]
fn a_sick_version_does_not_stop_the_next_one() {
    run(async {
        let rig = Rig::new().await;
        rig.deploy(release("1.0.0")).await;
        rig.world.behave("1.0.0", Behaviour { healthy_after: None, ..Behaviour::default() });
        let deployment = rig.deploy(careful("2.0.0")).await;
        assert_eq!(deployment.outcome, Outcome::Succeeded, "{:?}", deployment.error);
        assert_eq!(rig.world.violations(), Vec::<String>::new());
    });
}

#[test]
fn a_restart_of_the_edge_hides_no_errors() {
    run(async {
        let rig = Rig::new().await;
        rig.deploy(release("1.0.0")).await;
        let mut next = careful("2.0.0");
        next.services.get_mut("web").unwrap().bake = "1m".parse().unwrap();
        let deployment = rig.start(next).await.unwrap();
        rig.until_in(&deployment.id, "Bake").await;
        rig.world.restart_edge();
        rig.world.behave("2.0.0", Behaviour { errors: 100, ..Behaviour::default() });
        let deployment = rig.end_of(&deployment.id).await;
        assert_eq!(deployment.error.unwrap().error, "GateError");
    });
}

#[test]
fn a_service_that_is_renamed_takes_the_address_over() {
    run(async {
        let rig = Rig::new().await;
        rig.deploy(release("1.0.0")).await;
        let renamed = release_of("2.0.0", &json!({"app": {"command": "./app", "port": 8080}}));
        assert_eq!(rig.deploy(renamed).await.outcome, Outcome::Succeeded);
        let snapshot = rig.world.snapshot();
        assert_eq!(snapshot.routes.keys().collect::<Vec<_>>(), ["app"]);
        assert_eq!(snapshot.running.keys().collect::<Vec<_>>(), ["app"]);
        let services = rig.shipway.services().await.unwrap();
        assert_eq!(services.iter().map(|service| &*service.service).collect::<Vec<_>>(), ["app"]);
    });
}

#[test]
fn a_renamed_service_that_fails_gives_the_address_back() {
    run(async {
        let rig = Rig::new().await;
        rig.deploy(release("1.0.0")).await;
        let old = rig.world.snapshot();
        rig.world.behave("2.0.0", Behaviour { errors: 50, ..Behaviour::default() });
        let renamed = release_of("2.0.0", &json!({"app": {"command": "./app", "port": 8080, "bake": "5s"}}));
        let deployment = rig.deploy(renamed).await;
        assert_eq!(deployment.error.unwrap().error, "GateError");
        assert_eq!(rig.world.snapshot(), old);
    });
}

#[test]
fn a_service_moves_to_another_port_and_two_do_not_swap() {
    run(async {
        let rig = Rig::new().await;
        let services =
            |a: u16, b: u16| json!({"a": {"command": "a", "port": a}, "b": {"command": "b", "port": b}});
        rig.deploy(release_of("1.0.0", &services(8001, 8002))).await;
        let swapped = rig.deploy(release_of("1.1.0", &services(8002, 8001))).await;
        let error = swapped.error.unwrap();
        assert_eq!((swapped.outcome, &*error.error), (Outcome::FailedClean, "BadReleaseError"));
        assert!(error.cause.contains("`services.a.port`: 8002 is served by `b` now"), "{}", error.cause);
        assert_eq!(rig.deploy(release_of("1.2.0", &services(8003, 8002))).await.outcome, Outcome::Succeeded);
        assert_eq!(rig.world.snapshot().routes["a"].1, 8003);
    });
}

#[test]
fn an_undo_that_stays_impossible_ends_dirty_and_keeps_the_lock_until_it_is_broken() {
    run(async {
        let rig = Rig::new().await;
        rig.deploy(release("1.0.0")).await;
        rig.world.behave("2.0.0", Behaviour { healthy_after: None, ..Behaviour::default() });
        rig.world.break_operation("stop_group");
        let deployment = rig.deploy(release("2.0.0")).await;
        assert_eq!(deployment.outcome, Outcome::FailedDirty);
        assert_eq!(deployment.error.unwrap().error, "HealthError", "the first cause is told, not the last");
        rig.world.repair();
        assert_eq!(rig.shipway.deployment(&deployment.id).await.unwrap().lock_break, None);
        let lock = rig.shipway.lock(PROJECT, ENVIRONMENT).await.unwrap();
        assert_eq!((lock.holder.as_ref(), lock.expires_at), (Some(&deployment.id), None));
        rig.shipway.engine().clock().sleep_until(rig.now().plus_millis(3_600_000)).await;
        assert!(matches!(rig.start(release("3.0.0")).await, Err(Error::Locked(_))));
        let broken =
            rig.shipway.break_lock(PROJECT, ENVIRONMENT, "bo", "disk was full, is not now").await.unwrap();
        assert_eq!(broken.holder, None);
        let told = rig.shipway.deployment(&deployment.id).await.unwrap().lock_break.unwrap();
        assert_eq!((&*told.actor, &*told.reason), ("bo", "disk was full, is not now"));
        let next = rig.deploy(release("3.0.0")).await;
        assert_eq!(next.outcome, Outcome::Succeeded);
        assert_eq!(rig.world.snapshot().running["web"].len(), 1, "what was left is gone");
        assert!(rig.shipway.lock(PROJECT, ENVIRONMENT).await.unwrap().token > lock.token);
    });
}

#[test]
fn an_execution_stopped_from_outside_is_taken_over_when_its_lease_has_ended() {
    run(async {
        let rig = Rig::new().await;
        rig.deploy(release("1.0.0")).await;
        let deployment = rig.start(never_healthy(&rig, "2.0.0")).await.unwrap();
        rig.until_in(&deployment.id, "CheckHealthy").await;
        rig.shipway.engine().stop(&deployment.execution_arn, None, None).await.unwrap();
        assert_eq!(rig.end_of(&deployment.id).await.outcome, Outcome::FailedDirty);
        assert!(matches!(rig.start(release("3.0.0")).await, Err(Error::Locked(_))));
        rig.shipway.engine().clock().sleep_until(rig.now().plus_millis(60_000)).await;
        assert_eq!(rig.deploy(release("3.0.0")).await.outcome, Outcome::Succeeded);
        assert_eq!(rig.world.snapshot().running["web"].len(), 1, "what was left is gone");
    });
}

#[test]
fn a_rollback_deploys_the_good_release_before_all_at_once() {
    run(async {
        let rig = Rig::new().await;
        rig.shipway.rollback(PROJECT, ENVIRONMENT, None, "bo", None).await.unwrap_err();
        for version in ["1.0.0", "2.0.0", "3.0.0"] {
            rig.deploy(careful(version)).await;
        }
        let back = rig.shipway.rollback(PROJECT, ENVIRONMENT, None, "bo", Some("slow")).await.unwrap();
        let back = rig.end_of(&back.id).await;
        assert_eq!((back.outcome, &*back.release.version), (Outcome::Succeeded, "2.0.0"));
        assert_eq!(back.release.metadata["rollback_of"], "release-2-0-0");
        assert!(back.release.services["web"].shift.steps.is_empty());
        let further = rig.shipway.rollback(PROJECT, ENVIRONMENT, None, "bo", None).await.unwrap();
        assert_eq!(rig.end_of(&further.id).await.release.version, "1.0.0", "not forward to 3.0.0 again");
        let asked = rig.shipway.rollback(PROJECT, ENVIRONMENT, Some("3.0.0"), "bo", None).await.unwrap();
        assert_eq!(rig.end_of(&asked.id).await.release.version, "3.0.0");
        let unknown =
            rig.shipway.rollback(PROJECT, ENVIRONMENT, Some("9.9.9"), "bo", None).await.unwrap_err();
        assert!(unknown.to_string().contains("`9.9.9`"), "{unknown}");
    });
}

#[test]
fn a_rollback_of_a_running_deployment_halts_it() {
    run(async {
        let rig = Rig::new().await;
        rig.deploy(release("1.0.0")).await;
        let running = rig.start(never_healthy(&rig, "2.0.0")).await.unwrap();
        rig.until_in(&running.id, "CheckHealthy").await;
        let halted = rig.shipway.rollback(PROJECT, ENVIRONMENT, None, "bo", None).await.unwrap();
        assert_eq!(halted.id, running.id);
        assert_eq!(rig.end_of(&running.id).await.outcome, Outcome::Halted);
    });
}

#[test]
fn the_last_good_releases_are_kept() {
    run(async {
        let rig = Rig::new().await;
        for minor in 0..7 {
            rig.deploy(release(&format!("1.{minor}.0"))).await;
        }
        let kept = rig.world.pruned();
        assert_eq!(
            kept,
            ["release-1-6-0", "release-1-5-0", "release-1-4-0", "release-1-3-0", "release-1-2-0"]
        );
        let releases = rig.shipway.releases(PROJECT, ENVIRONMENT).await.unwrap();
        assert_eq!(releases.iter().filter(|status| status.is_kept).count(), 5);
    });
}

#[test]
fn a_machine_started_by_hand_deploys_nothing() {
    run(async {
        let rig = Rig::new().await;
        rig.world.begin(None);
        for input in [
            json!({}),
            json!({"deployment": {"actor": "eve", "accepted_at": rig.now()}, "release": release("1.0.0")}),
        ] {
            let start = StartExecution {
                machine: "host".to_owned(),
                name: format!("by-hand-{}", input.as_object().unwrap().len()),
                input,
                records: Vec::new(),
            };
            let execution = rig.shipway.engine().start(start).await.unwrap();
            rig.shipway.engine().changed(&execution.arn, u64::MAX).await.unwrap();
            let execution = rig.shipway.engine().describe(&execution.arn).await.unwrap();
            assert_eq!(execution.error.as_deref(), Some("FailedClean"));
        }
        assert_eq!(rig.world.calls(), Vec::<String>::new());
    });
}

#[test]
fn a_refused_check_of_the_machine_is_told_before_anything_starts() {
    run(async {
        let rig = Rig::new().await;
        rig.world.begin(Some((0, Mode::Hangs)));
        let refused = rig.start(release("1.0.0")).await.unwrap_err();
        expect!["checking the machine failed: the host did not answer within 15s"]
            .assert_eq(&refused.to_string());
    });
}

#[test]
fn a_store_that_cannot_be_written_is_not_healthy_and_its_deployments_say_that_they_stand_still() {
    run(async {
        let store = Arc::new(Full::default());
        let rig = Rig::with_store(Arc::<Full>::clone(&store)).await;
        let running = rig.start(never_healthy(&rig, "1.0.0")).await.unwrap();
        rig.until_in(&running.id, "CheckHealthy").await;
        assert_eq!(rig.shipway.deployment(&running.id).await.unwrap().stalled, None);
        rig.shipway.check_store().await.unwrap();

        store.is_full(true);
        rig.shipway.engine().clock().sleep_until(rig.now().plus_millis(2_000)).await;
        let sick = rig.shipway.check_store().await.unwrap_err().to_string();
        expect!["writing the store failed: write the-file: disk is full"].assert_eq(&sick);
        let stalled = rig.shipway.deployment(&running.id).await.unwrap().stalled.unwrap();
        expect!["it stands still until the store can be written: write the-file: disk is full"]
            .assert_eq(&stalled);

        store.is_full(false);
        rig.shipway.engine().clock().sleep_until(rig.now().plus_millis(2_000)).await;
        rig.shipway.check_store().await.unwrap();
        rig.shipway.halt(&running.id, "bo", "enough").await.unwrap();
        assert_eq!(rig.end_of(&running.id).await.stalled, None);
    });
}

#[test]
fn the_store_is_written_at_most_once_a_second_to_know_how_it_is() {
    run(async {
        let store = Arc::new(Full::default());
        let rig = Rig::with_store(Arc::<Full>::clone(&store)).await;
        let before = store.commits();
        for _ in 0..100 {
            rig.shipway.check_store().await.unwrap();
        }
        assert_eq!(store.commits() - before, 1);
    });
}

#[test]
fn a_service_that_cannot_be_started_again_says_why() {
    run(async {
        let rig = Rig::new().await;
        rig.deploy(release("1.0.0")).await;
        let group = GroupId {
            project: PROJECT.to_owned(),
            environment: ENVIRONMENT.to_owned(),
            service: "web".to_owned(),
            release_id: "release-1-0-0".to_owned(),
        };
        let problem = async || {
            rig.shipway.engine().clock().sleep_until(rig.now().plus_millis(5_000)).await;
            rig.shipway.service(PROJECT, ENVIRONMENT, "web").await.unwrap().problem
        };
        assert_eq!(problem().await, None);
        let reason = "artifact aaaa: has another hash".to_owned();
        rig.world.cannot_mend(vec![Mended::Failed { group: Some(group), reason }]);
        expect!["1.0.0 is down and cannot be started again: artifact aaaa: has another hash"]
            .assert_eq(&problem().await.unwrap());
        assert_eq!(rig.shipway.service(PROJECT, ENVIRONMENT, "worker").await.unwrap().problem, None);
        rig.world.cannot_mend(Vec::new());
        assert_eq!(problem().await, None);
    });
}
