//! `shipway machine lint`: what is wrong with definitions, and what is likely to go wrong with them.

mod finding;
mod rules;
mod sarif;
mod text;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;
use shipway_asl::CODES;

use self::{
    finding::{Finding, Level},
    rules::RULES,
};
use super::source::{Source, Unreadable};
use crate::{
    context::Context,
    exit::Code,
    failure::Failure,
    words::{count, row, table},
};

/// Files that one call checks.
const FILES_MAX: usize = 10_000;
/// Findings of one file that are shown.
const FINDINGS_MAX: usize = 1_000;

/// Say all that is wrong with definitions, and what is likely to go wrong
///
/// Errors are what AWS refuses. Warnings and notes are rules of Shipway's own and warnings of
/// AWS's; `--rules` lists them, `--allow` silences one, `--deny` makes one an error.
///
///     $ shipway machine lint order.asl.json
///     $ shipway machine lint machines/*.asl.json --max-warnings 0
///     $ shipway machine lint order.asl.json --format sarif > lint.sarif
///     $ shipway machine lint order.asl.json --deny choice-default --allow task-timeout
///
/// Exit code 1 if there is an error, or more warnings than allowed.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct Lint {
    /// Definitions in JSON or YAML; - reads stdin
    #[arg(value_name = "FILE", required_unless_present = "rules")]
    files: Vec<PathBuf>,
    /// How findings are written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Fail if there are more warnings than this
    #[arg(long, value_name = "N")]
    max_warnings: Option<usize>,
    /// Make a rule's findings errors; `warnings` means all warnings
    #[arg(long, value_name = "RULE")]
    deny: Vec<String>,
    /// Silence a rule; `notes` means all notes
    #[arg(long, value_name = "RULE")]
    allow: Vec<String>,
    /// List the rules
    #[arg(long)]
    rules: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// With the lines they are about
    Text,
    /// One line each
    Short,
    /// One JSON document
    Json,
    /// SARIF 2.1.0, as code scanning services read it
    Sarif,
}

/// A file and what was found in it.
#[derive(Debug)]
pub struct Checked {
    name: String,
    text: String,
    findings: Vec<Finding>,
}

impl Lint {
    pub fn run(self, cx: &Context) -> Result<Code, Failure> {
        if self.rules {
            return list(cx);
        }
        self.check_names()?;
        if self.files.len() > FILES_MAX {
            return Err(Failure::usage(format!("more than {FILES_MAX} files")));
        }
        let mut checked = Vec::new();
        for file in &self.files {
            let mut one = check(Source::read(file)?);
            self.adjust(&mut one.findings);
            checked.push(one);
        }
        let tally = Tally::of(&checked);
        let too_many = self.max_warnings.is_some_and(|most| tally.warnings > most);
        let code = if tally.errors > 0 || too_many { Code::Failed } else { Code::Ok };
        self.show(cx, &checked, &tally, code)?;
        if too_many {
            let most = self.max_warnings.unwrap_or(0);
            cx.out.say(&format!("{} found, {most} allowed", count(tally.warnings as u64, "warning")));
        }
        Ok(code)
    }

    fn show(&self, cx: &Context, checked: &[Checked], tally: &Tally, code: Code) -> Result<(), Failure> {
        let format = if cx.out.is_json() && self.format == Format::Text { Format::Json } else { self.format };
        match format {
            Format::Json => cx.out.json(&document(checked, tally, code)),
            Format::Sarif => cx.out.json(&sarif::log(checked)),
            Format::Text | Format::Short => {
                for one in checked {
                    let text = match format {
                        Format::Short => text::short(one, cx.out.data()),
                        _ => text::long(one, cx.out.data()),
                    };
                    if !text.is_empty() {
                        cx.out.text(&text)?;
                    }
                }
                cx.out.say(&tally.to_string());
                Ok(())
            }
        }
    }

    /// Rules that do not exist are a mistake worth a word, not silence.
    fn check_names(&self) -> Result<(), Failure> {
        for name in self.deny.iter().chain(&self.allow) {
            let is_group = matches!(name.as_str(), "warnings" | "notes");
            let is_aws = CODES.iter().any(|code| code.name == name);
            if !is_group && !is_aws && !RULES.iter().any(|rule| rule.id == name) {
                return Err(Failure::usage(format!("there is no rule `{name}`"))
                    .hint("`shipway machine lint --rules` lists them"));
            }
        }
        Ok(())
    }

