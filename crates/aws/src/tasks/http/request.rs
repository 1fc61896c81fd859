//! The request of an HTTP task: its parameters, checked, and what becomes of them on the wire. Sends nothing.

use std::net::IpAddr;

use http::Uri;
use serde_json::{Map, Value};

use super::form::{self, Arrays};
use crate::{client::guard, protocol::percent_encode, task::Failure};

const METHODS: &[&str] = &["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"];
const PARAMETERS: &[&str] = &[
    "ApiEndpoint",
    "Authentication",
    "Headers",
    "InvocationConfig",
    "Method",
    "QueryParameters",
    "RequestBody",
    "Transform",
];

/// Headers that a definition cannot set, and what the names of others begin with.
const RESTRICTED: &[&str] = &[
    "a-im",
    "accept-charset",
    "accept-datetime",
    "accept-encoding",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-md5",
    "date",
    "expect",
    "forwarded",
    "from",
    "host",
    "http2-settings",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "max-forwards",
    "origin",
    "pragma",
    "proxy-authorization",
    "range",
    "referer",
    "server",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "warning",
];
const RESTRICTED_PREFIXES: &[&str] = &["x-forwarded-", "x-amz-", "x-amzn-"];

/// A request as it will be sent.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) connection: String,
    endpoint: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: Option<Value>,
    form: Option<Arrays>,
}

impl Request {
    /// Reads the parameters.
    pub(super) fn read(parameters: &Value, region: &str, is_plain_allowed: bool) -> Result<Self, Failure> {
        let unusable = |why: String| unusable(parameters, &why);
        let given = parameters.as_object().ok_or_else(|| unusable("it must be an object".to_owned()))?;
        if let Some(name) = given.keys().find(|name| !PARAMETERS.contains(&name.as_str())) {
            return Err(unusable(format!("The field \"{name}\" is not supported by Step Functions")));
        }
        let text = |name: &str| {
            let value = given.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
            value.map(str::to_owned).ok_or_else(|| unusable(format!("The field '{name}' is required")))
        };
        let method = text("Method")?;
        if !METHODS.contains(&method.as_str()) {
            return Err(unusable(format!(
                "The value for the field 'Method' must be one of {}",
                METHODS.join(", ")
            )));
        }
        let endpoint = text("ApiEndpoint")?;
        check_endpoint(&endpoint, is_plain_allowed).map_err(unusable)?;
        let connection =
            connection(given).ok_or_else(|| unusable("The field 'Authentication' is required".to_owned()))?;
        let mut request = Self {
            method,
            connection,
            endpoint,
            query: query(given.get("QueryParameters")),
            headers: Vec::new(),
            body: given.get("RequestBody").filter(|body| !body.is_null()).cloned(),
            form: transform(given.get("Transform")).map_err(unusable)?,
        };
        request.set_headers(given.get("Headers"), region).map_err(unusable)?;
        Ok(request)
    }

