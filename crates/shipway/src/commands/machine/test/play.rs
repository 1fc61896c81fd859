//! Runs the cases of one test file.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use shipway_asl::{
    Outline, StateMachine,
    rehearsal::{Coverage, Probes, Rehearsed},
};

use super::{
    file::{Case, TestFile},
    find,
    judge::{Mismatch, judge},
};
use crate::{
    commands::machine::{
        mock::{self, Cast, Origin},
        source::{self, Source},
        stage,
    },
    failure::Failure,
};

/// Cases of one file.
const CASES_MAX: usize = 10_000;

/// A test file and what became of its cases.
pub struct Suite {
    /// The test file.
    pub name: String,
    /// The machine's file.
    pub machine: PathBuf,
    /// The machine, for places in its text.
    pub source: Source,
    /// Its states and transitions.
    pub outline: Outline,
    /// The cases that were run.
    pub cases: Vec<Played>,
    /// What they went through.
    pub coverage: Coverage,
}

/// A case that was run.
pub struct Played {
    /// Its name.
    pub name: String,
    /// `file:line:column` of its name.
    pub place: String,
    /// How it went.
    pub rehearsed: Rehearsed,
    /// What is not as it must be.
    pub mismatches: Vec<Mismatch>,
}

impl Played {
    /// Whether all is as it must be.
    pub fn is_good(&self) -> bool {
        self.mismatches.is_empty()
    }
}

/// What the cases of a file share.
struct Setting<'f> {
    path: &'f Path,
    file: &'f TestFile,
    source: &'f Source,
    machine: &'f StateMachine,
    name: String,
    probes: Option<(Probes, StateMachine)>,
}

/// Runs the cases of a file whose name has `filter` in it.
pub fn suite(path: &Path, filter: Option<&str>) -> Result<Suite, Failure> {
    let text = Source::open(path)?;
    let file: TestFile = source::document(path)?;
    check(&text, &file)?;
    let machine_path = find::machine(path, file.machine.as_deref())?;
    let source = Source::open(&machine_path)?;
    let machine = source.checked()?;
    let probes = Probes::new(&source.value).and_then(|probes| {
        let machine = StateMachine::parse(&probes.definition.to_string()).ok()?;
        Some((probes, machine))
    });
    let name = stage::machine_name(&machine_path);
    let outline = machine.outline();
    let mut coverage = Coverage::new(&outline);
    let setting = Setting { path, file: &file, source: &source, machine: &machine, name, probes };
    let mut cases = Vec::new();
    for (index, case) in file.cases.iter().enumerate() {
        if filter.is_none_or(|filter| case.name.contains(filter)) {
            let place = text.place(&format!("/cases/{index}/name"));
            cases.push(setting.play(case, place, &mut coverage)?);
        }
    }
    Ok(Suite { name: text.name, machine: machine_path, outline, cases, coverage, source })
}

fn check(text: &Source, file: &TestFile) -> Result<(), Failure> {
    if file.cases.len() > CASES_MAX {
        return Err(Failure::usage(format!("`{}` has more than {CASES_MAX} cases", text.name)));
    }
    let mut names = BTreeSet::new();
    for (index, case) in file.cases.iter().enumerate() {
        if !names.insert(&case.name) {
            let place = text.place(&format!("/cases/{index}/name"));
            return Err(Failure::usage(format!("{place}: a second case is named `{}`", case.name)));
        }
    }
    Ok(())
}

impl Setting<'_> {
    fn play(&self, case: &Case, place: String, coverage: &mut Coverage) -> Result<Played, Failure> {
        let mut cast = self.cast(case)?;
        cast.check(&self.source.value, &place)?;
        let context = case.context.as_ref().unwrap_or(&self.file.context);
        let started = context.execution.start_time.as_ref();
        let now = started.or(case.now.as_ref()).or(self.file.now.as_ref());
        let now = stage::time(&format!("{place}: now:"), now.map_or(stage::NOW, String::as_str))?;
        let seed = case.seed.or(self.file.seed).unwrap_or(1);
        let rehearsal = stage::rehearsal(&self.name, case.input.clone(), context, now, seed);
        let taken = stage::taken(self.probes.as_ref(), &rehearsal, &cast);
        let rehearsed = stage::play(self.machine, rehearsal, &mut cast);
        coverage.add(&rehearsed, &taken);
        let mismatches = judge(&case.expect, &rehearsed, &cast.buckets);
        Ok(Played { name: case.name.clone(), place, rehearsed, mismatches })
    }

    /// The mocks of the mock file, then those of the test file, then those of the case: the last ones count.
    fn cast(&self, case: &Case) -> Result<Cast, Failure> {
        let mut cast = match &self.file.mock_file {
            None => Cast::default(),
            Some(file) => mock::load(&Origin {
                file: self.path.parent().unwrap_or(Path::new("")).join(file),
                case: case.test_case.clone(),
                machine: self.name.clone(),
                is_named: false,
            })?,
        };
        if self.file.mock_file.is_none() && case.test_case.is_some() {
            let message = format!(
                "`{}`: case `{}` has `test_case` without a `mock_file`",
                self.path.display(),
                case.name
            );
            return Err(Failure::usage(message).hint("add `mock_file:` to the file"));
        }
        cast.extend(&self.file.mocks);
        cast.extend(&case.mocks);
        cast.buckets.extend(&self.file.buckets);
        cast.buckets.extend(&case.buckets);
        Ok(cast)
    }
}
