//! `shipway.toml`: what it means, and what a person is told about mistakes.

use std::{fs, path::Path};

use expect_test::{Expect, expect};
use serde_json::Value;
use shipway_asl::Timestamp;
use shipway_control::{
    Millis,
    config::{Config, ConfigError, SCHEMA_ID, check_release, problems, procfile, schema},
    release::Release,
    version::{Bump, Zero},
};

const WHOLE: &str = r#"
project = "acme/shop"
default_environment = "production"

[services.web]
command = "bin/web --port $PORT"
env.LOG = "info"
env.MODE = "shop"
port = 8080
listen = "0.0.0.0"
processes = 2
health = "/health"
shift = [{ percent = 5, hold = "1m" }, { percent = 50, hold = 30 }]
bake = "10s"
gate = { error_ratio_max = 0.05, p99_max = "250ms" }
drain = "5s"
stop_timeout = "3s"
crashes_max = 1

[services.worker]
procfile = "worker"

[environments.staging]
shift = "canary"
bake = "1s"

[environments.production]
timeout = "1h"
bake = "2m"
shift = "canary"
gate.requests_min = 50

[environments.production.services.web]
port = 8081
processes = 4
env.LOG = "warn"
health.interval = "1s"
shift = "all-at-once"

[build]
command = "cargo build --release --locked"
paths = ["target/release/web", "Procfile"]

[release]
tag_prefix = "shop-"
zero = "shift"
types = { deps = "patch", feat = "major" }
default_bump = "none"
"#;

fn parse(text: &str) -> Result<Config, Vec<ConfigError>> {
    Config::parse(text, Path::new("shipway.toml"))
}

