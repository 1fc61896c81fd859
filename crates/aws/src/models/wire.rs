//! The embedded models as they are written: what serde reads. Gives no meaning to it.

use std::collections::BTreeMap;

use serde::{Deserialize, de::IgnoredAny};

use super::shape::{Location, Reference};

/// A whole service.
#[derive(Debug, Deserialize)]
pub(super) struct Model {
    pub(super) metadata: Metadata,
    pub(super) operations: BTreeMap<String, Operation>,
    pub(super) shapes: BTreeMap<String, Definition>,
}

/// How a service is reached.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The service's own name, such as `SFN`.
    pub service_id: String,
    /// The version of the API, a date.
    pub api_version: String,
    /// How requests and answers are written: what the service prefers.
    pub protocol: Protocol,
    /// All that it speaks, the preferred one first.
    #[serde(default)]
    pub protocols: Vec<Protocol>,
    /// What its host name starts with.
    pub endpoint_prefix: String,
    /// The host of a service that has one for all regions.
    pub global_endpoint: Option<String>,
    /// The name that requests are signed for, where it is not [`Metadata::endpoint_prefix`].
    pub signing_name: Option<String>,
    /// `1.0` or `1.1` in the protocol `json`.
    pub json_version: Option<String>,
    /// What `X-Amz-Target` starts with in the protocol `json`.
    pub target_prefix: Option<String>,
    /// How requests are signed, such as `v4`.
    pub signature_version: Option<String>,
    aws_query_compatible: Option<IgnoredAny>,
}

impl Metadata {
    /// The protocol to speak: the first that is written here. `RpcV2Cbor` is chosen only where nothing else is spoken.
    pub fn spoken(&self) -> Protocol {
        let spoken = |protocol: &&Protocol| self.protocols.contains(protocol) || self.protocol == **protocol;
        Protocol::PREFERRED.iter().find(spoken).copied().unwrap_or(self.protocol)
    }

    /// Whether errors also carry the code that they had when the service spoke the protocol `query`.
    pub fn is_query_compatible(&self) -> bool {
        self.aws_query_compatible.is_some()
    }
}

/// How requests and answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// JSON body, operation in a header.
    Json,
    /// JSON body, operation in method and path.
    RestJson,
    /// XML body, operation in method and path.
    RestXml,
    /// Form body, XML answer.
    Query,
    /// EC2's kind of [`Protocol::Query`].
    Ec2,
    /// CBOR body, operation in the path.
    #[serde(rename = "smithy-rpc-v2-cbor")]
    RpcV2Cbor,
}

impl Protocol {
    const PREFERRED: [Self; 5] = [Self::Json, Self::RestJson, Self::RestXml, Self::Query, Self::Ec2];
}

/// Method and path of an operation.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Http {
    /// Such as `POST`.
    #[serde(default = "post")]
    pub method: String,
    /// Such as `/2015-03-31/functions/{FunctionName}`.
    #[serde(default = "root")]
    pub request_uri: String,
    /// The status of success, where it is not 200.
    pub response_code: Option<u16>,
}

impl Default for Http {
    fn default() -> Self {
        Self { method: post(), request_uri: root(), response_code: None }
    }
}

fn post() -> String {
    "POST".to_owned()
}

fn root() -> String {
    "/".to_owned()
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Operation {
    #[serde(default)]
    pub(super) http: Http,
    pub(super) input: Option<Reference>,
    pub(super) output: Option<Reference>,
    #[serde(default)]
    pub(super) errors: Vec<Reference>,
    #[serde(default, rename = "readonly")]
    pub(super) is_read_only: bool,
    pub(super) authtype: Option<String>,
    #[serde(default, rename = "unsignedPayload")]
    pub(super) is_payload_unsigned: bool,
    pub(super) endpoint: Option<Endpoint>,
    #[serde(default, rename = "httpChecksumRequired")]
    pub(super) is_checksum_required: bool,
    pub(super) http_checksum: Option<Checksum>,
    pub(super) paginator: Option<Paginator>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Endpoint {
    pub(super) host_prefix: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Checksum {
    #[serde(default, rename = "requestChecksumRequired")]
    pub(super) is_required: bool,
}

/// How the pages of an answer are asked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Paginator {
    /// Members of the input that say where the next page begins.
    #[serde(default, rename = "in")]
    pub tokens_in: Vec<String>,
    /// Where the answer has them: a path of names, or several of which the first that is there counts.
    #[serde(default, rename = "out")]
    pub tokens_out: Vec<String>,
    /// What the pages are made of.
    #[serde(default, rename = "items")]
    pub results: Vec<String>,
    /// The member of the answer that says whether there is more, where tokens alone do not.
    pub more: Option<String>,
}

/// A shape.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Definition {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) members: BTreeMap<String, Reference>,
    #[serde(default)]
    pub(super) required: Vec<String>,
    pub(super) member: Option<Reference>,
    pub(super) key: Option<Reference>,
    pub(super) value: Option<Reference>,
    #[serde(default, rename = "enum")]
    pub(super) values: Vec<String>,
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
    pub(super) payload: Option<String>,
    pub(super) timestamp_format: Option<String>,
    #[serde(default, rename = "document")]
    pub(super) is_document: bool,
    #[serde(default, rename = "sensitive")]
    pub(super) is_sensitive: bool,
    #[serde(default, rename = "flattened")]
    pub(super) is_flattened: bool,
    #[serde(default, rename = "eventstream")]
    pub(super) is_event_stream: bool,
    #[serde(default, rename = "exception")]
    pub(super) is_exception: bool,
    #[serde(default, rename = "union")]
    pub(super) is_union: bool,
    #[serde(default, rename = "sparse")]
    pub(super) is_sparse: bool,
    pub(super) location: Option<Location>,
    pub(super) location_name: Option<String>,
    pub(super) xml_namespace: Option<XmlNamespace>,
    pub(super) error: Option<ErrorTrait>,
}

/// The namespace of an XML element.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "WrittenNamespace")]
pub struct XmlNamespace {
    /// The name before the colon, where there is one.
    pub prefix: Option<String>,
    /// What it stands for.
    pub uri: String,
}

/// Models write the one or the other.
#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenNamespace {
    Uri(String),
    Whole { prefix: Option<String>, uri: String },
}

impl From<WrittenNamespace> for XmlNamespace {
    fn from(written: WrittenNamespace) -> Self {
        match written {
            WrittenNamespace::Uri(uri) => Self { prefix: None, uri },
            WrittenNamespace::Whole { prefix, uri } => Self { prefix, uri },
        }
    }
}

/// What an error is called, where it is not called as its shape.
#[derive(Debug, Deserialize)]
pub(super) struct ErrorTrait {
    pub(super) code: Option<String>,
}

impl Definition {
    /// Every shape that this one names.
    pub(super) fn references(&self) -> impl Iterator<Item = &Reference> {
        let of_elements = [&self.member, &self.key, &self.value];
        self.members.values().chain(of_elements.into_iter().flatten())
    }
}
