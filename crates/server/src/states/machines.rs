//! Actions on machines. Versions and aliases have files of their own.

use serde_json::{Map, Value, json};
use shipway_asl::{MachineKind, Severity, StateMachine};
use shipway_engine::{
    Qualifier,
    machines::{CreateMachine, Machine, Revision, Settings, UpdateMachine},
};

use super::{
    Api, arn,
    fault::{Fault, of_engine, of_machine},
    page::{self, Page},
    seconds, tags,
    validate::Request,
};

/// `CreateStateMachine`
pub async fn create(api: &Api, request: Request) -> Result<Value, Fault> {
    let publish = publish_of(&request)?;
    let create = CreateMachine {
        name: request.needed("name").to_owned(),
        kind: kind_of(&request),
        settings: Settings {
            definition: request.needed("definition").to_owned(),
            role_arn: role_of(request.needed("roleArn"))?,
            logging: logging_of(api, request.get("loggingConfiguration")).await?,
            tracing: tracing_of(request.get("tracingConfiguration")),
            encryption: encryption_of(request.get("encryptionConfiguration"))?,
        },
        publish,
        tags: tags::of(request.list("tags")),
    };
    let arn = api.engine.machine_arn(&create.name);
    let made = api.engine.create_machine(create).await.map_err(of_machine(&arn))?;
    let mut answer = Map::new();
    if let Some(version) = &made.version {
        answer.insert("stateMachineVersionArn".into(), format!("{arn}:{}", version.number).into());
    }
    answer.insert("stateMachineArn".into(), arn.into());
    answer.insert("creationDate".into(), seconds(made.machine.created_at));
    Ok(answer.into())
}

/// `UpdateStateMachine`
pub async fn update(api: &Api, request: Request) -> Result<Value, Fault> {
    update_from(api, request, None).await
}

/// As [`update`]; with a revision, only if the machine is at it still.
pub async fn update_from(api: &Api, request: Request, revision: Option<u64>) -> Result<Value, Fault> {
    let arn = request.needed("stateMachineArn");
    let name = arn::plain_machine(&api.engine, arn)?;
    let publish = publish_of(&request)?;
    let logging = request.get("loggingConfiguration");
    let update = UpdateMachine {
        definition: request.owned("definition"),
        role_arn: request.text("roleArn").map(role_of).transpose()?,
        logging: match logging {
            Some(_) => Some(logging_of(api, logging).await?),
            None => None,
        },
        tracing: request.get("tracingConfiguration").map(|given| tracing_of(Some(given))),
        encryption: request
            .get("encryptionConfiguration")
            .map(|given| encryption_of(Some(given)))
            .transpose()?,
        publish,
        revision,
    };
    let names =
        ["definition", "roleArn", "loggingConfiguration", "tracingConfiguration", "encryptionConfiguration"];
    if names.iter().all(|name| request.get(name).is_none()) {
        return Err(Fault::new(
            "MissingRequiredParameter",
            "Either the definition, the role ARN, the LoggingConfiguration, the EncryptionConfiguration or the \
             TracingConfiguration must be specified",
        ));
    }
    let made = api.engine.update_machine(&name, &update).await.map_err(of_machine(arn))?;
    let mut answer = Map::new();
    answer.insert("updateDate".into(), seconds(made.machine.updated_at));
    if let Some(id) = &made.machine.revision_id {
        answer.insert("revisionId".into(), id.as_str().into());
    }
    if let Some(version) = &made.version {
        answer.insert("stateMachineVersionArn".into(), format!("{arn}:{}", version.number).into());
    }
    Ok(answer.into())
}

/// `DeleteStateMachine`
pub async fn delete(api: &Api, request: Request) -> Result<Value, Fault> {
    let arn = request.needed("stateMachineArn");
    let machine = arn::machine(&api.engine, arn)?;
    if machine.label.is_some() {
        return Err(Fault::validation(format!("{arn} is the machine of a Map state's children")));
    }
    if machine.qualifier.is_none() {
        api.engine.delete_machine(&machine.name).await.map_err(of_machine(arn))?;
    }
    Ok(json!({}))
}

/// `DescribeStateMachine`
pub async fn describe(api: &Api, request: Request) -> Result<Value, Fault> {
    let arn = request.needed("stateMachineArn");
    let named = arn::machine(&api.engine, arn)?;
    let machine = api.engine.find_machine(&named.name).await.map_err(of_machine(arn))?;
    let mut answer = Map::new();
    let (number, created_at) = match &named.qualifier {
        None => (machine.revision, machine.created_at),
        Some(qualifier) => {
            let version = match qualifier {
                Qualifier::Version(number) => machine.version(*number),
                // WHY: AWS describes by alias nothing but the alias.
                Qualifier::Alias(_) => None,
            };
            let version = version.ok_or_else(|| Fault::no_machine(arn))?;
            if let Some(description) = &version.description {
                answer.insert("description".into(), description.as_str().into());
            }
            (version.revision, version.created_at)
        }
    };
    let revision = revision_of(api, &named.name, &machine, number).await?;
    answer.insert("stateMachineArn".into(), arn.into());
    answer.insert("name".into(), named.name.into());
    let status = if machine.is_deleting { "DELETING" } else { "ACTIVE" };
    answer.insert("status".into(), status.into());
    answer.insert("type".into(), kind_name(machine.kind).into());
    answer.insert("creationDate".into(), seconds(created_at));
    describe_settings(&mut answer, api, &revision, &request);
    if let Some(label) = named.label {
        answer.insert("label".into(), label.into());
    }
    Ok(answer.into())
}

