//! Actions on executions. Their histories and synchronous starts have files of their own.

use serde_json::{Map, Value, json};
use shipway_asl::{MachineKind, Status, Timestamp, json as json_text};
use shipway_engine::{
    Launch, MapRunChild, Origin, Qualifier,
    machines::{Error, Owner},
    store::{PAGE_MAX, Row, RowFilter},
};

use super::{
    Api, arn,
    fault::{Fault, of_engine, of_launch, of_machine},
    page::{self, Page},
    redrive, seconds,
    validate::Request,
};

/// `StartExecution`
pub async fn start(api: &Api, request: Request) -> Result<Value, Fault> {
    let launch = launch_of(api, &request)?;
    let arn = request.needed("stateMachineArn");
    let launched = api.engine.launch(launch).await.map_err(of_launch(arn))?;
    Ok(json!({"executionArn": launched.arn, "startDate": seconds(launched.started_at)}))
}

/// What a start asks for.
pub fn launch_of(api: &Api, request: &Request) -> Result<Launch, Fault> {
    let arn = request.needed("stateMachineArn");
    let machine = arn::machine(&api.engine, arn)?;
    if machine.label.is_some() {
        return Err(Fault::no_machine(arn));
    }
    Ok(Launch {
        machine: machine.name,
        qualifier: machine.qualifier,
        name: request.owned("name"),
        input: input_of(request.text("input").unwrap_or("{}"))?,
        trace_header: request.owned("traceHeader"),
        parent: None,
    })
}

fn input_of(text: &str) -> Result<Value, Fault> {
    let wrong = |why: &str| {
        Fault::new("InvalidExecutionInput", format!("Invalid State Machine Execution Input: '{why}'"))
    };
    if text.trim().is_empty() {
        return Err(wrong("Invalid execution input."));
    }
    if text.len() > shipway_asl::limits::DATA_BYTES_MAX {
        return Err(wrong("The input is larger than 262144 bytes."));
    }
    serde_json::from_str(text).map_err(|error| match json_text::first_error(text) {
        Some(found) => wrong(&found.message),
        None => wrong(&error.to_string()),
    })
}

/// `StopExecution`
pub async fn stop(api: &Api, request: Request) -> Result<Value, Fault> {
    let arn = request.needed("executionArn");
    arn::execution(&api.engine, arn)?;
    check_owner(api, &api.engine.row(arn).await.map_err(of_engine)?).await?;
    let stopped = api.engine.stop(arn, request.owned("error"), request.owned("cause")).await;
    match stopped {
        // WHY: stopping what has ended already is no error to AWS.
        Ok(()) | Err(shipway_engine::Error::NotWaiting(_)) => {}
        Err(error) => return Err(of_engine(error)),
    }
    let row = api.engine.row(arn).await.map_err(of_engine)?;
    Ok(json!({"stopDate": seconds(row.stopped_at.unwrap_or_default())}))
}

/// WHY: a deployment that is stopped here would leave its target as it happens to stand; `halt` cleans up.
pub async fn check_owner(api: &Api, row: &Row) -> Result<(), Fault> {
    let name = row.machine.split('/').next().unwrap_or_default();
    match api.engine.find_machine(name).await {
        Ok(machine) if machine.owner == Owner::Shipway => Err(Fault::denied(&row.arn)),
        Ok(_) | Err(Error::NoMachine(_)) => Ok(()),
        Err(error) => Err(of_machine(&row.arn)(error)),
    }
}

