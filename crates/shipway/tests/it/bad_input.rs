//! Bad input: each a clear error that names the field or path, with its exit code, and nothing has changed.

use std::{fs, net::TcpListener};

use crate::rig::World;

/// A change that must be refused while version 0.1.0 serves.
#[track_caller]
fn refused(change: impl FnOnce(&World), code: i32, words: &[&str]) {
    let world = World::new();
    world.run(&["deploy"]).ends(0);
    let before = world.seen();
    assert_eq!(before.0.as_deref(), Some("0.1.0"));
    change(&world);
    world.commit("fix: not good");
    world.run(&["deploy"]).ends(code).says(words);
    assert_eq!(world.seen(), before);
}

#[test]
fn an_unknown_key() {
    refused(
        |world| world.configure("proceses = 2\n"),
        2,
        &["shipway.toml:7:1: `services.web.proceses`", "hint: ", "processes"],
    );
}

#[test]
fn a_missing_command() {
    let text = "project = \"shop\"\n[services.web]\nport = 1234\n";
    refused(|world| world.write("shipway.toml", text), 2, &["`services.web", "command", "hint: "]);
}

#[test]
fn a_command_that_is_not_there() {
    let configure = |world: &World| {
        let text = fs::read_to_string(world.repo().join("shipway.toml")).unwrap();
        world.write("shipway.toml", &text.replace("./run.sh", "./nothing.sh"));
    };
    refused(configure, 2, &["`services.web.command`", "nothing.sh"]);
}

#[test]
fn a_command_that_is_not_executable() {
    refused(|world| world.set_mode("run.sh", 0o644), 2, &["`services.web.command`", "run.sh", "executable"]);
}

#[test]
fn a_port_that_is_in_use() {
    let world = World::new();
    let _taken = TcpListener::bind(("127.0.0.1", world.port)).unwrap();
    world.run(&["deploy"]).ends(2).says(&["`services.web.port`", &world.port.to_string(), "in use"]);
    assert_eq!(world.run(&["history", "--json"]).ends(0).json(), serde_json::json!([]));
}

#[test]
fn a_wrong_health_path_is_rolled_back() {
    let world = World::new();
    world.run(&["deploy"]).ends(0);
    let text = fs::read_to_string(world.repo().join("shipway.toml")).unwrap();
    world.write("shipway.toml", &text.replace("\"/health\"", "\"/nowhere\"").replace("\"5s\"", "\"500ms\""));
    world.commit("fix: health");
    let ran = world.run(&["deploy"]).ends(6).says(&["HealthError"]);
    assert!(ran.stdout.contains("HealthError") && ran.stdout.contains("404"), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("0.1.0 serves as before") && ran.stdout.contains("shipway why"),
        "{}",
        ran.stdout
    );
    assert_eq!(world.serving().as_deref(), Some("0.1.0"));
    let why = world.run(&["why"]).ends(0).stdout;
    for word in ["failed in  CheckHealthy", "HealthError", "hint", "input", "last lines of web 0.1.1"] {
        assert!(why.contains(word), "`{word}` is not in:\n{why}");
    }
}

#[test]
fn an_artifact_that_was_changed() {
    let world = World::new();
    world.run(&["deploy"]).ends(0);
    let first = fs::read_dir(world.data().join("artifacts")).unwrap().next().unwrap().unwrap().path();
    world.write("service.json", r#"{"greeting": "two"}"#);
    world.commit("feat: two");
    world.run(&["deploy"]).ends(0);
    let before = world.seen();
    let mut bytes = fs::read(&first).unwrap();
    bytes[600] ^= 1;
    fs::remove_file(&first).unwrap();
    fs::write(&first, bytes).unwrap();
    world.run(&["rollback"]).ends(2).says(&["artifact", "hint: "]);
    assert_eq!(world.seen(), before);
}

#[test]
fn a_data_directory_that_cannot_be_written() {
    let world = World::new();
    for command in ["deploy", "serve"] {
        let ran = world.run(&[command, "--data-dir", "/sys/shipway"]).ends(1);
        ran.says(&["error: cannot make the data directory `/sys/shipway`", "hint: ", "--data-dir"]);
    }
}

#[test]
fn a_disk_that_is_full() {
    let world = World::new();
    let mut full = std::process::Command::new("/bin/sh");
    // No file may grow beyond 4 KiB: every larger write fails as on a full disk.
    full.args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\"", crate::rig::EXE, "deploy"]);
    full.current_dir(world.repo()).env("SHIPWAY_DATA_DIR", world.data()).env("TMPDIR", world.path());
    let output = full.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("error: cannot write `"), "{stderr}");
    assert!(!world.data().exists());
}

#[test]
fn no_repository_and_no_file() {
    let world = World::new();
    fs::remove_dir_all(world.repo().join(".git")).unwrap();
    world.run(&["deploy"]).ends(2).says(&["not in a git repository", "hint: git init"]);
    fs::remove_file(world.repo().join("shipway.toml")).unwrap();
    world.run(&["deploy"]).ends(2).says(&["there is no shipway.toml", "hint: shipway init"]);
    world.run(&["rollback"]).ends(2).says(&["there is no shipway.toml", "shop/production"]);
}

#[test]
fn what_is_not_there() {
    let world = World::new();
    world.run(&["status"]).ends(1).says(&["no server runs", "hint: shipway serve"]);
    world.run(&["status", "--server", "http://127.0.0.1:1"]).ends(1).says(&["does not answer"]);
    world.run(&["status", "--server", "ftp://x"]).ends(2).says(&["is not an address of a server"]);
    world.run(&["deploy", "nowhere"]).ends(2).says(&["no environment `nowhere`", "`production`"]);
    world.run(&["deploy"]).ends(0);
    world.run(&["watch", "nothing"]).ends(2).says(&["neither a deployment nor an environment `nothing`"]);
    world.run(&["rollback"]).ends(5).says(&["no good release before 0.1.0"]);
    world.run(&["rollback", "--to", "9.9.9"]).ends(5).says(&["`9.9.9`"]);
    world.run(&["logs", "db"]).ends(1).says(&["`shop/production/db` does not exist"]);
    world.run(&["nonsense"]).ends(2).says(&["error: "]);
    let error = world.run(&["nonsense", "--json"]).ends(2).stderr;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&error).unwrap()["code"], "usage");
}

#[test]
fn an_environment_that_is_not_known_is_no_empty_one() {
    let world = World::new();
    world.run(&["deploy"]).ends(0);
    let near = ["hint: ", "`production`"];
    for command in ["status", "history", "releases", "watch", "why"] {
        world.run(&[command, "prodution"]).ends(2).says(&near);
        world.run(&[command, "shop/prodution"]).ends(2).says(&near);
        if command != "watch" {
            world.run(&[command, "shop/production"]).ends(0);
        }
    }
    world.run(&["logs", "--environment", "prodution"]).ends(2).says(&near);
    world.run(&["lock", "show", "prodution"]).ends(2).says(&near);
}
