//! Results as JUnit XML: a suite for each file.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::play::{Played, Suite};
use crate::failure::Failure;

/// The report.
pub fn report(suites: &[Suite]) -> Result<String, Failure> {
    let mut report = Report::new("shipway machine test");
    for suite in suites {
        let mut written = TestSuite::new(&suite.name);
        written.add_property(("machine", suite.source.name.as_str()));
        written.add_test_cases(suite.cases.iter().map(|case| test_case(suite, case)));
        report.add_test_suite(written);
    }
    report.to_string().map_err(|error| Failure::of("cannot write the JUnit report", &error))
}

fn test_case(suite: &Suite, case: &Played) -> TestCase {
    let status = if case.is_good() {
        TestCaseStatus::success()
    } else {
        let fields: Vec<&str> = case.mismatches.iter().map(|one| one.field.as_str()).collect();
        let lines = case
            .mismatches
            .iter()
            .flat_map(|one| one.lines.iter().map(move |line| format!("{}: {line}", one.field)));
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_type("mismatch").set_message(format!("not as expected: {}", fields.join(", ")));
        status.set_description(format!("{}\n{}", case.place, lines.collect::<Vec<_>>().join("\n")));
        status
    };
    let mut written = TestCase::new(&case.name, status);
    written.set_classname(&suite.name);
    // Not `time`: that is how long the test took, not how long the execution would take.
    written.add_property(("virtual_millis", case.rehearsed.took_millis().to_string().as_str()));
    written
}
