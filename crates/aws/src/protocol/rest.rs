//! The protocols `rest-json` and `rest-xml`: what of an input is in the path, the query, the headers and the body, and
//! where an output is taken from. Bodies themselves are written and read elsewhere.

use serde_json::{Map, Value};

use super::{Invalid, Reply, Request, Unreadable, json, known, text, time, tree, xml_read, xml_write};
use crate::models::{Kind, Location, Member, Operation, Protocol, Shape, Structure};

/// Writes a request.
pub(super) fn request(
    operation: Operation<'_>,
    structure: Option<Structure<'_>>,
    members: &Map<String, Value>,
) -> Result<Request, Invalid> {
    let (path, fixed) =
        operation.http().request_uri.split_once('?').unwrap_or((&operation.http().request_uri, ""));
    let mut request = Request {
        method: operation.http().method.clone(),
        query: fixed.split('&').filter(|pair| !pair.is_empty()).map(pair).collect(),
        ..Request::default()
    };
    let Some(structure) = structure else {
        path.clone_into(&mut request.path);
        return Ok(request);
    };
    let mut parts =
        Parts { path: path.to_owned(), request: &mut request, body: Map::new(), maps: Vec::new() };
    for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
        let member = known(structure, name)?;
        parts.place(member, value).map_err(|error| error.at(name))?;
    }
    parts.add_maps();
    let Parts { path, body, .. } = parts;
    if let Some(hole) = path.find('{') {
        let name = path.get(hole + 1..).and_then(|rest| rest.split(['}', '+']).next()).unwrap_or_default();
        let member = structure.members().find(|member| member.wire_name() == name);
        return Err(
            Invalid::new("is part of the path and must be given").at(member.map_or(name, |it| it.name()))
        );
    }
    request.path = path;
    write_body(operation, structure, &body, &mut request)?;
    Ok(request)
}

fn pair(text: &str) -> (String, Option<String>) {
    match text.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (text.to_owned(), None),
    }
}

struct Parts<'a> {
    path: String,
    request: &'a mut Request,
    body: Map<String, Value>,
    /// Free names of the query, which give way to those that the model knows.
    maps: Vec<(String, String)>,
}

impl Parts<'_> {
    fn place(&mut self, member: Member<'_>, value: &Value) -> Result<(), Invalid> {
        let name = member.wire_name();
        match member.location() {
            Some(Location::Uri) => {
                self.fill(name, &text::write(member.shape(), value, time::Format::Iso8601)?)
            }
            Some(Location::Querystring) => self.query(member, value),
            Some(Location::Header) => {
                if let Some(written) = header(member, value)? {
                    self.request.headers.push((name.to_owned(), written));
                }
                Ok(())
            }
            Some(Location::Headers) => {
                for (key, value) in text::object(value)? {
                    self.request.headers.push((member_prefix(member, key), text::string(value)?.to_owned()));
                }
                Ok(())
            }
            Some(Location::StatusCode) | None => {
                self.body.insert(member.name().to_owned(), value.clone());
                Ok(())
            }
        }
    }

    fn fill(&mut self, name: &str, value: &str) -> Result<(), Invalid> {
        if value.is_empty() {
            return Err(Invalid::new("is part of the path and must not be empty"));
        }
        self.path = self.path.replace(&format!("{{{name}+}}"), &encode(value, true));
        self.path = self.path.replace(&format!("{{{name}}}"), &encode(value, false));
        Ok(())
    }

    fn query(&mut self, member: Member<'_>, value: &Value) -> Result<(), Invalid> {
        let mut push = |value: String| self.request.query.push((member.wire_name().to_owned(), Some(value)));
        match member.shape().kind() {
            Kind::List(item) => {
                for value in text::list(value)?.iter().filter(|value| !value.is_null()) {
                    push(text::write(item, value, time::Format::Iso8601)?);
                }
            }
            Kind::Map { value: of, .. } => {
                for (key, value) in text::object(value)? {
                    let single = std::slice::from_ref(value);
                    let (shape, values) = match of.kind() {
                        Kind::List(item) => (item, text::list(value)?),
                        _ => (of, single),
                    };
                    for value in values {
                        self.maps.push((key.clone(), text::write(shape, value, time::Format::Iso8601)?));
                    }
                }
            }
            _ => push(text::write(member.shape(), value, time::Format::Iso8601)?),
        }
        Ok(())
    }

    fn add_maps(&mut self) {
        let is_named = |name: &str| self.request.query.iter().any(|(known, _)| known == name);
        let mut free = std::mem::take(&mut self.maps);
        free.retain(|(name, _)| !is_named(name));
        self.request.query.extend(free.into_iter().map(|(name, value)| (name, Some(value))));
    }
}

