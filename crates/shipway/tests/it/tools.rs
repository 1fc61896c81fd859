//! Tools that need no server.

use std::fs;

use crate::rig::World;

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
