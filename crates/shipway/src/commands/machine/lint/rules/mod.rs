//! The registry of lint rules: a new rule is one constant and one line here. Documentation, `--rules`, SARIF and
//! tests walk the slice.

mod data;
mod errors;
mod flow;
mod time;

use serde_json::Value;

use super::finding::{Finding, Level};
use crate::commands::machine::view::View;

/// Something that AWS accepts and that is likely to go wrong.
pub struct Rule {
    /// The name by which it is allowed and denied.
    pub id: &'static str,
    /// Error is for what the user denies.
    pub level: Level,
    /// What it finds, in a few words.
    pub summary: &'static str,
    /// Why that matters.
    pub why: &'static str,
    /// What to do about it.
    pub hint: &'static str,
    /// A definition in which it finds something, for the documentation and the tests.
    pub example: &'static str,
    /// Looks for it.
    pub check: fn(&View<'_>, &mut Report),
}

/// What a rule found: pointers and messages.
#[derive(Default)]
pub struct Report(Vec<(String, String)>);

impl Report {
    /// One more finding.
    pub fn add(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.0.push((pointer.into(), message.into()));
    }
}

/// All rules, in the order of the documentation.
pub const RULES: &[&Rule] = &[
    &time::CALLBACK_TIMEOUT,
    &time::TASK_TIMEOUT,
    &time::TIMEOUT_NOT_RETRIED,
    &time::RETRY_TOO_LONG,
    &errors::UNHANDLED_ERRORS,
    &errors::LAMBDA_RETRY,
    &errors::SHADOWED_ERROR,
    &errors::UNCATCHABLE_ERROR,
    &errors::UNKNOWN_ERROR,
    &errors::CATCH_LOSES_INPUT,
    &errors::FAIL_ERROR,
    &flow::CHOICE_DEFAULT,
    &flow::DUPLICATE_RULE,
    &flow::NEEDLESS_PASS,
    &flow::CALLBACK_TOKEN,
    &flow::MAP_CONCURRENCY,
    &flow::DEPRECATED_FIELD,
    &data::MISSING_DOLLAR,
    &data::RESULT_OVERWRITTEN,
    &data::UNUSED_VARIABLE,
    &data::HARD_CODED_ACCOUNT,
    &data::HARD_CODED_REGION,
];

/// What all rules find in a definition that AWS accepts.
pub fn check(definition: &Value) -> Vec<Finding> {
    let view = View::new(definition);
    RULES.iter().flat_map(|rule| run(rule, &view)).collect()
}

fn run(rule: &Rule, view: &View<'_>) -> Vec<Finding> {
    let mut report = Report::default();
    (rule.check)(view, &mut report);
    let finding = |(pointer, message)| Finding {
        code: rule.id.to_owned(),
        level: rule.level,
        message,
        hint: Some(rule.hint.to_owned()),
        pointer,
        span: None,
    };
    report.0.into_iter().map(finding).collect()
}
