//! The server as a process: one per data directory, graceful, and `down` ends everything.

use std::io::Write;

use rustix::process::Signal;

use crate::rig::{World, processes_in};

#[test]
fn there_is_one_server_per_data_directory() {
    let world = World::new();
    let mut server = world.start(&["serve"]);
    server.hear("serving");
    world.run(&["serve"]).ends(5).says(&["another server runs for", "(pid ", "--data-dir"]);
    world.run(&["status"]).ends(0).says(&["nothing runs yet"]);
    server.signal(Signal::INT);
    let ran = server.end().ends(0);
    assert!(ran.stdout.starts_with("http://127.0.0.1:"), "{}", ran.stdout);
    assert!(!world.data().join("server.json").exists());
    world.run(&["status"]).ends(1).says(&["no server runs"]);
}

#[test]
fn a_stale_record_is_no_server() {
    let world = World::new();
    std::fs::create_dir_all(world.data()).unwrap();
    let record = r#"{"url": "http://127.0.0.1:1", "token": "x", "pid": 4194300, "version": "0"}"#;
    std::fs::write(world.data().join("server.json"), record).unwrap();
    world.run(&["status"]).ends(1).says(&["no server runs"]);
    world.run(&["down"]).ends(0).says(&["nothing runs"]);
    world.run(&["deploy"]).ends(0).says(&["started a server"]);
}

#[test]
fn a_stale_record_with_the_address_of_another_server_is_no_server() {
    let (world, other) = (World::new(), World::new());
    let mut server = other.start(&["serve"]);
    server.hear("serving");
    std::fs::create_dir_all(world.data()).unwrap();
    std::fs::copy(other.data().join("server.json"), world.data().join("server.json")).unwrap();
    world.run(&["status"]).ends(1).says(&["no server runs"]);
    world.run(&["down"]).ends(0).says(&["nothing runs"]);
    other.run(&["status"]).ends(0);
    server.signal(Signal::TERM);
    server.end().ends(0);
}

#[test]
fn a_server_whose_record_was_lost_is_found_again() {
    let world = World::new();
    let mut server = world.start(&["serve"]);
    server.hear("serving");
    std::fs::remove_file(world.data().join("server.json")).unwrap();
    world.run(&["deploy"]).ends(0);
    std::fs::write(world.data().join("server.json"), "{").unwrap();
    world.run(&["status"]).ends(0);
    server.hear("it was lost and is written again");
    server.signal(Signal::TERM);
    let said = server.end().ends(0).stderr;
    assert!(!said.contains("another server"), "{said}");
    assert!(!world.data().join("server.json").exists());
}

#[test]
fn a_server_that_does_not_say_where_it_is_is_not_taken_for_none() {
    let world = World::new();
    std::fs::create_dir_all(world.data()).unwrap();
    let mut lock = std::fs::File::create(world.data().join("server.lock")).unwrap();
    lock.lock().unwrap();
    // The pid of nobody: `down` at the end of this test must not stop the test.
    writeln!(lock, "4194300").unwrap();
    world.run(&["status"]).ends(1).says(&["a server runs for", "pid 4194300", "server.json", "shipway down"]);
}

#[test]
fn a_server_that_is_named_wants_its_token() {
    let (world, other) = (World::new(), World::new());
    let mut server = other.start(&["serve"]);
    server.hear("serving");
    let record = std::fs::read_to_string(other.data().join("server.json")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    let (url, token) = (record["url"].as_str().unwrap(), record["token"].as_str().unwrap());
    world.run(&["status", "--server", url]).ends(0);
    world.run(&["deploy", "--server", url]).ends(5).says(&["token", "hint: ", "SHIPWAY_TOKEN"]);
    let mut deploy = world.command(&["deploy", "--server", url]);
    assert!(deploy.env("SHIPWAY_TOKEN", token).status().unwrap().success());
    assert!(!world.data().exists(), "a server was started beside the named one");
    server.signal(Signal::TERM);
    server.end().ends(0);
}

#[test]
fn a_stopped_server_leaves_services_up_and_down_ends_them() {
    let world = World::new();
    let mut server = world.start(&["serve"]);
    server.hear("serving");
    world.run(&["deploy"]).ends(0);
    server.signal(Signal::TERM);
    server.end().ends(0);
    assert_eq!(world.serving().as_deref(), Some("0.1.0"));

    world.run(&["down"]).ends(0).says(&["stopped the proxy", "stopped 1 service"]);
    assert_eq!(world.serving(), None);

    // A server is found also without its record.
    let mut server = world.start(&["serve"]);
    server.hear("serving");
    std::fs::remove_file(world.data().join("server.json")).unwrap();
    world.run(&["down"]).ends(0).says(&["stopped the server", "stopped the proxy", "stopped 1 service"]);
    server.end().ends(0);
    assert_eq!(world.serving(), None);
    assert_eq!(processes_in(&world.path()), Vec::<String>::new());

    // Nothing is forgotten.
    let mut server = world.start(&["serve", "--stop-all"]);
    server.hear("serving");
    world.until(&["status"], |_| world.serving().as_deref() == Some("0.1.0"));
    server.signal(Signal::TERM);
    server.end().ends(0);
    assert_eq!(processes_in(&world.path()), Vec::<String>::new());
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let world = World::new();
    std::fs::create_dir_all(world.data()).unwrap();
    std::fs::write(
        world.data().join("shipway.db"),
        "this is no database, and long enough to be seen as none",
    )
    .unwrap();
    let ran = world.run(&["deploy"]).ends(1);
    ran.says(&["the server ended at its start", "server.log", "shipway.db"]);
    world.run(&["serve"]).ends(1).says(&["cannot use the data directory", "hint: "]);
}

#[test]
fn two_who_start_a_server_at_once_get_one() {
    let world = World::new();
    world.configure("");
    let staging = crate::rig::free_port();
    let text = std::fs::read_to_string(world.repo().join("shipway.toml")).unwrap();
    world.write(
        "shipway.toml",
        &format!("{text}[environments.staging]\nservices.web = {{ port = {staging} }}\n"),
    );
    world.commit("feat: staging");
    let running = ["production", "staging"].map(|environment| world.start(&["deploy", environment]));
    let said: String = running.map(|deploy| deploy.end().ends(0).stderr).concat();
    assert_eq!(said.matches("started a server").count(), 1, "{said}");
}
