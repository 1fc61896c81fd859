//! The shared Step Functions cases: reads them, runs them, compares. Does not decide how many must pass.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use shipway_asl::{ScheduledTask, Start, StateMachine, Status};

use crate::map_run_world::Buckets;
use crate::world::{Answer, World};

/// Where the cases are, if they are there.
pub fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/asl");
    folder.is_dir().then_some(folder)
}

/// One case.
pub struct Case {
    pub file: String,
    pub data: Value,
}

impl Case {
    pub fn id(&self) -> &str {
        self.data["id"].as_str().unwrap_or(&self.file)
    }

    /// Whether objects of a bucket are read or written by the engine itself.
    pub fn needs_storage(&self) -> bool {
        let definition = self.data["definition"].to_string();
        definition.contains("\"ItemReader\"") || definition.contains("\"ResultWriter\"")
    }

    /// Whether AWS had redriving when this was recorded; it shows in the context object.
    fn is_before_redrive(&self) -> bool {
        let recorded = self.data["source"]["recorded"].as_str().unwrap_or_default();
        let parts: Vec<&str> = recorded.split([',', '-']).collect();
        matches!(parts.as_slice(), [day, month, year, ..] if (*year, *month, *day) < ("2023", "11", "15"))
    }
}

/// All cases of a folder, in the order of their file names.
pub fn cases(folder: &Path, name: &str) -> Vec<Case> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder.join(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
        .into_iter()
        .map(|file| Case {
            data: serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap(),
            file: file.file_name().unwrap().to_string_lossy().into_owned(),
        })
        .collect()
}

const MACHINE: &str = "<ArnPart_0idx>";
const RUN: &str = "<ExecArnPart_0idx>";
const ACTIVITY: &str = "arn:aws:states:us-east-1:111111111111:activity:activity_arn";

/// Runs an `execution` case. Gives what differs.
pub fn run_execution(case: &Case) -> Result<(), String> {
    let definition =
        case.data["definition"].to_string().replace("\"activity_arn\"", &format!("\"{ACTIVITY}\""));
    let mut machine = StateMachine::parse(&definition).map_err(|found| format!("refused: {found:?}"))?;
    if !case.data["tasks"].is_array() {
        // WHY: where no activity was ever asked for, it had been deleted.
        machine.lose_activity(ACTIVITY);
    }
    let name = case.data["execution_name"].as_str().unwrap_or(RUN);
    let role = case.data.pointer("/expected/history/0/executionStartedEventDetails/roleArn");
    let start = Start {
        execution_arn: format!("arn:aws:states:us-east-1:111111111111:execution:{MACHINE}:{name}"),
        execution_name: name.to_owned(),
        machine_arn: format!("arn:aws:states:us-east-1:111111111111:stateMachine:{MACHINE}"),
        machine_name: MACHINE.to_owned(),
        role_arn: role.and_then(Value::as_str).unwrap_or("snf_role_arn").to_owned(),
        input: bound(case),
    };
    let mut world = World::new(machine, start);
    world.buckets = buckets(case);
    let mut outcomes = Outcomes::new(case);
    world.run(|task| outcomes.answer(task));
    if let Some(problem) = outcomes.problem {
        return Err(problem);
    }
    compare(case, &world)
}

/// The case's input, with what the recorder left open.
fn bound(case: &Case) -> Value {
    let suffix = case.id().split("timestamppath[").nth(1).and_then(|rest| rest.split(']').next());
    let text = case.data["input"].to_string();
    let time = format!("2026-11-21T04:00:05{}", suffix.unwrap_or_default());
    serde_json::from_str(&text.replace("<timestamp>", &time)).unwrap()
}

/// The value without what AWS has added since the case was recorded.
fn as_recorded(case: &Case, mut value: Value) -> Value {
    fn forget(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.remove("RedriveCount");
                fields.values_mut().for_each(forget);
            }
            Value::Array(items) => items.iter_mut().for_each(forget),
            Value::String(text) if text.contains("\"RedriveCount\"") => {
                if let Ok(mut parsed) = serde_json::from_str(text) {
                    forget(&mut parsed);
                    *value = parsed;
                }
            }
            _ => {}
        }
    }
    if case.is_before_redrive() {
        forget(&mut value);
    }
    value
}

