//! Rules against their examples, and the forms in which findings are written.

use std::collections::BTreeSet;
use std::fmt::Write;

use expect_test::{Expect, expect, expect_file};
use serde_json::Value;

use super::*;
use crate::output::{Output, Wishes};

fn source(text: &str) -> Checked {
    let path = std::env::temp_dir().join(format!("shipway-lint-{:x}.asl.json", hash(text)));
    std::fs::write(&path, text).unwrap();
    let mut checked = check(Source::read(&path).unwrap());
    std::fs::remove_file(&path).unwrap();
    checked.name = "order.asl.json".to_owned();
    checked
}

fn hash(text: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    (text, std::process::id(), std::thread::current().id()).hash(&mut hasher);
    hasher.finish()
}

fn codes(text: &str) -> Vec<String> {
    source(text).findings.into_iter().map(|finding| finding.code).collect()
}

#[test]
fn each_rule_finds_its_example_and_no_other_error_is_in_it() {
    for rule in RULES {
        let found = source(rule.example).findings;
        assert!(found.iter().any(|finding| finding.code == rule.id), "{}: {found:#?}", rule.id);
        assert!(found.iter().all(|finding| finding.level != Level::Error), "{}: {found:#?}", rule.id);
    }
}

#[test]
fn rules_have_names_of_their_own_and_say_why() {
    let ids: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(ids.len(), RULES.len());
    for rule in RULES {
        assert!(rule.id.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", rule.id);
        assert!(
            rule.why.ends_with('.') && !rule.hint.ends_with('.') && !rule.summary.ends_with('.'),
            "{}",
            rule.id
        );
    }
}

#[test]
fn the_page_of_the_rules_is_true() {
    let mut page = "# Rules of `shipway machine lint`\n\nThis page is made from the rules themselves; `UPDATE_EXPECT=1` with its test writes it anew.\nErrors are what AWS refuses; the rules below find what AWS accepts and what is likely to go wrong. [machine.md](machine.md) says how to use them.\n\n| rule | level | finds |\n|---|---|---|\n".to_owned();
    for rule in RULES {
        let _ = writeln!(page, "| [{0}](#{0}) | {1} | {2} |", rule.id, rule.level.word(), rule.summary);
    }
    page.push_str("\n## AWS's codes\n\nWhat AWS refuses, or warns of, has AWS's own code. Warnings can be allowed and denied like rules.\n\n| code | level | means |\n|---|---|---|\n");
    for code in CODES {
        let _ = writeln!(page, "| {} | {} | {} |", code.name, Level::of(code.severity).word(), code.summary);
    }
    for rule in RULES {
        let example: Value = serde_json::from_str(rule.example).unwrap();
        let example = serde_json::to_string_pretty(&example).unwrap();
        let (id, level, hint) = (rule.id, rule.level.word(), rule.hint);
        let _ = write!(
            page,
            "\n## {id}\n\n{}. Level: {level}.\n\n{}\n\nWhat to do: {hint}.\n\nFinds this:\n\n```json\n{example}\n```\n",
            rule.summary, rule.why
        );
    }
    expect_file!["../../../../../../docs/machine-rules.md"].assert_eq(&page);
}

#[test]
fn a_sound_machine_has_no_findings() {
    let sound = r#"{"StartAt": "Pay", "TimeoutSeconds": 60, "States": {
        "Pay": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "${Pay}", "Payload.$": "$"},
            "Retry": [{"ErrorEquals": ["States.TaskFailed"], "MaxDelaySeconds": 60}], "Next": "Paid"},
        "Paid": {"Type": "Choice", "Choices": [{"Variable": "$.ok", "BooleanEquals": true, "Next": "Yes"}], "Default": "No"},
        "Yes": {"Type": "Succeed"}, "No": {"Type": "Fail", "Error": "NotPaid"}}}"#;
    assert_eq!(codes(sound), Vec::<String>::new());
}

#[test]
fn what_covers_a_task_counts() {
    let inner = r#"{"StartAt": "Send", "States": {"Send": {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Parameters": {"TopicArn": "${Topic}", "Message": "hello"}, "End": true}}}"#;
    let fork = format!(
        r#"{{"StartAt": "All", "TimeoutSeconds": 9, "States": {{"All": {{"Type": "Parallel", "Retry": [{{"ErrorEquals": ["States.ALL"]}}], "Branches": [{inner}], "End": true}}}}}}"#
    );
    assert_eq!(codes(&fork), Vec::<String>::new());
}

#[test]
fn yaml_is_checked_too() {
    let path = std::env::temp_dir().join(format!("shipway-lint-{}.asl.yaml", std::process::id()));
    std::fs::write(&path, "StartAt: No\nStates:\n  No:\n    Type: Fail\n").unwrap();
    let mut checked = check(Source::read(&path).unwrap());
    std::fs::remove_file(&path).unwrap();
    checked.name = "m.asl.yaml".to_owned();
    assert_eq!(
        text::short(&checked, plain()),
        "m.asl.yaml:3:3: note fail-error: `No` fails without a name\n"
    );
}

