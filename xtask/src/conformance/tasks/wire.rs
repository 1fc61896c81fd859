//! What a service answered, as it must have come over the wire: made of a recorded outcome. Says of which outcomes it
//! cannot be made, and why.

use serde_json::{Map, Value, json};
use shipway_aws::models::{Kind, Operation, Protocol, Service};

use super::body;
use super::double::Reply;

/// What a function gives whose result is too large.
const LARGE_BYTES: usize = 300_000;
/// Recorded members that tell of HTTP and not of the output.
const METADATA: &[&str] = &["SdkHttpMetadata", "SdkResponseMetadata"];

/// The answer of a function; with the whole answer of the API recorded, or only what the function gave.
pub fn function(outcome: &Value, is_whole: bool) -> Result<Reply, String> {
    let kind = outcome["type"].as_str().unwrap_or_default();
    let json_reply = |status, body: Vec<u8>| Reply {
        status,
        headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
        body,
    };
    if kind.ends_with("Succeeded") && is_whole {
        return Ok(invoked(&outcome["output"]));
    }
    if kind.ends_with("Succeeded") {
        return Ok(json_reply(200, parsed(&outcome["output"]).to_string().into_bytes()));
    }
    if outcome["error"] == "States.DataLimitExceeded" {
        return Ok(json_reply(200, json!("x".repeat(LARGE_BYTES)).to_string().into_bytes()));
    }
    if let Some(refused) = Refused::parse(outcome) {
        return Ok(refused.reply(Service::load("lambda").and_then(|it| it.operation("invoke")).ok()));
    }
    let cause = &outcome["cause"];
    let text = cause.as_str().map_or_else(|| cause.to_string(), str::to_owned);
    let mut reply = json_reply(200, text.into_bytes());
    reply.headers.push(("X-Amz-Function-Error".to_owned(), "Unhandled".to_owned()));
    Ok(reply)
}

/// Whether a function's own error is no JSON, as every one of Lambda's is.
pub fn is_broken(outcome: &Value) -> bool {
    let is_own = outcome["error"] != "States.DataLimitExceeded" && Refused::parse(outcome).is_none();
    let cause = outcome["cause"].as_str().filter(|_| is_own);
    cause.is_some_and(|cause| serde_json::from_str::<Map<String, Value>>(cause).is_err())
}

/// A text that is JSON stands for that JSON.
fn parsed(recorded: &Value) -> Value {
    match recorded {
        Value::String(text) => serde_json::from_str(text).unwrap_or_else(|_| recorded.clone()),
        other => other.clone(),
    }
}

/// The whole answer of Lambda's Invoke API.
fn invoked(output: &Value) -> Reply {
    let mut reply = with_headers(output, output["Payload"].to_string().into_bytes());
    for (member, header) in [("ExecutedVersion", "X-Amz-Executed-Version"), ("LogResult", "X-Amz-Log-Result")]
    {
        let is_there = reply.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(header));
        if let Some(value) = output[member].as_str().filter(|_| !is_there) {
            reply.headers.push((header.to_owned(), value.to_owned()));
        }
    }
    reply
}

/// The answer of a service to an operation.
pub fn service(operation: Operation<'_>, outcome: &Value) -> Result<Reply, String> {
    if let Some(refused) = Refused::parse(outcome) {
        return Ok(refused.reply(Some(operation)));
    }
    let output = outcome["output"].as_object().ok_or("no output of a service was recorded")?;
    let members: Map<String, Value> = output
        .iter()
        .filter(|(name, _)| !METADATA.contains(&name.as_str()))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    let Some(shape) = operation.output() else { return Ok(with_headers(&outcome["output"], b"{}".to_vec())) };
    let members = Value::Object(members);
    let body = match operation.service().metadata().spoken() {
        Protocol::Json | Protocol::RestJson => body::json(shape, &members).to_string(),
        Protocol::Query => {
            let result = operation.result_wrapper().unwrap_or("Result");
            let inner = body::element(result, &body::xml(shape, &members));
            body::element(&format!("{}Response", operation.name()), &inner)
        }
        Protocol::RestXml => {
            let (Kind::Structure(structure), Some(members)) = (shape.kind(), members.as_object()) else {
                return Err("the output has no members".to_owned());
            };
            let (headers, body) = body::headers(structure, members);
            return Ok(Reply { status: 200, headers, body });
        }
        Protocol::Ec2 | Protocol::RpcV2Cbor => {
            return Err("answers of this protocol are not written".to_owned());
        }
    };
    Ok(with_headers(&outcome["output"], body.into_bytes()))
}

