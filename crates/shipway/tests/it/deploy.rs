//! From commit to a running version, and back.

use crate::rig::World;

#[test]
fn a_commit_goes_to_production_and_back() {
    let world = World::new();
    world.run(&["deploy"]).ends(0).says(&[
        "started a server at http://127.0.0.1:",
        "CheckHealthy",
        "ReleaseLock",
    ]);
    assert_eq!(world.serving().as_deref(), Some("0.1.0"));

    world.write("service.json", r#"{"greeting": "two"}"#);
    world.commit("feat: two");
    let second = world.run(&["deploy", "production", "--json", "--reason", "because"]).ends(0);
    let last: serde_json::Value = serde_json::from_str(second.stdout.lines().last().unwrap()).unwrap();
    assert_eq!((&last["code"], &last["outcome"]), (&"ok".into(), &"Succeeded".into()));
    assert_eq!((&last["release"]["version"], &last["reason"]), (&"0.2.0".into(), &"because".into()));
    assert!(second.stdout.lines().count() > 10, "no events: {}", second.stdout);
    assert_eq!(world.serving().as_deref(), Some("0.2.0"));

    let status = world.run(&["status", "--json"]).ends(0).json();
    assert_eq!((&status[0]["version"], &status[0]["service"]), (&"0.2.0".into(), &"web".into()));
    assert!(world.run(&["status"]).ends(0).stdout.contains("shop/production/web  0.2.0"));
    assert!(world.run(&["logs"]).ends(0).stdout.contains("version 0.2.0 listens"));
    assert!(world.run(&["lock", "show"]).ends(0).stdout.starts_with("shop/production is free"));

    world.run(&["rollback"]).ends(0);
    assert_eq!(world.serving().as_deref(), Some("0.1.0"));
    let releases = world.run(&["releases", "--json"]).ends(0).json();
    let current: Vec<_> =
        releases.as_array().unwrap().iter().filter(|one| one["is_current"] == true).collect();
    assert_eq!((current.len(), &current[0]["release"]["version"]), (1, &"0.1.0".into()));
    let history = world.run(&["history", "--json"]).ends(0).json();
    let actors: Vec<_> = history.as_array().unwrap().iter().map(|one| one["actor"].clone()).collect();
    assert_eq!(actors, ["ana", "ana", "ana"]);
}

#[test]
fn only_the_commit_is_deployed() {
    let world = World::new();
    world.write("service.json", r#"{"greeting": "not committed", "broken": ["/health"]}"#);
    world.run(&["deploy"]).ends(2).says(&[
        "error: 1 tracked file differs",
        "`service.json`",
        "hint: ",
        "--allow-dirty",
    ]);
    assert!(!world.data().exists(), "a server was started for nothing");
    world.run(&["deploy", "--allow-dirty"]).ends(0).says(&["warning: ", "only the commit is deployed"]);
}

#[test]
fn a_commit_that_is_older_than_what_runs_is_deployed_with_a_warning() {
    let world = World::new();
    world.run(&["deploy"]).ends(0);
    world.commit("feat: two");
    let newer = world.run(&["deploy"]).ends(0);
    let again = world.run(&["deploy"]).ends(0);
    for ran in [newer, again] {
        assert!(!ran.stderr.contains("is older than"), "{}", ran.stderr);
    }
    world.git(&["checkout", "--quiet", "HEAD~1"]);
    world.run(&["deploy"]).ends(0).says(&[
        "warning: ",
        "is older than what runs: 0.2.0 of ",
        "shipway rollback",
    ]);
    assert_eq!(world.serving().as_deref(), Some("0.1.0"));
}

#[test]
fn a_rollback_of_a_deployment_under_way_halts_it() {
    let world = World::new();
    world.run(&["deploy"]).ends(0);
    world.configure("bake = \"10m\"\n");
    world.commit("feat: wait long");
    let mut deploy = world.start(&["deploy"]);
    deploy.hear(" Bake");
    assert_eq!(world.serving().as_deref(), Some("0.2.0"));
    world.run(&["rollback", "--reason", "too slow"]).ends(0);
    let ended = deploy.end().ends(6);
    assert!(
        ended.stdout.contains("halted, rolled back") && ended.stdout.contains("too slow"),
        "{}",
        ended.stdout
    );
    assert_eq!(world.serving().as_deref(), Some("0.1.0"));
    assert_eq!(world.run(&["history", "--json"]).ends(0).json().as_array().unwrap().len(), 2);
}

#[test]
fn one_deployment_at_a_time_per_environment() {
    let world = World::new();
    world.configure("bake = \"10m\"\n");
    let staging = crate::rig::free_port();
    let text = std::fs::read_to_string(world.repo().join("shipway.toml")).unwrap();
    world.write(
        "shipway.toml",
        &format!("default_environment = \"production\"\n{text}[environments.staging]\nservices.web = {{ port = {staging}, bake = \"0s\" }}\n"),
    );
    world.commit("feat: wait long");
    let first =
        world.run(&["deploy", "--detach", "--json"]).ends(0).json()["id"].as_str().unwrap().to_owned();
    world.until(&["lock", "show", "--json"], |ran| ran.json()["holder"] == first.as_str());

    world.commit("feat: impatient");
    let refused = world.run(&["deploy"]).ends(5);
    refused.says(&[
        "`shop/production` is locked by deployment",
        &first,
        "`ana`",
        "since 20",
        "shipway watch",
    ]);
    let refused = world.run(&["deploy", "--json"]).ends(5);
    let error: serde_json::Value = serde_json::from_str(refused.stderr.lines().last().unwrap()).unwrap();
    assert_eq!((&error["code"], &error["kind"]), (&"denied".into(), &"locked".into()));
    assert_eq!(error["lock"]["holder"], first.as_str());

    // Another environment proceeds.
    world.run(&["deploy", "staging"]).ends(0);

    world.run(&["halt", "--reason", "enough"]).ends(0).says(&["halting"]);
    let history = world.run(&["history", "--json"]).ends(0).json();
    assert_eq!((&history[0]["id"], &history[0]["outcome"]), (&first.as_str().into(), &"Halted".into()));
    assert!(world.run(&["why", &first]).ends(0).stdout.contains("enough"));
    assert_eq!(world.serving(), None, "what never served serves");
}
