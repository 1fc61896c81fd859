//! `shipway machine`: checks, draws and runs state machines without a server.

use std::{
    collections::BTreeMap,
    io::Read,
    path::{Path, PathBuf},
};

use clap::{Parser, Subcommand};
use serde_json::Value;
use shipway_asl::{Diagnostic, Severity, StateMachine, Status};
use shipway_server::{Statuses, render_svg, render_text};

use super::{Command, Group};
use crate::{
    context::Context,
    dry_run::{self, Answer, DryRun},
    exit::Code,
    failure::Failure,
    output::{GREEN, GREY, RED, YELLOW},
};

/// Bytes of a definition at most.
const DEFINITION_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Check, draw and run state machines
///
/// Machines are written in the Amazon States Language. `run` runs one on the real engine in
/// virtual time: a wait of a year takes no time, and tasks are answered by what you say.
///
///     $ shipway machine run retry.asl.json --input '{"n": 1}' --task-error 'pay=Busy:try later' --task 'pay={"ok": true}'
#[derive(Debug, Parser)]
#[command(name = "machine", verbatim_doc_comment)]
pub struct Machine {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Say all that is wrong with a machine; exit code 1 if it would be refused
    Lint {
        /// The definition; - reads stdin
        file: PathBuf,
    },
    /// Draw a machine as text, or as SVG
    Render {
        /// The definition; - reads stdin
        file: PathBuf,
        /// Draw SVG
        #[arg(long)]
        svg: bool,
    },
    /// Run a machine on the engine, in memory and in virtual time
    Run(Run),
}

#[derive(Debug, clap::Args)]
struct Run {
    /// The definition; - reads stdin
    file: PathBuf,
    /// The execution's input
    #[arg(long, value_name = "JSON", default_value = "{}")]
    input: String,
    /// What tasks of a resource answer; several are given one after another, the last one for ever
    #[arg(long, value_name = "RESOURCE=JSON")]
    task: Vec<String>,
    /// How tasks of a resource fail, before they answer; several fail one after another
    #[arg(long, value_name = "RESOURCE=NAME:CAUSE")]
    task_error: Vec<String>,
    /// The time that the execution starts at
    #[arg(long, value_name = "TIME", default_value = "2026-01-01T00:00:00Z")]
    now: String,
    /// Where random numbers come from
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Print the whole history
    #[arg(long)]
    events: bool,
}

impl Command for Machine {
    const GROUP: Option<Group> = Some(Group::Tools);

    async fn run(self, cx: &Context) -> Result<Code, Failure> {
        match self.verb {
            Verb::Lint { file } => lint(cx, &file),
            Verb::Render { file, svg } => render(cx, &file, svg),
            Verb::Run(run) => run.run(cx),
        }
    }
}

fn read(file: &Path) -> Result<String, Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(Code::Usage, format!("cannot read `{}`: {error}", file.display()))
    };
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().take(DEFINITION_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    } else {
        let opened = std::fs::File::open(file).map_err(failed)?;
        opened.take(DEFINITION_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    }
    Ok(text)
}

/// The machine, or what is wrong with it as a failure.
fn parse(text: &str, file: &Path) -> Result<StateMachine, Failure> {
    StateMachine::parse(text).map_err(|diagnostics| {
        let first = diagnostics.first().map(|one| format!("{}: {}", one.location, one.message));
        Failure::usage(format!("`{}` is not valid: {}", file.display(), first.unwrap_or_default()))
            .hint(format!("shipway machine lint {}", file.display()))
    })
}

fn lint(cx: &Context, file: &Path) -> Result<Code, Failure> {
    let (is_good, diagnostics) = match StateMachine::parse(&read(file)?) {
        Ok(machine) => (true, machine.warnings().to_vec()),
        Err(diagnostics) => (false, diagnostics),
    };
    let code = if is_good { Code::Ok } else { Code::Failed };
    if cx.out.is_json() {
        let result = if is_good { "OK" } else { "FAIL" };
        let document = serde_json::json!({"code": code.name(), "result": result, "diagnostics": diagnostics});
        cx.out.json(&document)?;
        return Ok(code);
    }
    for one in &diagnostics {
        cx.out.text(&diagnostic(cx, file, one))?;
    }
    if is_good {
        cx.out.say(&format!("{} is valid", file.display()));
    }
    Ok(code)
}

