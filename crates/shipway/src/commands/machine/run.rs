//! `shipway machine run`: one execution in virtual time, with mocked tasks.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use shipway_asl::{
    Status,
    rehearsal::{Ending, Rehearsed, Visit},
};
use shipway_server::{StateStatus, Statuses, render_svg};

use super::{
    mock::{self, Cast, Origin, in_turn, reply::Reply},
    source::{self, Source},
    stage::{self, ContextObject},
};
use crate::{
    context::Context,
    exit::Code,
    failure::Failure,
    output::{GREEN, GREY},
    words::{clean, row, span, table},
};

/// Characters of an input or output in the table.
const VALUE_CHARS_MAX: usize = 40;

/// Run a machine in virtual time, with mocked tasks
///
/// Nothing outside is touched: each task is answered by a mock, and time jumps to where
/// something happens, so that a wait of a year takes no time. A task without a mock is an error
/// that names its state.
///
///     $ shipway machine run order.asl.json --input '{"n": 1}' --mock order.mock.yaml
///     $ shipway machine run order.asl.json --mock MockConfigFile.json --test-case HappyPath
///     $ shipway machine run order.asl.json --task-error 'Pay=Busy:try later' --task 'Pay={"ok": true}'
///     $ shipway machine run order.asl.json --input @order.json --mock order.mock.yaml --history
///     $ shipway machine run order.asl.json --mock order.mock.yaml --draw run.svg
///
/// A mock file is `mocks:` with a reply, or a list of replies, for each state:
///
///     mocks:
///       Pay:
///         - throw: {error: Busy, cause: try later}
///         - return: {ok: true}
///           after: 90
///
/// The MockConfigFile.json of AWS's Step Functions Local is read too.
/// Exit code 0 if the execution succeeded, 1 if not.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct Run {
    /// The definition in JSON or YAML; - reads stdin
    file: PathBuf,
    /// The execution's input: JSON, or @file
    #[arg(long, value_name = "JSON", default_value = "{}")]
    input: String,
    /// A file of mocks
    #[arg(long, value_name = "FILE", visible_aliases = ["mocks", "mock-config"])]
    mock: Option<PathBuf>,
    /// The test case of the mock file
    #[arg(long, value_name = "NAME", requires = "mock")]
    test_case: Option<String>,
    /// The machine's name, also in a MockConfigFile.json [default: from the file's name]
    #[arg(long, value_name = "NAME")]
    machine: Option<String>,
    /// Parts of the context object: JSON with Execution and StateMachine, or @file
    #[arg(long, value_name = "JSON")]
    context: Option<String>,
    /// What a state's task answers; several are given one after another, the last one for ever
    #[arg(long, value_name = "STATE=JSON")]
    task: Vec<String>,
    /// How a state's task fails, before it answers; several fail one after another
    #[arg(long, value_name = "STATE=ERROR:CAUSE")]
    task_error: Vec<String>,
    /// A bucket for distributed Maps: the files of a folder; what is written to it stays in memory
    #[arg(long, value_name = "NAME=FOLDER")]
    bucket: Vec<String>,
    /// The time that the execution starts at
    #[arg(long, value_name = "TIME", default_value = stage::NOW)]
    now: String,
    /// Where random numbers come from
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Show the whole history
    #[arg(long)]
    history: bool,
    /// Draw the machine with the way of the run, as SVG
    #[arg(long, value_name = "FILE")]
    draw: Option<PathBuf>,
}

impl Run {
    pub fn run(self, cx: &Context) -> Result<Code, Failure> {
        let source = Source::open(&self.file)?;
        let machine = source.checked()?;
        let name = self.machine.clone().unwrap_or_else(|| stage::machine_name(&self.file));
        let mut cast = self.cast(&name)?;
        cast.check(&source.value, &source.name)?;
        let context = self.context()?;
        let now = match &context.execution.start_time {
            Some(time) => stage::time("Execution.StartTime:", time)?,
            None => stage::time("--now", &self.now)?,
        };
        let input = source::argument("--input", &self.input)?;
        let rehearsal = stage::rehearsal(&name, input, &context, now, self.seed);
        let rehearsed = stage::play(&machine, rehearsal, &mut cast);
        let is_good =
            rehearsed.execution.status() == Status::Succeeded && rehearsed.ending == Ending::Completed;
        let code = if is_good { Code::Ok } else { Code::Failed };
        if let Some(path) = &self.draw {
            super::write(path, &render_svg(&machine.outline(), &statuses(&rehearsed)))?;
        }
        if cx.out.is_json() {
            cx.out.json(&document(&rehearsed, &cast, code, self.history))?;
            return Ok(code);
        }
        cx.out.text(&steps(&rehearsed))?;
        if self.history {
            cx.out.text(&history(cx, &rehearsed))?;
        }
        for (bucket, key, content) in cast.buckets.written() {
            cx.out.say(&format!("wrote s3://{bucket}/{key} ({} bytes), in memory only", content.len()));
        }
        self.conclude(cx, &rehearsed, code)
    }

