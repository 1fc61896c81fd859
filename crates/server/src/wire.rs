//! JSON of the REST API, for the server and for clients. Does not know HTTP's handlers.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shipway_asl::Timestamp;
use shipway_control::{
    access::AccessKey,
    app::{Deployment, Lock, ReleaseStatus, ServiceStatus, Step},
    function::{FunctionStatus, Settings},
    release::Release,
};

/// Media type of a [`Problem`].
pub const PROBLEM_JSON: &str = "application/problem+json";

/// An error as RFC 9457 has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// `https://shipway.dev/errors/<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The same for each problem of its kind.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened, for people.
    pub detail: String,
    /// The kind's name, for programs: `locked`, `not_found`, ...
    pub code: String,
    /// Place in the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The lock that stands in the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<Box<Lock>>,
}

impl Problem {
    /// Reads an answer's body; an answer that is no problem document (from a proxy, say) becomes one.
    pub fn parse(status: u16, body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_else(|_| {
            let text = String::from_utf8_lossy(body);
            Self {
                kind: "about:blank".to_owned(),
                title: format!("Status {status}"),
                status,
                detail: text.chars().take(400).collect(),
                code: "unknown".to_owned(),
                field: None,
                hint: None,
                lock: None,
            }
        })
    }
}

/// Body of `POST /v1/deployments`; the idempotency key is a header.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeployRequest {
    /// What to deploy.
    pub release: Release,
    /// Who asks.
    pub actor: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Body of `POST /v1/deployments/{id}/halt`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HaltRequest {
    /// Who asks.
    pub actor: String,
    /// Why.
    pub reason: String,
}

/// Body of `POST /v1/locks/{project}/{environment}/break`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreakRequest {
    /// Who asks.
    pub actor: String,
    /// Why.
    pub reason: String,
}

/// Body of `POST /v1/keys` and of what is asked of one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRequest {
    /// Who asks.
    pub actor: String,
}

/// A new access key. WHY: no `Debug`, so that its secret gets into no log.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewAccessKey {
    /// The key.
    #[serde(flatten)]
    pub key: AccessKey,
    /// Its secret, which is told this once.
    pub secret: String,
    /// The region that calls must be signed for.
    pub region: String,
}

/// Access keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKeys {
    /// In the order of their ids.
    pub keys: Vec<AccessKey>,
}

/// Body of `PUT /v1/functions/{name}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FunctionRequest {
    /// What the function is.
    pub settings: Settings,
    /// Whether it goes when nobody renews it.
    #[serde(default)]
    pub is_leased: bool,
    /// Who asks.
    pub actor: String,
}

/// Body of `POST /v1/functions/{name}/renew`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenewRequest {
    /// The registration that is meant.
    pub revision: String,
}

/// Body of `POST /v1/functions/{name}/delete`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveRequest {
    /// Only this registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Who asks.
    pub actor: String,
}

/// Functions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllFunctions {
    /// By name.
    pub functions: Vec<FunctionStatus>,
}

/// Body of `POST /v1/functions/{name}/invoke`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InvokeRequest {
    /// What the function gets.
    pub payload: Value,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvokeAnswer {
    /// The call's id.
    pub request_id: String,
    /// Whether the function failed.
    pub is_failure: bool,
    /// What it answered, or the error: JSON as text.
    pub payload: String,
    /// The end of what it wrote.
    pub log: String,
}

/// Body of `POST /v1/rollbacks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RollbackRequest {
    /// The project.
    pub project: String,
    /// The environment.
    pub environment: String,
    /// Release id or version; the last good one before the current if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Who asks.
    pub actor: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A page of deployments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deployments {
    /// Newest first.
    pub deployments: Vec<Deployment>,
    /// Give it as `after` for the next page.
    pub next: Option<String>,
}

/// The way of a deployment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Steps {
    /// In order.
    pub steps: Vec<Step>,
}

/// A page of events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Events {
    /// In order of their ids.
    pub events: Vec<Event>,
    /// Give it as `after` for the next page.
    pub next_after: u64,
    /// Whether the last event of an ended execution is among these or before them.
    pub is_end: bool,
}

/// What runs where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Services {
    /// By project, environment and service.
    pub services: Vec<ServiceStatus>,
}

/// Lines that are logged of a machine's executions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExecutionLog {
    /// Events in AWS's form for CloudWatch Logs, oldest first.
    pub lines: Vec<Value>,
    /// Give it as `after` for what comes next.
    pub cursor: String,
}

/// Releases of an environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Releases {
    /// Newest first.
    pub releases: Vec<ReleaseStatus>,
}

/// Whether an artifact is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Its hash.
    pub sha256: String,
    /// Bytes that were sent; none if it was kept already.
    pub received: Option<u64>,
}

/// How the server is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Shipway's version.
    pub version: String,
    /// Whether the store answers.
    pub is_store_ok: bool,
    /// What the store said, if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_error: Option<String>,
}

/// One event of a history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// 1, 2, 3, ...
    pub id: u64,
    /// The event that caused it; 0 for the first.
    pub previous_event_id: u64,
    /// When.
    pub timestamp: Timestamp,
    /// AWS's type, such as `TaskStateEntered`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The state that was entered or exited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The line of control that it belongs to: 0 for the machine itself, else a branch or an iteration.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub line: u64,
    /// AWS's details of this type: `name`, `input`, `output`, `error`, `cause`, ...
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub details: Map<String, Value>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Event {
    /// The wire form of an event of the language.
    pub fn from_history(event: &shipway_asl::Event) -> Self {
        Self {
            id: event.id,
            previous_event_id: event.previous_event_id,
            timestamp: event.timestamp,
            kind: event.type_name().to_owned(),
            state: event.state_name().map(str::to_owned),
            line: event.line(),
            details: details(event.to_history()),
        }
    }

    /// A detail that is text.
    pub fn detail(&self, name: &str) -> Option<&str> {
        self.details.get(name).and_then(Value::as_str)
    }

    /// Whether the execution has ended with this event.
    pub fn is_end(&self) -> bool {
        matches!(
            self.kind.as_str(),
            "ExecutionSucceeded" | "ExecutionFailed" | "ExecutionTimedOut" | "ExecutionAborted"
        )
    }
}

/// AWS puts them under `<type>EventDetails`.
fn details(history: Value) -> Map<String, Value> {
    let Value::Object(fields) = history else { return Map::new() };
    let details = fields.into_iter().find(|(name, _)| name.ends_with("EventDetails"));
    match details {
        Some((_, Value::Object(details))) => details,
        _ => Map::new(),
    }
}
