//! A disk that is full: nobody takes the stand-still for health, and everything goes on when there is room again.

use std::{
    fs::File,
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};
use serde_json::Value;

use crate::rig::{EXE, World, get, signal_to};

/// A process that no file may grow for: every write beyond fails as on a full disk.
const LIMITED: &str = "trap '' XFSZ; exec \"$0\" \"$@\"";

fn limited(world: &World, limit: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &format!("{limit}{LIMITED}"), EXE]).args(arguments).stdin(Stdio::null());
    command.env("SHIPWAY_DATA_DIR", world.data()).env("TMPDIR", world.path());
    command.env("SHIPWAY_LISTEN", "127.0.0.1:0").current_dir(world.repo());
    command
}

fn until_it_serves(world: &World) {
    world.until(&["status"], |ran| ran.code == 0);
}

#[track_caller]
fn ends_well(world: &World, server: &mut Child) {
    signal_to(world.server(), Signal::TERM);
    assert!(server.wait().unwrap().success());
}

fn set_file_bytes_max(pid: u32, bytes: Option<u64>) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    prlimit(Some(pid), Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
}

#[test]
fn a_store_that_cannot_be_written_is_told_everywhere_and_goes_on_when_it_can() {
    let world = World::new();
    world.configure("bake = \"10m\"\n");
    world.commit("feat: bake");
    let mut server = limited(&world, "", &["serve"]);
    let mut server = server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until_it_serves(&world);
    let mut deploy = world.start(&["deploy"]);
    deploy.hear(" Bake");
    world.run(&["status"]).ends(0);

    set_file_bytes_max(world.server(), Some(0));
    deploy.hear("it stands still until the store can be written");
    let still = "deployments stand still until the store can be written";
    world.until(&["status"], |ran| ran.stderr.contains(still));
    let why = world.run(&["why"]).ends(0).stdout;
    assert!(why.contains("it stands still until the store can be written"), "{why}");
    let port = port(&world);
    assert!(get(port, "/v1/health").unwrap().starts_with("HTTP/1.1 503"), "it seems to be healthy");
    assert!(get(port, "/").unwrap().contains("The store cannot be written."));

    set_file_bytes_max(world.server(), None);
    deploy.hear("the store can be written again");
    assert!(!world.run(&["status"]).ends(0).stderr.contains(still));
    world.run(&["halt"]).ends(0);
    deploy.end().ends(6);
    ends_well(&world, &mut server);
}

#[test]
fn a_log_that_cannot_be_written_stops_nothing() {
    for is_full in [true, false] {
        let world = World::new();
        let mut server = world.command(&["serve", "--verbose"]);
        server.stdout(Stdio::null());
        if is_full {
            server.stderr(File::options().write(true).open("/dev/full").unwrap());
        } else {
            // Whoever read the log has gone.
            server.stderr(std::io::pipe().unwrap().1);
        }
        let mut server = server.spawn().unwrap();
        until_it_serves(&world);
        world.run(&["deploy"]).ends(0);
        world.commit("feat: two");
        world.run(&["deploy"]).ends(0);
        assert_eq!(world.serving().as_deref(), Some("0.2.0"));
        ends_well(&world, &mut server);
    }
}

#[test]
fn a_server_that_has_no_room_to_begin_says_so() {
    let world = World::new();
    let output = limited(&world, "ulimit -f 8; ", &["serve"]).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    for word in ["error: cannot write to the data directory `", "hint: ", "have room", "--data-dir"] {
        assert!(stderr.contains(word), "`{word}` is not in:\n{stderr}");
    }
}

fn port(world: &World) -> u16 {
    let record = std::fs::read(world.data().join("server.json")).unwrap();
    let record: Value = serde_json::from_slice(&record).unwrap();
    record["url"].as_str().unwrap().rsplit(':').next().unwrap().trim_end_matches('/').parse().unwrap()
}