/// With status, headers and length as they were recorded.
fn with_headers(output: &Value, mut body: Vec<u8>) -> Reply {
    let http = &output["SdkHttpMetadata"];
    let headers = http["HttpHeaders"].as_object().into_iter().flatten();
    let headers: Vec<(String, String)> =
        headers.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect();
    let length = headers.iter().find(|(name, _)| name == "Content-Length");
    // WHY: the recording does not tell how the body was written; spaces at its end mean nothing.
    let length = length.and_then(|(_, length)| length.parse().ok()).unwrap_or(0);
    body.resize(body.len().max(length), b' ');
    let status = http["HttpStatusCode"].as_u64().and_then(|status| u16::try_from(status).ok());
    Reply { status: status.unwrap_or(200), headers, body }
}

/// A refusal, as far as a cause tells of it.
struct Refused {
    message: String,
    status: u16,
    code: String,
    request_id: String,
    extended_id: Option<String>,
}

impl Refused {
    /// Reads `<message> (Service: <..>; Status Code: <..>; ..)`, with `,` in the place of `;` in version 2 of the SDK.
    fn parse(outcome: &Value) -> Option<Self> {
        let (message, details) = outcome["cause"].as_str()?.rsplit_once(" (Service: ")?;
        let details = details.split_once(')').map_or(details, |(details, _)| details);
        let field = |name: &str| {
            let (_, rest) = details.split_once(&format!("{name}: "))?;
            Some(rest.split([',', ';']).next().unwrap_or(rest).to_owned())
        };
        let error = outcome["error"].as_str().unwrap_or_default();
        let exception = error.rsplit('.').next().unwrap_or_default();
        Some(Self {
            message: message.to_owned(),
            status: field("Status Code")?.parse().ok()?,
            code: field("Error Code").unwrap_or_else(|| exception.to_owned()),
            request_id: field(" Request ID").unwrap_or_default(),
            extended_id: field("Extended Request ID"),
        })
    }

    /// The code as the model has it, of which the name of an exception may be all that was recorded.
    fn code(&self, operation: Option<Operation<'_>>) -> String {
        let stem = self.code.strip_suffix("Exception").unwrap_or(&self.code);
        let service = operation.map(|operation| operation.service());
        let known = service.and_then(|service| {
            let names = [self.code.as_str(), stem];
            names.into_iter().find_map(|name| service.error(name)).map(|shape| shape.error_code().to_owned())
        });
        known.unwrap_or_else(|| self.code.clone())
    }

    fn reply(&self, operation: Option<Operation<'_>>) -> Reply {
        let code = self.code(operation);
        let protocol = operation.map(|operation| operation.service().metadata().spoken());
        let mut headers = vec![("x-amzn-RequestId".to_owned(), self.request_id.clone())];
        let message = &self.message;
        let body = match protocol {
            Some(Protocol::Query | Protocol::Ec2) => {
                let error = body::element("Code", &code) + &body::element("Message", &body::escaped(message));
                body::element("ErrorResponse", &body::element("Error", &error))
            }
            Some(Protocol::RestXml) => {
                headers.push(("x-amz-id-2".to_owned(), self.extended_id.clone().unwrap_or_default()));
                let error = body::element("Code", &code) + &body::element("Message", &body::escaped(message));
                body::element("Error", &error)
            }
            Some(Protocol::Json | Protocol::RestJson | Protocol::RpcV2Cbor) | None => {
                headers.push(("x-amzn-ErrorType".to_owned(), code.clone()));
                json!({"__type": code, "message": message}).to_string()
            }
        };
        Reply { status: self.status, headers, body: body.into_bytes() }
    }
}
