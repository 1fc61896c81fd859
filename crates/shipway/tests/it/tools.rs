//! Tools that need no server.

use std::fs;

use crate::rig::World;

const MACHINE: &str = r#"{"StartAt": "Pay", "States": {
    "Pay": {"Type": "Task", "Resource": "pay", "Retry": [{"ErrorEquals": ["Busy"]}], "Next": "Done"},
    "Done": {"Type": "Succeed"}}}"#;

#[test]
fn init_writes_a_file_that_deploys() {
    let world = World::new();
    world.run(&["init"]).ends(2).says(&["is there already", "--force"]);
    fs::remove_file(world.repo().join("shipway.toml")).unwrap();
    world.write("Procfile", &format!("web: '{}' demo-service service.json\n", crate::rig::EXE));
    world.run(&["init"]).ends(0).says(&["wrote ", "next: "]);
    let text = fs::read_to_string(world.repo().join("shipway.toml")).unwrap();
    assert_eq!(world.run(&["init", "--stdout"]).ends(0).stdout, text);
    world.write("shipway.toml", &text.replace("port = 8080", &format!("port = {}", world.port)));
    world.commit("feat: deploy it");
    world.run(&["deploy"]).ends(0);
    assert_eq!(world.serving().as_deref(), Some("0.2.0"));
}

#[test]
fn machines_are_checked_drawn_and_run() {
    let world = World::new();
    world.write("good.asl.json", MACHINE);
    world.write("bad.asl.json", &MACHINE.replace("\"Next\": \"Done\"", "\"Next\": \"Nowhere\""));
    world.run(&["machine", "lint", "good.asl.json"]).ends(0).says(&["is valid"]);
    let lint = world.run(&["machine", "lint", "bad.asl.json"]).ends(1);
    assert!(lint.stdout.contains("bad.asl.json/States/Pay/Next: error "), "{}", lint.stdout);
    let lint = world.run(&["machine", "lint", "bad.asl.json", "--json"]).ends(1).json();
    assert_eq!(lint["result"], "FAIL");
    assert!(lint["diagnostics"].as_array().unwrap().iter().any(|found| found["severity"] == "ERROR"));
    assert!(world.run(&["machine", "render", "good.asl.json"]).ends(0).stdout.contains("Pay"));
    assert!(world.run(&["machine", "render", "good.asl.json", "--svg"]).ends(0).stdout.starts_with("<svg"));
    world.run(&["machine", "render", "bad.asl.json"]).ends(2).says(&["machine lint"]);

    let run = [
        "machine",
        "run",
        "good.asl.json",
        "--task-error",
        "pay=Busy:later",
        "--task",
        r#"pay={"ok": true}"#,
    ];
    let ran = world.run(&run).ends(0).says(&["succeeded after 1.0 s in virtual time"]);
    assert_eq!(ran.json(), serde_json::json!({"ok": true}));
    let ran = world.run(&["machine", "run", "good.asl.json", "--task-error", "pay=Broke:no money"]).ends(1);
    ran.says(&["error: Broke: no money"]);
    world.run(&["machine", "run", "good.asl.json", "--input", "{"]).ends(2).says(&["`--input` is not JSON"]);
    world.run(&["machine", "run", "nothing.json"]).ends(2).says(&["cannot read `nothing.json`"]);
}

#[test]
fn the_schema_is_json_and_completions_name_commands() {
    let world = World::new();
    let schema = world.run(&["schema"]).ends(0).json();
    assert!(schema["properties"]["services"].is_object());
    for shell in ["bash", "zsh", "fish"] {
        let script = world.run(&["completions", shell]).ends(0).stdout;
        assert!(script.contains("rollback"), "{shell}");
    }
}

#[test]
fn help_goes_to_stdout_and_ends_well() {
    let world = World::new();
    for arguments in [&["--help"][..], &["deploy", "-h"], &["--version"]] {
        let ran = world.run(arguments).ends(0);
        assert!(!ran.stdout.is_empty() && ran.stderr.is_empty());
    }
}