#[test]
fn an_environment_resolves_to_what_runs_there() {
    let config = parse(WHOLE).unwrap();
    let services = config.release_services_with("production", Some("worker: bin/worker")).unwrap();
    let web = serde_json::to_string_pretty(&services["web"]).unwrap();
    expect![[r#"
        {
          "command": "bin/web --port $PORT",
          "env": {
            "LOG": "warn",
            "MODE": "shop"
          },
          "port": 8081,
          "listen": "0.0.0.0",
          "processes": 4,
          "health": {
            "path": "/health",
            "interval": "1s",
            "timeout": "2s",
            "healthy_after": 1,
            "unhealthy_after": 3,
            "grace": "30s"
          },
          "shift": {
            "steps": []
          },
          "bake": "10s",
          "gate": {
            "error_ratio_max": 0.05,
            "p99_max": "250ms",
            "requests_min": 50
          },
          "drain": "5s",
          "stop_timeout": "3s",
          "crashes_max": 1
        }"#]]
    .assert_eq(&web);
    let worker = &services["worker"];
    assert_eq!((worker.command.as_str(), worker.port, worker.bake), ("bin/worker", None, Millis(120_000)));
    assert!(worker.shift.steps.is_empty(), "a worker has no traffic to shift");
    let staging = config.release_services_with("staging", Some("worker: bin/worker")).unwrap();
    assert_eq!((staging["web"].port, staging["worker"].bake), (Some(8080), Millis(1_000)));
    assert_eq!(staging["web"].shift.steps.len(), 2);
}

#[test]
fn the_rest_of_the_file_is_there_too() {
    let config = parse(WHOLE).unwrap();
    assert_eq!(config.project, "acme/shop");
    assert_eq!(config.environment(None).unwrap(), "production");
    assert_eq!(config.environments().collect::<Vec<_>>(), ["production", "staging"]);
    assert_eq!(config.timeout("production").unwrap(), Millis(3_600_000));
    assert_eq!(config.timeout("staging").unwrap(), Millis(1_800_000));
    assert_eq!(config.build.paths, ["target/release/web", "Procfile"]);
    let rules = &config.rules;
    assert_eq!(
        (rules.tag_prefix.as_str(), rules.zero, rules.default_bump),
        ("shop-", Zero::Shift, Bump::None)
    );
    assert_eq!(
        (rules.types["deps"], rules.types["feat"], rules.types["fix"]),
        (Bump::Patch, Bump::Major, Bump::Patch)
    );
}

#[test]
fn the_smallest_file_has_one_environment() {
    let config =
        parse("project = \"shop\"\n[services.web]\ncommand = \"./web\"\nport = 8080\nshift = \"canary\"\n")
            .unwrap();
    assert_eq!(config.environment(None).unwrap(), "production");
    let web = &config.release_services("production").unwrap()["web"];
    assert_eq!((web.shift.steps[0].percent, web.shift.steps[0].hold), (10, Millis(10_000)));
    assert_eq!((web.processes, web.listen.as_str(), web.bake), (1, "127.0.0.1", Millis(0)));
}

fn told(errors: &[ConfigError]) -> String {
    let line = |error: &ConfigError| match &error.hint {
        Some(hint) => format!("{error}\n  hint: {hint}\n"),
        None => format!("{error}\n"),
    };
    errors.iter().map(line).collect()
}

#[track_caller]
fn check(text: &str, expect: &Expect) {
    expect.assert_eq(&told(&parse(text).unwrap_err()));
}

#[test]
fn all_unknown_keys_are_told_with_the_nearest_known() {
    check(
        r#"
projct = "shop"
[services.web]
comand = "./web"
port = 8080
replicas = 3
health = { pth = "/" }
shift = [{ percent = 5, hodl = "1m" }]
[environments.production.services.web]
prot = 8081
[checks]
[pipeline]
"#,
        &expect![[r#"
            shipway.toml:2:1: `projct`: unknown key
              hint: did you mean `project`?
            shipway.toml:4:1: `services.web.comand`: unknown key
              hint: did you mean `command`?
            shipway.toml:6:1: `services.web.replicas`: unknown key
              hint: known here: `command`, `procfile`, `env`, `port`, `listen`, `processes`, `health`, `shift`, `bake`, `gate`, `drain`, `stop_timeout`, `crashes_max`
            shipway.toml:7:12: `services.web.health.pth`: unknown key
              hint: did you mean `path`?
            shipway.toml:8:25: `services.web.shift[0].hodl`: unknown key
              hint: did you mean `hold`?
            shipway.toml:10:1: `environments.production.services.web.prot`: unknown key
              hint: did you mean `port`?
            shipway.toml:11:2: `checks`: unknown key
              hint: known here: `project`, `default_environment`, `services`, `environments`, `build`, `release`
            shipway.toml:12:2: `pipeline`: unknown key
              hint: known here: `project`, `default_environment`, `services`, `environments`, `build`, `release`
        "#]],
    );
}

#[test]
fn all_wrong_types_are_told() {
    check(
        r#"
project = 5
[services.web]
command = "./web"
port = 70000
processes = "two"
env.LEVEL = 5
health = true
shift = "slowly"
bake = "10 minutes"
drain = -1
gate.error_ratio_max = "low"
[services.api]
command = ["./api"]
shift = [{ percent = 300, hold = "1s" }]
[release]
zero = "never"
types.feat = "big"
"#,
        &expect![[r#"
            shipway.toml:2:11: `project`: invalid type: integer `5`, expected a string
              hint: put the value in quotes
            shipway.toml:5:8: `services.web.port`: invalid value: integer `70000`, expected a whole number from 0 to 65535
              hint: The public port; none for a worker.
            shipway.toml:6:13: `services.web.processes`: invalid type: string "two", expected a whole number from 0 to 65535
              hint: How many processes, 1 to 64; 1 if not given.
            shipway.toml:7:13: `services.web.env.LEVEL`: invalid type: integer `5`, expected a string
              hint: put the value in quotes
            shipway.toml:8:10: `services.web.health`: invalid type: boolean `true`, expected a path such as "/health", or a table
              hint: When a process counts as healthy: a path such as "/health", or a table.
            shipway.toml:9:9: `services.web.shift`: invalid value: string "slowly", expected "all-at-once", "canary", or a list of steps such as [{ percent = 10, hold = "1m" }]
              hint: How traffic moves to a new version: "all-at-once", "canary", or a list of steps.
            shipway.toml:10:8: `services.web.bake`: `10 minutes` is not a span of time; write `250ms`, `10s`, `5m` or `2h`
              hint: How long a new version is watched with all traffic before the old one is stopped.
            shipway.toml:11:9: `services.web.drain`: a span of time is not negative
              hint: How long requests in flight may take to end when a version is taken out of traffic; 10s if not given.
            shipway.toml:12:24: `services.web.gate.error_ratio_max`: invalid type: string "low", expected a number
              hint: Share of 5xx answers and failed connections that is too much, 0 to 1; 0.01 if not given.
            shipway.toml:14:11: `services.api.command`: invalid type: sequence, expected a string
              hint: Run by `/bin/sh -c` in the unpacked artifact; `PORT` is set for a service that has a port.
            shipway.toml:15:22: `services.api.shift[0].percent`: invalid value: integer `300`, expected a whole number from 0 to 255
              hint: Share of requests for the new version, 1 to 99.
            shipway.toml:17:8: `release.zero`: unknown variant `never`, expected one of `major`, `minor`, `shift`
              hint: What a breaking change does below 1.0.0: "major" goes to 1.0.0, "minor" (if not given) moves the minor number, "shift" does so too and lets a feature move the patch number.
            shipway.toml:18:14: `release.types.feat`: unknown variant `big`, expected one of `none`, `patch`, `minor`, `major`
              hint: How far a version moves.
        "#]],
    );
}

#[test]
fn a_wrong_type_hides_no_wrong_value_elsewhere_and_what_follows_from_it_is_not_told() {
    check(
        r#"
project = 5
default_environment = "prod"
[services.web]
command = ["./web"]
port = "8080"
health = "/health"
processes = 0
[services.worker]
comand = "./worker"
drain = "2h"
[environments.production]
timeout = "49h"
"#,
        &expect![[r#"
            shipway.toml:2:11: `project`: invalid type: integer `5`, expected a string
              hint: put the value in quotes
            shipway.toml:3:1: `default_environment`: there is no environment `prod`
              hint: known: `production`
            shipway.toml:5:11: `services.web.command`: invalid type: sequence, expected a string
              hint: Run by `/bin/sh -c` in the unpacked artifact; `PORT` is set for a service that has a port.
            shipway.toml:6:8: `services.web.port`: invalid type: string "8080", expected a whole number from 0 to 65535
              hint: The public port; none for a worker.
            shipway.toml:8:1: `services.web.processes`: 0 is not between 1 and 64
            shipway.toml:10:1: `services.worker.comand`: unknown key
              hint: did you mean `command`?
            shipway.toml:11:1: `services.worker.drain`: 2h is not between 0s and 1h
            shipway.toml:13:1: `environments.production.timeout`: 49h is not between 1s and 48h
        "#]],
    );
}

#[test]
fn all_wrong_values_are_told() {
    check(
        r#"
project = "Acme/Shop"
default_environment = "prod"

[services.web]
command = " "
port = 0
processes = 0
listen = "localhost"
env.PORT = "1"
env.SHIPWAY_X = "1"
env."A-B" = "1"
health = "health"
shift = [{ percent = 50, hold = "1s" }, { percent = 50, hold = "1s" }, { percent = 100, hold = "1s" }]
gate.error_ratio_max = 1.5

[services.worker]
health = "/x"
processes = 65

[services.Api_2]
command = "./api"
procfile = "api"
drain = "2h"

[environments.production]
timeout = "49h"
[environments.Staging]

[build]
command = "make"
[release]
tag_prefix = "-v"
types.Feat = "minor"
"#,
        &expect![[r#"
            shipway.toml:2:1: `project`: `Acme` is not a name: lower-case letters, digits and `-`, starting with a letter or digit, at most 40 characters
              hint: `name` or `org/name`
            shipway.toml:3:1: `default_environment`: there is no environment `prod`
              hint: known: `Staging`, `production`
            shipway.toml:6:1: `services.web.command`: there is no command
              hint: such as `command = "bin/web"`, or `procfile = "web"`
            shipway.toml:7:1: `services.web.port`: port 0 is none
              hint: leave `port` out for a worker
            shipway.toml:8:1: `services.web.processes`: 0 is not between 1 and 64
            shipway.toml:9:1: `services.web.listen`: `localhost` is not an IP address
              hint: `127.0.0.1` for this machine only, `0.0.0.0` for all
            shipway.toml:10:5: `services.web.env.PORT`: `PORT` is reserved
              hint: PORT and SHIPWAY_* are set by Shipway; the public port is `port`
            shipway.toml:11:5: `services.web.env.SHIPWAY_X`: `SHIPWAY_X` is reserved
              hint: PORT and SHIPWAY_* are set by Shipway; the public port is `port`
            shipway.toml:12:5: `services.web.env.A-B`: `A-B` is not the name of a variable
              hint: letters, digits and `_`
            shipway.toml:13:1: `services.web.health`: `health` is not a path
              hint: such as `/health`, without blanks
            shipway.toml:14:43: `services.web.shift[1].percent`: 50 is not more than the 50 of the step before
              hint: let the percents rise
            shipway.toml:14:74: `services.web.shift[2].percent`: 100 is not between 1 and 99
              hint: 100 % comes after the last step by itself
            shipway.toml:15:6: `services.web.gate.error_ratio_max`: 1.5 is not between 0 and 1
              hint: 1 % is 0.01
            shipway.toml:17:11: `services.worker`: there is no command
              hint: such as `command = "bin/web"`, or `procfile = "web"`
            shipway.toml:18:1: `services.worker.health`: a service without a port answers no path
              hint: give the service a `port`, or leave the path out
            shipway.toml:19:1: `services.worker.processes`: 65 is not between 1 and 64
            shipway.toml:21:11: `services.Api_2`: `Api_2` is not a name: lower-case letters, digits and `-`, starting with a letter or digit, at most 40 characters
            shipway.toml:23:1: `services.Api_2.procfile`: there is a `command` too
              hint: keep one of the two
            shipway.toml:24:1: `services.Api_2.drain`: 2h is not between 0s and 1h
            shipway.toml:27:1: `environments.production.timeout`: 49h is not between 1s and 48h
            shipway.toml:28:15: `environments.Staging`: `Staging` is not a name: lower-case letters, digits and `-`, starting with a letter or digit, at most 40 characters
            shipway.toml:30:2: `build.paths`: a build without paths leaves out what it makes
              hint: name what goes into the artifact: `paths = ["target/release/web"]`
            shipway.toml:33:1: `release.tag_prefix`: `-v` cannot begin a tag's name
              hint: such as `v` or `web/v`
            shipway.toml:34:7: `release.types.Feat`: `Feat` is not a type of commit
              hint: lower case, without blanks, such as `build`, `chore`, `ci`, `docs`, `feat`, `fix`, `perf`, `refactor`, `revert`, `style`, `test`
        "#]],
    );
}

#[test]
fn what_only_one_environment_gets_wrong_is_told_there() {
    check(
        r#"
project = "shop"
[services.web]
command = "./web"
port = 8080
[services.api]
command = "./api"
port = 8081
[environments.staging]
services.api.port = 8080
[environments.production]
timeout = "1m"
bake = "2m"
shift = [{ percent = 20, hold = "1s" }, { percent = 10, hold = "1s" }]
[environments.production.services.wbe]
port = 9000
"#,
        &expect![[r#"
            shipway.toml:5:1: `services.web.port`: port 8080 is that of service `api` too (in `staging`)
              hint: give each service a port of its own
            shipway.toml:13:1: `environments.production.bake`: shift and bake take 122s, the deployment may take 1m
              hint: shorten them, or raise `timeout`
            shipway.toml:14:43: `environments.production.shift[1].percent`: 10 is not more than the 20 of the step before
              hint: let the percents rise
            shipway.toml:15:35: `environments.production.services.wbe`: there is no command
              hint: did you mean `web`?
        "#]],
    );
}

#[test]
fn what_is_not_toml_is_told_with_its_place() {
    check(
        "project = \"shop\nx = [1,\n",
        &expect![[r#"
            shipway.toml:1:16: invalid basic string, expected `"`
              hint: this is not TOML; see toml.io
            shipway.toml:2:8: unclosed array, expected `]`
              hint: this is not TOML; see toml.io
        "#]],
    );
    check(
        "project = \"a\"\nproject = \"b\"\n",
        &expect![[r#"
        shipway.toml:2:1: duplicate key
          hint: write each key and each [table] once
    "#]],
    );
    check(
        "",
        &expect![[r#"
        shipway.toml:1:1: `project`: the project has no name
          hint: add `project = "org/name"` as the first line
        shipway.toml:1:1: `services`: there is no service
          hint: add `[services.web]` with a `command`
    "#]],
    );
}

#[test]
fn questions_that_the_file_cannot_answer_are_errors() {
    let two = "project = \"shop\"\n[services.web]\nprocfile = \"wbe\"\n[environments.staging]\n[environments.production]\n";
    let config = parse(two).unwrap();
    let errors = [
        config.environment(None).unwrap_err(),
        config.environment(Some("produciton")).unwrap_err(),
        config.release_services("qa").unwrap_err(),
        config.release_services_with("staging", None).unwrap_err(),
        config.release_services_with("staging", Some("web: x\nworker: y\n")).unwrap_err(),
    ];
    expect![[r#"
        shipway.toml:1:1: `default_environment`: there are several environments and no default
          hint: name one of `production`, `staging`, or set `default_environment`
        shipway.toml:4:2: `environments`: there is no environment `produciton`
          hint: did you mean `production`? known: `production`, `staging`
        shipway.toml:4:2: `environments`: there is no environment `qa`
          hint: known: `production`, `staging`
        shipway.toml:3:1: `services.web.procfile`: there is no file `Procfile` beside shipway.toml
          hint: add the Procfile, or write `command` instead
        shipway.toml:3:1: `services.web.procfile`: the Procfile has no line `wbe`
          hint: it has `web`, `worker`
    "#]]
    .assert_eq(&told(&errors));
}

#[test]
fn the_procfile_beside_the_file_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let missing = Config::load(dir.path()).unwrap_err();
    assert_eq!(missing[0].hint.as_deref(), Some("shipway init writes one"));
    fs::write(dir.path().join("shipway.toml"), "project = \"shop\"\n[services.web]\nprocfile = \"web\"\n")
        .unwrap();
    fs::write(dir.path().join("Procfile"), "web: bin/web -p $PORT\n").unwrap();
    let services = Config::load(dir.path()).unwrap().release_services("production").unwrap();
    assert_eq!(services["web"].command, "bin/web -p $PORT");
    assert_eq!(procfile("web: bin/web"), [("web".to_owned(), "bin/web".to_owned())]);
}

/// Every key of a table is a property of the schema at that place.
fn assert_described(value: &toml::Value, node: &Value, root: &Value, place: &str) {
    let resolve = |node: &Value| match node["$ref"].as_str() {
        Some(name) => root["$defs"][name.trim_start_matches("#/$defs/")].clone(),
        None => node.clone(),
    };
    let node = resolve(node);
    let variants = node["anyOf"].as_array().cloned().unwrap_or_else(|| vec![node.clone()]);
    match value {
        toml::Value::Table(table) => {
            let node = variants.iter().map(resolve).find(|node| node["type"] == "object").expect(place);
            for (key, value) in table {
                let child = node["properties"].get(key).or_else(|| node.get("additionalProperties"));
                let child = child.filter(|child| child.is_object());
                let place = format!("{place}.{key}");
                assert_described(
                    value,
                    child.unwrap_or_else(|| panic!("{place} is not in the schema")),
                    root,
                    &place,
                );
            }
        }
        toml::Value::Array(array) => {
            let node = variants.iter().map(resolve).find(|node| node["type"] == "array").expect(place);
            array.iter().for_each(|value| assert_described(value, &node["items"], root, place));
        }
        _ => {}
    }
}

fn assert_has_descriptions(node: &Value, place: &str) {
    if let Some(properties) = node["properties"].as_object() {
        for (key, property) in properties {
            assert!(property["description"].is_string(), "{place}.{key} has no description");
        }
    }
}

#[test]
fn the_schema_describes_every_key() {
    let schema = schema();
    assert_eq!(schema["$id"], SCHEMA_ID);
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["required"], serde_json::json!(["project", "services"]));
    assert!(!schema.to_string().contains("null"), "TOML has no null");
    assert_has_descriptions(&schema, "");
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        assert_has_descriptions(definition, name);
    }
    assert_described(&toml::Value::Table(WHOLE.parse().unwrap()), &schema, &schema, "");
}

fn release() -> Release {
    serde_json::from_value(serde_json::json!({
        "release_id": "release-20260102T030405Z-abcdefg",
        "project_name": "acme/shop",
        "config_name": "production",
        "version": "1.2.3",
        "commit": "0123456789abcdef0123456789abcdef01234567",
        "subject": "feat: a",
        "author": "Ana",
        "artifact_sha256": "a".repeat(64),
        "created_at": 1_800_000_000_000_i64,
        "timeout": "10m",
        "services": {
            "web": {
                "command": "bin/web", "port": 8080,
                "shift": {"steps": [{"percent": 10, "hold": "1s"}, {"percent": 50, "hold": "1s"}]},
            },
            "worker": {"command": "bin/worker"},
        },
    }))
    .unwrap()
}

const NOW: Timestamp = Timestamp(1_800_000_000_000);

#[test]
fn a_good_release_is_accepted_within_its_time() {
    check_release(&release(), NOW).unwrap();
    let days = 24 * 3600 * 1000;
    for (created_at, field) in [
        (NOW.0 - 10 * days, ""),
        (NOW.0 - 10 * days - 1, "created_at"),
        (NOW.0 + 120_000, ""),
        (NOW.0 + 120_001, "created_at"),
    ] {
        let release = Release { created_at: Timestamp(created_at), ..release() };
        let found = check_release(&release, NOW).map_or_else(|problem| problem.field, |()| String::new());
        assert_eq!(found, field, "{created_at}");
    }
}

/// Each change to a good release is found at its place and nowhere else.
#[test]
fn each_mistake_in_a_release_names_its_place() {
    let cases: &[(&str, Value)] = &[
        ("release_id", "../x".into()),
        ("release_id", "".into()),
        ("project_name", "Acme".into()),
        ("config_name", "a/b".into()),
        ("version", "v1".into()),
        ("commit", "abc".into()),
        ("subject", "a\nb".into()),
        ("author", "x".repeat(201).into()),
        ("artifact_sha256", "A".repeat(64).into()),
        ("timeout", "0s".into()),
        ("timeout", "49h".into()),
        ("services", serde_json::json!({})),
        ("services.web.command", "  ".into()),
        ("services.web.command", "a\u{0}".into()),
        ("services.web.env.PORT", "1".into()),
        ("services.web.env.SHIPWAY_ID", "1".into()),
        ("services.web.env.1A", "1".into()),
        ("services.web.env.A", "a\u{0}".into()),
        ("services.web.port", 0.into()),
        ("services.worker.port", 8080.into()),
        ("services.web.listen", "here".into()),
        ("services.web.processes", 0.into()),
        ("services.web.processes", 65.into()),
        ("services.web.health.path", "health".into()),
        ("services.web.health.path", "/a b".into()),
        ("services.worker.health.path", "/a".into()),
        ("services.web.health.interval", "0s".into()),
        ("services.web.health.healthy_after", 0.into()),
        ("services.web.shift.steps[0].percent", 0.into()),
        ("services.web.shift.steps[1].percent", 100.into()),
        ("services.web.shift.steps[1].percent", 10.into()),
        ("services.web.gate.error_ratio_max", (-0.1).into()),
        ("services.web.gate.error_ratio_max", 1.01.into()),
        ("services.web.gate.p99_max", "0s".into()),
        ("services.web.bake", "10m".into()),
        ("services.web.drain", "2h".into()),
        ("services.web.stop_timeout", "2h".into()),
        ("services.web.crashes_max", 1001.into()),
    ];
    for (field, value) in cases {
        let mut document = serde_json::to_value(release()).unwrap();
        let pointer = format!("/{}", field.replace("[", ".").replace(']', "").replace('.', "/"));
        match document.pointer_mut(&pointer) {
            Some(place) => *place = value.clone(),
            None => {
                let (parent, key) = pointer.rsplit_once('/').unwrap();
                document.pointer_mut(parent).unwrap()[key] = value.clone();
            }
        }
        let release: Release = serde_json::from_value(document).unwrap();
        let found = problems(&release, NOW);
        let fields: Vec<&str> = found.iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(fields, [*field], "{found:?}");
    }
}

#[test]
fn bad_names_and_too_many_services_are_refused() {
    let mut many = release();
    let worker = many.services["worker"].clone();
    many.services.insert("Bad_Name".to_owned(), worker.clone());
    assert_eq!(check_release(&many, NOW).unwrap_err().field, "services.Bad_Name");
    many.services = (0..65).map(|n| (format!("s{n}"), worker.clone())).collect();
    assert_eq!(check_release(&many, NOW).unwrap_err().field, "services");
    many.metadata.insert("k".to_owned(), "v".repeat(5000));
    assert!(problems(&many, NOW).iter().any(|problem| problem.field == "metadata.k"));
}

proptest::proptest! {
    /// A damaged file is read or refused with places that exist; it never breaks the reader.
    #[test]
    fn a_damaged_file_is_refused_with_places(at in 0..WHOLE.len(), cut in 0_usize..40, put in "[ -~\n]{0,12}") {
        let end = (at + cut).min(WHOLE.len());
        let text = format!("{}{put}{}", &WHOLE[..at], &WHOLE[end..]);
        match parse(&text) {
            Ok(config) => {
                for environment in config.environments() {
                    config.release_services_with(environment, Some("worker: x")).ok();
                }
            }
            Err(errors) => {
                assert!(!errors.is_empty());
                for error in errors {
                    assert!(error.line >= 1 && error.line <= text.lines().count() + 1, "{error}");
                    assert!(error.column >= 1, "{error}");
                }
            }
        }
    }
}
