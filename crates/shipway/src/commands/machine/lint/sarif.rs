//! Findings as SARIF 2.1.0, as code scanning services read it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use shipway_asl::CODES;

use super::{
    Checked,
    finding::Finding,
    rules::{RULES, Rule},
};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
/// The guide's page about the rules.
const HELP: &str = "docs/machine-rules.md";

/// The whole log: one run, with the rules that the tool knows and the results.
pub fn log(checked: &[Checked]) -> Value {
    let (rules, places) = catalogue(checked);
    let results =
        checked.iter().flat_map(|one| one.findings.iter().map(|finding| result(one, finding, &places)));
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "shipway machine lint",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results.collect::<Vec<_>>(),
        }],
    })
}

/// The rules, then AWS's codes that occur, and the place of each.
fn catalogue(checked: &[Checked]) -> (Vec<Value>, BTreeMap<String, usize>) {
    let mut rules: Vec<Value> = RULES.iter().map(|rule| own(rule)).collect();
    let mut places: BTreeMap<String, usize> =
        RULES.iter().enumerate().map(|(place, rule)| (rule.id.to_owned(), place)).collect();
    for finding in checked.iter().flat_map(|one| &one.findings) {
        if !places.contains_key(&finding.code) {
            places.insert(finding.code.clone(), rules.len());
            rules.push(aws(finding));
        }
    }
    (rules, places)
}

fn own(rule: &Rule) -> Value {
    json!({
        "id": rule.id,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.why},
        "help": {"text": format!("{} {} See {HELP}.", rule.why, rule.hint)},
        "defaultConfiguration": {"level": rule.level.word()},
        "properties": {"tags": ["state-machine"], "problem.severity": severity(rule.level.word())},
    })
}

fn aws(finding: &Finding) -> Value {
    let known = CODES.iter().find(|code| code.name == finding.code);
    let text = known.map_or("A diagnostic of AWS Step Functions.", |code| code.summary);
    json!({
        "id": finding.code,
        "shortDescription": {"text": text},
        "fullDescription": {"text": text},
        "help": {"text": "The definition is checked as ValidateStateMachineDefinition does."},
        "defaultConfiguration": {"level": finding.level.word()},
        "properties": {"tags": ["state-machine", "aws"], "problem.severity": severity(finding.level.word())},
    })
}

fn severity(level: &str) -> &str {
    if level == "note" { "recommendation" } else { level }
}

fn result(checked: &Checked, finding: &Finding, places: &BTreeMap<String, usize>) -> Value {
    let [line, column, end_line, end_column] = finding.region();
    let hint = finding.hint.as_ref().map_or(String::new(), |hint| format!(" Hint: {hint}"));
    json!({
        "ruleId": finding.code,
        "ruleIndex": places.get(&finding.code),
        "level": finding.level.word(),
        "message": {"text": format!("{}{hint}", finding.message)},
        "locations": [{
            "physicalLocation": {
                "artifactLocation": {"uri": uri(&checked.name)},
                "region": {
                    "startLine": line,
                    "startColumn": column,
                    "endLine": end_line,
                    "endColumn": end_column,
                },
            },
            "logicalLocations": [{"fullyQualifiedName": finding.pointer}],
        }],
        // WHY: services follow a finding over commits by this, not by its line.
        "partialFingerprints": {"shipwayLocation/v1": format!("{}:{}", finding.code, finding.pointer)},
    })
}

/// A relative path as a URI reference.
fn uri(name: &str) -> String {
    let name = name.strip_prefix("./").unwrap_or(name);
    let mut uri = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                uri.push(char::from(byte))
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}
