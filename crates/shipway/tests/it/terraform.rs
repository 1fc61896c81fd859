//! Terraform against the real server: the provider's calls one by one, and, where Terraform and its AWS provider are
//! installed, the example of the documents by Terraform itself.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

use rustix::process::Signal;

use crate::{
    boto3::python,
    rig::{Running, World},
};

fn serve(world: &World) -> (Running, String) {
    let mut server = world.start(&["serve", "--listen", "127.0.0.1:0", "--no-auth", "--region", "us-east-1"]);
    server.hear("serving");
    let record = std::fs::read_to_string(world.data().join("server.json")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    (server, record["url"].as_str().unwrap().to_owned())
}

fn stop(server: Running) {
    server.signal(Signal::TERM);
    server.end().ends(0);
}

#[test]
fn what_terraforms_provider_reads_is_what_it_sent() {
    let Some(python) = python() else {
        println!("skipped: boto3 cannot be installed here");
        return;
    };
    let world = World::new();
    let (server, url) = serve(&world);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/terraform_replay.py");
    let replayed = Command::new(python).arg(script).arg(url).output().unwrap();
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stderr));
    assert_eq!(String::from_utf8_lossy(&replayed.stdout).trim(), "clean");
    stop(server);
}

/// Terraform or OpenTofu, if one is installed.
fn program() -> Option<&'static str> {
    ["terraform", "tofu"].into_iter().find(|program| {
        let answers =
            Command::new(program).arg("version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        answers.is_ok_and(|status| status.success())
    })
}

#[test]
fn terraform_applies_plans_clean_and_destroys() {
    let Some(program) = program() else {
        println!(
            "skipped: neither `terraform` nor `tofu` is installed; install one with its AWS provider to run this"
        );
        return;
    };
    let world = World::new();
    let (server, url) = serve(&world);
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples/terraform/main.tf");
    std::fs::copy(example, world.repo().join("main.tf")).unwrap();
    let run = |arguments: &[&str]| -> Output {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(world.repo())
            .env("TF_VAR_endpoint", &url)
            .env("TF_IN_AUTOMATION", "1");
        command.env("AWS_ACCESS_KEY_ID", "key").env("AWS_SECRET_ACCESS_KEY", "secret");
        command.output().unwrap()
    };
    let started = run(&["init", "-input=false"]);
    if !started.status.success() {
        println!("skipped: no AWS provider: {}", String::from_utf8_lossy(&started.stderr));
        stop(server);
        return;
    }
    let good = |arguments: &[&str]| {
        let output = run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    for greeting in ["-var=greeting=hello", "-var=greeting=hi"] {
        good(&["apply", "-auto-approve", "-input=false", greeting]);
        good(&["plan", "-detailed-exitcode", "-input=false", greeting]);
    }
    good(&["destroy", "-auto-approve", "-input=false"]);
    stop(server);
}
