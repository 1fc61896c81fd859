//! A plan as columns: one array a column, a place a row, as `unnest` takes them.

use jiff::Timestamp as Time;
use serde::Serialize;
use tokio_postgres::types::ToSql;

use super::{
    Trouble, integer,
    plan::{Plan, PlannedRow},
    status_text, time,
};

type Column<'a> = Box<dyn ToSql + Sync + Send + 'a>;

/// Columns of equal length.
pub struct Columns<'a> {
    pub rows: usize,
    pub values: Vec<Column<'a>>,
}

/// A column of what each item gives.
fn column<'a, T, V: ToSql + Sync + Send + 'a>(items: &[T], value: impl Fn(&T) -> V) -> Column<'a> {
    Box::new(items.iter().map(value).collect::<Vec<V>>())
}

/// Records that are new, or that are there.
pub fn records<'a>(plan: &Plan<'a>, is_new: bool) -> Columns<'a> {
    let items: Vec<_> = plan.records.iter().filter(|(_, record)| record.is_new == is_new).collect();
    let values = vec![
        column(&items, |(key, _)| **key),
        column(&items, |(_, record)| integer(record.version)),
        column(&items, |(_, record)| record.value.to_string()),
        column(&items, |(_, record)| record.value.is_null()),
    ];
    Columns { rows: items.len(), values }
}

fn rows<'p, 'a>(plan: &'p Plan<'a>, is_new: bool) -> Vec<&'p PlannedRow<'a>> {
    plan.executions.values().filter(|planned| planned.is_new == is_new).collect()
}

/// Executions that are new.
pub fn new_executions<'a>(plan: &Plan<'a>) -> Result<Columns<'a>, Trouble> {
    let items = rows(plan, true);
    let origins: Vec<String> = items.iter().map(|item| text(&item.row.origin)).collect::<Result<_, _>>()?;
    let values: Vec<Column<'a>> = vec![
        column(&items, |item| item.id),
        column(&items, |item| item.row.arn.as_str()),
        column(&items, |item| item.row.machine.as_str()),
        column(&items, |item| integer(item.row.revision)),
        column(&items, |item| item.row.name.as_str()),
        column(&items, |item| status_text(item.row.status)),
        column(&items, |item| time(item.row.started_at)),
        column(&items, |item| item.row.stopped_at.map(time)),
        column(&items, |item| integer(item.row.last_event_id)),
        column(&items, |item| item.row.origin.version.map(integer)),
        column(&items, |item| item.row.origin.alias.as_deref()),
        Box::new(origins),
        column(&items, |item| item.row.snapshot.as_slice()),
        column(&items, |item| i64::from(item.row.redrives)),
        column(&items, |item| item.row.redriven_at.map(time)),
        column(&items, |item| item.row.origin.map_run.as_deref()),
    ];
    Ok(Columns { rows: items.len(), values })
}

/// Executions that are there.
pub fn old_executions<'a>(plan: &Plan<'a>) -> Columns<'a> {
    let items = rows(plan, false);
    let values = vec![
        column(&items, |item| item.id),
        column(&items, |item| status_text(item.row.status)),
        column(&items, |item| item.row.stopped_at.map(time)),
        column(&items, |item| integer(item.row.last_event_id)),
        column(&items, |item| item.row.snapshot.as_slice()),
        column(&items, |item| i64::from(item.row.redrives)),
        column(&items, |item| item.row.redriven_at.map(time)),
    ];
    Columns { rows: items.len(), values }
}

/// Events.
pub fn events<'a>(plan: &Plan<'a>) -> Result<Columns<'a>, Trouble> {
    let items = &plan.events;
    let texts: Vec<String> = items.iter().map(|(_, event)| text(event)).collect::<Result<_, _>>()?;
    let values: Vec<Column<'a>> = vec![
        column(items, |(execution, _)| *execution),
        column(items, |(_, event)| integer(event.id)),
        column(items, |(_, event)| time(event.timestamp)),
        column(items, |(_, event)| event.type_name()),
        Box::new(texts),
    ];
    Ok(Columns { rows: items.len(), values })
}

/// Tasks that are done or not wanted any more.
pub fn tasks_gone<'a>(plan: &Plan<'a>) -> Columns<'a> {
    pairs(&plan.tasks.iter().filter(|(_, task)| task.is_none()).map(|(key, _)| *key).collect::<Vec<_>>())
}

/// Tasks that are to be done.
pub fn tasks<'a>(plan: &Plan<'a>) -> Result<Columns<'a>, Trouble> {
    let items: Vec<_> = plan.tasks.iter().filter_map(|(key, task)| Some((*key, (*task)?))).collect();
    let bodies: Vec<String> = items.iter().map(|(_, task)| text(task)).collect::<Result<_, _>>()?;
    let mut columns = pairs(&items.iter().map(|(key, _)| *key).collect::<Vec<_>>());
    columns.values.push(Box::new(bodies));
    Ok(columns)
}

/// Timers that have fired or are not wanted any more.
pub fn timers_gone<'a>(plan: &Plan<'a>) -> Columns<'a> {
    pairs(&plan.timers.iter().filter(|(_, due)| due.is_none()).map(|(key, _)| *key).collect::<Vec<_>>())
}

/// Timers that are to fire.
pub fn timers<'a>(plan: &Plan<'a>) -> Columns<'a> {
    let items: Vec<_> = plan.timers.iter().filter_map(|(key, due)| Some((*key, (*due)?))).collect();
    let mut columns = pairs(&items.iter().map(|(key, _)| *key).collect::<Vec<_>>());
    let dues: Vec<Time> = items.iter().map(|(_, due)| time(*due)).collect();
    columns.values.push(Box::new(dues));
    columns
}

fn pairs<'a>(items: &[(&'a str, u64)]) -> Columns<'a> {
    let values = vec![column(items, |(arn, _)| *arn), column(items, |(_, id)| integer(*id))];
    Columns { rows: items.len(), values }
}

fn text(value: &impl Serialize) -> Result<String, Trouble> {
    serde_json::to_string(value).map_err(|error| Trouble::Refused(format!("it cannot be written: {error}")))
}
