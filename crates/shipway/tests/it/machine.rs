//! `shipway machine` from the outside: its verbs, their output, their exit codes, and bad input.

use std::{fs, io::Write, process::Stdio};

use expect_test::{Expect, expect};
use serde_json::Value;

use crate::rig::World;

const MACHINE: &str = r#"{"StartAt": "Pay", "TimeoutSeconds": 600, "States": {
    "Pay": {"Type": "Task", "Resource": "pay", "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 60}], "Next": "Done"},
    "Done": {"Type": "Succeed"}}}"#;

const TESTS: &str = "cases:
  - name: pays
    input: {n: 1}
    mocks:
      Pay:
        - throw: {error: Busy}
        - return: {ok: true}
          after: 5
    expect:
      path: [Pay, Done]
      output: {ok: true}
      tasks: {Pay: [{n: 1}, {n: 1}]}
      seconds_max: 65
  - name: fails
    mocks:
      Pay: {throw: {error: Broke, cause: no money}}
    expect: {error: Broke, cause: no money}
";

fn world() -> World {
    let world = World::new();
    world.write("order.asl.json", MACHINE);
    world.write("order.test.yaml", TESTS);
    world
}

/// stdout, stderr and exit code as one text.
#[track_caller]
fn check(world: &World, arguments: &[&str], expected: &Expect) {
    let ran = world.run(arguments);
    expected.assert_eq(&format!("{}{}exit code {}\n", ran.stdout, ran.stderr, ran.code));
}

