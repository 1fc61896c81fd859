//! `apigateway:invoke`: calls an API behind API Gateway, signed or not. Knows no API's definition.

use bytes::Bytes;
use serde_json::{Map, Value, json};
use shipway_engine::Task;

use super::{http, metadata};
use crate::{client::Client, protocol::percent_encode, task::Failure};

const PARAMETERS: &[&str] = &[
    "AllowNullValues",
    "ApiEndpoint",
    "AuthType",
    "Headers",
    "Method",
    "Path",
    "QueryParameters",
    "RequestBody",
    "Stage",
];
const METHODS: &[&str] = &["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"];

/// Does one Task.
pub(super) async fn invoke(client: &Client, task: &Task) -> Result<Value, Failure> {
    let call = Call::read(&task.parameters)?;
    let url = call.url(client.address_of("apigateway"));
    let mut headers = call.headers.clone();
    // WHY: an emulator tells APIs apart by their host.
    headers.push(("Host".to_owned(), call.host.clone()));
    if call.is_signed {
        let region = call.host.split('.').nth(2).filter(|_| call.host.contains(".execute-api."));
        let there = region.map_or_else(|| client.clone(), |region| client.in_region(region));
        let signed =
            there.signature("execute-api", (&call.method, &url), &headers, call.body.as_bytes()).await;
        headers.extend(
            signed.map_err(|cause| Failure { error: "ApiGateway.SdkClientException".to_owned(), cause })?,
        );
    }
    let reply = client.fetch((&call.method, &url), &headers, Bytes::from(call.body)).await;
    let reply = reply.map_err(|failure| Failure {
        error: "ApiGateway.SdkClientException".to_owned(),
        cause: format!("Unable to execute HTTP request: {failure}"),
    })?;
    let headers = http::headers(&reply).into_iter();
    let headers: Map<String, Value> =
        headers.map(|(name, values)| (metadata::written(&name), values)).collect();
    let output = json!({
        "Headers": headers,
        "ResponseBody": http::body(&reply),
        "StatusCode": reply.status,
        "StatusText": http::reason(&reply),
    });
    match reply.status {
        200..300 => Ok(output),
        status => Err(Failure { error: format!("ApiGateway.{status}"), cause: http::text(&reply) }),
    }
}

/// A call as the parameters describe it.
struct Call {
    method: String,
    host: String,
    path: String,
    query: Vec<String>,
    headers: Vec<(String, String)>,
    body: String,
    is_signed: bool,
}

impl Call {
    fn read(parameters: &Value) -> Result<Self, Failure> {
        let unusable = |why: String| {
            Failure::runtime(format!(
                "The Parameters '{parameters}' could not be used to start the Task: [{why}]"
            ))
        };
        let none = Map::new();
        let given = parameters.as_object().unwrap_or(&none);
        if let Some(name) = given.keys().find(|name| !PARAMETERS.contains(&name.as_str())) {
            return Err(unusable(format!("The field \"{name}\" is not supported by Step Functions")));
        }
        let text = |name: &str| given.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let required =
            |name: &str| text(name).ok_or_else(|| unusable(format!("The field '{name}' is required")));
        let (method, host) = (required("Method")?, required("ApiEndpoint")?);
        if !METHODS.contains(&method) {
            return Err(unusable(format!(
                "The value for the field 'Method' must be one of {}",
                METHODS.join(", ")
            )));
        }
        if host.contains(['/', '?', '#', '@', ' ']) {
            return Err(unusable("The value for the field 'ApiEndpoint' must be a host name".to_owned()));
        }
        let is_signed = match text("AuthType") {
            None | Some("NO_AUTH") => false,
            Some("IAM_ROLE" | "RESOURCE_POLICY") => true,
            Some(_) => {
                let all = "NO_AUTH, IAM_ROLE or RESOURCE_POLICY";
                return Err(unusable(format!("The value for the field 'AuthType' must be {all}")));
            }
        };
        let keeps_null = given.get("AllowNullValues") == Some(&Value::Bool(true));
        let body =
            given.get("RequestBody").map(|body| if keeps_null { body.clone() } else { without_null(body) });
        let body = body.filter(|body| !body.is_null()).map(|body| body.to_string()).unwrap_or_default();
        let mut headers = pairs(given.get("Headers"));
        let has_kind = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if !body.is_empty() && !has_kind {
            headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
        }
        let stage = text("Stage").unwrap_or_default().trim_matches('/');
        let path = text("Path").unwrap_or_default().trim_start_matches('/');
        let places = [stage, path].into_iter().filter(|part| !part.is_empty());
        let path = places.flat_map(|part| part.split('/')).map(percent_encode).collect::<Vec<_>>().join("/");
        let query = pairs(given.get("QueryParameters")).into_iter();
        let query =
            query.map(|(name, value)| format!("{}={}", percent_encode(&name), percent_encode(&value)));
        let (method, host, query) = (method.to_owned(), host.to_owned(), query.collect());
        Ok(Self { method, host, path, query, headers, body, is_signed })
    }

    fn url(&self, address: Option<&str>) -> String {
        let base = address
            .map_or_else(|| format!("https://{}", self.host), |it| it.trim_end_matches('/').to_owned());
        let mark = if self.query.is_empty() { "" } else { "?" };
        format!("{base}/{}{mark}{}", self.path, self.query.join("&"))
    }
}

/// Names with their values; a list is a name that comes more than once.
fn pairs(given: Option<&Value>) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for (name, value) in given.and_then(Value::as_object).into_iter().flatten() {
        for value in value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice) {
            pairs.push((name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
        }
    }
    pairs
}

fn without_null(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.iter().filter(|(_, value)| !value.is_null());
            Value::Object(members.map(|(name, value)| (name.clone(), without_null(value))).collect())
        }
        other => other.clone(),
    }
}
