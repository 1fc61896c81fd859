//! AWS's protocols: from an operation's input to a request, and from the reply to its output, by the service's model.
//! Signs nothing, sends nothing, reads no clock.
//!
//! Values are JSON in the API's shape, named as the model names them: blobs are base64 text, times are ISO 8601 text
//! (a request also takes seconds since 1970), and `null` is a value that is not there.

mod error;
mod form;
mod json;
mod rest;
mod text;
mod time;
mod tree;
mod xml_read;
mod xml_write;

pub use error::Fault;
pub use time::iso8601;

use md5::{Digest as _, Md5};
use serde_json::{Map, Value};

use crate::models::{Kind, Operation, Protocol, Structure};

/// A request before it has a host and a signature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Such as `POST`.
    pub method: String,
    /// Percent-encoded.
    pub path: String,
    /// Not yet encoded; a name without a value has none.
    pub query: Vec<(String, Option<String>)>,
    /// Names as they are written.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Vec<u8>,
    /// What the host name starts with.
    pub host_prefix: String,
}

impl Request {
    /// A header's value; its name's case does not count.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

/// A reply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// Such as 200.
    pub status: u16,
    /// Names in any case.
    pub headers: Vec<(String, String)>,
    /// What was sent.
    pub body: Vec<u8>,
}

impl Reply {
    /// A header's value; its name's case does not count.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The id that the service gave the request.
    pub fn request_id(&self) -> Option<&str> {
        ["x-amzn-requestid", "x-amz-request-id", "x-amz-requestid"].iter().find_map(|name| self.header(name))
    }
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// An input that does not fit the operation's model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", place(.path))]
pub struct Invalid {
    path: Vec<String>,
    reason: String,
}

fn place(path: &[String]) -> String {
    if path.is_empty() {
        return String::new();
    }
    let path: Vec<&str> = path.iter().rev().map(String::as_str).collect();
    format!("`{}` ", path.join("."))
}

impl Invalid {
    fn new(reason: impl Into<String>) -> Self {
        Self { path: Vec::new(), reason: reason.into() }
    }