fn diagnostic(cx: &Context, file: &Path, one: &Diagnostic) -> String {
    let paint = cx.out.data();
    let severity = match one.severity {
        Severity::Error => paint.paint(RED, "error"),
        Severity::Warning => paint.paint(YELLOW, "warning"),
    };
    format!("{}{}: {severity} {}: {}", file.display(), one.location, one.code, one.message)
}

fn render(cx: &Context, file: &Path, is_svg: bool) -> Result<Code, Failure> {
    let outline = parse(&read(file)?, file)?.outline();
    let text = if is_svg { render_svg(&outline, &Statuses::new()) } else { render_text(&outline) };
    cx.out.text(&text)?;
    Ok(Code::Ok)
}

impl Run {
    fn run(self, cx: &Context) -> Result<Code, Failure> {
        let definition = read(&self.file)?;
        parse(&definition, &self.file)?;
        let input = serde_json::from_str(&self.input)
            .map_err(|error| Failure::usage(format!("`--input` is not JSON: {error}")))?;
        let now = shipway_asl::Timestamp::parse(&self.now).ok_or_else(|| {
            Failure::usage(format!("`--now {}` is not a time", self.now)).hint("write 2026-01-01T00:00:00Z")
        })?;
        let answers = answers(&self.task_error, &self.task)?;
        let ended = dry_run::run(DryRun { definition, input, answers, now, seed: self.seed })?;
        let is_good = ended.status == Status::Succeeded;
        let code = if is_good { Code::Ok } else { Code::Failed };
        if cx.out.is_json() {
            return show_json(cx, &ended, self.events, code);
        }
        if self.events {
            for event in &ended.events {
                cx.out.say(&line(cx, event));
            }
        }
        match (&ended.output, &ended.error) {
            (Some(output), _) => cx.out.json(output)?,
            (None, Some((error, cause))) => {
                return Err(Failure::failed(format!("{error}: {cause}"))
                    .hint("--events shows the way that led there"));
            }
            (None, None) => return Err(Failure::failed(format!("it ended {:?}", ended.status))),
        }
        cx.out.say(&cx.out.talk().paint(GREEN, &format!("succeeded after {} in virtual time", ended.took)));
        Ok(code)
    }
}

fn show_json(cx: &Context, ended: &dry_run::Ended, has_events: bool, code: Code) -> Result<Code, Failure> {
    if has_events {
        for event in &ended.events {
            cx.out.json_line(event)?;
        }
    }
    let (error, cause) =
        ended.error.clone().map_or((None, None), |(error, cause)| (Some(error), Some(cause)));
    cx.out.json_line(&serde_json::json!({
        "code": code.name(),
        "status": ended.status,
        "output": ended.output,
        "error": error,
        "cause": cause,
    }))?;
    Ok(code)
}

fn line(cx: &Context, event: &Value) -> String {
    let text = |name: &str| event.get(name).map(|value| value.to_string()).unwrap_or_default();
    let details = event.as_object().into_iter().flatten().find(|(name, _)| name.ends_with("Details"));
    let details = details.map(|(_, details)| details.to_string()).unwrap_or_default();
    let kind = text("type");
    format!("{:>4} {:<24} {}", text("id"), kind.trim_matches('"'), cx.out.talk().paint(GREY, &details))
}

/// Answers by resource: failures first, as when something fails and is tried again.
fn answers(errors: &[String], results: &[String]) -> Result<BTreeMap<String, Vec<Answer>>, Failure> {
    let mut answers: BTreeMap<String, Vec<Answer>> = BTreeMap::new();
    for text in errors {
        let (resource, error) = split(text, "--task-error", "RESOURCE=NAME:CAUSE")?;
        let (error, cause) = error.split_once(':').unwrap_or((error, ""));
        let answer = Answer::Error { error: error.to_owned(), cause: cause.trim().to_owned() };
        answers.entry(resource.to_owned()).or_default().push(answer);
    }
    for text in results {
        let (resource, result) = split(text, "--task", "RESOURCE=JSON")?;
        let result = serde_json::from_str(result)
            .map_err(|error| Failure::usage(format!("`--task {text}` has no JSON after `=`: {error}")))?;
        answers.entry(resource.to_owned()).or_default().push(Answer::Result(result));
    }
    Ok(answers)
}

fn split<'a>(text: &'a str, flag: &str, form: &str) -> Result<(&'a str, &'a str), Failure> {
    text.split_once('=')
        .filter(|(resource, _)| !resource.is_empty())
        .ok_or_else(|| Failure::usage(format!("`{flag} {text}` is not `{form}`")))
}
