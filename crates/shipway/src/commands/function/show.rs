//! Functions, their logs and their answers, for people.

use std::time::Duration;

use serde_json::Value;
use shipway_asl::Timestamp;
use shipway_control::function::FunctionStatus;
use shipway_server::wire::AllFunctions;
use tokio::time::sleep;

use crate::{commands::logs, context::Context, exit::Code, failure::Failure, local, words::ago};

/// Time between two looks for new lines.
const LOOK: Duration = Duration::from_millis(500);

/// Show what a function wrote, with a line before and after each call
///
///     $ shipway function logs greet -f
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Logs {
    /// Its name
    name: String,
    /// Go on showing new lines
    #[arg(short, long)]
    follow: bool,
    /// The last so many lines, up to 10,000
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    lines: u32,
}

/// Call a function, and write its answer to stdout
///
/// It fails if the function fails. What the function wrote goes to stderr with --verbose.
///
///     $ shipway function invoke greet '{"name": "Ada"}'
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Invoke {
    /// Its name
    name: String,
    /// JSON
    #[arg(default_value = "{}")]
    payload: String,
}

impl Logs {
    pub async fn run(self, cx: &Context) -> Result<Code, Failure> {
        let api = local::expect(cx).await?;
        let mut page = api.function_logs(&self.name, self.lines, None).await?;
        logs::show(cx, &page)?;
        if !self.follow {
            return Ok(Code::Ok);
        }
        loop {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => return Ok(Code::Interrupted),
                () = sleep(LOOK) => {}
            }
            page = api.function_logs(&self.name, self.lines, Some(&page.cursor)).await?;
            logs::show(cx, &page)?;
        }
    }
}

impl Invoke {
    pub async fn run(self, cx: &Context) -> Result<Code, Failure> {
        let payload: Value = serde_json::from_str(&self.payload).map_err(|error| {
            Failure::usage(format!("the payload is no JSON: {error}")).hint("such as '{\"a\": 1}'")
        })?;
        let answer = local::expect(cx).await?.invoke_function(&self.name, payload).await?;
        answer.log.lines().for_each(|line| cx.out.detail(line));
        match cx.out.is_json() {
            true => cx.out.json(&answer)?,
            false => cx.out.text(&format!("{}\n", answer.payload))?,
        }
        Ok(if answer.is_failure { Code::Failed } else { Code::Ok })
    }
}

/// One function.
pub fn one(cx: &Context, function: &FunctionStatus) -> Result<(), Failure> {
    if cx.out.is_json() {
        return cx.out.json(function);
    }
    let list = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let handler = if function.handler.is_empty() { "bootstrap" } else { &function.handler };
    cx.out.text(&format!(
        "{}\n  arn          {}\n  code         {} {handler} in {}\n  limits       {} s, {} at once, {} MB told\n  \
         variables    {}\n  registered   {} by {}\n  processes    {}, {} busy\n",
        function.name,
        function.arn,
        function.runtime.name(),
        function.directory.display(),
        function.timeout_seconds,
        function.concurrency,
        function.memory_mb,
        list(&function.env_names),
        ago(function.registered_at, cx.now()),
        function.actor,
        function.processes,
        function.busy,
    ))
}

/// All functions.
pub fn all(cx: &Context, all: &AllFunctions) -> Result<(), Failure> {
    if cx.out.is_json() { cx.out.json(all) } else { cx.out.text(&table(&all.functions, cx.now())) }
}

fn table(functions: &[FunctionStatus], now: Timestamp) -> String {
    if functions.is_empty() {
        return "there are no functions; `shipway function register` keeps one\n".to_owned();
    }
    let line = |function: &FunctionStatus| {
        let lease = if function.leased_until.is_some() { ", while `shipway function run` lasts" } else { "" };
        format!(
            "{}  {} in {}, registered {} by {}{lease}\n",
            function.name,
            function.runtime.name(),
            function.directory.display(),
            ago(function.registered_at, now),
            function.actor
        )
    };
    functions.iter().map(line).collect()
}
