//! botocore's protocol test vectors: requests and replies that AWS's SDKs agree on. They are no part of this
//! repository: the folder `tests/unit/protocols` of botocore's source package is looked for.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use shipway_aws::{
    models::{Kind, Operation, Service, Shape},
    protocol::{self, Reply, Request},
};

/// Vectors that botocore itself does not hold to, because they tell of what its service models never have, or where
/// AWS's own SDKs disagree; and what is not spoken here. Name of the case and why.
const EXCUSED: &[(&str, &str)] = &[
    ("ComplexError", "the message is in the answer; botocore's vector leaves it out"),
    ("BodyWithXmlName", "real models name the root at the place that names the shape"),
    ("HttpPayloadTraitsWithNoBlobBody", "an empty object is an empty text, as Step Functions gives it"),
    ("HttpPayloadWithXmlName", "real models name the root at the place that names the shape"),
    ("HttpPayloadWithXmlNamespace", "real models name the root at the place that names the shape"),
    ("HttpPayloadWithXmlNamespaceAndPrefix", "real models name the root at the place that names the shape"),
    ("MediaTypeHeaderInputBase64", "a text in JSON is a JSON text here"),
    ("MediaTypeHeaderOutputBase64", "a text in JSON is a JSON text here"),
    ("NullAndEmptyHeaders", "an empty list has no header"),
    ("QueryFlattenedListArgWithXmlName", "real models name a flattened list by its items"),
    ("RestJsonDeserializesDenseSetMapAndSkipsNull", "a null that was sent is kept, as boto3 keeps it"),
    ("RestXmlHttpPayloadWithUnion", "real models name the root at the place that names the shape"),
    ("XmlAttributesOnPayload", "real models name the root at the place that names the shape"),
    ("legacy/output/json 6:0", "streams of events are not read"),
    ("legacy/output/rest-json 17:2", "an unknown member of a union is left out"),
    ("legacy/output/rest-xml 14:0", "streams of events are not read"),
    ("legacy/output/rest-xml 14:1", "streams of events are not read"),
    ("legacy/output/rest-xml 14:2", "streams of events are not read"),
    ("legacy/output/rest-xml 16:2", "an unknown member of a union is left out"),
];

/// Request bodies may be compressed; services take them plain as well.
const COMPRESSION: &[&str] = &["SDKAppliedContentEncoding_", "SDKAppendsGzip", "SDKAppendedGzip"];

/// `SHIPWAY_PROTOCOL_VECTORS`, or where the test command may have unpacked botocore's source.
fn folder() -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let unpacked = here.join("../../target/botocore-source/tests/unit/protocols");
    let folder = std::env::var_os("SHIPWAY_PROTOCOL_VECTORS").map_or(unpacked, PathBuf::from);
    let is_there = folder.is_dir();
    if !is_there {
        println!("skipped: no protocol vectors at {}", folder.display());
    }
    is_there.then_some(folder)
}

struct Case {
    name: String,
    service: Service,
    operation: String,
    endpoint: String,
    case: Value,
}

impl Case {
    fn operation(&self) -> Operation<'_> {
        self.service.operation(&self.operation).unwrap()
    }
}

fn cases(folder: &Path, kind: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    for (prefix, folder) in [("", folder.join(kind)), ("legacy/", folder.join("legacy").join(kind))] {
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        for file in files.iter().filter(|file| !file.to_string_lossy().contains("cbor")) {
            let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
            let suites: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
            for (number, suite) in suites.iter().enumerate() {
                for (at, case) in suite["cases"].as_array().unwrap().iter().enumerate() {
                    let id = case["id"].as_str().map_or_else(|| format!("{number}:{at}"), str::to_owned);
                    cases.push(load(format!("{prefix}{kind}/{stem} {id}"), suite, case));
                }
            }
        }
    }
    cases
}

fn load(name: String, suite: &Value, case: &Value) -> Case {
    let mut metadata =
        json!({"serviceId": "Test", "apiVersion": "1", "endpointPrefix": "test", "jsonVersion": "1.1"});
    metadata.as_object_mut().unwrap().extend(suite["metadata"].as_object().unwrap().clone());
    let mut given = case["given"].clone();
    let operation = given["name"].as_str().unwrap_or("OperationName").to_owned();
    let output = given["output"].as_object_mut();
    if let Some(output) = output.filter(|_| metadata["protocol"] == "query") {
        output.entry("resultWrapper").or_insert(json!(format!("{operation}Result")));
    }
    let shapes = suite["shapes"].as_object().cloned().unwrap_or_default();
    let model = json!({"metadata": metadata, "operations": {operation.as_str(): given}, "shapes": shapes});
    let service =
        Service::parse("test", model.to_string().as_bytes()).unwrap_or_else(|e| panic!("{name}: {e}"));
    let endpoint = suite["clientEndpoint"].as_str().unwrap_or_default().to_owned();
    Case { name, service, operation, endpoint, case: case.clone() }
}

