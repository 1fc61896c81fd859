//! How far the product agrees with suites of others: `cargo xtask conformance <suite>`. Does not say what agreement
//! is; each suite does.

mod api;
mod asl;
mod jsonata;
mod report;
mod tasks;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use report::Report;

/// A collection of cases that somebody else has written or recorded.
struct Suite {
    name: &'static str,
    /// What is compared and what is not, for the page.
    about: &'static str,
    /// Where the cases are unless told otherwise, from the repository's root.
    cases: &'static str,
    /// The share of cases that must pass, in per cent.
    bar: f64,
    /// How many pass already; fewer is a step back.
    floor: usize,
    run: fn(&Path) -> Result<Report>,
}

/// A new suite is a file beside this one, and a line here.
const SUITES: &[&Suite] = &[&asl::SUITE, &tasks::SUITE, &api::SUITE, &jsonata::SUITE];

/// Runs one suite and says what it found. Fails below the suite's bar.
pub fn run(root: &Path, arguments: impl Iterator<Item = String>) -> Result<()> {
    let asked = Asked::parse(arguments)?;
    let suite = asked.suite;
    let floor = if asked.cases.is_none() { suite.floor } else { 0 };
    let folder = asked.cases.unwrap_or_else(|| root.join(suite.cases));
    ensure!(
        folder.is_dir(),
        "the cases of `{}` are not at {}; say where with --cases DIR",
        suite.name,
        folder.display()
    );
    let report = (suite.run)(&folder)?;
    if asked.is_written {
        let path = root.join(PAGE);
        fs::write(&path, page(&reports(root)?))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    if asked.is_json {
        println!("{:#}", report.to_json(suite.name));
    } else {
        print!("{}", report.to_text(suite.name));
    }
    let total = report.total();
    ensure!(total.passed >= floor, "{} of `{}` pass; {floor} did before", total.passed, suite.name);
    let rate = total.rate();
    ensure!(rate >= suite.bar, "{rate:.2} % of `{}` pass; the bar is {} %", suite.name, suite.bar);
    Ok(())
}

/// The page that holds what all suites found where their cases are expected.
const PAGE: &str = "docs/conformance.md";

const HEAD: &str = "\
# Conformance

How far Shipway agrees with what others have recorded or written. This page is written by
`cargo xtask conformance asl --write`; a test keeps it current.
";

/// What every suite finds where its cases are expected.
fn reports(root: &Path) -> Result<Vec<(&'static Suite, Report)>> {
    SUITES.iter().map(|suite| Ok((*suite, (suite.run)(&root.join(suite.cases))?))).collect()
}

fn page(reports: &[(&Suite, Report)]) -> String {
    let sections = reports.iter().map(|(suite, report)| report.to_page(suite.name, suite.about));
    std::iter::once(HEAD.to_owned()).chain(sections).collect::<Vec<_>>().join("\n")
}

/// What the command line asks for.
struct Asked {
    suite: &'static Suite,
    cases: Option<PathBuf>,
    is_json: bool,
    is_written: bool,
}

impl Asked {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let names: Vec<&str> = SUITES.iter().map(|suite| suite.name).collect();
        let usage =
            format!("usage: cargo xtask conformance <{}> [--cases DIR] [--json] [--write]", names.join("|"));
        let name = arguments.next();
        let Some(suite) = SUITES.iter().find(|suite| Some(suite.name) == name.as_deref()) else {
            bail!("name a suite\n{usage}");
        };
        let mut asked = Self { suite, cases: None, is_json: false, is_written: false };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--json" => asked.is_json = true,
                "--write" => asked.is_written = true,
                "--cases" => match arguments.next() {
                    Some(folder) => asked.cases = Some(folder.into()),
                    None => bail!("`--cases` wants a folder\n{usage}"),
                },
                other => bail!("unknown argument `{other}`\n{usage}"),
            }
        }
        Ok(asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Asked> {
        Asked::parse(arguments.iter().map(|argument| (*argument).to_owned()))
    }

    #[test]
    fn arguments_are_read_or_refused_with_usage() {
        let asked = parse(&["asl", "--json", "--cases", "there"]).unwrap();
        assert_eq!((asked.suite.name, asked.is_json), ("asl", true));
        assert_eq!(asked.cases.unwrap(), Path::new("there"));
        for wrong in [&["nothing"][..], &[], &["asl", "--cases"], &["asl", "--fast"]] {
            assert!(parse(wrong).err().unwrap().to_string().contains("usage:"));
        }
    }

    #[test]
    fn missing_cases_are_said_and_not_passed() {
        let arguments = ["asl", "--cases", "/nowhere"].into_iter().map(str::to_owned);
        assert!(run(Path::new("."), arguments).unwrap_err().to_string().contains("--cases DIR"));
    }

    /// One test for both, since the suites take seconds.
    #[test]
    fn no_suite_falls_below_what_it_reached_and_the_page_says_so() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        if let Some(suite) = SUITES.iter().find(|suite| !root.join(suite.cases).is_dir()) {
            println!("skipped: the cases of {} are not here", suite.name);
            return;
        }
        // WHY: the tests that replay the API's cases hold them without this.
        let here = SUITES.iter().filter(|suite| suite.name != api::SUITE.name);
        let reports: Vec<_> =
            here.map(|suite| (suite, (suite.run)(&root.join(suite.cases)).unwrap())).collect();
        let written = fs::read_to_string(root.join(PAGE)).unwrap();
        for (suite, report) in &reports {
            assert!(report.total().passed >= suite.floor, "{}", report.to_text(suite.name));
            let section = report.to_page(suite.name, suite.about);
            assert!(written.contains(&section), "write it anew: cargo xtask conformance asl --write");
        }
    }
}
