//! The MockConfigFile.json of AWS's Step Functions Local: test cases of machines, and numbered responses.
//! As there, calls of a state are counted over the whole execution, retries included.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use shipway_asl::rehearsal::Answer;

use super::{CALLS_MAX, Cast, Origin, Script, no_case};
use crate::{commands::machine::source, failure::Failure};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct File {
    state_machines: BTreeMap<String, Machine>,
    #[serde(default)]
    mocked_responses: BTreeMap<String, BTreeMap<String, Response>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Machine {
    test_cases: BTreeMap<String, BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
enum Response {
    Return(Value),
    Throw(Thrown),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Thrown {
    error: String,
    cause: Option<String>,
}

/// The mocks of one test case.
pub fn load(origin: &Origin) -> Result<Cast, Failure> {
    let file: File = source::document(&origin.file)?;
    let place = origin.file.display();
    let machine = file.machine(origin)?;
    let names = || machine.test_cases.keys();
    let case = match &origin.case {
        Some(case) => case,
        None => {
            let names: Vec<&str> = names().map(String::as_str).collect();
            let hint = format!("choose one with --test-case: {}", names.join(", "));
            return Err(Failure::usage(format!("`{place}` holds test cases, and none was chosen")).hint(hint));
        }
    };
    let states = machine.test_cases.get(case).ok_or_else(|| no_case(&origin.file, case, names()))?;
    let mut cast = Cast::default();
    for (state, response) in states {
        let numbered = file.mocked_responses.get(response).ok_or_else(|| {
            Failure::usage(format!("{place}: test case `{case}` names the response `{response}` of `{state}`, which is not in MockedResponses"))
        })?;
        let script = script(numbered)
            .map_err(|why| Failure::usage(format!("{place}: MockedResponses `{response}`: {why}")))?;
        cast.put(state, script);
    }
    Ok(cast)
}

impl File {
    /// The machine that was named, or the one of the definition's file name, or the only one.
    fn machine(&self, origin: &Origin) -> Result<&Machine, Failure> {
        if let Some(machine) = self.state_machines.get(&origin.machine) {
            return Ok(machine);
        }
        match self.state_machines.values().next() {
            Some(only) if self.state_machines.len() == 1 && !origin.is_named => Ok(only),
            _ => {
                let names: Vec<&str> = self.state_machines.keys().map(String::as_str).collect();
                let message = format!("`{}` has no machine `{}`", origin.file.display(), origin.machine);
                Err(Failure::usage(message)
                    .hint(format!("name one of these with --machine: {}", names.join(", "))))
            }
        }
    }
}

fn script(numbered: &BTreeMap<String, Response>) -> Result<Script, String> {
    let mut ranges = Vec::new();
    for (calls, response) in numbered {
        let (first, last) =
            range(calls).ok_or_else(|| format!("`{calls}` is neither a number nor a range such as `0-2`"))?;
        ranges.push((first, last, answer(response)));
    }
    ranges.sort_by_key(|(first, ..)| *first);
    let mut pairs = ranges.iter().zip(ranges.iter().skip(1));
    match pairs.find(|((_, last, _), (first, ..))| last >= first) {
        Some((_, (first, ..))) => Err(format!("call {first} has two responses")),
        None => Ok(Script::Numbered(ranges)),
    }
}

fn range(text: &str) -> Option<(u64, u64)> {
    let number = |text: &str| text.trim().parse::<u64>().ok().filter(|number| *number < CALLS_MAX);
    match text.split_once('-') {
        None => number(text).map(|call| (call, call)),
        Some((first, last)) => number(first).zip(number(last)).filter(|(first, last)| first <= last),
    }
}

fn answer(response: &Response) -> Answer {
    match response {
        Response::Return(result) => Answer::returns(result.clone()),
        Response::Throw(thrown) => Answer::throws(thrown.error.clone(), thrown.cause.clone()),
    }
}