/// The vectors write blobs as text and times as seconds.
fn ours(shape: Shape<'_>, value: &Value) -> Value {
    convert(shape, value, &|shape, value| match (shape.kind(), value) {
        (Kind::Blob, Value::String(text)) => Some(encode(text).into()),
        _ => None,
    })
}

fn theirs(shape: Shape<'_>, value: &Value) -> Value {
    convert(shape, value, &|shape, value| match (shape.kind(), value) {
        (Kind::Blob, Value::String(text)) => Some(decode(text).into()),
        (Kind::Timestamp { .. }, Value::String(text)) => {
            let time: jiff::Timestamp = text.parse().ok()?;
            let millis = time.as_millisecond();
            Some(if millis % 1000 == 0 { (millis / 1000).into() } else { (millis as f64 / 1000.0).into() })
        }
        _ => None,
    })
}

fn encode(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn decode(text: &str) -> String {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(text);
    bytes.map_or_else(|_| text.to_owned(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn convert(shape: Shape<'_>, value: &Value, leaf: &dyn Fn(Shape<'_>, &Value) -> Option<Value>) -> Value {
    if let Some(converted) = leaf(shape, value) {
        return converted;
    }
    match (shape.kind(), value) {
        (Kind::Structure(structure), Value::Object(members)) => {
            let convert_member = |(name, value): (&String, &Value)| {
                let converted = structure.named(name).map(|member| convert(member.shape(), value, leaf));
                (name.clone(), converted.unwrap_or_else(|| value.clone()))
            };
            Value::Object(members.iter().map(convert_member).collect())
        }
        (Kind::List(item), Value::Array(items)) => {
            items.iter().map(|value| convert(item, value, leaf)).collect()
        }
        (Kind::Map { value: of, .. }, Value::Object(entries)) => {
            let entries = entries.iter().map(|(key, value)| (key.clone(), convert(of, value, leaf)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
        _ => value.clone(),
    }
}

/// Numbers compare by value: 1 and 1.0 are the same.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

fn input(case: &Case) -> Result<(), String> {
    let operation = case.operation();
    let params = case.case.get("params").cloned().unwrap_or(json!({}));
    let params = operation.input().map_or(params.clone(), |shape| ours(shape, &params));
    let token = "00000000-0000-4000-8000-000000000000";
    let request = protocol::write(operation, &params, token).map_err(|error| error.to_string())?;
    let expected = &case.case["serialized"];
    if let Some(method) = expected["method"].as_str() {
        check("method", &request.method, method)?;
    }
    // A client puts the path of its endpoint before that of the request.
    let endpoint = case.endpoint.as_str();
    let base =
        endpoint.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
    let base = if base.is_empty() { String::new() } else { format!("/{}", base.trim_end_matches('/')) };
    check("uri", &(base + &uri(&request)), expected["uri"].as_str().unwrap_or_default())?;
    if let Some(body) = expected["body"].as_str() {
        check_body(operation, &request, body)?;
    }
    for (name, value) in expected["headers"].as_object().into_iter().flatten() {
        let value = value.as_str().unwrap();
        let given = request.header(name).unwrap_or("none");
        let plain = |text: &str| text.replace(", ", ",").replace("; charset=utf-8", "");
        check(name, &plain(given), &plain(value))?;
    }
    for name in expected["forbidHeaders"].as_array().into_iter().flatten() {
        check(name.as_str().unwrap(), request.header(name.as_str().unwrap()).unwrap_or("none"), "none")?;
    }
    Ok(())
}

fn check(what: &str, given: &str, expected: &str) -> Result<(), String> {
    if given == expected { Ok(()) } else { Err(format!("{what}: {given:?}, expected {expected:?}")) }
}

fn uri(request: &Request) -> String {
    let encode = |text: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        text.bytes()
            .map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") })
            .collect::<String>()
    };
    let pairs = request.query.iter().map(|(name, value)| match value {
        Some(value) => format!("{}={}", encode(name), encode(value)),
        None => encode(name),
    });
    let query: Vec<String> = pairs.collect();
    if query.is_empty() { request.path.clone() } else { format!("{}?{}", request.path, query.join("&")) }
}

fn check_body(operation: Operation<'_>, request: &Request, expected: &str) -> Result<(), String> {
    let given = String::from_utf8_lossy(&request.body).into_owned();
    let as_json = |text: &str| serde_json::from_str::<Value>(text).ok();
    match operation.service().metadata().spoken() {
        protocol if format!("{protocol:?}").contains("Json") => match (as_json(&given), as_json(expected)) {
            (Some(a), Some(b)) if same(&a, &b) => Ok(()),
            _ => check("body", &given, expected),
        },
        protocol if format!("{protocol:?}") == "RestXml" => {
            check("body", &canonical(&given), &canonical(expected))
        }
        _ => check("body", &given, expected),
    }
}

/// Without white space between elements and with attributes in order.
fn canonical(xml: &str) -> String {
    let trimmed: Vec<&str> = xml.split('<').map(str::trim).collect();
    let sorted = trimmed.iter().map(|part| {
        let (tag, rest) = part.split_once('>').unwrap_or((part, ""));
        let mut words: Vec<&str> = tag.split(' ').collect();
        if let Some(attributes) = words.get_mut(1..) {
            attributes.sort_unstable();
        }
        let tag = words.join(" ");
        match tag.strip_suffix('/') {
            Some(name) => format!("{}></{}>{rest}", name.trim(), name.split(' ').next().unwrap_or_default()),
            None => format!("{tag}>{rest}"),
        }
    });
    sorted.collect::<Vec<_>>().join("<").replace("&#xD;", "&#13;").replace("&#xA;", "&#10;")
}

fn reply(case: &Case) -> Reply {
    let response = &case.case["response"];
    let headers = response["headers"].as_object().into_iter().flatten();
    Reply {
        status: response["status_code"].as_u64().unwrap_or(200).try_into().unwrap(),
        headers: headers.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect(),
        body: response["body"].as_str().unwrap_or_default().as_bytes().to_vec(),
    }
}

fn output(case: &Case) -> Result<(), String> {
    let (operation, reply) = (case.operation(), reply(case));
    let Some(error) = case.case.get("error") else {
        let given = protocol::read(operation, &reply).map_err(|error| error.to_string())?;
        let given = operation.output().map_or(given.clone(), |shape| theirs(shape, &given));
        let expected = &case.case["result"];
        return if same(&given, expected) { Ok(()) } else { Err(format!("{given}, expected {expected}")) };
    };
    let fault = protocol::read_error(operation, &reply);
    check("code", &fault.code, case.case["errorCode"].as_str().unwrap_or_default())?;
    let message = case.case["errorMessage"].as_str().unwrap_or_default();
    check("message", &fault.message, message)?;
    let shape = fault.shape.as_deref().and_then(|name| case.service.error(name));
    let given =
        shape.map_or(json!(fault.details), |shape| theirs(shape, &Value::Object(fault.details.clone())));
    let differs = |(name, value): (&String, &Value)| {
        let known = given.get(name).or_else(|| given.get(name.to_lowercase()));
        let is_message = name.eq_ignore_ascii_case("message") && value.as_str() == Some(message);
        !is_message && !known.is_some_and(|known| same(known, value))
    };
    let difference = error.as_object().into_iter().flatten().find(|entry| differs(*entry));
    difference.map_or(Ok(()), |(name, value)| Err(format!("{name}: {given}, expected {value}")))
}

fn is_excused(name: &str) -> bool {
    EXCUSED.iter().any(|(excused, _)| name.ends_with(excused))
        || COMPRESSION.iter().any(|part| name.contains(part))
}

fn run(kind: &str, judge: fn(&Case) -> Result<(), String>, least: usize) {
    let Some(folder) = folder() else { return };
    let cases = cases(&folder, kind);
    let failed = cases.iter().filter_map(|case| Some((&case.name, judge(case).err()?)));
    let (excused, failed): (Vec<_>, Vec<_>) = failed.partition(|(name, _)| is_excused(name));
    println!(
        "{kind}: {} of {} pass, {} excused",
        cases.len() - failed.len() - excused.len(),
        cases.len(),
        excused.len()
    );
    let failed: Vec<String> = failed.into_iter().map(|(name, why)| format!("{name}: {why}")).collect();
    assert!(failed.is_empty(), "{} differ:\n{}", failed.len(), failed.join("\n"));
    assert!(cases.len() >= least, "{}", cases.len());
}

#[test]
fn requests_are_written_as_the_vectors_say() {
    run("input", input, 500);
}

#[test]
fn replies_are_read_as_the_vectors_say() {
    run("output", output, 400);
}
