//! What readers of distributed Maps make of objects, and what they ask for.

use std::collections::BTreeMap;
use std::io::Write;

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use shipway_asl::items::{Format, Listed, ReadCall, ReadError, ReadPlan, Reading, Reply, Request};

fn plan(call: ReadCall, format: Format) -> ReadPlan {
    let arguments = json!({"Bucket": "b", "Key": "k", "Prefix": "p/"});
    ReadPlan { call, arguments, format, pointer: None, max_items: None }
}

/// Answers a reader out of these objects; a listing has two objects a page.
fn read(plan: &ReadPlan, objects: &[(&str, &[u8])]) -> Result<Vec<(Value, String)>, ReadError> {
    let objects: BTreeMap<&str, &[u8]> = objects.iter().copied().collect();
    let mut reading = Reading::new(plan.clone())?;
    while let Some(request) = reading.next().cloned() {
        let reply = match request {
            Request::Object { key, .. } => Reply::Object(objects[key.as_str()].to_vec()),
            Request::List { prefix, token, .. } => {
                let from = token.unwrap_or_default();
                let mut listed =
                    objects.iter().filter(|(key, _)| key.starts_with(&prefix) && **key > from.as_str());
                let page: Vec<Listed> = listed
                    .by_ref()
                    .take(2)
                    .map(|(key, bytes)| Listed {
                        key: (*key).to_owned(),
                        size: bytes.len() as u64,
                        etag: "\"e\"".into(),
                        modified: 1,
                        storage_class: "STANDARD".into(),
                    })
                    .collect();
                let next = listed.next().and(page.last()).map(|last| last.key.clone());
                Reply::List { objects: page, next }
            }
        };
        reading.give(reply)?;
    }
    Ok(reading.finish().into_iter().map(|item| (item.value, item.source.to_string())).collect())
}

fn check(plan: &ReadPlan, objects: &[(&str, &[u8])], expected: &Expect) {
    let shown = match read(plan, objects) {
        Ok(items) => items.iter().map(|(value, source)| format!("{value} from {source}\n")).collect(),
        Err(error) => format!("{error}\n"),
    };
    expected.assert_eq(&shown);
}

fn csv(text: &str, headers: Option<&[&str]>, delimiter: char, expected: &Expect) {
    let headers = headers.map(|headers| headers.iter().map(|header| (*header).to_owned()).collect());
    let plan = plan(ReadCall::Object, Format::Delimited { headers, delimiter });
    let shown: String = match read(&plan, &[("k", text.as_bytes())]) {
        Ok(items) => items.iter().map(|(value, _)| format!("{value}\n")).collect(),
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&shown);
}

