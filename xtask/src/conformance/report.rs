//! What a suite found: rates by group, and every case that failed with its reason.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

/// The outcomes of a suite's cases, by group.
#[derive(Default)]
pub struct Report {
    judged: Section,
    /// What other tools think: reported, and counted in no rate.
    opinions: Section,
    aside: Vec<Aside>,
}

#[derive(Default)]
struct Section {
    groups: BTreeMap<String, Tally>,
    failures: Vec<Failure>,
}

/// A case that is not judged.
struct Aside {
    group: String,
    case: String,
    why: String,
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
        self.judged.add(group, case, outcome);
    }

    /// Adds whether we agree with somebody whose word is no law.
    pub fn add_opinion(&mut self, group: &str, case: &str, outcome: Result<(), String>) {
        self.opinions.add(group, case, outcome);
    }

    /// Names a case that is not judged, and why.
    pub fn set_aside(&mut self, group: &str, case: &str, why: &str) {
        self.aside.push(Aside { group: group.to_owned(), case: case.to_owned(), why: why.to_owned() });
    }

    /// All groups together.
    pub fn total(&self) -> Tally {
        self.judged.total()
    }

    /// A table in Markdown, then the cases that failed, the opinions of others, and what was not judged.
    pub fn to_text(&self, name: &str) -> String {
        format!("# {name}\n\n{}{}", self.found(), self.aside(true))
    }

    /// The part of a page about the suite: as the text, but cases that are not judged are only counted.
    pub fn to_page(&self, name: &str, about: &str) -> String {
        let found = self.found().replace("\n## ", "\n### ");
        let aside = self.aside(false).replace("\n## ", "\n### ");
        format!("## {name}\n\n{about}\n\n{found}{aside}")
    }

    fn found(&self) -> String {
        let mut text = self.judged.table();
        text += &self.judged.list("Failed");
        if !self.opinions.groups.is_empty() {
            text += &format!("\n## Opinions of others\n\n{}", self.opinions.table());
            text += &self.opinions.list("Opinions that we do not share");
        }
        text
    }

    fn aside(&self, is_named: bool) -> String {
        let mut text = String::new();
        let mut groups: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
        for aside in &self.aside {
            groups.entry((&aside.group, &aside.why)).or_default().push(&aside.case);
        }
        if !groups.is_empty() {
            text += "\n## Not judged here\n\n";
        }
        for ((group, why), cases) in groups {
            // WHY: writing to a String cannot fail.
            let _ = writeln!(text, "- {group}, {} cases: {why}", cases.len());
            for case in cases.into_iter().filter(|_| is_named) {
                let _ = writeln!(text, "  - {case}");
            }
        }
        text
    }

    /// The same for programs.
    pub fn to_json(&self, name: &str) -> Value {
        let aside = self.aside.iter();
        let aside: Vec<Value> =
            aside.map(|aside| json!({"group": aside.group, "case": aside.case, "why": aside.why})).collect();
        json!({
            "suite": name,
            "total": self.total().to_json(),
            "groups": self.judged.groups(),
            "failures": self.judged.failures(),
            "opinions": {"groups": self.opinions.groups(), "failures": self.opinions.failures()},
            "not_judged": aside,
        })
    }
}

impl Section {
    fn add(&mut self, group: &str, case: &str, outcome: Result<(), String>) {
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

    fn total(&self) -> Tally {
        self.groups.values().fold(Tally::default(), |sum, tally| Tally {
            passed: sum.passed + tally.passed,
            total: sum.total + tally.total,
        })
    }

    fn table(&self) -> String {
        let total = self.total();
        let mut text = String::from("| group | pass | of | % |\n|---|--:|--:|--:|\n");
        let rows = self.groups.iter().map(|(group, tally)| (group.as_str(), tally));
        for (group, tally) in rows.chain([("**total**", &total)]) {
            let _ = writeln!(text, "| {group} | {} | {} | {:.2} |", tally.passed, tally.total, tally.rate());
        }
        text
    }

    fn list(&self, title: &str) -> String {
        let mut text = String::new();
        if !self.failures.is_empty() {
            text += &format!("\n## {title}\n\n");
        }
        for failure in &self.failures {
            let _ = writeln!(text, "- {}/{}: {}", failure.group, failure.case, failure.why);
        }
        text
    }

    fn groups(&self) -> BTreeMap<&String, Value> {
        self.groups.iter().map(|(group, tally)| (group, tally.to_json())).collect()
    }

    fn failures(&self) -> Vec<Value> {
        let failures = self.failures.iter();
        failures
            .map(|failure| json!({"group": failure.group, "case": failure.case, "why": failure.why}))
            .collect()
    }
}

impl Tally {
    fn to_json(self) -> Value {
        json!({"passed": self.passed, "total": self.total, "rate": self.rate()})
    }

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