fn member_prefix(member: Member<'_>, key: &str) -> String {
    // WHY: a map of headers without a prefix takes any name.
    let prefix = member.shape().location_name().unwrap_or_default();
    format!("{prefix}{key}")
}

/// A header's value; an empty list has none.
fn header(member: Member<'_>, value: &Value) -> Result<Option<String>, Invalid> {
    if member.is_json_value() {
        return Ok(Some(text::encode(value.to_string().as_bytes())));
    }
    let written = match member.shape().kind() {
        Kind::List(item) => {
            let items = text::list(value)?.iter().filter(|value| !value.is_null());
            let written =
                items.map(|value| Ok(quoted(item, text::write(item, value, time::Format::Rfc822)?)));
            let written = written.collect::<Result<Vec<_>, Invalid>>()?;
            if written.is_empty() {
                return Ok(None);
            }
            written.join(",")
        }
        _ => text::write(member.shape(), value, time::Format::Rfc822)?,
    };
    if written.contains(['\r', '\n', '\0']) {
        return Err(Invalid::new("has a line break, which no header may have"));
    }
    Ok(Some(written))
}

/// An item that holds a comma or a quote stands in quotes.
fn quoted(item: Shape<'_>, written: String) -> String {
    let is_text = matches!(item.kind(), Kind::String { .. });
    if is_text && written.contains([',', '"']) {
        return format!("\"{}\"", written.replace('\\', "\\\\").replace('"', "\\\""));
    }
    written
}

fn write_body(
    operation: Operation<'_>,
    structure: Structure<'_>,
    members: &Map<String, Value>,
    request: &mut Request,
) -> Result<(), Invalid> {
    let is_json = operation.service().metadata().spoken() == Protocol::RestJson;
    let payload = structure.payload().and_then(|name| structure.named(name));
    if let Some(payload) = payload {
        let value = members.get(payload.name());
        return write_payload(payload, value, is_json, request).map_err(|error| error.at(payload.name()));
    }
    let has_body = structure.members().any(|member| member.location().is_none());
    if is_json && has_body {
        request.body = json::write_members(structure, members, 0)?.to_string().into_bytes();
        content_type(request, "application/json");
    } else if !members.is_empty() {
        let name = root_name(operation, structure.shape());
        request.body =
            xml_write::write(structure.shape(), name, &Value::Object(members.clone()))?.into_bytes();
        content_type(request, "application/xml");
    }
    Ok(())
}

fn root_name<'a>(operation: Operation<'a>, shape: Shape<'a>) -> &'a str {
    let named = operation.input().and_then(|input| input.location_name());
    named.or(shape.location_name()).unwrap_or(shape.name())
}

fn write_payload(
    payload: Member<'_>,
    value: Option<&Value>,
    is_json: bool,
    request: &mut Request,
) -> Result<(), Invalid> {
    let shape = payload.shape();
    match (shape.kind(), value) {
        _ if shape.is_event_stream() => return Err(Invalid::new("is a stream of events, which is not sent")),
        (Kind::Blob, value) => {
            request.body = value.map(text::blob).transpose()?.unwrap_or_default();
            content_type(request, "application/octet-stream");
        }
        (Kind::String { .. }, value) => {
            request.body = value.map(text::string).transpose()?.unwrap_or_default().as_bytes().to_vec();
            if value.is_some() {
                content_type(request, "text/plain");
            }
        }
        (_, Some(value)) if is_json => {
            request.body = json::write(shape, value, 0)?.to_string().into_bytes();
            content_type(request, "application/json");
        }
        (_, Some(value)) => {
            let name = shape.location_name().unwrap_or(shape.name());
            request.body = xml_write::write(shape, name, value)?.into_bytes();
            content_type(request, "application/xml");
        }
        (_, None) if is_json && !shape.is_union() => {
            request.body = b"{}".to_vec();
            content_type(request, "application/json");
        }
        (_, None) => (),
    }
    Ok(())
}

fn content_type(request: &mut Request, value: &str) {
    if request.header("Content-Type").is_none() {
        request.headers.push(("Content-Type".to_owned(), value.to_owned()));
    }
}

/// Percent-encodes all but letters, digits and `-._~`, and the slash of a path.
pub(super) fn encode(text: &str, is_path: bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte))
            }
            b'/' if is_path => encoded.push('/'),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Reads the output of a reply.