    /// The mocks of the file, and before them those of the command line.
    fn cast(&self, machine: &str) -> Result<Cast, Failure> {
        let mut cast = match &self.mock {
            None => Cast::default(),
            Some(file) => mock::load(&Origin {
                file: file.clone(),
                case: self.test_case.clone(),
                machine: machine.to_owned(),
                is_named: self.machine.is_some(),
            })?,
        };
        for (name, replies) in replies(&self.task_error, &self.task)? {
            cast.put(&name, in_turn(&replies, true));
        }
        for text in &self.bucket {
            let (bucket, folder) = split(text, "--bucket", "NAME=FOLDER")?;
            cast.buckets.load(bucket, Path::new(folder))?;
        }
        Ok(cast)
    }

    fn context(&self) -> Result<ContextObject, Failure> {
        let Some(text) = &self.context else { return Ok(ContextObject::default()) };
        let value = source::argument("--context", text)?;
        serde_json::from_value(value).map_err(|error| {
            Failure::usage(format!("`--context` is not a context object: {error}"))
                .hint("write {\"Execution\": {\"Name\": \"run-1\"}, \"StateMachine\": {\"Name\": \"order\"}}")
        })
    }

    /// The last words, and the code.
    fn conclude(&self, cx: &Context, rehearsed: &Rehearsed, code: Code) -> Result<Code, Failure> {
        let execution = &rehearsed.execution;
        let took = span(rehearsed.took_millis());
        if let Some(failure) = incomplete(rehearsed) {
            return Err(failure);
        }
        match (execution.status(), execution.output()) {
            (Status::Succeeded, Some(output)) => {
                cx.out.json(output)?;
                cx.out.say(&cx.out.talk().paint(GREEN, &format!("succeeded after {took} in virtual time")));
                Ok(code)
            }
            (status, _) => {
                let error = execution.error().unwrap_or(word(status));
                let cause = execution.cause().map_or(String::new(), |cause| format!(": {cause}"));
                let failure = Failure::failed(format!("{error}{cause} (after {took} in virtual time)"));
                Err(if self.history {
                    failure
                } else {
                    failure.hint("--history shows the way that led there")
                })
            }
        }
    }
}

/// Why an execution did not come to its end, if it did not.
fn incomplete(rehearsed: &Rehearsed) -> Option<Failure> {
    let took = span(rehearsed.took_millis());
    match &rehearsed.ending {
        Ending::Completed => None,
        Ending::NoAnswer { state, reason } => Some(
            Failure::failed(reason.clone())
                .hint(format!("--task '{state}={{}}' answers it, or a mock file with --mock")),
        ),
        Ending::Stuck => {
            let open: Vec<&str> = rehearsed.unanswered().map(|task| task.state.as_str()).collect();
            let message = format!("after {took} it waits for ever for {}", open.join(", "));
            Some(Failure::failed(message).hint("its mock never answers, and the state has no TimeoutSeconds"))
        }
        Ending::Limit { limit, most } => {
            let message = format!("it was stopped after {took}: it takes more than {most} {limit}");
            Some(Failure::failed(message).hint("does it go round in circles?"))
        }
    }
}

/// How each state stands after the run: as its last stay went.
fn statuses(rehearsed: &Rehearsed) -> Statuses {
    let status = |visit: &Visit| match visit.exited_at {
        Some(_) if visit.is_caught => StateStatus::Caught,
        Some(_) => StateStatus::Succeeded,
        None if rehearsed.execution.status() == Status::Running => StateStatus::Running,
        None => StateStatus::Failed,
    };
    rehearsed.visits.iter().map(|visit| (visit.state.clone(), status(visit))).collect()
}

/// The words of an ending for programs.
pub fn ending_word(ending: &Ending) -> &'static str {
    match ending {
        Ending::Completed => "completed",
        Ending::Stuck => "stuck",
        Ending::NoAnswer { .. } => "no_mock",
        Ending::Limit { .. } => "limit",
    }
}

/// AWS's word for a status.
pub fn word(status: Status) -> &'static str {
    match status {
        Status::Running => "RUNNING",
        Status::Succeeded => "SUCCEEDED",
        Status::Failed => "FAILED",
        Status::TimedOut => "TIMED_OUT",
        Status::Aborted => "ABORTED",
    }
}

/// A row for each state that was entered.
fn steps(rehearsed: &Rehearsed) -> String {
    let mut rows = vec![row(["AT", "STATE", "TYPE", "TOOK", "TRIES", "INPUT", "OUTPUT"])];
    rows.extend(rehearsed.visits.iter().map(|visit| step(rehearsed, visit)));
    table(&rows)
}

