//! `shipway machine logs`: what a server logs of a machine's executions.

use std::{pin::pin, time::Duration};

use clap::{Parser, ValueEnum};
use serde_json::Value;
use shipway_asl::Timestamp;
use shipway_server::wire::ExecutionLog;
use tokio::time::sleep;

use crate::{context::Context, exit::Code, failure::Failure, local, output::GREY};

/// Time between two looks for new lines.
const LOOK: Duration = Duration::from_millis(500);

/// Show what is logged of a machine's executions
///
/// As its loggingConfiguration says. --json gives the lines in AWS's form. -f follows.
///
///     $ shipway machine logs orders --level ERROR
#[derive(Debug, Parser)]
#[command(name = "logs", verbatim_doc_comment)]
pub struct Logs {
    /// The machine
    #[arg(value_name = "MACHINE")]
    machine: String,
    /// Only the execution with this name
    #[arg(short, long, value_name = "NAME")]
    execution: Option<String>,
    /// Only what this level logs
    #[arg(short, long, value_name = "LEVEL", ignore_case = true)]
    level: Option<Level>,
    /// Go on showing new lines
    #[arg(short, long)]
    follow: bool,
    /// The last so many lines, up to 10,000
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    lines: u32,
}

/// AWS's levels.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "UPPER")]
enum Level {
    /// Every event
    All,
    /// Every failure
    Error,
    /// Executions that failed
    Fatal,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::All => "ALL",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }
}

impl Logs {
    /// Shows them.
    pub async fn run(self, cx: &Context) -> Result<Code, Failure> {
        let api = local::expect(cx).await?;
        let mut page = api.execution_logs(&self.machine, &self.query(None)).await?;
        show(cx, &page)?;
        if !self.follow {
            return Ok(Code::Ok);
        }
        let mut interrupted = pin!(tokio::signal::ctrl_c());
        loop {
            // WHY: a page that is not empty may not be the last one.
            let wait = if page.lines.is_empty() { LOOK } else { Duration::ZERO };
            tokio::select! {
                _ = &mut interrupted => return Ok(Code::Interrupted),
                () = sleep(wait) => {}
            }
            page = api.execution_logs(&self.machine, &self.query(Some(&page.cursor))).await?;
            show(cx, &page)?;
        }
    }

    fn query(&self, after: Option<&str>) -> Vec<(&'static str, String)> {
        let mut query = vec![("lines", self.lines.to_string())];
        query.extend(self.execution.clone().map(|execution| ("execution", execution)));
        query.extend(self.level.map(|level| ("level", level.name().to_owned())));
        query.extend(after.map(|after| ("after", after.to_owned())));
        query
    }
}

fn show(cx: &Context, page: &ExecutionLog) -> Result<(), Failure> {
    for line in &page.lines {
        match cx.out.is_json() {
            true => cx.out.json_line(line)?,
            false => cx.out.text(&text(cx, line))?,
        }
    }
    Ok(())
}

/// `2026-11-21T05:54:51.097Z order-1 4 TaskFailed resource=invoke error=E`
fn text(cx: &Context, line: &Value) -> String {
    let field = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or_default();
    let at = Timestamp(field("event_timestamp").parse().unwrap_or_default());
    let execution = field("execution_arn").split(':').nth(7).unwrap_or_default();
    let head = format!("{at} {execution} {}", field("id"));
    let details = line.get("details").and_then(Value::as_object).into_iter().flatten();
    let details: String =
        details.filter_map(|(name, value)| Some(format!(" {name}={}", value.as_str()?))).collect();
    // What executions carry must not move the cursor.
    let tail: String = format!("{}{details}", field("type"))
        .chars()
        .map(|c| if c.is_control() && c != '\t' { ' ' } else { c })
        .collect();
    format!("{} {tail}", cx.out.data().paint(GREY, &head))
}
