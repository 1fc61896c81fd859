//! Functions through the real server: registered, run, called by state machines and by boto3, and gone with the server.

use std::{path::Path, process::Command};

use expect_test::expect_file;
use rustix::process::Signal;
use serde_json::Value;

use crate::{
    boto3, machine_guide,
    rig::{Running, World, processes_in},
};

const GREET: &str = "import os\ncalls = 0\ndef handler(event, context):\n    global calls\n    calls += 1\n    \
                     return {'greeting': os.environ.get('WORD', 'hello') + ' ' + event['name'], 'calls': calls}\n";

/// A world with a server, and a folder of code.
fn served(world: &World, more: &[&str]) -> Running {
    std::fs::create_dir_all(world.repo().join("code")).unwrap();
    let mut server = world.start(&[&["serve", "--listen=127.0.0.1:0"], more].concat());
    server.hear("serving");
    server
}

fn url(world: &World) -> String {
    let record = std::fs::read_to_string(world.data().join("server.json")).unwrap();
    let record: Value = serde_json::from_str(&record).unwrap();
    record["url"].as_str().unwrap().to_owned()
}

fn register(world: &World, name: &str, more: &[&str]) {
    let base = ["function", "register", name, "--runtime=python", "--directory=code"];
    world.run(&[&base, more].concat()).ends(0);
}

fn script(python: &Path, name: &str, arguments: &[&str]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(name);
    let ran = Command::new(python).arg(script).args(arguments).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8_lossy(&ran.stdout).trim().to_owned()
}

