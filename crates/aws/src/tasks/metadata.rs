//! `SdkHttpMetadata` and `SdkResponseMetadata`: what optimized integrations show of the HTTP answer beneath. Header names
//! are written as AWS's services write them, since HTTP clients fold their case.

use serde_json::{Map, Value, json};

use crate::client::Answer;

/// Headers whose case is not that of their words.
const NAMES: &[(&str, &str)] = &[
    ("etag", "ETag"),
    ("x-amz-crc32", "x-amz-crc32"),
    ("x-amzn-remapped-content-length", "x-amzn-Remapped-Content-Length"),
    ("x-amzn-requestid", "x-amzn-RequestId"),
];

/// Integrations whose services write `Connection`; the others write `connection`.
const CAPITALISED: &[&str] = &["dynamodb", "lambda"];

/// Adds both to the output of an integration, and puts its members in order.
pub(super) fn add_of(integration: &str, output: Map<String, Value>, answer: &Answer) -> Value {
    let mut output = add(output, answer);
    if !CAPITALISED.contains(&integration) {
        for headers in ["/SdkHttpMetadata/AllHttpHeaders", "/SdkHttpMetadata/HttpHeaders"] {
            let headers = output.pointer_mut(headers).and_then(Value::as_object_mut);
            let found = headers.and_then(|headers| Some((headers.shift_remove("Connection")?, headers)));
            if let Some((value, headers)) = found {
                headers.insert("connection".to_owned(), value);
            }
        }
    }
    output
}

/// Adds both to an output, and puts its members in order.
pub(super) fn add(mut output: Map<String, Value>, answer: &Answer) -> Value {
    let mut all: Map<String, Value> = Map::new();
    let mut first: Map<String, Value> = Map::new();
    for (name, value) in &answer.headers {
        let name = written(name);
        if let Some(Value::Array(values)) = all.get_mut(&name) {
            values.push(json!(value));
            continue;
        }
        all.insert(name.clone(), json!([value]));
        first.insert(name, json!(value));
    }
    all.sort_keys();
    first.sort_keys();
    let http = json!({"AllHttpHeaders": all, "HttpHeaders": first, "HttpStatusCode": answer.status});
    output.insert("SdkHttpMetadata".to_owned(), http);
    let id = answer.request_id.as_deref().unwrap_or_default();
    output.insert("SdkResponseMetadata".to_owned(), json!({"RequestId": id}));
    output.sort_keys();
    Value::Object(output)
}

/// A header's name as AWS's services write it.
pub(super) fn written(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    if let Some((_, written)) = NAMES.iter().find(|(known, _)| *known == lower) {
        return (*written).to_owned();
    }
    lower.split('-').map(super::optimized::capitalised).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_written_as_aws_does() {
        for (name, expected) in [
            ("content-length", "Content-Length"),
            ("X-AMZN-REQUESTID", "x-amzn-RequestId"),
            ("x-amz-executed-version", "X-Amz-Executed-Version"),
            ("date", "Date"),
        ] {
            assert_eq!(written(name), expected);
        }
    }

    #[test]
    fn a_connection_is_written_as_the_service_does() {
        let headers = vec![("connection".to_owned(), "keep-alive".to_owned())];
        let answer = Answer { output: json!({}), request_id: None, attempts: 1, status: 200, headers };
        for (integration, name) in [("sqs", "connection"), ("lambda", "Connection")] {
            let output = add_of(integration, Map::new(), &answer);
            let expected = json!({ name: "keep-alive" });
            assert_eq!(output["SdkHttpMetadata"]["HttpHeaders"], expected, "{integration}");
        }
    }

    #[test]
    fn a_header_that_comes_twice_is_shown_twice() {
        let header = |value: &str| ("via".to_owned(), value.to_owned());
        let answer = Answer {
            output: json!({}),
            request_id: Some("id".to_owned()),
            attempts: 1,
            status: 200,
            headers: vec![header("a"), header("b")],
        };
        let output = add(Map::new(), &answer);
        assert_eq!(output["SdkHttpMetadata"]["AllHttpHeaders"]["Via"], json!(["a", "b"]));
        assert_eq!(output["SdkHttpMetadata"]["HttpHeaders"]["Via"], "a");
        assert_eq!(output["SdkResponseMetadata"]["RequestId"], "id");
    }
}
