//! What a suite found: rates by group, and every case that failed with its reason.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

/// The outcomes of a suite's cases, by group.
#[derive(Default)]
pub struct Report {
    groups: BTreeMap<String, Tally>,
    failures: Vec<Failure>,
}

/// How many cases passed.
#[derive(Clone, Copy, Default)]
pub struct Tally {
    pub passed: usize,
    pub total: usize,
}

struct Failure {
    group: String,
    case: String,
    why: String,
}

/// Longest reason that is shown, in characters.
const WHY_CHARS_MAX: usize = 400;

impl Report {
    /// Adds the outcome of one case.
    pub fn add(&mut self, group: &str, case: &str, outcome: Result<(), String>) {
        let tally = self.groups.entry(group.to_owned()).or_default();
        tally.total += 1;
        match outcome {
            Ok(()) => tally.passed += 1,
            Err(why) => self.failures.push(Failure {
                group: group.to_owned(),
                case: case.to_owned(),
                why: why.chars().take(WHY_CHARS_MAX).collect(),
            }),
        }
    }

    /// All groups together.
    pub fn total(&self) -> Tally {
        self.groups.values().fold(Tally::default(), |sum, tally| Tally {
            passed: sum.passed + tally.passed,
            total: sum.total + tally.total,
        })
    }

    /// A table in Markdown, then the cases that failed.
    pub fn to_text(&self, name: &str) -> String {
        let total = self.total();
        let mut text = format!("# {name}\n\n| group | pass | of | % |\n|---|--:|--:|--:|\n");
        let rows = self.groups.iter().map(|(group, tally)| (group.as_str(), tally));
        for (group, tally) in rows.chain([("**total**", &total)]) {
            // WHY: writing to a String cannot fail.
            let _ = writeln!(text, "| {group} | {} | {} | {:.2} |", tally.passed, tally.total, tally.rate());
        }
        if !self.failures.is_empty() {
            text += "\n## Failed\n\n";
        }
        for failure in &self.failures {
            let _ = writeln!(text, "- {}/{}: {}", failure.group, failure.case, failure.why);
        }
        text
    }

    /// The same for programs.
    pub fn to_json(&self, name: &str) -> Value {
        let tally =
            |tally: &Tally| json!({"passed": tally.passed, "total": tally.total, "rate": tally.rate()});
        let groups: BTreeMap<&String, Value> =
            self.groups.iter().map(|(group, counted)| (group, tally(counted))).collect();
        let failures = self.failures.iter();
        let failures: Vec<Value> = failures
            .map(|failure| json!({"group": failure.group, "case": failure.case, "why": failure.why}))
            .collect();
        json!({"suite": name, "total": tally(&self.total()), "groups": groups, "failures": failures})
    }
}

impl Tally {
    /// In per cent; nothing at all is no success.
    #[expect(clippy::cast_precision_loss, reason = "counts of cases are small")]
    pub fn rate(&self) -> f64 {
        if self.total == 0 { 0.0 } else { self.passed as f64 * 100.0 / self.total as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_counts_and_names_what_failed() {
        let mut report = Report::default();
        report.add("a", "1", Ok(()));
        report.add("a", "2", Err("wrong".to_owned()));
        report.add("b", "1", Ok(()));
        let text = report.to_text("suite");
        assert!(
            text.contains("| a | 1 | 2 | 50.00 |\n| b | 1 | 1 | 100.00 |\n| **total** | 2 | 3 | 66.67 |")
        );
        assert!(text.ends_with("- a/2: wrong\n"));
        let json = report.to_json("suite");
        assert_eq!(json["groups"]["a"]["passed"], 1);
        assert_eq!(json["failures"][0]["why"], "wrong");
    }
}