    fn set_headers(&mut self, given: Option<&Value>, region: &str) -> Result<(), String> {
        for (name, value) in given.and_then(Value::as_object).into_iter().flatten() {
            let lower = name.to_ascii_lowercase();
            if RESTRICTED.contains(&lower.as_str())
                || RESTRICTED_PREFIXES.iter().any(|it| lower.starts_with(it))
            {
                return Err(format!("The header '{name}' cannot be set"));
            }
            for value in value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice) {
                self.headers.push((name.clone(), form::text(value)));
            }
        }
        let agent = format!("Amazon|StepFunctions|HttpInvoke|{region}");
        self.set_missing("User-Agent", &agent);
        self.set_missing("Range", "bytes=0-262144");
        if self.body.is_some() {
            let kind =
                if self.form.is_some() { "application/x-www-form-urlencoded" } else { "application/json" };
            self.set_missing("Content-Type", kind);
        }
        Ok(())
    }

    fn set_missing(&mut self, name: &str, value: &str) {
        if !self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
            self.headers.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Sets a header, whatever was there.
    pub(super) fn set_header(&mut self, name: &str, value: &str) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// Sets a query parameter, whatever was there.
    pub(super) fn set_query(&mut self, name: &str, value: &str) {
        self.query.retain(|(known, _)| known != name);
        self.query.push((name.to_owned(), value.to_owned()));
    }

    /// Sets a member of the body, if that is an object.
    pub(super) fn set_body(&mut self, name: &str, value: &str) {
        if let Value::Object(members) = self.body.get_or_insert_with(|| Value::Object(Map::new())) {
            members.insert(name.to_owned(), value.into());
        }
    }

    pub(super) fn scheme(&self) -> &str {
        self.endpoint.split_once("://").map_or("https", |(scheme, _)| scheme)
    }

    pub(super) fn url(&self) -> String {
        let pairs: Vec<String> = self
            .query
            .iter()
            .map(|(name, value)| format!("{}={}", percent_encode(name), percent_encode(value)))
            .collect();
        match (pairs.is_empty(), self.endpoint.contains('?')) {
            (true, _) => self.endpoint.clone(),
            (false, true) => format!("{}&{}", self.endpoint, pairs.join("&")),
            (false, false) => format!("{}?{}", self.endpoint, pairs.join("&")),
        }
    }

    pub(super) fn headers(&self) -> Vec<(String, String)> {
        self.headers.clone()
    }

    /// The body as it is sent: JSON, a form, or a text that is said to be no JSON.
    pub(super) fn body(&self) -> String {
        let Some(body) = &self.body else { return String::new() };
        let kind = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let is_json = kind.is_none_or(|(_, kind)| kind.contains("json"));
        match (self.form, body) {
            (Some(arrays), Value::Object(_)) => form::encoded(body, arrays),
            (None, Value::String(text)) if !is_json => text.clone(),
            _ => body.to_string(),
        }
    }
}

fn unusable(parameters: &Value, why: &str) -> Failure {
    Failure::runtime(format!("The Parameters '{parameters}' could not be used to start the Task: [{why}]"))
}

/// Whether an address may be called at all; names are looked at when they have become addresses.
pub(super) fn check_endpoint(endpoint: &str, is_plain_allowed: bool) -> Result<(), String> {
    let field = "The value for the field 'ApiEndpoint'";
    let uri: Uri = endpoint.parse().map_err(|error| format!("{field} must be a URL: {error}"))?;
    let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| format!("{field} must be a URL"))?;
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(format!("{field} must not hold a password"));
    }
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let address: Option<IpAddr> = host.parse().ok();
    if address.is_some_and(guard::is_forbidden) {
        return Err(format!("{field} must not be an address of the link"));
    }
    let is_here = address.is_some_and(|address| address.is_loopback())
        || host.eq_ignore_ascii_case("localhost")
        || host.to_ascii_lowercase().ends_with(".localhost");
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if is_plain_allowed && is_here => Ok(()),
        _ => Err(format!("{field} must begin with https://")),
    }
}

fn connection(given: &Map<String, Value>) -> Option<String> {
    let places = ["Authentication", "InvocationConfig"].iter().filter_map(|name| given.get(*name));
    let mut found = places.filter_map(|place| place.get("ConnectionArn").and_then(Value::as_str));
    found.next().map(str::to_owned)
}

fn query(given: Option<&Value>) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for (name, value) in given.and_then(Value::as_object).into_iter().flatten() {
        for value in value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice) {
            pairs.push((name.clone(), form::text(value)));
        }
    }
    pairs
}