/// `DescribeExecution`
pub async fn describe(api: &Api, request: Request) -> Result<Value, Fault> {
    let arn = request.needed("executionArn");
    arn::execution(&api.engine, arn)?;
    let row = api.engine.row(arn).await.map_err(of_engine)?;
    let execution = api.engine.describe(arn).await.map_err(of_engine)?;
    let is_whole = request.text("includedData") != Some("METADATA_ONLY");
    let mut answer = Map::new();
    answer.insert("executionArn".into(), arn.into());
    summary(&mut answer, api, &row);
    answer.insert("startDate".into(), seconds(execution.started_at));
    let mut data = |name: &str, value: Option<&Value>| {
        let Some(value) = value else { return };
        if is_whole {
            answer.insert(name.into(), value.to_string().into());
        }
        answer.insert(format!("{name}Details"), json!({"included": is_whole}));
    };
    data("input", Some(&execution.input));
    data("output", execution.output.as_ref());
    for (name, text) in [("error", &execution.error), ("cause", &execution.cause)] {
        if let Some(text) = text.as_ref().filter(|_| is_whole) {
            answer.insert(name.into(), text.as_str().into());
        }
    }
    if let Some(map_run) = &execution.map_run {
        answer.insert("mapRunArn".into(), map_run.as_str().into());
    }
    if let Some(header) = &row.origin.trace_header {
        answer.insert("traceHeader".into(), header.as_str().into());
    }
    redrive::tell_status(&mut answer, api, &row).await?;
    Ok(answer.into())
}

/// What a list tells of an execution, and its description too.
pub fn summary(answer: &mut Map<String, Value>, api: &Api, row: &Row) {
    let machine_arn = api.engine.machine_arn(&row.machine);
    answer.insert("name".into(), row.name.as_str().into());
    answer.insert("status".into(), status_name(row.status).into());
    answer.insert("startDate".into(), seconds(row.started_at));
    if let Some(at) = row.stopped_at {
        answer.insert("stopDate".into(), seconds(at));
    }
    let Origin { version, alias, .. } = &row.origin;
    if let Some(version) = version {
        answer.insert("stateMachineVersionArn".into(), format!("{machine_arn}:{version}").into());
    }
    if let Some(alias) = alias {
        answer.insert("stateMachineAliasArn".into(), format!("{machine_arn}:{alias}").into());
    }
    answer.insert("stateMachineArn".into(), machine_arn.into());
    answer.insert("redriveCount".into(), row.redrives.into());
    if let Some(at) = row.redriven_at {
        answer.insert("redriveDate".into(), seconds(at));
    }
}

/// `ListExecutions`
pub async fn list(api: &Api, request: Request) -> Result<Value, Fault> {
    let arn = match (request.text("stateMachineArn"), request.text("mapRunArn")) {
        (Some(arn), None) => arn,
        (None, Some(map_run)) => return children(api, map_run, &request).await,
        (Some(_), Some(_)) | (None, None) => {
            return Err(Fault::validation("Exactly one of stateMachineArn and mapRunArn must be specified"));
        }
    };
    let page = Page::of("ListExecutions", &request)?;
    let status = request.text("statusFilter");
    redrive::check_filters(status, request.text("redriveFilter"))?;
    let mut filter = filter_of(api, arn).await?;
    filter.status = status.and_then(status_of);
    let fetch = |after: Option<String>, limit| {
        let filter = filter.clone();
        async move {
            let before = after.map(|after| cursor_of(&after).ok_or_else(Fault::page)).transpose()?;
            api.engine.rows(&RowFilter { before, limit, ..filter }).await.map_err(of_engine)
        }
    };
    let (rows, next) = page::read(&page, fetch, cursor).await?;
    let items = rows.iter().map(|row| {
        let mut item = Map::new();
        item.insert("executionArn".into(), row.arn.as_str().into());
        if let Some(map_run) = &row.origin.map_run {
            item.insert("mapRunArn".into(), map_run.as_str().into());
        }
        summary(&mut item, api, row);
        item.into()
    });
    Ok(page.answer("executions", items, next))
}

/// The executions that a Map Run has started, newest first.
async fn children(api: &Api, map_run: &str, request: &Request) -> Result<Value, Fault> {
    arn::map_run(&api.engine, map_run)?;
    let page = Page::of("ListExecutions", request)?;
    let run = api.engine.map_run(map_run).await.map_err(of_engine)?;
    let wanted = Wanted {
        map_run,
        status: request.text("statusFilter"),
        redriven: request.text("redriveFilter"),
        was_redriven: run.redrives > 0,
    };
    let fetch = |after: Option<String>, limit| wanted.read(api, after, limit);
    let (found, next) = page::read(&page, fetch, |child| cursor(&child.row)).await?;
    let items = found.iter().map(|child| {
        let mut item = Map::new();
        item.insert("executionArn".into(), child.row.arn.as_str().into());
        item.insert("mapRunArn".into(), map_run.into());
        item.insert("itemCount".into(), child.items.into());
        summary(&mut item, api, &child.row);
        item.insert("status".into(), child_status(child).into());
        item.into()
    });
    Ok(page.answer("executions", items, next))
}