#[test]
fn rows_are_read_by_their_headers() {
    csv(
        "a,b\n1,2\n\n3\n4,5,6\n",
        None,
        ',',
        &expect![[r#"
            {"a":"1","b":"2"}
            {"a":"3","b":""}
            {"a":"4","b":"5"}
        "#]],
    );
    csv(
        "1|2\r\n3|4",
        Some(&["x", "y"]),
        '|',
        &expect![[r#"
        {"x":"1","y":"2"}
        {"x":"3","y":"4"}
    "#]],
    );
    csv(
        "a\tb\n1\t2\n",
        None,
        '\t',
        &expect![[r#"
        {"a":"1","b":"2"}
    "#]],
    );
}

#[test]
fn quotes_keep_delimiters_and_lines() {
    csv(
        "a,b\n\"1,\n2\",\"say \"\"hi\"\"\"\n\"\",x\\,y\n",
        None,
        ',',
        &expect![[r#"
        {"a":"1,\n2","b":"say \"hi\""}
        {"a":"","b":"x,y"}
    "#]],
    );
    csv(
        "a\n\"never closed",
        None,
        ',',
        &expect![[r#"
        {"a":"never closed"}
    "#]],
    );
}

#[test]
fn json_is_read_whole_by_line_and_from_a_place() {
    let json = plan(ReadCall::Object, Format::Json);
    check(
        &json,
        &[("k", b"\xef\xbb\xbf[1, {\"a\": 2}]")],
        &expect![[r#"
        1 from s3://b/k
        {"a":2} from s3://b/k
    "#]],
    );
    check(
        &json,
        &[("k", b"3")],
        &expect![[r#"
        Attempting to map over non-iterable node.
    "#]],
    );
    check(
        &json,
        &[("k", b"[1")],
        &expect![[r#"
        The object s3://b/k is no JSON: EOF while parsing a list at line 1 column 2.
    "#]],
    );
    let lines = plan(ReadCall::Object, Format::JsonLines);
    check(
        &lines,
        &[("k", b"1\n\n{\"a\":2}\r\n")],
        &expect![[r#"
        1 from s3://b/k
        {"a":2} from s3://b/k
    "#]],
    );
    check(
        &lines,
        &[("k", b"1\nx\n")],
        &expect![[r#"
        Line 2 of the object s3://b/k is no JSON: expected value at line 1 column 1.
    "#]],
    );
    check(
        &json,
        &[("k", br#"{"a": 1}"#)],
        &expect![[r#"
        Attempting to map over non-iterable node.
    "#]],
    );
    let inside = ReadPlan { pointer: Some("/a/0".into()), ..json };
    check(
        &inside,
        &[("k", b"{\"a\": [[7, 8]]}")],
        &expect![[r#"
        7 from s3://b/k
        8 from s3://b/k
    "#]],
    );
    check(
        &inside,
        &[("k", b"{}")],
        &expect![[r#"
        The ItemsPointer '/a/0' names nothing in the object s3://b/k.
    "#]],
    );
}

#[test]
fn no_more_items_are_read_than_asked_for() {
    let two = |call, format| ReadPlan { max_items: Some(2), ..plan(call, format) };
    let all = b"[1,2,3]";
    assert_eq!(read(&two(ReadCall::Object, Format::Json), &[("k", all)]).unwrap().len(), 2);
    assert_eq!(read(&two(ReadCall::Object, Format::JsonLines), &[("k", b"1\n2\n3\n")]).unwrap().len(), 2);
    let listed: &[(&str, &[u8])] = &[("p/1", b""), ("p/2", b""), ("p/3", b"")];
    assert_eq!(read(&two(ReadCall::List, Format::Json), listed).unwrap().len(), 2);
    let none = ReadPlan { max_items: Some(0), ..plan(ReadCall::Object, Format::Json) };
    assert_eq!(read(&none, &[("k", all)]).unwrap().len(), 3);
    let negative = ReadPlan { max_items: Some(-1), ..none };
    assert_eq!(read(&negative, &[]).unwrap_err().0, "field MaxItems must be positive");
}

#[test]
fn listings_are_items_page_by_page() {
    check(
        &plan(ReadCall::List, Format::Json),
        &[("p/1", b"x"), ("p/2", b"yy"), ("p/3", b""), ("q", b"")],
        &expect![[r#"
            {"Etag":"\"e\"","Key":"p/1","LastModified":1,"Size":1,"StorageClass":"STANDARD"} from s3://b
            {"Etag":"\"e\"","Key":"p/2","LastModified":1,"Size":2,"StorageClass":"STANDARD"} from s3://b
            {"Etag":"\"e\"","Key":"p/3","LastModified":1,"Size":0,"StorageClass":"STANDARD"} from s3://b
        "#]],
    );
}

#[test]
fn the_objects_of_a_listing_can_be_read_too() {
    check(
        &plan(ReadCall::LoadAndFlatten, Format::JsonLines),
        &[("p/", b""), ("p/1", b"1\n"), ("p/2", b"2\n3\n"), ("p/3", b"4\n")],
        &expect![[r#"
            1 from s3://b/p/1
            2 from s3://b/p/2
            3 from s3://b/p/2
            4 from s3://b/p/3
        "#]],
    );
}

fn gzip(text: &str) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap()
}

#[test]
fn inventories_lead_to_their_objects() {
    let manifest = json!({
        "sourceBucket": "source", "destinationBucket": "arn:aws:s3:::b", "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, Size",
        "files": [{"key": "data/1.csv.gz", "size": 1, "MD5checksum": "m"}, {"key": "data/2.csv", "size": 1}]});
    let manifest = manifest.to_string();
    let packed = gzip("\"source\",\"one\",\"1\"\n");
    let format = Format::Delimited { headers: None, delimiter: ',' };
    let objects: &[(&str, &[u8])] = &[
        ("k", manifest.as_bytes()),
        ("data/1.csv.gz", &packed),
        ("data/2.csv", b"\"source\",\"two\",\"2\"\n"),
    ];
    check(
        &plan(ReadCall::Inventory, format.clone()),
        objects,
        &expect![[r#"
        {"Bucket":"source","Key":"one","Size":"1"} from s3://b/data/1.csv.gz
        {"Bucket":"source","Key":"two","Size":"2"} from s3://b/data/2.csv
    "#]],
    );
    let orc = manifest.replace("CSV", "ORC");
    check(
        &plan(ReadCall::Inventory, format.clone()),
        &[("k", orc.as_bytes())],
        &expect![[r#"
        The inventory manifest s3://b/k must have the fileFormat CSV.
    "#]],
    );
    let broken: &[(&str, &[u8])] = &[("k", manifest.as_bytes()), ("data/1.csv.gz", b"no gzip")];
    let refused = read(&plan(ReadCall::Inventory, format), broken).unwrap_err().0;
    assert!(refused.starts_with("The object s3://b/data/1.csv.gz is no GZIP"), "{refused}");
}

#[test]
fn manifests_of_athena_lead_to_their_objects() {
    let objects: &[(&str, &[u8])] = &[
        ("k", b"s3://b/data/1\ns3://b/data/2.gz\n"),
        ("data/1", b"{\"n\":1}\n"),
        ("data/2.gz", &gzip("{\"n\":2}\n")),
    ];
    check(
        &plan(ReadCall::Athena, Format::JsonLines),
        objects,
        &expect![[r#"
        {"n":1} from s3://b/data/1
        {"n":2} from s3://b/data/2.gz
    "#]],
    );
    check(
        &plan(ReadCall::Athena, Format::JsonLines),
        &[("k", b"data/1\n")],
        &expect![[r#"
        The manifest s3://b/k lists `data/1`, which is no URI of an object.
    "#]],
    );
}

#[test]
fn what_is_not_read_is_refused_by_name() {
    let refused = Reading::new(plan(ReadCall::Object, Format::Parquet)).unwrap_err().0;
    assert!(refused.contains("Parquet"), "{refused}");
    let mut nameless = plan(ReadCall::Object, Format::Json);
    nameless.arguments = json!({"Bucket": "b", "Key": 3});
    expect!["The field 'Key' of the ItemReader must be a text."]
        .assert_eq(&Reading::new(nameless).unwrap_err().0);
    let zst = ReadPlan {
        arguments: json!({"Bucket": "b", "Key": "k.zst"}),
        ..plan(ReadCall::Object, Format::Json)
    };
    assert!(read(&zst, &[("k.zst", b"")]).unwrap_err().0.contains("ZSTD"));
    assert!(read(&plan(ReadCall::Object, Format::Json), &[("k", b"\xff")]).unwrap_err().0.contains("UTF-8"));
}