/// How a form is written, if the body is to be one.
fn transform(given: Option<&Value>) -> Result<Option<Arrays>, String> {
    let text = |place: &str| given.and_then(|given| given.pointer(place)).and_then(Value::as_str);
    match text("/RequestBodyEncoding") {
        None | Some("NONE") => return Ok(None),
        Some("URL_ENCODED") => {}
        Some(other) => {
            return Err(format!(
                "The value for the field 'RequestBodyEncoding' must be NONE or URL_ENCODED, not {other}"
            ));
        }
    }
    let name = text("/RequestEncodingOptions/ArrayFormat").unwrap_or("INDICES");
    let arrays = Arrays::named(name).ok_or_else(|| {
        format!(
            "The value for the field 'ArrayFormat' must be INDICES, REPEAT, COMMAS or BRACKETS, not {name}"
        )
    });
    arrays.map(Some)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(more: &Value) -> Result<Request, String> {
        let mut parameters = json!({"ApiEndpoint": "https://api.example.com/v1?x=1", "Method": "POST",
            "Authentication": {"ConnectionArn": "c"}});
        for (name, value) in more.as_object().unwrap() {
            parameters[name] = value.clone();
        }
        Request::read(&parameters, "eu-west-1", false).map_err(|failure| failure.cause)
    }

    #[test]
    fn a_request_has_its_query_its_headers_and_its_body() {
        let request =
            read(&json!({"QueryParameters": {"a b": "ü", "n": [1, 2]}, "Headers": {"H": ["1", "2"]},
            "RequestBody": {"k": [1]}}))
            .unwrap();
        assert_eq!(request.url(), "https://api.example.com/v1?x=1&a%20b=%C3%BC&n=1&n=2");
        assert_eq!(request.body(), r#"{"k":[1]}"#);
        let headers: Vec<String> =
            request.headers().iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            headers.join(";"),
            "H=1;H=2;User-Agent=Amazon|StepFunctions|HttpInvoke|eu-west-1;Range=bytes=0-262144;\
             Content-Type=application/json"
        );
    }

    #[test]
    fn a_body_is_a_form_or_a_text_where_that_is_asked_for() {
        let form = json!({"RequestBodyEncoding": "URL_ENCODED", "RequestEncodingOptions": {"ArrayFormat": "COMMAS"}});
        let request = read(&json!({"RequestBody": {"k": [1, 2]}, "Transform": form})).unwrap();
        assert_eq!(request.body(), "k=1,2");
        let text = read(&json!({"RequestBody": "hi", "Headers": {"content-type": "text/plain"}})).unwrap();
        assert_eq!(text.body(), "hi");
    }

    #[test]
    fn what_cannot_be_sent_is_named() {
        for (parameters, word) in [
            (json!({"Url": 1}), "The field \"Url\" is not supported"),
            (json!({"Method": "TRACE"}), "'Method' must be one of GET"),
            (json!({"Method": null}), "'Method' is required"),
            (json!({"Authentication": null}), "'Authentication' is required"),
            (json!({"Headers": {"Host": "x"}}), "The header 'Host' cannot be set"),
            (json!({"Headers": {"X-Amz-Date": "x"}}), "The header 'X-Amz-Date' cannot be set"),
            (json!({"Transform": {"RequestBodyEncoding": "XML"}}), "not XML"),
            (json!({"ApiEndpoint": "https://u:p@host/"}), "must not hold a password"),
            (json!({"ApiEndpoint": "host"}), "must begin with https://"),
            (json!({"ApiEndpoint": "https://169.254.169.254/latest"}), "an address of the link"),
            (json!({"ApiEndpoint": "https://[fd00:ec2::254]/latest"}), "an address of the link"),
        ] {
            let cause = read(&parameters).unwrap_err();
            assert!(cause.contains(word), "{cause}");
        }
    }

    #[test]
    fn only_this_machine_is_called_without_tls_and_only_if_allowed() {
        for (endpoint, is_allowed) in [
            ("http://127.0.0.1:80/", true),
            ("http://localhost:80/", true),
            ("http://[::1]:80/", true),
            ("http://api.example.com/", false),
            ("http://10.0.0.1/", false),
        ] {
            assert_eq!(check_endpoint(endpoint, true).is_ok(), is_allowed, "{endpoint}");
            assert!(check_endpoint(endpoint, false).is_err(), "{endpoint}");
        }
    }
}
