//! `GetExecutionHistory`: pages of events, from either end, with the data or without.

use serde_json::{Map, Value};
use shipway_asl::Event;

use super::{
    Api, arn,
    fault::{Fault, of_engine},
    page::Page,
    seconds,
    validate::Request,
};

/// What of an event's details is data of the execution.
const DATA: &[&str] = &[
    "input",
    "inputDetails",
    "output",
    "outputDetails",
    "parameters",
    "assignedVariables",
    "assignedVariablesDetails",
];

/// `GetExecutionHistory`
pub async fn get(api: &Api, request: Request) -> Result<Value, Fault> {
    let arn = request.needed("executionArn");
    arn::execution(&api.engine, arn)?;
    let page = Page::of("GetExecutionHistory", &request)?;
    let row = api.engine.row(arn).await.map_err(of_engine)?;
    let after = page.after.as_deref().map(|text| text.parse().map_err(|_| Fault::page())).transpose()?;
    let (events, next) = match request.flag("reverseOrder").unwrap_or(false) {
        false => forwards(api, arn, after.unwrap_or(0), page.limit, row.last_event_id).await?,
        true => backwards(api, arn, after.unwrap_or(row.last_event_id.saturating_add(1)), page.limit).await?,
    };
    let has_data = request.flag("includeExecutionData").unwrap_or(true);
    let items = events.iter().map(|event| told(event, has_data));
    Ok(page.answer("events", items, next.map(|id| id.to_string())))
}

async fn forwards(
    api: &Api,
    arn: &str,
    after: u64,
    limit: usize,
    last: u64,
) -> Result<(Vec<Event>, Option<u64>), Fault> {
    let events = api.engine.history(arn, after, limit).await.map_err(of_engine)?;
    let next = events.last().map(|event| event.id).filter(|id| *id < last);
    Ok((events, next))
}

/// INVARIANT: ids of events have no gaps, so that a page from the end can be read from its front.
async fn backwards(
    api: &Api,
    arn: &str,
    before: u64,
    limit: usize,
) -> Result<(Vec<Event>, Option<u64>), Fault> {
    let first = before.saturating_sub(u64::try_from(limit).unwrap_or(u64::MAX)).max(1);
    let count = usize::try_from(before.saturating_sub(first)).unwrap_or(limit);
    let mut events = api.engine.history(arn, first.saturating_sub(1), count).await.map_err(of_engine)?;
    events.reverse();
    Ok((events, (first > 1).then_some(first)))
}

/// An event as the protocol has it.
fn told(event: &Event, has_data: bool) -> Value {
    let Value::Object(mut fields) = event.to_history() else { return Value::Object(Map::new()) };
    fields.insert("timestamp".into(), seconds(event.timestamp));
    if !has_data {
        for details in fields.values_mut().filter_map(Value::as_object_mut) {
            details.retain(|name, _| !DATA.contains(&name.as_str()));
        }
    }
    Value::Object(fields)
}
