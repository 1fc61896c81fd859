//! Reads scopes and their states: which fields each type has, and what they must be.

use std::collections::{HashMap, HashSet};

use super::flow::flow;
use super::reader::{EMPTY, Reader};
use super::{
    Amount, Kind, QueryLanguage, Scope, State, StateKind, StateMachine, Task, Wait, conditions, policy,
    variables,
};
use crate::diagnostic::TOO_DEEPLY_NESTED;
use crate::limits::{LITERAL_SECONDS_MAX, NESTING_MAX};
use crate::timestamp;

pub(super) const COMMON: &[&str] = &["Type", "Comment", "QueryLanguage"];
pub(super) const PATHS: &[&str] = &["InputPath", "OutputPath", "Output"];
pub(super) const ENDS: &[&str] = &["Next", "End"];
pub(super) const RESULT: &[&str] = &["ResultPath", "Assign"];
pub(super) const WORK: &[&str] = &["Parameters", "ResultSelector", "Retry", "Catch"];

/// The machine that a definition describes.
pub(super) fn machine(reader: &Reader<'_>) -> Option<StateMachine> {
    reader.only(&[&["Comment", "StartAt", "States", "TimeoutSeconds", "Version", "QueryLanguage"]]);
    let language = reader.query_language(QueryLanguage::default());
    reader.one_of("Version", &["1.0"]);
    let mut parser = Parser { states: HashMap::new(), depth: 0, language };
    let root = parser.scope(reader);
    variables::check(reader, language);
    Some(StateMachine {
        root: root?,
        states: parser.states,
        // WHY: AWS takes 0 here, which no execution could keep.
        timeout_seconds: reader
            .integer("TimeoutSeconds", 0, LITERAL_SECONDS_MAX)
            .filter(|seconds| *seconds > 0),
        warnings: Vec::new(),
        lost: HashSet::new(),
    })
}

pub(super) struct Parser {
    states: HashMap<String, State>,
    depth: usize,
    /// The machine's query language.
    language: QueryLanguage,
}

impl Parser {
    fn scope(&mut self, reader: &Reader<'_>) -> Option<Scope> {
        reader.required(&["States", "StartAt"]);
        self.depth += 1;
        if self.depth > NESTING_MAX {
            reader.findings.at(TOO_DEEPLY_NESTED, &reader.pointer, "States are nested too deep");
            return None;
        }
        let start_at = reader.string("StartAt");
        let states = reader.object("States")?;
        let mut names = Vec::new();
        for (name, value) in states.iter() {
            let Some(state) = Reader::new(value, states.at(name), states.findings) else { continue };
            let state = self.in_own_language(state);
            if let Some(parsed) = self.state(name, &state) {
                self.states.insert(name.clone(), parsed);
                names.push(name.clone());
            }
        }
        if states.iter().next().is_none() {
            reader.wrong("States", EMPTY);
        }
        self.depth -= 1;
        Some(Scope { start_at: start_at?, states: names })
    }

    /// A state in its own query language or the machine's, whatever it is nested in.
    fn in_own_language<'d>(&self, state: Reader<'d>) -> Reader<'d> {
        let language = state.query_language(self.language);
        let is_mixed = self.language == QueryLanguage::Jsonata && language == QueryLanguage::JsonPath;
        if is_mixed {
            state.wrong_here(
                "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine",
            );
        }
        let state = state.in_language(language);
        if is_mixed { state.mixed() } else { state }
    }

    fn state(&mut self, name: &str, reader: &Reader<'_>) -> Option<State> {
        let type_name = reader.string("Type");
        let Some(type_name) = type_name else {
            reader.required(&["Type"]);
            return None;
        };
        let Some(kind) = StateKind::ALL.into_iter().find(|kind| kind.name() == type_name) else {
            // WHY: the order is AWS's.
            reader.wrong(
                "Type",
                "The field 'Type' should have one of these values: [Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map]",
            );
            return None;
        };
        let parsed = self.kind(kind, reader);
        let next = ends(kind, reader);
        Some(State {
            name: name.to_owned(),
            comment: reader.string("Comment"),
            language: reader.language,
            flow: flow(kind, reader),
            assign: reader.assign(),
            next,
            retry: policy::retry(reader),
            catch: policy::catch(reader),
            kind: parsed?,
        })
    }

    fn kind(&mut self, kind: StateKind, reader: &Reader<'_>) -> Option<Kind> {
        Some(match kind {
            StateKind::Pass => {
                reader.only(&[COMMON, PATHS, ENDS, RESULT, &["Result", "Parameters"]]);
                Kind::Pass { result: reader.get("Result").cloned() }
            }
            StateKind::Task => Kind::Task(task(reader)?),
            StateKind::Choice => {
                reader.only(&[COMMON, PATHS, &["Choices", "Default", "Assign"]]);
                reader.required(&["Choices"]);
                Kind::Choice { rules: conditions::rules(reader), default: reader.string("Default") }
            }
            StateKind::Wait => Kind::Wait(wait(reader)?),
            StateKind::Succeed => {
                reader.only(&[COMMON, PATHS]);
                Kind::Succeed
            }
            StateKind::Fail => {
                reader.only(&[COMMON, &["Error", "ErrorPath", "Cause", "CausePath"]]);
                Kind::Fail { error: reader.text("Error"), cause: reader.text("Cause") }
            }
            StateKind::Parallel => {
                reader.only(&[COMMON, PATHS, ENDS, RESULT, WORK, &["Arguments", "Branches"]]);
                reader.required(&["Branches"]);
                reader.not_empty("Branches");
                let branches = reader.objects("Branches");
                let branches: Vec<Option<Scope>> =
                    branches.iter().map(|branch| self.branch(branch)).collect();
                Kind::Parallel { branches: branches.into_iter().collect::<Option<_>>()? }
            }
            StateKind::Map => Kind::Map(Box::new(self.map(reader)?)),
        })
    }

    pub(super) fn branch(&mut self, reader: &Reader<'_>) -> Option<Scope> {
        reader.only(&[&["StartAt", "States", "Comment", "ProcessorConfig"]]);
        self.scope(reader)
    }
}