    fn at(mut self, name: impl Into<String>) -> Self {
        self.path.push(name.into());
        self
    }
}

/// A reply that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer cannot be read: {0}")]
pub struct Unreadable(String);

/// Writes the request of an operation. `token` stands in for idempotency tokens that the input leaves out.
///
/// # Errors
/// The first part of the input that does not fit the model, or a protocol that is not spoken.
pub fn write(operation: Operation<'_>, input: &Value, token: &str) -> Result<Request, Invalid> {
    let mut members = match input {
        Value::Object(members) => members.clone(),
        Value::Null => Map::new(),
        _ => return Err(Invalid::new("the input is no object")),
    };
    members.retain(|_, value| !value.is_null());
    if structure(operation.output()).is_some_and(has_event_stream) {
        return Err(Invalid::new("the operation answers with a stream of events, which is not read"));
    }
    let structure = structure(operation.input());
    fill_tokens(structure, &mut members, token);
    let protocol = operation.service().metadata().spoken();
    let mut request = match protocol {
        Protocol::Json => json::request(operation, structure, &members)?,
        Protocol::Query => form::query(operation, structure, &members)?,
        Protocol::Ec2 => form::ec2(operation, structure, &members)?,
        Protocol::RestJson | Protocol::RestXml => rest::request(operation, structure, &members)?,
        Protocol::RpcV2Cbor => return Err(Invalid::new("the service speaks CBOR only, which is not spoken")),
    };
    if matches!(protocol, Protocol::Json | Protocol::Query | Protocol::Ec2) {
        request.method.clone_from(&operation.http().method);
        request.path.clone_from(&operation.http().request_uri);
    }
    request.host_prefix = host_prefix(operation, structure, &members)?;
    if operation.is_checksum_required() && !has_checksum(&request) {
        let digest = text::encode(&Md5::digest(&request.body));
        request.headers.push(("Content-MD5".to_owned(), digest));
    }
    Ok(request)
}

/// Reads the output out of a reply that tells of success.
///
/// # Errors
/// The reply is not what the protocol says.
pub fn read(operation: Operation<'_>, reply: &Reply) -> Result<Value, Unreadable> {
    let Some(output) = operation.output() else { return Ok(Value::Object(Map::new())) };
    match operation.service().metadata().spoken() {
        Protocol::Json => json::output(output, &reply.body),
        Protocol::Query => xml_read::wrapped(output, operation.result_wrapper(), &reply.body),
        Protocol::Ec2 => xml_read::wrapped(output, None, &reply.body),
        Protocol::RestJson | Protocol::RestXml => rest::output(operation, output, reply),
        Protocol::RpcV2Cbor => Err(Unreadable("CBOR is not spoken".to_owned())),
    }
}

/// Reads what a reply says that tells of failure. Never fails: what cannot be read is named by the status.
pub fn read_error(operation: Operation<'_>, reply: &Reply) -> Fault {
    error::read(operation, reply)
}

/// Percent-encodes all but letters, digits and `-._~`.
pub fn percent_encode(text: &str) -> String {
    rest::encode(text, false)
}

/// Whether the body of a reply with a status of success tells of a failure, as S3's long copies do.
pub fn is_hidden_error(operation: Operation<'_>, reply: &Reply) -> bool {
    let is_xml = operation.service().metadata().spoken() == Protocol::RestXml;
    let is_body_xml = || {
        let Some(Kind::Structure(structure)) = operation.output().map(|output| output.kind()) else {
            return false;
        };
        let payload = structure.payload().and_then(|name| structure.named(name));
        payload.is_none_or(|member| !matches!(member.shape().kind(), Kind::Blob | Kind::String { .. }))
    };
    is_xml && is_body_xml() && tree::parse(&reply.body).is_ok_and(|root| root.name == "Error")
}

/// Whether the caller has brought a checksum.
fn has_checksum(request: &Request) -> bool {
    let is_checksum = |name: &str| {
        let name = name.to_ascii_lowercase();
        name == "content-md5" || name.starts_with("x-amz-checksum-")
    };
    request.headers.iter().any(|(name, _)| is_checksum(name))
}

fn structure(shape: Option<crate::models::Shape<'_>>) -> Option<Structure<'_>> {
    match shape?.kind() {
        Kind::Structure(structure) => Some(structure),
        _ => None,
    }
}

fn has_event_stream(structure: Structure<'_>) -> bool {
    structure.members().any(|member| member.shape().is_event_stream())
}

fn fill_tokens(structure: Option<Structure<'_>>, members: &mut Map<String, Value>, token: &str) {
    let tokens = structure.into_iter().flat_map(|structure| structure.members());
    for member in tokens.filter(|member| member.is_idempotency_token()) {
        if !members.contains_key(member.name()) {
            members.insert(member.name().to_owned(), token.into());
        }
    }
}

/// Fills `{Member}` of a host prefix with what the input says.
fn host_prefix(
    operation: Operation<'_>,
    structure: Option<Structure<'_>>,
    members: &Map<String, Value>,
) -> Result<String, Invalid> {
    let mut prefix = operation.host_prefix().unwrap_or_default().to_owned();
    let labels = structure.into_iter().flat_map(|structure| structure.members());
    for label in labels.filter(|member| member.is_host_label()) {
        let hole = format!("{{{}}}", label.name());
        if !prefix.contains(&hole) {
            continue;
        }
        let value = members.get(label.name()).and_then(Value::as_str).unwrap_or_default();
        let is_label = !value.is_empty() && value.len() <= 63;
        if !is_label || !value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.')) {
            return Err(Invalid::new("is part of the host name and is no host label").at(label.name()));
        }
        prefix = prefix.replace(&hole, value);
    }
    Ok(prefix)
}

/// The member that an input's key names.
fn known<'a>(structure: Structure<'a>, name: &str) -> Result<crate::models::Member<'a>, Invalid> {
    structure.named(name).ok_or_else(|| {
        let nearest = crate::models::nearest(name, structure.members().map(|member| member.name()));
        let hint = nearest.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
        Invalid::new(format!("is not known to `{}`{hint}", structure.shape().name())).at(name)
    })
}

#[cfg(test)]
mod tests;