#[test]
fn lint_shows_lines_and_ends_by_what_it_finds() {
    let world = world();
    check(
        &world,
        &["machine", "lint", "order.asl.json"],
        &expect![[r#"
            warning[SCHEMA_VALIDATION_FAILED]: Value is not a valid resource ARN
             --> order.asl.json:2:41
              |
            2 |     "Pay": {"Type": "Task", "Resource": "pay", "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 60}], "Next": "Done"},
              |                                         ^^^^^

            1 file: valid: 0 errors, 1 warning, 0 notes
            exit code 0
        "#]],
    );
    world.write("bad.asl.json", &MACHINE.replace("\"Next\": \"Done\"", "\"Next\": \"Nowhere\""));
    check(
        &world,
        &["machine", "lint", "bad.asl.json"],
        &expect![[r#"
            warning[SCHEMA_VALIDATION_FAILED]: Value is not a valid resource ARN
             --> bad.asl.json:2:41
              |
            2 |     "Pay": {"Type": "Task", "Resource": "pay", "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 60}], "Next": "Nowhere"},
              |                                         ^^^^^

            error[MISSING_TRANSITION_TARGET]: Missing 'Next' target: Nowhere
             --> bad.asl.json:2:117
              |
            2 |     "Pay": {"Type": "Task", "Resource": "pay", "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 60}], "Next": "Nowhere"},
              |                                                                                                                     ^^^^^^^^^

            error[MISSING_TRANSITION_TARGET]: State "Done" is not reachable.
             --> bad.asl.json:3:5
              |
            3 |     "Done": {"Type": "Succeed"}}}
              |     ^^^^^^

            1 file: not valid: 2 errors, 1 warning, 0 notes
            exit code 1
        "#]],
    );
    world.write("which.asl.yaml", "StartAt: W\nStates:\n  W:\n    Type: Choice\n    Choices:\n      - Variable: $.n\n        IsNull: true\n        Next: X\n  X:\n    Type: Succeed\n");
    check(
        &world,
        &["machine", "lint", "which.asl.yaml", "--format", "short", "--max-warnings", "0"],
        &expect![[r#"
            which.asl.yaml:3:3: warning choice-default: `W` fails where no rule holds
            1 file: valid: 0 errors, 1 warning, 0 notes
            1 warning found, 0 allowed
            exit code 1
        "#]],
    );
    world
        .run(&["machine", "lint", "which.asl.yaml", "--allow", "choice-default", "--max-warnings", "0"])
        .ends(0);
    world.run(&["machine", "lint", "which.asl.yaml", "--deny", "choice-default"]).ends(1);
    world.run(&["machine", "lint", "which.asl.yaml", "--deny", "warnings"]).ends(1);
    let document = world.run(&["machine", "lint", "order.asl.json", "bad.asl.json", "--json"]).ends(1).json();
    assert_eq!((&document["result"], &document["code"]), (&"FAIL".into(), &"failed".into()));
    assert!(
        document["findings"].as_array().unwrap().iter().all(
            |one| one["line"].is_u64() && (one["file"] == "bad.asl.json" || one["severity"] == "warning")
        )
    );
    let log = world.run(&["machine", "lint", "bad.asl.json", "--format", "sarif"]).ends(1).json();
    assert_eq!(
        log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
        "bad.asl.json"
    );
    let rules = world.run(&["machine", "lint", "--rules"]).ends(0).stdout;
    assert!(rules.contains("choice-default") && rules.contains("MISSING_TRANSITION_TARGET"));
}

#[test]
fn run_shows_states_with_virtual_times() {
    let world = world();
    world.write(
        "order.mock.yaml",
        "mocks:\n  Pay:\n    - throw: {error: Busy, cause: later}\n    - {return: {ok: true}, after: 5}\n",
    );
    check(
        &world,
        &["machine", "run", "order.asl.json", "--mock", "order.mock.yaml", "--input", r#"{"n": 1}"#],
        &expect![[r#"
            AT          STATE  TYPE     TOOK       TRIES  INPUT        OUTPUT
            +0 ms       Pay    Task     1 min 5 s  2      {"n":1}      {"ok":true}
            +1 min 5 s  Done   Succeed  0 ms              {"ok":true}  {"ok":true}
            {
              "ok": true
            }
            succeeded after 1 min 5 s in virtual time
            exit code 0
        "#]],
    );
    check(
        &world,
        &[
            "machine",
            "run",
            "order.asl.json",
            "--task",
            "Pay=1",
            "--history",
            "--context",
            r#"{"Execution": {"Name": "r", "RoleArn": "role"}}"#,
        ],
        &expect![[r#"
            AT     STATE  TYPE     TOOK  TRIES  INPUT  OUTPUT
            +0 ms  Pay    Task     0 ms  1      {}     1
            +0 ms  Done   Succeed  0 ms         1      1

               1 +0 ms          ExecutionStarted           {"input":"{}","inputDetails":{"truncated":false},"roleArn":"role"}
               2 +0 ms          TaskStateEntered           {"input":"{}","inputDetails":{"truncated":false},"name":"Pay"}
               3 +0 ms          LambdaFunctionScheduled    {"resource":"pay","input":"{}","inputDetails":{"truncated":false}}
               4 +0 ms          LambdaFunctionStarted
               5 +0 ms          LambdaFunctionSucceeded    {"output":"1","outputDetails":{"truncated":false}}
               6 +0 ms          TaskStateExited            {"name":"Pay","output":"1","outputDetails":{"truncated":false}}
               7 +0 ms          SucceedStateEntered        {"input":"1","inputDetails":{"truncated":false},"name":"Done"}
               8 +0 ms          SucceedStateExited         {"name":"Done","output":"1","outputDetails":{"truncated":false}}
               9 +0 ms          ExecutionSucceeded         {"output":"1","outputDetails":{"truncated":false}}
            1
            succeeded after 0 ms in virtual time
            exit code 0
        "#]],
    );
    check(
        &world,
        &["machine", "run", "order.asl.json", "--task-error", "pay=Broke:no money"],
        &expect![[r#"
            AT     STATE  TYPE  TOOK  TRIES  INPUT  OUTPUT
            +0 ms  Pay    Task  -     1      {}     failed Broke
            error: Broke: no money (after 0 ms in virtual time)
            hint: --history shows the way that led there
            exit code 1
        "#]],
    );
    check(
        &world,
        &["machine", "run", "order.asl.json"],
        &expect![[r#"
        AT     STATE  TYPE  TOOK  TRIES  INPUT  OUTPUT
        +0 ms  Pay    Task  -     1      {}     -
        error: state `Pay` has no mock, and would call `pay`
        hint: --task 'Pay={}' answers it, or a mock file with --mock
        exit code 1
    "#]],
    );
    let document = world
        .run(&["machine", "run", "order.asl.json", "--json", "--history", "--task", "Pay=1"])
        .ends(0)
        .json();
    assert_eq!((&document["status"], &document["output"]), (&"SUCCEEDED".into(), &1.into()));
    assert_eq!(document["history"][0]["type"], "ExecutionStarted");
}

#[test]
fn run_takes_mocks_of_step_functions_local() {
    let world = world();
    world.write(
        "MockConfigFile.json",
        r#"{"StateMachines": {"order": {"TestCases": {"Busy": {"Pay": "PayBusy"}}}},
            "MockedResponses": {"PayBusy": {"0-1": {"Throw": {"Error": "Busy", "Cause": "later"}}, "2": {"Return": {"ok": true}}}}}"#,
    );
    let arguments = [
        "machine",
        "run",
        "order.asl.json",
        "--mock",
        "MockConfigFile.json",
        "--json",
        "--test-case",
        "Busy",
    ];
    let document = world.run(&arguments).ends(0).json();
    assert_eq!((&document["took_millis"], &document["states"][0]["tries"]), (&180_000.into(), &3.into()));
    world.run(&arguments[..5]).ends(2).says(&["--test-case: Busy"]);
}

#[test]
fn tests_hold_or_say_what_does_not() {
    let world = world();
    check(
        &world,
        &["machine", "test", "--coverage", "--min-coverage", "100"],
        &expect![[r#"
        order.test.yaml
          ok    pays  (2 states, 1 min 5 s)
          ok    fails  (1 state, 0 ms)

        coverage of order.asl.json: 2 of 2 states, 1 of 1 transition (100.0 %)
        2 cases in 1 file: 2 passed, 0 failed
        exit code 0
    "#]],
    );
    check(
        &world,
        &["machine", "test", "--filter", "fails", "--coverage", "--min-coverage", "90"],
        &expect![[r#"
            order.test.yaml
              ok    fails  (1 state, 0 ms)

            coverage of order.asl.json: 1 of 2 states, 0 of 1 transition (33.3 %)
              never entered  Done
              never taken    Pay > Done
            coverage of order.asl.json is 33.3 %, less than 90 %
            1 case in 1 file: 1 passed, 0 failed
            exit code 1
        "#]],
    );
    world.write(
        "order.test.yaml",
        &TESTS
            .replace("[Pay, Done]", "[Pay, ..., Undo]")
            .replace("{ok: true}\n      tasks", "{ok: 1}\n      tasks")
            .replace("{n: 1}, {n: 1}", "{n: 2}")
            .replace("65", "10")
            .replace("error: Broke,", "error: Busy,"),
    );
    check(
        &world,
        &["machine", "test"],
        &expect![[r#"
            order.test.yaml
              FAIL  pays  (2 states, 1 min 5 s)
                    --> order.test.yaml:2:11
                    path        expected Pay > ... > Undo
                                got      Pay > Done
                    output      /ok: expected 1, got true
                    tasks       Pay: expected 1 call, got 2
                                Pay/0: got {"n":1}
                                Pay/1: got {"n":1}
                    seconds_max expected at most 10 s, got 1 min 5 s
              ok    fails  (1 state, 7 min 0 s)
            2 cases in 1 file: 1 passed, 1 failed
            exit code 1
        "#]],
    );
    let document = world.run(&["machine", "test", "--json"]).ends(1).json();
    assert_eq!(document["cases"][0]["mismatches"][0]["field"], "path");
    assert_eq!(document["coverage"][0]["percent"], 100.0);
}

#[test]
fn junit_reads_back_with_every_failure() {
    let world = world();
    world.write("order.test.yaml", &TESTS.replace("cause: no money}\n", "cause: other}\n"));
    world.run(&["machine", "test", "--junit", "out/machines.xml"]).ends(1);
    let xml = fs::read_to_string(world.repo().join("out/machines.xml")).unwrap();
    let report = quick_junit::Report::deserialize_from_str(&xml).unwrap();
    assert_eq!((report.tests, report.failures, report.errors), (2, 1, 0));
    let suite = &report.test_suites[0];
    assert_eq!((suite.name.as_str(), suite.test_cases[1].name.as_str()), ("order.test.yaml", "fails"));
    let quick_junit::TestCaseStatus::NonSuccess { description, .. } = &suite.test_cases[1].status else {
        panic!("{xml}")
    };
    assert!(description.as_ref().unwrap().as_str().contains("expected `other`, got `no money`"), "{xml}");
}

#[test]
fn coverage_is_written_for_services() {
    let world = world();
    world.run(&["machine", "test", "--coverage=lcov", "--coverage-out", "out/machines.lcov"]).ends(0);
    expect![[r#"
        TN:
        SF:order.asl.json
        BRDA:2,0,0,1
        BRF:1
        BRH:1
        DA:2,2
        DA:3,1
        LF:2
        LH:2
        end_of_record
    "#]]
    .assert_eq(&fs::read_to_string(world.repo().join("out/machines.lcov")).unwrap());
    let coverage = world.run(&["machine", "test", "--coverage=json"]).ends(0).json();
    assert_eq!(
        (&coverage[0]["transitions_all"], &coverage[0]["transitions_covered"]),
        (&1.into(), &1.into())
    );
}

#[test]
fn test_files_are_found_in_folders_and_machines_beside_them() {
    let world = world();
    fs::create_dir_all(world.repo().join("deep/er")).unwrap();
    fs::create_dir_all(world.repo().join("target")).unwrap();
    world.write("deep/er/other.test.yaml", &format!("machine: ../../order.asl.json\n{TESTS}"));
    world.write("target/left-out.test.yaml", "nonsense");
    let ran = world.run(&["machine", "test"]).ends(0).says(&["4 cases in 2 files: 4 passed, 0 failed"]);
    assert!(ran.stdout.starts_with("deep/er/other.test.yaml\n"), "{}", ran.stdout);
    let schema = world.run(&["machine", "test", "--schema"]).ends(0).json();
    assert!(schema["properties"]["cases"].is_object());
}

#[test]
fn render_draws_in_four_ways() {
    let world = world();
    for format in ["text", "mermaid", "dot"] {
        let drawn = world.run(&["machine", "render", "order.asl.json", "--format", format]).ends(0).stdout;
        assert!(drawn.contains("Pay") && drawn.contains("Done"), "{drawn}");
    }
    world.run(&["machine", "render", "order.asl.json", "-o", "order.svg"]).ends(0).says(&["wrote order.svg"]);
    let svg = fs::read_to_string(world.repo().join("order.svg")).unwrap();
    assert!(
        svg.starts_with("<svg") && svg.contains("prefers-color-scheme") && !svg.contains("<script"),
        "{svg}"
    );
    let outline = world.run(&["machine", "render", "order.asl.json", "--json"]).ends(0).json();
    assert_eq!(outline["start_at"], "Pay");
}

#[test]
fn mermaid_and_dot_nest_branches() {
    let world = world();
    world.write(
        "fork.asl.json",
        r#"{"StartAt": "All", "States": {"All": {"Type": "Parallel", "End": true, "Branches": [
            {"StartAt": "A \"1\"", "States": {"A \"1\"": {"Type": "Succeed"}}},
            {"StartAt": "B", "States": {"B": {"Type": "Succeed"}}}]}}}"#,
    );
    check(
        &world,
        &["machine", "render", "fork.asl.json", "--format", "mermaid"],
        &expect![[r#"
        stateDiagram-v2
          state "All" as s0
          state s0 {
            state "A '1'" as s1
            [*] --> s1
            s1 --> [*]
            --
            state "B" as s2
            [*] --> s2
            s2 --> [*]
          }
          [*] --> s0
          s0 --> [*]
        exit code 0
    "#]],
    );
    check(
        &world,
        &["machine", "render", "fork.asl.json", "--format", "dot"],
        &expect![[r#"
        digraph machine {
          node [shape=box, style=rounded, fontname="sans-serif"];
          edge [fontname="sans-serif", fontsize=10];
          start [shape=point, label=""];
          start -> s0;
          s0 [label="All\nParallel", peripheries=2];
          s0 -> start_s0_0 [style=dotted];
          subgraph cluster_s0_0 {
            label="All";
            start_s0_0 [shape=point, label=""];
            start_s0_0 -> s1;
            s1 [label="A \"1\"\nSucceed", peripheries=2];
          }
          s0 -> start_s0_1 [style=dotted];
          subgraph cluster_s0_1 {
            label="All";
            start_s0_1 [shape=point, label=""];
            start_s0_1 -> s2;
            s2 [label="B\nSucceed", peripheries=2];
          }
        }
        exit code 0
    "#]],
    );
}

#[test]
fn diff_tells_same_from_different() {
    let world = world();
    world.write("new.asl.yaml", "StartAt: Pay\nTimeoutSeconds: 600\nStates:\n  Done: {Type: Succeed}\n  Pay:\n    Type: Task\n    Resource: pay\n    Next: Done\n    Retry: [{IntervalSeconds: 60, ErrorEquals: [Busy]}]\n");
    check(
        &world,
        &["machine", "diff", "order.asl.json", "new.asl.yaml"],
        &expect![[r#"
        the machines are the same
        exit code 0
    "#]],
    );
    world.write(
        "new.asl.json",
        &MACHINE.replace("600", "900").replace("60}", "90}").replace("\"Done\"", "\"Paid\""),
    );
    check(
        &world,
        &["machine", "diff", "order.asl.json", "new.asl.json"],
        &expect![[r#"
        changed  the machine
                   TimeoutSeconds: 600 -> 900
        renamed  Done -> Paid
        changed  Pay (Task)
                   Retry/0/IntervalSeconds: 60 -> 90
        1 state renamed, 1 state changed
        exit code 1
    "#]],
    );
    let document = world.run(&["machine", "diff", "order.asl.json", "new.asl.json", "--json"]).ends(1).json();
    assert_eq!((&document["same"], &document["renamed"][0]["new"]), (&false.into(), &"Paid".into()));
    world.run(&["machine", "diff", "order.asl.json", "new.asl.json", "-o", "out/change.svg"]).ends(1);
    let drawn = fs::read_to_string(world.repo().join("out/change.svg")).unwrap();
    for part in
        ["order.asl.json compared with new.asl.json", "Pay: changed", "Done: changed", "Paid: changed"]
    {
        assert!(drawn.contains(part), "{part} is not in {drawn}");
    }
}

#[test]
fn a_dash_reads_stdin() {
    let world = world();
    let verbs: [&[&str]; 4] = [
        &["machine", "lint", "-"],
        &["machine", "run", "-", "--task", "Pay=1"],
        &["machine", "render", "-"],
        &["machine", "diff", "-", "order.asl.json"],
    ];
    for arguments in verbs {
        let mut child = world
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(MACHINE.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "{arguments:?}");
    }
}

#[test]
fn bad_input_is_named_with_its_place() {
    let world = world();
    world.write("broken.asl.json", "{\n  \"StartAt\": }");
    world.write("refused.asl.json", &MACHINE.replace("\"Succeed\"", "\"Suceed\""));
    world.write("list.asl.json", "[]");
    fs::write(world.repo().join("bytes.asl.json"), [0xff, 0xfe]).unwrap();
    let case = |change: &str| format!("cases:\n  - name: a\n    {change}\n");
    for (name, text) in [
        ("unknown", case("expects: {}")),
        ("misspelt", case("expect: {ouput: 1}")),
        ("stranger", case("mocks: {Pya: {return: 1}}")),
        ("time", case("now: yesterday")),
        ("status", case("expect: {status: DONE}")),
        ("twice", format!("{}  - name: a\n", case("input: {}"))),
        ("alone", "cases: []\n".to_owned()),
        ("nocase", "machine: order.asl.json\ncases: []\n".to_owned()),
        ("testcase", case("test_case: x")),
    ] {
        let text = if text.contains("machine:") || name == "alone" {
            text
        } else {
            format!("machine: order.asl.json\n{text}")
        };
        world.write(&format!("{name}.test.yaml"), &text);
    }
    let commands = [
        "lint nothing.asl.json",
        "lint bytes.asl.json",
        "lint order.asl.json --deny nothing",
        "lint",
        "run broken.asl.json",
        "run refused.asl.json",
        "run order.asl.json --input {",
        "run order.asl.json --input @nothing.json",
        "run order.asl.json --now tomorrow",
        "run order.asl.json --context 7",
        "run order.asl.json --task Pay",
        "run order.asl.json --task Pay={",
        "run order.asl.json --task Pya={}",
        "run order.asl.json --test-case x",
        "test nothing.test.yaml",
        "test unknown.test.yaml",
        "test misspelt.test.yaml",
        "test stranger.test.yaml",
        "test time.test.yaml",
        "test status.test.yaml",
        "test twice.test.yaml",
        "test alone.test.yaml",
        "test nocase.test.yaml",
        "test testcase.test.yaml",
        "test order.test.yaml --filter nothing",
        "test order.test.yaml --min-coverage 101",
        "test .git",
        "render list.asl.json",
        "diff list.asl.json order.asl.json",
        "diff - -",
    ];
    let mut text = String::new();
    for command in commands {
        let mut arguments = vec!["machine"];
        arguments.extend(command.split(' '));
        let ran = world.run(&arguments);
        // Usage of the command line itself is clap's; its first line says what is wrong.
        let said: Vec<&str> = ran
            .stderr
            .lines()
            .filter(|line| line.starts_with("error: ") || line.starts_with("hint: "))
            .collect();
        text.push_str(&format!("$ {command}\n{}\nexit code {}\n\n", said.join("\n"), ran.code));
        assert_eq!(ran.code, 2, "{command}: {}", ran.stderr);
    }
    expect![[r#"
        $ lint nothing.asl.json
        error: cannot read `nothing.asl.json`: No such file or directory (os error 2)
        exit code 2

        $ lint bytes.asl.json
        error: `bytes.asl.json` is not UTF-8
        exit code 2

        $ lint order.asl.json --deny nothing
        error: there is no rule `nothing`
        hint: `shipway machine lint --rules` lists them
        exit code 2

        $ lint
        error: the following required arguments were not provided:
        exit code 2

        $ run broken.asl.json
        error: broken.asl.json:2:14: it is not JSON: expected value
        exit code 2

        $ run refused.asl.json
        error: refused.asl.json:3:22: `refused.asl.json` is not a valid machine: The field 'Type' should have one of these values: [Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map]
        hint: `shipway machine lint refused.asl.json` says all that is wrong
        exit code 2

        $ run order.asl.json --input {
        error: `--input` is not JSON: EOF while parsing an object at line 1 column 1
        hint: write --input '{"key": 1}', or --input @file.json
        exit code 2

        $ run order.asl.json --input @nothing.json
        error: cannot read `nothing.json`: No such file or directory (os error 2)
        exit code 2

        $ run order.asl.json --now tomorrow
        error: `--now tomorrow` is not a time
        hint: write 2026-01-01T00:00:00Z
        exit code 2

        $ run order.asl.json --context 7
        error: `--context` is not a context object: invalid type: integer `7`, expected an object with Execution and StateMachine
        hint: write {"Execution": {"Name": "run-1"}, "StateMachine": {"Name": "order"}}
        exit code 2

        $ run order.asl.json --task Pay
        error: `--task Pay` is not `STATE=JSON`
        exit code 2

        $ run order.asl.json --task Pay={
        error: `--task Pay={` has no JSON after `=`: EOF while parsing an object at line 1 column 1
        exit code 2

        $ run order.asl.json --task Pya={}
        error: order.asl.json: `Pya` is neither a Task state nor a Resource of the machine
        hint: its Task states are Pay
        exit code 2

        $ run order.asl.json --test-case x
        error: the following required arguments were not provided:
        exit code 2

        $ test nothing.test.yaml
        error: cannot read `nothing.test.yaml`: No such file or directory (os error 2)
        exit code 2

        $ test unknown.test.yaml
        error: unknown.test.yaml:4:5: unknown field `expects`, expected one of name, input, now, seed, context, mocks, buckets, test_case, expect
        hint: did you mean `expect`?
        exit code 2

        $ test misspelt.test.yaml
        error: misspelt.test.yaml:4:14: unknown field `ouput`, expected one of status, path, output, output_has, variables, error, cause, tasks, tasks_have, written, seconds_max
        hint: did you mean `output`?
        exit code 2

        $ test stranger.test.yaml
        error: stranger.test.yaml:3:11: `Pya` is neither a Task state nor a Resource of the machine
        hint: its Task states are Pay
        exit code 2

        $ test time.test.yaml
        error: `time.test.yaml:3:11: now: yesterday` is not a time
        hint: write 2026-01-01T00:00:00Z
        exit code 2

        $ test status.test.yaml
        error: status.test.yaml:4:22: unknown variant `DONE`, expected one of RUNNING, SUCCEEDED, FAILED, TIMED_OUT
        exit code 2

        $ test twice.test.yaml
        error: twice.test.yaml:5:11: a second case is named `a`
        exit code 2

        $ test alone.test.yaml
        error: `alone.test.yaml` has no machine beside it: `alone.asl.json` is not there
        hint: name it with `machine:`
        exit code 2

        $ test nocase.test.yaml
        error: the test files have no cases
        hint: a case is an item of `cases:`
        exit code 2

        $ test testcase.test.yaml
        error: `testcase.test.yaml`: case `a` has `test_case` without a `mock_file`
        hint: add `mock_file:` to the file
        exit code 2

        $ test order.test.yaml --filter nothing
        error: no case's name has `nothing` in it
        exit code 2

        $ test order.test.yaml --min-coverage 101
        error: `--min-coverage 101` is not between 0 and 100
        exit code 2

        $ test .git
        error: `.git` has no test files
        hint: test files end in .test.yaml; `shipway machine test --help` says more
        exit code 2

        $ render list.asl.json
        error: list.asl.json:1:1: `list.asl.json` is not a valid machine: Definition must be a valid JSON object
        hint: `shipway machine lint list.asl.json` says all that is wrong
        exit code 2

        $ diff list.asl.json order.asl.json
        error: list.asl.json:1:1: there are no `States`
        hint: `shipway machine lint list.asl.json` says all that is wrong
        exit code 2

        $ diff - -
        error: only one of the two can be stdin
        exit code 2

    "#]].assert_eq(&text);
}

#[test]
fn errors_are_json_for_programs() {
    let world = world();
    let ran = world.run(&["machine", "run", "nothing.asl.json", "--json"]).ends(2);
    let error: Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!(error["code"], "usage");
}

const EACH: &str = r#"{"StartAt": "Each", "States": {"Each": {"Type": "Map", "End": true, "Label": "each",
    "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "CSV",
        "CSVHeaderLocation": "FIRST_ROW"}, "Parameters": {"Bucket": "orders", "Key": "today.csv"}},
    "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "orders", "Prefix": "out"}},
    "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "Pay",
        "States": {"Pay": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:1:function:pay", "End": true}}}}}}"#;

#[test]
fn a_distributed_map_reads_and_writes_buckets_of_the_run() {
    let world = World::new();
    world.write("each.asl.json", EACH);
    fs::create_dir(world.repo().join("orders")).unwrap();
    world.write("orders/today.csv", "id\na\nb\n");
    let run = ["machine", "run", "each.asl.json", "--task", "Pay=1", "--bucket", "orders=orders"];
    let ran = world.run(&run).ends(0);
    assert!(ran.stdout.contains("    Pay [1]") || ran.stdout.contains("  Pay [1]"), "{}", ran.stdout);
    ran.says(&["wrote s3://orders/out/", "manifest.json"]);
    assert!(!world.repo().join("orders/out").exists(), "what is written stays in memory");
    world.run(&run[..5]).ends(1).says(&["States.ItemReaderFailed: The specified bucket does not exist"]);
    let test = "mocks: {Pay: {return: 1}}\nbuckets: {orders: {today.csv: \"id\\na\\n\"}}\ncases:\n  - name: paid\n    \
                expect:\n      path: [Each, Pay]\n      written: {orders: {SUCCEEDED_0.json: [{Status: SUCCEEDED}]}}\n";
    world.write("each.test.yaml", test);
    world.run(&["machine", "test"]).ends(0);
    world.write("each.test.yaml", &test.replace("SUCCEEDED_0", "FAILED_0"));
    let failed = world.run(&["machine", "test"]).ends(1);
    assert!(failed.stdout.contains("an object that ends with `FAILED_0.json`"), "{}", failed.stdout);
}