fn step(rehearsed: &Rehearsed, visit: &Visit) -> Vec<String> {
    let at = span(visit.entered_at.millis_since(rehearsed.started_at));
    let took = visit.exited_at.map_or("-".to_owned(), |exited| span(exited.millis_since(visit.entered_at)));
    let tries = if visit.attempts == 0 { String::new() } else { visit.attempts.to_string() };
    let index = visit.index.map_or(String::new(), |index| format!(" [{index}]"));
    let name = format!("{}{}{index}", "  ".repeat(visit.depth), clean(&visit.state, 80));
    let error = visit.errors.last().map(|(error, _)| error.as_str()).unwrap_or_default();
    let output = match (&visit.output, visit.is_caught) {
        (Some(output), false) => output.to_string(),
        (Some(output), true) => format!("caught {error}: {output}"),
        (None, _) if error.is_empty() => "-".to_owned(),
        (None, _) => format!("failed {error}"),
    };
    let (input, output) = (clean(&visit.input.to_string(), VALUE_CHARS_MAX), clean(&output, VALUE_CHARS_MAX));
    row([&format!("+{at}"), &name, visit.kind, &took, &tries, &input, &output])
}

fn history(cx: &Context, rehearsed: &Rehearsed) -> String {
    let mut text = "\n".to_owned();
    for event in &rehearsed.events {
        let at = span(event.timestamp.millis_since(rehearsed.started_at));
        let shown = event.to_history();
        let details = shown.as_object().into_iter().flatten().find(|(name, _)| name.ends_with("Details"));
        let details = details.map(|(_, details)| details.to_string()).unwrap_or_default();
        let details = cx.out.data().paint(GREY, &details);
        let line = format!("{:>4} {:<14} {:<26} {details}", event.id, format!("+{at}"), event.type_name());
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn document(rehearsed: &Rehearsed, cast: &Cast, code: Code, has_history: bool) -> Value {
    let execution = &rehearsed.execution;
    let mut document = json!({
        "code": code.name(),
        "ending": ending_word(&rehearsed.ending),
        "status": word(execution.status()),
        "output": execution.output(),
        "error": execution.error(),
        "cause": execution.cause(),
        "variables": rehearsed.variables(),
        "took_millis": rehearsed.took_millis(),
        "states": rehearsed.visits.iter().map(|visit| visit_document(rehearsed, visit)).collect::<Vec<_>>(),
        "tasks": rehearsed.tasks.iter().map(|performed| json!({
            "state": performed.task.state,
            "resource": performed.task.resource,
            "parameters": performed.task.parameters,
            "attempt": performed.task.attempt,
            "at_millis": performed.at.millis_since(rehearsed.started_at),
        })).collect::<Vec<_>>(),
        "written": cast.buckets.written().map(|(bucket, key, content)| json!({
            "bucket": bucket,
            "key": key,
            "content": String::from_utf8_lossy(content),
        })).collect::<Vec<_>>(),
    });
    if let Ending::NoAnswer { reason, .. } = &rehearsed.ending
        && let Some(fields) = document.as_object_mut()
    {
        fields.insert("problem".to_owned(), reason.as_str().into());
    }
    if has_history && let Some(fields) = document.as_object_mut() {
        fields
            .insert("history".to_owned(), rehearsed.events.iter().map(|event| event.to_history()).collect());
    }
    document
}

fn visit_document(rehearsed: &Rehearsed, visit: &Visit) -> Value {
    json!({
        "name": visit.state,
        "type": visit.kind,
        "depth": visit.depth,
        "index": visit.index,
        "entered_millis": visit.entered_at.millis_since(rehearsed.started_at),
        "exited_millis": visit.exited_at.map(|at| at.millis_since(rehearsed.started_at)),
        "tries": visit.attempts,
        "errors": visit.errors.iter().map(|(error, cause)| json!({"error": error, "cause": cause})).collect::<Vec<_>>(),
        "is_caught": visit.is_caught,
        "input": &*visit.input,
        "output": visit.output.as_deref(),
    })
}

/// Replies by state: failures first, as when something fails and is tried again.
fn replies(errors: &[String], results: &[String]) -> Result<Vec<(String, Vec<Reply>)>, Failure> {
    let mut replies: Vec<(String, Vec<Reply>)> = Vec::new();
    let mut add = |state: &str, answer| {
        let reply = Reply { answer, times: 1 };
        match replies.iter_mut().find(|(name, _)| name == state) {
            Some((_, list)) => list.push(reply),
            None => replies.push((state.to_owned(), vec![reply])),
        }
    };
    for text in errors {
        let (state, error) = split(text, "--task-error", "STATE=ERROR:CAUSE")?;
        let (error, cause) =
            error.split_once(':').map_or((error, None), |(error, cause)| (error, Some(cause.trim())));
        add(state, shipway_asl::rehearsal::Answer::throws(error, cause.map(str::to_owned)));
    }
    for text in results {
        let (state, result) = split(text, "--task", "STATE=JSON")?;
        let result = serde_json::from_str(result)
            .map_err(|error| Failure::usage(format!("`--task {text}` has no JSON after `=`: {error}")))?;
        add(state, shipway_asl::rehearsal::Answer::returns(result));
    }
    Ok(replies)
}

fn split<'a>(text: &'a str, flag: &str, form: &str) -> Result<(&'a str, &'a str), Failure> {
    text.split_once('=')
        .filter(|(state, _)| !state.is_empty())
        .ok_or_else(|| Failure::usage(format!("`{flag} {text}` is not `{form}`")))
}
