//! How far the product agrees with suites of others: `cargo xtask conformance <suite>`. Does not say what agreement
//! is; each suite does.

mod jsonata;
mod report;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};

use report::Report;

/// A collection of cases that somebody else has written or recorded.
struct Suite {
    name: &'static str,
    /// Where the cases are unless told otherwise, from the repository's root.
    cases: &'static str,
    /// The share of cases that must pass, in per cent.
    bar: f64,
    run: fn(&Path) -> Result<Report>,
}

/// A new suite is a file beside this one, and a line here.
const SUITES: &[&Suite] = &[&jsonata::SUITE];

/// Runs one suite and says what it found. Fails below the suite's bar.
pub fn run(root: &Path, arguments: impl Iterator<Item = String>) -> Result<()> {
    let asked = Asked::parse(arguments)?;
    let suite = asked.suite;
    let folder = asked.cases.unwrap_or_else(|| root.join(suite.cases));
    ensure!(
        folder.is_dir(),
        "the cases of `{}` are not at {}; say where with --cases DIR",
        suite.name,
        folder.display()
    );
    let report = (suite.run)(&folder)?;
    if asked.is_json {
        println!("{:#}", report.to_json(suite.name));
    } else {
        print!("{}", report.to_text(suite.name));
    }
    let rate = report.total().rate();
    ensure!(rate >= suite.bar, "{rate:.2} % of `{}` pass; the bar is {} %", suite.name, suite.bar);
    Ok(())
}

/// What the command line asks for.
struct Asked {
    suite: &'static Suite,
    cases: Option<PathBuf>,
    is_json: bool,
}

impl Asked {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let names: Vec<&str> = SUITES.iter().map(|suite| suite.name).collect();
        let usage = format!("usage: cargo xtask conformance <{}> [--cases DIR] [--json]", names.join("|"));
        let name = arguments.next();
        let Some(suite) = SUITES.iter().find(|suite| Some(suite.name) == name.as_deref()) else {
            bail!("name a suite\n{usage}");
        };
        let mut asked = Self { suite, cases: None, is_json: false };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--json" => asked.is_json = true,
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
        let asked = parse(&["jsonata", "--json", "--cases", "there"]).unwrap();
        assert_eq!((asked.suite.name, asked.is_json), ("jsonata", true));
        assert_eq!(asked.cases.unwrap(), Path::new("there"));
        for wrong in [&["nothing"][..], &[], &["jsonata", "--cases"], &["jsonata", "--fast"]] {
            assert!(parse(wrong).err().unwrap().to_string().contains("usage:"));
        }
    }

    #[test]
    fn missing_cases_are_said_and_not_passed() {
        let arguments = ["jsonata", "--cases", "/nowhere"].into_iter().map(str::to_owned);
        assert!(run(Path::new("."), arguments).unwrap_err().to_string().contains("--cases DIR"));
    }

    #[test]
    fn every_suite_holds_its_bar_where_its_cases_are() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for suite in SUITES {
            let folder = root.join(suite.cases);
            if !folder.is_dir() {
                println!("{}: skipped, the cases are not here", suite.name);
                continue;
            }
            let report = (suite.run)(&folder).unwrap();
            assert!(report.total().rate() >= suite.bar, "{}", report.to_text(suite.name));
        }
    }
}