#[test]
fn a_function_is_kept_over_a_restart_and_its_secrets_are_not_shown() {
    let world = World::new();
    let server = served(&world, &[]);
    world.write("code/app.py", GREET);
    world.write("secret.env", "# ours\nWORD=hush-hush\n");
    register(&world, "greet", &["--handler=app.handler", "--env-file=secret.env"]);
    let answer = world.run(&["function", "invoke", "greet", r#"{"name": "Ada"}"#]).ends(0).json();
    assert_eq!(answer["greeting"], "hush-hush Ada");
    server.signal(Signal::TERM);
    server.end().ends(0);
    let server = served(&world, &[]);
    let answer = world.run(&["function", "invoke", "greet", r#"{"name": "Bo"}"#, "--json"]).ends(0).json();
    assert_eq!(answer["payload"], r#"{"greeting": "hush-hush Bo", "calls": 1}"#);
    assert!(answer["log"].as_str().unwrap().starts_with("START RequestId: "), "{answer}");
    for shown in [
        &["function", "list"] as &[&str],
        &["function", "list", "--json"],
        &["function", "describe", "greet"],
        &["function", "describe", "greet", "--json"],
        &["function", "logs", "greet"],
    ] {
        let shown = world.run(shown).ends(0);
        assert!(!shown.stdout.contains("hush"), "{}", shown.stdout);
    }
    assert!(world.run(&["function", "describe", "greet"]).stdout.contains("WORD"));
    world.run(&["function", "invoke", "greet", "{}"]).ends(1);
    world.run(&["function", "remove", "greet"]).ends(0);
    world.run(&["function", "invoke", "greet"]).ends(1).says(&["`greet` does not exist"]);
    server.signal(Signal::TERM);
    server.end().ends(0);
}

#[test]
fn who_has_no_token_registers_and_calls_nothing() {
    let world = World::new();
    let server = served(&world, &["--no-auth"]);
    world.write("code/app.py", GREET);
    register(&world, "greet", &["--handler=app.handler"]);
    let url = url(&world);
    let elsewhere = ["--server", &url];
    let code = ["--runtime=python", "--handler=app.handler", "--directory=code"];
    for verb in [&["function", "register", "other"] as &[&str], &["function", "run", "other"]] {
        world.run(&[verb, &code, &elsewhere].concat()).ends(5).says(&["there is no bearer token"]);
    }
    world.run(&[&["function", "remove", "greet"] as &[&str], &elsewhere].concat()).ends(5);
    world.run(&[&["function", "invoke", "greet"] as &[&str], &elsewhere].concat()).ends(5);
    server.signal(Signal::TERM);
    server.end().ends(0);
}

#[test]
fn what_cannot_be_a_function_is_refused_by_its_field() {
    let world = World::new();
    let server = served(&world, &[]);
    let register = |more: &[&str]| world.run(&[&["function", "register", "f"], more].concat());
    register(&["--runtime=python"]).ends(2).says(&["--handler"]);
    register(&["--runtime=python", "--handler=app"]).ends(2).says(&["`handler`", "module.function"]);
    register(&["--runtime=python", "--handler=a.b", "--timeout=16min"]).ends(2).says(&["1s to 900s"]);
    register(&["--runtime=provided", "--directory=code"]).ends(2).says(&["bootstrap"]);
    register(&["--runtime=provided", "--directory=nowhere"]).ends(1).says(&["nowhere"]);
    let reserved = ["--runtime=python", "--handler=a.b", "--env=AWS_LAMBDA_RUNTIME_API=x"];
    register(&reserved).ends(2).says(&["env.AWS_LAMBDA_RUNTIME_API"]);
    server.signal(Signal::TERM);
    server.end().ends(0);
}

#[test]
fn a_function_that_is_worked_on_runs_its_new_code_and_goes_with_its_command() {
    let world = World::new();
    let server = served(&world, &[]);
    world.write("code/app.py", "def handler(event, context):\n    return 'old'\n");
    let code = ["--runtime=python", "--handler=app.handler", "--directory=code"];
    let mut run = world.start(&[&["function", "run", "f"] as &[&str], &code].concat());
    run.hear("runs until Ctrl-C");
    assert_eq!(world.run(&["function", "invoke", "f"]).ends(0).json(), "old");
    world.write("code/app.py", "def handler(event, context):\n    return 'new code'\n");
    run.hear("a file has changed");
    assert_eq!(world.run(&["function", "invoke", "f"]).ends(0).json(), "new code");
    run.signal(Signal::INT);
    let ran = run.end().ends(130);
    assert_eq!(ran.stdout.matches("START RequestId: ").count(), 2, "{}", ran.stdout);
    world.run(&["function", "describe", "f"]).ends(1).says(&["`f` does not exist"]);
    register(&world, "f", &["--handler=app.handler"]);
    world.run(&[&["function", "run", "f"] as &[&str], &code].concat()).ends(5).says(&["registered for good"]);
    server.signal(Signal::TERM);
    server.end().ends(0);
}

#[test]
fn nothing_of_a_function_outlives_a_server_that_is_killed() {
    let world = World::new();
    let mut server = served(&world, &[]);
    let code = "import subprocess, threading\ndef handler(event, context):\n    subprocess.Popen(['sleep', '1000'])\n\
                \x20   subprocess.Popen(['setsid', 'sleep', '1000'])\n    print('it runs', flush=True)\n\
                \x20   threading.Event().wait()\n";
    world.write("code/app.py", code);
    register(&world, "f", &["--handler=app.handler", "--timeout=900s"]);
    let mut call = world.command(&["function", "invoke", "f"]).spawn().unwrap();
    world.until(&["function", "logs", "f"], |ran| ran.stdout.contains("it runs"));
    let code = world.repo().join("code");
    assert!(processes_in(&code).len() >= 3, "{:?}", processes_in(&code));
    server.signal(Signal::KILL);
    call.wait().unwrap();
    let is_empty = (0..5_000).any(|_| {
        std::thread::yield_now();
        processes_in(&code).is_empty()
    });
    assert!(is_empty, "left running: {:?}", processes_in(&code));
    server = served(&world, &[]);
    server.signal(Signal::TERM);
    server.end().ends(0);
}

#[test]
fn state_machines_and_boto3_call_functions() {
    let Some(python) = boto3::python() else {
        println!("skipped: boto3 cannot be installed here");
        return;
    };
    let world = World::new();
    let server = served(&world, &["--no-auth", "--region=us-east-1"]);
    world.write("code/app.py", include_str!("functions_code.py"));
    for name in ["greet", "flaky", "fail", "slow", "crash", "token", "big"] {
        let handler = format!("--handler=app.{name}");
        let timeout = if name == "slow" { "--timeout=1s" } else { "--timeout=60s" };
        let python = format!("--env=PATH={}", path_with(&python));
        let concurrency = if name == "token" { "--concurrency=1" } else { "--concurrency=4" };
        register(&world, name, &[&handler, timeout, &python, concurrency]);
    }
    let code = world.repo().join("code");
    assert_eq!(script(&python, "functions_tour.py", &[&url(&world), code.to_str().unwrap()]), "toured");
    server.signal(Signal::TERM);
    server.end().ends(0);
}

/// Where the Python with boto3 goes before others.
fn path_with(python: &Path) -> String {
    format!("{}:{}", python.parent().unwrap().display(), std::env::var("PATH").unwrap())
}

#[test]
fn lambdas_api_takes_signed_calls_only() {
    let Some(python) = boto3::python() else {
        println!("skipped: boto3 cannot be installed here");
        return;
    };
    let world = World::new();
    let server = served(&world, &["--region=eu-west-1"]);
    world.write("code/app.py", GREET);
    register(&world, "greet", &["--handler=app.handler"]);
    let key = world.run(&["key", "create", "--json"]).ends(0).json();
    let words = [&key["id"], &key["secret"]].map(|word| word.as_str().unwrap());
    assert_eq!(
        script(&python, "functions_signed.py", &[&[url(&world).as_str()], &words[..]].concat()),
        "signed"
    );
    server.signal(Signal::TERM);
    server.end().ends(0);
}

#[test]
fn the_guide_to_functions_is_true() {
    let world = World::new();
    let server = served(&world, &[]);
    std::fs::create_dir(world.repo().join("greet")).unwrap();
    let page = machine_guide::again(&world, include_str!("../../../../docs/functions.md"));
    expect_file!["../../../../docs/functions.md"].assert_eq(&page);
    server.signal(Signal::TERM);
    server.end().ends(0);
}