    fn adjust(&self, findings: &mut Vec<Finding>) {
        let names = |list: &[String], finding: &Finding| {
            list.iter().any(|name| *name == finding.code || Some(name.as_str()) == finding.level.group())
        };
        // WHY: what AWS refuses cannot be allowed away.
        findings.retain(|finding| finding.level == Level::Error || !names(&self.allow, finding));
        for finding in findings.iter_mut().filter(|finding| names(&self.deny, finding)) {
            finding.level = Level::Error;
        }
    }
}

/// All findings of one file, in the order of its lines.
fn check(source: Result<Source, Unreadable>) -> Checked {
    let source = match source {
        Ok(source) => source,
        Err(unreadable) => {
            let findings = vec![Finding::unreadable(&unreadable)];
            return Checked { name: unreadable.name, text: unreadable.text, findings };
        }
    };
    let (diagnostics, is_accepted) = match source.machine() {
        Ok(machine) => (machine.warnings().to_vec(), true),
        Err(diagnostics) => (diagnostics, false),
    };
    let mut findings: Vec<Finding> = diagnostics.iter().map(Finding::aws).collect();
    // WHY: rules read what AWS accepts; on a definition that is refused they would speak of consequences.
    if is_accepted {
        let own = rules::check(&source.value);
        let is_told = |own: &Finding| findings.iter().any(|told| told.pointer == own.pointer);
        let own: Vec<Finding> = own.into_iter().filter(|own| !is_told(own)).collect();
        findings.extend(own);
    }
    for finding in &mut findings {
        finding.span = source.span(&finding.pointer);
    }
    findings.sort_by_key(|finding| finding.span.map(|span| span.start.offset));
    findings.truncate(FINDINGS_MAX);
    Checked { name: source.name, text: source.text, findings }
}

/// How many findings there are of each level.
#[derive(Debug, Default)]
struct Tally {
    files: usize,
    errors: usize,
    warnings: usize,
    notes: usize,
}

impl Tally {
    fn of(checked: &[Checked]) -> Self {
        let mut tally = Self { files: checked.len(), ..Self::default() };
        for finding in checked.iter().flat_map(|one| &one.findings) {
            match finding.level {
                Level::Error => tally.errors += 1,
                Level::Warning => tally.warnings += 1,
                Level::Note => tally.notes += 1,
            }
        }
        tally
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let counts = [(self.errors, "error"), (self.warnings, "warning"), (self.notes, "note")];
        let [errors, warnings, notes] = counts.map(|(number, noun)| count(number as u64, noun));
        let verdict = if self.errors > 0 { "not valid" } else { "valid" };
        write!(f, "{}: {verdict}: {errors}, {warnings}, {notes}", count(self.files as u64, "file"))
    }
}

fn document(checked: &[Checked], tally: &Tally, code: Code) -> serde_json::Value {
    let findings =
        checked.iter().flat_map(|one| one.findings.iter().map(|finding| finding.document(&one.name)));
    json!({
        "code": code.name(),
        "result": if tally.errors == 0 { "OK" } else { "FAIL" },
        "errors": tally.errors,
        "warnings": tally.warnings,
        "notes": tally.notes,
        "findings": findings.collect::<Vec<_>>(),
    })
}

fn list(cx: &Context) -> Result<Code, Failure> {
    if cx.out.is_json() {
        let rules = RULES.iter().map(|rule| {
            json!({
                "id": rule.id,
                "level": rule.level.word(),
                "summary": rule.summary,
                "why": rule.why,
                "hint": rule.hint,
                "example": rule.example,
            })
        });
        let codes = CODES.iter().map(|code| {
            json!({"id": code.name, "level": Level::of(code.severity).word(), "summary": plain(code.summary)})
        });
        cx.out.json(&rules.chain(codes).collect::<Vec<_>>())?;
        return Ok(Code::Ok);
    }
    let mut rows = vec![row(["RULE", "LEVEL", "FINDS"])];
    rows.extend(RULES.iter().map(|rule| row([rule.id, rule.level.word(), rule.summary])));
    let codes = CODES.iter();
    rows.extend(codes.map(|code| row([code.name, Level::of(code.severity).word(), plain(code.summary)])));
    cx.out.text(&table(&rows))?;
    Ok(Code::Ok)
}

/// A summary without its full stop, as the rules have theirs.
fn plain(summary: &str) -> &str {
    summary.trim_end_matches('.')
}

#[cfg(test)]
mod tests;
