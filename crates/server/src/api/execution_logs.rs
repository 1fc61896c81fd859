//! What is logged of a machine's executions, by its `loggingConfiguration`.

use axum::{Json as Answer, extract::State};
use serde::Deserialize;
use shipway_engine::machines;

use crate::{
    Shared,
    extract::{Path, Query, limit},
    logging::{Cursor, Found, Level, Logging, Logs, Wanted},
    problem::{BAD_REQUEST, NOT_FOUND, REFUSED, UNAVAILABLE},
    wire::{ExecutionLog, Problem},
};

/// Which lines.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lines {
    execution: Option<String>,
    level: Option<String>,
    lines: Option<usize>,
    after: Option<String>,
}

/// Lines that are logged of a machine's executions.
pub async fn show(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    Query(query): Query<Lines>,
) -> Result<Answer<ExecutionLog>, Problem> {
    let most = limit(query.lines, 100, 10_000, "lines")?;
    let level = query.level.as_deref().map_or(Ok(Level::All), level)?;
    let after = query.after.as_deref().map(cursor).transpose()?;
    let (logs, group) = group_of(&shared, &name).await?;
    let wanted = Wanted { machine: name, execution: query.execution, level };
    let found = tokio::task::spawn_blocking(move || match after {
        Some(after) => logs.after(&group, &wanted, after, most),
        None => logs.newest(&group, &wanted, most),
    });
    let unreadable =
        |error: &dyn std::fmt::Display| UNAVAILABLE.because(format!("reading the logs: {error}"));
    let found = found.await.map_err(|error| unreadable(&error))?;
    told(&found.map_err(|error| unreadable(&error))?)
}

fn told(found: &Found) -> Result<Answer<ExecutionLog>, Problem> {
    let lines = found.lines.iter().map(|line| serde_json::from_str(line)).collect::<Result<_, _>>();
    let lines =
        lines.map_err(|error| UNAVAILABLE.because(format!("a line of the logs is damaged: {error}")))?;
    Ok(Answer(ExecutionLog { lines, cursor: found.cursor.to_string() }))
}

fn level(name: &str) -> Result<Level, Problem> {
    Level::parse(name).ok_or_else(|| {
        BAD_REQUEST.because(format!("`{name}` is no level; levels are ALL, ERROR and FATAL")).at("level")
    })
}

fn cursor(text: &str) -> Result<Cursor, Problem> {
    Cursor::parse(text)
        .ok_or_else(|| BAD_REQUEST.because(format!("`{text}` is no cursor of a page before")).at("after"))
}

/// Where the machine logs as it stands.
async fn group_of(shared: &Shared, name: &str) -> Result<(Logs, String), Problem> {
    let no_machine = || NOT_FOUND.because(format!("machine `{name}` does not exist"));
    let (Some(engine), Some(logs)) = (shared.app.engine(), shared.logs.clone()) else {
        return Err(no_machine());
    };
    let machine = match engine.find_machine(name).await {
        Ok(machine) => machine,
        Err(machines::Error::NoMachine(_)) => return Err(no_machine()),
        Err(error) => return Err(UNAVAILABLE.because(format!("reading the machine: {error}"))),
    };
    let logging = Logging::read(&machine.settings.logging).ok_or_else(|| {
        REFUSED.because(format!("machine `{name}` logs nothing")).hint(
            "give it a `loggingConfiguration` with a level and a log group (CreateStateMachine, UpdateStateMachine)",
        )
    })?;
    Ok((logs, logging.group))
}