pub(super) fn output(
    operation: Operation<'_>,
    output: Shape<'_>,
    reply: &Reply,
) -> Result<Value, Unreadable> {
    let Kind::Structure(structure) = output.kind() else { return Ok(Value::Object(Map::new())) };
    let is_json = operation.service().metadata().spoken() == Protocol::RestJson;
    let mut members = Map::new();
    for member in structure.members() {
        if let Some(value) = outside_body(member, reply) {
            members.insert(member.name().to_owned(), value);
        }
    }
    match structure.payload().and_then(|name| structure.named(name)) {
        Some(payload) => {
            if let Some(value) = read_payload(payload.shape(), &reply.body, is_json)? {
                members.insert(payload.name().to_owned(), value);
            }
        }
        None if is_json => {
            if let Value::Object(body) = json::parse(&reply.body)? {
                members.extend(json::read_members(structure, &body));
            }
        }
        None if has_body(structure) && !reply.body.is_empty() => {
            members.extend(read_xml(structure, &reply.body)?)
        }
        None => (),
    }
    Ok(Value::Object(members))
}

fn has_body(structure: Structure<'_>) -> bool {
    structure.members().any(|member| member.is_in_answer_body())
}

fn read_xml(structure: Structure<'_>, body: &[u8]) -> Result<Map<String, Value>, Unreadable> {
    let root = tree::parse(body)?;
    let mut members = xml_read::members(structure, &root);
    // WHY: S3's GetBucketLocation answers with the text of the root alone.
    let alone =
        structure.members().find(|member| root.children.is_empty() && member.wire_name() == root.name);
    if let Some(member) = alone.filter(|_| !root.text.trim().is_empty()) {
        members.insert(member.name().to_owned(), text::read(member.shape(), &root.text));
    }
    Ok(members)
}

pub(super) fn outside_body(member: Member<'_>, reply: &Reply) -> Option<Value> {
    match member.location()? {
        Location::StatusCode => Some(reply.status.into()),
        Location::Header => read_header(member, reply.header(member.wire_name())?),
        Location::Headers => {
            let prefix = member.shape().location_name().unwrap_or_default();
            let named = reply.headers.iter().filter_map(|(name, value)| {
                let rest = name.get(prefix.len()..)?;
                let is_named = name.get(..prefix.len())?.eq_ignore_ascii_case(prefix);
                is_named.then(|| (rest.to_owned(), Value::String(value.clone())))
            });
            Some(Value::Object(named.collect()))
        }
        Location::Uri | Location::Querystring => None,
    }
}

fn read_header(member: Member<'_>, value: &str) -> Option<Value> {
    if member.is_json_value() {
        let bytes = text::blob(&Value::String(value.to_owned())).ok()?;
        return serde_json::from_slice(&bytes).ok();
    }
    match member.shape().kind() {
        Kind::List(item) => {
            let is_date = matches!(item.kind(), Kind::Timestamp { format: None | Some("rfc822") });
            let items = items(value, is_date);
            Some(Value::Array(items.iter().map(|value| text::read(item, value)).collect()))
        }
        _ => Some(text::read(member.shape(), value)),
    }
}

/// The items of a header's list. A date of RFC 822 has a comma of its own.
fn items(value: &str, is_date: bool) -> Vec<String> {
    let (mut items, mut item, mut is_quoted, mut commas) = (Vec::new(), String::new(), false, 0);
    let mut letters = value.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => is_quoted = !is_quoted,
            '\\' if is_quoted => item.extend(letters.next()),
            ',' if !is_quoted && is_date && commas % 2 == 0 => {
                commas += 1;
                item.push(',');
            }
            ',' if !is_quoted => {
                commas += 1;
                items.push(std::mem::take(&mut item).trim().to_owned());
            }
            _ => item.push(letter),
        }
    }
    items.push(item.trim().to_owned());
    items
}

fn read_payload(shape: Shape<'_>, body: &[u8], is_json: bool) -> Result<Option<Value>, Unreadable> {
    if shape.is_event_stream() {
        return Err(Unreadable("it is a stream of events".to_owned()));
    }
    match shape.kind() {
        Kind::Blob => Ok(Some(text::encode(body).into())),
        Kind::String { .. } => {
            let text = std::str::from_utf8(body);
            text.map(|text| Some(text.into())).map_err(|error| Unreadable(format!("it is no text ({error})")))
        }
        _ if body.is_empty() => Ok(None),
        _ if is_json => Ok(Some(json::read(shape, &json::parse(body)?))),
        _ => xml_read::payload(shape, body).map(Some),
    }
}