/// What a case finds in its bucket. WHY: the cases do not carry it; these are contents from which AWS read those items.
fn buckets(case: &Case) -> Buckets {
    let text = |field: &str| case.data["input"][field].as_str().map(str::to_owned);
    let (Some(bucket), Some(key)) = (text("Bucket"), text("Key")) else { return Buckets::new() };
    let id = case.id();
    let content = if id.contains("csv_headers_decl") {
        "Value1,Value2,Value3\nValue4,Value5,Value6\n,,,\ntrue,1,'HelloWorld'\nNull,None,\n   ,\n".to_owned()
    } else if id.contains("csv_headers_first_line") {
        "Col1,Col2,Col3\nValue1,Value2,Value3\nValue4,Value5,Value6\n,,,\ntrue,1,'HelloWorld'\nNull,None,\n   ,\n"
            .to_owned()
    } else if id.contains("typed_headers") {
        "0,True,{}\nValue4,Value5,Value6\n,,,\ntrue,1,'HelloWorld'\nNull,None,\n   ,\n".to_owned()
    } else if id.contains("csv_max_items") {
        "Col1,Col2\nValue1,Value2\nValue3,Value4\nValue5,Value6\nValue7,Value8\n".to_owned()
    } else if id.contains("no_json_list_object") {
        r#"{"Hello": "world"}"#.to_owned()
    } else {
        // What AWS has put into batches or passed on one by one.
        let outputs = case.data["expected"]["output"].as_array().cloned().unwrap_or_default();
        let items = outputs.into_iter().flat_map(|output| match output.get("Items") {
            Some(Value::Array(items)) => items.clone(),
            _ => vec![output],
        });
        Value::from_iter(items).to_string()
    };
    Buckets::from([((bucket, key), content.into_bytes())])
}

/// Task outcomes of a case, given out in the order in which tasks are scheduled.
struct Outcomes<'c> {
    case: &'c Case,
    tasks: Vec<Value>,
    problem: Option<String>,
}

impl<'c> Outcomes<'c> {
    fn new(case: &'c Case) -> Self {
        let tasks = case.data["tasks"].as_array().cloned();
        Self { case, tasks: tasks.unwrap_or_else(|| recorded(case)), problem: None }
    }

    fn answer(&mut self, task: &ScheduledTask) -> Answer {
        let is_of = |other: &Value| other.get("state").is_none_or(|state| *state == task.state.as_str());
        let found = self.tasks.iter().position(is_of);
        let Some(found) = found else {
            if !self.case.data["tasks"].is_array() {
                // WHY: a function of which nothing was recorded gives back what it was given.
                return Answer::ok(task.parameters.clone());
            }
            self.problem.get_or_insert(format!("task {} has no outcome left", task.state));
            return Answer::error("Test.NoOutcome");
        };
        let recorded = self.tasks.remove(found);
        let expected = recorded.get("parameters").unwrap_or(&task.parameters);
        let differ = difference("parameters", expected, &as_recorded(self.case, normal(&task.parameters)));
        if let (Err(differ), None) = (differ, &self.problem) {
            self.problem = Some(format!("task {}: {differ}", task.state));
        }
        answer(&recorded)
    }
}

/// Outcomes of tasks as far as the history or the output of a case without a list of them tells.
fn recorded(case: &Case) -> Vec<Value> {
    let expected = &case.data["expected"];
    let Some(history) = expected["history"].as_array() else {
        let output = &expected["output"];
        let outcome = match output.get("Error") {
            Some(error) => json!({"type": "TaskFailed", "error": error, "cause": output["Cause"]}),
            None => json!({"type": "TaskSucceeded", "output": output.get("final").unwrap_or(output)}),
        };
        // WHY: as often as a retry may ask.
        return vec![json!({ "outcome": outcome }); 4];
    };
    let outcomes = history.iter().filter_map(|event| {
        let kind = event["type"].as_str()?;
        let is_end = ["Succeeded", "Failed", "TimedOut"].iter().any(|end| kind.ends_with(end));
        let of_task = ["Task", "Lambda", "Activity"].iter().any(|start| kind.starts_with(start));
        let details = event.as_object()?.iter().find(|(name, _)| name.ends_with("EventDetails"))?.1;
        let outcome = json!({"type": kind, "output": details["output"], "error": details["error"],
            "cause": details["cause"]});
        (is_end && of_task).then(|| json!({ "outcome": outcome }))
    });
    outcomes.collect()
}

