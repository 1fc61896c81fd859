//! OTLP's messages, as far as spans need them, in both encodings: protobuf and JSON. Sends nothing.

use prost::Message;
use serde::{Serialize, Serializer};

/// What is sent.
#[derive(Clone, PartialEq, Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// One.
    #[prost(message, repeated, tag = "1")]
    pub resource_spans: Vec<ResourceSpans>,
}

/// Spans of one sender.
#[derive(Clone, PartialEq, Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceSpans {
    /// Who sends them.
    #[prost(message, optional, tag = "1")]
    pub resource: Option<Resource>,
    /// One.
    #[prost(message, repeated, tag = "2")]
    pub scope_spans: Vec<ScopeSpans>,
}

/// Who sends.
#[derive(Clone, PartialEq, Message, Serialize)]
pub struct Resource {
    /// `service.name` and others.
    #[prost(message, repeated, tag = "1")]
    pub attributes: Vec<KeyValue>,
}

/// Spans that one part of the sender made.
#[derive(Clone, PartialEq, Message, Serialize)]
pub struct ScopeSpans {
    /// The part.
    #[prost(message, optional, tag = "1")]
    pub scope: Option<Scope>,
    /// Its spans.
    #[prost(message, repeated, tag = "2")]
    pub spans: Vec<Span>,
}

/// What made spans.
#[derive(Clone, PartialEq, Message, Serialize)]
pub struct Scope {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its version.
    #[prost(string, tag = "2")]
    pub version: String,
}

/// A span.
#[derive(Clone, PartialEq, Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    /// Its trace.
    #[prost(bytes = "vec", tag = "1")]
    #[serde(serialize_with = "as_hex")]
    pub trace_id: Vec<u8>,
    /// Its id.
    #[prost(bytes = "vec", tag = "2")]
    #[serde(serialize_with = "as_hex")]
    pub span_id: Vec<u8>,
    /// What it is part of; empty for a root.
    #[prost(bytes = "vec", tag = "4")]
    #[serde(serialize_with = "as_hex", skip_serializing_if = "Vec::is_empty")]
    pub parent_span_id: Vec<u8>,
    /// Its name.
    #[prost(string, tag = "5")]
    pub name: String,
    /// One of the constants below.
    #[prost(int32, tag = "6")]
    pub kind: i32,
    /// When it began.
    #[prost(fixed64, tag = "7")]
    #[serde(serialize_with = "as_text")]
    pub start_time_unix_nano: u64,
    /// When it ended.
    #[prost(fixed64, tag = "8")]
    #[serde(serialize_with = "as_text")]
    pub end_time_unix_nano: u64,
    /// What is known of it.
    #[prost(message, repeated, tag = "9")]
    pub attributes: Vec<KeyValue>,
    /// Spans of other traces that have to do with it.
    #[prost(message, repeated, tag = "13")]
    pub links: Vec<Link>,
    /// How it ended.
    #[prost(message, optional, tag = "15")]
    pub status: Option<Status>,
}

/// Inside the process.
pub const INTERNAL: i32 = 1;
/// Done because somebody else asked.
pub const SERVER: i32 = 2;
/// Somebody else was asked.
pub const CLIENT: i32 = 3;

/// A span of another trace.
#[derive(Clone, PartialEq, Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// Its trace.
    #[prost(bytes = "vec", tag = "1")]
    #[serde(serialize_with = "as_hex")]
    pub trace_id: Vec<u8>,
    /// Its id.
    #[prost(bytes = "vec", tag = "2")]
    #[serde(serialize_with = "as_hex")]
    pub span_id: Vec<u8>,
}

/// How a span ended.
#[derive(Clone, PartialEq, Message, Serialize)]
pub struct Status {
    /// What went wrong.
    #[prost(string, tag = "2")]
    pub message: String,
    /// 0, or [`ERROR`].
    #[prost(int32, tag = "3")]
    pub code: i32,
}

/// It failed.
pub const ERROR: i32 = 2;

/// Something that is known.
#[derive(Clone, PartialEq, Message, Serialize)]
pub struct KeyValue {
    /// Its name.
    #[prost(string, tag = "1")]
    pub key: String,
    /// Its value.
    #[prost(message, optional, tag = "2")]
    pub value: Option<AnyValue>,
}

/// A text: nothing else is known of spans here.
#[derive(Clone, PartialEq, Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AnyValue {
    /// The text.
    #[prost(string, optional, tag = "1")]
    pub string_value: Option<String>,
}

/// What a collector answers.
#[derive(Clone, PartialEq, Message)]
pub struct Answer {
    /// Spans that it did not take.
    #[prost(message, optional, tag = "1")]
    pub partial_success: Option<PartialSuccess>,
}

/// Spans that a collector did not take.
#[derive(Clone, PartialEq, Message)]
pub struct PartialSuccess {
    /// How many.
    #[prost(int64, tag = "1")]
    pub rejected_spans: i64,
    /// Why.
    #[prost(string, tag = "2")]
    pub error_message: String,
}

/// Attributes of pairs.
pub fn attributes<'p>(pairs: impl IntoIterator<Item = (&'p str, String)>) -> Vec<KeyValue> {
    let pairs = pairs.into_iter().map(|(key, value)| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { string_value: Some(value) }),
    });
    pairs.collect()
}

fn as_hex<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(bytes))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn as_text<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        let span = Span {
            trace_id: vec![0xab; 16],
            span_id: vec![0xcd; 8],
            name: "S".to_owned(),
            kind: INTERNAL,
            start_time_unix_nano: 1,
            end_time_unix_nano: 2,
            attributes: attributes([("a", "b".to_owned())]),
            status: Some(Status { message: "E".to_owned(), code: ERROR }),
            ..Span::default()
        };
        let scope_spans = vec![ScopeSpans { scope: None, spans: vec![span] }];
        Request { resource_spans: vec![ResourceSpans { resource: None, scope_spans }] }
    }

    #[test]
    fn json_is_as_otlp_has_it() {
        expect_test::expect![[
            r#"{"resourceSpans":[{"resource":null,"scopeSpans":[{"scope":null,"spans":[{"traceId":"abababababababababababababababab","spanId":"cdcdcdcdcdcdcdcd","name":"S","kind":1,"startTimeUnixNano":"1","endTimeUnixNano":"2","attributes":[{"key":"a","value":{"stringValue":"b"}}],"links":[],"status":{"message":"E","code":2}}]}]}]}"#
        ]]
        .assert_eq(&serde_json::to_string(&request()).unwrap());
    }

    /// Field numbers and wire types, by hand from OTLP's `trace.proto`.
    #[test]
    fn protobuf_is_as_otlp_has_it() {
        let span = [
            [&[0x0a, 16][..], &[0xab; 16]].concat(),
            [&[0x12, 8][..], &[0xcd; 8]].concat(),
            vec![0x2a, 1, b'S'],
            vec![0x30, 1],
            vec![0x39, 1, 0, 0, 0, 0, 0, 0, 0],
            vec![0x41, 2, 0, 0, 0, 0, 0, 0, 0],
            vec![0x4a, 8, 0x0a, 1, b'a', 0x12, 3, 0x0a, 1, b'b'],
            vec![0x7a, 5, 0x12, 1, b'E', 0x18, 2],
        ]
        .concat();
        let length = |inner: &[u8]| u8::try_from(inner.len()).unwrap();
        let scope = [&[0x12, length(&span)][..], &span].concat();
        let resource = [&[0x12, length(&scope)][..], &scope].concat();
        let request_bytes = [&[0x0a, length(&resource)][..], &resource].concat();
        assert_eq!(request().encode_to_vec(), request_bytes);
    }
}