async fn revision_of(api: &Api, name: &str, machine: &Machine, number: u64) -> Result<Revision, Fault> {
    if number == machine.revision {
        return Ok(machine.current());
    }
    api.engine.machine_revision(name, number).await.map_err(of_machine(name))
}

/// `DescribeStateMachineForExecution`
pub async fn describe_for_execution(api: &Api, request: Request) -> Result<Value, Fault> {
    let arn = request.needed("executionArn");
    arn::execution(&api.engine, arn)?;
    let row = api.engine.row(arn).await.map_err(of_engine)?;
    let execution = api.engine.describe(arn).await.map_err(of_engine)?;
    let mut revision =
        api.engine.machine_revision(&row.machine, row.revision).await.map_err(of_machine(arn))?;
    let mut answer = Map::new();
    answer.insert("stateMachineArn".into(), api.engine.machine_arn(&row.machine).into());
    if let (Some(map_run), Some((_, label))) = (execution.map_run, row.machine.split_once('/')) {
        let state = api.engine.map_run(&map_run).await.map_err(of_engine)?.state;
        if let Some(processor) = processor_of(&revision.settings.definition, &state) {
            revision.settings.definition = processor;
        }
        answer.insert("mapRunArn".into(), map_run.into());
        answer.insert("label".into(), label.into());
    }
    answer.insert("name".into(), row.machine.into());
    answer.insert("updateDate".into(), seconds(revision.created_at));
    describe_settings(&mut answer, api, &revision, &request);
    Ok(answer.into())
}

/// The machine of a Map state's children: what stands in its `ItemProcessor`.
fn processor_of(definition: &str, state: &str) -> Option<String> {
    let definition = serde_json::from_str::<Value>(definition).ok()?;
    let map = state_of(&definition, state)?;
    let processor = map.get("ItemProcessor").or_else(|| map.get("Iterator"))?;
    Some(processor.to_string())
}

/// A state of a machine or of the machines within it: a name is there once.
fn state_of<'v>(machine: &'v Value, name: &str) -> Option<&'v Value> {
    let states = machine.get("States")?.as_object()?;
    states.get(name).or_else(|| {
        let inner = |state: &'v Value| -> Vec<&'v Value> {
            let branches = state.get("Branches").and_then(Value::as_array).into_iter().flatten();
            branches.chain(state.get("ItemProcessor")).chain(state.get("Iterator")).collect()
        };
        states.values().flat_map(inner).find_map(|machine| state_of(machine, name))
    })
}

/// `ListStateMachines`
pub async fn list(api: &Api, request: Request) -> Result<Value, Fault> {
    let page = Page::of("ListStateMachines", &request)?;
    let fetch = |after: Option<String>, limit| async move {
        api.engine.list_machines(after.as_deref(), limit).await.map_err(of_machine(""))
    };
    let (machines, next) = page::read(&page, fetch, |(name, _)| name.clone()).await?;
    let items = machines.into_iter().map(|(name, machine)| {
        json!({
            "stateMachineArn": api.engine.machine_arn(&name),
            "name": name,
            "type": kind_name(machine.kind),
            "creationDate": seconds(machine.created_at),
        })
    });
    Ok(page.answer("stateMachines", items, next))
}

/// `ValidateStateMachineDefinition`
pub async fn validate(_: &Api, request: Request) -> Result<Value, Fault> {
    let least = if request.text("severity") == Some("WARNING") { Severity::Warning } else { Severity::Error };
    let most = request.number("maxResults").and_then(|most| usize::try_from(most).ok()).unwrap_or(0);
    let found = StateMachine::validate(kind_of(&request), request.needed("definition"), least, most);
    serde_json::to_value(found).map_err(|error| Fault::unavailable(&error))
}

