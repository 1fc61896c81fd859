//! Reads scopes and their states: which fields each type has, and what they must be.

use std::collections::HashMap;

use serde_json::Value;

use super::flow::flow;
use super::reader::{Findings, Reader, SCHEMA};
use super::{
    Amount, Kind, QueryLanguage, Scope, State, StateKind, StateMachine, Task, Wait, conditions, graph,
    policy, variables,
};
use crate::diagnostic::{Diagnostic, Severity};
use crate::limits::{DEFINITION_BYTES_MAX, NESTING_MAX, SECONDS_MAX, STATE_NAME_CHARS_MAX};
use crate::timestamp;

pub(super) const COMMON: &[&str] = &["Type", "Comment", "QueryLanguage"];
pub(super) const PATHS: &[&str] = &["InputPath", "OutputPath", "Output"];
pub(super) const ENDS: &[&str] = &["Next", "End"];
pub(super) const RESULT: &[&str] = &["ResultPath", "Assign"];
pub(super) const WORK: &[&str] = &["Parameters", "ResultSelector", "Retry", "Catch"];

impl StateMachine {
    /// Parses and validates a definition; on refusal every diagnostic is returned at once.
    pub fn parse(definition: &str) -> Result<Self, Vec<Diagnostic>> {
        let findings = Findings::default();
        let machine = parse(definition, &findings);
        let found = findings.into_inner();
        match machine {
            Some(machine) if found.iter().all(|one| one.severity == Severity::Warning) => {
                Ok(Self { warnings: found, ..machine })
            }
            _ => Err(found),
        }
    }
}

fn parse(definition: &str, findings: &Findings) -> Option<StateMachine> {
    let refuse = |code: &str, message: String| {
        findings.add(Severity::Error, code, String::new(), message);
        None
    };
    if definition.len() > DEFINITION_BYTES_MAX {
        return refuse(SCHEMA, format!("The definition is longer than {DEFINITION_BYTES_MAX} bytes"));
    }
    if definition.trim().is_empty() {
        return refuse(SCHEMA, "Definition must be a valid JSON object".into());
    }
    let value: Value = match serde_json::from_str(definition) {
        Ok(value) => value,
        Err(error) => {
            return refuse("INVALID_JSON_DESCRIPTION", format!("The definition is no JSON: {error}"));
        }
    };
    if !value.is_object() {
        return refuse(SCHEMA, "Definition must be a valid JSON object".into());
    }
    let reader = Reader::new(&value, String::new(), findings)?;
    reader.only(&[&["Comment", "StartAt", "States", "TimeoutSeconds", "Version", "QueryLanguage"]]);
    let language = reader.query_language(QueryLanguage::default());
    if reader.has("Version") && reader.string("Version").is_some_and(|version| version != "1.0") {
        reader.wrong("Version", "The only version is \"1.0\"");
    }
    let mut parser = Parser { states: HashMap::new(), depth: 0, language };
    let root = parser.scope(&reader);
    variables::check(&reader, language);
    Some(StateMachine {
        root: root?,
        states: parser.states,
        timeout_seconds: reader.integer("TimeoutSeconds", 1, SECONDS_MAX),
        warnings: Vec::new(),
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
            reader.wrong_here("States are nested too deep");
            return None;
        }
        let start_at = reader.string("StartAt");
        let states = reader.object("States")?;
        let mut names = Vec::new();
        for (name, value) in states.iter() {
            let Some(state) = Reader::new(value, states.at(name), states.findings) else { continue };
            let language = self.state_language(&state);
            let state = state.in_language(language);
            if name.is_empty() || name.chars().count() > STATE_NAME_CHARS_MAX {
                state.wrong_here(format!("A state name has 1 to {STATE_NAME_CHARS_MAX} characters"));
            }
            if let Some(parsed) = self.state(name, &state) {
                if self.states.insert(name.clone(), parsed).is_some() {
                    let message = format!("Duplicate state name: {name}");
                    states.findings.add(
                        Severity::Error,
                        "DUPLICATE_STATE_NAME",
                        state.pointer.clone(),
                        message,
                    );
                }
                names.push(name.clone());
            }
        }
        if states.iter().next().is_none() {
            reader.wrong("States", "At least one state is required");
        }
        self.depth -= 1;
        let scope = Scope { start_at: start_at?, states: names };
        graph::check(&scope, &self.states, reader, &states);
        Some(scope)
    }

    /// The query language of a state: its own or the machine's, whatever it is nested in.
    fn state_language(&self, state: &Reader<'_>) -> QueryLanguage {
        let language = state.query_language(self.language);
        if self.language == QueryLanguage::Jsonata && language == QueryLanguage::JsonPath {
            state.wrong_here(
                "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine",
            );
        }
        language
    }

    fn state(&mut self, name: &str, reader: &Reader<'_>) -> Option<State> {
        let type_name = reader.string("Type");
        let Some(type_name) = type_name else {
            reader.required(&["Type"]);
            return None;
        };
        let Some(kind) = StateKind::ALL.into_iter().find(|kind| kind.name() == type_name) else {
            let names: Vec<&str> = StateKind::ALL.iter().map(|kind| kind.name()).collect();
            reader.wrong("Type", format!("The value must be one of [{}]", names.join(", ")));
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

fn ends(kind: StateKind, reader: &Reader<'_>) -> Option<String> {
    if matches!(kind, StateKind::Choice | StateKind::Succeed | StateKind::Fail) {
        return None;
    }
    let (next, end) = (reader.string("Next"), reader.boolean("End"));
    match (reader.has("Next"), end) {
        (true, Some(true)) => reader.wrong_here("A state has either Next or End, not both"),
        (false, None | Some(false)) => reader.wrong_here("A state needs either Next or \"End\": true"),
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
    let timeout_seconds = reader.amount("TimeoutSeconds", 1, SECONDS_MAX);
    let heartbeat_seconds = reader.amount("HeartbeatSeconds", 1, SECONDS_MAX);
    if let (Some(Amount::Literal(timeout)), Some(Amount::Literal(heartbeat))) =
        (&timeout_seconds, &heartbeat_seconds)
        && heartbeat >= timeout
    {
        reader.wrong("HeartbeatSeconds", "HeartbeatSeconds must be smaller than TimeoutSeconds");
    }
    let credentials = credentials(reader);
    let resource = reader.string("Resource")?;
    if resource.is_empty() {
        reader.wrong("Resource", "The value must name what does the task, such as an ARN");
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
    let own = ["Seconds", "SecondsPath", "Timestamp", "TimestampPath"];
    reader.only(&[COMMON, PATHS, ENDS, &own, &["Assign"]]);
    let given: Vec<&str> = own.into_iter().filter(|name| reader.has(name)).collect();
    let [field] = given.as_slice() else {
        reader.wrong_here(format!("Exactly one of these fields is required: [{}]", own.join(", ")));
        return None;
    };
    Some(match *field {
        "Seconds" if reader.is_expression("Seconds") => {
            Wait::SecondsExpression(reader.expression("Seconds")?)
        }
        "Timestamp" if reader.is_delimited("Timestamp") => {
            Wait::TimestampExpression(reader.expression("Timestamp")?)
        }
        "Seconds" => Wait::Seconds(reader.integer("Seconds", 0, SECONDS_MAX)?),
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
