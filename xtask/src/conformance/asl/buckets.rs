//! Objects in buckets of a case. The recordings do not carry them: contents are made from which AWS must have read
//! the items that were recorded. A case may bring its own as `buckets`: {bucket: {key: text}}.

use std::collections::BTreeMap;

use serde_json::Value;
use shipway_asl::MapRunFailure;
use shipway_asl::items::{Item, Listed, ReadPlan, Reading, Reply, Request};

/// Objects by bucket and key.
pub type Buckets = BTreeMap<(String, String), Vec<u8>>;

/// Objects in one page of a listing, so that two pages are needed soon.
const PAGE: usize = 2;

/// Contents that the recorded items do not tell whole: a part of the case's id, and what was in its object.
const KNOWN: &[(&str, &str)] = &[
    (
        "csv_headers_decl",
        "Value1,Value2,Value3\nValue4,Value5,Value6\n,,,\ntrue,1,'HelloWorld'\nNull,None,\n   ,\n",
    ),
    (
        "csv_headers_first_line",
        "Col1,Col2,Col3\nValue1,Value2,Value3\nValue4,Value5,Value6\n,,,\ntrue,1,'HelloWorld'\nNull,None,\n   ,\n",
    ),
    ("typed_headers", "0,True,{}\nValue4,Value5,Value6\n,,,\ntrue,1,'HelloWorld'\nNull,None,\n   ,\n"),
    ("csv_max_items", "Col1,Col2\nValue1,Value2\nValue3,Value4\nValue5,Value6\nValue7,Value8\n"),
    ("no_json_list_object", r#"{"Hello": "world"}"#),
];

/// What a case finds in its buckets.
pub fn of(id: &str, data: &Value) -> Buckets {
    if let Some(buckets) = data["buckets"].as_object() {
        return brought(buckets);
    }
    let text = |field: &str| data.get("input")?.get(field)?.as_str().map(str::to_owned);
    let (Some(bucket), Some(key)) = (text("Bucket"), text("Key")) else { return Buckets::new() };
    let known = KNOWN.iter().find(|(part, _)| id.contains(part));
    let content = known.map_or_else(|| rebuilt(data), |(_, content)| (*content).to_owned());
    Buckets::from([((bucket, key), content.into_bytes())])
}

fn brought(buckets: &serde_json::Map<String, Value>) -> Buckets {
    let objects = buckets.iter().flat_map(|(bucket, objects)| {
        let objects = objects.as_object().into_iter().flatten();
        objects.map(move |(key, content)| {
            let content = content.as_str().map_or_else(|| content.to_string(), str::to_owned);
            ((bucket.clone(), key.clone()), content.into_bytes())
        })
    });
    objects.collect()
}

/// An object that holds what AWS has put into batches or passed on one by one.
fn rebuilt(data: &Value) -> String {
    let outputs = data.pointer("/expected/output").and_then(Value::as_array).cloned().unwrap_or_default();
    let items = outputs.into_iter().flat_map(|output| match output.get("Items") {
        Some(Value::Array(items)) => items.clone(),
        _ => vec![output],
    });
    let items: Vec<Value> = items.collect();
    match reader_config(&data["definition"]).filter(|config| config["InputType"] == "CSV") {
        Some(config) => delimited(config, &items),
        None => Value::from(items).to_string(),
    }
}

fn reader_config(definition: &Value) -> Option<&Value> {
    match definition {
        Value::Object(fields) => {
            fields.get("ReaderConfig").or_else(|| fields.values().find_map(reader_config))
        }
        Value::Array(items) => items.iter().find_map(reader_config),
        _ => None,
    }
}

fn delimited(config: &Value, items: &[Value]) -> String {
    let row = |cells: Vec<&str>| format!("{}\n", cells.join(","));
    let names: Vec<&str> = match config["CSVHeaders"].as_array() {
        Some(names) => names.iter().filter_map(Value::as_str).collect(),
        None => items
            .first()
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
            .collect(),
    };
    let cells =
        |item: &Value| row(names.iter().map(|name| item[*name].as_str().unwrap_or_default()).collect());
    let rows: String = items.iter().map(cells).collect();
    if config["CSVHeaderLocation"] == "GIVEN" { rows } else { row(names.clone()) + &rows }
}

/// The items that a reader finds.
pub fn read_items(buckets: &Buckets, plan: ReadPlan) -> Result<Vec<Item>, MapRunFailure> {
    let mut reading = Reading::new(plan)?;
    while let Some(request) = reading.next().cloned() {
        let reply = match request {
            Request::Object { bucket, key, .. } => match buckets.get(&(bucket, key)) {
                Some(bytes) => Reply::Object(bytes.clone()),
                None => {
                    let cause = "The specified key does not exist.";
                    return Err(MapRunFailure::named("States.ItemReaderFailed", cause));
                }
            },
            Request::List { bucket, prefix, token } => {
                list(buckets, &bucket, &prefix, token.unwrap_or_default())
            }
        };
        reading.give(reply)?;
    }
    Ok(reading.finish())
}

#[expect(clippy::needless_pass_by_value, reason = "a token is used once")]
fn list(buckets: &Buckets, bucket: &str, prefix: &str, from: String) -> Reply {
    let mut keys =
        buckets.iter().filter(|((of, key), _)| of == bucket && key.starts_with(prefix) && *key > from);
    let listed = |((_, key), bytes): (&(String, String), &Vec<u8>)| Listed {
        key: key.clone(),
        size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        etag: "\"0\"".into(),
        modified: 1_669_244_000,
        storage_class: "STANDARD".into(),
    };
    let objects: Vec<Listed> = keys.by_ref().take(PAGE).map(listed).collect();
    let next = keys.next().and(objects.last()).map(|last| last.key.clone());
    Reply::List { objects, next }
}