fn describe_settings(answer: &mut Map<String, Value>, api: &Api, revision: &Revision, request: &Request) {
    let settings = &revision.settings;
    let is_whole = request.text("includedData") != Some("METADATA_ONLY");
    // WHY: the model requires a definition even where none was asked for.
    let definition = if is_whole { settings.definition.as_str() } else { "{}" };
    answer.insert("definition".into(), definition.into());
    let role_arn = match settings.role_arn.as_str() {
        "" => format!("arn:aws:iam::{}:role/shipway", api.engine.place().1),
        role_arn => role_arn.to_owned(),
    };
    answer.insert("roleArn".into(), role_arn.into());
    let or = |value: &Value, default: Value| if value.is_null() { default } else { value.clone() };
    answer.insert("loggingConfiguration".into(), or(&settings.logging, logging_off()));
    answer.insert("tracingConfiguration".into(), or(&settings.tracing, tracing_of(None)));
    answer.insert("encryptionConfiguration".into(), or(&settings.encryption, awss_own_key()));
    if let Some(id) = &revision.revision_id {
        answer.insert("revisionId".into(), id.as_str().into());
    }
    let references = StateMachine::variable_references(definition);
    if !references.is_empty() {
        answer.insert("variableReferences".into(), json!(references));
    }
}

fn kind_of(request: &Request) -> MachineKind {
    if request.text("type") == Some("EXPRESS") { MachineKind::Express } else { MachineKind::Standard }
}

fn kind_name(kind: MachineKind) -> &'static str {
    match kind {
        MachineKind::Standard => "STANDARD",
        MachineKind::Express => "EXPRESS",
    }
}

fn publish_of(request: &Request) -> Result<Option<Option<String>>, Fault> {
    let description = request.owned("versionDescription");
    match (request.flag("publish").unwrap_or(false), description) {
        (true, description) => Ok(Some(description)),
        (false, None) => Ok(None),
        (false, Some(_)) => {
            Err(Fault::validation("Version description can only be set when publish is true"))
        }
    }
}

/// Roles are kept and shown and not assumed; only their form is looked at.
fn role_of(arn: &str) -> Result<String, Fault> {
    match arn.starts_with("arn:") {
        true => Ok(arn.to_owned()),
        false => Err(Fault::new("InvalidArn", format!("Invalid Role Arn: '{arn}'"))),
    }
}

fn logging_off() -> Value {
    json!({"level": "OFF", "includeExecutionData": false})
}

/// A logging configuration with what AWS adds to it.
async fn logging_of(api: &Api, given: Option<&Value>) -> Result<Value, Fault> {
    let Some(given) = given else { return Ok(logging_off()) };
    let wrong = |why: &str| {
        Fault::new("InvalidLoggingConfiguration", format!("Invalid Logging Configuration: {why}"))
    };
    let level = given.get("level").and_then(Value::as_str).unwrap_or("OFF");
    let destinations = given.get("destinations").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if destinations.len() > 1 || (destinations.is_empty() && level != "OFF") {
        return Err(wrong("Must specify exactly one Log Destination."));
    }
    for destination in destinations {
        let group = destination.pointer("/cloudWatchLogsLogGroup/logGroupArn").and_then(Value::as_str);
        if !api.has_log_group(group.unwrap_or_default()).await {
            return Err(wrong("Log Destination not found."));
        }
    }
    let mut logging = Map::new();
    logging.insert("level".into(), level.into());
    let is_included = given.get("includeExecutionData").and_then(Value::as_bool).unwrap_or(false);
    logging.insert("includeExecutionData".into(), is_included.into());
    if !destinations.is_empty() {
        logging.insert("destinations".into(), destinations.into());
    }
    Ok(logging.into())
}

fn tracing_of(given: Option<&Value>) -> Value {
    let is_enabled = given.and_then(|given| given.get("enabled")).and_then(Value::as_bool).unwrap_or(false);
    json!({"enabled": is_enabled})
}

/// What encrypts where nobody says anything else.
pub fn awss_own_key() -> Value {
    json!({"type": "AWS_OWNED_KEY"})
}

/// An encryption configuration with what AWS adds to it.
pub fn encryption_of(given: Option<&Value>) -> Result<Value, Fault> {
    /// Seconds that AWS uses a data key for unless told otherwise.
    const REUSE_SECONDS: u64 = 300;
    let wrong = |why: &str| {
        Fault::new("InvalidEncryptionConfiguration", format!("Invalid Encryption Configuration: {why}"))
    };
    let Some(given) = given else { return Ok(awss_own_key()) };
    let key = given.get("kmsKeyId").filter(|key| !key.is_null());
    let reuse = given.get("kmsDataKeyReusePeriodSeconds").filter(|reuse| !reuse.is_null());
    match (given.get("type").and_then(Value::as_str), key) {
        (Some("CUSTOMER_MANAGED_KMS_KEY"), Some(key)) => Ok(json!({
            "kmsKeyId": key,
            "kmsDataKeyReusePeriodSeconds": reuse.cloned().unwrap_or(REUSE_SECONDS.into()),
            "type": "CUSTOMER_MANAGED_KMS_KEY",
        })),
        (Some("CUSTOMER_MANAGED_KMS_KEY"), None) => Err(wrong("kmsKeyId must be specified")),
        _ if key.is_some() || reuse.is_some() => {
            Err(wrong("kmsKeyId and kmsDataKeyReusePeriodSeconds cannot be specified with AWS_OWNED_KEY"))
        }
        _ => Ok(awss_own_key()),
    }
}
