//! Findings for people: with the line they are about, or one line each.

use std::fmt::Write;

use super::{
    Checked,
    finding::{Finding, Level},
};
use crate::{
    output::{BOLD, GREEN, GREY, Paint, RED, YELLOW},
    words::clean,
};

/// Characters of a source line that are shown.
const LINE_CHARS_MAX: usize = 160;

/// One line each: `file:line:column: level code: message`.
pub fn short(checked: &Checked, paint: Paint) -> String {
    let mut text = String::new();
    for finding in &checked.findings {
        let [line, column, ..] = finding.region();
        let level = level(finding, paint);
        let _ = writeln!(
            text,
            "{}:{line}:{column}: {level} {}: {}",
            checked.name,
            finding.code,
            one_line(&finding.message)
        );
    }
    text
}

/// Each with its line, as compilers do.
pub fn long(checked: &Checked, paint: Paint) -> String {
    checked.findings.iter().map(|finding| block(checked, finding, paint)).collect()
}

fn block(checked: &Checked, finding: &Finding, paint: Paint) -> String {
    let [line, column, ..] = finding.region();
    let margin = " ".repeat(line.to_string().len());
    let bar = paint.paint(GREY, "|");
    let mut text = String::new();
    let message = paint.paint(BOLD, &one_line(&finding.message));
    let _ = writeln!(text, "{}[{}]: {message}", level(finding, paint), finding.code);
    let _ = writeln!(text, "{margin}{} {}:{line}:{column}", paint.paint(GREY, "-->"), checked.name);
    if let Some((shown, mark)) = excerpt(checked, finding) {
        let _ = writeln!(text, "{margin} {bar}");
        let _ = writeln!(text, "{} {bar} {shown}", paint.paint(GREY, &line.to_string()));
        let _ = writeln!(text, "{margin} {bar} {}", paint.paint(style(finding.level), &mark));
    }
    if let Some(hint) = &finding.hint {
        let _ = writeln!(text, "{margin} {} {hint}", paint.paint(GREEN, "= hint:"));
    }
    text.push('\n');
    text
}

/// The line and the marks under it.
fn excerpt(checked: &Checked, finding: &Finding) -> Option<(String, String)> {
    let [number, column, end_line, end_column] = finding.region();
    finding.span?;
    let line = checked.text.lines().nth(number.checked_sub(1)?)?;
    // WHY: a line of a minified file is as long as the file; what is marked must be seen.
    let skipped = column.saturating_sub(LINE_CHARS_MAX / 2 + 1);
    let skipped = if line.chars().count() > LINE_CHARS_MAX { skipped } else { 0 };
    let shown: String = line.chars().skip(skipped).collect();
    let shown = clean(&shown, LINE_CHARS_MAX);
    let before = column.saturating_sub(1).saturating_sub(skipped);
    let width = if end_line == number { end_column.saturating_sub(column) } else { 1 };
    let width = width.clamp(1, shown.chars().count().saturating_sub(before).max(1));
    Some((shown, format!("{}{}", " ".repeat(before), "^".repeat(width))))
}

fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn level(finding: &Finding, paint: Paint) -> String {
    paint.paint(style(finding.level), finding.level.word())
}

fn style(level: Level) -> anstyle::Style {
    match level {
        Level::Error => RED,
        Level::Warning => YELLOW,
        Level::Note => GREEN,
    }
}