/// Which children of a Map Run are asked for.
struct Wanted<'a> {
    map_run: &'a str,
    status: Option<&'a str>,
    redriven: Option<&'a str>,
    was_redriven: bool,
}

impl Wanted<'_> {
    fn has(&self, child: &MapRunChild) -> bool {
        self.status.is_none_or(|wanted| wanted == child_status(child))
            && self.redriven.is_none_or(|wanted| (wanted == "REDRIVEN") == (child.row.redrives > 0))
    }

    /// The next of them, however many others lie between.
    async fn read(&self, api: &Api, after: Option<String>, limit: usize) -> Result<Vec<MapRunChild>, Fault> {
        let mut before = after.map(|after| cursor_of(&after).ok_or_else(Fault::page)).transpose()?;
        if !self.was_redriven && (self.redriven == Some("REDRIVEN") || self.status == Some(redrive::PENDING))
        {
            return Ok(Vec::new());
        }
        // WHY: before the first redrive, all that the store gives is wanted.
        let at_once = if self.was_redriven { PAGE_MAX } else { limit };
        let status = self.status.and_then(status_of);
        let mut found = Vec::new();
        loop {
            let filter = RowFilter { status, before, limit: at_once, ..RowFilter::default() };
            let read = api.engine.map_run_rows(self.map_run, &filter).await.map_err(of_engine)?;
            let is_end = read.len() < at_once;
            before = read.last().map(|child| (child.row.started_at, child.row.arn.clone()));
            found.extend(read.into_iter().filter(|child| self.has(child)));
            if is_end || found.len() >= limit {
                found.truncate(limit);
                return Ok(found);
            }
        }
    }
}

fn cursor(row: &Row) -> String {
    format!("{}:{}", row.started_at.0, row.arn)
}

fn child_status(child: &MapRunChild) -> &'static str {
    if child.is_pending_redrive { redrive::PENDING } else { status_name(child.row.status) }
}

async fn filter_of(api: &Api, arn: &str) -> Result<RowFilter, Fault> {
    let named = arn::machine(&api.engine, arn)?;
    let machine = api.engine.find_machine(&named.name).await.map_err(of_machine(arn))?;
    if machine.kind == MachineKind::Express {
        return Err(Fault::kind());
    }
    // WHY: what a deleted machine of this name ran is not this machine's.
    let mut filter =
        RowFilter { machine: Some(named.name), since: Some(machine.created_at), ..RowFilter::default() };
    match named.qualifier {
        None => {}
        Some(Qualifier::Version(number)) => {
            machine.version(number).ok_or_else(|| Fault::no_machine(arn))?;
            filter.version = Some(number);
        }
        Some(Qualifier::Alias(name)) => {
            machine.alias(&name).ok_or_else(|| Fault::no_machine(arn))?;
            filter.alias = Some(name);
        }
    }
    Ok(filter)
}

fn cursor_of(text: &str) -> Option<(Timestamp, String)> {
    let (millis, arn) = text.split_once(':')?;
    Some((Timestamp(millis.parse().ok()?), arn.to_owned()))
}

/// AWS's name of a status.
pub fn status_name(status: Status) -> &'static str {
    match status {
        Status::Running => "RUNNING",
        Status::Succeeded => "SUCCEEDED",
        Status::Failed => "FAILED",
        Status::TimedOut => "TIMED_OUT",
        Status::Aborted => "ABORTED",
    }
}

fn status_of(name: &str) -> Option<Status> {
    let all = [Status::Running, Status::Succeeded, Status::Failed, Status::TimedOut, Status::Aborted];
    all.into_iter().find(|status| status_name(*status) == name)
}
