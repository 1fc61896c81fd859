//! Following a deployment: Ctrl-C only detaches, and a server that comes again is found again.

use rustix::process::Signal;
use serde_json::Value;

use crate::rig::{Ran, World, signal_to};

fn baking(bake: &str) -> World {
    let world = World::new();
    world.configure(&format!("bake = \"{bake}\"\n"));
    world.commit("feat: bake");
    world
}

#[test]
fn ctrl_c_detaches() {
    let world = baking("10m");
    let mut deploy = world.start(&["deploy"]);
    deploy.hear(" Bake");
    deploy.signal(Signal::INT);
    deploy.end().ends(130).says(&["detached; the deployment goes on", "shipway watch", "shipway halt"]);
    let history = world.run(&["history", "--json"]).ends(0).json();
    assert_eq!(history[0]["outcome"], "Running");
    let mut watch = world.start(&["watch"]);
    watch.hear(" Bake");
    world.run(&["halt", "--detach"]).ends(0);
    watch.end().ends(6);
}

#[test]
fn a_watch_survives_the_death_of_the_server() {
    let world = baking("2s");
    let mut deploy = world.start(&["deploy"]);
    deploy.hear(" Bake");
    signal_to(world.server(), Signal::KILL);
    deploy.hear("lost the server");
    assert_eq!(world.serving().as_deref(), Some("0.2.0"), "the service needs no server");
    let mut server = world.start(&["serve", "--background"]);
    deploy.hear("the server is back");
    deploy.end().ends(0);
    server.hear("serving");
    server.signal(Signal::TERM);
    server.end().ends(0);
    assert_eq!(world.serving().as_deref(), Some("0.2.0"), "the service needs no server");
}

#[test]
fn the_code_in_json_is_the_code_of_the_command() {
    let world = baking("10m");
    let code = |ran: Ran| {
        let last = ran.stdout.lines().last().unwrap().to_owned();
        serde_json::from_str::<Value>(&last).unwrap()["code"].as_str().unwrap().to_owned()
    };
    for stop in ["halt", "rollback"] {
        let mut deploy = world.start(&["deploy"]);
        deploy.hear(" Bake");
        assert_eq!(code(world.run(&[stop, "--json"]).ends(0)), "ok", "{stop}");
        deploy.end().ends(6);
        assert_eq!(code(world.run(&["watch", "--json"]).ends(6)), "failed_clean");
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    let world = World::new();
    let mut command = world.command(&["completions", "bash"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command.stdout(writer).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let output = output.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}