fn answer(recorded: &Value) -> Answer {
    let outcome = &recorded["outcome"];
    let kind = outcome["type"].as_str().unwrap_or("TimedOut");
    let outcome = if kind.ends_with("Succeeded") {
        Some(Ok(payload(&outcome["output"])))
    } else if kind.ends_with("Failed") {
        let text = |value: &Value| match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        Some(Err((text(&outcome["error"]).unwrap_or_default(), text(&outcome["cause"]))))
    } else {
        None
    };
    Answer {
        started: true,
        worker: Some("BASE_ID_ACTIVITY_CONSUMER".into()),
        submitted: recorded.get("submitted").map(|submitted| payload(&submitted["output"])),
        outcome,
    }
}

/// A recorded payload: a text that is JSON stands for that JSON.
fn payload(recorded: &Value) -> Value {
    match recorded {
        Value::String(text) => serde_json::from_str(text).unwrap_or_else(|_| recorded.clone()),
        other => other.clone(),
    }
}

fn compare(case: &Case, world: &World) -> Result<(), String> {
    let expected = &case.data["expected"];
    let execution = &world.execution;
    let status = match execution.status() {
        Status::Running => "RUNNING",
        Status::Succeeded => "SUCCEEDED",
        Status::Failed => "FAILED",
        Status::TimedOut => "TIMED_OUT",
        Status::Aborted => "ABORTED",
    };
    if expected["status"] != status {
        return Err(format!("status {status} ({:?} {:?})", execution.error(), execution.cause()));
    }
    if let Some(output) = expected.get("output") {
        difference("output", output, &normal(&execution.output().cloned().unwrap_or_default()))?;
    }
    let text = |text: Option<&str>| text.map_or(Value::Null, Value::from);
    difference("error", &expected["error"], &normal(&text(execution.error())))?;
    difference("cause", &expected["cause"], &normal(&text(execution.cause())))?;
    match expected["history"].as_array() {
        Some(history) => compare_history(case, history, world),
        None => Ok(()),
    }
}

fn compare_history(case: &Case, expected: &[Value], world: &World) -> Result<(), String> {
    let shown = |event: &shipway_asl::Event| as_recorded(case, normal(&event.to_history()));
    let mut actual: Vec<Value> = world.events.iter().map(shown).collect();
    let mut expected = expected.to_vec();
    if case.data["concurrent"] == true {
        // WHY: branches and iterations run at the same time; only their own order is comparable.
        for event in actual.iter_mut().chain(&mut expected) {
            let event = event.as_object_mut().unwrap();
            event.remove("id");
            event.remove("previousEventId");
        }
        let key = |event: &Value| sorted(event).to_string();
        actual.sort_by_key(key);
        expected.sort_by_key(key);
        if case.data.get("history_normalised").is_some_and(|note| !note.is_null()) {
            // WHY: the recorder dropped these events.
            let dropped = ["ParallelStateSucceeded", "ParallelStateFailed"];
            actual.retain(|event| !dropped.iter().any(|kind| event["type"] == *kind));
        }
    }
    for (at, (expected, actual)) in expected.iter().zip(&actual).enumerate() {
        difference(&format!("history[{at}]"), expected, actual)?;
    }
    if expected.len() == actual.len() {
        Ok(())
    } else {
        Err(format!("{} events, not {}", actual.len(), expected.len()))
    }
}

/// Keys in order, payload texts parsed, so that equal events are equal texts.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut names: Vec<&String> = fields.keys().collect();
            names.sort();
            names.into_iter().map(|name| (name.clone(), sorted(&fields[name]))).collect()
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(value @ (Value::Object(_) | Value::Array(_))) => sorted(&value),
            _ => value.clone(),
        },
        Value::Number(number) => number.as_f64().map_or(value.clone(), Value::from),
        _ => value.clone(),
    }
}