const NO_END: &str = "This object should have only one of the following fields: [Next, End]";

fn ends(kind: StateKind, reader: &Reader<'_>) -> Option<String> {
    if matches!(kind, StateKind::Choice | StateKind::Succeed | StateKind::Fail) {
        return None;
    }
    let (next, end) = (reader.string("Next"), reader.boolean("End"));
    match (reader.has("Next"), end) {
        (true, Some(true)) => reader.at_most_one(&["Next", "End"]),
        (false, Some(false)) | (false, None) => reader.wrong_here(NO_END),
        _ => {}
    }
    next
}

fn task(reader: &Reader<'_>) -> Option<Task> {
    let own: &[&str] = &[
        "Resource",
        "Arguments",
        "TimeoutSeconds",
        "TimeoutSecondsPath",
        "HeartbeatSeconds",
        "HeartbeatSecondsPath",
        "Credentials",
    ];
    reader.only(&[COMMON, PATHS, ENDS, RESULT, WORK, own]);
    reader.required(&["Resource"]);
    let timeout_seconds = reader.amount("TimeoutSeconds", 1, LITERAL_SECONDS_MAX);
    let heartbeat_seconds = reader.amount("HeartbeatSeconds", 1, LITERAL_SECONDS_MAX);
    if let (Some(Amount::Literal(timeout)), Some(Amount::Literal(heartbeat))) =
        (&timeout_seconds, &heartbeat_seconds)
        && heartbeat >= timeout
    {
        reader.wrong("HeartbeatSeconds", "HeartbeatSeconds must be smaller than TimeoutSeconds");
    }
    let credentials = credentials(reader);
    let resource = reader.string("Resource")?;
    if resource.is_empty() {
        reader.wrong("Resource", "Value is not a valid resource ARN");
    }
    Some(Task { resource, timeout_seconds, heartbeat_seconds, credentials })
}

fn credentials(reader: &Reader<'_>) -> Option<crate::template::Template> {
    let object = reader.object("Credentials")?;
    let is_given =
        object.has("RoleArn") || object.has("RoleArn.$") && reader.language == QueryLanguage::JsonPath;
    if !is_given {
        object.wrong_here("The field 'RoleArn' is required but was missing");
    }
    reader.object_template("Credentials")
}

fn wait(reader: &Reader<'_>) -> Option<Wait> {
    // WHY: the order is AWS's.
    let own = ["SecondsPath", "Seconds", "TimestampPath", "Timestamp"];
    reader.only(&[COMMON, PATHS, ENDS, &own, &["Assign"]]);
    reader.exactly_one(&own);
    let given: Vec<&str> = own.into_iter().filter(|name| reader.has(name)).collect();
    let [field] = given.as_slice() else { return None };
    Some(match *field {
        "Seconds" if reader.is_expression("Seconds") => {
            Wait::SecondsExpression(reader.expression("Seconds")?)
        }
        "Timestamp" if reader.is_delimited("Timestamp") => {
            Wait::TimestampExpression(reader.expression("Timestamp")?)
        }
        "Seconds" => Wait::Seconds(reader.integer("Seconds", 0, LITERAL_SECONDS_MAX)?),
        "SecondsPath" => Wait::SecondsPath(reader.reference("SecondsPath")?),
        "TimestampPath" => Wait::TimestampPath(reader.reference("TimestampPath")?),
        _ => {
            let text = reader.string("Timestamp")?;
            if timestamp::strict(&text).is_none() {
                reader.wrong("Timestamp", "String does not match RFC3339 timestamp");
            }
            Wait::Timestamp(text)
        }
    })
}