fn plain() -> crate::output::Paint {
    Output::new(Wishes { is_plain: true, ..Wishes::default() }).data()
}

const FAULTY: &str = r#"{
  "StartAt": "Which",
  "States": {
    "Which": {
      "Type": "Choice",
      "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "Nowhere"}]
    },
    "Done": {"Type": "Succeed", "Next": "Which"}
  }
}"#;

fn check_long(text: &str, expected: &Expect) {
    expected.assert_eq(&text::long(&source(text), plain()));
}

#[test]
fn findings_stand_with_their_lines() {
    check_long(
        FAULTY,
        &expect![[r#"
            error[MISSING_TRANSITION_TARGET]: Missing 'Next' target: Nowhere
             --> order.asl.json:6:67
              |
            6 |       "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "Nowhere"}]
              |                                                                   ^^^^^^^^^

            error[SCHEMA_VALIDATION_FAILED]: Field 'Next' is not supported
             --> order.asl.json:8:5
              |
            8 |     "Done": {"Type": "Succeed", "Next": "Which"}
              |     ^^^^^^

        "#]],
    );
    check_long(
        &FAULTY.replace("Nowhere", "Done").replace(", \"Next\": \"Which\"", ""),
        &expect![[r#"
        warning[choice-default]: `Which` fails where no rule holds
         --> order.asl.json:4:5
          |
        4 |     "Which": {
          |     ^^^^^^^
          = hint: add Default, and let it lead to a Fail state with a name if nothing else may happen

    "#]],
    );
    check_long(
        "{\"StartAt\": }",
        &expect![[r#"
        error[INVALID_JSON_DESCRIPTION]: it is not JSON: expected value
         --> order.asl.json:1:13
          |
        1 | {"StartAt": }
          |             ^

    "#]],
    );
}

#[test]
fn a_line_as_long_as_its_file_is_cut() {
    let text = format!(
        r#"{{"Comment": "{}", "StartAt": "No", "States": {{"No": {{"Type": "Fail"}}}}}}"#,
        "x".repeat(500)
    );
    let long = text::long(&source(&text), plain());
    let lines: Vec<&str> = long.lines().collect();
    let at = lines[4].find('^').unwrap();
    assert_eq!(&lines[3][at..at + 4], "\"No\"");
    assert!(lines[3].chars().count() < 180, "{long}");
}

#[test]
fn sarif_has_what_code_scanning_needs() {
    let log = sarif::log(&[source(&FAULTY.replace("Nowhere", "Done").replace(", \"Next\": \"Which\"", ""))]);
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for rule in rules {
        for field in
            ["/shortDescription/text", "/fullDescription/text", "/help/text", "/defaultConfiguration/level"]
        {
            assert!(rule.pointer(field).is_some_and(Value::is_string), "{rule} has no {field}");
        }
    }
    for result in run["results"].as_array().unwrap() {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(matches!(result["level"].as_str(), Some("error" | "warning" | "note")));
        assert!(result["message"]["text"].is_string());
        let region = &result["locations"][0]["physicalLocation"]["region"];
        let number = |field: &str| region[field].as_u64().unwrap();
        assert!(number("startLine") >= 1 && number("startColumn") >= 1);
        assert!((number("endLine"), number("endColumn")) > (number("startLine"), number("startColumn")));
    }
    expect![[r#"
        {
          "ruleId": "choice-default",
          "ruleIndex": 11,
          "level": "warning",
          "message": {
            "text": "`Which` fails where no rule holds Hint: add Default, and let it lead to a Fail state with a name if nothing else may happen"
          },
          "locations": [
            {
              "physicalLocation": {
                "artifactLocation": {
                  "uri": "order.asl.json"
                },
                "region": {
                  "startLine": 4,
                  "startColumn": 5,
                  "endLine": 4,
                  "endColumn": 12
                }
              },
              "logicalLocations": [
                {
                  "fullyQualifiedName": "/States/Which"
                }
              ]
            }
          ],
          "partialFingerprints": {
            "shipwayLocation/v1": "choice-default:/States/Which"
          }
        }"#]].assert_eq(&serde_json::to_string_pretty(&run["results"][0]).unwrap());
}

#[test]
fn names_of_files_are_uris() {
    let mut checked = source(r#"{"StartAt": "No", "States": {"No": {"Type": "Fail"}}}"#);
    checked.name = "./my machines/ä.json".to_owned();
    let uri = &sarif::log(&[checked])["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
        ["uri"];
    assert_eq!(uri, "my%20machines/%C3%A4.json");
}
