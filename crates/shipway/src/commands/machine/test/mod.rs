//! `shipway machine test`: test files beside machines, run in virtual time.

mod compare;
mod coverage;
mod file;
mod find;
mod judge;
mod junit;
mod play;
mod report;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;

use self::{
    coverage::Covered,
    file::TestFile,
    play::{Played, Suite},
};
use super::write;
use crate::{context::Context, exit::Code, failure::Failure, words::count};

/// Run the test files of machines, in virtual time with mocked tasks
///
/// A test file `order.test.yaml` stands beside `order.asl.json`. Each of its cases gives an input
/// and mocks, and says what must come of them: status, path of states, output, error, what each
/// task got, how long it may take.
///
///     $ shipway machine test
///     $ shipway machine test machines/order.test.yaml --filter refund
///     $ shipway machine test --junit target/machines.xml --coverage --min-coverage 90
///     $ shipway machine test --coverage=lcov --coverage-out target/machines.lcov
///     $ shipway machine test --schema > machine-test.schema.json
///
/// Exit code 0 if every case holds, 1 if one does not or coverage is too low.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct Test {
    /// Test files, or directories to look for *.test.yaml in [default: .]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Run only cases whose name has this in it
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Write a JUnit report
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Show which states and transitions the cases went through
    #[arg(long, value_enum, value_name = "FORMAT", num_args = 0..=1, require_equals = true, default_missing_value = "text")]
    coverage: Option<Format>,
    /// Write the coverage there instead of stdout
    #[arg(long, value_name = "FILE", requires = "coverage")]
    coverage_out: Option<PathBuf>,
    /// Fail if less of a machine's states and transitions was gone through
    #[arg(long, value_name = "PERCENT", visible_alias = "coverage-min")]
    min_coverage: Option<f64>,
    /// Print the JSON Schema of test files
    #[arg(long)]
    schema: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people: the shares, and what is missing
    Text,
    /// Every state and transition with its count
    Json,
    /// As coverage services read it; transitions are branches
    Lcov,
}

impl Test {
    pub fn run(self, cx: &Context) -> Result<Code, Failure> {
        if self.schema {
            cx.out.json(&schemars::schema_for!(TestFile))?;
            return Ok(Code::Ok);
        }
        if let Some(percent) = self.min_coverage.filter(|percent| !(0.0..=100.0).contains(percent)) {
            return Err(Failure::usage(format!("`--min-coverage {percent}` is not between 0 and 100")));
        }
        let mut suites = Vec::new();
        for file in find::files(&self.paths)? {
            suites.push(play::suite(&file, self.filter.as_deref())?);
        }
        suites.retain(|suite| !suite.cases.is_empty());
        if suites.is_empty() {
            return Err(self.nothing());
        }
        let covered = coverage::merge(&suites);
        let is_good = suites.iter().flat_map(|suite| &suite.cases).all(Played::is_good);
        let is_covered =
            self.min_coverage.is_none_or(|least| covered.iter().all(|one| one.percent() >= least));
        let code = if is_good && is_covered { Code::Ok } else { Code::Failed };
        if let Some(path) = &self.junit {
            write(path, &junit::report(&suites)?)?;
        }
        self.show(cx, &suites, &covered, code)?;
        Ok(code)
    }

    fn nothing(&self) -> Failure {
        match &self.filter {
            Some(filter) => Failure::usage(format!("no case's name has `{filter}` in it")),
            None => Failure::usage("the test files have no cases").hint("a case is an item of `cases:`"),
        }
    }

    fn show(&self, cx: &Context, suites: &[Suite], covered: &[Covered], code: Code) -> Result<(), Failure> {
        if cx.out.is_json() {
            let coverage: Vec<_> = covered.iter().map(Covered::document).collect();
            let cases = suites.iter().flat_map(report::documents);
            return cx.out.json(&json!({
                "code": code.name(),
                "cases": cases.collect::<Vec<_>>(),
                "coverage": coverage,
            }));
        }
        let paint = cx.out.data();
        let cases: String = suites.iter().map(|suite| report::suite(suite, paint)).collect();
        let written = self.coverage.map(|format| match format {
            Format::Text => coverage::text(covered),
            Format::Json => coverage::json(covered),
            Format::Lcov => coverage::lcov(covered),
        });
        match (&self.coverage_out, written, self.coverage) {
            (Some(path), Some(written), _) => {
                write(path, &written)?;
                cx.out.text(&cases)?;
            }
            // WHY: a document on stdout stands alone, so that it can be read by a program.
            (None, Some(written), Some(Format::Json | Format::Lcov)) => {
                cx.out.say(cases.trim_end());
                cx.out.text(&written)?;
            }
            (_, written, _) => cx.out.text(&format!("{cases}{}", written.unwrap_or_default()))?,
        }
        self.conclude(cx, suites, covered);
        Ok(())
    }

    fn conclude(&self, cx: &Context, suites: &[Suite], covered: &[Covered]) {
        let low = covered.iter().filter(|one| self.min_coverage.is_some_and(|least| one.percent() < least));
        for one in low {
            let least = self.min_coverage.unwrap_or(0.0);
            cx.out.say(&format!("coverage of {} is {:.1} %, less than {least} %", one.name, one.percent()));
        }
        cx.out.say(&report::summary(suites));
    }
}

/// `2 states`, with a number that is counted in memory.
fn counted(number: usize, noun: &str) -> String {
    count(number as u64, noun)
}

#[cfg(test)]
mod tests;