/// Where two values differ first. Placeholders of the recording stand for anything.
fn difference(at: &str, expected: &Value, actual: &Value) -> Result<(), String> {
    match (expected, actual) {
        (Value::String(text), _) if is_placeholder(text, at) => Ok(()),
        (Value::Object(left), Value::Object(right)) => {
            for name in left.keys().chain(right.keys()) {
                let get = |fields: &Map<String, Value>| fields.get(name).cloned();
                match (get(left), get(right)) {
                    (Some(left), Some(right)) => difference(&format!("{at}/{name}"), &left, &right)?,
                    (left, right) => return Err(format!("{at}/{name}: expected {left:?}, got {right:?}")),
                }
            }
            Ok(())
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => left
            .iter()
            .zip(right)
            .enumerate()
            .try_for_each(|(index, (left, right))| difference(&format!("{at}/{index}"), left, right)),
        (Value::Number(left), Value::Number(right)) if left.as_f64() == right.as_f64() => Ok(()),
        (Value::String(text), Value::Object(_) | Value::Array(_) | Value::Number(_))
        | (Value::Object(_) | Value::Array(_) | Value::Number(_), Value::String(text))
            if at.starts_with("history") || !expected.is_number() && !actual.is_number() =>
        {
            let Ok(parsed) = serde_json::from_str::<Value>(text) else {
                return Err(format!("{at}: expected {expected}, got {actual}"));
            };
            if parsed.is_string() {
                return Err(format!("{at}: expected {expected}, got {actual}"));
            }
            if expected.is_string() {
                difference(at, &parsed, actual)
            } else {
                difference(at, expected, &parsed)
            }
        }
        (Value::String(left), Value::String(right)) => texts(at, left, right),
        _ if expected == actual => Ok(()),
        _ => Err(format!("{at}: expected {expected}, got {actual}")),
    }
}

fn is_placeholder(text: &str, at: &str) -> bool {
    let name = at.rsplit('/').next().unwrap_or_default();
    let whole = text.starts_with('<') && text.ends_with('>') && text != MACHINE && text != RUN;
    whole
        || matches!(
            text,
            "timestamp" | "activity_arn" | "map_run_arn" | "date" | "datetime" | "RandomNumberGenerated"
        )
        || text == name
        || text.ends_with(&format!(".{name}"))
}

/// Texts are equal but for what the recorder replaced inside of them.
fn texts(at: &str, expected: &str, actual: &str) -> Result<(), String> {
    if let (Ok(left), Ok(right)) =
        (serde_json::from_str::<Value>(expected), serde_json::from_str::<Value>(actual))
        && (left.is_object() || left.is_array())
    {
        return difference(at, &left, &right);
    }
    let actual = &actual.replace(ACTIVITY, "activity_arn");
    let actual = &if expected.contains("date") { undated(actual) } else { actual.to_owned() };
    if expected == actual || matches_pattern(expected, actual) {
        return Ok(());
    }
    Err(format!("{at}: expected {expected:?}, got {actual:?}"))
}

/// `<...:N>` and `<...>` stand for any text.
fn matches_pattern(expected: &str, actual: &str) -> bool {
    let expected = expected.replace(MACHINE, "\u{1}").replace(RUN, "\u{2}");
    let actual = actual.replace(MACHINE, "\u{1}").replace(RUN, "\u{2}");
    let mut rest = actual.as_str();
    let mut pattern = expected.as_str();
    let mut is_first = true;
    loop {
        let Some((literal, after)) = pattern.split_once('<') else {
            return if is_first { rest == pattern } else { rest.ends_with(pattern) };
        };
        let Some((_, after)) = after.split_once('>') else { return rest.ends_with(pattern) };
        rest = match (is_first, rest.find(literal)) {
            (true, Some(0)) | (false, Some(_)) => &rest[rest.find(literal).unwrap() + literal.len()..],
            _ => return false,
        };
        (pattern, is_first) = (after, false);
    }
}

/// The text with `date` in the place of each date-time, as the recorder left it.
fn undated(text: &str) -> String {
    let mut output = String::new();
    let mut rest = text;
    'next: while let Some(first) = rest.chars().next() {
        for end in (20..=rest.len().min(32)).rev().filter(|end| rest.is_char_boundary(*end)) {
            if first.is_ascii_digit() && shipway_asl::Timestamp::parse(&rest[..end]).is_some() {
                output.push_str("date");
                rest = &rest[end..];
                continue 'next;
            }
        }
        output.push(first);
        rest = &rest[first.len_utf8()..];
    }
    output
}

/// What the recorder did to values: date-times inside of texts, and times of events.
fn normal(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| {
                let value = if name == "timestamp" { "timestamp".into() } else { normal(value) };
                (name.clone(), value)
            })
            .collect(),
        Value::Array(items) => items.iter().map(normal).collect(),
        _ => value.clone(),
    }
}
