//! Errors as the protocols write them: code, message and what else the service says.

use serde_json::{Map, Value};

use super::{Reply, json, tree, xml_read};
use crate::models::{Kind, Operation, Protocol};

/// Longest message that is kept.
const MESSAGE_CHARS_MAX: usize = 4096;

/// What a service answered in place of an output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// The code that a caller compares, such as `NoSuchBucket`.
    pub code: String,
    /// The error's shape in the model where it is called otherwise, such as `QueueDoesNotExist`.
    pub shape: Option<String>,
    /// What the service says to people; may be empty.
    pub message: String,
    /// The members of the error's shape, such as `CancellationReasons`.
    pub details: Map<String, Value>,
    /// The id of the request where the body tells it.
    pub request_id: Option<String>,
    /// S3's second id.
    pub extended_request_id: Option<String>,
}

/// Reads a reply that tells of failure.
pub(super) fn read(operation: Operation<'_>, reply: &Reply) -> Fault {
    let protocol = operation.service().metadata().spoken();
    let found = match protocol {
        Protocol::Json | Protocol::RestJson | Protocol::RpcV2Cbor => of_json(operation, reply),
        Protocol::Query | Protocol::Ec2 | Protocol::RestXml => of_xml(operation, reply),
    };
    let mut fault = found.unwrap_or_default();
    if fault.code.is_empty() {
        fault.code = reply.status.to_string();
        reason(reply.status).clone_into(&mut fault.message);
    }
    fault.message = fault.message.chars().take(MESSAGE_CHARS_MAX).collect();
    fault.request_id = fault.request_id.or_else(|| reply.request_id().map(str::to_owned));
    fault.extended_request_id =
        fault.extended_request_id.or_else(|| reply.header("x-amz-id-2").map(str::to_owned));
    fault
}

/// What the status says by itself: S3 answers HEAD requests without a body.
fn reason(status: u16) -> &'static str {
    match status {
        301 => "Moved Permanently",
        304 => "Not Modified",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        409 => "Conflict",
        412 => "Precondition Failed",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }
}

fn of_json(operation: Operation<'_>, reply: &Reply) -> Option<Fault> {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let text = |names: &[&str]| names.iter().find_map(|name| body.get(name)?.as_str()).unwrap_or_default();
    let named = reply.header("x-amzn-errortype").unwrap_or_else(|| text(&["__type", "code", "Code"]));
    let name = bare(named);
    let shape = operation.service().error(name);
    let mut details = Map::new();
    if let (Some(Kind::Structure(structure)), Value::Object(members)) =
        (shape.map(|shape| shape.kind()), &body)
    {
        details = json::read_members(structure, members);
        details.extend(headers(structure, reply));
    }
    let query_code = reply.header("x-amzn-query-error").and_then(|error| error.split(';').next());
    let query_code =
        query_code.filter(|code| !code.is_empty() && operation.service().metadata().is_query_compatible());
    Some(Fault {
        code: query_code.unwrap_or(name).to_owned(),
        shape: shape.map(|shape| shape.name().to_owned()),
        message: text(&["message", "Message", "errorMessage"]).to_owned(),
        details,
        ..Fault::default()
    })
}

/// `aws.protocoltests#FooError:http://internal/` is `FooError`.
fn bare(name: &str) -> &str {
    let name = name.split_once(':').map_or(name, |(name, _)| name);
    name.rsplit_once('#').map_or(name, |(_, name)| name).trim()
}

fn headers(structure: crate::models::Structure<'_>, reply: &Reply) -> Map<String, Value> {
    let members = structure.members().filter(|member| member.location().is_some());
    members
        .filter_map(|member| Some((member.name().to_owned(), super::rest::outside_body(member, reply)?)))
        .collect()
}

fn of_xml(operation: Operation<'_>, reply: &Reply) -> Option<Fault> {
    let root = tree::parse(&reply.body).ok()?;
    let error = root.find("Error").unwrap_or(&root);
    let text = |name: &str| error.child(name).map(|child| child.text.trim().to_owned());
    let code = text("Code").unwrap_or_default();
    let shape = operation.service().error(&code);
    let mut details = Map::new();
    if let Some(Kind::Structure(structure)) = shape.map(|shape| shape.kind()) {
        details = xml_read::members(structure, error);
        details.extend(headers(structure, reply));
    }
    let id =
        |names: &[&str]| names.iter().find_map(|name| root.find(name)).map(|id| id.text.trim().to_owned());
    Some(Fault {
        message: text("Message").or_else(|| text("message")).unwrap_or_default(),
        shape: shape.map(|shape| shape.name().to_owned()),
        details,
        request_id: id(&["RequestId", "RequestID", "requestId"]),
        extended_request_id: id(&["HostId"]),
        code,
    })
}
